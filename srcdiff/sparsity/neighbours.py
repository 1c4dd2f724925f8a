"""What operations along one axis do to shadows: differences, slopes, integrals, sorting.

In: an applied primitive, the shadows and contents of its operands, the content of its result. Out: the shadow of the
result: that of a difference is made of both terms.

>>> from srcdiff.primitives.table import TABLE
>>> sets, x = Dependencies(3), np.ones(3)
>>> contents = (x, 1, -1, None, None)
>>> shadow = NEIGHBOURS["np.diff"](sets, TABLE["np.diff"], (sets.inputs(), None, None, None, None), contents, x[1:])
>>> [row.tolist() for row in sets.rows(shadow)]
[[0, 2, 4], [0, 1, 1, 2]]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive
from srcdiff.sparsity.dependencies import Dependencies, Names
from srcdiff.sparsity.shadows import Shadow, fit, names

Contents = Sequence[Any]
Shadows = Sequence[Shadow]


def _difference(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    (a, _, _, before, after), (x, n, axis, prepend, append) = shadows, contents
    found = names(a, x)
    edge = list(found.shape)
    edge[axis] = 1
    parts = [found]
    if prepend is not None:
        parts.insert(0, np.broadcast_to(names(before, prepend), edge if np.ndim(prepend) == 0 else np.shape(prepend)))
    if append is not None:
        parts.append(np.broadcast_to(names(after, append), edge if np.ndim(append) == 0 else np.shape(append)))
    moved = np.moveaxis(np.concatenate(parts, axis), axis, 0)
    for _ in range(n):
        moved = sets.unite_arrays(moved[1:], moved[:-1])
    return fit(np.moveaxis(moved, 0, axis), y)


def _slope(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """Of each element what its neighbours are made of; at the edges what the next two or three are."""
    axis, edge_order = contents[-2], contents[-1]
    moved = np.moveaxis(names(shadows[0], contents[0]), 0 if axis is None else axis, 0)
    made = moved.copy()
    made[1:-1] = sets.unite_arrays(sets.unite_arrays(moved[2:], moved[:-2]), moved[1:-1])
    edge = edge_order + 1
    made[0], made[-1] = sets.unite_along(moved[:edge], [0]), sets.unite_along(moved[-edge:], [0])
    if len(contents) > 3 and shadows[1] is not None:
        made = _with_spacing(sets, made, names(shadows[1], contents[1]))
    return fit(np.moveaxis(made, 0, 0 if axis is None else axis), y)


def _with_spacing(sets: Dependencies, made: Names, spacing: Names) -> Names:
    every = sets.unite_along(spacing, range(spacing.ndim)) if spacing.ndim else spacing
    return sets.unite_arrays(made, every)


def _integral(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    (f, x, h, _), (values, places, width, axis) = shadows, contents
    total = sets.unite_along(names(f, values), [axis])
    for shadow, content in ((x, places), (h, width)):
        if shadow is not None:
            found = names(shadow, content)
            if found.ndim > 1:
                total = sets.unite_arrays(total, sets.unite_along(found, [axis]))
            else:
                total = sets.unite_arrays(total, sets.unite_all(found.ravel().tolist()))
    return fit(total, y)


def _sorted(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """Any element may stand at any place along the axis at another point."""
    found, axis = names(shadows[0], contents[0]), contents[1 if primitive.name == "np.sort" else 2]
    if axis is None:
        found, axis = found.ravel(), 0
    return fit(sets.unite_along(found, [axis], True), y)


NEIGHBOURS: dict[str, Callable[[Dependencies, Primitive, Shadows, Contents, Any], Shadow]] = {
    "np.diff": _difference,
    **dict.fromkeys(["np.gradient", "np.gradient(spacing)"], _slope),
    **dict.fromkeys(["np.trapezoid", "np.trapz"], _integral),
    **dict.fromkeys(["np.sort", "np.partition"], _sorted),
}
