"""Shadows: the sets of inputs that stand beside the contents of a value.

The shadow of a number is the name of a set, that of an array an array of names with the same shape, that of a list,
tuple or dict the same container of shadows. None is the shadow of everything that no input has any influence on,
containers and their items included. Everything here leaves the contents alone, and makes new shadows.

>>> names([None, 3], [0.5, 1.5]), fit(np.array([[4]]), np.zeros((2, 2))).tolist(), spread(5, (1.0, "a"))
(array([0, 3]), [[4, 4], [4, 4]], (5, None))
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from srcdiff.sparsity.dependencies import EMPTY, Dependencies, Names

Shadow = Any


def names(shadow: Shadow, content: Any) -> Names:
    """The shadow of a number or an array, or of a list that NumPy takes for an array, as an array of its shape."""
    if shadow is None:
        return np.zeros(np.shape(content), dtype=np.int64)
    if isinstance(shadow, list | tuple):
        return np.array([names(s, c) for s, c in zip(shadow, content, strict=True)], dtype=np.int64)
    return np.asarray(shadow, dtype=np.int64)


def fit(found: Any, content: Any) -> Shadow:
    """Names, broadcast where they are fewer, as the shadow of `content`."""
    match content:
        case np.ndarray():
            return np.array(np.broadcast_to(found, content.shape), dtype=np.int64)
        case list() | tuple():
            return type(content)(fit(n, c) for n, c in zip(found, content, strict=True))
        case _:
            return int(np.asarray(found).item())


def spread(name: int, content: Any) -> Shadow:
    """The shadow of `content` in which every number has the same set."""
    match content:
        case np.ndarray():
            return np.full(content.shape, name, dtype=np.int64)
        case list() | tuple():
            return type(content)(spread(name, c) for c in content)
        case dict():
            return {k: spread(name, c) for k, c in content.items()}
        case bool() | int() | float() | np.generic():
            return name
        case _:
            return None


def opened(shadow: Shadow, content: Any) -> Shadow:
    """The shadow of a list, tuple or dict as a container, also where nothing influences it."""
    if shadow is not None:
        return shadow
    match content:
        case list() | tuple():
            return type(content)([None] * len(content))
        case dict():
            return dict.fromkeys(content)
        case _:
            return None


def all_names(shadow: Shadow) -> Iterator[int]:
    """The sets of all numbers in a value."""
    match shadow:
        case None:
            return
        case np.ndarray():
            yield from np.unique(shadow).tolist()
        case list() | tuple():
            for item in shadow:
                yield from all_names(item)
        case dict():
            for item in shadow.values():
                yield from all_names(item)
        case _:
            yield shadow


def copied(shadow: Shadow) -> Shadow:
    """A copy that shares nothing that can be written into."""
    match shadow:
        case np.ndarray():
            return shadow.copy()
        case list() | tuple():
            return type(shadow)(copied(item) for item in shadow)
        case dict():
            return {k: copied(item) for k, item in shadow.items()}
        case _:
            return shadow


def accumulate(sets: Dependencies, a: Shadow, b: Shadow, p: Any, q: Any) -> Shadow:
    """The shadow of the sum of two derivatives p and q of the same value, item by item; a missing one is None."""
    if p is None or q is None:
        return copied(b if p is None else a)
    if a is None and b is None:
        return None
    if isinstance(p, dict):
        a, b = opened(a, p), opened(b, q)
        return {k: accumulate(sets, a.get(k), b.get(k), p.get(k), q.get(k)) for k in {**p, **q}}
    if isinstance(p, list | tuple):
        parts = zip(opened(a, p), opened(b, q), p, q, strict=True)
        return type(p)(accumulate(sets, *part) for part in parts)
    if isinstance(a, int | None) and isinstance(b, int | None) and np.ndim(p) == 0 and np.ndim(q) == 0:
        return sets.unite(a or EMPTY, b or EMPTY)
    united = sets.unite_arrays(names(a, p), names(b, q))
    # The sum of arrays without dimensions is a number.
    return united if united.ndim else int(united)


def unbroadcast(sets: Dependencies, found: Names, like: Any) -> Shadow:
    """The shadow of an adjoint that is summed down to the shape of `like`, along whose axes it was broadcast."""
    shape = np.shape(like)
    lead = found.ndim - len(shape)
    if lead > 0:
        found = sets.unite_along(found, range(lead))
        lead = 0
    axes = [i for i in range(found.ndim) if shape[i - lead] == 1 and found.shape[i] != 1]
    if axes:
        found = sets.unite_along(found, axes, keepdims=True)
    return fit(found, np.zeros(shape) if shape else 0.0)
