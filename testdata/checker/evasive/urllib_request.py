# script.network
from urllib import request
request.urlopen("http://example.com")
