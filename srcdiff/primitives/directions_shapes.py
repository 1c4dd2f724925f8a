"""Rearranging stacks of directions: reshape, transposes, joining, diagonals, repetition."""

from __future__ import annotations

from collections.abc import Callable

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import For, constant
from srcdiff.ir.types import INT, Array, List, Tuple, Type, is_container, is_differentiable
from srcdiff.primitives.directions_core import (
    Stacks,
    as_array,
    comprehension,
    flat,
    flattened,
    rank_of,
    rule,
    with_axes,
)
from srcdiff.primitives.directions_reductions import axes_of, shifted
from srcdiff.primitives.directions_spread import spread
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, shape_operand
from srcdiff.primitives.symbolic import Symbolic


def array(s: Stacks) -> Symbolic | None:
    """Operand 0 as an array."""
    return as_array(s[0], s.type(0)) if is_container(s.type(0)) else s[0]


@rule("np.reshape")
def _(s: Stacks) -> Symbolic | None:
    x, result = array(s), s.apply.result.type
    if x is None or not isinstance(result, Array):
        return None
    if result.shape is not None and all(isinstance(d, int) for d in result.shape):
        return s.call(x, (s.count, *result.shape))
    shape = s.with_count(s[1])
    return None if shape is None else s.call(x, shape)


@rule("np.ravel")
def _(s: Stacks) -> Symbolic | None:
    return None if is_container(s.type(0)) else flat(s, 0)


@rule("T")
def _(s: Stacks) -> Symbolic | None:
    return transposed(s)


def transposed(s: Stacks) -> Symbolic | None:
    """The axes of each direction in the opposite order."""
    x, rank = array(s), s.rank(0)
    match rank:
        case None:
            return None
        case 0 | 1:
            return x
        case 2:
            return None if x is None else x.apply("np.swapaxes", x, -1, -2)
        case _:
            return None if x is None else x.apply("np.transpose", x, (0, *range(rank, 0, -1)))


@rule("np.transpose")
def _(s: Stacks) -> Symbolic | None:
    if s.is_none(1):
        return transposed(s)
    axes, x = axis_of(s.apply.operands[1]), array(s)
    if not isinstance(axes, tuple) or x is None:
        return None
    return s.call(x, (0, *(a % len(axes) + 1 for a in axes)))


@rule("np.swapaxes", "np.moveaxis", "np.flip", "np.squeeze", "np.expand_dims")
def _(s: Stacks) -> Symbolic | None:
    x = array(s)
    if s.name == "np.squeeze" and s.is_none(1):
        shape = s.shape(0)
        if shape is None or not all(isinstance(d, int) for d in shape):
            return None
        ones = tuple(i + 1 for i, d in enumerate(shape) if d == 1)
        return x if not ones else None if x is None else s.call(x, ones[0] if len(ones) == 1 else ones)
    axes = [axes_of(s, i, s.rank(0)) for i in range(1, len(s.operands))]
    if x is None or None in axes:
        return None
    return x if axes == [()] else s.call(x, *axes)


@rule("np.roll")
def _(s: Stacks) -> Symbolic | None:
    if s.stacked[1] or is_container(s.type(0)):
        return None
    if s.is_none(2) and s.rank(0) != 1:
        if s.rank(0) == 0:
            return s[0]
        rolled = s.call(flat(s, 0), s[1], 1)
        return rolled.apply("np.reshape", rolled, s[0].shape)
    axes = axes_of(s, 2, s.rank(0))
    return None if axes is None else s.call(s[0], s[1], axes)


@rule("np.broadcast_to")
def _(s: Stacks) -> Symbolic | None:
    dims, result = shape_operand(s[1].value), s.apply.result.type
    rank = len(dims) if dims is not None else rank_of(result)
    x = array(s)
    if rank is None or x is None or s.rank(0) is None or s.rank(0) > rank:  # type: ignore[operator]
        return None
    shape = s.with_count(s[1])
    return None if shape is None else s.call(with_axes(x, rank - (s.rank(0) or 0)), shape)


def _at_least(rank: int) -> Callable[[Stacks], Symbolic | None]:
    def build(s: Stacks) -> Symbolic | None:
        x, own = array(s), s.rank(0)
        return None if own is None or x is None else with_axes(x, max(rank - own, 0))

    return build


rule("np.atleast_1d")(_at_least(1))
rule("np.atleast_2d")(_at_least(2))


# Joining.


def _parts(s: Stacks) -> tuple[Symbolic, list[int | None]] | None:
    """What is joined, every part a stack, and the ranks of the parts."""
    t = s.type(0)
    match t:
        case Tuple(items):
            given = s[0]
            if not all(is_differentiable(i) for i in items):
                floats: list[Type] = [_as_float(i) for i in items]
                parts = [p if is_differentiable(i) else spread(p, f, s.count) for p, i, f in _items(s, items, floats)]
                given = s[0].apply("make_tuple", *parts)
            return given, [rank_of(i) for i in items]
        case List(item) if item is not None:
            return s[0], [rank_of(item)]
        case Array(_, shape) if shape:
            return s[0].apply("np.moveaxis", s[0], 1, 0), [len(shape) - 1]
        case _:
            return None


def _items(s: Stacks, items: tuple[Type, ...], floats: list[Type]) -> list[tuple[Symbolic, Type, Type]]:
    return [(s[0][i], item, floats[i]) for i, item in enumerate(items)]


def _as_float(t: Type) -> Type:
    return t if is_differentiable(t) else Array("float64", shape_of_type(t))


def _each(parts: Symbolic, ranks: list[int | None], change: Callable[[Symbolic, int | None], Symbolic]) -> Symbolic:
    """The parts, each of them changed by a function of it and its rank."""
    if isinstance(parts.type, Tuple):
        return parts.apply("make_tuple", *(change(parts[i], r) for i, r in enumerate(ranks)))
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


def _lines(axis: int) -> Callable[[Stacks], Symbolic | None]:
    """`np.vstack` (vectors are rows) and `np.column_stack` (vectors are columns)."""

    def build(s: Stacks) -> Symbolic | None:
        found = _parts(s)
        if found is None or None in found[1]:
            return None
        parts, ranks = found
        if set(ranks) == {1}:
            return s.count.apply("np.stack", parts, axis)
        if set(ranks) - {0, 1}:
            along = axis

            def matrix(p: Symbolic, r: int | None) -> Symbolic:
                return p if r is None or r >= 2 else _line(p, r, along)

            whole = parts if min(r for r in ranks if r is not None) >= 2 else _each(parts, ranks, matrix)
            return s.count.apply("np.concatenate", whole, axis)
        return s.count.apply("np.concatenate", _each(parts, ranks, lambda p, r: _line(p, r or 0, axis)), axis)

    return build


def _line(part: Symbolic, rank: int, axis: int) -> Symbolic:
    """A number or a vector as a row (axis 1) or a column (axis 2)."""
    if rank == 0:
        return with_axes(part, 2)
    return with_axes(part, 1) if axis == 1 else part[:, :, None]


rule("np.vstack")(_lines(1))
rule("np.column_stack")(_lines(2))


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


@rule("split_like")
def _(s: Stacks) -> Symbolic | None:
    """The pieces of each direction: as many places along the axis as the part has."""
    axis, rank, like = axis_of(s.apply.operands[2]), s.rank(0), s.type(1)
    items = like.items if isinstance(like, Tuple) else (like.item,) if isinstance(like, List) else (None,)
    ranks = [None if t is None else rank_of(t) for t in items]
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


# Diagonals: of the first two axes, or into two new ones.


@rule("np.diag")
def _(s: Stacks) -> Symbolic | None:
    x, rank = array(s), s.rank(0)
    if rank == 2 and x is not None:
        return _diagonal(x, "np.diagonal", s[1])
    if rank != 1 or x is None or s.constant(1) != 0:
        return None
    # A product with the identity would spoil the places beside an infinite element.
    return x.apply("np.where", x.apply("np.eye", x.shape[1]) == 1.0, x[:, None], 0.0)


def _diagonal(x: Symbolic, name: str, offset: object) -> Symbolic:
    return x.apply(name, x.apply("np.moveaxis", x, 0, 2), offset)


@rule("np.diagonal", "np.trace")
def _(s: Stacks) -> Symbolic | None:
    x = array(s)
    return None if x is None or s.rank(0) is None else _diagonal(x, s.name, s[1])


@rule("np.tril", "np.triu")
def _(s: Stacks) -> Symbolic | None:
    x = array(s)
    return s.call(x, s[1]) if x is not None and (s.rank(0) or 0) >= 2 else None


# Repetition.


@rule("np.repeat")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)) or s.stacked[1]:
        return None
    if s.is_none(2):
        return s.call(flat(s, 0), s[1], 1)
    axes = axes_of(s, 2, s.rank(0))
    return None if axes is None else s.call(s[0], s[1], axes)


@rule("np.tile")
def _(s: Stacks) -> Symbolic | None:
    x, own, dims = array(s), s.rank(0), shape_operand(s[1].value)
    if x is None or own is None or dims is None or s.stacked[1]:
        return None
    rank = max(own, len(dims))
    factors = [s[1][i] for i in range(len(dims))] if isinstance(s[1].type, Tuple) else [s[1]]
    return s.call(with_axes(x, rank - own), (1, *(1,) * (rank - len(dims)), *factors))
