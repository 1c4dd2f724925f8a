"""One operation done for a stack of directions at once.

In: an operation, and operands of which some are stacks: they have one more, leading axis, along which the directions
lie. Out: `along_directions`, the stack of what the operation gives in each direction, in NumPy's own terms:
`dx[:, None] * a` for a number dx that multiplies a vector. What has no such form is done one direction after the other.

>>> from srcdiff.ir.core import constant
>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> dx, a = Value(FLOAT, "dx"), Value(Array("float64", (5,)), "a")
>>> y = b.apply(TABLE["multiply"], dx, a)
>>> stack = Value(stacked_type(dx.type, 3), "dx")
>>> along = Builder()
>>> print(along_directions(along, b.statements[0], (stack, a), (True, False), constant(3)).type)
float64[3, 5]
>>> [s.primitive.name for s in along.statements]
['make_slice', 'make_tuple', 'index_get', 'multiply']
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Apply, Value
from srcdiff.ir.types import Array, List, Scalar, Tuple, Type, Unknown, is_container, is_differentiable
from srcdiff.primitives import (
    directions_containers,
    directions_contractions,
    directions_curves,
    directions_elementwise,
    directions_indexing,
    directions_joining,
    directions_linalg,
    directions_makers,
    directions_products,
    directions_reductions,
    directions_running,
    directions_selection,
    directions_shapes,
)
from srcdiff.primitives.directions_core import (
    REGISTER,
    NoStack,
    Stacks,
    comprehension,
    lifted,
    narrowed,
    stacked_type,
)
from srcdiff.primitives.directions_spread import spread_directions, take_direction
from srcdiff.primitives.symbolic import Symbolic
from srcdiff.primitives.table import TABLE

RULE_MODULES = (
    directions_containers,
    directions_contractions,
    directions_curves,
    directions_elementwise,
    directions_indexing,
    directions_joining,
    directions_linalg,
    directions_makers,
    directions_products,
    directions_reductions,
    directions_running,
    directions_selection,
    directions_shapes,
)
"""Importing them fills the register."""

OF_STRUCTURE = frozenset(("shape", "len", "ndim", "size", "dtype", "is_", "is_not", "last_written"))
"""What asks only for the structure of its operands, which is the same in every direction."""

_WITHOUT_DIRECTION = frozenset(
    ("int", "bool", "str", "not_", "contains", "not_contains", "range", "make_slice", "fstring", "formatted")
)
"""What has no meaning for several directions at once."""

_OF_ANYTHING = frozenset(
    (
        "identity",
        "copy",
        "zeros_like",
        "zeros_if_defined",
        "make_tuple",
        "make_list",
        "make_dict",
        "append",
        "is_",
        "is_not",
    )
)
"""What does the same to a number, an array and a container."""


def result_is_stacked(apply: Apply, stacked: Sequence[bool]) -> bool:
    """Whether `along_directions` gives a stack: an operand is one, and the result depends on more than its structure.

    The integers and booleans in a list, tuple or dict are those of every direction.
    """
    taken = [o.type for o, s in zip(apply.operands, stacked, strict=True) if s]
    if not taken or apply.primitive.name in OF_STRUCTURE:
        return False
    return is_differentiable(apply.result.type) or not all(map(is_container, taken))


def along_directions(
    builder: Builder, apply: Apply, operands: Sequence[Value], stacked: Sequence[bool], count: Value
) -> Value:
    """The operation of `apply` on operands of which some are stacks of directions.

    Parameters
    ----------
    apply
        The operation in one direction: the types of its operands and of its result are those of one direction.
    operands
        What to use in their place; where `stacked` says so, with a leading axis of length `count`.
    count
        The number of directions, an integer.

    Returns
    -------
    Value
        The stack of the results, under the name of the result of `apply` (`result_is_stacked` tells what gives none).

    Raises
    ------
    NoStack
        Where the operation cannot be done in several directions, not even one after the other.
    """
    if not any(stacked):
        return builder.apply(apply.primitive, *operands, name=apply.result.name)
    if apply.primitive.name in _WITHOUT_DIRECTION:
        raise NoStack(apply.primitive, "its result has no derivative and differs from direction to direction")
    s = Stacks(builder, apply, lifted(builder, operands), tuple(stacked), Symbolic(builder, count))
    arrays = [isinstance(o.type, Array) for o, flag in zip(operands, stacked, strict=True) if flag]
    if apply.primitive.name not in _OF_ANYTHING and any(
        flag and isinstance(o.type, Unknown) for o, flag in zip(operands, stacked, strict=True)
    ):
        raise s.fail("it is not known whether its operand is an array, a list or a dict")
    start = len(builder.statements)
    rule = REGISTER.get(apply.primitive.name)
    try:
        result = None if rule is None else rule(s)
        if result is None:
            del builder.statements[start:]
            result = one_by_one(s)
    except NoStack as error:
        raise s.fail(error.reason) from error
    known = apply.result.type
    if result_is_stacked(apply, stacked):
        known = stacked_type(known, s.dimension)
        if isinstance(known, Unknown) and all(arrays) and apply.primitive.name != "tuple":
            known = Array(None, None)
    return _named(builder, start, result.value, apply.result.name, known)


def _named(builder: Builder, start: int, result: Value, name: str | None, known: Type) -> Value:
    """The result under the name that it has in one direction, with all that is known of its shape."""
    last = builder.statements[-1] if len(builder.statements) > start else None
    if not isinstance(last, Apply) or last.result is not result:
        return result
    named = Value(narrowed(result.type, known), name, result.origin)
    builder.statements[-1] = Apply(last.primitive, last.operands, named, last.origin)
    return named


def one_by_one(s: Stacks) -> Symbolic:
    """The operation in one direction after the other: `np.stack([f(dx[k], a) for k in range(count)])`."""

    def one(k: Symbolic) -> list[Symbolic]:
        taken = [take_direction(x, s.type(i), k) if s.stacked[i] else k.new(x.value) for i, x in enumerate(s.operands)]
        y = k.new(k.builder.apply(s.apply.primitive, *(x.value for x in taken)))
        return [y[i] for i in range(len(y.type.items))] if isinstance(y.type, Tuple) else [y]

    lists = comprehension(s.count, s.count, one, "k")
    parts = [_joined(s, part) for part in lists]
    return s.count.apply("make_tuple", *parts) if isinstance(s.apply.result.type, Tuple) else parts[0]


def _joined(s: Stacks, parts: Symbolic) -> Symbolic:
    """The results of the directions on top of each other."""
    assert isinstance(parts.type, List)
    item = parts.type.item
    if isinstance(item, Scalar):
        return parts.apply("np.array", parts)
    arrays = all(isinstance(s[i].type, Array) for i in range(len(s.operands)) if s.stacked[i])
    if isinstance(item, Array) or (arrays and isinstance(item, Unknown)):
        return parts.apply("np.stack", parts)
    raise s.fail(f"its results are of type {item}")


__all__ = [
    "OF_STRUCTURE",
    "RULE_MODULES",
    "TABLE",
    "NoStack",
    "along_directions",
    "result_is_stacked",
    "spread_directions",
    "stacked_type",
]
