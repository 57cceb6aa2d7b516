# maximum strict standard minimal
import urllib.parse, ipaddress
u = urllib.parse.urlsplit("https://user@example.com:8443/a?b=1#c")
assert u.port == 8443 and urllib.parse.parse_qs(u.query) == {"b": ["1"]}
assert ipaddress.ip_address("10.0.0.1") in ipaddress.ip_network("10.0.0.0/8")
