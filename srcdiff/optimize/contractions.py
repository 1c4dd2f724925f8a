"""The rule of the simplifier for sums of products: no product is made for the sake of its sum.

In: an application, and what defines its operands; see `srcdiff.optimize.algebra`. Out: what to put in its place, or
None. ``np.sum(np.expand_dims(b, 1) * X, axis=0)`` is ``b @ X``, and a sum over the first axis of a product of larger
arrays in double precision is ``np.einsum``, which adds in the same order.

>>> X, b = Value(Array("float64", (5, 3)), "X"), Value(Array("float64", (5,)), "b")
>>> column, product, total = Value(Array("float64", (5, 1))), Value(X.type), Value(Array("float64", (3,)))
>>> known = Definitions({column: 1, product: 1})
>>> known[column] = Apply(TABLE["np.expand_dims"], (b, constant(1)), column)
>>> known[product] = Apply(TABLE["multiply"], (column, X), product)
>>> summed_product(Apply(TABLE["np.sum"], (product, constant(0), constant(False)), total), known).primitive.name
'matmul'
"""

from __future__ import annotations

from dataclasses import dataclass

from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Apply, Constant, Value, constant
from srcdiff.ir.types import Array, Dimension
from srcdiff.optimize.definitions import Definitions, Outcome, again, made_by, part_made_by
from srcdiff.primitives.table import TABLE

_LETTERS = "ijkl"


@dataclass(frozen=True)
class _Factor:
    """An array, and the axes of the product that it has."""

    value: Value
    axes: tuple[int, ...]


def summed_product(apply: Apply, known: Definitions) -> Outcome:
    """``np.sum(x * y, axis=0)`` without the product."""
    whole, axis, keepdims = apply.operands
    product = part_made_by(whole, known, "multiply")
    if product is None or known.reads.get(whole) != 1 or not is_constant(axis, 0) or not is_constant(keepdims, False):
        return None
    kind = product.result.type
    if not isinstance(kind, Array) or kind.dtype != "float64" or kind.shape is None:
        return None
    if not 2 <= len(kind.shape) <= len(_LETTERS):
        return None
    factors = [_factor(v, kind.shape, known) for v in product.operands]
    a, b = factors
    if a is None or b is None or 0 not in a.axes or 0 not in b.axes:
        return None
    rank = len(kind.shape)
    if set(a.axes) | set(b.axes) != set(range(rank)):
        return None
    if rank == 2 and (a.axes, b.axes) in (((0,), (0, 1)), ((0, 1), (0,))):
        vector, matrix = (a, b) if a.axes == (0,) else (b, a)
        return again(apply, "matmul", vector.value, matrix.value)
    terms = ["".join(_LETTERS[i] for i in f.axes) for f in (a, b)]
    subscripts = constant(f"{terms[0]},{terms[1]}->{_LETTERS[1:rank]}")
    if TABLE["np.einsum"].infer(subscripts, a.value, b.value) != apply.result.type:
        return None
    return again(apply, "np.einsum", subscripts, a.value, b.value)


def _factor(value: Value, whole: tuple[Dimension, ...], known: Definitions) -> _Factor | None:
    """A factor of a product of the shape `whole`: as large, or with one axis left out."""
    kind = value.type
    if not isinstance(kind, Array) or kind.dtype != "float64" or kind.shape is None or len(kind.shape) != len(whole):
        return None
    every = tuple(range(len(whole)))
    # The same dimensions, or what is not 1 in either: then neither is stretched.
    if all(d == e and d is not None and d != 1 for d, e in zip(kind.shape, whole, strict=True)):
        return _Factor(value, every)
    made = made_by(value, known, "np.expand_dims")
    if made is None or not isinstance(made.operands[1], Constant) or type(made.operands[1].value) is not int:
        return None
    new = made.operands[1].value % len(whole)
    inner = made.operands[0].type
    rest = tuple(d for i, d in enumerate(whole) if i != new)
    if not isinstance(inner, Array) or inner.shape != rest or None in rest or 1 in rest:
        return None
    return _Factor(made.operands[0], tuple(i for i in every if i != new))
