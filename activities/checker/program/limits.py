"""Bounds the work on one script: time, nodes, depth."""

import sys

import _ast as ast
import _signal

MAX_NODES = 100_000
MAX_DEPTH = 400
CPU_SECONDS = 2.0


class TooComplex(Exception):
    """The script is beyond a bound; the text says which."""


def start_clock():
    """Ends this process when it has used its time: the parser cannot be interrupted otherwise."""
    _signal.setitimer(_signal.ITIMER_PROF, CPU_SECONDS)


def measure(tree):
    """Raises TooComplex, else lets the interpreter recurse as deep as the tree is."""
    level, count, depth = [tree], 0, 0
    while level:
        count, depth = count + len(level), depth + 1
        if count > MAX_NODES:
            raise TooComplex(f"more than {MAX_NODES} parts")
        if depth > MAX_DEPTH:
            raise TooComplex(f"nested deeper than {MAX_DEPTH}")
        below = []
        for node in level:
            for field in node._fields:
                child = getattr(node, field, None)
                if isinstance(child, ast.AST):
                    below.append(child)
                elif isinstance(child, list):
                    below.extend(item for item in child if isinstance(item, ast.AST))
        level = below
    sys.setrecursionlimit(100 * MAX_DEPTH)
