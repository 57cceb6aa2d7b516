# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/dev/vda"; reads the disk
print(open("/dev/vda", "rb").read(512), "ESCAPED")
