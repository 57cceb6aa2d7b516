# maximum strict standard minimal
import datetime, calendar, time
d = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc)
assert (d + datetime.timedelta(days=366)).isoformat() == "2025-03-01T12:00:00+00:00"
assert calendar.monthrange(2024, 2) == (3, 29) and time.strftime("%Y", time.gmtime(0)) == "1970"
