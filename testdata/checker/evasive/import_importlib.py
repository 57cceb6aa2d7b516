# script.import.dynamic
import importlib
importlib.import_module("os").system("echo ESCAPED")
