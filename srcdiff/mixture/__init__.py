"""Gaussian mixtures by maximum likelihood, fitted with the derivatives that the compiler writes for their likelihood.

`GaussianMixture` has scikit-learn's names and behaviour, and needs scikit-learn and scipy (the extra `mixture`); what
it is made of needs less and can be used by itself: `Objective` (the likelihood of given data with its gradient),
`em_step`, and `run` (the solvers, by scipy).

>>> from srcdiff.mixture import GaussianMixture, load_old_faithful
>>> model = GaussianMixture(2, random_state=0).fit(load_old_faithful())
>>> round(272 * model.lower_bound_, 6)
-1130.26396
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from srcdiff.mixture.certificate import Convergence
from srcdiff.mixture.data import load_old_faithful
from srcdiff.mixture.em import em_step
from srcdiff.mixture.information import Information, InformationWarning, Intervals, StandardErrors
from srcdiff.mixture.likelihood import log_likelihood
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters
from srcdiff.mixture.selection import Selection, select
from srcdiff.mixture.solvers import Result, run
from srcdiff.mixture.unconstrained import UnconstrainedObjective

if TYPE_CHECKING:
    from srcdiff.mixture.estimator import GaussianMixture

__all__ = [
    "Convergence",
    "GaussianMixture",
    "Information",
    "InformationWarning",
    "Intervals",
    "Objective",
    "Parameters",
    "Result",
    "Selection",
    "StandardErrors",
    "UnconstrainedObjective",
    "em_step",
    "load_old_faithful",
    "log_likelihood",
    "run",
    "select",
]

# Imported when asked for: these need scikit-learn.
LATE = {"GaussianMixture": "srcdiff.mixture.estimator"}


def __getattr__(name: str) -> Any:
    if name in LATE:
        return getattr(importlib.import_module(LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
