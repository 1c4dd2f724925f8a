"""Rules of the simplifier for numbers and arrays that are broadcast where the operation would broadcast them anyway.

In: an application that reads `np.broadcast_to(g, shape)`, `np.full_like(x, 1.0)` or `g + zeros_like(x)`. Out: the
application without it, where the types and definitions prove that shape and dtype stay what they are.

>>> from srcdiff.ir.core import Origin
>>> from srcdiff.ir.types import FLOAT, Tuple
>>> from srcdiff.primitives.table import TABLE
>>> g, x, shape = Value(FLOAT, "g"), Value(Array("float64", ("n",)), "x"), Value(Tuple(()), "shape")
>>> spread = Apply(TABLE["np.broadcast_to"], (g, shape), Value(x.type), Origin(role="adjoint"))
>>> known = Definitions()
>>> known[spread.result] = spread
>>> product = Apply(TABLE["multiply"], (spread.result, x), Value(x.type), Origin(role="adjoint"))
>>> made = without_broadcast(product, known)
>>> [v.name for v in made.operands]
['g', 'x']
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Apply, Constant, Value
from srcdiff.ir.types import Array, Scalar, Type, never_one, same_shape
from srcdiff.optimize.definitions import Definitions, Outcome, again, made_by, part_made_by
from srcdiff.optimize.elements import shape_given_by
from srcdiff.optimize.floats import keeps_single


def without_broadcast(apply: Apply, known: Definitions) -> Outcome:
    """``broadcast_to(g, x.shape) * x`` is ``g * x``: the product broadcasts anyway."""
    a, b = apply.operands
    for position, (spread, other) in enumerate(((a, b), (b, a))):
        found = _spread_number(spread, known)
        if found is None:
            continue
        small, model = found
        if isinstance(small.type, Scalar) and keeps_single(other.type) and not _is_double(apply.result.type):
            # A number times a mask is of double precision, a broadcast of single precision times a mask is not.
            continue
        operands = (small, other) if position == 0 else (other, small)
        if same_shape(apply.result.type, apply.primitive.infer(*operands)):
            return again(apply, apply.primitive.name, *operands)
        if _fills(other.type, apply.result.type):
            return again(apply, apply.primitive.name, *operands)
        if not _has_shape_and_dtype(apply.result.type, other.type):
            continue
        same = shape_given_by(model, known) is shape_given_by(_without_numbers(other, known), known)
        if same_shape(spread.type, other.type) or same:
            return again(apply, apply.primitive.name, *operands)
    return None


def scaled_broadcast(apply: Apply, known: Definitions) -> Outcome:
    """``broadcast_to(2.0, shape) * 100.0`` is ``broadcast_to(200.0, shape)``, and ``(2.0 + zeros_like(x)) * 100.0`` is
    ``200.0 + zeros_like(x)``."""
    a, b = apply.operands
    for spread, number in ((a, b), (b, a)):
        inner = part_made_by(spread, known, "np.broadcast_to", "add")
        if inner is None or known.reads.get(spread) != 1:
            continue
        if inner.primitive.name == "add" and made_by(inner.operands[1], known, "zeros_like") is None:
            continue
        if isinstance(inner.operands[0].type, Scalar) and isinstance(number.type, Scalar):
            operands = (inner.operands[0], number) if spread is a else (number, inner.operands[0])
            scaled = Value(apply.primitive.infer(*operands), None, apply.result.origin)
            product = replace(apply, operands=operands, result=scaled)
            return [product, again(apply, inner.primitive.name, scaled, inner.operands[1])]
    return None


def chosen_number(apply: Apply, known: Definitions) -> Outcome:
    """``where(c, broadcast_to(1.0, x.shape), 0.0)`` is ``where(c, 1.0, 0.0)`` where c has that shape."""
    condition, *sides = apply.operands
    for position, side in enumerate(sides):
        inner = made_by(side, known, "np.broadcast_to")
        if inner is None or not isinstance(inner.operands[0].type, Scalar):
            continue
        sides[position] = inner.operands[0]
        told = apply.primitive.infer(condition, *sides)
        if same_shape(told, told) and _has_shape_and_dtype(apply.result.type, told):
            return again(apply, "np.where", condition, *sides)
        sides[position] = side
    return None


def _spread_number(spread: Value, known: Definitions) -> tuple[Value, Value] | None:
    """What was broadcast, and an array of the shape that it took: `broadcast_to(g, x.shape)`, `full_like(x, 1.0)`,
    `g + zeros_like(x)`. (`full_like` makes even a number of NumPy's single, which a product with it would not be.)"""
    inner = made_by(spread, known, "np.broadcast_to", "np.full_like", "add", "np.expand_dims")
    if inner is None:
        return None
    if inner.primitive.name == "np.expand_dims":
        found = _spread_number(inner.operands[0], known)
        return (found[0], spread) if found and isinstance(found[0].type, Scalar) else None
    first, second = inner.operands[:2]
    match inner.primitive.name:
        case "np.broadcast_to":
            shape = made_by(second, known, "shape")
            return first, shape.operands[0] if shape else spread
        case "np.full_like":
            return (second, first) if isinstance(second, Constant) and is_constant(inner.operands[2], None) else None
        case _:
            zero = made_by(second, known, "zeros_like") if isinstance(first.type, Scalar) else None
            return (first, zero.operands[0]) if zero else None


def _without_numbers(value: Value, known: Definitions) -> Value:
    """What has the shape of `value`, which may be a number times it."""
    made = made_by(value, known, "multiply", "divide", "negative")
    if made is None:
        return value
    arrays = [v for v in made.operands if not isinstance(v.type, Scalar)]
    return arrays[0] if len(arrays) == 1 else value


def _fills(operand: Type, result: Type) -> bool:
    """Whether an operand has the shape of the result, if the operation is possible at all: its rank, and no axis that
    could be stretched. (And its dtype, as far as that is known.)"""
    if not (isinstance(operand, Array) and isinstance(result, Array)) or operand.shape is None or result.shape is None:
        return False
    if len(operand.shape) != len(result.shape) or not all(map(never_one, operand.shape)):
        return False
    return result.dtype is None or result.dtype == operand.dtype


def _has_shape_and_dtype(result: Type, operand: Type) -> bool:
    """Whether a result may be said to have the type of one of its operands, as far as its dtype is known."""
    if not (isinstance(result, Array) and isinstance(operand, Array)) or result.shape != operand.shape:
        return False
    return result.dtype is None or result.dtype == operand.dtype


def _is_double(t: Type) -> bool:
    return isinstance(t, Array) and t.dtype == "float64"
