# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/proc/kallsyms"; reads where the kernel's functions are
print(open("/proc/kallsyms").read(1), "ESCAPED")
