"""Maximum likelihood for a Gaussian mixture: scipy's L-BFGS-B, driven by the generated gradient.

In: observations and the number of components. Out: a `Mixture`, the optimum that a deterministic start leads to.

The factors of the precisions are free triangular matrices; a sign of their diagonal changes nothing, and the likelihood
falls to minus infinity where one becomes zero, so that the climb needs no bounds. Data are standardised for the climb
and the result is mapped back, which makes the directions comparable.

>>> X = np.array([[-1.1], [-0.9], [0.8], [1.2]])
>>> fit(X, 1).weights
array([1.])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from srcdiff import value_and_grad
from srcdiff.mixture.likelihood import log_likelihood

FloatArray = npt.NDArray[np.float64]

value_and_gradient = value_and_grad(log_likelihood, wrt=("logits", "means", "factors"))
"""What the compiler makes of the likelihood; `.source` shows it."""


@dataclass(frozen=True)
class Mixture:
    """A fitted mixture, components in the order of their means' first coordinate.

    `factors` are those of the precisions: `precision = factor @ factor.T`.
    """

    weights: FloatArray
    means: FloatArray
    factors: FloatArray
    log_likelihood: float
    evaluations: int
    converged: bool

    @property
    def covariances(self) -> FloatArray:
        """The covariance matrices of the components."""
        inverses = np.linalg.inv(self.factors)
        covariances: FloatArray = np.swapaxes(inverses, 1, 2) @ inverses
        return covariances

    @property
    def logits(self) -> FloatArray:
        """The logarithms of the weights."""
        logarithms: FloatArray = np.log(self.weights)
        return logarithms


def fit(
    X: npt.ArrayLike,
    components: int,
    *,
    tolerance: float = 1e-14,
    evaluations: int = 2000,
    watch: Callable[[int, float], None] | None = None,
) -> Mixture:
    """Climb the likelihood of a mixture with full covariances.

    Parameters
    ----------
    X
        Observations, one a row.
    components
        How many Gaussians.
    tolerance
        The climb ends where a step gains less than this fraction of the likelihood.
    evaluations
        The most evaluations of the gradient.
    watch
        Called with the number of the evaluation and the log-likelihood there.

    Raises
    ------
    ValueError
        where `X` is not a table with more rows than columns, or `components` is not between 1 and its rows.
    """
    from scipy.optimize import minimize

    data = np.array(X, dtype=float)
    if data.ndim != 2 or len(data) <= data.shape[1] or not np.isfinite(data).all():
        raise ValueError(f"the data are a table of finite numbers with more rows than columns, not {data.shape}")
    if not 1 <= components <= len(data):
        raise ValueError(f"between 1 and {len(data)} components, not {components}")
    n, d = data.shape
    centre, scale = data.mean(axis=0), data.std(axis=0)
    if not (scale > 0).all():
        raise ValueError(f"column {int(np.argmin(scale))} of the data is constant")
    scaled = (data - centre) / scale
    # Densities of the scaled data are larger by the product of the scales.
    shift = -n * float(np.sum(np.log(scale)))
    layout = Layout(components, d)
    count = 0

    def objective(vector: FloatArray) -> tuple[float, FloatArray]:
        nonlocal count
        count += 1
        value, gradient = value_and_gradient(*layout.unpack(vector), scaled)
        if watch is not None:
            watch(count, float(value) + shift)
        return -float(value), -layout.pack(*gradient)

    options = {"maxfun": evaluations, "maxiter": evaluations, "ftol": tolerance, "gtol": 1e-9 * n, "maxcor": 30}
    found: Any = minimize(
        objective, layout.pack(*start(scaled, components)), jac=True, method="L-BFGS-B", options=options
    )
    logits, means, factors = layout.unpack(found.x)
    order = np.argsort(means[:, 0], kind="stable")
    weights = np.exp(logits - logits.max())
    # The diagonal positive, the scales undone: z = L.T ((x - centre) / scale - mean) = (L / scale).T (x - ...).
    factors = factors * np.sign(np.diagonal(factors, axis1=1, axis2=2))[:, np.newaxis, :] / scale[:, np.newaxis]
    return Mixture(
        weights=(weights / weights.sum())[order],
        means=(means * scale + centre)[order],
        factors=factors[order],
        log_likelihood=-float(found.fun) + shift,
        evaluations=count,
        converged=bool(found.success),
    )


@dataclass(frozen=True)
class Layout:
    """How logits, means and lower triangles lie in the optimiser's vector."""

    components: int
    dimensions: int

    def pack(self, logits: FloatArray, means: FloatArray, factors: FloatArray) -> FloatArray:
        rows, columns = np.tril_indices(self.dimensions)
        return np.concatenate([logits, means.ravel(), factors[:, rows, columns].ravel()])

    def unpack(self, vector: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        k, d = self.components, self.dimensions
        rows, columns = np.tril_indices(d)
        factors = np.zeros((k, d, d))
        factors[:, rows, columns] = vector[k + k * d :].reshape(k, len(rows))
        return vector[:k].copy(), vector[k : k + k * d].reshape(k, d).copy(), factors


def start(scaled: FloatArray, components: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Equal weights and equal shares of the data along their longest direction, with the shares' spread for all."""
    n, d = scaled.shape
    _, axes = np.linalg.eigh(scaled.T @ scaled)
    shares = np.array_split(scaled[np.argsort(scaled @ axes[:, -1], kind="stable")], components)
    means = np.array([share.mean(axis=0) for share in shares])
    within = sum((share - share.mean(axis=0)).T @ (share - share.mean(axis=0)) for share in shares) / n
    precision = np.linalg.inv(within + 1e-3 * np.eye(d))
    return np.zeros(components), means, np.tile(np.linalg.cholesky(precision), (components, 1, 1))
