"""Starts a user's script: hands it its arguments and gets out of its way.

The script keeps its own file, line numbers and __main__ module. Nothing heavy
is imported: json alone would cost more than the interpreter's start.

With -X warm it is started before there is a script: then it does import what
scripts often need, says that it is ready, and waits. With -X zygote it has copies of
itself wait instead, each in a sandbox of its own; see /lazaret/zygote.py.

A script that has ended well is not taken apart object by object, which costs more
than most scripts; see end.
"""


def _start():
    import builtins
    import gc
    import sys

    script = "/lazaret/script.py"
    main = sys.modules["__main__"].__dict__
    runner = _start.__code__.co_filename
    own = set(sys.modules)  # before the runner imports any

    # -S leaves out site, which defines these two.
    builtins.exit = builtins.quit = sys.exit

    # What scripts import most and what starts nothing: no thread, no file or
    # socket left open, no other program.
    common = """
        base64 bisect collections contextlib copy csv datetime decimal enum functools
        hashlib heapq io itertools json math operator os random re statistics string
        struct textwrap time typing urllib.parse
    """

    # What a script makes the interpreter do for the first time costs most: tables
    # that are filled then, memory that is asked of the kernel. This does it before.
    rehearsal = """
import io, json, os, re, sys

class Sample:
    def __init__(self, *rest, name="a", **more):
        self.all = [value for value in rest if value] + sorted(more)

    def __repr__(self):
        return f"{self.all!r:>10}"

def act(n):
    try:
        return {"n": n / 2, "text": "x" * n, "nested": {"list": [1, None, True]}}
    except (ValueError, OSError) as error:
        raise
    finally:
        pass

for n in range(3):
    if n > 1:
        continue
    with io.StringIO() as stream:
        print(Sample(n, k=n), json.dumps(json.loads(json.dumps(act(n)))), file=stream)
assert re.sub("a+", "b", "aa") == "b" and (lambda: n)() == 2
"""

    def prepare():
        for name in common.split():
            try:
                __import__(name)
            except ImportError:
                pass
        exec(compile(rehearsal, "rehearsal", "exec", dont_inherit=True), {"__name__": "rehearsal"})
        gc.collect()

    def fork():
        names = {}
        with open("/lazaret/zygote.py", "rb") as file:
            exec(compile(file.read(), file.name, "exec"), names)
        names["serve"]()

    def wait():
        from io import FileIO
        from os import environ, fsdecode, write

        write(1, b"\n")
        frame = FileIO(3).readall()
        variables, _, encoded = (b"\0" + frame).partition(b"\0\0")
        environ.clear()
        for variable in filter(None, variables.split(b"\0")):
            name, _, value = fsdecode(variable).partition("=")
            environ[name] = value
        return encoded

    def read():
        from io import FileIO

        try:
            return FileIO(3).readall()
        except OSError:
            return b""

    def read_arguments():
        way = "zygote" if "zygote" in sys._xoptions else "warm"
        if sys._xoptions.pop(way, False):
            at = sys.orig_argv.index(way)
            del sys.orig_argv[at - 1 : at + 1]
            prepare()
            if way == "zygote":
                fork()
            encoded = wait()
        else:
            encoded = read()
        if not encoded:
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
        # The first frames are this file's; the script's author has no use for them.
        # What is printed is the error's own traceback, whatever the third argument.
        while trace and trace.tb_frame.f_code.co_filename == runner:
            trace = trace.tb_next
        sys.__excepthook__(kind, error.with_traceback(trace), trace)

    class Platform:
        """Answers what platform.processor() would run "uname -p" for: it is not
        known. pandas asks when it is imported, and a level without other
        programs would count it against the script."""

        @classmethod
        def find_spec(cls, name, path=None, target=None):
            if name != "platform":
                return None
            sys.meta_path.remove(cls)
            spec = finder.find_spec(name, path, target)
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                module._Processor.get_linux = staticmethod(lambda: "")

            spec.loader.exec_module = exec_module
            return spec

    def imported():
        # The last first, so that what was there before the script is not touched.
        for name in reversed(sys.modules):
            if name == last:
                return
            if name not in own:
                yield name

    def foreign(name, module):
        # Code of others than Python's own that is not in Python: at the interpreter's
        # end it may do what cannot be seen from here, such as print what C buffered.
        top = name.partition(".")[0]
        if top == "lazaret" or top in sys.stdlib_module_names:
            return top == "_ctypes"
        return not str(getattr(module, "__file__", None)).endswith((".py", ".pyc"))

    def end(status):
        """Does what the interpreter does at its end and others can tell: waits for
        threads, calls what atexit has, lets the script's own objects go, writes out
        what is buffered. It returns when that is better left to the interpreter."""
        if any(foreign(name, sys.modules[name]) for name in imported()):
            return
        import atexit
        import io
        from os import _exit

        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        # What finalizers may use goes last.
        shared = (type, type(end), type(sys))
        for last in False, True:
            for name in list(main):
                if name != "__builtins__" and isinstance(main[name], shared) == last:
                    main[name] = None
        gc.collect()
        for stream in gc.get_objects():
            if isinstance(stream, (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)) and not stream.closed:
                stream.flush()
        for stream in sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__:
            stream.flush()
        _exit(status)

    finder = sys.meta_path[-1]
    sys.meta_path.insert(0, Platform)

    arguments = read_arguments()
    # Packages come after the standard library, so that none can pose as a part of it.
    sys.path += ["/lazaret/lib", *sys.argv[1:]]
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
    last = next(reversed(sys.modules))
    gc.freeze()  # what is there before the script need not be looked through at its end
    return code, main, end


def _run(code, main, end):
    try:
        exec(code, main)
        status = 0
    except SystemExit as exit:
        status = 0 if exit.code is None else exit.code
        if type(status) is not int or not -(1 << 31) <= status < 1 << 31:
            raise
    try:
        end(status)
    except BaseException:
        pass  # and the interpreter finds the same
    if status:
        raise SystemExit(status)


# Both names are looked up before main loses them.
_run(*_start())
