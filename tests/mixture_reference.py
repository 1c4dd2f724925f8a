"""The fits of the reference file: data and certified results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_iris

from srcdiff.mixture import Parameters, load_old_faithful
from srcdiff.mixture.initialisation import initialise
from srcdiff.mixture.scaling import Scaling

REFERENCE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "mixture_reference.json").read_text(encoding="utf-8")
)


def data_of(name: str) -> np.ndarray:
    """The observations that the fit is of."""
    if name.startswith("iris"):
        return load_iris().data
    X = load_old_faithful()
    return X[:, 1:] if name.startswith("waiting") else X


def parameters_of(name: str) -> Parameters:
    """The certified optimum; `row_of` undoes it."""
    reference = REFERENCE[name]
    K, d, kind = reference["K"], reference["d"], reference["covariance_type"]
    values = np.array(reference["params"])
    weights, means, rest = values[:K], values[K : K + K * d].reshape(K, d), values[K + K * d :]
    if kind == "spherical":
        return Parameters.from_weights(weights, means, rest)
    if kind == "diag":
        return Parameters.from_weights(weights, means, rest.reshape(K, d))
    rows, columns = np.tril_indices(d)
    matrices = np.empty((1 if kind == "tied" else K, d, d))
    matrices[:, rows, columns] = matrices[:, columns, rows] = rest.reshape(len(matrices), -1)
    return Parameters.from_weights(weights, means, matrices[0] if kind == "tied" else matrices)


def row_of(name: str, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Parameters in the order of the reference: components by the mean of the column that it names."""
    reference = REFERENCE[name]
    column = 2 if "sorted by feature 2" in reference["layout"] else 0
    order = np.argsort(means[:, column])
    kind = reference["covariance_type"]
    covariances = covariances if kind == "tied" else covariances[order]
    if kind in ("full", "tied"):
        rows, columns = np.tril_indices(reference["d"])
        covariances = covariances[..., rows, columns]
    return np.concatenate([weights[order], means[order].ravel(), covariances.ravel()])


def start_of(X: np.ndarray, K: int, kind: str, seed: int = 0) -> tuple[Scaling, Parameters]:
    """The units of the data, and a start by k-means in the units of the data."""
    scaling = Scaling.of(X, kind)
    drawn = initialise(scaling.standardise(X), np.ones(len(X)), K, kind, "kmeans", np.random.RandomState(seed))
    return scaling, scaling.back(drawn, kind)
