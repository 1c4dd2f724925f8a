"""Noise of the samples as covariance matrices, checked.

In: what a user gives, variances or matrices. Out: matrices.

>>> noise_matrices(np.array([[0.5, 2.0]]), np.zeros((1, 2)))
array([[[0.5, 0. ],
        [0. , 2. ]]])
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.parameters import FloatArray


def noise_matrices(noise: npt.ArrayLike, X: FloatArray) -> FloatArray:
    """The noise of every sample as a covariance matrix (n, d, d).

    Raises
    ------
    ValueError
        where there is not one for every sample, or where it is not a covariance on what was observed of the sample.
    """
    n, d = X.shape
    given = np.asarray(noise, dtype=np.float64)
    if given.shape not in ((n, d), (n, d, d)):
        raise ValueError(f"noise holds {n} covariance matrices or {n} times {d} variances, not {given.shape}")
    matrices = given if given.ndim == 3 else given[:, :, np.newaxis] * np.eye(d)
    seen = ~np.isnan(X)
    matrices = np.where(seen[:, :, np.newaxis] & seen[:, np.newaxis, :], matrices, 0.0)
    if not np.isfinite(matrices).all() or not np.allclose(matrices, np.swapaxes(matrices, 1, 2)):
        raise ValueError("noise covariances are finite and symmetric")
    if n == 0:
        return matrices
    values = np.linalg.eigvalsh(matrices)
    worst = int(np.argmin(values[:, 0]))
    if values[worst, 0] < -1e-12 * max(float(values[worst, -1]), 0.0):
        raise ValueError(f"the noise covariance of sample {worst} has a negative eigenvalue")
    return matrices
