"""Reductions of stacks of directions: every axis one further back, and all axes but the first in place of all.

>>> shifted(0), shifted((-1, 1))
(1, (-1, 2))
"""

from __future__ import annotations

from srcdiff.ir.types import is_container
from srcdiff.primitives.directions_core import Stacks, as_array, flattened, rule, with_axes
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of
from srcdiff.primitives.symbolic import Symbolic

_PLAIN = ("np.sum", "np.prod", "np.mean", "np.max", "np.min", "np.any", "np.all", "np.count_nonzero")


def shifted(axis: object) -> object:
    """Axes of one direction as axes of the stack."""
    match axis:
        case int():
            return axis + 1 if axis >= 0 else axis
        case tuple():
            return tuple(map(shifted, axis))
        case _:
            raise AssertionError(f"{axis!r} is no axis")


def axes_of(s: Stacks, position: int, rank: int | None) -> object | None:
    """The axes of the stack that the operand at `position` names in one direction; None where they are not known."""
    axis = axis_of(s.apply.operands[position])
    if axis is None:
        return None if rank is None else 1 if rank == 1 else tuple(range(1, rank + 1))
    return None if axis is UNKNOWN_AXIS else shifted(axis)


def listed(s: Stacks) -> Symbolic | None:
    """Operand 0 as an array."""
    return as_array(s[0], s.type(0)) if is_container(s.type(0)) else s[0]


_WITHOUT_NAN = tuple(f"np.nan{n}" for n in ("sum", "prod", "mean", "max", "min", "var", "std"))


@rule(*_PLAIN, *_WITHOUT_NAN, "np.var", "np.std", "np.ptp")
def _(s: Stacks) -> Symbolic | None:
    x, axes = listed(s), axes_of(s, 1, s.rank(0))
    if x is None or any(s.stacked[1:]):
        return None
    if axes is None and s.is_none(1) and s.constant(len(s.operands) - 1) is False:
        # Of unknown rank: all that belongs to a direction in one row.
        return s.call(flattened(x, s.count), 1, *s.operands[2:])
    if axes == ():
        return (
            s[0] if s.name in ("np.sum", "np.prod", "np.mean", "np.max", "np.min") else s.call(x, (), *s.operands[2:])
        )
    return None if axes is None else s.call(x, axes, *s.operands[2:])


_MASKED = tuple(f"np.{n}(where)" for n in ("sum", "prod", "mean", "max", "min", "var", "std", "any", "all"))


@rule(*_MASKED)
def _(s: Stacks) -> Symbolic | None:
    """A mask broadcasts from the right, so that it stands for every direction; an initial value is one number."""
    names, rank = s.apply.primitive.parameters, s.rank(0)
    axes, where = axes_of(s, 1, rank), names.index("where")
    if axes is None or rank is None or is_container(s.type(0)):
        return None
    given = list(s.operands)
    initial = names.index("initial") if "initial" in names else None
    added: Symbolic | None = None
    if initial is not None and s.stacked[initial]:
        if s.name != "np.sum(where)":
            return None
        kept = _kept_rank(s, rank, names.index("keepdims"))
        if kept is None:
            return None
        added, given[initial] = with_axes(s[initial], kept), s.count.constant(None)
        if not s.stacked[0]:
            return s.call(*given) + added
    if not s.stacked[0]:
        return None
    if s.stacked[where]:
        aligned = s.align(where, rank)
        if aligned is None:
            return None
        given[where] = aligned
    total = s.call(given[0], axes, *given[2:])
    return total if added is None else total + added


def _kept_rank(s: Stacks, rank: int, keepdims: int) -> int | None:
    """The rank of a reduction in one direction."""
    keep, axis = s.constant(keepdims), axis_of(s.apply.operands[1])
    if keep is None:
        return None
    return rank if keep else 0 if axis is None else rank - (len(axis) if isinstance(axis, tuple) else 1)


@rule("np.argmax", "np.argmin", "np.nanargmax", "np.nanargmin")
def _(s: Stacks) -> Symbolic | None:
    axes = axes_of(s, 1, s.rank(0))
    return s.call(s[0], axes, s[2]) if isinstance(axes, int) and not is_container(s.type(0)) else None


@rule("np.linalg.norm")
def _(s: Stacks) -> Symbolic | None:
    axes = axes_of(s, 2, s.rank(0))
    whole = s.is_none(2)
    if axes is None or any(s.stacked[1:]) or is_container(s.type(0)) or (whole and s.rank(0) not in (1, 2)):
        return None
    return s.call(s[0], s[1], axes, s[3])


@rule("product_of_others")
def _(s: Stacks) -> Symbolic | None:
    axes = axes_of(s, 1, s.rank(0))
    return None if axes is None or is_container(s.type(0)) or axes == () else s.call(s[0], axes)


@rule("scipy.special.softmax", "scipy.special.log_softmax")
def _(s: Stacks) -> Symbolic | None:
    x, axes = listed(s), axes_of(s, 1, s.rank(0))
    if x is None or axes is None or axes == ():
        return None
    return s.call(x, axes)


@rule("scipy.special.logsumexp")
def _(s: Stacks) -> Symbolic | None:
    a, axes = listed(s), axes_of(s, 1, s.rank(0))
    if a is None or axes is None or axes == () or not s.stacked[0] or not s.is_none(2):
        return None
    if not isinstance(axes, int):
        # SciPy fails where several axes of an array without elements are reduced.
        return s.call(flattened(a, s.count), 1, None, False) if s.is_none(1) and s.constant(3) is False else None
    return s.call(a, axes, None, s[3])
