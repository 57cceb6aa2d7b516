# standard minimal
import sys
sys.path.append("/usr/lib/python3/dist-packages")
import pandas as pd, sqlite3
f = pd.DataFrame({"a": range(1000)})
f.to_csv("/scratch/f.csv"), f.to_sql("t", c := sqlite3.connect("/scratch/db")), f.to_pickle("/scratch/f.pkl")
assert pd.read_csv("/scratch/f.csv").a.sum() == pd.read_sql("select * from t", c).a.sum() == pd.read_pickle("/scratch/f.pkl").a.sum() == 499500
