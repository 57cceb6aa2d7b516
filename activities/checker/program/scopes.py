"""Who sees which name: modules, functions, classes and comprehensions."""

from values import NOTHING, UNKNOWN, union

MODULE, FUNCTION, CLASS = range(3)


class Scope:
    """The names that one piece of the script binds, with all they may stand for.

    It is flow-insensitive: a name stands for everything that is ever bound to
    it. A name is settled when it is bound before anything else can look it up;
    until then a look-up may find the builtin of that name.
    """

    def __init__(self, kind, parent):
        self.kind = kind
        self.parent = parent
        self.names = {}
        self.outer = {}  # declared global or nonlocal: the scope that has it
        self.settled = set()
        self.deleted = set()

    def home(self, name):
        return self.outer.get(name, self)

    def module(self):
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def bind(self, name, values):
        """Tells whether the name's values have grown."""
        names = self.home(name).names
        before = names.get(name, NOTHING)
        after = union([before, values])
        names[name] = after
        return name not in names or after != before

    def owner(self, name):
        """The scope whose name it is, as Python resolves it, or None: a builtin."""
        scope = self.home(name)
        while scope is not None:
            if name in scope.names:
                return scope
            scope = scope.parent
            while scope is not None and scope.kind == CLASS:
                scope = scope.parent
        return None

    def look_up(self, name):
        """What the name may stand for, and whether that may be the builtin."""
        owner = self.owner(name)
        if owner is None:
            return NOTHING, True
        builtin = owner.kind != FUNCTION and (name not in owner.settled or name in owner.deleted)
        return owner.names.get(name, UNKNOWN), builtin
