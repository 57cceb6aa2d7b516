# maximum strict standard minimal
import datetime, zoneinfo
z = zoneinfo.ZoneInfo("Europe/Rome")
assert datetime.datetime(2024, 7, 1, tzinfo=z).utcoffset() == datetime.timedelta(hours=2)
