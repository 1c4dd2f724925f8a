"""What the data say about the parameters of a fit: observed information, standard errors, intervals.

In: an `Objective` and the parameters of a maximum. Out: an `Information`. It is the Hessian of the log-likelihood,
negated, in unconstrained coordinates; its inverse is carried over to weights, means and covariances by the Jacobian of
the map (the delta method). The sandwich (White 1982; Huber 1967) puts the scores of the samples between two inverses
and holds where the data are no such mixture. Sample weights count samples.

All parameters in a row are the weights, the means row by row, and the covariances: of matrices the lower triangles row
by row.

>>> from srcdiff.mixture.objective import Objective
>>> X = np.array([[-1.0], [1.0], [3.0], [5.0]])
>>> found = Information(Objective(X, "diag"), Parameters(np.zeros(1), np.array([[2.0]]), np.array([[5.0]])))
>>> found.names
('weight[0]', 'mean[0,0]', 'variance[0,0]')
>>> errors = found.standard_errors()
>>> bool(np.isclose(errors.means[0, 0], np.sqrt(5 / 4))), bool(np.isclose(errors.covariances[0, 0], 5 * np.sqrt(2 / 4)))
(True, True)
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt

from srcdiff import jvp
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters
from srcdiff.mixture.scaling import Scaling
from srcdiff.mixture.unconstrained import UnconstrainedObjective

FloatArray = npt.NDArray[np.float64]
Kind = Literal["observed", "sandwich"]

STATIONARY = 1e-4
"""Where more log-likelihood than this is still to be gained, by Newton's estimate, the point is no maximum."""

DOUBT = 0.05
"""Components whose difference, or whose weight, has a larger p-value than this are in doubt."""


class InformationWarning(UserWarning):
    """Standard errors do not mean what they should."""


@dataclass(frozen=True)
class StandardErrors:
    """Shaped like the parameters: weights (K,), means (K, d), covariances in the shape of their type."""

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray


@dataclass(frozen=True)
class Intervals:
    """Confidence intervals: as the parameters, with lower and upper end on a last axis of length 2."""

    level: float
    weights: FloatArray
    means: FloatArray
    covariances: FloatArray


def weights_of(logits: Annotated[np.ndarray, "k"]) -> Annotated[np.ndarray, "k"]:
    """The softmax of the logits."""
    powers = np.exp(logits - np.max(logits))
    weights: np.ndarray = powers / np.sum(powers)
    return weights


class Information:
    """The observed information at a maximum of the log-likelihood.

    Parameters
    ----------
    objective
        The log-likelihood of the data.
    p
        The maximum.
    scaling
        Units in which the coordinates are of similar size; by itself those of the objective.
    held
        Whether a variance is where it is because it may not be smaller.
    """

    def __init__(self, objective: Objective, p: Parameters, scaling: Scaling | None = None, held: bool = False) -> None:
        self.function = UnconstrainedObjective(objective, p.components, scaling or Scaling(*objective.units))
        self.there = self.function.coordinates
        self.parameters = p
        self.held = held
        self.u = self.function.to_vector(p)

    @cached_property
    def gradient(self) -> FloatArray:
        """The gradient in the coordinates: nearly zero."""
        return self.function.value_and_gradient(self.u)[1]

    @cached_property
    def matrix(self) -> FloatArray:
        """The observed information in the coordinates: the Hessian, negated."""
        return -self.function.hessian(self.u)

    @cached_property
    def complete(self) -> FloatArray:
        """The information that the data would hold if labels, and all values, were known."""
        return self.function.complete_information(self.u)

    @cached_property
    def score_products(self) -> FloatArray:
        """The sum over samples of the products of scores with themselves: the filling of the sandwich."""
        return self.function.score_products(self.u)

    @cached_property
    def spectrum(self) -> FloatArray:
        """The eigenvalues of the information as parts of the complete one, ascending: 1 less what labels would add.

        They do not depend on coordinates or units. The least is 1 less the rate of EM. Not a number where a component
        is empty.
        """
        try:
            factor = np.linalg.inv(np.linalg.cholesky(self.complete))
        except np.linalg.LinAlgError:
            return np.full(len(self.u), np.nan)
        values: FloatArray = np.linalg.eigvalsh(factor @ self.matrix @ factor.T)
        return values

    @property
    def positive_definite(self) -> bool:
        """Whether the log-likelihood falls in all directions, by more than rounding."""
        return bool(self.spectrum[0] > 1e-10)

    @property
    def decrement(self) -> float:
        """Newton's estimate of the log-likelihood still to be gained; infinite where there is no maximum in sight."""
        if not self.positive_definite:
            return np.inf
        return float(0.5 * self.gradient @ np.linalg.solve(self.matrix, self.gradient))

    @cached_property
    def jacobian(self) -> FloatArray:
        """The derivatives of all parameters in a row with respect to the coordinates."""
        there = self.there
        tangents = there.push_forward(self.u, np.eye(there.size))
        logits = there.parts(self.u)[0]
        _, weights = jvp(weights_of, (logits,), (tangents.logits,))
        rows: FloatArray = np.concatenate(
            [weights, tangents.means.reshape(there.size, -1), self._distinct(tangents.covariances)], axis=1
        ).T
        return rows

    def _distinct(self, covariances: FloatArray) -> FloatArray:
        """The entries of covariances that differ, in a row for each of a stack."""
        if self.there.matrices:
            rows, columns = np.tril_indices(self.there.dimensions)
            covariances = covariances[..., rows, columns]
        return covariances.reshape(len(covariances), -1)

    def _shaped(self, row: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Weights, means and covariances from all parameters in a row."""
        k, d = self.there.components, self.there.dimensions
        weights, means, distinct = row[:k], row[k : k + k * d].reshape(k, d), row[k + k * d :]
        if not self.there.matrices:
            return weights, means, distinct.reshape(self.there.covariance_shape)
        rows, columns = np.tril_indices(d)
        covariances = np.empty((self.there.factors, d, d))
        covariances[:, rows, columns] = covariances[:, columns, rows] = distinct.reshape(self.there.factors, -1)
        return weights, means, covariances.reshape(self.there.covariance_shape)

    @property
    def estimates(self) -> FloatArray:
        """All parameters in a row."""
        p = self.parameters
        return np.concatenate([p.weights, p.means.ravel(), self._distinct(p.covariances[np.newaxis])[0]])

    @property
    def names(self) -> tuple[str, ...]:
        """What the parameters in a row are, for example ``covariance[1,0,1]``: component, row, column."""
        k, d = self.there.components, self.there.dimensions
        names = [f"weight[{i}]" for i in range(k)]
        names += [f"mean[{i},{j}]" for i in range(k) for j in range(d)]
        if self.there.matrices:
            owners = [""] if self.there.covariance_type == "tied" else [f"{i}," for i in range(k)]
            names += [f"covariance[{i}{a},{b}]" for i in owners for a in range(d) for b in range(a + 1)]
        elif self.there.covariance_type == "diag":
            names += [f"variance[{i},{j}]" for i in range(k) for j in range(d)]
        else:
            names += [f"variance[{i}]" for i in range(k)]
        return tuple(names)

    def covariance(self, kind: Kind = "observed") -> FloatArray:
        """The covariance matrix of the estimates of all parameters in a row; NaN where there is none.

        Raises
        ------
        ValueError
            where `kind` is neither ``"observed"`` nor ``"sandwich"``.
        """
        if kind not in ("observed", "sandwich"):
            raise ValueError(f'kind is "observed" or "sandwich", not {kind!r}')
        for text in self.doubts:
            warnings.warn(text, InformationWarning, stacklevel=3)
        covariance: FloatArray = self.jacobian @ self._inverse(kind) @ self.jacobian.T
        return covariance

    def _inverse(self, kind: Kind) -> FloatArray:
        if not self.positive_definite:
            return np.full(self.matrix.shape, np.nan)
        inverse = np.linalg.inv(self.matrix)
        if kind == "sandwich":
            inverse = inverse @ self.score_products @ inverse
        symmetric: FloatArray = 0.5 * (inverse + inverse.T)
        return symmetric

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """Why standard errors do not mean what they should, in sentences."""
        if self.held:
            return (
                "a variance is held up by the regularisation: the parameters are no maximum of the likelihood, and "
                "standard errors mean nothing. Take fewer components or a simpler type of covariance.",
            )
        if not self.positive_definite:
            return (
                "the observed information is not positive definite: the parameters are no maximum of the likelihood, "
                "or the data do not determine them. There are no standard errors. Take fewer components.",
            )
        texts = []
        if self.decrement > STATIONARY:
            texts.append(
                f"the parameters are no maximum of the likelihood: some {self.decrement:.2g} of log-likelihood are "
                "still to be gained, and standard errors are not those of the maximum."
            )
        alike = self.alike
        if alike:
            pairs = ", ".join(f"{i} and {j}" for i, j in alike)
            texts.append(
                "the components overlap too much for standard errors to mean anything: the data do not tell "
                f"components {pairs} apart."
            )
        if self.faint:
            several = ", ".join(map(str, self.faint))
            texts.append(
                f"the data do not tell that there is a component {several}: its weight is not significantly more than "
                "0, and standard errors mean little."
            )
        return tuple(texts)

    @property
    def faint(self) -> list[int]:
        """The components whose weights do not differ significantly from zero."""
        k = self.there.components
        inverse = self._inverse("observed")
        errors = np.sqrt(np.diagonal(self.jacobian[:k] @ inverse @ self.jacobian[:k].T))
        z = NormalDist().inv_cdf(1.0 - 0.5 * DOUBT)
        return [i for i in range(k) if self.parameters.weights[i] < z * errors[i]]

    @cached_property
    def alike(self) -> list[tuple[int, int]]:
        """The pairs of components whose means and covariances do not differ significantly, by Wald's test.

        Where two components may be one, the likelihood is far from a parabola: their names may be exchanged inside the
        region that an interval describes.
        """
        from scipy.special import chdtri

        own = self.there.own
        inverse = self._inverse("observed")
        pairs = []
        for i in range(len(own)):
            for j in range(i + 1, len(own)):
                difference = self.u[own[i]] - self.u[own[j]]
                a, b = own[i], own[j]
                cross = inverse[np.ix_(a, b)]
                spread = inverse[np.ix_(a, a)] + inverse[np.ix_(b, b)] - cross - cross.T
                if difference @ np.linalg.lstsq(spread, difference)[0] < chdtri(len(difference), DOUBT):
                    pairs.append((i, j))
        return pairs

    def standard_errors(self, kind: Kind = "observed") -> StandardErrors:
        """The square roots of the variances of the estimates."""
        return StandardErrors(*self._shaped(np.sqrt(np.diagonal(self.covariance(kind)))))

    def intervals(self, level: float = 0.95, kind: Kind = "observed") -> Intervals:
        """Confidence intervals for each parameter by itself.

        They are symmetric for means and covariances of two columns; for variances in their logarithms and for weights
        in their logits, so that no interval leaves the range of its parameter.

        Raises
        ------
        ValueError
            where the level is not between 0 and 1.
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"the level is between 0 and 1, not {level}")
        z = NormalDist().inv_cdf(0.5 + 0.5 * level)
        errors = self.standard_errors(kind)
        p = self.parameters
        logs = [np.exp(sign * z * errors.weights / (p.weights * (1.0 - p.weights) + 1e-300)) for sign in (-1.0, 1.0)]
        weights = np.stack([p.weights * e / (p.weights * e + 1.0 - p.weights) for e in logs], axis=-1)
        means = np.stack([p.means - z * errors.means, p.means + z * errors.means], axis=-1)
        steps = z * errors.covariances
        covariances = np.stack([p.covariances - steps, p.covariances + steps], axis=-1)
        positive = np.ones(p.covariances.shape, dtype=bool)
        if self.there.matrices:
            positive &= np.eye(self.there.dimensions, dtype=bool)
        ratio = np.exp(steps[positive] / p.covariances[positive])
        covariances[positive] = np.stack([p.covariances[positive] / ratio, p.covariances[positive] * ratio], axis=-1)
        return Intervals(level, weights, means, covariances)
