"""Signs and constant factors of derivatives: where they cost least and read best.

In: a product or quotient, and what defines its operands. Out: what to put in its place, as `srcdiff.optimize.algebra`
takes it. A sign moves outwards, where it becomes a difference (``x + -a * b`` is ``x - a * b``); ``100.0 * (2.0 * x)``
is ``200.0 * x``; a factor that is a
power of two moves into the smaller operand of a product (``2.0 * (b[:, None] * Z)`` is ``(2.0 * b)[:, None] * Z``).
Neither changes a bit of the result, short of overflow.

>>> from srcdiff.ir.types import FLOAT
>>> x, y, r = Value(FLOAT, "x"), Value(FLOAT, "y"), Value(FLOAT)
>>> negated = Apply(TABLE["negative"], (x,), Value(FLOAT))
>>> product = Apply(TABLE["multiply"], (negated.result, y), r)
>>> [s.primitive.name for s in outwards(product, {negated.result: negated}, {negated.result: 1})]
['multiply', 'negative']
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from srcdiff.ir.core import Apply, Constant, Value, constant
from srcdiff.ir.types import Array, Scalar, Type, is_exact
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, reduced_axes
from srcdiff.primitives.table import TABLE


def _part(value: Value, known: Mapping[Value, Apply], reads: Mapping[Value, int], *names: str) -> Apply | None:
    """What makes a value that has no name and no other reader, if it is one of the primitives `names`."""
    made = known.get(value)
    return (
        made
        if made is not None and made.primitive.name in names and value.name is None and reads.get(value) == 1
        else None
    )


def _number(value: Value) -> float | None:
    return value.value if isinstance(value, Constant) and type(value.value) is float else None


def _floating(*kinds: Type) -> bool:
    return all(
        k == Scalar("float") or (isinstance(k, Array) and k.dtype in ("float64", "float32", None)) for k in kinds
    )


def outwards(apply: Apply, known: Mapping[Value, Apply], reads: Mapping[Value, int]) -> list[Apply]:
    """``-a * b``, ``a * -b``, ``-a / b`` as ``-(a * b)`` and ``-(a / b)``; ``-a * 2.0`` as ``a * -2.0``."""
    a, b = apply.operands
    if not _floating(apply.result.type, a.type, b.type):
        return []
    for position, (signed, other) in enumerate(((a, b), (b, a))):
        # The sign of a number moves out of every product that it is in.
        numbers = isinstance(a.type, Scalar) and isinstance(b.type, Scalar)
        inner = _part(signed, known, {signed: 1} if numbers else reads, "negative")
        if inner is None:
            continue
        bare, number = inner.operands[0], _number(other)
        if number is not None and apply.primitive.name == "multiply":
            return [replace(apply, operands=(constant(-number), bare))]
        operands = (bare, other) if position == 0 else (other, bare)
        plain = Value(apply.result.type, None, apply.result.origin)
        return [
            replace(apply, operands=operands, result=plain),
            replace(apply, primitive=TABLE["negative"], operands=(plain,)),
        ]
    return []


def minus(apply: Apply, known: Mapping[Value, Apply], reads: Mapping[Value, int]) -> list[Apply]:
    """``x + -2.0 * y`` as ``x - 2.0 * y``."""
    x, term = apply.operands
    inner = _part(term, known, reads, "multiply")
    number = None if inner is None else _number(inner.operands[0])
    if inner is None or number is None or number >= 0.0 or not _floating(x.type, term.type):
        return []
    plain = Value(term.type, None, term.origin)
    positive = replace(inner, operands=(constant(-number), inner.operands[1]), result=plain)
    origin = replace(apply.origin, augmented=apply.origin.augmented or apply.primitive.name == "accumulate")
    return [positive, replace(apply, primitive=TABLE["subtract"], operands=(x, plain), origin=origin)]


def collected(apply: Apply, known: Mapping[Value, Apply], reads: Mapping[Value, int]) -> list[Apply]:
    """``2.0 * (x * 0.5)`` as ``1.0 * x``, and ``2.0 * (b * Z)`` as ``(2.0 * b) * Z`` where b is the smaller."""
    a, b = apply.operands
    for factor, rest in ((_number(a), b), (_number(b), a)):
        quotient = _part(rest, known, reads, "divide") if factor is not None else None
        above = None if quotient is None else _number(quotient.operands[0])
        if factor is not None and quotient is not None and above is not None and _is_power_of_two(factor):
            # ``2.0 * (1.0 / n)`` is ``2.0 / n``.
            divided = (constant(factor * above), quotient.operands[1])
            return [replace(apply, primitive=quotient.primitive, operands=divided)]
        inner = _part(rest, known, reads, "multiply") if factor is not None else None
        if factor is None or inner is None or not _floating(apply.result.type, *(o.type for o in inner.operands)):
            continue
        p, q = inner.operands
        for number, other in ((_number(p), q), (_number(q), p)):
            # One of the two is a power of two: then their product is exact, and so is the order of the factors.
            if number is not None and (_is_power_of_two(factor) or _is_power_of_two(number)):
                return [replace(apply, operands=(constant(factor * number), other))]
        if not _is_power_of_two(factor):
            continue
        for position, (small, large) in enumerate(((p, q), (q, p))):
            if _is_smaller(small.type, large.type) and large.type == inner.result.type == apply.result.type:
                made = _scaled(apply, factor, small, known, reads)
                scaled = made[-1].result
                return [*made, replace(apply, operands=(scaled, large) if position == 0 else (large, scaled))]
    return []


def into_small(apply: Apply, known: Mapping[Value, Apply], reads: Mapping[Value, int]) -> list[Apply]:
    """``b * (2.0 * Z)`` as ``(2.0 * b) * Z`` where b is the smaller, as ``2.0 * (b * Z)`` where b is as large."""
    for position, (other, scaled) in enumerate((apply.operands, apply.operands[::-1])):
        inner = _part(scaled, known, reads, "multiply")
        number = None if inner is None else _number(inner.operands[0])
        if inner is None or number is None or not _is_power_of_two(number) or isinstance(other, Constant):
            continue
        large = inner.operands[1]
        if not _floating(apply.result.type, other.type, large.type) or inner.result.type != large.type:
            continue
        if _is_smaller(other.type, large.type) and large.type == apply.result.type:
            made = _scaled(apply, number, other, known, reads)
            small = made[-1].result
            return [*made, replace(apply, operands=(small, large) if position == 0 else (large, small))]
        if (
            other.type == large.type == apply.result.type
            and isinstance(large.type, Array)
            and is_exact(large.type.shape)
        ):
            product = Value(apply.result.type, None, apply.result.origin)
            operands = (other, large) if position == 0 else (large, other)
            return [
                replace(apply, operands=operands, result=product),
                replace(apply, operands=(constant(number), product)),
            ]
    return []


def common(apply: Apply, known: Mapping[Value, Apply], reads: Mapping[Value, int]) -> list[Apply]:
    """``2.0 * x + 2.0 * y`` as ``2.0 * (x + y)``, for arrays of one shape and a factor that is a power of two, at
    least 1: then neither a bit changes nor anything overflows that did not."""
    a, b = (_part(v, known, reads, "multiply", "negative") for v in apply.operands)
    kind = apply.result.type
    if a is None or b is None or not isinstance(kind, Array) or not is_exact(kind.shape):
        return []
    p, q = _factored(a, known, reads), _factored(b, known, reads)
    if p is None or q is None or abs(p[0]) != abs(q[0]) or abs(p[0]) < 1.0 or not _is_power_of_two(p[0]):
        return []
    (c, x), (d, y) = p, q
    if x.type != kind or y.type != kind or (abs(c) == 1.0):
        return []
    if apply.primitive.name == "subtract":
        d = -d
    total = Value(kind, None, apply.result.origin)
    joined = replace(apply, primitive=TABLE["add" if c == d else "subtract"], operands=(x, y), result=total)
    return [joined, replace(apply, primitive=TABLE["multiply"], operands=(constant(c), total))]


def _factored(apply: Apply, known: Mapping[Value, Apply], reads: Mapping[Value, int]) -> tuple[float, Value] | None:
    """The number and the rest of ``2.0 * x`` and ``-(2.0 * x)``."""
    if apply.primitive.name == "multiply":
        number = _number(apply.operands[0])
        return None if number is None else (number, apply.operands[1])
    inner = _part(apply.operands[0], known, reads, "multiply")
    found = None if inner is None else _factored(inner, known, reads)
    return None if found is None else (-found[0], found[1])


def sum_of_product(apply: Apply, known: Mapping[Value, Apply], reads: Mapping[Value, int]) -> list[Apply]:
    """``np.sum(x * w, axis=0)`` as ``np.sum(x, axis=0) * w`` for a w of fewer axes: a sum of products by one number."""
    product = _part(apply.operands[0], known, reads, "multiply")
    axis, keepdims = apply.operands[1:]
    if product is None or not isinstance(keepdims, Constant) or keepdims.value is not False:
        return []
    whole = product.result.type
    if not isinstance(whole, Array) or whole.rank is None:
        return []
    axes = reduced_axes(axis_of(axis), whole.rank) if axis_of(axis) is not UNKNOWN_AXIS else None
    if not axes:
        return []
    for position, (large, small) in enumerate((product.operands, product.operands[::-1])):
        if large.type != whole or not isinstance(small.type, Array) or small.type.rank is None:
            continue
        if small.type.dtype != whole.dtype or small.type.rank == 0 or max(axes) >= whole.rank - small.type.rank:
            continue
        result = Value(apply.primitive.infer(large, axis, keepdims), None, apply.result.origin)
        if result.type != apply.result.type:
            continue
        operands = (result, small) if position == 0 else (small, result)
        return [
            replace(apply, operands=(large, axis, keepdims), result=result),
            replace(apply, primitive=TABLE["multiply"], operands=operands),
        ]
    return []


def _scaled(
    apply: Apply, factor: float, small: Value, known: Mapping[Value, Apply], reads: Mapping[Value, int]
) -> list[Apply]:
    """``factor * small``, with the factor inside of an `expand_dims`."""
    spread = _part(small, known, reads, "np.expand_dims")
    base = small if spread is None else spread.operands[0]
    scaled = Value(base.type, None, apply.result.origin)
    made = [replace(apply, operands=(constant(factor), base), result=scaled)]
    if spread is not None:
        result = Value(small.type, None, apply.result.origin)
        made.append(replace(spread, operands=(scaled, *spread.operands[1:]), result=result))
    return made


def _is_power_of_two(number: float) -> bool:
    return number != 0.0 and math.isfinite(number) and abs(math.frexp(number)[0]) == 0.5


def _is_smaller(a: Type, b: Type) -> bool:
    """Whether a certainly has fewer elements than b: a number beside an array, or an array that broadcasts to b."""
    if not isinstance(b, Array) or b.shape is None:
        return False
    if isinstance(a, Scalar):
        return True
    if not isinstance(a, Array) or a.shape is None or len(a.shape) > len(b.shape):
        return False
    return a.shape != b.shape and 1 in a.shape
