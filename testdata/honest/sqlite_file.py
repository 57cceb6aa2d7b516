# standard minimal
import sqlite3
c = sqlite3.connect("/scratch/db")
c.execute("pragma journal_mode = wal")
c.execute("create table t (a)")
with c:
    c.executemany("insert into t values (?)", [(i,) for i in range(2000)])
c.execute("vacuum")
assert sqlite3.connect("/scratch/db").execute("select sum(a) from t").fetchone() == (1999000,)
