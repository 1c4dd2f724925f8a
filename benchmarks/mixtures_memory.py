"""Peak memory of the fit of a mixture to a large sample, beside scikit-learn's.

Out: rows of the table. The data themselves do not count: both fits are given the same array.

>>> X = large(1_000, 3)
>>> X.shape, peaks(X, 2)["ours"] > 0
((1000, 3), True)
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Theirs

from benchmarks.memory import peak
from srcdiff.mixture import GaussianMixture

Row = tuple[str, str, str]


def large(n: int, d: int) -> np.ndarray:
    """Samples of five components, side by side."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    for part, centre in zip(np.array_split(X, 5), 6.0 * rng.normal(size=(5, d)), strict=True):
        part += centre
    return X


def peaks(X: np.ndarray, components: int, iterations: int = 2) -> dict[str, int]:
    """Bytes on top of the data, of a fit of so many iterations of EM from the default start."""
    with warnings.catch_warnings():
        # So few iterations do not converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = GaussianMixture(components, max_iter=iterations, tol=0.0, solver="em", random_state=0)
        theirs = Theirs(components, max_iter=iterations, tol=0.0, random_state=0)
        return {"ours": peak(lambda: ours.fit(X)), "theirs": peak(lambda: theirs.fit(X))}


def memory() -> list[Row]:
    """A million samples of twenty columns."""
    n, d, k = 1_000_000, 20, 5
    X = large(n, d)
    found = peaks(X, k)
    value = (
        f"{found['ours'] / 1e6:.0f} MB, scikit-learn {found['theirs'] / 1e6:.0f} MB (the data {X.nbytes / 1e6:.0f} MB)"
    )
    return [(f"peak memory of a fit: n = {n}, d = {d}, K = {k}", value, "below scikit-learn's")]
