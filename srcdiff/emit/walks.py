"""Loops over the elements of a sequence, recovered from the loops over its indices that they were lowered to.

In: a For and the statements that make its iterable. Out: a `Walk` where `for v in xs`, `for v, w in zip(xs, ys)` or
`for i, v in enumerate(xs)` says exactly the same, else None.

>>> Walk(False, (), ()).counted
False
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from srcdiff.emit.storage import Storage
from srcdiff.ir.builder import is_constant, tangent_name
from srcdiff.ir.core import Apply, For, Statement, Value, is_atom
from srcdiff.ir.types import Array, Dict, List, Opaque, Scalar, Tuple, Unknown


@dataclass(frozen=True)
class Walk:
    """`counted`: the index is needed too (enumerate). `elements` are the index_get statements that the loop's target
    replaces, `sequences` what they index, in the same order."""

    counted: bool
    sequences: tuple[Value, ...]
    elements: tuple[Apply, ...]


def walk_of(
    loop: For,
    definitions: Mapping[Value, Statement],
    readers: Callable[[Value], int],
    storage: Storage,
) -> Walk | None:
    """The walk that `loop` is. `readers(value)` counts the reads of a value in the whole function."""
    lengths = _lengths(loop, definitions)
    if lengths is None or loop.zipped:
        return None
    measured, shortest = lengths
    elements: list[Apply] = []
    for statement in loop.body.statements:
        if not (
            isinstance(statement, Apply)
            and statement.primitive.name == "index_get"
            and statement.operands[1] is loop.item
            and statement.operands[0] is not loop.item
        ):
            break
        elements.append(statement)
    local = set(loop.body.parameters) | {e.result for e in elements}
    sequences = tuple(e.operands[0] for e in elements)
    written = storage.written(loop)
    if (
        not elements
        or len(set(sequences)) != len(sequences)
        or any(s in local or not _iterable(s) or storage.of(s) in written for s in sequences)
        or not _same_length(sequences, measured, shortest)
    ):
        return None
    counted = readers(loop.item) > len(elements)
    here = (loop.origin.line, loop.origin.column)
    if (counted or loop.item.name is not None) and (
        loop.origin.line == 0 or any((e.origin.line, e.origin.column) != here for e in elements)
    ):
        return None
    if counted and loop.item.name is None:
        return None
    return Walk(counted or loop.item.name is not None, sequences, tuple(elements))


def _lengths(loop: For, definitions: Mapping[Value, Statement]) -> tuple[tuple[Value, ...], bool] | None:
    """For a loop over `range(len(a))` or `range(min(len(a), len(b)))`: the sequences measured; whether by min."""

    def made_by(value: Value | None, *names: str) -> Apply | None:
        statement = None if value is None else definitions.get(value)
        return statement if isinstance(statement, Apply) and statement.primitive.name in names else None

    ranges = made_by(loop.iterable, "range")
    if ranges is None or not is_constant(ranges.operands[0], 0) or not is_constant(ranges.operands[2], 1):
        return None
    stop = made_by(ranges.operands[1], "len", "min")
    if stop is None:
        return None
    if stop.primitive.name == "len":
        return stop.operands, False
    lengths = [made_by(operand, "len") for operand in stop.operands]
    sequences = tuple(length.operands[0] for length in lengths if length is not None)
    return (sequences, True) if len(sequences) == len(lengths) else None


def _iterable(sequence: Value) -> bool:
    """Whether iterating over it gives what indexing it by 0, 1... gives."""
    if is_atom(sequence):
        return False
    match sequence.type:
        case Array() | List() | Tuple() | Unknown():
            return True
        case Opaque(name):
            return name in ("range", "str")
        case Dict() | Scalar():
            return False
        case _:
            return False


def _same_length(sequences: tuple[Value, ...], measured: tuple[Value, ...], shortest: bool) -> bool:
    """Whether zip stops where the range does: all are measured, or tangents of what is."""
    named = {tangent_name(m.name): m for m in measured if m.name is not None}

    def tangent(s: Value) -> bool:
        return s.origin.role == "tangent" and s.name in named

    if any(s not in measured and not tangent(s) for s in sequences):
        return False
    covered = {s if s in measured else named[s.name] for s in sequences}
    return covered == set(measured) if shortest else bool(covered)
