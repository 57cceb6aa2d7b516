# standard minimal
import csv
with open("/scratch/a.csv", "w", newline="") as f:
    w = csv.DictWriter(f, ["a", "b"])
    w.writeheader()
    w.writerows({"a": i, "b": i * i} for i in range(10000))
with open("/scratch/a.csv", newline="") as f:
    assert sum(int(r["b"]) for r in csv.DictReader(f)) == 333283335000
