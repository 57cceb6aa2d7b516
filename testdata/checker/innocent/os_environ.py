import os
print(os.environ.get("HOME"), os.getenv("PATH"), os.path.join("a", "b"), os.linesep)
