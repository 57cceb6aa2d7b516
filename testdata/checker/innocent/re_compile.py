import re
print(re.compile(r"eval\((.*)\)").findall("eval(1)"))
