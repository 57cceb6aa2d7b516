"""Starts a user's script: hands it its arguments and gets out of its way.

The script keeps its own file, line numbers and __main__ module. Nothing heavy
is imported: json alone would cost more than the interpreter's start.
"""


def _start():
    import builtins
    import sys

    script = "/lazaret/script.py"
    main = sys.modules["__main__"].__dict__

    # -S leaves out site, which defines these two.
    builtins.exit = builtins.quit = sys.exit

    def read_arguments():
        from io import FileIO

        try:
            encoded = FileIO(3).readall()
        except OSError:
            return None
        from binascii import a2b_base64

        return decode(a2b_base64(encoded).decode("utf-8"))

    def decode(text):
        try:
            from _json import make_scanner
        except ImportError:
            from json import loads

            return loads(text)

        class Context:
            strict = True
            object_hook = object_pairs_hook = None
            parse_float, parse_int, parse_constant = float, int, float
            memo = {}

        return make_scanner(Context)(text, 0)[0]

    def word(value):
        if isinstance(value, str):
            return value
        if isinstance(value, (dict, list)) or value is None or isinstance(value, bool):
            from json import dumps

            return dumps(value, ensure_ascii=False)
        return repr(value)

    def options(arguments):
        words = []
        for name, value in arguments.items():
            if value is None or value is False:
                continue
            words.append("--" + name)
            if value is not True:
                words.append(word(value))
        return words

    def without_runner(kind, error, trace):
        # The first frame is this file's; the script's author has no use for it.
        # What is printed is the error's own traceback, whatever the third argument.
        trace = trace.tb_next if trace else None
        sys.__excepthook__(kind, error.with_traceback(trace), trace)

    # Packages come after the standard library, so that none can pose as a part of it.
    sys.path += sys.argv[1:]
    arguments = read_arguments()
    sys.argv = [script]
    main.clear()
    main.update(
        __name__="__main__",
        __file__=script,
        __builtins__=builtins,
        __doc__=None,
        __package__=None,
        __spec__=None,
        __loader__=None,
    )
    if isinstance(arguments, dict):
        sys.argv += options(arguments)
        main.update(arguments)
    elif arguments is not None:
        sys.argv += [word(value) for value in arguments]

    with open(script, "rb") as file:
        source = file.read()
    try:
        code = compile(source, script, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        sys.__excepthook__(type(error), error.with_traceback(None), None)
        sys.exit(1)
    sys.excepthook = without_runner
    return code, main


# The tuple is evaluated before main loses _start's name.
exec(*_start())
