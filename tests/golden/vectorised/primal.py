from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def logistic_loss(X: Float[np.ndarray, "n d"], y: Float[np.ndarray, "n"], w: Float[np.ndarray, "d"], b: float) -> float:
    z = X @ w + b
    losses = np.logaddexp(0.0, -y * z)
    return np.mean(losses) + 0.5 * np.sum(w * w)
