"""Reading and writing through every kind of index."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.rule_cases.operands import Case

ROW = np.array([0.3, -1.2, 2.5, 0.7, 1.9])
MATRIX = np.linspace(-1.1, 2.3, 12).reshape(3, 4)
CUBE = np.linspace(0.2, 2.6, 24).reshape(2, 3, 4)
SINGLE = ROW.astype(np.float32)
REPEATS = np.array([2, 0, 2])
PAIRS = np.array([[0, 1], [1, 1]])
FIRST = slice(None, 2)
BACK = slice(None, None, -2)
ALL = slice(None)

INDICES: list[tuple[np.ndarray, Any]] = [
    (ROW, -1),
    (ROW, BACK),
    (ROW, slice(-100, 3)),
    (ROW, slice(3, 100)),
    (ROW, slice(4, 1)),
    (ROW, ...),
    (ROW, (..., None)),
    (ROW, ROW > 0),
    (ROW, ROW > 9),
    (ROW, REPEATS),
    (ROW, PAIRS),
    (ROW, [0, -1, 0]),
    (ROW, np.array(2)),
    (ROW, np.array([], dtype=int)),
    (SINGLE, REPEATS),
    (SINGLE, SINGLE > 0),
    (MATRIX, (-1, BACK)),
    (MATRIX, (ALL, None, 1)),
    (MATRIX, MATRIX > 0),
    (MATRIX, MATRIX[:, 0] > -0.5),
    (MATRIX, (MATRIX[:, 0] > -0.5, slice(1, None))),
    (MATRIX, (MATRIX[:, 0] > -0.5, 1)),
    (MATRIX, (MATRIX[:, 0] > -9.0, np.array([1, 1, 0]))),
    (MATRIX, (FIRST, REPEATS)),
    (MATRIX, (REPEATS, slice(1, None))),
    (MATRIX, (REPEATS, REPEATS)),
    (MATRIX, (np.array([[0], [2]]), np.array([[1, 1]]))),
    (CUBE, (..., 1)),
    (CUBE, (0, ..., BACK)),
    (CUBE, (PAIRS, ALL, PAIRS)),
    (CUBE, (1, ALL, REPEATS)),
    (CUBE, (ALL, 1, REPEATS)),
    (CUBE, CUBE[..., 0] > 1.0),
    (np.zeros((0, 3)) + 1.0, (ALL, 1)),
    (np.ones((1, 1)), (0, ALL)),
]


WITHOUT_RULE = {"index_set_within", "index_add_within"}
"""What the last pass makes of nested writes, when nothing is differentiated any more."""


def _values(x: np.ndarray, index: Any) -> list[Any]:
    """What can be written to `x[index]`: a number, an array of its shape, arrays that broadcast to it."""
    place = x[index]
    whole = np.linspace(0.5, 1.5, place.size).reshape(place.shape)
    values: list[Any] = [0.7]
    if np.ndim(place):
        values += [whole.astype(x.dtype), np.ones(place.shape[-1:])]
        values.append(np.full((*place.shape[:-1], 1), 0.4))
    return values


def _is_safe(x: np.ndarray, index: Any, value: Any) -> bool:
    """Whether `np.add.at(x, index, value)` is right: NumPy 2.4 reads beyond a value of lower rank than the index."""
    return x.ndim > 1 or np.ndim(value) in (0, np.ndim(x[index]))


CASES: list[Case] = [("index_get", (x, index), (0,)) for x, index in INDICES]
CASES += [("index_set", (x, index, v), (0, 2)) for x, index in INDICES for v in _values(x, index)]
CASES += [
    ("index_add", (x, index, v), (0, 2)) for x, index in INDICES for v in _values(x, index) if _is_safe(x, index, v)
]
