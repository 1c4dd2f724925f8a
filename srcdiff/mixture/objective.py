"""The log-likelihood of a mixture on given data: value and gradient, in the user's units.

In: data, weights, a type of covariance. Out: an `Objective`, whose numbers are sums over blocks of samples of what the
compiler made of `srcdiff.mixture.likelihood`.

>>> objective = Objective(np.array([[-1.0], [1.0]]), "spherical")
>>> p = Parameters(np.zeros(1), np.zeros((1, 1)), np.ones(1))
>>> value, gradient = objective.value_and_gradient(p)
>>> gradient.means, gradient.covariances
(array([[0.]]), array([0.]))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from srcdiff.derivative import Derivative
from srcdiff.mixture.blocks import Table
from srcdiff.mixture.features import Block, Units
from srcdiff.mixture.likelihood import log_sum_exp, mixture_sum, tied_common
from srcdiff.mixture.noise import noise_matrices
from srcdiff.mixture.parameters import FloatArray, Parameters, covariances_shape, require_parameters
from srcdiff.mixture.together import TERMS, value_and_gradient


@lru_cache(maxsize=128)
def compiled(function: Callable[..., Any], mode: str) -> Derivative:
    """The generated code of a function of the likelihood.

    It is differentiated with respect to logits, means and covariances; of the terms that these reach through other
    functions, with respect to the first parameter.
    """
    return Derivative(function, mode, 0 if function in TERMS else (0, 1, 2))


def value_and_gradient_of(total: Callable[..., Any]) -> Derivative:
    """The compiled value and gradient of a likelihood with respect to logits, means and covariances."""
    return compiled(total, "value_and_grad")


class Objective:
    """The weighted log-likelihood of a sample, as a function of the parameters of a mixture.

    Parameters
    ----------
    X
        Samples (n, d). NaN is a value that was not observed, and is integrated out.
    covariance_type
        ``"full"``, ``"tied"``, ``"diag"`` or ``"spherical"``.
    sample_weight
        How much every sample counts (n,).
    noise
        The covariance of every sample's noise: matrices (n, d, d), or variances (n, d). The mixture is then that of
        the samples without noise, and the densities are those of the samples with it.
    chunk_size
        How many samples are worked on at a time; by itself it is chosen for blocks of some 8 MB.
    units
        Centre and scale of the columns, where they are not to be those of this sample (parts of one sample, say).

    Raises
    ------
    ValueError
        where the shapes do not fit, a value is not finite, or the weights are negative or all zero.
    """

    def __init__(
        self,
        X: npt.ArrayLike,
        covariance_type: str = "full",
        sample_weight: npt.ArrayLike | None = None,
        noise: npt.ArrayLike | None = None,
        chunk_size: int | None = None,
        units: Units | None = None,
    ) -> None:
        data = np.asarray(X, dtype=np.float64)
        if data.ndim != 2 or 0 in data.shape:
            raise ValueError(f"the data are a table with a row for every sample, not of shape {data.shape}")
        self.n, self.d = data.shape
        covariances_shape(covariance_type, 1, self.d)
        self.covariance_type = covariance_type
        weights = np.ones(self.n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if weights.shape != (self.n,) or not (weights >= 0.0).all() or not 0.0 < np.sum(weights) < np.inf:
            raise ValueError("sample_weight holds a number for every sample, none negative and not all of them zero")
        if not np.isfinite(np.sum(data)) and np.isinf(data).any():
            raise ValueError("the data hold infinite values")
        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f"chunk_size is a positive number of samples, not {chunk_size}")
        self.sample_weight = weights
        self.total_weight = float(np.sum(weights))
        matrices = None if noise is None else noise_matrices(noise, data)
        self._table = Table(data, covariance_type, weights, matrices, chunk_size, units)

    @property
    def units(self) -> Units:
        """Centre and scale of the columns in which the features are built."""
        return self._table.units

    def blocks(self) -> Iterator[Block]:
        """The samples, block by block."""
        return self._table.blocks()

    def value(self, p: Parameters) -> float:
        """The log-likelihood, summed over samples with their weights."""
        require_parameters(p, self.covariance_type, self.d)
        return sum(float(b.total(p.logits, p.means, p.covariances, *b.arguments)) for b in self.blocks())

    def value_and_gradient(self, p: Parameters) -> tuple[float, Parameters]:
        """The log-likelihood and its derivatives, shaped like the parameters.

        All entries of a covariance matrix count as independent.
        """
        require_parameters(p, self.covariance_type, self.d)
        primals = (p.logits, p.means, p.covariances)
        value, gradient = value_and_gradient(self.blocks(), primals, compiled)
        return value, Parameters(*gradient)

    def log_joint(self, p: Parameters) -> FloatArray:
        """Joint log-densities of sample and component (n, K), without the weights of the samples."""
        require_parameters(p, self.covariance_type, self.d)
        joint = np.empty((self.n, p.components))
        for block in self.blocks():
            joint[block.rows] = block.joint(p.logits, p.means, p.covariances, *block.joint_arguments).T
        return joint

    def log_densities(self, p: Parameters) -> FloatArray:
        """The log-density of every sample (n,), without its weight."""
        require_parameters(p, self.covariance_type, self.d)
        densities = np.empty(self.n)
        for block in self.blocks():
            densities[block.rows] = log_sum_exp(block.joint(p.logits, p.means, p.covariances, *block.joint_arguments))
        return densities

    @property
    def gradient_source(self) -> str:
        """The generated programs of value and gradient that these data need, as text, in their order."""
        blocks = self._table.kinds()
        alone = sum(block.linear is not None for block in blocks) == 1
        used: dict[Derivative, None] = {}
        for block in blocks:
            if block.linear is None or alone:
                used[value_and_gradient_of(block.total)] = None
                continue
            used[value_and_gradient_of(mixture_sum)] = None
            if block.linear.scatter is not None:
                used[value_and_gradient_of(tied_common)] = None
            used[compiled(block.linear.coefficients, "reverse")] = None
        return "\n\n".join(derivative.source for derivative in used)
