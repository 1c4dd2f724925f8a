"""What makes arrays of stacks of directions, and what asks one of them for its shape."""

from __future__ import annotations

from srcdiff.ir.types import FLOAT, Array, Scalar, Tuple, Type, is_container, is_differentiable
from srcdiff.primitives.directions_core import Stacks, as_array, rule, with_axes
from srcdiff.primitives.directions_spread import spread
from srcdiff.primitives.inference import dtype_of_type
from srcdiff.primitives.rules_joining import display
from srcdiff.primitives.symbolic import Symbolic


@rule("np.full")
def _(s: Stacks) -> Symbolic | None:
    result = s.apply.result.type
    own = s.rank(1)
    if not isinstance(result, Array) or result.shape is None or own is None or is_container(s.type(1)):
        return None
    shape = s.with_count(s[0])
    return None if shape is None else s.call(shape, with_axes(s[1], len(result.shape) - own), s[2])


@rule("np.full_like")
def _(s: Stacks) -> Symbolic | None:
    rank = s.rank(0)
    fill = None if rank is None else s.align(1, rank)
    if fill is None or is_container(s.type(0)) or is_container(s.type(1)):
        return None
    if s.stacked[0]:
        return s.call(s[0], fill, s[2])
    shape = s.with_count(s.one_shape(0))
    if shape is None:
        return None
    if s.is_none(2) and dtype_of_type(s.type(0)) == "float64" and dtype_of_type(s[1].type) == "float64":
        return s.count.apply("np.full", shape, fill)
    dtype = s[0].apply("dtype", s[0]) if s.is_none(2) else s[2]
    return s.count.apply("np.full", shape, fill, dtype)


@rule("np.zeros_like", "np.ones_like", "np.empty_like")
def _(s: Stacks) -> Symbolic | None:
    return None if is_container(s.type(0)) else s.same()


@rule("np.array", "np.asarray")
def _(s: Stacks) -> Symbolic | None:
    if not is_container(s.type(0)):
        return s.same()
    whole = as_array(s[0], s.type(0))
    if whole is None:
        whole = _mixed(s[0], s.type(0), s.count)
    if whole is None or s.is_none(1):
        return whole
    return whole.apply("astype", whole, s[1])


def _mixed(x: Symbolic, t: Type, count: Symbolic) -> Symbolic | None:
    """The stack of an array made of a display in which some items have no directions: integers, constant rows."""
    match t:
        case Tuple(items) if items:
            parts = [_mixed(x[i], item, count) for i, item in enumerate(items)]
            known = [p for p in parts if p is not None]
            return x.apply("np.stack", display(x, *known), 1) if len(known) == len(items) else None
        case Scalar():
            return x if is_differentiable(t) else spread(x, FLOAT, count)
        case Array(_, shape):
            return x if is_differentiable(t) else spread(x, Array("float64", shape), count)
        case _:
            return None


@rule("astype")
def _(s: Stacks) -> Symbolic | None:
    return s.same()


@rule("item")
def _(s: Stacks) -> Symbolic | None:
    rank = s.rank(0)
    if rank is None:
        return s[0].apply("np.reshape", s[0], s.count)
    first = (slice(None), *(0,) * rank)
    return s[0][first] if rank else s[0]


@rule("np.linspace", "np.geomspace")
def _(s: Stacks) -> Symbolic | None:
    ranks = [s.rank(0), s.rank(1)]
    if None in ranks or any(s.stacked[2:]) or any(is_container(s.type(i)) for i in (0, 1)):
        return None
    ends = [s.align(i, max(r for r in ranks if r is not None)) for i in (0, 1)]
    if any(e is None for e in ends):
        return None
    whole = s.call(*ends, *s.operands[2:])
    return whole.T if ranks == [0, 0] else whole.apply("np.moveaxis", whole, 1, 0)


# Shapes: those of one direction.


@rule("shape")
def _(s: Stacks) -> Symbolic | None:
    return s.one_shape(0)


@rule("len")
def _(s: Stacks) -> Symbolic | None:
    return s.same() if is_container(s.type(0)) else s.one_dimension(0, 0)


@rule("ndim")
def _(s: Stacks) -> Symbolic | None:
    rank = s.rank(0)
    return s.same() - 1 if rank is None else s.count.constant(rank)


@rule("size")
def _(s: Stacks) -> Symbolic | None:
    shape = s.shape(0)
    if shape is None:
        return s.same() // s.count
    if is_container(s.type(0)):
        raise s.fail("the size of a list of arrays is asked for")
    total: Symbolic | None = None
    for i in range(len(shape)):
        size = s.one_dimension(0, i)
        total = size if total is None else total * size
    return s.count.constant(1) if total is None else total


@rule("dtype")
def _(s: Stacks) -> Symbolic | None:
    return s.same()


@rule("last_written")
def _(s: Stacks) -> Symbolic | None:
    return s.call(s[0].apply("np.zeros", s.one_shape(0)), s[1])
