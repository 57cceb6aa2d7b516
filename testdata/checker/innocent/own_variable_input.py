input = {"name": "Ada"}
print(input["name"])
def show():
    return input
show()
