"""The rules of the simplifier for matrices: transposes that cancel, and inverses that are computed anyway.

In: an application, and what defines its operands; see `srcdiff.optimize.algebra`. Out: what to put in its place, or
None. The derivative of ``np.linalg.slogdet(S)`` is the inverse of S; where it is at hand, ``np.linalg.solve(S, b)`` is
a product with it, which is as exact: the errors of both are bounded by the condition of S.

>>> from srcdiff.primitives.table import TABLE
>>> S, b = Value(Array("float64", (3, 3)), "S"), Value(Array("float64", (3,)), "b")
>>> inverse, x, known = Value(S.type), Value(b.type), Definitions()
>>> known.visible.add(inverse)
>>> known[inverse] = Apply(TABLE["np.linalg.inv"], (S,), inverse)
>>> solved(Apply(TABLE["np.linalg.solve"], (S, b), x), known).primitive.name
'matmul'
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.core import Apply, Value
from srcdiff.ir.types import Array
from srcdiff.optimize.definitions import Definitions, Outcome, again, made_by, part_made_by


def solved(apply: Apply, known: Definitions) -> Outcome:
    """``np.linalg.solve(S, b)`` is ``inverse @ b``, and ``np.linalg.solve(S.T, b)`` is ``inverse.T @ b``."""
    matrix, right = apply.operands
    if not isinstance(right.type, Array) or right.type.rank not in (1, 2):
        return None
    inverse = known.inverses.get(matrix)
    if inverse is not None and _serves(inverse, known):
        return again(apply, "matmul", inverse, right)
    turned = made_by(matrix, known, "T")
    inverse = None if turned is None else known.inverses.get(turned.operands[0])
    if turned is None or inverse is None or not _serves(inverse, known):
        return None
    transposed = Value(turned.primitive.infer(inverse), None, apply.result.origin)
    return [
        replace(turned, operands=(inverse,), result=transposed, origin=apply.origin),
        again(apply, "matmul", transposed, right),
    ]


def _serves(inverse: Value, known: Definitions) -> bool:
    """Whether the inverse, one of a single matrix, has been computed on every path."""
    return inverse in known.visible and isinstance(inverse.type, Array) and inverse.type.rank == 2


def turned_back(apply: Apply, known: Definitions) -> Outcome:
    """``v.T`` is x for a ``v = x.T``, and ``(x.T @ y).T`` is ``y.T @ x``."""
    whole = apply.operands[0]
    inner = made_by(whole, known, "T")
    if inner is not None:
        return inner.operands[0]
    product = part_made_by(whole, known, "matmul")
    if product is None or known.reads.get(whole) != 1:
        return None
    if not all(isinstance(v.type, Array) and v.type.rank == 2 for v in product.operands):
        return None
    a, b = product.operands
    first, second = made_by(a, known, "T"), made_by(b, known, "T")
    if first is None and second is None:
        return None
    made: list[Apply] = []

    def turned(value: Value, inner: Apply | None) -> Value:
        if inner is not None:
            return inner.operands[0]
        result = Value(apply.primitive.infer(value), None, apply.result.origin)
        made.append(replace(apply, operands=(value,), result=result))
        return result

    left, right = turned(b, second), turned(a, first)
    return [*made, again(apply, "matmul", left, right)]
