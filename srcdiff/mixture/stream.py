"""Fits to streams: each batch moves the parameters a little, and is forgotten (Cappé and Moulines 2009).

In: where the stream has come to, and a batch of samples. Out: where it goes on. Stepwise EM averages what EM's M step
is made of, the sums of responsibilities, of samples and of their squares, over the batches. EM's step from the gradient
on one batch holds these sums in another form: as weights, means and covariances; `blended` averages them in that form.

>>> first = Stream(Parameters(np.zeros(1), np.zeros((1, 1)), np.ones(1)), Scaling(np.zeros(1), np.ones(1)), weight=2.0)
>>> second, value = continued(first, Objective(np.array([[3.0], [5.0]]), "spherical"), decay=1.0)
>>> second.parameters.means, second.parameters.covariances, second.weight
(array([[2.]]), array([5.]), 4.0)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from srcdiff.mixture.em import em_step
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters
from srcdiff.mixture.regularisation import above
from srcdiff.mixture.scaling import Scaling

DECAY = 0.7
"""The exponent of the step: between 1/2 (old batches are soon forgotten) and 1 (all count the same for ever)."""


@dataclass(frozen=True)
class Stream:
    """Where a stream has come to: parameters, the units of its first batch, and the weight of all samples so far."""

    parameters: Parameters
    scaling: Scaling
    weight: float


def continued(stream: Stream, batch: Objective, floor: float = 1e-6, decay: float = DECAY) -> tuple[Stream, float]:
    """The stream after a batch, and the batch's log-likelihood before it was learned from.

    The step is the batch's share of all weight so far, to the power of `decay`. With `decay` 1 and one component the
    stream ends exactly where the fit to all samples together does.

    Parameters
    ----------
    floor
        The least variance in any direction, in the units of the stream.
    """
    kind = batch.covariance_type
    target, value = em_step(batch, stream.parameters)
    weight = stream.weight + batch.total_weight
    step = (batch.total_weight / weight) ** decay
    old, new = (stream.scaling.into(p, kind) for p in (stream.parameters, target))
    raised, _ = above(blended(old, new, kind, step), kind, floor)
    return Stream(stream.scaling.back(raised, kind), stream.scaling, weight), value


def blended(old: Parameters, new: Parameters, covariance_type: str, step: float) -> Parameters:
    """The mixture whose weights and first and second moments are between those of two, `step` of the way to the new.

    Moments are taken about the means, so that nothing cancels.
    """
    weights = (1.0 - step) * old.weights + step * new.weights
    share = np.divide(step * new.weights, weights, out=np.zeros_like(weights), where=weights > 0.0)
    moved = new.means - old.means
    means = old.means + share[:, np.newaxis] * moved
    between = share * (1.0 - share)
    S, T = old.covariances, new.covariances
    match covariance_type:
        case "full":
            spread = moved[:, :, np.newaxis] * moved[:, np.newaxis, :]
            covariances = S + share[:, np.newaxis, np.newaxis] * (T - S) + between[:, np.newaxis, np.newaxis] * spread
        case "tied":
            covariances = S + step * (T - S) + (moved.T * (weights * between)) @ moved
        case "diag":
            covariances = S + share[:, np.newaxis] * (T - S) + between[:, np.newaxis] * moved * moved
        case _:
            covariances = S + share * (T - S) + between * np.mean(moved * moved, axis=1)
    return Parameters.from_weights(weights, means, covariances)
