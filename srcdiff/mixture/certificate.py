"""A certificate of convergence: whether a fit is a maximum of the likelihood, and how near.

In: the `Information` at the parameters of a fit. Out: a `Convergence`.

>>> from srcdiff.mixture.objective import Objective
>>> from srcdiff.mixture.parameters import Parameters
>>> top = Parameters(np.zeros(1), np.array([[2.0]]), np.array([[1.0]]))
>>> print(certificate(Information(Objective(np.array([[1.0], [3.0]]), "diag"), top)))
maximum: gradient per sample 0.0e+00, Hessian negative definite, EM's rate 0.000, 0.0e+00 of log-likelihood to gain
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from srcdiff.mixture.information import Information

CERTIFIED = 1e-8
"""The log-likelihood that may be left at a certified maximum."""


@dataclass(frozen=True)
class Convergence:
    """What the derivatives at the end of a fit say.

    Attributes
    ----------
    gradient_norm
        The length of the gradient per unit of weight, in unconstrained coordinates of standardised data.
    negative_definite
        Whether the Hessian of the log-likelihood is negative definite there.
    em_rate
        EM's linear rate: the factor by which an iteration of EM shrinks the distance to the maximum, at worst. It is
        the largest part of the information that is missing with the labels (Dempster, Laird and Rubin 1977). Not a
        number where it is not defined; 1 or more where there is no maximum.
    gain
        The log-likelihood that is still to be gained, by Newton's estimate: half the square of the gradient in the
        metric of the inverse information. Infinite where the Hessian is not negative definite.
    """

    gradient_norm: float
    negative_definite: bool
    em_rate: float
    gain: float

    @property
    def certified(self) -> bool:
        """Whether this is a maximum, to within 1e-8 of log-likelihood."""
        return self.negative_definite and self.gain <= CERTIFIED

    def __str__(self) -> str:
        kind = "maximum" if self.certified else "no maximum"
        definite = "negative definite" if self.negative_definite else "not negative definite"
        return (
            f"{kind}: gradient per sample {self.gradient_norm:.1e}, Hessian {definite}, EM's rate {self.em_rate:.3f}, "
            f"{self.gain:.1e} of log-likelihood to gain"
        )


def certificate(information: Information) -> Convergence:
    """Look at gradient and Hessian at the parameters of a fit."""
    total = information.function.objective.total_weight
    return Convergence(
        gradient_norm=float(np.linalg.norm(information.gradient)) / total,
        negative_definite=information.positive_definite,
        em_rate=1.0 - float(information.spectrum[0]),
        gain=information.decrement,
    )
