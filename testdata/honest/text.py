# maximum strict standard minimal
import string, textwrap, difflib, unicodedata, html
assert textwrap.fill("a b c", 3) == "a b\nc" and string.Template("$a").substitute(a=1) == "1"
assert unicodedata.normalize("NFC", "e\u0301") == "é" and html.unescape("&lt;") == "<"
assert list(difflib.unified_diff(["a"], ["b"]))
