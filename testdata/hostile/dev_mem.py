# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/dev/mem"; reads the machine's memory
print(open("/dev/mem", "rb").read(1), "ESCAPED")
