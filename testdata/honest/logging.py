# maximum strict standard minimal
import logging, io
b = io.StringIO()
logging.basicConfig(stream=b, format="%(levelname)s %(message)s")
logging.getLogger("a.b").warning("x %d", 1)
assert b.getvalue() == "WARNING x 1\n"
