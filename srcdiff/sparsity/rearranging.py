"""What rearranging, joining, splitting and interpolating does to shadows.

Out: `REARRANGING`, name -> handler (see `srcdiff.sparsity.propagation`); `everything`, the handler of what is taken to
make every number of its result from every number of its operands.

>>> from srcdiff.primitives.table import TABLE
>>> sets, x = Dependencies(3), np.ones(3)
>>> pad = TABLE["np.pad"]
>>> contents = (x, 1, "constant", 0)
>>> REARRANGING["np.pad"](sets, pad, (sets.inputs(), None, None, None), contents, pad.evaluate(*contents))
array([0, 2, 3, 4, 0])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive
from srcdiff.sparsity.dependencies import Dependencies
from srcdiff.sparsity.shadows import Shadow, all_names, fit, names, opened, spread

Contents = Sequence[Any]
Shadows = Sequence[Shadow]
Handler = Callable[[Dependencies, Primitive, Shadows, Contents, Any], Shadow]


def everything(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    return spread(sets.unite_all(name for s in shadows for name in all_names(s)), y)


def _moved(*positions: int) -> Handler:
    """The primitive itself, applied to names in place of the operands at `positions`."""

    def handler(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
        operands = list(contents)
        for i in positions:
            operands[i] = names(shadows[i], contents[i])
        return fit(primitive.evaluate(*operands), y)

    return handler


def _joined(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """`np.concatenate` and its kin, of a list or tuple of arrays, or of the rows of one."""
    if isinstance(contents[0], np.ndarray):
        parts: Any = names(shadows[0], contents[0])
    else:
        parts = [names(s, c) for s, c in zip(opened(shadows[0], contents[0]), contents[0], strict=True)]
    return fit(primitive.evaluate(parts, *contents[1:]), y)


def _appended(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    arr, values = (names(s, c) for s, c in zip(shadows[:2], contents[:2], strict=True))
    return fit(np.append(arr, values, contents[2]), y)


def _interp(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """Each number is made of its place and of the two knots around it, in places and values."""
    x, xp = np.asarray(contents[0]), np.asarray(contents[1])
    found = names(shadows[0], x)
    if len(xp):
        right = np.minimum(np.maximum(np.searchsorted(xp, x, side="right"), 1), len(xp) - 1)
        for position in (1, 2):
            of_knots = names(shadows[position], contents[position])
            for k in (np.maximum(right - 1, 0), right):
                found = sets.unite_arrays(found, of_knots[k])
    for position in (3, 4):
        if shadows[position] is not None:
            found = sets.unite_arrays(found, names(shadows[position], contents[position]))
    return fit(found, y)


def _polyval(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    coefficients = sets.unite_all(names(shadows[0], contents[0]).ravel().tolist())
    return fit(sets.unite_arrays(names(shadows[1], contents[1]), np.asarray(coefficients)), y)


def _rows(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """`np.vander`: each row is made of one number."""
    return fit(names(shadows[0], contents[0])[:, None], y)


def _between(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """`np.linspace` and `np.geomspace`: along the first axis, of both ends."""
    ends = [names(s, c) for s, c in zip(shadows[:2], contents[:2], strict=True)]
    return fit(sets.unite_arrays(*ends), y)


def _together(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    """`np.meshgrid` and `np.broadcast_arrays`: each of the results is made of one of the arrays."""
    given = zip(opened(shadows[0], contents[0]), contents[0], strict=True)
    return fit(primitive.evaluate([names(s, c) for s, c in given], *contents[1:]), y)


def _inserted(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    arr, values = (names(shadows[i], contents[i]) for i in (0, 2))
    return fit(np.insert(arr, contents[1], values, contents[3]), y)


def _padded(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    found, filling = names(shadows[0], contents[0]), names(shadows[3], contents[3])
    if contents[2] == "constant":
        return fit(np.pad(found, contents[1], "constant", constant_values=filling), y)
    if contents[2] in ("edge", "reflect", "symmetric", "wrap"):
        return fit(np.pad(found, contents[1], contents[2]), y)
    return everything(sets, primitive, shadows, contents, y)


def _block(sets: Dependencies, primitive: Primitive, shadows: Shadows, contents: Contents, y: Any) -> Shadow:
    def named(shadow: Shadow, content: Any) -> Any:
        if isinstance(content, list | tuple):
            return [named(s, c) for s, c in zip(opened(shadow, content), content, strict=True)]
        return names(shadow, content)

    return fit(np.block(named(shadows[0], contents[0])), y)


_MOVING = ["T", "np.reshape", "np.ravel", "np.transpose", "np.swapaxes", "np.moveaxis", "np.squeeze", "np.expand_dims"]
_MOVING += ["np.broadcast_to", "np.atleast_1d", "np.atleast_2d", "np.diag", "np.diagonal", "np.tril", "np.triu"]
_MOVING += [
    "np.flip",
    "np.roll",
    "np.repeat",
    "np.tile",
    "tolist",
    "split_like",
    "unpack",
    "np.atleast_3d",
    "np.resize",
]
_MOVING += ["np.fliplr", "np.flipud", "np.rot90", "np.rollaxis", "np.diagflat", "np.delete"]
_MOVING += ["np.take", "np.take_along_axis"]
_MOVING += ["np.split", "np.array_split", "np.vsplit", "np.hsplit", "np.dsplit"]
_JOINING = ["np.concatenate", "np.stack", "np.vstack", "np.hstack", "np.dstack", "np.column_stack"]

REARRANGING: dict[str, Handler] = {
    **dict.fromkeys(_MOVING, _moved(0)),
    **dict.fromkeys(["np.compress", "np.extract"], _moved(1)),
    **dict.fromkeys(_JOINING, _joined),
    "np.append": _appended,
    "np.block": _block,
    "np.insert": _inserted,
    "np.interp": _interp,
    "np.polyval": _polyval,
    "np.vander": _rows,
    "np.pad": _padded,
    **dict.fromkeys(["np.linspace", "np.geomspace"], _between),
    **dict.fromkeys(["np.meshgrid", "np.broadcast_arrays"], _together),
}
