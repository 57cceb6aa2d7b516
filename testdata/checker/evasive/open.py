# script.file
open("/etc/passwd").read()
