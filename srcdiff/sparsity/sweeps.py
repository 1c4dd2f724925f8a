"""Directional derivatives of a function at a point, for a stack of directions.

In: a derivative, the arguments, the positions of those that are differentiated, and seeds of shape (directions,
inputs), where the inputs are the numbers of these arguments one after the other in C order. Out: images of shape
(directions, outputs).

>>> def f(x, a):
...     return a * x * x
>>> forward(Derivative(f, "forward", (0,)), [np.array([1.0, 2.0]), 3.0], (0,))(np.eye(2))
array([[ 6.,  0.],
       [ 0., 12.]])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from srcdiff.derivative import Derivative
from srcdiff.sparsity.compressed import Directions, Stack


def forward(derivative: Derivative, arguments: Sequence[Any], positions: Sequence[int]) -> Directions:
    """A forward sweep for each direction: seeds are tangents of the arguments, images those of the result."""
    given = [arguments[i] for i in positions]

    def directions(seeds: Stack) -> Stack:
        return np.array([_flat(called(derivative, arguments, _parts(seed, given))[1]) for seed in seeds])

    return directions


def reverse(derivative: Derivative, arguments: Sequence[Any], output: Any) -> Directions:
    """A reverse sweep for each direction: seeds are adjoints of the result, images those of the arguments."""

    def directions(seeds: Stack) -> Stack:
        return np.array([_flat(called(derivative, arguments, _parts(seed, [output]))[1]) for seed in seeds])

    return directions


def called(derivative: Derivative, arguments: Sequence[Any], extra: Sequence[Any] = ()) -> Any:
    """A call with tangents or adjoints after the positional arguments; the rest is passed by name."""
    kinds = [p.kind is p.KEYWORD_ONLY for p in derivative.parameters]
    positional = [a for a, keyword in zip(arguments, kinds, strict=False) if not keyword]
    named = {p.name: a for p, a, keyword in zip(derivative.parameters, arguments, kinds, strict=False) if keyword}
    return derivative(*positional, *extra, **named)


def _parts(seed: Stack, like: Sequence[Any]) -> list[Any]:
    """A vector as numbers and arrays in the shapes of `like`."""
    parts: list[Any] = []
    start = 0
    for x in like:
        size = int(np.size(x))
        part = seed[start : start + size]
        parts.append(part.reshape(x.shape).astype(x.dtype) if isinstance(x, np.ndarray) else float(part[0]))
        start += size
    return parts


def _flat(result: Any) -> Stack:
    """The numbers of a result, or of a tuple of results one after the other."""
    if isinstance(result, tuple):
        return np.concatenate([_flat(part) for part in result])
    return np.ravel(result)
