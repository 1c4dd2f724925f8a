"""Functions that rearrange arrays, from the user's text to derivatives: first and second ones, memory, refusals."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from srcdiff import TransformError, grad, hessian, jacobian, jvp, transform
from srcdiff.loading import load
from srcdiff.primitives.table import TABLE
from tests import orders
from tests.oracles import differences
from tests.rule_cases import shapes
from tests.shape_programs import PROGRAMS, text_of
from tests.support import check_gradient

NAMES = sorted(PROGRAMS)


def active(name: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Positions and names of the parameters that carry a derivative."""
    _, parameters, _ = PROGRAMS[name]
    found = [(i, p) for i, (p, t) in enumerate(parameters.items()) if t != "int"]
    return tuple(i for i, _ in found), tuple(p for _, p in found)


@pytest.mark.parametrize("annotated", [True, False], ids=["annotated", "untyped"])
@pytest.mark.parametrize("name", NAMES)
def test_program(name: str, annotated: bool) -> None:
    """Every mode, optimised and not, live."""
    positions, _ = active(name)
    check_gradient(load(text_of(name, annotated), "f", {}), *copy.deepcopy(PROGRAMS[name][2]), wrt=positions)


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("combination", ["forward over reverse", "reverse over reverse"])
@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives_from_text(name: str, combination: str, optimize: bool) -> None:
    """The code is transformed again, and stands alone."""
    text, args = text_of(name, True), copy.deepcopy(PROGRAMS[name][2])
    positions, names = active(name)
    gradient = orders.again(text, "f", ("gradient",), names, optimize)
    xs = tuple(args[i] for i in positions)

    def at(*moved: Any) -> Any:
        given = list(copy.deepcopy(args))
        for i, x in zip(positions, moved, strict=True):
            given[i] = x
        found = gradient(*given)
        return found if len(positions) > 1 else (found,)

    direction = tuple(
        differences.rebuild(x, np.linspace(0.5, 1.5, np.size(x))) if isinstance(x, np.ndarray) else 0.7 for x in xs
    )
    expected = differences.directional(at, xs, direction)
    found = orders.product(text, "f", combination, args, names, optimize)(direction, positions)
    assert differences.error(found, expected) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_text_is_the_same_each_time(name: str) -> None:
    f = load(text_of(name, True), "f", {})
    positions, _ = active(name)
    assert transform(f, mode="gradient", wrt=positions).source == transform(f, mode="gradient", wrt=positions).source


def body_of(f: Any, mode: str = "gradient", wrt: Any = None) -> str:
    source = str(transform(f, mode=mode, wrt=wrt).source)
    return source[source.index(f"def {f.__name__}_") :]
