"""Numbers and arrays to check rules with."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

Case = tuple[str, tuple[Any, ...], tuple[int, ...]]

RNG = np.random.default_rng(0)


COUNT = itertools.count(1)


def array(*shape: int) -> np.ndarray:
    """Numbers between 0.3 and 0.9, those of a case well apart from each other (multiples of the golden ratio)."""
    return np.array([0.3 + 0.6 * (next(COUNT) * 0.6180339887 % 1.0) for _ in range(math.prod(shape))]).reshape(shape)


def single(*shape: int) -> np.ndarray:
    return array(*shape).astype(np.float32)


def spd(n: int) -> np.ndarray:
    a = RNG.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)
