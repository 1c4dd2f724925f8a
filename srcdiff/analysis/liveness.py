"""Liveness: which statements a set of values needs.

In: statements and the values wanted of them. Out: the statements without those that nothing wanted depends on.
Effects are always kept.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.types import FLOAT
>>> from srcdiff.primitives.table import TABLE
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y, z = b.apply(TABLE["negative"], x), b.apply(TABLE["positive"], x)
>>> [s.result is z for s in prune(b.statements, [z])]
[True]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from srcdiff.ir.core import Block, Effect, Statement, Value, blocks_of, free_values, operands_of, walk


def has_effect(statement: Statement) -> bool:
    """Whether the statement prints, asserts or raises, itself or in a block of its own."""
    if isinstance(statement, Effect):
        return True
    return any(isinstance(s, Effect) for block in blocks_of(statement) for s in walk(block))


def reads_of(statement: Statement) -> tuple[Value, ...]:
    """All that the statement reads from outside, inner blocks included."""
    inner = tuple(v for block in blocks_of(statement) for v in free_values(block))
    return (*operands_of(statement), *inner)


def prune(statements: Sequence[Statement], wanted: Iterable[Value]) -> list[Statement]:
    """The statements that `wanted` depends on, and those with effects, in order."""
    needed = set(wanted)
    kept: list[Statement] = []
    for statement in reversed(statements):
        if any(r in needed for r in statement.results) or has_effect(statement):
            kept.append(statement)
            needed.update(reads_of(statement))
    kept.reverse()
    return kept


def prune_block(block: Block) -> Block:
    """The block without statements that its results do not need."""
    return Block(block.parameters, tuple(prune(block.statements, block.results)), block.results)
