"""Minima inside minima, and a trajectory inside a minimisation: derivatives inside what derivatives drive.

The two examples are those of Siskind and Pearlmutter's papers on nested derivatives (2008): a saddle point, and a
charged particle that is steered through the origin.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pytest

from srcdiff import grad, transform
from srcdiff.compiler import derive
from srcdiff.frontend.module import Module
from srcdiff.loading import load
from srcdiff.modes import Options
from tests.conftest import GOLDEN
from tests.oracles import dual
from tests.support import check_gradient

Vector = Annotated[np.ndarray, "n"]

# --- a saddle point: the least over x of the greatest over y


def payoff(x: float, y: float) -> float:
    return x * x + 0.2 * x**4 + x * y - y * y + math.sin(0.3 * y) - x


def answer(x: float) -> float:
    y = 0.0
    for _ in range(40):
        y = y + 0.3 * grad(payoff, wrt=1)(x, y)
    return y


def worst(x: float) -> float:
    return payoff(x, answer(x))


def saddle(x: float, rate: float) -> tuple[float, float]:
    for _ in range(60):
        x = x - rate * grad(worst)(x)
    return x, answer(x)


def saddle_sum(x: float, rate: float) -> float:
    a, b = saddle(x, rate)
    return a + 2.0 * b


def test_the_saddle_point_is_found() -> None:
    made = transform(saddle, "primal")
    x, y = made(0.9, 0.15)
    # At the saddle point both derivatives of the payoff are 0, and the second ones have opposite signs.
    assert 2 * x + 0.8 * x**3 + y - 1 == pytest.approx(0.0, abs=1e-9)
    assert x - 2 * y + 0.3 * math.cos(0.3 * y) == pytest.approx(0.0, abs=1e-9)


def few_steps(x: float, rate: float) -> float:
    def nearly(t):
        y = 0.1
        for _ in range(2):
            y = y + rate * grad(payoff, wrt=1)(t, y)
        return payoff(t, y)

    for _ in range(3):
        x = x - rate * grad(nearly)(x)
    return nearly(x)


def test_the_unrolled_descent_is_differentiated() -> None:
    check_gradient(few_steps, 0.9, 0.15)


def test_at_the_saddle_point_the_start_does_not_matter() -> None:
    bx, brate = grad(saddle_sum, wrt=(0, 1))(0.9, 0.15)
    assert bx == pytest.approx(0.0, abs=1e-9)
    assert brate == pytest.approx(0.0, abs=1e-7)


def quadratic(x, y, a):
    return x @ a @ y + 0.5 * np.sum(x * x) - 0.5 * np.sum(y * y) + np.sum(y)


def greatest(x, a):
    y = np.zeros(len(x))
    for _ in range(60):
        y = y + 0.5 * grad(quadratic, wrt="y")(x, y, a)
    return quadratic(x, y, a)


def least_of_greatest(x: Vector, a: Annotated[np.ndarray, "n n"]) -> float:
    for _ in range(80):
        x = x - 0.3 * grad(greatest)(x, a)
    return float(greatest(x, a))


def test_a_saddle_point_of_vectors() -> None:
    """y = a^T x + 1 and x = -a y, and so the value is 1/2 of 1^T (1 + a^T a)^-1 1, whose derivative is known."""
    a = np.array([[0.5, -0.3], [0.2, 0.7]])
    one = np.ones(2)
    inverse = np.linalg.inv(np.eye(2) + a.T @ a)
    x = np.array([1.0, -2.0])
    assert transform(least_of_greatest, "primal")(x, a) == pytest.approx(0.5 * one @ inverse @ one, rel=1e-10)
    ba = grad(least_of_greatest, wrt="a")(x, a)
    u = inverse @ one
    assert np.allclose(ba, -np.outer(a @ u, u), rtol=1e-8, atol=1e-10)


# --- a particle between two charges

PARTICLE = (GOLDEN / "particle" / "primal.py").read_text()
CONTROL = """

def control(w: float, vx: float) -> float:
    for _ in range(8):
        slope, curvature = jvp(grad(miss_from), (w, vx), (1.0,), wrt=0)
        w = w - slope / curvature
    return w
"""
LATER = PARTICLE.replace("import grad", "import grad, jvp").replace(
    "def miss(w: float) -> float:", "def miss_from(w: float, vx: float) -> float:"
)
STEERED = LATER.replace("    vx, vy = 0.75, 0.0\n", "    vy = 0.0\n") + CONTROL


def particle(w: Any, vx: Any) -> Any:
    """Where the axis is crossed, by hand: operators and square roots only, so that dual numbers can fly too."""

    def force(x: Any, y: Any) -> tuple[Any, Any]:
        fx = fy = 0.0
        for height in (10.0 - w, 0.0):
            distance = dual.sqrt((x - 10.0) ** 2 + (y - height) ** 2)
            fx = fx + (x - 10.0) / distance**3
            fy = fy + (y - height) / distance**3
        return fx, fy

    x, y, vy = 0.0, 8.0, 0.0
    while y + 0.1 * vy > 0.0:
        fx, fy = force(x, y)
        x, y = x + 0.1 * vx, y + 0.1 * vy
        vx, vy = vx + 0.1 * fx, vy + 0.1 * fy
    return x - y / vy * vx


def test_the_trajectory_is_differentiated() -> None:
    module = Module.from_text(PARTICLE, "particle.py")
    crossing, slope = dual.derivative(lambda w: particle(w, 0.75), (0.15,), (1.0,))
    for optimize in (True, False):
        forward = load(derive(module, "miss", "forward", options=Options(optimize=optimize)).body, "miss_jvp", {})
        assert forward(0.15, 1.0) == pytest.approx((crossing**2, 2 * crossing * slope), rel=1e-9)
        gradient = load(derive(module, "miss", "gradient", options=Options(optimize=optimize)).body, "miss_grad", {})
        assert gradient(0.15) == pytest.approx(2 * crossing * slope, rel=1e-9)


def test_the_particle_hits_the_origin() -> None:
    """Newton's method inside the program, on the derivative of a trajectory that derivatives drive."""
    module = Module.from_text(STEERED, "particle.py")
    steer = load(derive(module, "control", "primal").body, "control", {})
    w = steer(0.1, 0.75)
    assert w == pytest.approx(0.20719, abs=1e-5)
    assert particle(w, 0.75) == pytest.approx(0.0, abs=1e-6)


def test_the_control_found_is_differentiated() -> None:
    """The crossing c(w, vx) stays 0, so that dw/dvx is minus the ratio of the derivatives of c."""
    module = Module.from_text(STEERED, "particle.py")
    w = load(derive(module, "control", "primal").body, "control", {})(0.1, 0.75)
    _, across = dual.derivative(particle, (w, 0.75), (1.0, 0.0))
    _, along = dual.derivative(particle, (w, 0.75), (0.0, 1.0))
    forward = load(derive(module, "control", "forward", "vx").body, "control_jvp", {})
    assert forward(0.1, 0.75, 1.0)[1] == pytest.approx(-along / across, rel=1e-5)
    gradient = load(derive(module, "control", "gradient", "vx").body, "control_grad", {})
    assert gradient(0.1, 0.75) == pytest.approx(-along / across, rel=1e-5)
