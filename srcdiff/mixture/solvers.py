"""The ways up the likelihood: EM, hard EM, gradient ascent, L-BFGS, Newton, and the choice between them.

In: an `Objective` and a start. Out: a `Result`, with an estimate of the log-likelihood that is still to be gained.
Every way is driven by the generated derivatives of the one likelihood: EM takes its sums from the gradient, the others
climb in unconstrained coordinates.

A fit has converged where the estimated gain is below the tolerance. The estimate is each way's own: for EM the rest of
the geometric series that its increments form (Aitken; Böhning et al. 1994), for L-BFGS and Newton half the square of
the gradient in the metric of the inverse of the (approximate) Hessian, for gradient ascent the same with the longest of
the recent steps.

>>> from srcdiff.mixture import load_old_faithful
>>> import numpy as np
>>> start = Parameters(np.zeros(2), np.array([[2.0, 55.0], [4.3, 80.0]]), np.tile(np.diag([0.1, 36.0]), (2, 1, 1)))
>>> found = run(Objective(load_old_faithful()), start, "em")
>>> found.converged, round(found.value, 6)
(True, -1130.26396)
"""

from __future__ import annotations

from srcdiff.mixture.automatic import automatic
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters
from srcdiff.mixture.scaling import Scaling
from srcdiff.mixture.ways import (
    Callback,
    Result,
    Task,
    climb,
    expectation_maximisation,
    hard_expectation_maximisation,
)

__all__ = ["SOLVERS", "Callback", "Result", "run"]

SOLVERS = ("auto", "em", "hard-em", "gradient", "lbfgs", "newton")


def run(
    objective: Objective,
    start: Parameters,
    solver: str = "auto",
    *,
    tol: float = 1e-8,
    max_iter: int = 1000,
    floor: float = 1e-6,
    scaling: Scaling | None = None,
    callback: Callback | None = None,
) -> Result:
    """Climb the likelihood from a start.

    Parameters
    ----------
    solver
        `"em"`; `"hard-em"`; `"gradient"`; `"lbfgs"`; `"newton"`; or `"auto"`, which starts with EM and, where EM's rate
        promises a long way, goes on with accelerated EM and, with few parameters, with Newton.
    tol
        The total log-likelihood, by estimate, that a converged fit may leave.
    floor
        The least variance in any direction, relative to the variance of the data.
    scaling
        The units in which the floor counts and the climbs happen, where not the objective's own.
    callback
        Called with the number of the iteration, the log-likelihood and the parameters, first at the start.

    Raises
    ------
    ValueError
        where there is no such solver.
    """
    if solver not in SOLVERS:
        raise ValueError(f"solver is one of {', '.join(SOLVERS)}, not {solver!r}")
    scaling = Scaling(*objective.units) if scaling is None else scaling
    task = Task(objective, scaling, tol, max_iter, max(floor, 1e-14), callback)
    start = task.regularise(start)
    match solver:
        case "em":
            return expectation_maximisation(task, start)
        case "hard-em":
            return hard_expectation_maximisation(task, start)
        case "auto":
            return automatic(task, start)
        case _:
            return climb(task, start, solver)
