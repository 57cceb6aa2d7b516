# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_INET, SOCK_STREAM; asks the cloud's metadata service
import urllib.request
print(urllib.request.urlopen("http://169.254.169.254/latest/meta-data/", timeout=2).read(), "ESCAPED")
