from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def energy(A: Float[np.ndarray, "n n"], b: Float[np.ndarray, "n"]) -> float:
    """The square of the solution of A x = b, by Jacobi's iteration."""
    n = len(b)
    x = np.zeros(n)
    new = np.zeros(n)
    change = 1.0
    while change > 1e-15:  # srcdiff: fixed_point(tolerance=1e-14, iterations=1000)
        for i in range(n):
            rest = b[i]
            for j in range(n):
                if j != i:
                    rest = rest - A[i, j] * x[j]
            new[i] = rest / A[i, i]
        change = np.max(np.abs(new - x))
        x[:] = new
    return np.sum(x * x)
