"""What is known of where a tangent or an adjoint is zero, and questions asked of it.

In: values. Out: `Guard`, the masks off which a value is zero; used by `srcdiff.ad.masks`.

>>> from srcdiff.ir.core import constant
>>> is_zero(constant(0.0)), is_zero(constant(0)), common(ZERO, None) is None
(True, False, True)
"""

from __future__ import annotations

from dataclasses import dataclass

from srcdiff.ir.core import Block, Constant, Value, walk
from srcdiff.ir.types import Array, Scalar

Mask = tuple[Value, bool]
"""A condition, and what it is where the adjoint may differ from zero."""


@dataclass(frozen=True)
class Guard:
    """The tangent or adjoint is zero off these masks.

    `summed`: it is a sum along axes. Such a sum is seldom zero, and only what divides it is looked after.
    """

    masks: tuple[Mask, ...]
    summed: bool = False

    def holds_outside(self, block: Block) -> bool:
        """Whether the masks are defined outside of a block."""
        inside = {*block.parameters, *(v for s in walk(block) for v in s.results)}
        return not any(condition in inside for condition, _ in self.masks)


ZERO = Guard(())
"""It is zero everywhere."""

Guards = dict[Value, Guard]


def common(a: Guard | None, b: Guard | None) -> Guard | None:
    """What holds of a value that is one or the other."""
    if a is None or b is None or a == b:
        return None if b is None else a
    return b if a == ZERO else a if b == ZERO else None


def is_zero(x: Value) -> bool:
    return isinstance(x, Constant) and isinstance(x.value, float) and x.value == 0.0


def is_finite(x: Value) -> bool:
    """Whether a factor is a number of the program, an integer, or a truth value."""
    if isinstance(x, Constant):
        return True
    match x.type:
        case Scalar(kind):
            return kind != "float"
        case Array(dtype, _):
            return dtype is not None and not dtype.startswith("float")
    return False


def is_mask(index: Value, x: Value) -> bool:
    """Whether the index is a boolean array that has the shape of `x`."""
    match index.type, x.type:
        case Array("bool", m), Array(_, s):
            return m is not None and s is not None and len(m) == len(s)
    return False
