"""Directional derivatives of a function at a point, for a stack of directions.

In: a function, the positions of the parameters that are differentiated, arguments, and seeds of shape (directions,
inputs), where the inputs are the numbers of these arguments one after the other in C order. Out: images of shape
(directions, outputs).

>>> def f(x, a):
...     return a * x * x
>>> x = np.array([1.0, 2.0])
>>> Sweeps(f, "forward", (0,)).directions([x, 3.0], f(x, 3.0))(np.eye(2))
array([[ 6.,  0.],
       [ 0., 12.]])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from srcdiff.derivative import Derivative
from srcdiff.modes import Options
from srcdiff.sparsity.compressed import Directions, Stack


class Sweeps:
    """Sweeps in one mode: tangents of the arguments give those of the result (`forward`), adjoints of the result those
    of the arguments (`reverse`), vectors the products of the Hessian with them (`hvp`)."""

    def __init__(self, f: Callable[..., Any], mode: Literal["forward", "reverse", "hvp"], wrt: tuple[int, ...]) -> None:
        self._mode = mode
        self._positions = wrt
        self._derivative = Derivative(f, mode, wrt, Options(directions=True))

    @property
    def source(self) -> str:
        """The code that runs."""
        return self._derivative.source

    def directions(self, arguments: Sequence[Any], value: Any) -> Directions:
        """The sweeps at these arguments, where the function's value is `value`."""
        like = [value] if self._mode == "reverse" else [arguments[i] for i in self._positions]

        def directions(seeds: Stack) -> Stack:
            result = self._derivative.at(arguments, _parts(seeds, like))
            return _flat(result if self._mode == "hvp" else result[1], len(seeds))

        return directions


def _parts(seeds: Stack, like: Sequence[Any]) -> list[Stack]:
    """A stack of vectors as stacks of numbers and arrays in the shapes of `like`."""
    parts: list[Stack] = []
    start = 0
    for x in like:
        stop = start + int(np.size(x))
        part = seeds[:, start:stop].reshape(len(seeds), *np.shape(x))
        parts.append(part.astype(x.dtype) if isinstance(x, np.ndarray) else part)
        start = stop
    return parts


def _flat(result: Any, count: int) -> Stack:
    """The numbers of a stack, or of a tuple of stacks one after the other, as rows."""
    if isinstance(result, tuple):
        return np.concatenate([_flat(part, count) for part in result], axis=1)
    return np.reshape(result, (count, -1)) if np.size(result) else np.zeros((count, 0))
