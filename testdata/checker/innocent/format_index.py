row = {"name": "Ada"}
print("{row[name]}".format(row=row))
