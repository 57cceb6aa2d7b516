"""Which double-underscore names are plain, and where."""

# Read anywhere.
PLAIN = frozenset(["__name__", "__doc__", "__version__", "__file__"])

# Given a value by a class or a module that describes itself.
DESCRIBING = PLAIN | frozenset(
    "__all__ __annotations__ __author__ __copyright__ __email__ __license__ __match_args__ __slots__".split()
)

# Called on super(): what an ordinary class hands on to the next one.
COOPERATIVE = frozenset(
    "__add__ __aenter__ __aexit__ __bool__ __call__ __contains__ __delitem__ __enter__ __eq__ __exit__ __format__"
    " __ge__ __getitem__ __gt__ __hash__ __init__ __iter__ __le__ __len__ __lt__ __missing__ __ne__ __new__"
    " __next__ __post_init__ __repr__ __set_name__ __setitem__ __str__".split()
)


def is_dunder(name):
    """Whether the name is __so__ and none of the plain ones; ____ is not."""
    return name.startswith("__") and name.endswith("__") and name.strip("_") != "" and name not in PLAIN
