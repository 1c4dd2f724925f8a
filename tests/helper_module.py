"""A module that tests import functions and data from."""

from __future__ import annotations

from typing import Any

import numpy as np

WEIGHTS = np.array([1.0, 2.0])


def square(x: Any) -> Any:
    return x * x


def weigh(x: Any) -> Any:
    return np.sum(WEIGHTS * x)
