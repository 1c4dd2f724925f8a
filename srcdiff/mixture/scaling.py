"""Units: data are standardised for a fit, and its parameters are put back into the units of the data.

In: a table of observations with weights. Out: a `Scaling`, which maps observations and parameters either way. Because
every fit happens in standard units, neither its start nor its regularisation changes when the data are rescaled or
shifted.

A spherical model knows one unit for all columns: it is given the root mean square of the columns' deviations.

>>> scaling = Scaling.of(np.array([[1.0, 10.0], [3.0, 50.0]]), "full")
>>> scaling.centre, scaling.scale
(array([ 2., 30.]), array([ 1., 20.]))
>>> scaling.standardise(np.array([[1.0, 10.0]]))
array([[-1., -1.]])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.parameters import Parameters

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """Centre and scale of the columns, both of shape (d,); `constant` names the columns that do not vary."""

    centre: FloatArray
    scale: FloatArray
    constant: tuple[int, ...] = ()

    @classmethod
    def of(cls, X: FloatArray, covariance_type: str, weights: FloatArray | None = None) -> Scaling:
        """The weighted means and deviations of what was observed; a column that does not vary keeps its unit.

        Raises
        ------
        ValueError
            where a column holds no observation of positive weight.
        """
        d = X.shape[1]
        centre, scale, constant = np.empty(d), np.empty(d), []
        # A column at a time: no copy of the table is made.
        for j in range(d):
            seen = ~np.isnan(X[:, j])
            column = X[seen, j]
            W = np.ones(len(column)) if weights is None else weights[seen]
            total = W.sum()
            if not total > 0:
                raise ValueError(f"column {j} of X is missing in every sample")
            # The middle of the range first, so that a large offset costs no digits of the deviations.
            low, high = column.min(), column.max()
            middle = low + 0.5 * (high - low)
            column -= middle
            offset = (W @ column) / total
            column -= offset
            centre[j] = middle + offset
            scale[j] = np.sqrt((W @ (column * column)) / total)
            # A spread that rounding explains is none.
            if scale[j] <= 8.0 * np.finfo(float).eps * max(abs(low), abs(high)):
                scale[j] = 0.0
                constant.append(j)
        if covariance_type == "spherical":
            scale[:] = np.sqrt(np.mean(scale * scale))
        scale[scale == 0.0] = 1.0
        return cls(centre, scale, tuple(constant))

    @property
    def log_volume(self) -> float:
        """What the log-density of one complete observation loses on the way back: the log-determinant of the scale."""
        return float(np.sum(np.log(self.scale)))

    def shift(self, X: FloatArray, weights: FloatArray | None = None) -> float:
        """The total log-likelihood in the units of the data, less the one in standard units."""
        W = np.ones(len(X)) if weights is None else weights
        return -float((W @ ~np.isnan(X)) @ np.log(self.scale))

    @property
    def powers(self) -> tuple[FloatArray, FloatArray]:
        """Centre and scale, the scale rounded to powers of two: dividing by them rounds nothing."""
        return self.centre, np.exp2(np.round(np.log2(self.scale)))

    def standardise(self, X: FloatArray) -> FloatArray:
        """Observations in standard units."""
        standard: FloatArray = (X - self.centre) / self.scale
        return standard

    def into(self, parameters: Parameters, covariance_type: str) -> Parameters:
        """Parameters in the units of the data, in standard units."""
        means = (parameters.means - self.centre) / self.scale
        return Parameters(parameters.logits, means, parameters.covariances / self.squares(covariance_type))

    def back(self, parameters: Parameters, covariance_type: str) -> Parameters:
        """Parameters in standard units, in the units of the data."""
        means = parameters.means * self.scale + self.centre
        return Parameters(parameters.logits, means, parameters.covariances * self.squares(covariance_type))

    def squares(self, covariance_type: str) -> FloatArray:
        """The factors between covariances in the two units, in a shape that broadcasts against the covariances."""
        match covariance_type:
            case "full" | "tied":
                return np.outer(self.scale, self.scale)
            case "diag":
                return self.scale * self.scale
            case _:
                return self.scale[:1] * self.scale[:1]
