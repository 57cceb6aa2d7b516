"""Modules by what importing them can do. Data: keep each list in alphabetical order.

A module below one that is listed counts as that one, unless it is listed itself.
What is in no list is outside the allow-list.
"""


def _rows(rule, names):
    return dict.fromkeys(names.split(), rule)


# Plain computing on data that the script already has.
PLAIN = """
__future__ abc argparse array ast asyncio atexit base64 binascii bisect builtins bz2 calendar cmath codecs
collections colorsys configparser contextlib contextvars copy csv dataclasses datetime decimal difflib email
encodings enum errno fnmatch fractions functools getopt graphlib gzip hashlib heapq hmac html http http.cookies
io ipaddress itertools json keyword lazaret locale logging lzma math mimetypes numbers operator optparse os
os.path pathlib platform pprint queue quopri random re reprlib sched secrets select selectors sqlite3 stat
statistics string stringprep struct sys tarfile textwrap threading time token tokenize tomllib traceback types
typing unicodedata urllib urllib.error urllib.parse uuid warnings weakref xml zipfile zlib zoneinfo
PIL attr attrs bs4 certifi chardet charset_normalizer dateutil defusedxml idna jsonschema lxml matplotlib
networkx numpy openpyxl orjson packaging pandas polars pyarrow pydantic pytz rich scipy shapely simplejson
sklearn tabulate tqdm typing_extensions tzdata ujson xlsxwriter yaml
"""

MODULES = {
    **_rows(None, PLAIN),
    # Other programs.
    **_rows("script.shell", "_posixsubprocess commands fabric invoke pexpect plumbum popen2 pty sh subprocess webbrowser"),
    **_rows("script.process", "concurrent.futures.process distutils ensurepip multiprocessing pip setuptools venv"),
    # Code that comes from elsewhere than the script.
    **_rows(
        "script.import.dynamic",
        "_imp bdb cProfile cmd code codeop compileall doctest idlelib imp importlib lib2to3"
        " logging.config modulefinder pdb pkgutil profile pyclbr pydoc py_compile runpy timeit trace unittest"
        " zipapp zipimport",
    ),
    **_rows("script.deserialise", "cloudpickle copyreg dill joblib jsonpickle marshal pickle pickletools shelve"),
    **_rows("script.native", "_ctypes cffi ctypes curses mmap numba tkinter turtle"),
    **_rows("script.introspection", "dis gc inspect opcode symtable tracemalloc"),
    **_rows(
        "script.network",
        "aiohttp boto3 botocore ftplib http.client http.cookiejar http.server httpx imaplib nntplib paramiko poplib"
        " psycopg2 pymysql redis requests smtplib socket socketserver ssl telnetlib urllib.request"
        " urllib.robotparser urllib3 websocket websockets wsgiref xmlrpc",
    ),
    **_rows("script.control", "faulthandler fcntl posixshmem readline resource signal syslog termios tty"),
    **_rows("script.thread", "_thread concurrent.futures.thread"),
    **_rows(
        "script.file",
        "dbm filecmp fileinput gettext glob grp linecache mailbox netrc pwd shutil spwd tempfile",
    ),
    "concurrent": None,
}

# Other names of the same modules.
ALIASES = {
    "__builtin__": "builtins",
    "_codecs": "codecs",
    "_ctypes": "ctypes",
    "_frozen_importlib": "importlib",
    "_frozen_importlib_external": "importlib",
    "_io": "io",
    "_operator": "operator",
    "_pickle": "pickle",
    "_pyio": "io",
    "_signal": "signal",
    "_socket": "socket",
    "_sqlite3": "sqlite3",
    "_ssl": "ssl",
    "genericpath": "os.path",
    "nt": "os",
    "ntpath": "os.path",
    "posix": "os",
    "posixpath": "os.path",
    "cPickle": "pickle",
    "urllib2": "urllib.request",
}

# Modules that other modules have as an attribute: random._os is os.
SHARED = frozenset(
    "builtins codecs ctypes gc importlib inspect io linecache marshal mmap operator os pickle pkgutil runpy"
    " shutil signal socket ssl subprocess sys tempfile threading".split()
)

# Modules whose harm lies in single members; handing one on hides which is meant.
LOADED = frozenset("asyncio builtins io operator os pathlib sys threading types".split())


def canonical(path):
    """The path by which the tables know an object."""
    parts = path.split(".")
    for index in range(len(parts) - 1, 0, -1):
        bare = parts[index].lstrip("_")
        if bare in SHARED and parts[0] != "lazaret":
            parts = [bare] + parts[index + 1 :]
            break
    head = ALIASES.get(parts[0])
    if head is not None:
        parts[:1] = head.split(".")
    return ".".join(parts)


def rule_of_module(name):
    """The rule that importing the module meets; None: none."""
    path = canonical(name)
    while path:
        if path in MODULES:
            return MODULES[path]
        path = path.rpartition(".")[0]
    return "script.import"
