"""Where a fit starts: parameters from a first division of the data, in standard units.

In: standardised observations with weights, the number of components and the name of a method. Out: `Parameters`.

Equal observations are merged and their weights added before anything is drawn, and the merged ones are sorted: a start
depends neither on the order of the samples nor on whether an observation is repeated or carries a weight. Missing
entries are filled with the mean, which is zero; EM corrects what that does to the covariances.

>>> Z = np.array([[-1.0], [-0.9], [0.9], [1.0]])
>>> start = initialise(Z, np.ones(4), 2, "full", "kmeans", np.random.RandomState(0))
>>> np.sort(start.means, axis=0)
array([[-0.95],
       [ 0.95]])
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.parameters import Parameters
from srcdiff.mixture.regularisation import above

FloatArray = npt.NDArray[np.float64]

METHODS = ("kmeans", "k-means++", "random", "random_from_data")
# A start needs no more observations than this; of larger data a sample is drawn.
ENOUGH = 25_000


def initialise(
    Z: FloatArray,
    weights: FloatArray,
    components: int,
    covariance_type: str,
    method: str,
    random_state: np.random.RandomState,
    *,
    floor: float = 1e-6,
    means: FloatArray | None = None,
) -> Parameters:
    """A start for the fit of a mixture.

    Parameters
    ----------
    Z
        Standardised observations, shape (n, d); entries may be missing (NaN).
    weights
        Their weights, shape (n,).
    method
        `"kmeans"`: the clusters of k-means. `"k-means++"`: the clusters around its seeds (Arthur and Vassilvitskii
        2007). `"random_from_data"`: means drawn from the observations, with the covariance of all of them.
        `"random"`: random responsibilities.
    floor
        The least variance, in standard units.
    means
        Means to divide the data by, shape (components, d), instead of drawing any.
    """
    points, mass = distinct(Z, weights, random_state)
    n = len(points)
    if means is not None:
        return above(_around(points, mass, means, covariance_type), covariance_type, floor)[0]
    match method:
        case "random":
            responsibilities = random_state.uniform(size=(components, n))
            responsibilities /= responsibilities.sum(axis=0)
            start = moments(points, mass * responsibilities, covariance_type)
        case "random_from_data":
            means = points[_cycle(random_state.choice(n, size=min(components, n), replace=False), components)]
            whole = moments(points, mass[np.newaxis], covariance_type).covariances
            covariances = whole if covariance_type == "tied" else np.repeat(whole, components, axis=0)
            start = Parameters(np.zeros(components), means, covariances)
        case _:
            start = _around(points, mass, _seeds(points, mass, components, method, random_state), covariance_type)
    return above(start, covariance_type, floor)[0]


def chosen(weights: FloatArray, random_state: np.random.RandomState) -> npt.NDArray[np.intp]:
    """The rows of positive weight, or some drawn from them where there are many; in their order."""
    rows = np.flatnonzero(weights > 0)
    if len(rows) > ENOUGH:
        rows = np.sort(random_state.choice(rows, size=ENOUGH, replace=False))
    return rows


def distinct(Z: FloatArray, weights: FloatArray, random_state: np.random.RandomState) -> tuple[FloatArray, FloatArray]:
    """The different observations of positive weight, sorted and filled, with the sums of their weights."""
    rows = chosen(weights, random_state)
    # Zero is the mean in standard units; adding it turns a negative zero into zero.
    filled = np.where(np.isnan(Z[rows]), 0.0, Z[rows]) + 0.0
    points, where = np.unique(filled, axis=0, return_inverse=True)
    masses = np.zeros(len(points))
    np.add.at(masses, where.ravel(), weights[rows])
    return points, masses


def moments(points: FloatArray, masses: FloatArray, covariance_type: str) -> Parameters:
    """Weights, means and covariances of complete observations (n, d) divided by `masses` (components, n)."""
    totals = masses.sum(axis=1)
    kept = np.maximum(totals, np.finfo(float).tiny)
    means = (masses @ points) / kept[:, np.newaxis]
    K, d = means.shape
    logits = np.log(np.maximum(totals / totals.sum(), 1e-300))
    match covariance_type:
        case "full" | "tied":
            scatters = np.empty((K, d, d))
            for k in range(K):
                differences = points - means[k]
                scatters[k] = (differences.T * masses[k]) @ differences
            if covariance_type == "tied":
                return Parameters(logits, means, scatters.sum(axis=0) / totals.sum())
            return Parameters(logits, means, scatters / kept[:, np.newaxis, np.newaxis])
        case _:
            variances = np.empty((K, d))
            for k in range(K):
                variances[k] = masses[k] @ (points - means[k]) ** 2 / kept[k]
            return Parameters(logits, means, variances if covariance_type == "diag" else variances.mean(axis=1))


def nearest(points: FloatArray, means: FloatArray) -> npt.NDArray[np.intp]:
    """The index of the nearest mean of every point, shape (n,)."""
    distances = np.sum(means * means, axis=1)[:, np.newaxis] - 2.0 * (means @ points.T)
    labels: npt.NDArray[np.intp] = np.argmin(distances, axis=0)
    return labels


def _around(points: FloatArray, mass: FloatArray, means: FloatArray, covariance_type: str) -> Parameters:
    """Every point given to its nearest mean; the covariances as if one observation more had the pooled one.

    The means stay where they are, and a cluster of too few points for a covariance of its own takes the pooled one.
    """
    K = len(means)
    masses = (nearest(points, means) == np.arange(K)[:, np.newaxis]) * mass
    start = moments(points, masses, covariance_type)
    totals = masses.sum(axis=1)
    shares = (totals + 1e-3 * totals.sum() / K) / (totals.sum() * (1.0 + 1e-3))
    covariances = start.covariances
    if covariance_type != "tied":
        unit = mass.sum() / len(mass)
        shape = (K,) + (1,) * (covariances.ndim - 1)
        counts = totals.reshape(shape)
        pooled = np.sum(counts * covariances, axis=0) / totals.sum()
        covariances = (counts * covariances + unit * pooled) / (counts + unit)
    return Parameters(np.log(shares), means, covariances)


def _seeds(
    points: FloatArray, mass: FloatArray, components: int, method: str, random_state: np.random.RandomState
) -> FloatArray:
    """The means that k-means++ draws, or those that k-means ends with; with too few points, some of them repeated."""
    from sklearn.cluster import KMeans, kmeans_plusplus

    if len(points) <= components:
        return points[_cycle(np.arange(len(points)), components)]
    if method == "k-means++":
        chosen, _ = kmeans_plusplus(points, components, sample_weight=mass, random_state=random_state)
        seeds: FloatArray = chosen
        return seeds
    with warnings.catch_warnings():
        # Fewer clusters than asked for, or Lloyd's iteration cut short: EM goes on from there all the same.
        warnings.simplefilter("ignore")
        found = KMeans(components, n_init=1, random_state=random_state).fit(points, sample_weight=mass)
    centres: FloatArray = found.cluster_centers_
    return centres


def _cycle(indices: npt.NDArray[np.intp], length: int) -> npt.NDArray[np.intp]:
    return np.resize(indices, length)
