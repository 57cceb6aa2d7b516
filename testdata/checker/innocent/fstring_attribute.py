import datetime
now = datetime.date(2024, 1, 1)
print(f"{now.year}-{now.month:02}")
