print(type(1).__name__, isinstance(1, int))
