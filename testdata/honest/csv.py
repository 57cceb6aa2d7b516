# maximum strict standard minimal
import csv, io
b = io.StringIO()
csv.writer(b).writerows([[1, "a,b", 'q"'], [2, "", "x"]])
assert list(csv.reader(io.StringIO(b.getvalue())))[0] == ["1", "a,b", 'q"']
