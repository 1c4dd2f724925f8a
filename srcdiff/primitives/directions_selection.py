"""Sorting and choosing, on stacks of directions: the axis is one further back, positions are those of every direction.

>>> from srcdiff.primitives.directions_core import REGISTER
>>> "np.take" in REGISTER, "np.average" in REGISTER
(True, False)
"""

from __future__ import annotations

from srcdiff.ir.types import is_container
from srcdiff.primitives.directions_core import Stacks, flat, rule
from srcdiff.primitives.directions_reductions import axes_of
from srcdiff.primitives.symbolic import Symbolic


@rule("np.argsort", "np.sort")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)):
        return None
    if s.is_none(1):
        return s.call(flat(s, 0), 1, s[2])
    axes = axes_of(s, 1, s.rank(0))
    return s.call(s[0], axes, s[2]) if isinstance(axes, int) else None


@rule("np.partition", "np.argpartition")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)) or any(s.stacked[1:]):
        return None
    if s.is_none(2):
        return s.call(flat(s, 0), s[1], 1)
    axes = axes_of(s, 2, s.rank(0))
    return s.call(s[0], s[1], axes) if isinstance(axes, int) else None


@rule("np.take")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)) or any(s.stacked[1:]):
        return None
    if s.is_none(2):
        return s.call(flat(s, 0), s[1], 1)
    axes = axes_of(s, 2, s.rank(0))
    return s.call(s[0], s[1], axes) if isinstance(axes, int) else None


@rule("np.take_along_axis")
def _(s: Stacks) -> Symbolic | None:
    rank, axes = s.rank(0), axes_of(s, 2, s.rank(0))
    if is_container(s.type(0)) or s.stacked[1]:
        return None
    if s.is_none(2):
        return s.count.apply("np.take", flat(s, 0), s[1], 1)
    if not isinstance(axes, int) or rank is None:
        return None
    return s.call(s[0], s[1][None], axes) if s.rank(1) == rank else None


@rule("np.compress")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(1)) or s.stacked[0]:
        return None
    if s.is_none(2):
        return s.call(s[0], flat(s, 1), 1)
    axes = axes_of(s, 2, s.rank(1))
    return s.call(s[0], s[1], axes) if isinstance(axes, int) else None


@rule("np.median", "np.nanmedian")
def _(s: Stacks) -> Symbolic | None:
    axes = axes_of(s, 1, s.rank(0))
    return s.call(s[0], axes, s[2]) if isinstance(axes, int) and not is_container(s.type(0)) else None


@rule("np.histogram")
def _(s: Stacks) -> Symbolic | None:
    raise s.fail("its counts differ from direction to direction")
