try:
    raise ValueError("bad")
except ValueError as error:
    print(error.args, str(error))
