# script.function
import builtins
builtins.__import__("os").system("echo ESCAPED")
