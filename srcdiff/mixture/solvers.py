"""The ways up the likelihood: EM, hard EM, gradient ascent, L-BFGS, Newton, and the choice between them.

In: an `Objective` and a start. Out: a `Result`, with an estimate of the log-likelihood that is still to be gained.
Every way is driven by the generated derivatives of the one likelihood: EM takes its sums from the gradient, the others
climb in unconstrained coordinates.

A fit has converged where the estimated gain is below the tolerance. The estimate is each way's own: for EM the rest of
the geometric series that its increments form (Aitken; Böhning et al. 1994), for L-BFGS and Newton half the square of
the gradient in the metric of the inverse of the (approximate) Hessian, for gradient ascent the same with the longest of
the recent steps.

>>> from srcdiff.mixture import load_old_faithful
>>> start = Parameters(np.zeros(2), np.array([[2.0, 55.0], [4.3, 80.0]]), np.tile(np.diag([0.1, 36.0]), (2, 1, 1)))
>>> found = run(Objective(load_old_faithful()), start, "em")
>>> found.converged, round(found.value, 6)
(True, -1130.26396)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.climbs import Climb, Slope, decrement, gradient_ascent, lbfgs, newton
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

SOLVERS = ("auto", "em", "hard-em", "gradient", "lbfgs", "newton")
# Up to so many free parameters a dense Hessian is worth its price.
DENSE = 300
# EM's iterations before `auto` looks up, and between one look and the next.
EARLY = 10
# How much Newton's step may promise, in units of log-likelihood, for `auto` to take it.
NEAR = 1.0


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
    tol: float
    max_iter: int
    floor: float
    callback: Callback | None

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
        promises a long way, goes on with Newton (few parameters) or L-BFGS (many).
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


def automatic(task: Task, start: Parameters) -> Result:
    """EM; and where its rate promises a long way, Newton or L-BFGS from there.

    The change is made where EM has come near its optimum, so that the climb ends there and not at another: the Hessian
    is negative definite and what Newton's step promises is little. Where the climb gains much more than was promised,
    it has left the neighbourhood: it is not taken, and EM goes on from where it was left.
    """
    slope = task.slope(start.components)
    there = Coordinates(start.components, task.objective.d, task.objective.covariance_type, task.scaling)
    dense = there.size <= DENSE
    price = 5.0 + 0.25 * there.size if dense else 50.0
    look, before, promised = EARLY, 0, math.inf

    def pause(series: Series, p: Parameters) -> bool:
        nonlocal look, promised
        count = before + len(series.values) - 1
        if count < look or series.left(task.tol) < price or task.touches(p):
            return False
        look = count + max(EARLY // 2, count // 4)
        promised = series.gain
        if dense:
            u = there.to_vector(p)
            promised = decrement(slope.hessian(u), slope.gradient(u)) * slope.total
        return promised <= NEAR + 1e-3 * slope.total

    whole = expectation_maximisation(task, start, pause)
    while not whole.converged and whole.iterations < task.max_iter:
        before = whole.iterations
        reports: list[tuple[int, float, Parameters]] = []
        trial = replace(task.less(before), callback=lambda *report: reports.append(report))  # noqa: B023
        slope.max_iter = trial.max_iter
        found = climb(trial, whole.parameters, "newton" if dense else "lbfgs", slope)
        passes, slope.passes, slope.iterations = slope.passes, 0, 0
        if found.value - whole.value <= 3.0 * promised + task.tol + task.rounding(whole.value):
            for iteration, value, p in reports[1:]:
                task.report(before + iteration, value, p)
            return joined(whole.history, whole.passes, found, "auto")
        rest = expectation_maximisation(task.less(before), whole.parameters, pause)
        whole = joined(whole.history, whole.passes + passes, rest, "auto")
    return replace(whole, passes=whole.passes + slope.passes, solver="auto")


def joined(history: list[float], passes: int, rest: Result, solver: str) -> Result:
    """What one way found, continued by another from its last point."""
    return replace(
        rest,
        iterations=len(history) - 1 + rest.iterations,
        passes=passes + rest.passes,
        history=history + rest.history[1:],
        solver=solver,
    )
