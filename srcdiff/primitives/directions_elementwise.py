"""Elementwise operations on stacks of directions.

NumPy aligns trailing axes, so a stack of lower rank gets axes of size 1 after its leading one.
"""

from __future__ import annotations

from srcdiff.ir.types import NONE, Array, Scalar, is_container
from srcdiff.primitives.directions_core import Stacks, as_array, rule, with_axes
from srcdiff.primitives.directions_spread import FLOAT64
from srcdiff.primitives.elementwise import ELEMENTWISE
from srcdiff.primitives.symbolic import MATH_NAMES, Symbolic

_OPERATORS = (
    *("subtract", "divide", "floor_divide", "mod", "power", "negative", "positive", "invert", "abs"),
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "bit_and", "bit_or", "bit_xor"),
)


def aligned(s: Stacks) -> list[Symbolic] | None:
    """The operands with the axes of size 1 that bring the directions of every stack in front of all others."""
    operands: list[Symbolic] = []
    for i, given in enumerate(s.operands):
        x = as_array(given, s.type(i)) if _is_listed(s, i) else given
        if x is None:
            return None
        operands.append(x)
    everywhere = range(len(operands))
    wide = [i for i in everywhere if not isinstance(s.type(i), Scalar) and not s.is_none(i)]
    if len(wide) <= 1 and not any(s.stacked[i] for i in everywhere if i not in wide):
        # Beside numbers that are the same in every direction nothing needs to be aligned.
        return operands
    ranks: list[int] = []
    for i in everywhere:
        rank = 0 if s.is_none(i) else s.rank(i)
        if rank is None:
            return None
        ranks.append(rank)
    highest = max(ranks)
    return [with_axes(x, highest - ranks[i]) if s.stacked[i] else x for i, x in enumerate(operands)]


def _is_listed(s: Stacks, i: int) -> bool:
    return s.stacked[i] and is_container(s.type(i))


@rule(*_OPERATORS, *ELEMENTWISE)
def elementwise(s: Stacks) -> Symbolic | None:
    operands = aligned(s)
    return None if operands is None else s.call(*operands)


_OF_NUMPY = {of_math: of_numpy for of_numpy, of_math in MATH_NAMES.items()}


_OF_NUMPY |= {"math.fabs": "np.fabs", "math.pow": "power", "math.fmod": "np.fmod", "math.ldexp": "np.ldexp"}
_OF_NUMPY |= {"math.modf": "np.modf"}


@rule(*_OF_NUMPY)
def of_numbers(s: Stacks) -> Symbolic | None:
    """Functions of the module `math` become those of NumPy."""
    if s.name == "math.log":
        return s.count.apply("np.log", s[0]) if s.is_none(1) else None
    return s.count.apply(_OF_NUMPY[s.name], *s.operands)


@rule("np.nan_to_num")
def _(s: Stacks) -> Symbolic | None:
    return None if any(s.stacked[1:]) or is_container(s.type(0)) else s.same()


@rule("np.modf")
def _(s: Stacks) -> Symbolic | None:
    return None if is_container(s.type(0)) else s.same()


@rule("math.hypot")
def _(s: Stacks) -> Symbolic | None:
    return s.count.apply("np.hypot", *s.operands) if len(s.operands) == 2 else None


@rule("math.fma")
def _(s: Stacks) -> Symbolic | None:
    return s[0] * s[1] + s[2]


@rule("np.frexp", "math.frexp")
def _(s: Stacks) -> Symbolic | None:
    raise s.fail("the exponents differ from direction to direction")


@rule("float")
def _(s: Stacks) -> Symbolic | None:
    match s[0].type:
        case Array(dtype, shape) if shape is not None and len(shape) == 1:
            return s[0] if dtype in (None, "float64") else s[0].apply("astype", s[0], FLOAT64)
        case _:
            return None


@rule("identity", "copy")
def _(s: Stacks) -> Symbolic | None:
    return s.same()


@rule("is_", "is_not")
def _(s: Stacks) -> Symbolic | None:
    if not any(x.type == NONE for x in s.operands):
        raise s.fail("an object is compared with a stack of objects")
    return s.same()
