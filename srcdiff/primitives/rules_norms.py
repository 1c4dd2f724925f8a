"""Derivatives of norms, of vectors and of matrices.

With y the norm and s the sign of x:  p-norm ``dy = sum(s |x|^(p-1) dx) / y^(p-1)``; Frobenius as the 2-norm of all
elements; the others are what they are made of: sums and extrema of absolute values, singular values. Where a norm has
no derivative: 0 at an element (or all elements) that is 0; equal extrema share equally. ``norm(x, 0)`` counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from srcdiff.ir.core import Constant, Global
from srcdiff.primitives.composite import Expression, jvp_of, vjp_of
from srcdiff.primitives.forms import NoRule, Operands, Tangents, constant_of, is_none, jvp, vjp
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, normal_axes
from srcdiff.primitives.rules_masked import nonzero
from srcdiff.primitives.rules_reductions import expand
from srcdiff.primitives.symbolic import Symbolic, np
from srcdiff.primitives.table import TABLE

Kind = Literal["euclidean", "vector", "matrix"]


def _kind(x: Symbolic, order: Symbolic, axis: Symbolic) -> Kind:
    """What is taken the norm of."""
    shape, axes = shape_of_type(x.type), axis_of(axis.value)
    if is_none(order):
        return "euclidean"
    if isinstance(axes, int) or (isinstance(axes, tuple) and len(axes) == 1):
        return "euclidean" if constant_of(order) == 2 else "vector"
    if isinstance(axes, tuple) or (axes is None and shape is not None and len(shape) == 2):
        return "euclidean" if constant_of(order) == "fro" else "matrix"
    if axes is None and shape is not None and len(shape) == 1:
        return "euclidean" if constant_of(order) == 2 else "vector"
    if constant_of(order) == "fro":
        return "euclidean"
    reason = "an axis chosen at run time" if axes is UNKNOWN_AXIS else "an array of unknown rank"
    raise NoRule(f"a norm of order other than None along {reason}: pass `axis=`, or annotate the parameter")


def _number(order: Symbolic) -> float | str | None:
    """The order where it is known when the program is compiled: `np.inf` too."""
    if isinstance(order.value, Constant):
        return order.value.value  # type: ignore[no-any-return]
    match order.value:
        case Global(module="numpy" | "math", attribute="inf"):
            return math.inf
    return None


def _vector_power(y: Symbolic, x: Symbolic, order: Symbolic) -> tuple[Symbolic, Symbolic]:
    """What the tangent of a vector is weighted with in a p-norm, and what the sum is divided by."""
    p = _number(order)
    if not isinstance(p, int | float):
        # It may be 0 or infinite, and the norm another function.
        raise NoRule("a norm whose order is decided at run time has no rule: write the number in the call")
    less, size = p - 1, np.abs(x)
    if p < 1:
        size = size + (x == 0)  # whose power is finite; the sign is 0
    return np.sign(x) * size**less, nonzero(y) ** less


def _over(name: str, x: Symbolic, axis: Symbolic | int | None, keepdims: Symbolic | bool) -> Symbolic:
    return x.apply(name, x, axis, keepdims)


def _extreme(name: str) -> Expression:
    return lambda x, order, axis, keepdims: _over(name, np.abs(x), axis, keepdims)


def _absolute_sum(x: Symbolic, order: Symbolic, axis: Symbolic, keepdims: Symbolic) -> Symbolic:
    return _over("np.sum", np.abs(x), axis, keepdims)


def _of_sums(name: str, position: int) -> Expression:
    """The extremum of the sums along one axis of a matrix; that axis stays, so that the other keeps its place."""

    def expression(x: Symbolic, order: Symbolic, axis: Symbolic, keepdims: Symbolic) -> Symbolic:
        axes = axis_of(axis.value)
        along = axes[position] if isinstance(axes, tuple) else position
        if axes is None and constant_of(keepdims) is False:
            return _over(name, _over("np.sum", np.abs(x), along, False), None, False)
        return _over(name, _over("np.sum", np.abs(x), along, True), axis, keepdims)

    return expression


def _of_singular_values(name: str) -> Expression:
    """The sum or an extremum of the singular values of matrices."""

    def expression(x: Symbolic, order: Symbolic, axis: Symbolic, keepdims: Symbolic) -> Symbolic:
        axes, shape = axis_of(axis.value), shape_of_type(x.type)
        if shape is None or constant_of(keepdims) is None or "np.linalg.svd" not in TABLE:
            raise NoRule("this norm needs the singular values of an array of known rank")
        pair = (0, 1) if axes is None else normal_axes(axes, len(shape))
        assert pair is not None
        others = tuple(i for i in range(len(shape)) if i not in pair)
        matrix = x if (*others, *pair) == tuple(range(len(shape))) else x.apply("np.transpose", x, (*others, *pair))
        values = x.apply("np.linalg.svd", matrix, False, False)
        found = x.apply(name, values, -1 if others else None, False)
        return found.apply("np.expand_dims", found, pair) if constant_of(keepdims) else found

    return expression


_VECTOR: dict[object, Expression] = {
    1: _absolute_sum,
    math.inf: _extreme("np.max"),
    -math.inf: _extreme("np.min"),
}
_MATRIX: dict[object, Expression] = {
    1: _of_sums("np.max", 0),
    -1: _of_sums("np.min", 0),
    math.inf: _of_sums("np.max", 1),
    -math.inf: _of_sums("np.min", 1),
    2: _of_singular_values("np.max"),
    -2: _of_singular_values("np.min"),
    "nuc": _of_singular_values("np.sum"),
}


def _expression(kind: Kind, order: Symbolic) -> Expression | None:
    """What a norm is made of; None for the p-norms of vectors."""
    number = _number(order)
    if kind == "vector":
        return _VECTOR.get(number)
    if number not in _MATRIX:
        raise NoRule(f"a matrix has no norm of order {number!r}")
    return _MATRIX[number]


@jvp("np.linalg.norm")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, order, axis, keepdims = operands
    d, moved_order = tangents[:2]
    if moved_order is not None:
        raise NoRule("the order of a norm is not differentiated")
    kind = _kind(x, order, axis)
    if d is None or _number(order) == 0:
        return None
    if kind == "euclidean":
        return y.apply("np.sum", x * d, axis, keepdims) / nonzero(y)
    expression = _expression(kind, order)
    if expression is not None:
        return jvp_of(expression)(y, operands, tangents)
    weight, divisor = _vector_power(y, x, order)
    return y.apply("np.sum", weight * d, axis, keepdims) / divisor


@vjp("np.linalg.norm")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, order, axis, keepdims = operands
    if wanted[1] and not isinstance(order.value, Constant | Global):
        raise NoRule("the order of a norm is not differentiated")
    kind = _kind(x, order, axis)
    if not wanted[0] or _number(order) == 0:
        return [None] * 4
    if kind == "euclidean":
        return [expand(by / nonzero(y), x, axis, keepdims) * x, None, None, None]
    expression = _expression(kind, order)
    if expression is not None:
        return vjp_of(expression)(y, operands, by, (True, False, False, False))
    weight, divisor = _vector_power(y, x, order)
    return [expand(by / divisor, x, axis, keepdims) * weight, None, None, None]
