# script.function
@eval
def f(): pass
