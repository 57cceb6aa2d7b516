# script.function
for run in (eval,):
    run("1")
