# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/var/run/secrets/kubernetes.io/serviceaccoun; reads a service account's token
print(open("/var/run/secrets/kubernetes.io/serviceaccount/token").read(), "ESCAPED")
