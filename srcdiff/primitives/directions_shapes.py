"""Rearranging stacks of directions: reshape, transposes, diagonals, repetition."""

from __future__ import annotations

from collections.abc import Callable

from srcdiff.ir.types import Array, Scalar, Tuple, is_container, is_differentiable
from srcdiff.primitives.directions_core import (
    Stacks,
    as_array,
    flat,
    rule,
    with_axes,
)
from srcdiff.primitives.directions_reductions import axes_of, shifted
from srcdiff.primitives.inference import rank_of_type
from srcdiff.primitives.joining import LAYERS
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, shape_operand
from srcdiff.primitives.repetition import pad_paths
from srcdiff.primitives.shapes import rolled
from srcdiff.primitives.splitting import axis_of_split, grid_places
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
    rank = len(dims) if dims is not None else rank_of_type(result)
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


@rule("np.atleast_3d")
def _(s: Stacks) -> Symbolic | None:
    x, rank = array(s), s.rank(0)
    if rank is None or x is None:
        return None
    return enlarged(x, LAYERS.get(rank))


@rule("np.ascontiguousarray", "np.asfortranarray", "np.require")
def _(s: Stacks) -> Symbolic | None:
    x, rank = array(s), s.rank(0)
    if rank is None or x is None:
        return None
    whole = with_axes(x, 1) if rank == 0 and s.name != "np.require" else x
    return s.call(whole, *s.operands[1:])


@rule("np.flipud", "np.fliplr")
def _(s: Stacks) -> Symbolic | None:
    x = array(s)
    return None if x is None else x.apply("np.flip", x, 1 if s.name == "np.flipud" else 2)


@rule("np.rollaxis")
def _(s: Stacks) -> Symbolic | None:
    x, places = array(s), rolled(s.apply.operands[1], s.apply.operands[2], s.rank(0))
    return None if x is None or places is None else x.apply("np.moveaxis", x, places[0] + 1, places[1] + 1)


@rule("np.rot90")
def _(s: Stacks) -> Symbolic | None:
    x, axes = array(s), axis_of(s.apply.operands[2])
    if x is None or axes is UNKNOWN_AXIS or s.stacked[1]:
        return None
    return s.call(x, s[1], shifted((0, 1) if axes is None else axes))


# Diagonals.


@rule("np.diag")
def _(s: Stacks) -> Symbolic | None:
    x, rank = array(s), s.rank(0)
    if rank == 2 and x is not None:
        return x.apply("np.diagonal", x, s[1], 1, 2)
    if rank != 1 or x is None or s.constant(1) != 0:
        return None
    return _on_main_diagonal(x)


def _on_main_diagonal(x: Symbolic) -> Symbolic:
    # A product with the identity would spoil the places beside an infinite element.
    return x.apply("np.where", x.apply("np.eye", x.shape[1]) == 1.0, x[:, None], 0.0)


@rule("np.diagflat")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)) or s.constant(1) != 0 or s.rank(0) is None:
        return None
    return _on_main_diagonal(flat(s, 0))


@rule("np.diagonal", "np.trace")
def _(s: Stacks) -> Symbolic | None:
    x, axes = array(s), [axis_of(s.apply.operands[i]) for i in (2, 3)]
    if x is None or s.rank(0) is None or any(s.stacked[1:]) or UNKNOWN_AXIS in axes:
        return None
    return s.call(x, s[1], *map(shifted, axes))


@rule("np.tril", "np.triu")
def _(s: Stacks) -> Symbolic | None:
    x, rank = array(s), s.rank(0)
    if x is None or not rank:
        return None
    if rank == 1:
        n = x.shape[1]
        x = x.apply("np.broadcast_to", x[:, None], (x.new(s.count.value), n, n))
    return s.call(x, s[1])


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


@rule("np.resize")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)) or s.stacked[1] or s.rank(0) is None:
        return None
    whole = flat(s, 0)
    places = whole.apply("np.resize", whole.apply("np.arange", whole.shape[1]), s[1])
    return whole[:, places]


@rule("np.pad")
def _(s: Stacks) -> Symbolic | None:
    rank = s.rank(0)
    paths = None if rank is None else pad_paths(s.type(1), rank)
    if paths is None or not s.stacked[0] or any(s.stacked[1:]) or is_container(s.type(0)):
        return None
    if not isinstance(s.type(3), Scalar):
        return None

    def at(path: tuple[int, ...]) -> Symbolic:
        width = s[1]
        for i in path:
            width = width[i]
        return width

    widths = ((0, 0), *((at(before), at(after)) for before, after in paths))
    return s.call(s[0], widths, s[2], s[3])


@rule("np.delete")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)) or s.stacked[1]:
        return None
    if s.is_none(2):
        return None if s.rank(0) is None else s.call(flat(s, 0), s[1], 1)
    axes = axes_of(s, 2, s.rank(0))
    return None if axes is None else s.call(s[0], s[1], axes)


# Several arrays.


@rule("np.split", "np.array_split", "np.vsplit", "np.hsplit", "np.dsplit")
def _(s: Stacks) -> Symbolic | None:
    if s.stacked[1] or is_container(s.type(0)):
        return None
    axis = axis_of_split(s.name, s.rank(0)) if len(s.operands) == 2 else axis_of(s.apply.operands[2])
    if not isinstance(axis, int):
        return None
    return s[0].apply("np.array_split" if s.name == "np.array_split" else "np.split", s[0], s[1], shifted(axis))


@rule("np.broadcast_arrays", "np.meshgrid")
def _(s: Stacks) -> Symbolic | None:
    t = s.type(0)
    if not isinstance(t, Tuple) or not all(isinstance(i, Scalar | Array) and is_differentiable(i) for i in t.items):
        return None
    ranks = [rank_of_type(i) for i in t.items]
    if None in ranks:
        return None
    known = [r for r in ranks if r is not None]
    if s.name == "np.broadcast_arrays":
        parts = [with_axes(s[0][i], max(known) - r) for i, r in enumerate(known)]
        return s.call(tuple(parts))
    parts = []
    for i, place in enumerate(grid_places(len(known), str(s.constant(2)))):
        axes = tuple(0 if a == place and known[i] else None for a in range(len(known)))
        parts.append(enlarged(s[0][i], axes))
    whole = s.count.apply("make_tuple", *parts)
    return whole if s.constant(1) is True else s.count.apply("np.broadcast_arrays", whole)


def enlarged(part: Symbolic, axes: tuple[int | None, ...] | None) -> Symbolic:
    """A stack of numbers, vectors or matrices with the new axes of a plan."""
    if axes is None:
        return part
    index = (slice(None), *(None if a is None else slice(None) for a in axes))
    return part[index]
