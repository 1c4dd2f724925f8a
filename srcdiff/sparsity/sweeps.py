"""Directional derivatives of a function at a point, for a stack of directions.

In: a function, the positions of the parameters that are differentiated, arguments, and seeds of shape (directions,
inputs), where the inputs are the numbers of these arguments one after the other in C order. Out: images of shape
(directions, outputs).

>>> def f(x, a):
...     return a * x * x
>>> x = np.array([1.0, 2.0])
>>> Forward(f, (0,)).directions([x, 3.0])(np.eye(2))
array([[ 6.,  0.],
       [ 0., 12.]])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcdiff.derivative import Derivative
from srcdiff.sparsity.compressed import Directions, Stack


class Forward:
    """Forward sweeps: seeds are tangents of the arguments, images those of the result."""

    def __init__(self, f: Callable[..., Any], positions: tuple[int, ...]) -> None:
        self._positions = positions
        self._derivative = Derivative(f, "forward", positions)

    @property
    def source(self) -> str:
        """The code that runs."""
        return self._derivative.source

    def directions(self, arguments: Sequence[Any]) -> Directions:
        """The sweeps at these arguments."""
        return _one_by_one(self._derivative, arguments, [arguments[i] for i in self._positions])


class Reverse:
    """Reverse sweeps: seeds are adjoints of the result, images those of the arguments."""

    def __init__(self, f: Callable[..., Any], positions: tuple[int, ...]) -> None:
        self._derivative = Derivative(f, "reverse", positions)

    @property
    def source(self) -> str:
        """The code that runs."""
        return self._derivative.source

    def directions(self, arguments: Sequence[Any], value: Any) -> Directions:
        """The sweeps at these arguments, where the result is `value`."""
        return _one_by_one(self._derivative, arguments, [value])


class Second(Forward):
    """Forward sweeps through the gradient: seeds are vectors, images the products of the Hessian with them."""

    def __init__(self, gradient: Derivative, positions: tuple[int, ...]) -> None:
        self._positions = positions
        self._derivative = Derivative(gradient, "forward", positions)


def called(derivative: Derivative, arguments: Sequence[Any], extra: Sequence[Any] = ()) -> Any:
    """A call with tangents or adjoints after the positional arguments; the rest is passed by name."""
    kinds = [p.kind is p.KEYWORD_ONLY for p in derivative.parameters]
    positional = [a for a, keyword in zip(arguments, kinds, strict=False) if not keyword]
    named = {p.name: a for p, a, keyword in zip(derivative.parameters, arguments, kinds, strict=False) if keyword}
    return derivative(*positional, *extra, **named)


def _one_by_one(derivative: Derivative, arguments: Sequence[Any], like: Sequence[Any]) -> Directions:
    """A call for each direction; the seeds have the shapes of `like`."""

    def directions(seeds: Stack) -> Stack:
        return np.array([_flat(called(derivative, arguments, _parts(seed, like))[1]) for seed in seeds])

    return directions


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
