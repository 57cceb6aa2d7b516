# script.function
input()
