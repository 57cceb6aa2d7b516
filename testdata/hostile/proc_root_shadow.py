# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/etc/shadow"; reads the password hashes by a detour
print(open("/proc/self/root/../etc/./shadow").read(), "ESCAPED")
