# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/proc/kcore"; reads the kernel's memory
print(open("/proc/kcore", "rb").read(1), "ESCAPED")
