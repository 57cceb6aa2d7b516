def compile(parts):
    return "".join(parts)
print(compile(["a"]))
