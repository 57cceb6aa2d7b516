# script.file
import sqlite3
sqlite3.connect("/tmp/x.db")
