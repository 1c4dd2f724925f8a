"""Choice among mixtures: every number of components and type of covariance, fitted to convergence and compared.

In: data and the models to try. Out: a `Selection`, a row for every model with its criteria, the best first where it is
printed. All criteria are better the lower they are:

- BIC, ``-2 L + p log n`` (Schwarz 1978), and AIC, ``-2 L + 2 p``;
- ICL (Biernacki, Celeux and Govaert 2000), BIC with the samples assigned to their likeliest components: it prefers
  components that do not overlap.

An early stop makes a poor fit look like a poor model, and so does a bad start; hence several starts, each climbed to
its top. A fit whose variance is held up by the regularisation is no fit and is not chosen.

>>> X = np.concatenate([np.arange(10.0), np.arange(10.0) + 40.0])[:, np.newaxis]
>>> chosen = select(X, components=[1, 2], covariance_types=["tied"], n_init=2, random_state=0)
>>> chosen.best.n_components
2
>>> print(chosen)
components  covariance  parameters  log-likelihood       BIC       AIC       ICL
         2  tied                 4        -63.3438  138.6706  134.6877  138.6706
         1  tied                 2        -88.4976  182.9866  180.9951  182.9866
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.parameters import COVARIANCE_TYPES, covariances_shape

if TYPE_CHECKING:
    from srcdiff.mixture.estimator import GaussianMixture

Criterion = Literal["bic", "aic", "icl"]
CRITERIA = ("bic", "aic", "icl")


@dataclass(frozen=True)
class Candidate:
    """A fitted model with its criteria.

    `note` says what is wrong with the fit, and is empty where nothing is; `usable` says whether it may be chosen.
    """

    model: GaussianMixture
    parameters: int
    log_likelihood: float
    bic: float
    aic: float
    icl: float
    usable: bool
    note: str

    @property
    def components(self) -> int:
        """How many components."""
        return self.model.n_components

    @property
    def covariance_type(self) -> str:
        """Which type of covariance."""
        return self.model.covariance_type

    def criterion(self, name: Criterion) -> float:
        """BIC, AIC or ICL."""
        values = {"bic": self.bic, "aic": self.aic, "icl": self.icl}
        return values[name]


@dataclass(frozen=True)
class Selection:
    """The models that were compared, in the order they were fitted in."""

    candidates: tuple[Candidate, ...]
    chosen_by: Criterion = "bic"

    def ranked(self, criterion: Criterion | None = None) -> list[Candidate]:
        """The candidates, best first; fits that may not be chosen at the end."""
        name = criterion or self.chosen_by
        return sorted(self.candidates, key=lambda c: (not c.usable, c.criterion(name)))

    def best_by(self, criterion: Criterion) -> GaussianMixture:
        """The fitted model with the lowest BIC, AIC or ICL."""
        return self.ranked(criterion)[0].model

    @property
    def best(self) -> GaussianMixture:
        """The fitted model that is chosen."""
        return self.best_by(self.chosen_by)

    def values(self, criterion: Criterion | None = None) -> dict[str, dict[int, float]]:
        """For each covariance type the criterion by number of components; NaN where a fit may not be chosen."""
        name = criterion or self.chosen_by
        found: dict[str, dict[int, float]] = {}
        for c in self.candidates:
            found.setdefault(c.covariance_type, {})[c.components] = c.criterion(name) if c.usable else np.nan
        return found

    def plot(self, criterion: Criterion | None = None) -> Any:
        """The criterion against the number of components, as a matplotlib figure."""
        from srcdiff.mixture.charts import criteria

        name = criterion or self.chosen_by
        return criteria(self.values(name), criterion=name.upper())

    def __str__(self) -> str:
        head = ["components", "covariance", "parameters", "log-likelihood", "BIC", "AIC", "ICL", ""]
        rows = [head]
        for c in self.ranked():
            numbers = (f"{number:.4f}" for number in (c.log_likelihood, c.bic, c.aic, c.icl))
            rows.append([str(c.components), c.covariance_type, str(c.parameters), *numbers, c.note])
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        left = {1, len(head) - 1}
        lines = [
            "  ".join(
                text.ljust(width) if column in left else text.rjust(width)
                for column, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join(line.rstrip() for line in lines)


def select(
    X: npt.ArrayLike,
    components: Iterable[int] = range(1, 7),
    covariance_types: Sequence[str] = COVARIANCE_TYPES,
    *,
    criterion: Criterion = "bic",
    sample_weight: npt.ArrayLike | None = None,
    n_init: int = 10,
    random_state: int | np.random.RandomState | None = None,
    **options: Any,
) -> Selection:
    """Fit every model and compare them.

    Parameters
    ----------
    X
        Observations, shape (n, d).
    components
        The numbers of components to try.
    covariance_types
        The types of covariance to try.
    criterion
        What chooses: ``"bic"``, ``"aic"`` or ``"icl"``.
    sample_weight
        Weights of the samples.
    n_init
        The number of starts of each fit.
    **options
        Further parameters of `GaussianMixture`.

    Raises
    ------
    ValueError
        where there is no such criterion, nothing to try, or the data cannot be fitted.
    """
    from srcdiff.mixture.estimator import GaussianMixture

    numbers = list(components)
    if criterion not in CRITERIA:
        raise ValueError(f"criterion is one of {', '.join(CRITERIA)}, not {criterion!r}")
    if not numbers or not covariance_types:
        raise ValueError("there is no model to try: components and covariance_types hold one or more each")
    for kind in covariance_types:
        covariances_shape(kind, 1, 1)
    candidates = []
    for kind in covariance_types:
        for number in numbers:
            model = GaussianMixture(number, covariance_type=kind, n_init=n_init, random_state=random_state, **options)
            with warnings.catch_warnings():
                # What is wrong with a fit stands in the table.
                warnings.simplefilter("ignore")
                model.fit(X, sample_weight=sample_weight)
            candidates.append(candidate(model, X, sample_weight))
    return Selection(tuple(candidates), criterion)


def candidate(model: GaussianMixture, X: npt.ArrayLike, sample_weight: npt.ArrayLike | None) -> Candidate:
    """The criteria of a fitted model."""
    weights = np.ones(len(np.asarray(X))) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    total = float(weights.sum())
    log_likelihood = float(weights @ model.score_samples(X))
    free = model._n_parameters()
    bic = free * np.log(total) - 2.0 * log_likelihood
    # The likeliest component's probability, never 0.
    entropy = -float(weights @ np.log(model.predict_proba(X).max(axis=1)))
    regularised = model.result_.regularised
    note = "held up by regularisation" if regularised else "" if model.converged_ else "not converged"
    return Candidate(
        model=model,
        parameters=free,
        log_likelihood=log_likelihood,
        bic=float(bic),
        aic=2.0 * (free - log_likelihood),
        icl=float(bic) + 2.0 * entropy,
        usable=not regularised,
        note=note,
    )
