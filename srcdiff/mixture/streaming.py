"""The estimator's `partial_fit`: samples come in batches, and none is kept.

In: a model, and batch after batch. Out: the model, fitted to all of them so far (see `srcdiff.mixture.stream`).

>>> from srcdiff.mixture import GaussianMixture
>>> rng = np.random.RandomState(0)
>>> model = GaussianMixture(2, covariance_type="spherical", random_state=0)
>>> for _ in range(50):
...     model = model.partial_fit(rng.normal(size=(100, 1)) + 6.0 * rng.randint(2, size=(100, 1)))
>>> np.sort(model.means_.ravel()).round(1), model.n_samples_seen_
(array([0., 6.]), 5000)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import validate_data

from srcdiff.mixture.model import FittedMixture, checked_weights
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.stream import Stream, continued


class Streaming(FittedMixture):
    """The method of a mixture that learns from batches.

    Attributes
    ----------
    n_samples_seen_
        How many samples the batches held; after `fit`, the samples of the fit count.
    """

    fit: Callable[..., Any]
    reg_covar: float
    converged_: bool
    lower_bound_: float
    lower_bounds_: list[float]
    n_iter_: int
    n_samples_seen_: int
    _stream: Stream

    def partial_fit(
        self,
        X: npt.ArrayLike,
        y: object = None,
        sample_weight: npt.ArrayLike | None = None,
        noise: npt.ArrayLike | None = None,
    ) -> Any:
        """Learn from one more batch; parameters as for `fit`.

        The first batch is fitted by the solver, and has to be large enough for that. Of each later one a step of EM is
        made, and the parameters go a part of the way there; the part is the batch's share of all weight so far, to the
        power of 0.7 (Cappé and Moulines 2009). `fit` starts afresh, and batches may follow it. Standard errors need
        the samples, so there are none after this.

        Raises
        ------
        ValueError
            where the batch or a parameter is none that can be fitted.
        """
        stream: Stream | None = getattr(self, "_stream", None)
        if stream is None:
            self.fit(X, y, sample_weight, noise)
        else:
            self._validate_params()
            kinds = [np.float64, np.float32]
            given: Any = validate_data(self, X, reset=False, dtype=kinds, ensure_all_finite="allow-nan")
            weights = checked_weights(sample_weight, len(given))
            batch = Objective(given, self.covariance_type, weights, noise, self.chunk_size, units=stream.scaling.powers)
            self._stream, value = continued(stream, batch, self.reg_covar)
            self._set(self._stream.parameters)
            self.n_samples_seen_ += len(given)
            self.n_iter_ += 1
            self.lower_bound_ = value / batch.total_weight
            self.lower_bounds_.append(self.lower_bound_)
            self.converged_ = False
        # What it was fitted to is gone, and what was said of that fit no longer holds.
        for name in ("_fitted", "result_"):
            self.__dict__.pop(name, None)
        return self
