from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def settled(u: Float[np.ndarray, "n"], k: float, tolerance: float = 1e-3) -> float:
    """Heat spreads in a rod, in the array itself, until nothing changes by more than the tolerance."""
    change = 1.0
    while change > tolerance:  # srcdiff: checkpoint(3)
        change = 0.0
        for i in range(1, len(u) - 1):
            flow = k * (u[i - 1] - 2.0 * u[i] + u[i + 1])
            u[i] = u[i] + flow
            change = max(change, abs(flow))
    return np.sum(u * u)
