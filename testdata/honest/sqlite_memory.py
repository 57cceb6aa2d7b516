# maximum strict standard minimal
import sqlite3
c = sqlite3.connect(":memory:")
c.execute("create table t (a integer primary key, b text)")
c.executemany("insert into t(b) values (?)", [(str(i),) for i in range(5000)])
assert c.execute("select count(*), max(a) from t where b like '%9'").fetchone() == (500, 5000)
