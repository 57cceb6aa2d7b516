"""Checks Python scripts without running them. Prints a line of JSON for each, as soon as it is done.

Called with one file a script: a line of argument names that hide builtins, a
line of names that its metadata asks for, and then the script's bytes. Only modules that cost next to nothing are imported: this
runs before a script's first start.
"""

import sys


def examine(source, arguments, report):
    """All findings of one script go to the report."""
    from analysis import Analysis
    from limits import TooComplex, measure
    from source import examine as examine_source
    from source import identifiers, marks

    text = examine_source(source, report)
    if text is None:
        return
    report.lines = text.replace("\r\n", "\n").replace("\r", "\n").encode().split(b"\n")
    try:
        tree = compile(source, "script.py", "exec", 0x400, True)  # ast.PyCF_ONLY_AST
        measure(tree)
        compile(tree, "script.py", "exec", 0, True)
    except SyntaxError as error:
        report.at("script.syntax", error.msg, error.lineno or 1, error.offset or 1)
        return
    except ValueError as error:
        report.at("script.syntax", str(error), 1, 1)
        return
    except (MemoryError, RecursionError, TooComplex) as error:
        report.at("script.complexity", str(error) or "it nests too deep", 1, 1)
        return
    Analysis(report, arguments).run(tree)
    marks(text, report)
    identifiers(text, report)


def main():
    sys.path.insert(0, sys.argv[1])
    from limits import start_clock
    from report import Report

    for number, path in enumerate(sys.argv[2:]):
        with open(path, "rb") as file:
            arguments, asked, source = file.read().split(b"\n", 2)
        report = Report(number)
        report.asked = asked.decode().split(" ") if asked else []
        start_clock()
        examine(source, arguments.decode().split(), report)
        sys.stdout.write(report.json() + "\n")
        sys.stdout.flush()


main()
