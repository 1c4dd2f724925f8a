"""Generated code follows what it was made from: globals and closure variables, also those that hold nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from srcdiff import grad, hessian, jvp
from srcdiff.dependencies import dependencies_of

FACTOR: float | None = None


def scaled(x: float) -> float:
    if FACTOR is None:
        return x
    return x * FACTOR


def scaled_twice(x: float) -> float:
    return scaled(scaled(x))


@pytest.mark.parametrize(("f", "expected"), [(scaled, 5.0), (scaled_twice, 25.0)])
def test_a_global_that_held_none_is_followed(
    f: Callable[[float], float], expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradient = grad(f)
    assert gradient(2.0) == 1.0
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert gradient(2.0) == expected


def test_every_variable_is_found_once() -> None:
    assert [(d.name, d.content) for d in dependencies_of(scaled_twice)] == [("scaled", scaled), ("FACTOR", None)]


def even(n: int) -> float:
    return 1.0 if n == 0 else odd(n - 1)


def odd(n: int) -> float:
    return 0.0 if n == 0 else even(n - 1)


def energy(x: np.ndarray, n: int) -> float:
    return float(np.sum(x * x)) * even(n)


def test_functions_that_call_each_other_are_carried_along_a_stack() -> None:
    """They do not depend on the directions, so they are taken over as they are."""
    x = np.array([1.0, 2.0])
    assert hessian(energy)(x, 4).tolist() == [[2.0, 0.0], [0.0, 2.0]]
    value, tangents = jvp(energy, (x, 4), (np.eye(2),), wrt=(0,))
    assert (value, tangents.tolist()) == (5.0, [2.0, 4.0])
