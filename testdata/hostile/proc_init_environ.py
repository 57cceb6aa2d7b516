# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/proc/1/environ"; reads the environment of pid 1
print(open("/proc/1/environ").read(), "ESCAPED")
