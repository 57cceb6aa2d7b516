"""Follows names through a script, and says where it mentions what its level may forbid."""

import _ast as ast

from expressions import EXPRESSIONS
from members import ACCESSORS, HARMFUL, rule_of
from modules import LOADED
from names import is_dunder
from scopes import MODULE, Scope
from statements import STATEMENTS
from values import NOTHING, REF, UNKNOWN, flat, union

# More passes could only follow a name through more detours; what they would
# find last is what escapes anyway.
MAX_PASSES = 4

# Attributes of these rules alone are worth a finding on an object of which
# nothing is known: names like read and write are everybody's.
_TELLING = frozenset(["script.shell", "script.function", "script.process", "script.control", "script.import.dynamic"])


class Analysis:
    """One script under analysis: what its names, fields and functions stand for.

    Visiting the whole script again, until nothing new is learnt, makes the
    order of its statements irrelevant; the last visit's findings count.
    """

    def __init__(self, report, arguments):
        self.report = report
        self.scopes = {}  # by the id of the node
        self.fields = {}  # attribute name: values that any object's attribute was given
        self.codes = {}  # function nodes by id
        self.returns = {}  # values that they return, by id
        self.escaped = set()  # modules handed on to where nobody can follow
        self.changed = False
        self.scope = self.module = Scope(MODULE, None)
        self.straight = True  # at the level of the module, where each statement runs once
        self.code = None  # the function that is being visited
        self.arguments = arguments

    def run(self, tree):
        for _ in range(MAX_PASSES):
            self.changed = False
            self.report.clear()
            self.module.settled = set(self.arguments)
            for name in self.arguments:
                self.module.bind(name, UNKNOWN)
            for statement in tree.body:
                self.visit(statement)
            if not self.changed:
                return

    # Visiting.

    def visit(self, node):
        """A statement, or whatever else holds statements and expressions."""
        handler = STATEMENTS.get(node.__class__)
        if handler is not None:
            handler(self, node)
        elif isinstance(node, ast.expr):
            self.value(node)
        else:
            self.children(node)

    def children(self, node):
        for field in node._fields:
            child = getattr(node, field, None)
            if isinstance(child, ast.AST):
                self.visit(child)
            elif isinstance(child, list):
                for item in child:
                    if isinstance(item, ast.AST):
                        self.visit(item)

    def value(self, node):
        """What an expression may stand for; a forbidden object is a finding."""
        values = self.base(node)
        for kind, path in values:
            if kind == REF:
                self.mention(path, node)
        return values

    def base(self, node):
        """What an expression may stand for, where its attribute or call is what matters."""
        if node is None:
            return NOTHING
        handler = EXPRESSIONS.get(node.__class__)
        if handler is None:
            self.children(node)
            return UNKNOWN
        return handler(self, node)

    # Learning.

    def bind(self, name, values):
        self.changed |= self.scope.bind(name, values)

    def field(self, name, values):
        before = self.fields.get(name, NOTHING)
        after = union([before, values])
        self.changed |= after != before
        self.fields[name] = after

    def returned(self, values):
        before = self.returns.get(self.code, NOTHING)
        after = union([before, values])
        self.changed |= after != before
        self.returns[self.code] = after

    def enter(self, node, kind):
        """The scope of a function, class or comprehension; the caller puts the old one back."""
        if id(node) not in self.scopes:
            self.scopes[id(node)] = Scope(kind, self.scope)
        outer, self.scope = self.scope, self.scopes[id(node)]
        return outer

    def escape(self, values, node):
        """The values go where nobody can follow."""
        for kind, path in flat(values):
            if kind != REF:
                continue
            if path in ACCESSORS:
                self.find("script.attribute.dynamic", path, node)
            elif path in LOADED and path not in self.escaped:
                self.escaped.add(path)
                self.changed = True

    # Judging.

    def find(self, rule, path, node):
        self.report.node(rule, path, node)

    def mention(self, path, node):
        rule = rule_of(path)
        if rule is not None:
            self.find(rule, path, node)

    def attribute_name(self, name, node):
        """A dunder that is no plain one is a finding wherever it is an attribute's name."""
        if is_dunder(name):
            self.find("script.dunder", name, node)

    def of_stranger(self, name, node):
        """An attribute of an object of which nothing is known."""
        for module in self.escaped:
            rule = HARMFUL.get(module, {}).get(name)
            if rule in _TELLING:
                self.find(rule, f"{module}.{name}", node)
