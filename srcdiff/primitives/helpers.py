"""Functions that generated code may need, as text: what NumPy has no single call for.

Out: `HELPERS`, name -> source. Each is in the language subset itself, needs NumPy alone (and the helpers
that `NEEDS` names), and is what the primitive of that name means: `helper(name)` is the function, made from the text.

>>> helper("accumulate")([1.0, (2.0, None)], [0.5, (1.0, None)])
[1.5, (3.0, None)]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from srcdiff.primitives.helpers_functions import OF_FUNCTIONS
from srcdiff.primitives.helpers_linalg import LINALG_HELPERS, LINALG_NEEDS
from srcdiff.primitives.helpers_recurrences import RECURRENCES

HELPERS: dict[str, str] = {
    **OF_FUNCTIONS,
    **LINALG_HELPERS,
    "unbroadcast": '''\
def unbroadcast(g, x):
    """The sum of g over the axes along which x was broadcast."""
    if isinstance(x, (list, tuple, dict)):
        if type(g) is type(x) and len(g) == len(x):
            return g
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
    "fitted": '''\
def fitted(g, x):
    """g summed over the axes along which x was broadcast, repeated along those over which it was summed."""
    return np.broadcast_to(unbroadcast(g, x), np.shape(x)) + 0.0
''',
    "stop_gradient": '''\
def stop_gradient(x):
    """x itself, through which no derivative passes."""
    return x
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
    "interval_of": '''\
def interval_of(x, xp):
    """The number of the knot in xp at the right end of the interval that x lies in."""
    if len(xp) < 2:
        raise ValueError("the derivative of np.interp needs two knots")
    found = np.searchsorted(xp, x, side="right")
    return np.minimum(np.maximum(found, 1), len(xp) - 1)
''',
    "next_snapshot": '''\
def next_snapshot(step, end, free):
    """The step after step whose state is kept, to go back from end: by the optimal
    (binomial) schedule while snapshots are free, and then the last step."""
    count = end - step
    if free < 1 or count < 2:
        return end - 1
    reach = 1
    before = 1
    sweeps = 0
    while reach < count:
        sweeps = sweeps + 1
        before = reach
        reach = reach * (free + 1 + sweeps) // sweeps
    return step + min(before, count - before * (free + 1) // (free + sweeps))
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
    "entries": '''\
def entries(x):
    """The numbers in x, a number, an array or a container of them, side by side."""
    if x is None:
        return np.zeros(0)
    if isinstance(x, dict):
        x = [x[key] for key in sorted(x, key=repr)]
    if isinstance(x, (list, tuple)):
        parts = [entries(item) for item in x]
        return np.concatenate(parts) if len(parts) > 0 else np.zeros(0)
    return np.ravel(x)
''',
    "settled": '''\
def settled(new, old, tolerance):
    """Whether the change is within tolerance (or rounding) of the largest old entry."""
    a = entries(old)
    precision = np.finfo(np.result_type(a, np.float16)).eps
    tolerance = max(tolerance, 4.0 * float(precision))
    change = np.max(np.abs(entries(new) - a), initial=0.0)
    return bool(change <= tolerance * np.max(np.abs(a), initial=0.0))
''',
    "count_numbers": '''\
def count_numbers(x):
    """How many numbers there are in x: a number, an array, or a container of them."""
    if isinstance(x, dict):
        return sum([count_numbers(x[key]) for key in x])
    if isinstance(x, (list, tuple)):
        return sum([count_numbers(item) for item in x])
    return np.size(x) if isinstance(x, (int, float, np.ndarray, np.generic)) else 0
''',
    "count_directions": '''\
def count_directions(stack):
    """How many directions there are in a stack: the length of its leading axis."""
    if isinstance(stack, np.ndarray):
        return len(stack)
    if isinstance(stack, dict):
        return max([0] + [count_directions(stack[key]) for key in stack])
    if isinstance(stack, (list, tuple)):
        return max([0] + [count_directions(item) for item in stack])
    return 0
''',
    "direction_of": '''\
def direction_of(stack, k):
    """Direction number k of a stack."""
    if isinstance(stack, dict):
        return {key: direction_of(stack[key], k) for key in stack}
    if isinstance(stack, (list, tuple)):
        parts = [direction_of(item, k) for item in stack]
        return tuple(parts) if isinstance(stack, tuple) else parts
    return None if stack is None else stack[k]
''',
    "stack_of": '''\
def stack_of(items, like):
    """The items, which have the structure of like, stacked along a leading axis of each number and array."""
    if isinstance(like, dict):
        return {key: stack_of([item[key] for item in items], like[key]) for key in like}
    if isinstance(like, (list, tuple)):
        parts = []
        for i in range(len(like)):
            parts.append(stack_of([item[i] for item in items], like[i]))
        return tuple(parts) if isinstance(like, tuple) else parts
    if not isinstance(like, (int, float, np.ndarray, np.generic)):
        return None
    return np.reshape(np.array(items), (len(items),) + np.shape(like))
''',
    "unit_directions": '''\
def unit_directions(x, first=0, count=None):
    """The unit directions of x, stacked along a leading axis of each number and array in x."""
    if count is None:
        count = count_numbers(x)
    if isinstance(x, dict):
        stacks = {}
        for key in x:
            stacks[key] = unit_directions(x[key], first, count)
            first = first + count_numbers(x[key])
        return stacks
    if isinstance(x, (list, tuple)):
        parts = []
        for item in x:
            parts.append(unit_directions(item, first, count))
            first = first + count_numbers(item)
        return tuple(parts) if isinstance(x, tuple) else parts
    if not isinstance(x, (int, float, np.ndarray, np.generic)):
        return None
    dtype = x.dtype if isinstance(x, np.ndarray) and x.dtype.kind == "f" else float
    unit = np.eye(count, np.size(x), -first, dtype)
    return np.reshape(unit, (count,) + np.shape(x))
''',
    "jacobian_columns": '''\
def jacobian_columns(dy, x, first=0):
    """The Jacobian in x, taken from the tangents dy along the unit directions of x."""
    if isinstance(dy, dict):
        return {key: jacobian_columns(dy[key], x, first) for key in dy}
    if isinstance(dy, (list, tuple)):
        rows = [jacobian_columns(item, x, first) for item in dy]
        return tuple(rows) if isinstance(dy, tuple) else rows
    if isinstance(x, dict):
        blocks = {}
        for key in x:
            blocks[key] = jacobian_columns(dy, x[key], first)
            first = first + count_numbers(x[key])
        return blocks
    if isinstance(x, (list, tuple)):
        parts = []
        for item in x:
            parts.append(jacobian_columns(dy, item, first))
            first = first + count_numbers(item)
        return tuple(parts) if isinstance(x, tuple) else parts
    if dy is None or not isinstance(x, (int, float, np.ndarray, np.generic)):
        return None
    columns = np.moveaxis(dy[first : first + np.size(x)], 0, -1)
    return np.reshape(columns, np.shape(dy)[1:] + np.shape(x))[()]
''',
    "jacobian_rows": '''\
def jacobian_rows(bx, y, first=0):
    """The Jacobian of y, taken from the adjoints bx for the unit directions of y."""
    if isinstance(y, dict):
        rows = {}
        for key in y:
            rows[key] = jacobian_rows(bx, y[key], first)
            first = first + count_numbers(y[key])
        return rows
    if isinstance(y, (list, tuple)):
        parts = []
        for item in y:
            parts.append(jacobian_rows(bx, item, first))
            first = first + count_numbers(item)
        return tuple(parts) if isinstance(y, tuple) else parts
    if isinstance(bx, dict):
        return {key: jacobian_rows(bx[key], y, first) for key in bx}
    if isinstance(bx, (list, tuple)):
        blocks = [jacobian_rows(item, y, first) for item in bx]
        return tuple(blocks) if isinstance(bx, tuple) else blocks
    if bx is None or not isinstance(y, (int, float, np.ndarray, np.generic)):
        return None
    shape = np.shape(y) + np.shape(bx)[1:]
    return np.reshape(bx[first : first + np.size(y)], shape)[()]
''',
    **RECURRENCES,
}

NEEDS: dict[str, tuple[str, ...]] = {
    **LINALG_NEEDS,
    "add_at": ("accumulate",),
    "clear_item": ("zeros_like",),
    "fitted": ("unbroadcast",),
    "item_adjoint": ("unbroadcast",),
    "spread_over": ("unbroadcast",),
    "fold": ("accumulate", "zeros_like"),
    "matmul_left": ("unbroadcast",),
    "matmul_right": ("unbroadcast",),
    "settled": ("entries",),
    "unit_directions": ("count_numbers",),
    "jacobian_columns": ("count_numbers",),
    "jacobian_rows": ("count_numbers",),
}
"""The helpers that a helper calls."""


@cache
def _functions() -> dict[str, Callable[..., Any]]:
    # Of the two texts of a helper, the one for records does for everything else what the other does.
    from srcdiff.primitives.record_helpers import WITH_RECORDS

    namespace: dict[str, Any] = {"np": np, "dataclasses": dataclasses}
    exec("\n\n".join(WITH_RECORDS.values()), namespace)
    return {name: namespace[name] for name in HELPERS}


def helper(name: str) -> Callable[..., Any]:
    """The function that the text of helper `name` defines."""
    return _functions()[name]
