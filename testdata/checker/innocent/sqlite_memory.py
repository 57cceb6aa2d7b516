import sqlite3
with sqlite3.connect(":memory:") as db:
    print(db.execute("select 1").fetchone())
