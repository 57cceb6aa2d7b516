# eval("1 + 1"), os.system("ls"), __builtins__, subprocess.run([])
print(1)
