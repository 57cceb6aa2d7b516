"""What a name or an expression may stand for: small tuples (kind, payload) in frozensets.

REF     a dotted path, "os.system"; builtins are "builtins.eval"
NEW     an instance of the class at a dotted path
CONST   a constant: text, bytes, a number, None, a slice
ITEMS   a list, tuple or set: one frozenset a member
TABLE   a dict: pairs of (constant key or None, frozenset)
CODE    a function of the script, by the id of its node
GETTER  what operator.attrgetter gives: the paths that it follows
METHOD  a method of a constant or a container: pairs (value, name)
ANY     anything else; its presence means that the set is not all there is
"""

REF, NEW, CONST, ITEMS, TABLE, CODE, GETTER, METHOD = range(8)
ANY = (8, None)

UNKNOWN = frozenset([ANY])
NOTHING = frozenset()

# Sets stay small, so that a script cannot make them the checker's burden.
MAX_VALUES = 16


def ref(path):
    return frozenset([(REF, path)])


def const(value):
    return frozenset([(CONST, value)])


def union(sets):
    """All that one of the sets may be; constants give way when they are too many."""
    merged = frozenset().union(*sets)
    if len(merged) <= MAX_VALUES:
        return merged
    kept = sorted((v for v in merged if v[0] in (REF, CODE)), key=repr)[: 4 * MAX_VALUES]
    return frozenset(kept) | UNKNOWN


def items(sets):
    """A container of these members; nesting beyond two loses who is where."""
    if len(sets) > MAX_VALUES or any(_nested(values) for values in sets):
        sets = [flat(union(sets))]
    return frozenset([(ITEMS, tuple(sets))])


def table(pairs):
    """A dict of these constant keys (None: unknown) and values."""
    if len(pairs) > 4 * MAX_VALUES or any(_nested(values) for _, values in pairs):
        pairs = [(None, flat(union([values for _, values in pairs])))]
    return frozenset([(TABLE, tuple(pairs))])


def _nested(values):
    """Whether the values hold containers of containers."""
    return any(
        inner[0] in (ITEMS, TABLE)
        for value in values
        if value[0] in (ITEMS, TABLE)
        for member in _parts(value)
        for inner in member
    )


def _parts(value):
    return value[1] if value[0] == ITEMS else [member for _, member in value[1]]


def flat(values):
    """The values with, instead of containers, what is in them at any depth."""
    found, todo = set(), list(values)
    while todo:
        value = todo.pop()
        if value[0] in (ITEMS, TABLE):
            for member in _parts(value):
                todo.extend(member)
        else:
            found.add(value)
    return union([frozenset(found)])


def members(values):
    """What iterating over, or indexing, the values may give."""
    found = []
    for kind, payload in values:
        if kind == ITEMS:
            found.extend(payload)
        elif kind == TABLE:
            found.extend(member for _, member in payload)
        elif kind == CONST and isinstance(payload, (str, bytes)):
            found.append(frozenset((CONST, c) for c in list(payload)[:MAX_VALUES]))
        else:
            found.append(UNKNOWN)
    return union(found)


def keys(values):
    """What iterating over the values gives: of a dict, its keys."""
    found = []
    for value in values:
        if value[0] == TABLE:
            found.extend(UNKNOWN if key is None else frozenset([key]) for key, _ in value[1])
        else:
            found.append(members(frozenset([value])))
    return union(found)


def texts(values):
    """The strings that the values are, or None when they may be others."""
    found = []
    for kind, payload in values:
        if kind == CONST and isinstance(payload, str):
            found.append(payload)
        else:
            return None
    return sorted(found) or None
