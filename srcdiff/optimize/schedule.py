"""Reads before the write: a number that is read from `x` after `x` was updated is read before.

In: a block. Out: the block in which an operation that reads a value which an update replaces, and whose result is a
number (or something else that cannot change) or an element of a list, stands before the update, if all that it needs
is known there::

    l1 = drop_last l                   v = index_get l, -1
    v = index_get l, -1     becomes    l1 = drop_last l

As values both are the same; but in the second the update may overwrite `l`.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.types import FLOAT, List
>>> from srcdiff.primitives.table import TABLE
>>> b = Builder()
>>> l = b.value(List(FLOAT), "l")
>>> shorter, last = b.apply(TABLE["drop_last"], l), b.apply(TABLE["index_get"], l, -1)
>>> [s.results[0] is last for s in reads_first(b.block((l,), (shorter, last))).statements]
[True, False]
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from srcdiff.ir.core import Apply, Block, For, If, Statement, Value, While
from srcdiff.ir.types import is_mutable
from srcdiff.optimize.plans import is_forced


def reads_first(block: Block) -> Block:
    """The block (inner blocks included) with reads moved before the updates of what they read."""
    placed: list[Statement] = []
    defined: dict[Value, int] = {}
    """Where in the new order a value is defined: after that many statements."""
    updated: dict[Value, int] = {}
    """Where a value was first updated, since the last statement that may have an effect."""
    before: dict[int, list[Statement]] = {}
    lists = known_lists(block)
    for statement in block.statements:
        statement = _inside(statement)
        if not isinstance(statement, Apply):
            # What is not a plain operation may print, raise or take long: nothing is moved across it.
            updated.clear()
        position = _earlier(statement, defined, updated, lists)
        if position is not None:
            before.setdefault(position, []).append(statement)
            defined.update((r, position) for r in statement.results)
            continue
        placed.append(statement)
        defined.update((r, len(placed)) for r in statement.results)
        if isinstance(statement, Apply) and is_forced(statement):
            updated.setdefault(statement.operands[statement.primitive.updates or 0], len(placed) - 1)
    if not before:
        return replace(block, statements=tuple(placed))
    statements = [s for k, own in enumerate(placed) for s in (*before.get(k, ()), own)]
    return replace(block, statements=tuple(statements))


def known_lists(block: Block) -> set[Value]:
    """The values that are lists wherever the block runs, whatever is known of their types: it appends to them or
    drops from them. Neither changes the elements, so that these may be read before."""
    changes = [s for s in block.statements if isinstance(s, Apply) and s.primitive.name in ("append", "drop_last")]
    return {v for s in changes for v in (s.operands[0], s.result)}


def _earlier(
    statement: Statement, defined: dict[Value, int], updated: dict[Value, int], lists: Set[Value]
) -> int | None:
    """The place in the order to which a read is moved, or None if it stays."""
    if not updated or not isinstance(statement, Apply) or statement.primitive.updates is not None:
        return None
    positions = [updated[v] for v in statement.operands if v in updated]
    if not positions:
        return None
    position = min(positions)
    if is_mutable(statement.result.type) and not (
        statement.primitive.name == "index_get" and statement.operands[0] in lists
    ):
        return None
    return position if all(defined.get(v, 0) <= position for v in statement.operands) else None


def _inside(statement: Statement) -> Statement:
    match statement:
        case If():
            return replace(statement, then=reads_first(statement.then), orelse=reads_first(statement.orelse))
        case For():
            return replace(statement, body=reads_first(statement.body))
        case While():
            return replace(statement, condition=reads_first(statement.condition), body=reads_first(statement.body))
        case _:
            return statement
