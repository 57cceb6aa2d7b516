# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/proc/1/mem"; opens the memory of pid 1
print(open("/proc/1/mem", "rb"), "ESCAPED")
