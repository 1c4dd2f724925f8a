"""The gradient of the mixture's likelihood in quadratic features, as a careful person writes it: the mark to reach.

In: parameters with full covariances, the units of the features, and blocks of features with the weights of the samples.
Out: value and gradient with respect to logits, means and covariances. The formulation is the likelihood's own: the
coefficients of the components once, for each block one product for all joint log-densities and one for all sums of the
M step, and at the end some algebra with small matrices. A block's responsibilities are the only large buffer.

>>> X = np.random.default_rng(0).normal(size=(2, 5))
>>> pairs = np.array(np.triu_indices(2))
>>> features = np.concatenate((np.ones((1, 5)), X, X[pairs[0]] * X[pairs[1]]))
>>> parameters = (np.zeros(3), np.zeros((3, 2)), np.tile(np.eye(2), (3, 1, 1)))
>>> value, gradient = value_and_gradient(*parameters, np.zeros(2), np.eye(2), pairs, [(features, np.ones(5))])
>>> [g.shape for g in gradient]
[(3,), (3, 2), (3, 2, 2)]
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def value_and_gradient(
    logits: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    centre: np.ndarray,
    whitening: np.ndarray,
    pairs: np.ndarray,
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
) -> tuple[float, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    d = len(centre)
    rows, columns = pairs
    share = np.where(rows == columns, 0.25, 0.5)
    scaled = whitening @ covariances @ whitening.T
    locations = (means - centre) @ whitening.T
    exponentials = np.exp(logits - np.max(logits))
    weights = exponentials / np.sum(exponentials)
    precisions = np.linalg.inv(scaled)
    linear = np.squeeze(precisions @ locations[:, :, np.newaxis], axis=2)
    log_dets = np.linalg.slogdet(scaled)[1] - 2.0 * np.linalg.slogdet(whitening)[1]
    constants = -0.5 * (log_dets + d * np.log(2.0 * np.pi))
    constants += np.log(weights) - 0.5 * np.sum(linear * locations, axis=1)
    coefficients = np.concatenate(
        (constants[:, np.newaxis], linear, -2.0 * share * precisions[:, rows, columns]), axis=1
    )

    value = 0.0
    sums = np.zeros(coefficients.shape)
    for features, sample_weight in blocks:
        joint = coefficients @ features
        highest = np.max(joint, axis=0)
        joint -= highest
        responsibilities = np.exp(joint, out=joint)
        totals = np.sum(responsibilities, axis=0)
        value += float(sample_weight @ (highest + np.log(totals)))
        responsibilities *= sample_weight / totals
        sums += responsibilities @ features.T

    shares, first, second = sums[:, 0], sums[:, 1 : 1 + d], sums[:, 1 + d :]
    blinear = first - 0.5 * shares[:, np.newaxis] * locations
    blocations = np.squeeze(precisions @ blinear[:, :, np.newaxis], axis=2) - 0.5 * shares[:, np.newaxis] * linear
    half = 0.5 * blinear[:, :, np.newaxis] * locations[:, np.newaxis, :]
    half[:, rows, columns] -= share * second
    bprecisions = half + np.swapaxes(half, 1, 2)
    bscaled = -precisions @ bprecisions @ precisions
    bscaled -= 0.5 * shares[:, np.newaxis, np.newaxis] * precisions
    return value, (shares - np.sum(shares) * weights, blocations @ whitening, whitening.T @ bscaled @ whitening)
