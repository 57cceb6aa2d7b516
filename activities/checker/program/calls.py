"""What a call may give, and the calls that need their arguments looked at."""

import _ast as ast

import fold
from lookup import attribute_of
from members import CLASSES, INNER
from modules import canonical, rule_of_module
from names import is_dunder
from values import (
    CODE, CONST, GETTER, ITEMS, METHOD, NEW, NOTHING, REF, TABLE, UNKNOWN,
    const, items, keys, members, ref, table, texts, union,
)  # fmt: skip


class Given:
    """A call's arguments as values."""

    def __init__(self, run, node):
        self.starred = False
        self.positional = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                self._spread(run.value(argument.value))
            else:
                self.positional.append(run.value(argument))
        self.named = {keyword.arg: run.value(keyword.value) for keyword in node.keywords}

    def _spread(self, values):
        if len(values) == 1 and next(iter(values))[0] == ITEMS:
            self.positional.extend(next(iter(values))[1])
            return
        self.starred = True
        self.positional.append(members(values) | UNKNOWN)

    def at(self, index, name=None):
        """One argument; unknown when a star may have brought it."""
        if index < len(self.positional):
            return self.positional[index]
        if name in self.named:
            return self.named[name]
        return UNKNOWN if self.starred or None in self.named else NOTHING

    def all(self):
        return [*self.positional, *self.named.values()]

    def constants(self):
        """The positional arguments as constants, or None."""
        found = []
        for values in self.positional:
            value = _constant(values)
            if value is None:
                return None
            found.append(value[0])
        return None if self.starred else found


def _constant(values):
    if len(values) != 1:
        return None
    ((kind, payload),) = values
    if kind == CONST:
        return (payload,)
    if kind == ITEMS:
        parts = [_constant(member) for member in payload]
        return None if None in parts else (tuple(part[0] for part in parts),)
    return None


def call(run, node):
    """The call of everything that the function may be."""
    functions, given = run.base(node.func), Given(run, node)
    return union([_CALLS.get(kind, _stranger)(run, node, payload, given) for kind, payload in functions])


def _stranger(run, node, _, given):
    for values in given.all():
        run.escape(values, node)
    return UNKNOWN


def _known(run, node, path, given):
    """A function or class that has a path."""
    handler = _SPECIAL.get(path)
    if handler is not None:
        return handler(run, node, path, given)
    run.mention(path, node.func)
    constants = given.constants()
    if constants is not None and not given.named:
        result = fold.call(path, constants)
        if result is not None:
            return const(result[0])
    _stranger(run, node, path, given)
    if path.startswith("pathlib."):
        return frozenset([(NEW, "pathlib.Path")])
    return frozenset([(NEW, CLASSES[path])]) if path in CLASSES else UNKNOWN


def _own(run, node, code, given):
    """A function of the script: its parameters learn, its results come back."""
    parameters = run.codes[code].args
    names = [p.arg for p in (*parameters.posonlyargs, *parameters.args)]
    if isinstance(node.func, ast.Attribute) and names[:1] in (["self"], ["cls"]):
        names = names[1:]
    scope = run.scopes.get(code)
    if scope is not None:
        rest = [v for v in (parameters.vararg, parameters.kwarg) if v is not None]
        for index, values in enumerate(given.positional):
            targets = names[index : index + 1] or [v.arg for v in rest]
            for target in names if given.starred else targets:
                run.changed |= scope.bind(target, values)
        for name, values in given.named.items():
            if name is not None and name in scope.names:
                run.changed |= scope.bind(name, values)
    return union([run.returns.get(code, NOTHING), UNKNOWN])


def _getter(run, node, names, given):
    """operator.attrgetter(…)(object), operator.methodcaller(…)(object)."""
    found = []
    for path in names:
        values = given.at(0)
        for name in path.split("."):
            values = union([attribute_of(run, value, name, node) for value in values])
        found.append(values)
    return _mentioned(run, union(found), node)


def _mentioned(run, values, node):
    for kind, path in values:
        if kind == REF:
            run.mention(path, node)
    return values


# Methods.


def _method(run, node, payload, given):
    (kind, value), name = payload
    if kind == CONST:
        return _text_method(run, node, value, name, given)
    container = frozenset([(kind, value)])
    if kind == TABLE and name in ("get", "pop", "setdefault"):
        return union([members(container), given.at(1), UNKNOWN])
    if name in ("values", "copy", "pop"):
        return items([members(container)]) if name != "pop" else members(container)
    if name == "items":
        return items([items([keys(container) | members(container)])])
    return _stranger(run, node, None, given)


def _text_method(run, node, value, name, given):
    if name in ("format", "format_map") and isinstance(value, str):
        _format(run, node, value)
    constants = given.constants()
    named = {key: _constant(values) for key, values in given.named.items()}
    if constants is None or None in named or None in named.values():
        for values in given.all():
            run.escape(values, node)
        return UNKNOWN
    result = fold.method(value, name, constants, {key: known[0] for key, known in named.items()})
    return UNKNOWN if result is None else const(result[0])


def _format(run, node, template):
    """Replacement fields that reach into their objects."""
    from _string import formatter_field_name_split

    for _, field in fold.fields(template) or ():
        for is_attribute, name in formatter_field_name_split(field or "")[1]:
            if isinstance(name, str) and is_dunder(name):
                run.find("script.dunder", name, node)
            elif is_attribute:
                run.find("script.format.attribute", name, node)


# Functions whose arguments decide.


def _names(run, node, path, values):
    """The attribute names that the values are; a name that cannot be known is a finding."""
    names = texts(values)
    if names is None:
        run.find("script.attribute.dynamic", path, node)
        return []
    for name in names:
        for part in name.split("."):
            if is_dunder(part):
                run.find("script.dunder", part, node)
            elif part in INNER:
                run.find("script.introspection", part, node)
    return names


def _getattr(run, node, path, given):
    found = [given.at(2)]
    for name in _names(run, node, path, given.at(1)):
        found += [attribute_of(run, value, name, node) for value in given.at(0)]
    return _mentioned(run, union(found), node) or UNKNOWN


def _setattr(run, node, path, given):
    for name in _names(run, node, path, given.at(1)):
        run.field(name, given.at(2))
        for value in given.at(0):
            _mentioned(run, attribute_of(run, value, name, node), node)
    return UNKNOWN


def _attrgetter(run, node, path, given):
    values = union(given.positional[:1] if path.endswith("methodcaller") else given.positional)
    return frozenset([(GETTER, tuple(_names(run, node, path, values)))])


def _import(run, node, path, given):
    """__import__ and importlib.import_module: a finding themselves, and so may the module be."""
    run.mention(path, node.func)
    found = []
    for name in texts(given.at(0, "name")) or ():
        rule = rule_of_module(name)
        if rule is not None:
            run.report.node(rule, canonical(name), node, is_import=True)
        found += [ref(canonical(name)), ref(canonical(name.partition(".")[0]))]
    return union(found) or UNKNOWN


def _vars(run, node, path, given):
    run.mention(path, node.func)
    return given.at(0) or UNKNOWN


def _type(run, node, path, given):
    """With three arguments it makes a class out of texts."""
    if len(given.positional) > 1 or given.starred:
        run.find("script.attribute.dynamic", path, node)
    return UNKNOWN


def _str_format(run, node, path, given):
    for template in texts(given.at(0)) or ():
        _format(run, node, template)
    return UNKNOWN


def _yaml_load(run, node, path, given):
    loader = given.at(1, "Loader")
    safe = [(REF, "yaml.SafeLoader"), (REF, "yaml.CSafeLoader"), (REF, "yaml.BaseLoader")]
    if not loader or not all(value in safe for value in loader):
        run.find("script.deserialise", path, node)
    return UNKNOWN


def _connect(run, node, path, given):
    if texts(given.at(0, "database")) != [":memory:"]:
        run.find("script.file", path, node)
    return UNKNOWN


# Where Debian has the system's own Python packages: code of the machine's operator, in a
# folder that no script can write to.
SYSTEM_PACKAGES = "/usr/lib/python3/dist-packages"


def _path_append(run, node, path, given):
    only = len(given.positional) == 1 and not given.named and not given.starred
    if not only or texts(given.at(0)) != [SYSTEM_PACKAGES]:
        run.mention(path, node.func)
    return UNKNOWN


def _same_members(run, node, path, given):
    """list, iter, sorted …: a container of the same members."""
    constants = given.constants()
    if constants is not None:
        result = fold.call(path, constants)
        if result is not None:
            return const(result[0])
    for values in given.all()[1:]:
        run.escape(values, node)
    return items([keys(given.at(0)) or UNKNOWN])


def _paired(run, node, path, given):
    """zip, enumerate."""
    return items([items([union([members(values) for values in given.positional]) | UNKNOWN])])


def _next(run, node, path, given):
    return union([members(given.at(0)), given.at(1)])


def _dict(run, node, path, given):
    found = [((CONST, name) if name else None, values) for name, values in given.named.items()]
    return union([table(found), given.at(0)]) if found else given.at(0) or UNKNOWN


def _map(run, node, path, given):
    """map: the function is called with members of the rest."""
    results = []
    for kind, payload in given.at(0):
        if kind == REF and len(given.positional) == 2:
            results.append(_mapped(payload, given.positional[1]))
        elif kind == CODE:
            inner = Given(run, ast.Call(func=node.func, args=[], keywords=[]))
            inner.positional = [members(values) for values in given.positional[1:]]
            results.append(items([_own(run, node, payload, inner)]))
    for values in given.all():
        run.escape(values, node)
    return union(results) or UNKNOWN


def _mapped(path, values):
    """map(chr, (101, 118)) and its like."""
    source = _constant(values)
    if source is None or not isinstance(source[0], (tuple, str, bytes)) or len(source[0]) > 64:
        return UNKNOWN
    results = [fold.call(path, [part]) for part in source[0]]
    return UNKNOWN if None in results else const(tuple(result[0] for result in results))


_CALLS = {REF: _known, CODE: _own, GETTER: _getter, METHOD: _method}

_SPECIAL = {
    "builtins.__import__": _import,
    "builtins.delattr": _setattr,
    "builtins.dict": _dict,
    "builtins.enumerate": _paired,
    "builtins.frozenset": _same_members,
    "builtins.getattr": _getattr,
    "builtins.iter": _same_members,
    "builtins.list": _same_members,
    "builtins.map": _map,
    "builtins.next": _next,
    "builtins.reversed": _same_members,
    "builtins.set": _same_members,
    "builtins.setattr": _setattr,
    "builtins.sorted": _same_members,
    "builtins.str.format": _str_format,
    "builtins.str.format_map": _str_format,
    "builtins.tuple": _same_members,
    "builtins.type": _type,
    "builtins.vars": _vars,
    "builtins.zip": _paired,
    "importlib.import_module": _import,
    "operator.attrgetter": _attrgetter,
    "operator.methodcaller": _attrgetter,
    "sqlite3.connect": _connect,
    "sys.path.append": _path_append,
    "types.SimpleNamespace": lambda run, node, path, given: _fields(run, given),
    "yaml.load": _yaml_load,
    "yaml.load_all": _yaml_load,
}


def _fields(run, given):
    for name, values in given.named.items():
        if name:
            run.field(name, values)
    return UNKNOWN
