# script.import.dynamic
import code
code.InteractiveInterpreter().runsource("1")
