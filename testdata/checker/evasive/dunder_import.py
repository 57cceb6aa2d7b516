# script.function
__import__("os").system("echo ESCAPED")
