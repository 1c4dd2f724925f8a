"""Updates: `index_set`, `index_add`, `append`, on contents and shadows, in place where the program says so.

In: the contents and shadows of the operands, and whether the first operand may be overwritten. Out: the content and
the shadow of the result. Without overwriting, a loop that writes one element of an array at a time would copy it
every time.

>>> x = np.zeros(3)
>>> index_add(Dependencies(2), (x, 1, 0.5), (None, None, 3), inplace=True)
(array([0. , 0.5, 0. ]), array([0, 3, 0]))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.primitives.helpers import helper
from srcdiff.sparsity.dependencies import Dependencies, Names
from srcdiff.sparsity.shadows import Shadow, accumulate, names, opened

Three = tuple[Any, Any, Any]


def append(sets: Dependencies, contents: Any, shadows: Any, inplace: bool) -> tuple[Any, Shadow]:
    """The list with an item at its end."""
    (items, item), (listed, shadow) = contents, shadows
    if listed is not None or shadow is not None:
        listed = opened(listed, items)
        if inplace:
            listed.append(shadow)
        else:
            listed = [*listed, shadow]
    if inplace:
        items.append(item)
        return items, listed
    return [*items, item], listed


def index_set(sets: Dependencies, contents: Three, shadows: Three, inplace: bool) -> tuple[Any, Shadow]:
    """``x`` after ``x[index] = value``."""
    (x, index, value), (before, _, shadow) = contents, shadows
    if before is not None or shadow is not None:
        before = _own(before, x, inplace)
        if isinstance(x, np.ndarray):
            before[index] = names(shadow, value)
        elif isinstance(index, slice):
            before[index] = opened(shadow, value)
        else:
            before[index] = shadow
    after = x if inplace else x.copy()
    after[index] = value
    return after, before


def index_add(sets: Dependencies, contents: Three, shadows: Three, inplace: bool) -> tuple[Any, Shadow]:
    """``x`` with value added to ``x[index]``, every time that an element is named."""
    (x, index, value), (before, _, shadow) = contents, shadows
    if shadow is not None:
        before = _own(before, x, inplace)
        if isinstance(x, np.ndarray):
            _unite_at(sets, before, index, names(shadow, value))
        elif isinstance(x, dict) and index not in x:
            before[index] = shadow
        else:
            before = list(before) if isinstance(x, tuple) else before
            before[index] = accumulate(sets, before[index], shadow, x[index], value)
            before = tuple(before) if isinstance(x, tuple) else before
    after = x if inplace or isinstance(x, tuple) else x.copy()
    return helper("add_at")(after, index, value), before


def _within(update: Callable[..., Any]) -> Callable[..., Any]:
    """The same update of ``x[outer]``, a part that lies in x."""

    def apply(sets: Dependencies, contents: Any, shadows: Any, inplace: bool) -> tuple[Any, Shadow]:
        (x, outer, inner, value), (before, _, _, shadow) = contents, shadows
        after = x if inplace else x.copy()
        if before is not None or shadow is not None:
            before = _own(before, x, inplace)
        update(sets, (after[outer], inner, value), (None if before is None else before[outer], None, shadow), True)
        return after, before

    return apply


def _own(shadow: Shadow, x: Any, inplace: bool) -> Shadow:
    """The shadow of x to be written into."""
    if isinstance(x, np.ndarray):
        return np.zeros(x.shape, dtype=np.int64) if shadow is None else shadow if inplace else shadow.copy()
    if shadow is None or inplace or isinstance(x, tuple):
        return opened(shadow, x)
    return shadow.copy()


def _unite_at(sets: Dependencies, before: Names, index: Any, added: Names) -> None:
    old = before[index]
    if isinstance(old, np.integer):
        # The common case in a loop: one element.
        before[index] = sets.unite(int(old), int(added)) if added.ndim == 0 else sets.unite_all([int(old), *added.flat])
        return
    places = np.arange(before.size).reshape(before.shape)[index]
    spread = np.broadcast_to(added, places.shape) if added.ndim <= places.ndim else added.reshape(places.shape)
    if np.unique(places).size == places.size:
        before[index] = sets.unite_arrays(old, spread)
        return
    united = sets.unite_groups(places.ravel(), spread.ravel(), before.ravel())
    before[...] = united.reshape(before.shape)


UPDATES = {
    "append": append,
    "index_set": index_set,
    "index_add": index_add,
    "index_set_within": _within(index_set),
    "index_add_within": _within(index_add),
}
