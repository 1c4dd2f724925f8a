"""Rearranging stacks of directions: reshape, transposes, diagonals, repetition."""

from __future__ import annotations

from collections.abc import Callable

from srcdiff.ir.types import Array, Tuple, is_container
from srcdiff.primitives.directions_core import (
    Stacks,
    as_array,
    flat,
    rank_of,
    rule,
    with_axes,
)
from srcdiff.primitives.directions_reductions import axes_of
from srcdiff.primitives.known import axis_of, shape_operand
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
