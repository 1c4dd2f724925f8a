"""The last look at a function: no variable is assigned that nothing reads.

In: the statements of a function, the names of functions that have effects. Out: the statements without assignments to
names that occur nowhere else. (Moves between equal names are gone by now, and with them the last reader of a variable
may be: this is rare, so that the whole function is looked at again only if it happened.)

>>> tree = ast.parse("t = x > 0\\ny = x\\nprint(y)")
>>> [ast.unparse(s) for s in without_unread(tree.body, frozenset())]
['y = x', 'print(y)']
>>> tree = ast.parse("a = stack.pop()\\nb = stack.pop()\\nprint(b)")
>>> [ast.unparse(s) for s in without_unread(tree.body, frozenset())]
['a = stack.pop()', 'b = stack.pop()', 'print(b)']
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence, Set
from typing import Any

from srcdiff.emit.printer import Comment
from srcdiff.emit.spelling import names_in


def without_unread(statements: Sequence[ast.stmt], effects: Set[str]) -> list[ast.stmt]:
    while True:
        read: set[str] = set()
        assigned: set[str] = set()
        for statement in _walk(statements):
            target = _target(statement, effects)
            if target is not None:
                assigned.add(target)
            read |= _reads(statement, target is not None)
        if not assigned - read:
            return list(statements)
        statements = _without(statements, assigned - read, effects)


def _target(statement: ast.stmt, effects: Set[str]) -> str | None:
    """The name that a statement does nothing but assign."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if not _changes_something(value, effects):
            return name
        case _:
            return None


def _changes_something(value: ast.expr, effects: Set[str]) -> bool:
    """Whether an expression does more than it says: calls a function that has effects, takes from a stack."""
    return bool(names_in(value) & effects) or any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("append", "pop")
        for node in ast.walk(value)
    )


def _walk(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        yield statement
        yield from _walk(getattr(statement, "body", []))
        yield from _walk(getattr(statement, "orelse", []))


def _reads(statement: ast.stmt, assigns: bool) -> set[str]:
    """The names in a statement itself, without the target of a plain assignment."""
    names: set[str] = set()
    for field, value in ast.iter_fields(statement):
        if field in ("body", "orelse") or (assigns and field == "targets"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                names |= names_in(node)
    return names


def _without(statements: Sequence[ast.stmt], names: Set[str], effects: Set[str]) -> list[ast.stmt]:
    out: list[ast.stmt] = []
    for statement in statements:
        if _target(statement, effects) in names:
            while out and isinstance(out[-1], Comment) and statement is statements[-1]:
                out.pop()
            continue
        compound: Any = statement
        if isinstance(statement, ast.If | ast.For | ast.While):
            compound.body = _without(compound.body, names, effects) or [ast.Pass()]
            compound.orelse = _without(compound.orelse, names, effects)
        out.append(statement)
    return out
