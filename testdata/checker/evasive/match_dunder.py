# script.dunder
match 1:
    case object(__class__=c):
        print(c)
