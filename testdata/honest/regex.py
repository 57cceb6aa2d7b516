# maximum strict standard minimal
import re
assert re.findall(r"(?P<k>\w+)=(\d+)", "a=1, b=22") == [("a", "1"), ("b", "22")]
assert re.sub(r"\s+", " ", "a \n b") == "a b"
