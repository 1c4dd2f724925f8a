"""Hard EM: every sample belongs to its likeliest component alone (classification EM, Celeux and Govaert 1992).

In: an objective and parameters. Out: the parameters of the next step and the classification log-likelihood, the sum of
the samples' largest joint log-densities. It is the likelihood with a maximum in place of log-sum-exp; its derivative is
the generated adjoint of the joint log-densities, seeded with the weight of each sample at its component. The M step is
EM's, from that gradient. With equal spherical covariances and equal weights this is k-means.

>>> from srcdiff.mixture.objective import Objective
>>> start = Parameters(np.zeros(2), np.array([[0.0], [1.0]]), np.ones(2))
>>> p, value = hard_step(Objective(np.array([[-1.0], [0.2], [2.0], [4.0]]), "spherical"), start)
>>> p.means.ravel(), p.covariances
(array([-0.4,  3. ]), array([0.36, 1.  ]))
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from srcdiff import transform
from srcdiff.derivative import Derivative
from srcdiff.mixture.em import em_update
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import FloatArray, Parameters, covariances_shape
from srcdiff.mixture.remote import RemoteObjective


@lru_cache(maxsize=64)
def adjoint_of(joint: Callable[..., Any]) -> Derivative:
    """The compiled adjoint of joint log-densities with respect to logits, means and covariances."""
    adjoint: Derivative = transform(joint, mode="reverse", wrt=(0, 1, 2))
    return adjoint


def hard_value_and_gradient(objective: Objective, p: Parameters) -> tuple[float, Parameters]:
    """The classification log-likelihood and its derivatives; of equal joint densities the first component's counts."""
    if isinstance(objective, RemoteObjective):
        return objective.hard_value_and_gradient(p)
    value = 0.0
    shape = covariances_shape(objective.covariance_type, p.components, objective.d)
    gradient = (np.zeros(p.logits.shape), np.zeros(p.means.shape), np.zeros(shape))
    for block in objective.blocks():
        joint: FloatArray = block.joint(p.logits, p.means, p.covariances, *block.joint_arguments)
        weights = objective.sample_weight[block.rows]
        labels, each = np.argmax(joint, axis=0), np.arange(joint.shape[1])
        value += float(weights @ joint[labels, each])
        seed = np.zeros(joint.shape)
        seed[labels, each] = weights
        _, parts = adjoint_of(block.joint)(p.logits, p.means, p.covariances, *block.joint_arguments, seed)
        for whole, piece in zip(gradient, parts, strict=True):
            whole += piece
    return value, Parameters(*gradient)


def hard_step(objective: Objective, p: Parameters) -> tuple[Parameters, float]:
    """One step of hard EM, and the classification log-likelihood where it started."""
    value, gradient = hard_value_and_gradient(objective, p)
    return em_update(p, gradient, objective.total_weight, objective.covariance_type), value
