"""Makes this interpreter a zygote: one that forks sandboxed copies of itself."""


def serve():
    """Says on the standard output that it is ready, and forks at each request of the
    worker. It returns in the copies alone, once their sandbox is complete and they may
    run; the zygote itself ends when the worker has hung up.

    Preconditions: there is one thread, and nothing is buffered. Descriptor 3 holds what
    zygote.Encode made, 4 is the worker. Whatever cannot be had raises an exception.
    """
    import gc
    from os import _exit, write

    receive, fork, before, parent, child = _machine()
    # No copy is to look through what all share: it would have to be copied. Of what is
    # loaded here, a copy has the code of the machine, and what another script could load.
    gc.collect()
    gc.freeze()
    write(1, b"\n")
    while receive() > 0:
        before()
        if fork() == 2:
            child()
            return
        parent()
    _exit(0)


def _machine():
    import sys
    from functools import partial
    from io import FileIO
    from os import confstr

    if not confstr("CS_GNU_LIBC_VERSION"):
        raise OSError("the C library is not known to keep the thread's id where the kernel is told")
    loaded = "_ctypes" in sys.modules
    import _ctypes

    if not loaded:
        del sys.modules["_ctypes"]

    class Word(_ctypes._SimpleCData):
        _type_ = "L"

    class Byte(_ctypes._SimpleCData):
        _type_ = "B"

    class Result(_ctypes._SimpleCData):
        _type_ = "l"

    class Function(_ctypes.CFuncPtr):
        # Without letting go of the interpreter's lock: there is one thread.
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
        _restype_ = Result

    class Procedure(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
        _restype_ = None

    process = _ctypes.dlopen(None, 2)

    def symbol(kind, name):
        return kind(_ctypes.dlsym(process, name))

    def call(name, *arguments):
        result = symbol(Function, name)(*map(Word, arguments))
        if result == -1:
            raise OSError(name)
        return result

    def place(content, protection):
        # private and anonymous, readable and writable at first
        at = call("mmap", 0, len(content), 3, 0x22, (1 << 64) - 1, 0)
        kind = type("Bytes", (_ctypes.Array,), {"_type_": Byte, "_length_": len(content)})
        memoryview(kind.from_address(at)).cast("B")[:] = content
        call("mprotect", at, len(content), protection)
        return at

    frame = memoryview(FileIO(3, closefd=False).readall())
    code, memory, pointers, receive, fork, tid = frame[:48].cast("Q")
    at = 48 + 8 * pointers
    base = place(frame[at : at + memory], 3)
    machine = Function(place(frame[at + memory : at + memory + code], 5))
    for word in frame[48:at].cast("Q"):
        Word.from_address(base + word).value += base
    # Where the kernel clears the thread's id at its end is where the C library has it.
    call("prctl", 40, base + 8 * tid, 0, 0, 0)  # PR_GET_TID_ADDRESS
    return (
        partial(machine, Word(base), Word(receive)),
        partial(machine, Word(base), Word(fork)),
        *(symbol(Procedure, "PyOS_" + name) for name in ("BeforeFork", "AfterFork_Parent", "AfterFork_Child")),
    )
