# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/etc/shadow"; climbs out of the root
print(open("/scratch/" + "../" * 50 + "etc/shadow").read(), "ESCAPED")
