rules = {"eval": 1, "os.system": 2, "import": 3}
print(rules["eval"])
