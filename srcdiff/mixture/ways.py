"""The single ways up the likelihood: EM, hard EM, and the climbs in unconstrained coordinates.

In: a `Task`, which is an objective with what to do about it, and a start. Out: a `Result`.

>>> task = Task(Objective(np.array([[0.0], [2.0]]), "diag"), Scaling(np.zeros(1), np.ones(1)))
>>> found = expectation_maximisation(task, Parameters(np.zeros(1), np.zeros((1, 1)), np.ones((1, 1))))
>>> found.converged, found.parameters.means
(True, array([[1.]]))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.climbs import Climb, Slope, gradient_ascent, lbfgs, newton
from srcdiff.mixture.coordinates import Coordinates
from srcdiff.mixture.em import em_step
from srcdiff.mixture.hard import hard_step
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters
from srcdiff.mixture.regularisation import above, touches
from srcdiff.mixture.scaling import Scaling
from srcdiff.mixture.unconstrained import UnconstrainedObjective

FloatArray = npt.NDArray[np.float64]
Callback = Callable[[int, float, Parameters], object]

# Up to so many free parameters a dense Hessian is worth its price.
DENSE = 300


@dataclass(frozen=True)
class Result:
    """Where a solver ended.

    Attributes
    ----------
    parameters
        In the units of the data.
    value
        The total log-likelihood there; of hard EM, the classification log-likelihood.
    iterations, passes
        How many iterations, and how often the data were read for them: a value with its gradient, a Hessian and a
        product with a Hessian count one each.
    converged
        Whether `gain` is below the tolerance.
    history
        The log-likelihood at the start and after every iteration.
    gain
        An estimate of the total log-likelihood still to be gained.
    rate
        The linear rate of EM at the end, not a number where EM did not run long enough to tell.
    regularised
        Whether a variance lies on the floor.
    solver
        The way that led here.
    """

    parameters: Parameters
    value: float
    iterations: int
    passes: int
    converged: bool
    history: list[float] = field(repr=False)
    gain: float
    rate: float
    regularised: bool
    solver: str


@dataclass(frozen=True)
class Task:
    """What all solvers are given."""

    objective: Objective
    scaling: Scaling
    tol: float = 1e-8
    max_iter: int = 1000
    floor: float = 1e-6
    callback: Callback | None = None

    def regularise(self, p: Parameters) -> Parameters:
        kind = self.objective.covariance_type
        raised, low = above(self.scaling.into(p, kind), kind, self.floor)
        return self.scaling.back(raised, kind) if low else p

    def touches(self, p: Parameters) -> bool:
        kind = self.objective.covariance_type
        return touches(self.scaling.into(p, kind), kind, self.floor)

    def rounding(self, value: float) -> float:
        """What rounding makes of a total log-likelihood."""
        return 4.0 * float(np.finfo(float).eps) * (abs(value) + self.objective.total_weight)

    def slope(self, components: int) -> Slope:
        """The likelihood in unconstrained coordinates, as the climbs want it."""
        function = UnconstrainedObjective(self.objective, components, self.scaling)
        return Slope(function, self.objective.total_weight, tol=self.tol, max_iter=self.max_iter)

    def less(self, done: int) -> Task:
        """The same after so many iterations: one more is always left."""

        def shifted(iteration: int, value: float, p: Parameters) -> None:
            # The first report is of the point where the last way ended.
            if iteration:
                self.report(done + iteration, value, p)

        callback = None if self.callback is None else shifted
        return replace(self, max_iter=max(self.max_iter - done, 1), callback=callback)

    def report(self, iteration: int, value: float, p: Parameters) -> None:
        if self.callback is not None:
            self.callback(iteration, value, p)


class Series:
    """The values that EM passes through, with Aitken's estimates of their rate and of what is left."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.gain = math.inf
        self.rate = math.nan
        self.noise = 0.0

    def add(self, value: float, noise: float) -> None:
        """Take the next value; `noise` is what rounding may make of it.

        The increments are taken over as many iterations as EM needs for a good part of its way: those of single
        iterations drown in rounding where EM is slow.
        """
        self.values.append(value)
        if len(self.values) < 3:
            return
        # EM never descends: a step down is rounding, and tells how much there is of it.
        self.noise = max(self.noise, noise, self.values[-2] - value)
        stride = min(int(1.0 / (1.0 - self.rate)) + 1 if self.rate < 1.0 else 1, (len(self.values) - 1) // 2)
        before = self.values[-1 - stride] - self.values[-1 - 2 * stride]
        step = value - self.values[-1 - stride]
        if step <= self.noise:
            # Of increments lost in rounding the last good rate tells what is left.
            self.gain = self.noise / (1.0 - self.rate) if self.rate < 1.0 else self.noise
            return
        ratio = step / before if before > self.noise else math.nan
        self.rate = ratio ** (1.0 / stride)
        self.gain = step * ratio / (1.0 - ratio) if ratio < 1.0 else math.inf

    def left(self, tol: float) -> float:
        """How many more iterations EM needs."""
        if not self.gain > tol:
            return 0.0
        return math.log(self.gain / tol) / -math.log(max(self.rate, 1e-3)) if math.isfinite(self.gain) else math.inf


def expectation_maximisation(
    task: Task, start: Parameters, pause: Callable[[Series, Parameters], bool] | None = None
) -> Result:
    """EM (Dempster, Laird and Rubin 1977), its M step from the gradient (Xu and Jordan 1996).

    `pause` is asked after every iteration whether to stop there.
    """
    p, series = start, Series()
    iterations, settled, quiet = 0, False, 0
    following, value = em_step(task.objective, p)
    series.add(value, 0.0)
    task.report(0, value, p)
    while iterations < task.max_iter:
        p = task.regularise(following)
        following, value = em_step(task.objective, p)
        iterations += 1
        series.add(value, task.rounding(value))
        task.report(iterations, value, p)
        # Twice, since a series that turns has for a moment no increments.
        quiet = quiet + 1 if series.gain <= max(0.5 * task.tol, series.noise) else 0
        settled = quiet >= 2
        if settled or (pause is not None and pause(series, p)):
            break
    return Result(
        p, value, iterations, iterations + 1, settled, series.values, series.gain, series.rate, task.touches(p), "em"
    )


def hard_expectation_maximisation(task: Task, start: Parameters) -> Result:
    """Hard EM until no sample changes its component: the classification likelihood stands still."""
    p = start
    following, value = hard_step(task.objective, p)
    history, still, iterations = [value], False, 0
    task.report(0, value, p)
    while iterations < task.max_iter and not still:
        p = task.regularise(following)
        following, value = hard_step(task.objective, p)
        iterations += 1
        still = value - history[-1] <= task.rounding(value)
        history.append(value)
        task.report(iterations, value, p)
    gain = 0.0 if still else math.inf
    return Result(p, value, iterations, iterations + 1, still, history, gain, math.nan, task.touches(p), "hard-em")


def climb(task: Task, start: Parameters, solver: str, slope: Slope | None = None) -> Result:
    """Gradient ascent, L-BFGS or Newton in unconstrained coordinates, above the floor.

    Where the climb runs below the floor (the likelihood of a component on too few points has no maximum), EM goes on
    from the last point above it: it can move along the floor. `slope` may bring what it already knows.
    """
    there = Coordinates(start.components, task.objective.d, task.objective.covariance_type, task.scaling)
    if slope is None:
        slope = task.slope(start.components)
    history: list[float] = []
    kept, fallen = start, task.touches(start)

    def watch(u: FloatArray, value: float) -> bool:
        nonlocal kept, fallen
        p = there.from_vector(u)
        fallen = task.touches(p)
        if not fallen:
            kept = p
            history.append(value)
            task.report(len(history) - 1, value, p)
        return fallen

    slope.watch = watch
    u = there.to_vector(start)
    history.append(-slope.value(u) * slope.total)
    task.report(0, history[0], start)
    end = Climb(u, history[0], False, math.inf)
    if not fallen and task.max_iter > 0:
        match solver:
            case "gradient":
                end = gradient_ascent(slope, u)
            case "lbfgs":
                end = lbfgs(slope, u)
            case _:
                end = newton(slope, u, dense=there.size <= DENSE)
    if fallen:
        rest = expectation_maximisation(task.less(len(history) - 1), kept)
        return joined(history, slope.passes, rest, solver)
    p, done = there.from_vector(end.u), slope.iterations
    return Result(p, end.value, done, slope.passes, end.converged, history, end.gain, math.nan, False, solver)


def joined(history: list[float], passes: int, rest: Result, solver: str) -> Result:
    """What one way found, continued by another from its last point."""
    return replace(
        rest,
        iterations=len(history) - 1 + rest.iterations,
        passes=passes + rest.passes,
        history=history + rest.history[1:],
        solver=solver,
    )
