"""What an attribute or an item of a value may stand for."""

import fold
from modules import canonical
from values import CONST, ITEMS, METHOD, NEW, REF, TABLE, UNKNOWN, const, members, ref, union

# These give the object itself, or its names as a dict: the names stay known.
_TRANSPARENT = frozenset(["__dict__", "__wrapped__", "__func__", "__call__"])


def attribute_of(run, value, name, node):
    """value.name; a stranger's attribute may be any that the script has set."""
    kind, payload = value
    if kind == REF:
        return ref(_member(payload, name))
    if kind == NEW:
        return ref(f"{payload}.{name}")
    if kind in (CONST, ITEMS, TABLE):
        return frozenset([(METHOD, (value, name))])
    run.of_stranger(name, node)
    return union([run.fields.get(name, UNKNOWN), UNKNOWN])


def _member(path, name):
    if name in _TRANSPARENT:
        return path
    if name == "__builtins__" or name == "__self__" and path.startswith("builtins."):
        return "builtins"
    if path.startswith("pathlib.Path."):
        path = "pathlib.Path"
    return canonical(f"{path}.{name}")


def item_of(run, value, index):
    """value[index]; of a module's dict, the member."""
    kind, payload = value
    found = []
    for key in index:
        if kind == REF and key[0] == CONST and isinstance(key[1], str):
            found.append(ref(canonical(key[1]) if payload == "sys.modules" else _member(payload, key[1])))
        elif kind == TABLE and key[0] == CONST:
            found.extend(member for known, member in payload if known in (key, None))
        elif kind == ITEMS and key[0] == CONST and isinstance(key[1], int) and -len(payload) <= key[1] < len(payload):
            found.append(payload[key[1]])
        elif kind == CONST and key[0] == CONST:
            result = fold.subscript(payload, slice(*key[1]) if key[1].__class__.__name__ == "_Slice" else key[1])
            found.append(UNKNOWN if result is None else const(result[0]))
        elif kind in (TABLE, ITEMS):
            found.append(members(frozenset([value])))
        else:
            found.append(UNKNOWN)
    return union(found) or UNKNOWN
