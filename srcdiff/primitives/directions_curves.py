"""Interpolation, convolution and polynomials for stacks of directions."""

from __future__ import annotations

from srcdiff.ir.types import is_container
from srcdiff.primitives.directions_core import Stacks, rule
from srcdiff.primitives.symbolic import Symbolic


@rule("np.interp")
def _(s: Stacks) -> Symbolic | None:
    """Every place of x is looked up by itself, so that x may be a stack; knots and values may not."""
    return s.same() if s.stacked[0] and not any(s.stacked[1:]) and not is_container(s.type(0)) else None


@rule("np.polyval")
def _(s: Stacks) -> Symbolic | None:
    return s.same() if s.stacked[1] and not s.stacked[0] and not is_container(s.type(1)) else None
