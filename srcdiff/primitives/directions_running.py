"""Operations along one axis that is kept, on stacks of directions: the axis is one further back.

>>> from srcdiff.primitives.directions_core import REGISTER
>>> REGISTER["np.diff"] is REGISTER["recurrence"]
False
"""

from __future__ import annotations

from srcdiff.ir.types import NONE, is_container
from srcdiff.primitives.directions_core import Stacks, flat, rule, with_axes
from srcdiff.primitives.directions_reductions import axes_of
from srcdiff.primitives.symbolic import Symbolic


@rule("np.cumsum", "np.cumprod", "np.cumsum(dtype)", "np.cumprod(dtype)", "np.nancumsum", "np.nancumprod")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)):
        return None
    if s.is_none(1):
        return s.call(flat(s, 0), 1, *s.operands[2:])
    axes = axes_of(s, 1, s.rank(0))
    return None if axes is None else s.call(s[0], axes, *s.operands[2:])


@rule("np.maximum.accumulate", "np.minimum.accumulate", "np.logaddexp.reduce")
def _(s: Stacks) -> Symbolic | None:
    axes = axes_of(s, 1, s.rank(0))
    return None if axes is None or is_container(s.type(0)) else s.call(s[0], axes, *s.operands[2:])


@rule("np.diff")
def _(s: Stacks) -> Symbolic | None:
    """What is put before or after is a stack too, with the axes of the array."""
    rank, axis = s.rank(0), axes_of(s, 2, s.rank(0))
    if rank is None or not isinstance(axis, int) or not s.stacked[0] or is_container(s.type(0)):
        return None
    extras: list[Symbolic] = []
    for i in (3, 4):
        if not s.stacked[i]:
            if s.type(i) != NONE and s.rank(i) != 0:
                return None
            extras.append(s[i])
        elif s.rank(i) == 0:
            extras.append(with_axes(s[i], rank))
            if rank > 1:
                return None
        else:
            extras.append(s[i])
    return s.call(s[0], s[1], axis, *extras)


@rule("np.trapezoid", "np.trapz")
def _(s: Stacks) -> Symbolic | None:
    axis = axes_of(s, 3, s.rank(0))
    if axis is None or any(s.stacked[1:]) or s.rank(0) is None or is_container(s.type(0)):
        return None
    return s.call(s[0], s[1], s[2], axis) if s.is_none(1) or s.rank(1) == 1 else None


@rule("np.gradient", "np.gradient(spacing)")
def _(s: Stacks) -> Symbolic | None:
    at = len(s.operands) - 2
    if any(s.stacked[1:]):
        return None
    axis = 1 if s.is_none(at) and s.rank(0) == 1 else axes_of(s, at, s.rank(0))
    return s.call(s[0], *s.operands[1:at], axis, s[at + 1]) if isinstance(axis, int) else None


@rule("recurrence", "recurrence_back")
def _(s: Stacks) -> Symbolic | None:
    """Factors that are the same in every direction broadcast."""
    axis = axes_of(s, 2, s.rank(1))
    a, b = s.operands[:2]
    if axis is None or not s.stacked[1]:
        return None
    return s.call(a if s.stacked[0] else a[None], b, axis)
