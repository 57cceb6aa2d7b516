# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/etc/shadow"; reads the host's password hashes
print(open("/etc/shadow").read(), "ESCAPED")
