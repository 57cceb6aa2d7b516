"""Computes constants as Python would, within bounds: names put together from parts.

Every function gives the constant in a tuple, or None when it does not know.
"""

from binascii import a2b_base64, a2b_hex

MAX_TEXT = 4096  # longer constants are no names
MAX_NUMBER = 1 << 64

_TEXT = (str, bytes)


def bounded(value):
    if isinstance(value, _TEXT) and len(value) > MAX_TEXT:
        return None
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        return None
    return (value,)


def binary(operator, left, right):
    """+, * and % of texts; + - * ^ of numbers."""
    if operator == "Add" and type(left) is type(right) and isinstance(left, (*_TEXT, int)):
        return bounded(left + right)
    if operator == "Mult":
        return _times(left, right)
    if operator == "Mod" and isinstance(left, str):
        return percent(left, right)
    if isinstance(left, int) and isinstance(right, int):
        if operator == "Sub":
            return bounded(left - right)
        if operator == "BitXor":
            return bounded(left ^ right)
    return None


def _times(left, right):
    if isinstance(left, int) and isinstance(right, _TEXT):
        left, right = right, left
    if not isinstance(right, int):
        return None
    if isinstance(left, _TEXT) and len(left) * right > MAX_TEXT:
        return None
    return bounded(left * right) if isinstance(left, (*_TEXT, int)) else None


def percent(template, values):
    """template % values, where only %s, %c, %d and %% occur."""
    values = list(values) if isinstance(values, tuple) else [values]
    parts = template.split("%")
    result, index = parts[0], 1
    while index < len(parts):
        part = parts[index]
        if part == "" and index + 1 < len(parts):
            result += "%" + parts[index + 1]
            index += 2
            continue
        if part[:1] not in ("s", "c", "d") or not values:
            return None
        result += _shown(part[0], values.pop(0)) + part[1:]
        index += 1
    return bounded(result) if not values else None


def _shown(kind, value):
    if kind == "c" and isinstance(value, int):
        return chr(value % 0x110000)
    return str(value)


def braces(template, arguments, named):
    """template.format(*arguments, **named), where fields have no attribute and no format."""
    result, index = "", 0
    for literal, field in fields(template) or ():
        result += literal
        if field is None:
            continue
        if field == "":
            field, index = str(index), index + 1
        if field.isdigit() and int(field) < len(arguments):
            result += str(arguments[int(field)])
        elif field in named:
            result += str(named[field])
        else:
            return None
    return bounded(result)


def fields(template):
    """The pairs (literal, field name or None) of a format string, None if it is malformed."""
    from _string import formatter_parser

    try:
        return [(literal, name) for literal, name, _, _ in formatter_parser(template)]
    except ValueError:
        return None


def subscript(value, index):
    if isinstance(value, (*_TEXT, tuple)) and isinstance(index, (int, slice)):
        try:
            return bounded(value[index])
        except (IndexError, ValueError, TypeError):
            return None
    return None


# Methods of constants that give a constant, without side effects or blow-up.
_METHODS = {
    "lower", "upper", "casefold", "swapcase", "title", "capitalize", "strip", "lstrip", "rstrip",
    "removeprefix", "removesuffix", "translate", "encode", "decode", "hex", "join", "split", "partition",
}  # fmt: skip


def method(value, name, arguments, named):
    """value.name(*arguments) of a text."""
    if name == "format" and isinstance(value, str):
        return braces(value, arguments, named)
    if not isinstance(value, _TEXT) or named and name not in ("decode", "encode"):
        return None
    try:
        if name == "replace" and len(value) <= 256 and all(len(a) <= 16 for a in arguments[:2]):
            return bounded(value.replace(*arguments))
        if name in _METHODS:
            return _plain(getattr(value, name)(*arguments, **named))
    except (TypeError, ValueError, LookupError, OverflowError):
        return None
    return None


def _plain(value):
    return (tuple(value),) if isinstance(value, (list, tuple)) else bounded(value)


def _chr(value):
    return chr(value)


def _reversed(value):
    return tuple(reversed(value)) if isinstance(value, tuple) else value[::-1]


def _rot13(value, codec="", *_):
    from codecs import decode

    if codec.replace("_", "").replace("-", "").lower() in ("rot13", "utf8", "ascii", "hex", "base64"):
        return decode(value, codec)
    raise ValueError


# Functions that are computed, by their path.
FUNCTIONS = {
    "builtins.chr": _chr,
    "builtins.ord": ord,
    "builtins.str": lambda value="", *codec: str(value, *codec) if codec else str(value),
    "builtins.bytes": lambda value, *codec: bytes(value, *codec) if not isinstance(value, int) else b"",
    "builtins.bytearray": lambda value, *codec: bytes(value, *codec) if not isinstance(value, int) else b"",
    "builtins.bytes.fromhex": bytes.fromhex,
    "builtins.bytearray.fromhex": bytes.fromhex,
    "builtins.int": lambda value, base=10: int(value, base) if isinstance(value, str) else int(value),
    "builtins.reversed": _reversed,
    "builtins.list": tuple,
    "builtins.tuple": tuple,
    "builtins.str.join": lambda glue, parts: glue.join(parts),
    "base64.b64decode": lambda value: a2b_base64(value),
    "binascii.a2b_base64": lambda value: a2b_base64(value),
    "binascii.unhexlify": lambda value: a2b_hex(value),
    "binascii.a2b_hex": lambda value: a2b_hex(value),
    "codecs.decode": _rot13,
    "codecs.encode": _rot13,
    "sys.intern": lambda value: value,
}


def call(path, arguments):
    """A function's constant result for constant arguments."""
    function = FUNCTIONS.get(path)
    if function is None:
        return None
    try:
        return bounded(function(*arguments))
    except Exception:  # whatever Python's own function complains of, the call would not give a name
        return None
