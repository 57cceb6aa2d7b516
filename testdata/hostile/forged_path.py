# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium read "/root/\x1b[2J; names a file that drives a terminal
open("/root/\x1b[2J\n{\"severity\":\"Low\"}" + "A" * 3000)
print("ESCAPED")
