"""Functions that generated code may need, as text: what NumPy has no single call for.

Out: `HELPERS`, name -> source. Each is in the language subset itself, needs NumPy alone (and the helpers
that `NEEDS` names), and is what the primitive of that name means: `helper(name)` is the function, made from the text.

>>> helper("accumulate")([1.0, (2.0, None)], [0.5, (1.0, None)])
[1.5, (3.0, None)]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

HELPERS: dict[str, str] = {
    "unbroadcast": '''\
def unbroadcast(g, x):
    """The sum of g over the axes along which x was broadcast."""
    if isinstance(x, (list, tuple, dict)):
        raise TypeError("a list, tuple or dict does not broadcast")
    if np.ndim(g) > np.ndim(x):
        g = np.sum(g, axis=tuple(range(np.ndim(g) - np.ndim(x))))
    lead = max(np.ndim(x) - np.ndim(g), 0)
    axes = tuple([i - lead for i in range(lead, np.ndim(x)) if np.shape(x)[i] == 1])
    if len(axes) > 0:
        g = np.sum(g, axis=axes, keepdims=True)
    if np.ndim(g) < np.ndim(x):
        g = np.broadcast_to(g, np.shape(x))
    return g
''',
    "item_adjoint": '''\
def item_adjoint(g, x):
    """The adjoint of x, which was written to an item whose adjoint is g."""
    if x is None or isinstance(x, (list, tuple, dict)):
        return g
    return unbroadcast(g, x)
''',
    "spread_item": '''\
def spread_item(g, x):
    """What was written to the item x, given as g, in the shape of the item."""
    if x is None or isinstance(x, (list, tuple, dict)):
        return g
    return g + np.zeros(np.shape(x))
''',
    "zeros_like": '''\
def zeros_like(x):
    """The zero derivative of x: a number, an array, or a container of them."""
    if isinstance(x, np.ndarray):
        return np.zeros(x.shape, x.dtype if x.dtype.kind == "f" else float)
    if isinstance(x, list):
        return [zeros_like(item) for item in x]
    if isinstance(x, tuple):
        return tuple([zeros_like(item) for item in x])
    if isinstance(x, dict):
        return {key: zeros_like(item) for key, item in x.items()}
    if isinstance(x, (int, float, np.generic)):
        return 0.0
    return None
''',
    "accumulate": '''\
def accumulate(a, b):
    """The sum of two derivatives of the same value."""
    if a is None:
        return b
    if b is None:
        return a
    if isinstance(a, list):
        return [accumulate(p, q) for p, q in zip(a, b, strict=True)]
    if isinstance(a, tuple):
        return tuple([accumulate(p, q) for p, q in zip(a, b, strict=True)])
    if isinstance(a, dict):
        total = {key: accumulate(a[key], b.get(key)) for key in a}
        for key in b:
            if key not in a:
                total[key] = b[key]
        return total
    return a + b
''',
    "add_at": '''\
def add_at(a, index, value):
    """a with value added to a[index], repeated indices counted; only a tuple is made anew."""
    if isinstance(a, tuple):
        items = list(a)
        items[index] = accumulate(items[index], value)
        return tuple(items)
    if isinstance(a, np.ndarray):
        np.add.at(a, index, value)
    elif isinstance(a, dict) and index not in a:
        a[index] = value
    else:
        a[index] = accumulate(a[index], value)
    return a
''',
    "copy_of": '''\
def copy_of(x):
    """A copy of x that shares no array, list or dict with it."""
    if isinstance(x, np.ndarray):
        return x.copy()
    if isinstance(x, list):
        return [copy_of(item) for item in x]
    if isinstance(x, tuple):
        return tuple([copy_of(item) for item in x])
    if isinstance(x, dict):
        return {key: copy_of(item) for key, item in x.items()}
    return x
''',
    "clear_item": '''\
def clear_item(b, x, index):
    """From the adjoint of a dict after x[index] = value, the adjoint of x before."""
    before = {key: item for key, item in b.items() if key != index}
    if index in x:
        before[index] = zeros_like(x[index])
    return before
''',
    "unpack": '''\
def unpack(g, x):
    """The array g taken apart into lists and tuples the way x is."""
    if isinstance(x, list):
        return [unpack(part, item) for part, item in zip(g, x, strict=True)]
    if isinstance(x, tuple):
        return tuple([unpack(part, item) for part, item in zip(g, x, strict=True)])
    return g
''',
    "spread_over": '''\
def spread_over(g, items):
    """A list with g for every item, summed down to the shape of that item."""
    return [unbroadcast(g, item) for item in items]
''',
    "last_written": '''\
def last_written(x, index):
    """Where `x[index] = v` stays: an element written several times keeps the last."""
    if not isinstance(x, np.ndarray) or isinstance(index, (int, slice)):
        return True
    order = np.reshape(np.arange(np.size(x[index])), np.shape(x[index]))
    owner = np.zeros(np.shape(x), dtype=int)
    owner[index] = order
    return owner[index] == order
''',
    "fold": '''\
def fold(g, x):
    """The sum of the repetitions of the list x in the list g."""
    total = [zeros_like(item) for item in x]
    for i in range(len(g)):
        total[i % len(x)] = accumulate(total[i % len(x)], g[i])
    return total
''',
    "split_like": '''\
def split_like(g, parts, axis):
    """The pieces of g, side by side along axis, with the shapes of parts."""
    axis = axis % np.ndim(g)
    g = np.moveaxis(g, axis, 0)
    across = int(np.prod(g.shape[1:]))
    pieces = []
    start = 0
    for part in parts:
        count = np.size(part) // max(across, 1)
        piece = np.moveaxis(g[start : start + count], 0, axis)
        pieces.append(np.reshape(piece, np.shape(part)))
        start = start + count
    return pieces
''',
    "matmul_left": '''\
def matmul_left(g, a, b):
    """The adjoint of a in a @ b, where g is the adjoint of the product."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return unbroadcast(g * b, a)
    if np.ndim(b) == 1:
        return unbroadcast(np.expand_dims(g, -1) * b, a)
    if np.ndim(a) == 1:
        return unbroadcast(np.sum(np.expand_dims(g, -2) * b, axis=-1), a)
    return unbroadcast(g @ np.swapaxes(b, -1, -2), a)
''',
    "matmul_right": '''\
def matmul_right(g, a, b):
    """The adjoint of b in a @ b, where g is the adjoint of the product."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return unbroadcast(g * a, b)
    if np.ndim(b) == 1:
        return unbroadcast(np.expand_dims(g, -1) * a, b)
    if np.ndim(a) == 1:
        return unbroadcast(np.expand_dims(g, -2) * np.expand_dims(a, -1), b)
    return unbroadcast(np.swapaxes(a, -1, -2) @ g, b)
''',
    "product_of_others": '''\
def product_of_others(x, axis):
    """For each element of x, the product of the other elements along axis."""
    zero = x == 0
    safe = np.where(zero, 1.0, x)
    count = np.sum(zero, axis=axis, keepdims=True)
    return np.prod(safe, axis=axis, keepdims=True) / safe * (count == zero)
''',
}

NEEDS: dict[str, tuple[str, ...]] = {
    "add_at": ("accumulate",),
    "clear_item": ("zeros_like",),
    "item_adjoint": ("unbroadcast",),
    "spread_over": ("unbroadcast",),
    "fold": ("accumulate", "zeros_like"),
    "matmul_left": ("unbroadcast",),
    "matmul_right": ("unbroadcast",),
}
"""The helpers that a helper calls."""


def _functions() -> dict[str, Callable[..., Any]]:
    namespace: dict[str, Any] = {"np": np}
    exec("\n\n".join(HELPERS.values()), namespace)
    return {name: namespace[name] for name in HELPERS}


_FUNCTIONS = _functions()


def helper(name: str) -> Callable[..., Any]:
    """The function that the text of helper `name` defines."""
    return _FUNCTIONS[name]
