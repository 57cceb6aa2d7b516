# script.function
execfile("/etc/passwd")
