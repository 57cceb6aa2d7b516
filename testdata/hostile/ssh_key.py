# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/root/.ssh/id_ed25519"; reads a private key
print(open("/root/.ssh/id_ed25519").read(), "ESCAPED")
