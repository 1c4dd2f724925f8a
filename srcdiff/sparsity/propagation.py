"""What each primitive does to shadows.

In: an applied primitive, the shadows and contents of its operands, the content of its result. Out: the shadow of the
result. What moves numbers about moves their names in the same way; what computes a number from others unites; what
has no derivative leaves nothing, but is marked as varying. A primitive that is not in the table is taken to make
every number of its result from every number of its operands.

>>> from srcdiff.primitives.table import TABLE
>>> sets, x = Dependencies(3), np.ones(3)
>>> roll = propagate(sets, TABLE["np.roll"], (sets.inputs(), None, None), (x, 1, None), np.roll(x, 1))
>>> roll, propagate(sets, TABLE["greater"], (roll, None), (x, 0.0), x > 0.0)
(array([4, 2, 3]), array([1, 1, 1]))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive
from srcdiff.primitives.custom import Custom
from srcdiff.primitives.elementwise import ELEMENTWISE
from srcdiff.primitives.mathlib import MATH
from srcdiff.primitives.rules import has_zero_derivative
from srcdiff.sparsity import products
from srcdiff.sparsity.dependencies import EMPTY, VARIES, Dependencies
from srcdiff.sparsity.neighbours import NEIGHBOURS
from srcdiff.sparsity.rearranging import REARRANGING, Contents, Handler, Shadows, everything
from srcdiff.sparsity.shadows import Shadow, accumulate, all_names, copied, fit, names, opened, spread, unbroadcast


def propagate(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """The shadow of ``y = primitive(*contents)``; at least one operand has a shadow that is not None."""
    name = primitive.name
    if name in _OF_SHAPE:
        return None
    if has_zero_derivative(primitive):
        return spread(VARIES, y)
    if isinstance(primitive, Custom) and primitive.partials is not None:
        return _elementwise(sets, primitive, shadows, contents, y)
    return HANDLERS.get(name, everything)(sets, primitive, shadows, contents, y)


_OF_SHAPE = frozenset(
    (
        *("shape", "ndim", "size", "dtype", "len", "zeros_like", "zeros_if_defined"),
        *("np.zeros_like", "np.ones_like", "np.empty_like"),
    )
)
"""What depends on the shape of the operand alone."""


# Elementwise operations.


def _elementwise(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    if isinstance(y, np.ndarray):
        found: Any = np.zeros((), dtype=np.int64)
        for shadow, content in zip(shadows, contents, strict=True):
            if shadow is not None:
                found = sets.unite_arrays(found, names(shadow, content))
        return fit(found, y)
    total = EMPTY
    for shadow in shadows:
        if shadow is not None:
            total = sets.unite(total, shadow if type(shadow) is int else int(np.asarray(shadow).item()))
    return total


def _add(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    if isinstance(y, list | tuple):
        return opened(shadows[0], contents[0]) + opened(shadows[1], contents[1])
    return _elementwise(sets, primitive, shadows, contents, y)


def _multiply(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    (a, b), (p, q) = shadows, contents
    if isinstance(y, list | tuple):
        return opened(a, p) * q if isinstance(p, list | tuple) else p * opened(b, q)
    if isinstance(a, int | None) and isinstance(b, int | None) and not isinstance(y, np.ndarray):
        if (a is None and p == 0) or (b is None and q == 0):
            return None
        return sets.unite(a or EMPTY, b or EMPTY)
    return fit(products.times(sets, (p, names(a, p)), (q, names(b, q))), y)


def _divide(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    (a, b), (p, q) = shadows, contents
    if b is None:
        return _elementwise(sets, primitive, shadows, contents, y)
    numerator = p, names(a, p)
    cut = np.where(products.live(numerator), names(b, q), EMPTY)
    return fit(sets.unite_arrays(numerator[1], cut), y)


def _where(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    # Either of the two may be chosen at another point.
    condition, a, b = map(names, shadows, contents)
    return fit(sets.unite_arrays(sets.unite_arrays(np.minimum(condition, VARIES), a), b), y)


# What moves numbers about.


def _filled(position: int) -> Handler:
    """An array of the operand's numbers, whatever the dtype; or the number in an array."""

    def handler(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
        return fit(names(shadows[position], contents[position]), y)

    return handler


def _index_get(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    (x, i), index = shadows, contents[1]
    if x is None or i is not None:
        # A place that changes with the inputs: what is found there varies.
        varying = spread(VARIES, y)
        return varying if x is None else accumulate(sets, x[index], varying, y, y)
    found = x[index]
    return int(found) if isinstance(found, np.generic) else found


def _make_tuple(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    return tuple(shadows)


def _make_record(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    return tuple(shadows[1:])


def _make_list(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    return list(shadows)


def _make_dict(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    return dict(zip(contents[::2], shadows[1::2], strict=True))


def _copy(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    return copied(shadows[0])


def _reversed(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    return None if isinstance(contents[0], dict) else shadows[0][::-1]


def _listed(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    if isinstance(contents[0], np.ndarray):
        return fit(shadows[0], y)
    return None if isinstance(contents[0], dict) else type(y)(shadows[0])


def _sorted(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    x, reverse = contents
    order = sorted(range(len(x)), key=list(x).__getitem__, reverse=bool(reverse))
    return None if isinstance(x, dict) else [fit(shadows[0][i], x[i]) for i in order]


def _drop_last(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    return shadows[0][:-1]


def _clear_item(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    before = opened(shadows[0], contents[0])
    return {key: None if key == contents[2] else before[key] for key in y}


# Reductions and sums.


def _reduced(axis_at: int, keepdims_at: int) -> Handler:
    def handler(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
        found, axis = names(shadows[0], contents[0]), contents[axis_at]
        axes = range(found.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return fit(sets.unite_along(found, axes if found.ndim else (), bool(contents[keepdims_at])), y)

    return handler


def _masked(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """A reduction with `where=`: what is left out gives nothing, the initial value is part of every result."""
    given = dict(zip(primitive.parameters, range(len(contents)), strict=True))
    found, where, axis = names(shadows[0], contents[0]), contents[given["where"]], contents[1]
    axes = range(found.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    chosen = np.where(where, found, EMPTY)
    total = sets.unite_along(chosen, axes if found.ndim else (), bool(contents[given["keepdims"]]))
    if "initial" in given and shadows[given["initial"]] is not None:
        total = sets.unite_arrays(total, names(shadows[given["initial"]], contents[given["initial"]]))
    return fit(total, y)


def _product_of_others(
    sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any
) -> Shadow:
    found, axis = names(shadows[0], contents[0]), contents[1]
    axes = range(found.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return fit(sets.unite_along(found, axes, True), y)


def _trace(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    diagonals = np.diagonal(names(shadows[0], contents[0]), *contents[1:])
    return fit(sets.unite_along(diagonals, [-1]), y)


def _cumsum(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    found, axis = names(shadows[0], contents[0]), contents[1]
    if axis is None:
        found, axis = found.ravel(), 0
    if found.ndim == 1:
        total, ahead = EMPTY, []
        for name in found.tolist():
            total = sets.unite(total, name)
            ahead.append(total)
        return np.array(ahead, dtype=np.int64)
    moved = np.moveaxis(found, axis, 0).copy()
    for i in range(1, len(moved)):
        moved[i] = sets.unite_arrays(moved[i - 1], moved[i])
    return fit(np.moveaxis(moved, 0, axis), y)


def _sum(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """Python's `sum`, of the items of a list or of the rows of an array."""
    (x, start), (content, first) = shadows, contents
    if isinstance(y, list | tuple | dict):
        return everything(sets, primitive, shadows, contents, y)
    if isinstance(content, np.ndarray):
        total = sets.unite_along(names(x, content), [0])
    elif not isinstance(y, np.ndarray):
        total = np.asarray(sets.unite_all(all_names(x)))
    else:
        total = np.zeros((), dtype=np.int64)
        for shadow, item in zip(opened(x, content), content, strict=True):
            total = sets.unite_arrays(total, names(shadow, item))
    return fit(sets.unite_arrays(total, names(start, first)), y)


# Adjoints.


def _accumulate(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    found = accumulate(sets, *shadows, *contents)
    return fit(found, y) if isinstance(y, np.ndarray) and found is not None else found


def _unbroadcast(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    return fit(unbroadcast(sets, names(shadows[0], contents[0]), contents[1]), y)


def _item_adjoint(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """The adjoint of what was written to an item: an array is summed, a container is all of it."""
    if contents[1] is None or isinstance(contents[1], list | tuple | dict):
        return copied(shadows[0])
    return _unbroadcast(sets, primitive, shadows, contents, y)


def _spread_item(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """What was written to an item, in its shape: an array is broadcast, a container is all of it."""
    if contents[1] is None or isinstance(contents[1], list | tuple | dict):
        return copied(shadows[0])
    return fit(np.broadcast_to(names(shadows[0], contents[0]), np.shape(y)).copy(), y)


def _spread_over(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    found = names(shadows[0], contents[0])
    return [fit(unbroadcast(sets, found, item), part) for item, part in zip(contents[1], y, strict=True)]


def _fold(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    g, repeated = opened(shadows[0], contents[0]), contents[0]
    result: list[Shadow] = [None] * len(y)
    for i, (shadow, content) in enumerate(zip(g, repeated, strict=True)):
        at = i % len(y)
        result[at] = accumulate(sets, result[at], shadow, y[at], content)
    return result


# Products.


def _product(rule: Callable[..., Any], count: int) -> Handler:
    def handler(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
        factors = [(c, names(s, c)) for s, c in zip(shadows[:count], contents[:count], strict=True)]
        return fit(rule(sets, *factors), y)

    return handler


def _dot(sets: Dependencies, a: products.Factor, b: products.Factor) -> Any:
    p, q = np.ndim(a[0]), np.ndim(b[0])
    if p == 0 or q == 0:
        return products.times(sets, a, b)
    if q < 3:
        return products.matmul(sets, a, b)
    return products.tensordot(sets, a, b, ((p - 1,), (q - 2,)))


def _tensordot(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    a, b = ((c, names(s, c)) for s, c in zip(shadows[:2], contents[:2], strict=True))
    return fit(products.tensordot(sets, a, b, contents[2]), y)


def _outer(sets: Dependencies, a: products.Factor, b: products.Factor) -> Any:
    left, right = (np.reshape(x, (-1, 1)) for x in a), (np.ravel(x) for x in b)
    return products.times(sets, tuple(left), tuple(right))  # type: ignore[arg-type]


def _vdot(sets: Dependencies, a: products.Factor, b: products.Factor) -> Any:
    left, right = (tuple(np.ravel(x) for x in factor) for factor in (a, b))
    return sets.unite_all(products.times(sets, left, right).tolist())  # type: ignore[arg-type]


def _einsum(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    first = 1 if primitive.name == "np.einsum" else 2
    factors = [(c, names(s, c)) for s, c in zip(shadows[first:], contents[first:], strict=True)]
    return fit(products.einsum(sets, contents[first - 1], factors), y)


_ARITHMETIC = ["subtract", "mod", "power", "negative", "positive", "abs"]
_CONVERTING = ["np.array", "np.asarray", "astype", "item", "float", "np.full"]
_CONVERTING += ["np.ascontiguousarray", "np.asfortranarray", "np.require"]
_REDUCING = ["np.sum", "np.mean", "np.prod", "np.max", "np.min"]
_OF_ITEMS = ["math.dist", "math.fsum", "math.prod", "math.sumprod", "math.modf", "math.frexp"]
_REDUCING += ["np.nansum", "np.nanmean", "np.nanprod", "np.nanmax", "np.nanmin", "np.ptp", "np.median", "np.nanmedian"]


HANDLERS: dict[str, Handler] = {
    **REARRANGING,
    **dict.fromkeys([*ELEMENTWISE, *MATH, *_ARITHMETIC], _elementwise),
    **dict.fromkeys([*_OF_ITEMS, "min", "max"], everything),
    **dict.fromkeys(_CONVERTING, _filled(0)),
    **dict.fromkeys(_REDUCING, _reduced(1, 2)),
    **dict.fromkeys(["np.var", "np.std", "np.nanvar", "np.nanstd"], _reduced(1, 3)),
    **dict.fromkeys([f"np.{n}(where)" for n in ("sum", "prod", "mean", "max", "min", "var", "std")], _masked),
    **dict.fromkeys(["identity", "copy"], _copy),
    **dict.fromkeys(["list", "tuple"], _listed),
    **NEIGHBOURS,
    "np.linalg.norm": _reduced(2, 3),
    "np.full": _filled(1),
    "np.full_like": _filled(1),
    "add": _add,
    "multiply": _multiply,
    "divide": _divide,
    "np.where": _where,
    "index_get": _index_get,
    "make_tuple": _make_tuple,
    "make_record": _make_record,
    "make_list": _make_list,
    "make_dict": _make_dict,
    "reversed": _reversed,
    "sorted": _sorted,
    "drop_last": _drop_last,
    "clear_item": _clear_item,
    "product_of_others": _product_of_others,
    "np.trace": _trace,
    **dict.fromkeys([f"np.{n}" for n in ("cumsum", "cumprod", "nancumsum", "nancumprod")], _cumsum),
    **dict.fromkeys(["np.cumsum(dtype)", "np.cumprod(dtype)"], _cumsum),
    **dict.fromkeys(["np.maximum.accumulate", "np.minimum.accumulate"], _cumsum),
    "np.logaddexp.reduce": _reduced(1, 2),
    "sum": _sum,
    "accumulate": _accumulate,
    "unbroadcast": _unbroadcast,
    "item_adjoint": _item_adjoint,
    "spread_item": _spread_item,
    "spread_over": _spread_over,
    "fold": _fold,
    "matmul": _product(products.matmul, 2),
    "np.tensordot": _tensordot,
    "np.matvec": _product(lambda sets, a, b: products.einsum(sets, "...ij,...j->...i", (a, b)), 2),
    "np.vecmat": _product(lambda sets, a, b: products.einsum(sets, "...i,...ij->...j", (a, b)), 2),
    "np.dot": _product(_dot, 2),
    "np.outer": _product(_outer, 2),
    "np.vdot": _product(_vdot, 2),
    "np.inner": _product(products.inner, 2),
    "matmul_left": _product(products.matmul_left, 3),
    "matmul_right": _product(products.matmul_right, 3),
    **dict.fromkeys(["np.einsum", "einsum_product"], _einsum),
}
"""Without `index_set`, `index_add` and `append`, which may overwrite: they are in `updates`."""
