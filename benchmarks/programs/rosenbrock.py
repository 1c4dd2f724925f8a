"""Rosenbrock's function, chained over a vector."""

from __future__ import annotations

from typing import Any

import numpy as np

WRT = ("x",)
SIZES = {"10": (10,), "1000": (1000,), "100000": (100_000,)}


def loss(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def arguments(n: int) -> tuple[Any, ...]:
    return (np.random.default_rng(0).normal(size=n),)
