"""Ways up in unconstrained coordinates: gradient ascent, L-BFGS and Newton, the last two by scipy.

In: a `Slope`, which is a likelihood with its generated derivatives, counted and watched. Out: where the climb ended and
an estimate of what is still to be gained. All climbs run on the log-likelihood per sample.

>>> class Bowl:
...     def value_and_gradient(self, u):
...         return -float(u @ u), -2.0 * u
...     def hessian(self, u):
...         return -2.0 * np.eye(len(u))
...     def hvp(self, u, v):
...         return -2.0 * v
>>> slope = Slope(Bowl(), 1.0, tol=1e-10, max_iter=50)
>>> end = newton(slope, np.ones(3))
>>> end.converged, bool(abs(end.u).max() < 1e-8)
(True, True)
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Stands for minus the log-likelihood per sample where there is none.
NOWHERE = 1e100


class Unconstrained(Protocol):
    """A function of a vector with its derivatives."""

    def value_and_gradient(self, u: FloatArray) -> tuple[float, FloatArray]: ...

    def hessian(self, u: FloatArray) -> FloatArray: ...

    def hvp(self, u: FloatArray, v: FloatArray) -> FloatArray: ...


@dataclass(frozen=True)
class Climb:
    """Where a climb ended. `gain` estimates the total log-likelihood that is left; `value` is the total there."""

    u: FloatArray
    value: float
    converged: bool
    gain: float


class Slope:
    """Minus the log-likelihood per sample, as minimisers want it: derivatives remembered, passes over the data counted.

    Parameters
    ----------
    function
        The total log-likelihood in unconstrained coordinates.
    total
        The sum of the sample weights.
    tol
        The total log-likelihood that may be left.
    max_iter
        The most iterations.
    watch
        Called after each iteration with the point and the total log-likelihood; true ends the climb.
    """

    def __init__(
        self,
        function: Unconstrained,
        total: float,
        *,
        tol: float,
        max_iter: int,
        watch: Callable[[FloatArray, float], bool] = lambda u, value: False,
    ) -> None:
        self.function = function
        self.total = total
        self.tol = tol
        self.max_iter = max_iter
        self.watch = watch
        self.passes = 0
        self.iterations = 0
        self.stopped = False
        self._first: dict[bytes, tuple[float, FloatArray]] = {}
        self._second: dict[bytes, FloatArray] = {}

    def value_and_gradient(self, u: FloatArray) -> tuple[float, FloatArray]:
        """Minus the likelihood per sample and its gradient; very large, and flat, where there is no likelihood."""
        key = u.tobytes()
        if key not in self._first:
            self.passes += 1
            if len(self._first) > 4:
                del self._first[next(iter(self._first))]
            try:
                with np.errstate(all="ignore"):
                    value, gradient = self.function.value_and_gradient(u)
            except np.linalg.LinAlgError:
                value, gradient = math.nan, np.zeros_like(u)
            if not (math.isfinite(value) and np.isfinite(gradient).all()):
                self._first[key] = NOWHERE, np.zeros_like(u)
            else:
                self._first[key] = -value / self.total, -gradient / self.total
        return self._first[key]

    def value(self, u: FloatArray) -> float:
        return self.value_and_gradient(u)[0]

    def gradient(self, u: FloatArray) -> FloatArray:
        return self.value_and_gradient(u)[1]

    def hessian(self, u: FloatArray) -> FloatArray:
        """The Hessian; the identity where there is no likelihood, since regions look at steps they do not take."""
        key = u.tobytes()
        if key not in self._second:
            if self.value(u) == NOWHERE:
                return np.eye(len(u))
            self.passes += 2  # the likelihood's gradient meets the curvature of the coordinates
            with np.errstate(all="ignore"):
                matrix = -self.function.hessian(u) / self.total
            if len(self._second) > 1:
                del self._second[next(iter(self._second))]
            self._second[key] = 0.5 * (matrix + matrix.T)
        return self._second[key]

    def product(self, u: FloatArray, v: FloatArray) -> FloatArray:
        self.passes += 2
        with np.errstate(all="ignore"):
            return -self.function.hvp(u, v) / self.total

    def known_hessian(self, u: FloatArray) -> FloatArray | None:
        """The Hessian there, if it was computed not long ago."""
        return self._second.get(u.tobytes())

    def step(self, u: FloatArray) -> bool:
        """One iteration is done; whether to stop here."""
        self.iterations += 1
        self.stopped = self.watch(u, -self.value(u) * self.total)
        return self.stopped or self.iterations >= self.max_iter

    def rounding(self, value: float) -> float:
        """What rounding makes of a total log-likelihood of so much per sample."""
        return 4.0 * float(np.finfo(float).eps) * (1.0 + abs(value)) * self.total

    def end(self, u: FloatArray, gain: float) -> Climb:
        value = self.value(u)
        converged = not self.stopped and gain <= max(self.tol, self.rounding(value))
        return Climb(u, -value * self.total, converged, gain)


def newton_step(hessian: FloatArray, gradient: FloatArray) -> FloatArray | None:
    """Newton's step to the minimum; None where the Hessian is not positive definite."""
    try:
        factor = np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        return None
    step: FloatArray = -np.linalg.solve(factor.T, np.linalg.solve(factor, gradient))
    return step


def decrement(hessian: FloatArray, gradient: FloatArray) -> float:
    """What Newton's step gains by the quadratic model; infinite where that has no minimum."""
    step = newton_step(hessian, gradient)
    return math.inf if step is None else -0.5 * float(gradient @ step)


def newton(slope: Slope, u: FloatArray, *, dense: bool = True) -> Climb:
    """Newton in a trust region (Conn, Gould and Toint 2000, chapter 7).

    With the Hessian and the exact solution of the region's problem (`trust-exact`) where `dense`, else with products of
    Hessian and vector alone (`trust-ncg`, Steihaug 1983).
    """
    from scipy.optimize import minimize

    gain = math.inf
    last_u, last_value = u, slope.value(u)

    def watch(intermediate_result: Any) -> None:
        nonlocal gain, last_u, last_value
        here = np.array(intermediate_result.x)
        moved = not np.array_equal(here, last_u)
        value = slope.value(here)
        hessian = slope.known_hessian(here)
        if hessian is not None:
            gain = decrement(hessian, slope.gradient(here)) * slope.total
        elif moved:
            # Superlinear convergence: what is left is less than what was just gained.
            gain = max(last_value - value, 0.0) * slope.total
        last_u, last_value = here, value
        if slope.step(here) or gain <= max(0.1 * slope.tol, slope.rounding(value)):
            raise StopIteration

    options = {"gtol": 1e-14, "maxiter": slope.max_iter, "initial_trust_radius": 1.0, "max_trust_radius": 100.0}
    if dense:
        found = minimize(
            slope.value,
            u,
            jac=slope.gradient,
            hess=slope.hessian,
            method="trust-exact",
            callback=watch,
            options=options,
        )
    else:
        # Not "trust-krylov": it failed twice in long processes and never alone, which we could not explain.
        found = minimize(
            slope.value,
            u,
            jac=slope.gradient,
            hessp=slope.product,
            method="trust-ncg",
            callback=watch,
            options=options,
        )
    u = np.array(found.x)
    if not slope.iterations and slope.max_iter:
        # It was the top already: there was no step to learn from.
        gain = decrement(slope.hessian(u), slope.gradient(u)) * slope.total
    end = slope.end(u, gain)
    if end.converged or slope.stopped or slope.iterations >= slope.max_iter:
        return end
    # Rounding has made the region's predictions useless before the gain was known to be small.
    return lbfgs(slope, u)


def lbfgs(slope: Slope, u: FloatArray) -> Climb:
    """L-BFGS (Nocedal and Wright 2006, section 7.2)."""
    from scipy.optimize import minimize

    def watch(intermediate_result: Any) -> None:
        if slope.step(np.array(intermediate_result.x)):
            raise StopIteration

    gain = math.inf
    # What L-BFGS knows of the curvature says how much is left. Where that is too much, it starts afresh from there.
    while True:
        before = slope.iterations
        # It ends where a step gains little; of a slow climb a step gains a small part of what is left.
        relative = max(1e-3 * slope.tol / slope.total / max(abs(slope.value(u)), 1.0), np.finfo(float).eps)
        options = {"gtol": 1e-14, "ftol": relative, "maxiter": slope.max_iter - before, "maxcor": 30, "maxfun": 10**9}
        found = minimize(slope.value_and_gradient, u, jac=True, method="L-BFGS-B", callback=watch, options=options)
        lowered = slope.value(u) - slope.value(np.array(found.x))
        u = np.array(found.x)
        gradient = slope.gradient(u)
        memory = getattr(found, "hess_inv", None)
        gain = math.inf if memory is None else 0.5 * float(gradient @ memory.dot(gradient)) * slope.total
        if slope.iterations == before or lowered * slope.total <= slope.rounding(slope.value(u)):
            # A fresh start gains nothing: this is the top, to rounding.
            gain = min(gain, slope.rounding(slope.value(u))) if not slope.stopped else gain
            break
        if slope.stopped or slope.iterations >= slope.max_iter or gain <= 0.1 * slope.tol:
            break
    return slope.end(u, gain)


def gradient_ascent(slope: Slope, u: FloatArray) -> Climb:
    """Gradient ascent with the step lengths of Barzilai and Borwein (1988), which scipy does not have.

    A step is halved until it improves on the worst of the last ten values (Grippo, Lampariello and Lucidi 1986).
    """
    value, gradient = slope.value_and_gradient(u)
    values = deque([value], maxlen=10)
    lengths: deque[float] = deque(maxlen=30)
    length = 0.1 / max(float(np.linalg.norm(gradient)), 1e-300)
    best, best_u = value, u
    gain = math.inf
    done = slope.max_iter == 0
    while not done:
        slant = float(gradient @ gradient)
        if slant == 0.0:
            gain = 0.0
            break
        while True:
            trial = u - length * gradient
            new_value, new_gradient = slope.value_and_gradient(trial)
            if new_value <= max(values) - 1e-4 * length * slant:
                break
            length *= 0.5
            if length * slant <= np.finfo(float).eps * (1.0 + abs(value)):
                # No step gains anything: this is the top, to rounding.
                return slope.end(best_u if best < value else u, min(gain, slope.rounding(value)))
        step, change = trial - u, new_gradient - gradient
        curvature = float(step @ change)
        u, value, gradient = trial, new_value, new_gradient
        values.append(value)
        if value < best:
            best, best_u = value, u
        done = slope.step(u)
        # The two lengths take turns: the long one makes way, the short one keeps to the valley.
        if curvature > 0.0:
            long, short = float(step @ step) / curvature, curvature / float(change @ change)
            lengths.append(long)
            length = long if slope.iterations % 2 else short
            if len(lengths) == lengths.maxlen:
                # The longest recent step is the inverse of the least curvature that was seen.
                gain = 0.5 * max(lengths) * float(gradient @ gradient) * slope.total
                done = done or gain <= max(0.1 * slope.tol, slope.rounding(value))
        else:
            length *= 2.0
    return slope.end(best_u if best < value else u, gain)
