"""What each kind of expression may stand for."""

import _ast as ast

import fold
from calls import call
from lookup import attribute_of, item_of
from members import INNER
from names import COOPERATIVE, is_dunder
from scopes import FUNCTION
from values import CODE, CONST, ITEMS, NEW, NOTHING, REF, UNKNOWN, const, flat, items, members, ref, table, union

BUILTINS = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
_OLD_BUILTINS = frozenset(["execfile", "breakpoint"])


def name(run, node):
    """A name, as the scopes and the builtins have it."""
    if not isinstance(node.ctx, ast.Load):
        return UNKNOWN
    found, builtin = run.scope.look_up(node.id)
    if is_dunder(node.id) and node.id != "__import__":  # which is a function, and found as one
        run.find("script.dunder", node.id, node)
        if node.id == "__builtins__":
            found = union([found, ref("builtins")])
    if builtin and (node.id in BUILTINS or node.id in _OLD_BUILTINS):
        return union([found, ref("builtins." + node.id)])
    return found or UNKNOWN


def constant(run, node):
    value = node.value
    if isinstance(value, (str, bytes)) and len(value) > fold.MAX_TEXT:
        return UNKNOWN
    return const(value)


def attribute(run, node):
    base = run.base(node.value)
    if is_dunder(node.attr) and not _cooperative(node):
        run.report.attribute("script.dunder", node.attr, node)
    if node.attr in INNER:
        run.report.attribute("script.introspection", node.attr, node)
    return union([attribute_of(run, value, node.attr, node) for value in base])


def _cooperative(node):
    """super().__init__ and its like."""
    base = node.value
    return (
        isinstance(base, ast.Call)
        and isinstance(base.func, ast.Name)
        and base.func.id == "super"
        and node.attr in COOPERATIVE
    )


def subscript(run, node):
    base, index = run.base(node.value), run.value(node.slice)
    for kind, payload in index:
        if kind == CONST and isinstance(payload, str) and is_dunder(payload):
            run.find("script.dunder", payload, node)
    for kind, path in base:
        if kind == REF:
            run.mention(path, node.value)
    return union([item_of(run, value, index) for value in base])


def slice_(run, node):
    parts = [_only(run.value(part)) if part is not None else (None,) for part in (node.lower, node.upper, node.step)]
    if None in parts:
        return UNKNOWN
    return const(slice(*(part[0] for part in parts))) if _HASHABLE_SLICES else _slice_value(parts)


# Slices can be in a set from Python 3.12 on; before, they travel as a tuple of their own type.
class _Slice(tuple):
    __slots__ = ()


def _slice_value(parts):
    return const(_Slice(part[0] for part in parts))


try:
    hash(slice(1))
    _HASHABLE_SLICES = True
except TypeError:
    _HASHABLE_SLICES = False


def _only(values):
    """The one constant that the values are, in a tuple, or None."""
    if len(values) == 1:
        ((kind, payload),) = values
        if kind == CONST:
            return (payload,)
    return None


def binary(run, node):
    left, right = run.value(node.left), run.value(node.right)
    operator = node.op.__class__.__name__
    found = []
    for kind, payload in left:
        if kind == NEW:  # a path, with / and a name
            found.append(frozenset([(kind, payload)]))
        for other, operand in right:
            result = None
            if kind == CONST and other in (CONST, ITEMS):
                result = fold.binary(operator, payload, operand if other == CONST else _plain_tuple(operand))
            found.append(UNKNOWN if result is None else const(result[0]))
            if kind == ITEMS and other == ITEMS and operator == "Add":
                found.append(items(payload + operand))
    return union(found)


def _plain_tuple(sets):
    parts = [_only(values) for values in sets]
    return tuple(part[0] for part in parts) if None not in parts else UNKNOWN


def joined(run, node):
    """An f-string; its fields are expressions."""
    text = ""
    for part in node.values:
        values = run.value(part.value if isinstance(part, ast.FormattedValue) else part)
        run.escape(values, part)
        if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
            run.value(part.format_spec)
            text = None
        known = _only(values)
        text = text + str(known[0]) if text is not None and known is not None else None
    return const(text) if text is not None and len(text) <= fold.MAX_TEXT else UNKNOWN


def sequence(run, node):
    sets = []
    for element in node.elts:
        if isinstance(element, ast.Starred):
            sets.append(members(run.value(element.value)) | UNKNOWN)
        else:
            sets.append(run.value(element))
    return items(sets)


def mapping(run, node):
    pairs = []
    for key, value in zip(node.keys, node.values):
        values = run.value(value)
        known = _only(run.value(key)) if key is not None else None
        pairs.append(((CONST, known[0]) if known else None, members(values) if key is None else values))
    return table(pairs)


def walrus(run, node):
    values = run.value(node.value)
    run.bind(node.target.id, values)
    return values


def choice(run, node):
    run.value(node.test)
    return union([run.value(node.body), run.value(node.orelse)])


def either(run, node):
    return union([run.value(value) for value in node.values])


def starred(run, node):
    return members(run.value(node.value))


def unary(run, node):
    known = _only(run.value(node.operand))
    if known is not None and isinstance(node.op, ast.USub) and isinstance(known[0], int):
        return const(-known[0])
    return UNKNOWN


def lambda_(run, node):
    from statements import parameters

    run.codes[id(node)] = node
    outer = run.enter(node, FUNCTION)
    parameters(run, node.args, outer)
    code, run.code = run.code, id(node)
    run.returned(run.value(node.body))
    run.scope, run.code = outer, code
    return frozenset([(CODE, id(node))])


def comprehension(run, node):
    """A list, set or generator; a text is computed when its one source is constant."""
    from statements import assign

    outer = run.enter(node, FUNCTION)
    sources = []
    for generator in node.generators:
        sources.append(run.value(generator.iter))
        assign(run, generator.target, members(sources[-1]))
        for condition in generator.ifs:
            run.value(condition)
    result = NOTHING
    if isinstance(node, ast.DictComp):
        run.value(node.key)
        result = table([(None, run.value(node.value))])
    else:
        values = run.value(node.elt)
        result = _unrolled(run, node, sources) or items([values])
    run.scope = outer
    return result


_MAX_UNROLLED = 64


def _unrolled(run, node, sources):
    """The comprehension's members in order, or None: each stands for one constant of its source."""
    generator = node.generators[0]
    if len(node.generators) > 1 or generator.ifs or not isinstance(generator.target, ast.Name):
        return None
    known = _only(sources[0])
    if known is not None and isinstance(known[0], (str, bytes, tuple)):
        source = [const(part) for part in known[0]]
    elif len(sources[0]) == 1 and next(iter(sources[0]))[0] == ITEMS:
        source = list(next(iter(sources[0]))[1])
    else:
        return None
    if len(source) > _MAX_UNROLLED:
        return None
    names, before, results = run.scope.names, run.scope.names[generator.target.id], []
    for values in source:
        names[generator.target.id] = values
        part = _only(run.base(node.elt))
        if part is None:
            break
        results.append(part[0])
    names[generator.target.id] = before
    return const(tuple(results)) if len(results) == len(source) else None


def passed_on(run, node):
    """await, yield: what goes out is out of sight."""
    if node.value is not None:
        run.escape(run.value(node.value), node)
    return UNKNOWN


EXPRESSIONS = {
    ast.Attribute: attribute,
    ast.Await: passed_on,
    ast.BinOp: binary,
    ast.BoolOp: either,
    ast.Call: call,
    ast.Constant: constant,
    ast.Dict: mapping,
    ast.DictComp: comprehension,
    ast.GeneratorExp: comprehension,
    ast.IfExp: choice,
    ast.JoinedStr: joined,
    ast.Lambda: lambda_,
    ast.List: sequence,
    ast.ListComp: comprehension,
    ast.Name: name,
    ast.NamedExpr: walrus,
    ast.Set: sequence,
    ast.SetComp: comprehension,
    ast.Slice: slice_,
    ast.Starred: starred,
    ast.Subscript: subscript,
    ast.Tuple: sequence,
    ast.UnaryOp: unary,
    ast.Yield: passed_on,
    ast.YieldFrom: passed_on,
}
