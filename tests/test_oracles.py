"""The oracles agree with each other before the compiler is measured by them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from tests.oracles import differences, dual, programs
from tests.oracles.programs import RandomProgram


@settings(max_examples=40)
@given(program=programs.random_programs())
def test_duals_agree_with_divided_differences(program: RandomProgram) -> None:
    f = program.compile()
    for x, y, entries in programs.POINTS:
        a = np.array(entries)
        value, _ = dual.derivative(program.compile_for_duals(), (x, y, a), (0.0, 0.0, np.zeros(a.shape)))
        assert value == f(x, y, a.copy())
        expected = differences.gradient(lambda x, y, a: float(f(x, y, a)), (x, y, a), step=1e-5)
        assert differences.error(program.dual_gradient(x, y, a), expected) < 1e-7


def test_nested_duals_give_higher_derivatives() -> None:
    def third(x: float) -> float:
        def first(u: object) -> object:
            return dual.derivative(lambda v: np.sin(v) * dual.exp(v), (u,), (1.0,))[1]

        def second(u: object) -> object:
            return dual.derivative(first, (u,), (1.0,))[1]

        return dual.derivative(second, (x,), (1.0,))[1]

    # (sin x e^x)''' = 2 e^x (cos x - sin x)
    assert third(0.7) == pytest.approx(2.0 * math.exp(0.7) * (math.cos(0.7) - math.sin(0.7)))


def test_a_lost_tangent_is_an_error() -> None:
    with pytest.raises(TypeError):
        dual.derivative(lambda x: math.sin(x), (1.0,), (1.0,))


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x / (2.0 - x),
        lambda x: 2.0**x,
        lambda x: (-x) ** 3,
        lambda x: x**0.5,
        lambda x: abs(-x),
        np.log,
        np.sqrt,
    ],
)
def test_dual_arithmetic(operation: object) -> None:
    _, tangent = dual.derivative(operation, (0.8,), (1.0,))
    assert tangent == pytest.approx(differences.directional(operation, (0.8,), (1.0,)), rel=1e-9)  # type: ignore[arg-type]


def test_structures_are_taken_apart_and_put_together() -> None:
    tree = {"a": [1.0, np.array([[2.0, 3.0]])], "n": 3, "b": (4.0, None, "text")}
    vector = differences.leaves(tree)
    assert vector.tolist() == [1.0, 2.0, 3.0, 4.0]
    again = differences.rebuild(tree, 2 * vector)
    assert again["n"] == 3
    assert again["b"] == (8.0, None, "text")
    with pytest.raises(ValueError):
        differences.rebuild(tree, np.zeros(5))


def test_the_dot_product_test_can_fail() -> None:
    differences.check_dot_product((1.0,), (2.0,), (6.0,), (3.0,))
    with pytest.raises(AssertionError, match="forward mode says"):
        differences.check_dot_product((1.0,), (2.0,), (6.1,), (3.0,))
