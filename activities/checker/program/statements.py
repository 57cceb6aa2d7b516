"""What each kind of statement binds and mentions."""

import sys

import _ast as ast

from lookup import attribute_of, item_of
from members import HARMFUL, rule_of
from modules import MODULES, canonical, rule_of_module
from names import DESCRIBING, is_dunder
from scopes import CLASS, FUNCTION, MODULE
from values import CODE, CONST, ITEMS, REF, TABLE, UNKNOWN, items, keys, members, ref, table, union

# What needs no package; empty before Python 3.10, which does not say.
OWN = frozenset({"lazaret", *getattr(sys, "stdlib_module_names", ())})

# Imports.


def import_(run, node):
    for alias in node.names:
        _module(run, alias.name, alias)
        whole = canonical(alias.name)
        if alias.asname:
            define(run, alias.asname, ref(whole))
        else:
            define(run, alias.name.partition(".")[0], ref(canonical(alias.name.partition(".")[0])))


def import_from(run, node):
    if node.level:
        run.find("script.import.relative", "." * node.level + (node.module or ""), node)
        for alias in node.names:
            define(run, alias.asname or alias.name, UNKNOWN)
        return
    if node.module == "__future__":
        return
    _module(run, node.module, node)
    for alias in node.names:
        if alias.name == "*":
            _star(run, node)
            continue
        run.attribute_name(alias.name, alias)
        path = canonical(f"{node.module}.{alias.name}")
        rule = rule_of_module(path) if path in MODULES else rule_of(path)
        if rule is not None:
            run.report.node(rule, path, alias, is_import=path in MODULES)
        define(run, alias.asname or alias.name, ref(path))


def _module(run, name, node):
    for part in name.split("."):
        run.attribute_name(part, node)
    rule = rule_of_module(name)
    if rule is not None:
        run.report.node(rule, canonical(name), node, is_import=True)
    if len(OWN) > 1 and name.partition(".")[0] not in OWN:
        run.report.node("script.package", name, node, is_import=True)


def _star(run, node):
    module = canonical(node.module)
    run.find("script.import.star", module, node)
    for name in HARMFUL.get(module, ()):
        define(run, name, ref(f"{module}.{name}"))


# Binding.


def define(run, name, values):
    """A statement at the scope's own level gives the name its values for good."""
    run.bind(name, values)
    if run.scope.kind == MODULE and run.straight:
        run.scope.settled.add(name)
    if run.scope.kind == CLASS:
        run.field(name, values)


def assign(run, target, values):
    """Gives a target, whatever its form, the values."""
    if isinstance(target, ast.Name):
        if is_dunder(target.id) and target.id not in DESCRIBING:
            run.find("script.dunder", target.id, target)
        define(run, target.id, values)
    elif isinstance(target, ast.Starred):
        assign(run, target.value, items([members(values)]))
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(run, target.elts, values)
    elif isinstance(target, ast.Attribute):
        run.value(target)
        run.field(target.attr, values)
        run.escape(values, target)
    else:
        run.value(target)
        run.escape(values, target)


def _unpack(run, targets, values):
    plain = not any(isinstance(target, ast.Starred) for target in targets)
    rows = [v[1] for v in values if v[0] == ITEMS and len(v[1]) == len(targets)]
    if plain and rows and len(rows) == len(values):
        for target, *sets in zip(targets, *rows):
            assign(run, target, union(sets))
        return
    for target in targets:
        assign(run, target, keys(values) | UNKNOWN)


def assignment(run, node):
    values = run.value(node.value)
    for target in node.targets:
        assign(run, target, values)


def annotated(run, node):
    run.value(node.annotation)
    if node.value is not None:
        assign(run, node.target, run.value(node.value))
    elif not isinstance(node.target, ast.Name):
        run.value(node.target)


def augmented(run, node):
    """a += b is a = a + b, for what it may stand for."""
    if not isinstance(node.target, ast.Name):
        run.value(node.value)
        run.value(node.target)
        return
    load = ast.Name(id=node.target.id, ctx=ast.Load())
    both = ast.BinOp(left=load, op=node.op, right=node.value)
    for new in (load, both):
        new.lineno, new.col_offset = node.lineno, node.col_offset
        new.end_lineno, new.end_col_offset = node.end_lineno, node.end_col_offset
    assign(run, node.target, run.value(both))


def delete(run, node):
    for target in node.targets:
        if isinstance(target, ast.Name):
            run.scope.home(target.id).deleted.add(target.id)
        run.value(target)


def global_(run, node):
    for name in node.names:
        run.scope.outer[name] = run.module


def nonlocal_(run, node):
    for name in node.names:
        owner = run.scope.parent and run.scope.parent.owner(name)
        if owner is not None:
            run.scope.outer[name] = owner


# Blocks.


def block(run, statements):
    """Statements that may not run, or not once."""
    straight, run.straight = run.straight, False
    for statement in statements:
        run.visit(statement)
    run.straight = straight


def loop(run, node):
    straight, run.straight = run.straight, False
    assign(run, node.target, keys(run.value(node.iter)))
    block(run, node.body)
    block(run, node.orelse)
    run.straight = straight


def branch(run, node):
    run.value(node.test)
    block(run, node.body)
    block(run, node.orelse)


def with_(run, node):
    for item in node.items:
        values = run.value(item.context_expr)
        run.escape(values, item.context_expr)
        if item.optional_vars is not None:
            assign(run, item.optional_vars, values | UNKNOWN)
    block(run, node.body)


def try_(run, node):
    block(run, node.body)
    for handler in node.handlers:
        if handler.type is not None:
            run.value(handler.type)
        if handler.name:
            run.bind(handler.name, UNKNOWN)
        block(run, handler.body)
    block(run, node.orelse)
    block(run, node.finalbody)


# Definitions.


def function(run, node):
    for decorator in node.decorator_list:
        run.value(decorator)
    if is_dunder(node.name) and run.scope.kind != CLASS:
        run.find("script.dunder", node.name, node)
    run.codes[id(node)] = node
    outer = run.enter(node, FUNCTION)
    parameters(run, node.args, outer)
    if node.returns is not None:
        run.value(node.returns)
    code, run.code = run.code, id(node)
    block(run, node.body)
    run.scope, run.code = outer, code
    own = frozenset([(CODE, id(node))])
    define(run, node.name, own | UNKNOWN if node.decorator_list else own)


def parameters(run, args, outer):
    """Parameters stand for their defaults and for what callers give. Defaults are the outer scope's."""
    inner, run.scope = run.scope, outer
    positional = [*args.posonlyargs, *args.args]
    defaults = [run.value(d) for d in args.defaults]
    named = [run.value(d) if d is not None else UNKNOWN for d in args.kw_defaults]
    for parameter in (*positional, *args.kwonlyargs, args.vararg, args.kwarg):
        if parameter is not None and parameter.annotation is not None:
            run.value(parameter.annotation)
    run.scope = inner
    for parameter in (*positional, *args.kwonlyargs, args.vararg, args.kwarg):
        if parameter is not None:
            run.bind(parameter.arg, UNKNOWN)
    for parameter, values in zip(positional[len(positional) - len(defaults) :], defaults):
        run.bind(parameter.arg, values)
    for parameter, values in zip(args.kwonlyargs, named):
        run.bind(parameter.arg, values)


def class_(run, node):
    for expression in (*node.decorator_list, *node.bases, *(k.value for k in node.keywords)):
        run.escape(run.value(expression), expression)
    outer = run.enter(node, CLASS)
    block(run, node.body)
    run.scope = outer
    define(run, node.name, UNKNOWN)


def return_(run, node):
    if node.value is not None:
        run.returned(run.value(node.value))


def raise_(run, node):
    for part in (node.exc, node.cause):
        if part is not None:
            run.escape(run.value(part), part)


# match.


def match(run, node):
    subject = run.value(node.subject)
    for case in node.cases:
        pattern(run, case.pattern, subject)
        if case.guard is not None:
            run.value(case.guard)
        block(run, case.body)


def pattern(run, node, subject):
    """Captures get what their place in the pattern lets them stand for."""
    handler = _PATTERNS.get(node.__class__)
    if handler is not None:
        handler(run, node, subject)
    else:
        run.children(node)


def _capture(run, node, subject):
    if getattr(node, "pattern", None) is not None:
        pattern(run, node.pattern, subject)
    name = getattr(node, "name", None)
    if name:
        run.bind(name, subject)


def _any_of(run, node, subject):
    for inner in node.patterns:
        pattern(run, inner, subject)


def _sequence(run, node, subject):
    rows = [v[1] for v in subject if v[0] == ITEMS and len(v[1]) == len(node.patterns)]
    for index, inner in enumerate(node.patterns):
        pattern(run, inner, union([row[index] for row in rows]) if rows else members(subject) | UNKNOWN)


def _mapping(run, node, subject):
    for key, inner in zip(node.keys, node.patterns):
        index = run.value(key)
        for kind, text in index:
            if kind == CONST and isinstance(text, str):
                run.attribute_name(text, key)
        pattern(run, inner, union([item_of(run, value, index) for value in subject]))
    if node.rest:
        run.bind(node.rest, subject | UNKNOWN)


def _class(run, node, subject):
    """case object(system=f) reads the attribute and binds it."""
    run.value(node.cls)
    for inner in node.patterns:
        pattern(run, inner, UNKNOWN)
    for name, inner in zip(node.kwd_attrs, node.kwd_patterns):
        run.attribute_name(name, node)
        found = union([attribute_of(run, value, name, node) for value in subject])
        for kind, path in found:
            if kind == REF:
                run.mention(path, inner)
        pattern(run, inner, found)


_PATTERNS = {
    ast.MatchAs: _capture,
    ast.MatchStar: _capture,
    ast.MatchOr: _any_of,
    ast.MatchSequence: _sequence,
    ast.MatchMapping: _mapping,
    ast.MatchClass: _class,
}

STATEMENTS = {
    ast.AnnAssign: annotated,
    ast.Assign: assignment,
    ast.AsyncFor: loop,
    ast.AsyncFunctionDef: function,
    ast.AsyncWith: with_,
    ast.AugAssign: augmented,
    ast.ClassDef: class_,
    ast.Delete: delete,
    ast.For: loop,
    ast.FunctionDef: function,
    ast.Global: global_,
    ast.If: branch,
    ast.Import: import_,
    ast.ImportFrom: import_from,
    ast.Match: match,
    ast.Nonlocal: nonlocal_,
    ast.Raise: raise_,
    ast.Return: return_,
    ast.Try: try_,
    ast.While: branch,
    ast.With: with_,
}
if hasattr(ast, "TryStar"):
    STATEMENTS[ast.TryStar] = try_
