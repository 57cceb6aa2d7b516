# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/etc/lazaret/config.yaml"; reads the worker's configuration
print(open("/etc/lazaret/config.yaml").read(), "ESCAPED")
