# script.function
import types
types.FunctionType
