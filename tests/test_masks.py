"""A NaN or an infinity in the branch that `np.where` does not take: every derivative is that of the branch it takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from srcdiff import grad, hessian, hvp, jvp, transform, value_and_grad, vjp
from srcdiff.ad.masks import mask_partials
from srcdiff.compiler import derive
from srcdiff.frontend.module import Module
from srcdiff.ir.core import Program, walk
from tests.masked_programs import POINTS, PROGRAMS, Slope, root

Case = tuple[Callable[..., float], tuple[Slope, ...]]
programs = pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p[0].__name__)


def slopes(program: Case) -> np.ndarray:
    return np.array([slope(x) for slope, x in zip(program[1], POINTS.tolist(), strict=True)])


@programs
@pytest.mark.parametrize("optimize", [True, False])
def test_gradient(program: Case, optimize: bool) -> None:
    f = program[0]
    with np.errstate(all="ignore"):
        found = grad(f, optimize=optimize)(POINTS)
        general = transform(f, mode="gradient", wrt=0, optimize=optimize)(POINTS)
        _, pullback = vjp(f, POINTS)
        pulled = pullback(2.0)
    np.testing.assert_allclose(found, slopes(program), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(general, slopes(program), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(pulled, 2.0 * slopes(program), rtol=1e-13, atol=1e-15)


@programs
def test_tangent(program: Case) -> None:
    direction = np.array([0.3, -0.7, 1.1, 0.9, -0.4])
    with np.errstate(all="ignore"):
        _, tangent = jvp(program[0], (POINTS,), (direction,))
    np.testing.assert_allclose(tangent, slopes(program) @ direction, rtol=1e-13)


@programs
def test_second_order(program: Case) -> None:
    """The second derivatives are finite, agree with divided differences of the first, and with one another."""
    f = program[0]
    kinks = {-1.0, 0.0, 1.0} if f.__name__ in ("nested", "arcs") else {0.0}
    step = 1e-5
    with np.errstate(all="ignore"):
        matrix = hessian(f)(POINTS)
        times = hvp(f)(POINTS, np.ones(5))
        twice = grad(lambda x: np.sum(grad(f)(x)))(POINTS)
        differences = (grad(f)(POINTS + step) - grad(f)(POINTS - step)) / (2 * step)
    smooth = [x not in kinks for x in POINTS]
    assert np.all(np.isfinite(matrix))
    np.testing.assert_array_equal(matrix, np.diag(np.diag(matrix)))
    np.testing.assert_allclose(np.diag(matrix)[smooth], differences[smooth], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(times, np.diag(matrix), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(twice, np.diag(matrix), rtol=1e-12, atol=1e-15)


def chosen_number(x: float) -> float:
    return np.where(x > 0, np.sqrt(x) * x, 0.0).item()


@pytest.mark.parametrize("x", [-1.0, 0.0, 4.0])
def test_number(x: float) -> None:
    with np.errstate(all="ignore"):
        assert grad(chosen_number)(x) == (1.5 * np.sqrt(x) if x > 0 else 0.0)


def test_nothing_is_divided_by_zero() -> None:
    """The square root has a value where its derivative has none; the code does not divide by zero there."""
    points = np.array([0.0, 4.0])
    with np.errstate(all="raise"):
        value, found = value_and_grad(root)(points)
    assert value == 2.0
    np.testing.assert_array_equal(found, [0.0, 0.25])


def test_single_precision_stays_single() -> None:
    with np.errstate(all="ignore"):
        assert grad(root)(POINTS.astype(np.float32)).dtype == np.float32


TEXT = """
import numpy as np

def leaky(x: float, w: float) -> float:
    return x * w / (1.0 + w * w)
"""


def test_without_a_choice_nothing_changes() -> None:
    program = derive(Module.from_text(TEXT, "leaky.py"), "leaky", "gradient").program
    masked = mask_partials(program, Program(()))
    before, after = (list(walk(p.main.body)) for p in (program, masked))
    assert before == after


def test_sides_of_one_choice_become_one_choice() -> None:
    def leaky(x: np.ndarray) -> float:
        return np.sum(np.where(x > 0, x, 0.01 * x) ** 2)

    leaky_grad = grad(leaky)
    np.testing.assert_allclose(leaky_grad(POINTS), np.where(POINTS > 0, 2.0, 2e-4) * POINTS)
    assert "bx = np.where(t1, b1, b1 * 0.01)" in leaky_grad.source


def test_masks_of_sums_are_read_before_what_they_mask_is_overwritten() -> None:
    def f(x: np.ndarray, m: np.ndarray) -> float:
        v = np.where(x > 0.2, np.log(np.abs(x) + 0.3), np.log(np.abs(x) + 0.3) / x)
        return np.sum(np.where(m > 0.4, m, v))

    x, m = np.array([-1.0, 0.0, 1.0]), np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 0.1]])
    with np.errstate(all="ignore"):
        found, _ = grad(f, wrt=(0, 1))(x, m)
    np.testing.assert_allclose(found, [-1 / (1.3 * -1.0) - np.log(1.3), 0.0, 2.0 / 1.3], rtol=1e-14)
