import csv
import io
print(list(csv.DictReader(io.StringIO("a,b\n1,2"))))
