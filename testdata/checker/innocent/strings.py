TEXT = "eval(1); os.system(2); __import__(3); ().__class__"
print(TEXT)
