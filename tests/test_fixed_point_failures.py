"""Marked loops that do not converge, and what cannot be marked: each says so, and none gives a number."""

# ruff: noqa: F821, UP037

from __future__ import annotations

from math import cos, sin
from typing import TYPE_CHECKING

import numpy as np
import pytest

from srcdiff import TransformError, grad, jvp
from srcdiff.compiler import derive
from srcdiff.frontend.module import Module

if TYPE_CHECKING:
    from jaxtyping import Float


# -- loops without a solution
# -----------------------------------------------------------------------------------------------------------------


def diverging(a: float) -> float:
    x, k = 1.0, 0
    while k < 20:  # srcdiff: fixed_point(iterations=50)
        x = 2.0 * x + a
        k += 1
    return x


def wide_diverging(a: Float[np.ndarray, "n"]) -> float:
    x, k = a, 0
    while k < 20:  # srcdiff: fixed_point(iterations=50)
        x = np.sqrt(x) * 10.0 - a
        k += 1
    return np.sum(x)


def test_an_adjoint_that_does_not_converge_says_so() -> None:
    message = r"^the {} of the fixed-point loop in `diverging`, line \d+, did not converge in 50 iterations$"
    with pytest.raises(ArithmeticError, match=message.format("adjoint")):
        grad(diverging)(1.0)
    with pytest.raises(ArithmeticError, match=message.format("tangent")):
        jvp(diverging, (1.0,), (1.0,))


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_an_overflow_is_no_convergence() -> None:
    def number(a: float) -> float:
        x, k = 1.0, 0
        while k < 3:  # srcdiff: fixed_point(iterations=2000)
            x = 2.0 * x + a
            k += 1
        return x

    def array(a: Float[np.ndarray, "n"]) -> float:
        x, k = a, 0
        while k < 3:  # srcdiff: fixed_point(iterations=2000)
            x = 2.0 * x + a
            k += 1
        return np.sum(x)

    for f, a in ((number, 1.0), (array, np.ones(2))):
        with pytest.raises(ArithmeticError, match="did not converge in 2000 iterations"):
            grad(f)(a)
        with pytest.raises(ArithmeticError, match="did not converge in 2000 iterations"):
            jvp(f, (a,), (a,))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_not_a_number_does_not_converge() -> None:
    for a in (np.array([-1.0]), np.array([4.0, -1.0])):
        with pytest.raises(ArithmeticError, match="did not converge in 50 iterations"):
            grad(wide_diverging)(a)
        with pytest.raises(ArithmeticError, match="did not converge in 50 iterations"):
            jvp(wide_diverging, (a,), (a,))


def test_two_numbers_of_which_one_is_none() -> None:
    def f(a: float, b: float) -> float:
        x, y, k = 1.0, 1.0, 0
        while k < 5:  # srcdiff: fixed_point(iterations=50)
            x, y = 0.5 * x + 0.1 * y + a, 0.1 * x + 0.5 * y * b
            k += 1
        return x + y

    with pytest.raises(ArithmeticError, match="did not converge in 50 iterations"):
        grad(f)(1.0, float("nan"))


def test_the_tolerance_is_the_user_s() -> None:
    def f(a: float) -> float:
        x, y = 1.0, 0.0
        while abs(x - y) > 1e-15:  # srcdiff: fixed_point(tolerance=1e-3)
            y = x
            x = 0.5 * cos(y) + a
        return x

    x = f(0.3)
    exact = 1.0 / (1.0 + 0.5 * sin(x))
    assert 1e-8 < abs(grad(f)(0.3) - exact) < 1e-3


# -- what is refused
# -----------------------------------------------------------------------------------------------------------------

HEAD = "import numpy as np\ndef f(a: float) -> float:\n    x, y, s, k = a, 0.0, 0.0, 0\n    xs = [a]\n"
REFUSED: dict[str, tuple[str, str]] = {
    "sum": (
        "    while abs(x - y) > 1e-9:  # srcdiff: fixed_point\n        y = x\n        x = 0.5 * (x + a / x)\n"
        "        s = s + x\n    return s\n",
        "model.py:8:9: error: `s` is summed up over the iterations of a fixed-point loop, and does not converge\n"
        "            s = s + x\n            ^^^^^^^^^\n"
        "    help: take the sum outside of the loop, or remove the marker",
    ),
    "list": (
        "    while abs(x - y) > 1e-9:  # srcdiff: fixed_point\n        y = x\n        x = 0.5 * (x + a / x)\n"
        "        xs.append(x)\n    return xs[-1]\n",
        "model.py:5:5: error: the list `xs` changes its length in a fixed-point loop, which then has no solution\n"
        "        while abs(x - y) > 1e-9:  # srcdiff: fixed_point\n        ^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "    help: fill the list in a loop of its own, or remove the marker",
    ),
    "exit": (
        "    while True:  # srcdiff: fixed_point\n        y = 0.5 * (x + a / x)\n        if abs(x - y) < 1e-9:\n"
        "            x = 2.0 * y\n            break\n        x = y\n    return x\n",
        "model.py:5:5: error: where this fixed-point loop is left, `x` is no iterate of the loop\n"
        "        while True:  # srcdiff: fixed_point\n        ^^^^^^^^^^^\n"
        "    help: leave the loop by `break`, and compute what follows from it after it",
    ),
    "return": (
        "    while True:  # srcdiff: fixed_point\n        y = 0.5 * (x + a / x)\n        if abs(x - y) < 1e-9:\n"
        "            return 0.5 * (x + y)\n        x = y\n",
        "model.py:5:5: error: where this fixed-point loop is left, what is returned is no iterate of the loop\n"
        "        while True:  # srcdiff: fixed_point\n        ^^^^^^^^^^^\n"
        "    help: leave the loop by `break`, and compute what follows from it after it",
    ),
    "once": (
        "    while True:  # srcdiff: fixed_point\n        x = 0.5 * (x + a / x)\n        break\n    return x\n",
        "model.py:5:5: error: this fixed-point loop is always left in its first iteration\n"
        "        while True:  # srcdiff: fixed_point\n        ^^^^^^^^^^^\n    help: remove the marker, or the loop",
    ),
}


@pytest.mark.parametrize("mode", ["gradient", "forward"])
@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, mode: str) -> None:
    text, expected = REFUSED[case]
    with pytest.raises(TransformError) as caught:
        derive(Module.from_text(HEAD + text, "model.py"), "f", mode)
    assert str(caught.value) == expected
