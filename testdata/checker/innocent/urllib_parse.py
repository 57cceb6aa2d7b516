from urllib.parse import quote, urlparse
print(urlparse("http://a/b?c=eval").netloc, quote("a b"))
