"""Compiles each script given as an argument, runs none, prints what is wrong as JSON."""

import sys

wrong = []
for number, source in enumerate(sys.argv[1:]):
    try:
        compile(source, "script.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        wrong.append(
            {
                "script": number,
                "line": error.lineno or 1,
                "column": error.offset or 1,
                "message": error.msg,
            }
        )
    except ValueError as error:
        wrong.append({"script": number, "line": 1, "column": 1, "message": str(error)})
if wrong:
    # Not at the top: it takes as long as the interpreter's start, mostly for nothing.
    from json import dumps

    print(dumps(wrong))
else:
    print("[]")
