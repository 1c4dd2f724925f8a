"""The choice of the way: EM near the start, and where EM is slow, accelerated EM, and then Newton.

In: a `Task` and a start. Out: a `Result` that is no lower than EM's.

>>> from srcdiff.mixture.objective import Objective
>>> from srcdiff.mixture.scaling import Scaling
>>> rng = np.random.default_rng(0)
>>> X = np.concatenate([rng.normal(size=(300, 1)), rng.normal(size=(300, 1)) + 1.5])
>>> task = Task(Objective(X, "diag"), Scaling.of(X, "diag"))
>>> start = Parameters(np.zeros(2), np.array([[0.0], [1.0]]), np.ones((2, 1)))
>>> slow, quick = expectation_maximisation(task, start), automatic(task, start)
>>> slow.rate > 0.95, quick.passes < slow.passes / 5, quick.value >= slow.value - 1e-8
(True, True, True)
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from srcdiff.mixture import ways
from srcdiff.mixture.climbs import Slope, decrement
from srcdiff.mixture.coordinates import Coordinates
from srcdiff.mixture.em import em_step
from srcdiff.mixture.parameters import Parameters
from srcdiff.mixture.ways import Result, Series, Task, climb, expectation_maximisation, joined

# EM's iterations before the first look at what lies ahead, and the least between two.
EARLY = 10
# How much Newton's step may promise, in units of log-likelihood and per unit of weight, for it to be taken.
NEAR, NEAR_EACH = 1.0, 1e-3


def automatic(task: Task, start: Parameters) -> Result:
    """EM; and where its rate promises a long way, accelerated EM, and Newton where there are few parameters.

    The change to Newton is made where EM has come near its optimum, so that it ends there and not at another: the
    Hessian is negative definite and what Newton's step promises is little. Where Newton gains much more than was
    promised, it has left the neighbourhood: it is not taken. With many parameters accelerated EM goes on to the end.
    """
    slope = task.slope(start.components)
    there = Coordinates(start.components, task.objective.d, task.objective.covariance_type, task.scaling)
    dense = there.size <= ways.DENSE
    price = 5.0 + 0.25 * there.size if dense else 20.0

    def pause(series: Series, p: Parameters) -> bool:
        return not (len(series.values) <= EARLY or series.left(task.tol) < price or task.touches(p))

    whole = expectation_maximisation(task, start, pause)
    while not whole.converged and whole.iterations < task.max_iter:
        if dense:
            u = there.to_vector(whole.parameters)
            promised = decrement(slope.hessian(u), slope.gradient(u)) * slope.total
            found = _newton(task, whole, slope, promised) if promised <= NEAR + NEAR_EACH * slope.total else None
            if found is not None:
                return found
        passes, slope.passes = whole.passes + slope.passes, 0
        more = task.less(whole.iterations)
        limit = min(more.max_iter, max(EARLY, whole.iterations // 2)) if dense else more.max_iter
        rest = accelerated(replace(more, max_iter=limit), whole.parameters)
        whole = joined(whole.history, passes, rest, "auto")
        if rest.converged or rest.regularised:
            # The end is in sight of EM, which can tell, and can move along the floor.
            rest = expectation_maximisation(task.less(whole.iterations), whole.parameters)
            whole = joined(whole.history, whole.passes, rest, "auto")
            break
    return replace(whole, passes=whole.passes + slope.passes, solver="auto")


def _newton(task: Task, whole: Result, slope: Slope, promised: float) -> Result | None:
    """Newton from the end of `whole`, where it gains no more than is promised."""
    before = whole.iterations
    reports: list[tuple[int, float, Parameters]] = []
    trial = replace(task.less(before), callback=lambda *report: reports.append(report))
    slope.max_iter, slope.iterations = trial.max_iter, 0
    found = climb(trial, whole.parameters, "newton", slope)
    if found.value - whole.value > 3.0 * promised + task.tol + task.rounding(whole.value):
        return None
    for iteration, value, p in reports[1:]:
        task.report(before + iteration, value, p)
    return joined(whole.history, whole.passes, found, "auto")


def accelerated(task: Task, start: Parameters) -> Result:
    """EM with steps lengthened along its own way (SQUAREM, Varadhan and Roland 2008, scheme S3).

    From two steps of EM a third point is extrapolated, in unconstrained coordinates, and is taken where the likelihood
    there is not lower. It has converged where EM's steps gain nothing that counts; what that leaves, EM must say.
    """
    there = Coordinates(start.components, task.objective.d, task.objective.covariance_type, task.scaling)
    p, history, passes, longest = start, [], 1, 4.0
    following, value = em_step(task.objective, p)
    history.append(value)
    task.report(0, value, p)
    still = False
    while len(history) <= task.max_iter and not still:
        first = task.regularise(following)
        second, next_value = em_step(task.objective, first)
        passes += 1
        still = next_value - value <= max(1e-4 * task.tol, task.rounding(value))
        history.append(next_value)
        task.report(len(history) - 1, next_value, first)
        p, following, value = first, second, next_value
        second = task.regularise(second)
        if still or task.touches(second) or len(history) > task.max_iter:
            continue
        u0, u1, u2 = (there.to_vector(point) for point in (start, first, second))
        step, change = u1 - u0, u2 - 2.0 * u1 + u0
        length = float(np.linalg.norm(step)) / max(float(np.linalg.norm(change)), 1e-300)
        start = p
        if length > 1.0:
            length = min(length, longest)
            point = there.from_vector(u0 + 2.0 * length * step + length * length * change)
            passes += 1
            beyond, there_value = _stepped(task, point)
            if beyond is not None and there_value >= value:
                longest = 4.0 * longest if length == longest else longest
                p, following, value, start = point, beyond, there_value, point
                history.append(value)
                task.report(len(history) - 1, value, p)
            else:
                longest = max(0.5 * longest, 1.0)
    done = len(history) - 1
    return Result(p, value, done, passes, still, history, math.inf, math.nan, task.touches(p), "auto")


def _stepped(task: Task, p: Parameters) -> tuple[Parameters | None, float]:
    """EM's step from a point that may be none of the model, or below the floor: then there is no step."""
    try:
        if task.touches(p):
            return None, -math.inf
        with np.errstate(all="ignore"):
            following, value = em_step(task.objective, p)
    except np.linalg.LinAlgError:
        return None, -math.inf
    return (following, value) if math.isfinite(value) else (None, -math.inf)
