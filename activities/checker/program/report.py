"""Collects findings and writes them as JSON, one line a script."""

import sys

from _json import encode_basestring_ascii as quoted

try:
    from _sha2 import sha256
except ImportError:
    from _sha256 import sha256

MAX_FINDINGS = 200  # of one script

MESSAGES = {
    "script.syntax": "Python %d.%d: {}" % sys.version_info[:2],
    "script.complexity": "The script is too complex to be checked: {}",
    "script.nul": "The script holds a NUL byte",
    "script.encoding": "The script is not plain UTF-8: {}",
    "script.bidi": "Invisible direction mark detected: {}; the code is not what it looks like",
    "script.identifier": "Misleading identifier detected: Python reads {}",
    "script.function": "Dangerous function detected in script source: {}",
    "script.shell": "Dangerous shell command detected: {}",
    "script.dunder": "Dangerous dunder attribute detected: {}",
    "script.import": "Import outside the allow-list detected: {}",
    "script.package": "Module of a package that is not declared: {}",
    "script.libvirt": "Operation on virtual machines detected: {}",
    "script.import.star": "Star import detected: from {} import *",
    "script.import.relative": "Relative import detected: {}; a script has no package",
    "script.import.dynamic": "Dynamic code loading detected: {}",
    "script.process": "Process control detected: {}",
    "script.thread": "Thread start detected: {}",
    "script.network": "Network access detected: {}",
    "script.native": "Native code access detected: {}",
    "script.deserialise": "Unsafe deserialiser detected: {}",
    "script.introspection": "Interpreter introspection detected: {}",
    "script.namespace": "Namespace access detected: {}",
    "script.control": "Process-wide setting detected: {}",
    "script.file": "File access detected: {}",
    "script.attribute.dynamic": "Attribute by computed name detected: {}",
    "script.format.attribute": "Attribute access by format string detected: {}",
}

# Builtins keep the sentence that alerts look for, whatever their rule.
_BUILTIN = MESSAGES["script.function"]


def _rule_of_name(name):
    """The rule that a module or function meets that goes by this name; empty: none."""
    from members import MEMBERS, rule_of
    from modules import MODULES, canonical, rule_of_module

    path = canonical(name)
    if path in MODULES or "." not in path and "builtins." + path not in MEMBERS:
        return rule_of_module(path) or ""
    return rule_of("builtins." + path if "." not in path else path) or rule_of_module(path) or ""


class Report:
    """The findings of one script."""

    def __init__(self, number):
        self.number = number
        self.lines = []  # of the source, as bytes without their ends
        self.found = {}
        self.asked = []  # names that metadata asks for

    def clear(self):
        self.found.clear()

    def at(self, rule, subject, line, column, snippet=b"", is_import=False):
        """One finding; the same one at the same place counts once."""
        if len(self.found) < MAX_FINDINGS:
            self.found.setdefault((line, column, rule, subject, is_import), snippet)

    def node(self, rule, path, node, is_import=False):
        """A finding at a node of the tree, about an object."""
        if len(self.found) < MAX_FINDINGS:
            column = self._column(node.lineno, node.col_offset)
            self.at(rule, path, node.lineno, column, self._snippet(node), is_import)

    def attribute(self, rule, name, node):
        """A finding about an attribute's name, at that name."""
        if len(self.found) < MAX_FINDINGS:
            column = self._column(node.end_lineno, node.end_col_offset - len(name.encode()))
            self.at(rule, name, node.end_lineno, column, name.encode())

    def _column(self, number, offset):
        line = self.lines[number - 1] if number <= len(self.lines) else b""
        return len(line[: max(offset, 0)].decode("utf-8", "replace")) + 1

    def _snippet(self, node):
        lines = self.lines[node.lineno - 1 : node.end_lineno] or [b""]
        if len(lines) == 1:
            return lines[0][node.col_offset : node.end_col_offset]
        return b"\n".join([lines[0][node.col_offset :], *lines[1:-1], lines[-1][: node.end_col_offset]])

    def json(self):
        findings = ",".join(self._finding(*item) for item in sorted(self.found.items()))
        asked = ",".join(f"{quoted(name)}:{quoted(_rule_of_name(name))}" for name in self.asked)
        return f'{{"script":{self.number},"findings":[{findings}],"asked":{{{asked}}}}}'

    def _finding(self, key, snippet):
        line, column, rule, path, is_import = key
        subject = path.removeprefix("builtins.")
        message = MESSAGES[rule]
        if path.startswith("builtins.") and rule == "script.file":
            message = _BUILTIN
        return (
            f'{{"rule":{quoted(rule)},"subject":{quoted(subject)},"line":{line},"column":{column},'
            f'"import":{str(is_import).lower()},"message":{quoted(message.format(subject))},"snippetHash":"{sha256(snippet).hexdigest()[:16]}"}}'
        )
