# maximum=failed standard=failed: reads the host's password hashes
print(open("/etc/shadow").read(), "ESCAPED")
