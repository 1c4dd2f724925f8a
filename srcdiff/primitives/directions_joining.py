"""Joining stacks of directions, and cutting them up again."""

from __future__ import annotations

from collections.abc import Callable

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import For, constant
from srcdiff.ir.types import INT, Array, List, Tuple, Type, is_container, is_differentiable
from srcdiff.primitives.directions_core import (
    Stacks,
    as_array,
    comprehension,
    flattened,
    rule,
    with_axes,
)
from srcdiff.primitives.directions_reductions import shifted
from srcdiff.primitives.directions_shapes import enlarged
from srcdiff.primitives.directions_spread import spread
from srcdiff.primitives.inference import rank_of_type, shape_of_type
from srcdiff.primitives.joining import COLUMNS, LAYERS, ROWS, Plan, blocks_of
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of
from srcdiff.primitives.rules_joining import display
from srcdiff.primitives.symbolic import Symbolic


def _parts(s: Stacks) -> tuple[Symbolic, list[int | None]] | None:
    """What is joined, every part a stack, and the ranks of the parts."""
    t = s.type(0)
    match t:
        case Tuple(items):
            parts = [_part(s, s[0][i], item) for i, item in enumerate(items)]
            if any(p is None for p in parts):
                return None
            plain = all(is_differentiable(i) and not is_container(i) for i in items)
            given = s[0] if plain else display(s[0], *(p for p in parts if p is not None))
            return given, [rank_of_type(i) for i in items]
        case List(item) if item is not None and not is_container(item):
            return s[0], [rank_of_type(item)]
        case Array(_, shape) if shape:
            return s[0].apply("np.moveaxis", s[0], 1, 0), [len(shape) - 1]
        case _:
            return None


def _part(s: Stacks, part: Symbolic, t: Type) -> Symbolic | None:
    """One part as a stack of arrays or numbers: a list as an array, integers and constants spread."""
    if not is_differentiable(t):
        array = part.apply("np.array", part) if is_container(t) else part
        return spread(array, Array("float64", shape_of_type(t)), s.count)
    return as_array(part, t) if is_container(t) else part


def _each(parts: Symbolic, ranks: list[int | None], change: Callable[[Symbolic, int | None], Symbolic]) -> Symbolic:
    """The parts, each of them changed by a function of it and its rank."""
    if isinstance(parts.type, Tuple):
        return display(parts, *(change(parts[i], r) for i, r in enumerate(ranks)))
    count = parts.apply("len", parts)
    return comprehension(parts, count, lambda k: [change(k.new(parts.value)[k], ranks[0])])[0]


@rule("np.concatenate")
def _(s: Stacks) -> Symbolic | None:
    found = _parts(s)
    if found is None:
        return None
    parts, ranks = found
    axis = axis_of(s.apply.operands[1])
    if axis is UNKNOWN_AXIS:
        return None
    if axis is not None:
        return s.call(parts, shifted(axis))
    if set(ranks) == {1}:
        return s.call(parts, 1)
    if None in ranks:
        return None
    return s.call(_each(parts, ranks, lambda p, r: p if r == 1 else flattened(p, s.count)), 1)


@rule("np.stack")
def _(s: Stacks) -> Symbolic | None:
    found, axis = _parts(s), axis_of(s.apply.operands[1])
    return s.call(found[0], shifted(axis)) if found is not None and isinstance(axis, int) else None


def _lines(axis: int, plan: Plan) -> Callable[[Stacks], Symbolic | None]:
    """`np.vstack`, `np.column_stack` and `np.dstack`: arrays of low rank are made rows, columns or layers."""

    def build(s: Stacks) -> Symbolic | None:
        found = _parts(s)
        if found is None or None in found[1]:
            return None
        parts, ranks = found
        if set(ranks) == {1} and axis < 3:
            return s.count.apply("np.stack", parts, axis)
        low = any(r in plan for r in ranks)
        whole = _each(parts, ranks, lambda p, r: enlarged(p, plan.get(r or 0))) if low else parts
        return s.count.apply("np.concatenate", whole, axis)

    return build


rule("np.vstack")(_lines(1, ROWS))
rule("np.column_stack")(_lines(2, COLUMNS))
rule("np.dstack")(_lines(3, LAYERS))


@rule("np.hstack")
def _(s: Stacks) -> Symbolic | None:
    found = _parts(s)
    if found is None or None in found[1]:
        return None
    parts, ranks = found
    if set(ranks) == {0}:
        return s.count.apply("np.stack", parts, 1)
    if 0 in ranks:
        parts = _each(parts, ranks, lambda p, r: with_axes(p, 1) if r == 0 else p)
    return s.count.apply("np.concatenate", parts, 1 if max(r for r in ranks if r is not None) <= 1 else 2)


@rule("np.append")
def _(s: Stacks) -> Symbolic | None:
    axis = axis_of(s.apply.operands[2])
    parts = [_stack_of(s, i) for i in (0, 1)]
    if axis is UNKNOWN_AXIS or any(p is None for p in parts) or None in (s.rank(0), s.rank(1)):
        return None
    if axis is None:
        parts = [p if s.rank(i) == 1 else flattened(p, s.count) for i, p in enumerate(parts) if p is not None]
    return s.count.apply("np.concatenate", display(s.count, *parts), 1 if axis is None else shifted(axis))


def _stack_of(s: Stacks, i: int) -> Symbolic | None:
    """Operand `i` as a stack of arrays or numbers."""
    if not s.stacked[i]:
        return _spread_array(s, i)
    return as_array(s[i], s.type(i)) if is_container(s.type(i)) else s[i]


def _spread_array(s: Stacks, i: int) -> Symbolic:
    t = s.type(i)
    whole = s[i].apply("np.array", s[i]) if is_container(t) else s[i]
    return spread(whole, t if is_differentiable(t) and not is_container(t) else whole.type, s.count)


@rule("np.block")
def _(s: Stacks) -> Symbolic | None:
    grid, result, t = blocks_of(s.type(0)), s.apply.result.type, s.type(0)
    rank = rank_of_type(result)
    if grid is None or rank is None or not isinstance(t, Tuple):
        return None
    nested = isinstance(t.items[0], Tuple)
    lines: list[Symbolic] = []
    for k, row in enumerate(grid):
        blocks = s[0][k] if nested else s[0]
        parts = [_part(s, blocks[i], item) for i, item in enumerate(row)]
        full = [with_axes(p, rank - (rank_of_type(i) or 0)) for p, i in zip(parts, row, strict=True) if p is not None]
        lines.append(display(s.count, *full))
    return s.count.apply("np.block", display(s.count, *lines) if nested else lines[0])


@rule("split_like")
def _(s: Stacks) -> Symbolic | None:
    """The pieces of each direction: as many places along the axis as the part has."""
    axis, rank, like = axis_of(s.apply.operands[2]), s.rank(0), s.type(1)
    items = like.items if isinstance(like, Tuple) else (like.item,) if isinstance(like, List) else (None,)
    ranks = [None if t is None else rank_of_type(t) for t in items]
    known = [r for r in ranks if r is not None]
    if not isinstance(axis, int) or rank is None or len(known) < len(ranks):
        raise s.fail("the ranks of what was joined are not known")
    along, places = axis % rank, rank
    g = s[0] if s.stacked[0] else spread(s[0], s.type(0), s.count)
    ahead = int(s.stacked[1])

    def piece(g: Symbolic, part: Symbolic, own: int, start: Symbolic) -> tuple[Symbolic, Symbolic]:
        """What belongs to one part, and where the next one starts."""
        if own < places:
            # A number, or a vector that was made a row or a column.
            index = [start if a == along else slice(None) if own else 0 for a in range(places)]
            place = (slice(None), *index)
            return g[place], start + 1
        stop = start + part.shape[along + ahead]
        part_of_g = (*(slice(None),) * (along + 1), slice(start, stop))
        return g[part_of_g], stop

    if isinstance(like, List):
        return _in_loop(g, s[1], lambda g, part, start: piece(g, part, known[0], start))
    pieces: list[Symbolic] = []
    start = s.count.constant(0)
    for i, own in enumerate(known):
        one, start = piece(g, s[1][i], own, start)
        pieces.append(one)
    return s.count.apply("make_list", *pieces)


def _in_loop(
    g: Symbolic, parts: Symbolic, piece: Callable[[Symbolic, Symbolic, Symbolic], tuple[Symbolic, Symbolic]]
) -> Symbolic:
    """The list of the pieces, with the place where the next one starts carried from part to part."""
    whole = g.apply("range", 0, g.apply("len", parts), 1)
    inner = Builder(g.builder.origin)
    item, start = inner.value(INT, "i"), inner.value(INT, "start")
    at = Symbolic(inner, item)
    one, stop = piece(at.new(g.value), at.new(parts.value)[at], at.new(start))
    block = inner.block((item, start), (stop.value, one.value))
    results = (g.builder.value(INT), g.builder.value(List(one.type)))
    g.builder.emit(For(whole.value, (constant(0),), (), block, results, g.builder.origin))
    return g.new(results[1])
