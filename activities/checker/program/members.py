"""Functions, classes and attributes by what they can do. Data."""

from modules import MODULES


def _rows(rule, prefix, names):
    return {prefix + name: rule for name in names.split()}


MEMBERS = {
    **_rows("script.function", "builtins.", "eval exec compile __import__ input execfile breakpoint"),
    **_rows("script.function", "typing.", "get_type_hints ForwardRef"),
    **_rows("script.function", "typing_extensions.", "get_type_hints ForwardRef evaluate_forward_ref"),
    **_rows("script.function", "types.", "CodeType FunctionType LambdaType ModuleType"),
    **_rows("script.function", "pandas.", "eval"),
    **_rows("script.namespace", "builtins.", "vars globals locals dir __builtins__"),
    **_rows("script.file", "builtins.", "open"),
    # os, beyond what OS_PLAIN below lists
    **_rows(
        "script.shell",
        "os.",
        "system popen popen2 popen3 popen4 startfile execl execle execlp execlpe execv execve execvp execvpe"
        " spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe posix_spawn posix_spawnp",
    ),
    **_rows(
        "script.file",
        "os.",
        "open fdopen read write access chdir chmod chown close copy_file_range dup dup2 fchdir fchmod fchown fwalk"
        " ftruncate getxattr lchown link listdir listxattr lseek lstat mkdir mkfifo mknod makedirs open pread pwrite"
        " readlink remove removedirs removexattr rename renames replace rmdir scandir sendfile setxattr stat symlink"
        " sync truncate unlink utime walk",
    ),
    # sys, beyond what SYS_PLAIN below lists
    **_rows("script.namespace", "sys.", "modules"),
    **_rows("script.import.dynamic", "sys.", "meta_path path path_hooks path_importer_cache"),
    **_rows("script.control", "sys.", "addaudithook setprofile settrace setswitchinterval"),
    # io and pathlib
    **_rows("script.file", "io.", "open open_code FileIO"),
    **_rows("script.file", "codecs.", "open"),
    **_rows("script.file", "bz2.", "open BZ2File"),
    **_rows("script.file", "gzip.", "open GzipFile"),
    **_rows("script.file", "lzma.", "open LZMAFile"),
    **_rows("script.file", "tarfile.TarFile.", "extract extractall"),
    **_rows("script.file", "zipfile.ZipFile.", "extract extractall"),
    **_rows("script.file", "logging.", "FileHandler"),
    **_rows("script.file", "numpy.", "fromfile memmap save savez savetxt load loadtxt genfromtxt"),
    **_rows("script.file", "tokenize.", "open"),
    **_rows("script.network", "logging.handlers.", "SocketHandler DatagramHandler HTTPHandler SMTPHandler SysLogHandler"),
    **_rows("script.native", "sqlite3.", "enable_shared_cache"),
    **_rows("script.native", "numpy.", "ctypeslib"),
    # other modules
    **_rows("script.deserialise", "yaml.", "unsafe_load unsafe_load_all full_load full_load_all UnsafeLoader FullLoader Loader"),
    **_rows("script.deserialise", "pandas.", "read_pickle"),
    **_rows("script.shell", "asyncio.", "create_subprocess_exec create_subprocess_shell subprocess"),
    **_rows("script.network", "asyncio.", "open_connection start_server open_unix_connection start_unix_server"),
    **_rows("script.thread", "asyncio.", "to_thread"),
    **_rows("script.thread", "threading.", "Thread Timer"),
    **_rows("script.thread", "concurrent.futures.", "ThreadPoolExecutor"),
    **_rows("script.process", "concurrent.futures.", "ProcessPoolExecutor"),
    **_rows("script.control", "threading.", "settrace setprofile"),
    **_rows("script.introspection", "threading.", "enumerate _active"),
    **_rows("script.introspection", "builtins.object.", "mro"),
    **_rows("script.introspection", "weakref.", "getweakrefs"),
    **_rows("script.introspection", "", "traceback.walk_tb traceback.walk_stack"),
    **_rows("script.format.attribute", "string.", "Formatter"),
    **_rows("script.shell", "platform.", "popen"),
    **_rows("script.libvirt", "lazaret.", "libvirt"),
}  # fmt: skip

_PATH_FILES = (
    "chmod exists glob group hardlink_to is_dir is_file iterdir lchmod link_to lstat mkdir open owner read_bytes"
    " read_text readlink rename replace rglob rmdir stat symlink_to touch unlink walk write_bytes write_text"
)
for _name in ("Path", "PosixPath", "WindowsPath"):
    MEMBERS.update(_rows("script.file", f"pathlib.{_name}.", _PATH_FILES))

# Modules that are known whole: what is not plain in them is a finding.
OS_PLAIN = frozenset(
    "PathLike abort altsep cpu_count curdir devnull environ environb error extsep fsdecode fsencode fspath get_exec_path"
    " get_terminal_size getcwd getegid getenv getenvb geteuid getgid getgrouplist getgroups getloadavg getlogin"
    " getpgid getpgrp getpid getppid getresgid getresuid getsid getuid isatty linesep name pardir path pathsep"
    " putenv sep stat_result strerror supports_bytes_environ sysconf terminal_size times uname umask unsetenv urandom _exit".split()
)
SYS_PLAIN = frozenset(
    "abiflags api_version argv base_prefix byteorder copyright displayhook exc_info excepthook exception executable"
    " exec_prefix exit flags float_info float_repr_style getdefaultencoding getfilesystemencodeerrors"
    " getfilesystemencoding getrecursionlimit getsizeof hash_info hexversion implementation int_info intern"
    " is_finalizing maxsize maxunicode orig_argv platform prefix pycache_prefix set_int_max_str_digits"
    " get_int_max_str_digits setrecursionlimit stderr stdin stdlib_module_names stdout thread_info"
    " unraisablehook version version_info warnoptions".split()
)
CLOSED = {"os": (OS_PLAIN, "script.process"), "sys": (SYS_PLAIN, "script.introspection")}

_CONSTANTS = ("CLD_", "EX_", "F_", "O_", "P_", "RTLD_", "SEEK_", "WNOHANG")  # of os

# Classes whose instances are followed, so that their methods are known.
CLASSES = {
    "pathlib.Path": "pathlib.Path",
    "pathlib.PosixPath": "pathlib.Path",
    "tarfile.open": "tarfile.TarFile",
    "tarfile.TarFile": "tarfile.TarFile",
    "tarfile.TarFile.open": "tarfile.TarFile",
    "zipfile.ZipFile": "zipfile.ZipFile",
}

# Ways to an attribute by its name; handing one on hides which attribute is meant.
ACCESSORS = frozenset(
    "builtins.getattr builtins.setattr builtins.delattr"
    " operator.attrgetter operator.methodcaller inspect.getattr_static".split()
)

# Attributes that lead from an object to the interpreter's own, whatever the object.
INNER = frozenset(
    "ag_code ag_frame co_code co_consts cr_code cr_frame f_back f_builtins f_code f_globals f_lasti f_locals func_code"
    " func_globals gi_code gi_frame gi_yieldfrom mro tb_frame tb_next".split()
)


def rule_of(path):
    """The rule that mentioning the object meets; None: none."""
    above = path
    while above:
        if above in MEMBERS:
            return MEMBERS[above]
        if above in CLOSED and above != path:
            return _closed(above, path[len(above) + 1 :].partition(".")[0])
        if above in MODULES:
            return MODULES[above]
        above = above.rpartition(".")[0]
    return None


def _closed(module, name):
    plain, rule = CLOSED[module]
    return None if name in plain or name.startswith(_CONSTANTS) else rule


# What star-imports and escaped modules can bring along.
HARMFUL = {}
for _path, _rule in MEMBERS.items():
    _module, _, _name = _path.rpartition(".")
    HARMFUL.setdefault(_module, {})[_name] = _rule
