"""Programs whose branch that is not taken holds a NaN or an infinity, or has an infinite derivative.

Out: `PROGRAMS`, a function of x and, for each element of `POINTS`, the derivative by hand of what is taken there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import numpy as np

Line = Annotated[np.ndarray, "n"]

POINTS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])


def root(x: Line) -> float:
    return np.sum(np.where(x > 0, np.sqrt(x), 0.0))


def root_of_unknown(x):
    return np.sum(np.where(x > 0, np.sqrt(x), 0.0))


def entropy(x: Line) -> float:
    return np.sum(np.where(x > 0, x * np.log(x), x))


def turned(x: Line) -> float:
    return np.sum(np.where(x <= 0, 0.0, np.sqrt(x)))


def quotient(x: Line) -> float:
    return np.sum(np.where(x != 0, np.sin(x) / x, 1.0))


def chain(x: Line) -> float:
    r = np.sqrt(x)
    u = r**1.5 / x
    return np.sum(np.where(x > 0, u * np.log(u), 3.0 * x))


def nested(x: Line) -> float:
    return np.sum(np.where(x > 0, np.where(x > 1, np.log(x - 1), np.sqrt(x)), np.where(x < -1, np.log(-x - 1), 0.0)))


def used_twice(x: Line) -> float:
    t = np.log(x)
    return np.sum(np.where(x > 0, t * t, 0.0) + np.where(x > 1.5, np.exp(t), 0.0))


def assigned(x: Line) -> float:
    y = np.sqrt(x)
    y[x <= 0] = 0.0
    return np.sum(y * y * x)


def branch(r):
    return r * np.log(r)


def helper(x: Line) -> float:
    return np.sum(np.where(x > 0, branch(x), 0.0))


def carried(x: Line) -> float:
    s = np.zeros_like(x)
    for k in range(3):
        s = s * np.sqrt(x) + np.log(x) * k
    return np.sum(np.where(x > 0, s, 0.0))


def branched(x: Line) -> float:
    s = np.log(x)
    if len(x) > 2:
        s = s * s
        s = s + 1.0
    else:
        s = s + 1.0
    return np.sum(np.where(x > 0, s, 0.0))


def rows(x: Line) -> float:
    m = np.stack([np.log(x), np.sqrt(x)])
    return np.sum(np.where(x > 0, np.sum(m, axis=0) / x, 0.0))


def broadcast(x: Line) -> float:
    weights = np.array([[1.0], [2.0]])
    return np.sum(np.where((x > 0) & (weights > 0), weights * np.log(x), 0.0))


def moved(x: Line) -> float:
    column = np.reshape(np.sqrt(x), (len(x), 1))
    return np.sum(np.where(column > 0, column[::-1][::-1], 0.0).T)


def powers(x: Line) -> float:
    return np.sum(np.where(x > 0, x**0.5 + x**-1.5, 0.0))


def arcs(x: Line) -> float:
    return np.sum(np.where(np.abs(x) < 1, np.arcsin(x) + np.arctanh(x) * np.arccos(x), 0.0))


def guarded(x: Line) -> float:
    return np.sum(np.sqrt(np.where(x > 0, x, 0.0)) + 1.0 / np.where(x < 0, x, np.inf))


def emptied(x: Line) -> float:
    y = x.copy()
    y[x <= 0] = 0.0
    return np.sum(y**0.5)


Slope = Callable[[float], float]


def zero(x: float) -> float:
    return 0.0


PROGRAMS: list[tuple[Callable[..., float], tuple[Slope, ...]]] = [
    (f, (zero, zero, zero, lambda x: 0.5 / math.sqrt(x), lambda x: 0.5 / math.sqrt(x)))
    for f in (root, root_of_unknown, turned, moved, emptied)
] + [
    (entropy, (lambda x: 1.0, lambda x: 1.0, lambda x: 1.0, lambda x: math.log(x) + 1.0, lambda x: math.log(x) + 1.0)),
    (helper, (zero, zero, zero, lambda x: math.log(x) + 1.0, lambda x: math.log(x) + 1.0)),
    (quotient, tuple([lambda x: 0.0 if x == 0 else (x * math.cos(x) - math.sin(x)) / x**2] * 5)),
    (chain, (*[lambda x: 3.0] * 3, *[lambda x: -(0.25 * x**-1.25) * (math.log(x**-0.25) + 1.0)] * 2)),
    (nested, (lambda x: 1 / (x + 1), zero, zero, lambda x: 0.5 / math.sqrt(x), lambda x: 1 / (x - 1))),
    (used_twice, (zero, zero, zero, lambda x: 2 * math.log(x) / x, lambda x: 2 * math.log(x) / x + 1.0)),
    (assigned, (zero, zero, zero, lambda x: 2.0 * x, lambda x: 2.0 * x)),
    (
        carried,
        (zero, zero, zero, *[lambda x: 1 / math.sqrt(x) + math.log(x) / (2 * math.sqrt(x)) + 2 / x] * 2),
    ),
    (branched, (zero, zero, zero, *[lambda x: 2 * math.log(x) / x] * 2)),
    (rows, (zero, zero, zero, *[lambda x: (1 - math.log(x)) / x**2 - 0.5 * x**-1.5] * 2)),
    (broadcast, (zero, zero, zero, *[lambda x: 3.0 / x] * 2)),
    (powers, (zero, zero, zero, *[lambda x: 0.5 * x**-0.5 - 1.5 * x**-2.5] * 2)),
    (guarded, (lambda x: -1 / x**2, lambda x: -1 / x**2, zero, *[lambda x: 0.5 / math.sqrt(x)] * 2)),
    (arcs, (zero, zero, lambda x: 1.0 + math.pi / 2, zero, zero)),
]
