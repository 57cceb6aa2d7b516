# script.shell
def f():
    import subprocess
    subprocess.run(["echo", "ESCAPED"])
f()
