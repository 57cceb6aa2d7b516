# script.function
import builtins
vars(builtins)["eval"]("1")
