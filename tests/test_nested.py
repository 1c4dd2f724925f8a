"""Derivatives inside derivatives: every mode inside every mode, against divided differences, formulas and dual numbers.

The functions are those of `nested_programs`. What they compute untransformed (each inner derivative a call of its own
generated code) is the primal that divided differences are taken of.
"""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff import grad, transform
from srcdiff.compiler import derive, transform_file
from srcdiff.frontend.module import Module
from srcdiff.ir.verify import verify
from srcdiff.loading import load
from srcdiff.modes import Options
from tests import nested_programs
from tests.nested_programs import CASES
from tests.oracles import differences, dual
from tests.support import check_gradient

PATH = Path(nested_programs.__file__)


def differentiable(case: str) -> tuple[int, ...]:
    """The parameters of a case that are differentiated: all that are given a float or an array."""
    return tuple(i for i, a in enumerate(CASES[case][1]) if not isinstance(a, int))


@pytest.mark.parametrize("case", CASES)
def test_every_mode(case: str) -> None:
    function, arguments = CASES[case]
    check_gradient(function, *arguments, wrt=differentiable(case))


@pytest.mark.parametrize("case", CASES)
def test_twice(case: str) -> None:
    """The gradient of a directional derivative of the gradient: one level more around the derivatives inside."""
    function, arguments = CASES[case]
    wrt = differentiable(case)
    gradient = grad(function, wrt)
    tangents = [
        differences.rebuild(arguments[i], 1.0 + 0.5 * np.sin(1.0 + differences.leaves(arguments[i]))) for i in wrt
    ]

    def along(*chosen: Any) -> Any:
        full = list(copy.deepcopy(arguments))
        for i, value in zip(wrt, chosen, strict=True):
            full[i] = copy.deepcopy(value)
        return gradient(*full)

    expected = differences.directional(along, tuple(arguments[i] for i in wrt), tuple(tangents))
    _, found = transform(gradient, "forward", wrt)(*copy.deepcopy(arguments), *tangents)
    assert differences.error(found, expected) < 1e-6, (found, expected)
    seeds = tuple(tangents)
    _, adjoints = transform(gradient, "reverse", wrt)(*copy.deepcopy(arguments), seeds)
    left = sum(differences.dot(a, v) for a, v in zip(adjoints, tangents, strict=True))
    right = differences.dot(seeds, found)
    assert abs(left - right) <= 1e-9 * max(1.0, abs(left)), (left, right)


@pytest.fixture(scope="module")
def module() -> Module:
    """The cases as text, which is never run."""
    return Module.from_path(PATH)


@pytest.mark.parametrize("case", CASES)
def test_text_stands_alone(case: str, module: Module) -> None:
    """From the file's text: the generated code needs no srcdiff, is valid IR and computes the same."""
    function, arguments = CASES[case]
    wrt = differentiable(case)
    value = function(*copy.deepcopy(arguments))
    gradient = transform(function, "gradient", wrt)(*copy.deepcopy(arguments))
    for mode, expected in (("primal", value), ("gradient", gradient)):
        derived = derive(module, case, mode, wrt)
        assert verify(derived.program) == []
        assert not re.search(r"^\s*(import|from) srcdiff", derived.body, re.MULTILINE), derived.body
        given = copy.deepcopy(arguments)
        found = load(derived.body, derived.name, {})(*given)
        assert differences.error(found, expected) < 1e-11, (found, expected)
        assert differences.error(given, arguments) == 0.0


def test_a_file_stands_alone(tmp_path: Path) -> None:
    """As `srcdiff transform` does it: the file is read and not run, the text it makes runs without srcdiff."""
    file = tmp_path / "model.py"
    file.write_text(
        "import srcdiff.api as api\nfrom srcdiff import grad as slope\nimport srcdiff\n\nraise SystemExit\n\n"
        "def g(x, y):\n    return x * y * y\n\n"
        "dg = srcdiff.value_and_grad(g, wrt='y')\n\n"
        "def f(x: float) -> float:\n    from srcdiff import jvp\n"
        "    value, gradient = dg(x, x)\n"
        "    return slope(g)(x, x) + api.grad(g, 1)(x, x) * value + gradient + jvp(g, (x, x), (x, x))[1]\n"
    )
    text = transform_file(file, "f", ("gradient", "forward"), ("x",))
    lines = "import sys\nsys.modules['srcdiff'] = None\n" + text + "\nprint(f_grad(1.5)[0], f_jvp(1.5, 1.0)[1])\n"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, cwd=tmp_path)
    # x^2 + 2 x^2 x^3 + 2 x^2 + 3 x^3
    expected = 6 * 1.5 + 10 * 1.5**4 + 9 * 1.5**2
    assert [float(word) for word in done.stdout.split()] == pytest.approx([expected, expected]), done.stderr


# --- known values


@pytest.mark.parametrize(
    ("case", "at", "value", "slope"),
    [
        ("confusion_sum", 1.0, 1.0, 1.0),
        ("confusion_product", 3.0, 9.0, 6.0),
        ("confusion_same_name", 1.5, 3 * 1.5**3 + 2 * 1.5**2, 9 * 1.5**2 + 4 * 1.5),
        # The inside is 2 x y z y at z = y x, that is 2 x^2 y^3, and y times it has the slope 8 x^2 y^3 in y.
        ("confusion_three", 0.9, 8 * 0.9**9, 72 * 0.9**8),
        ("confusion_three_names", 1.1, 20 * 1.1**5, 100 * 1.1**4),
        ("grad_of_grad", 0.8, 60 * 0.8**3, 180 * 0.8**2),
    ],
)
def test_perturbations_are_not_confused(case: str, at: float, value: float, slope: float) -> None:
    function = CASES[case][0]
    assert function(at) == pytest.approx(value, rel=1e-13)
    for optimize in (True, False):
        assert grad(function, optimize=optimize)(at) == pytest.approx(slope, rel=1e-13)
        assert transform(function, "forward", optimize=optimize)(at, 1.0)[1] == pytest.approx(slope, rel=1e-13)


# One function in four shapes: u(x) = D_y [h(x, y)] at y = x^2 for h = x^2 y^2 + sin(x y), written with grad and jvp,
# differentiated by grad and jvp, and the same with nested dual numbers.


def two_levels(text: str) -> dict[str, Callable[..., Any]]:
    body = f"from math import sin\nfrom srcdiff import grad, jvp\n\n\ndef f(x: float) -> float:\n    return {text}\n"
    module = Module.from_text(body, "two.py")
    made = {}
    for mode in ("forward", "gradient"):
        derived = derive(module, "f", mode)
        assert verify(derived.program) == []
        made[mode] = load(derived.body, derived.name, {})
    return made


@pytest.mark.parametrize(
    "text",
    [
        "grad(lambda y: x * x * y * y + sin(x * y))(x * x)",
        "jvp(lambda y: x * x * y * y + sin(x * y), (x * x,), (1.0,))[1]",
        "grad(lambda x, y: x * x * y * y + sin(x * y), 1)(x, x * x)",
        "jvp(lambda x, y: x * x * y * y + sin(x * y), (x, x * x), (0.0, 1.0))[1]",
    ],
)
def test_against_nested_duals(text: str) -> None:
    def inner(x: Any) -> Any:
        return dual.derivative(lambda y: x * x * y * y + dual.sin(x * y), (x * x,), (1.0,))[1]

    value, tangent = dual.derivative(inner, (0.7,), (1.0,))
    made = two_levels(text)
    assert made["forward"](0.7, 1.0) == pytest.approx((value, tangent), rel=1e-13)
    assert made["gradient"](0.7) == pytest.approx(tangent, rel=1e-13)


def test_three_levels_against_nested_duals() -> None:
    text = "grad(lambda y: y * jvp(lambda z: sin(x * y * z) * z, (x * y,), (y,))[1])(x + 1.0)"

    def inner(x: Any) -> Any:
        def middle(y: Any) -> Any:
            return y * dual.derivative(lambda z: dual.sin(x * y * z) * z, (x * y,), (y,))[1]

        return dual.derivative(middle, (x + 1.0,), (1.0,))[1]

    value, tangent = dual.derivative(inner, (0.7,), (1.0,))
    made = two_levels(text)
    assert made["forward"](0.7, 1.0) == pytest.approx((value, tangent), rel=1e-12)
    assert made["gradient"](0.7) == pytest.approx(tangent, rel=1e-12)


# --- second derivatives inside

SECOND = """\
from typing import Annotated

import numpy as np

from srcdiff import hessian, hvp


def g(x, w):
    total = 0.0
    for i in range(len(x) - 1):
        total = total + w * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def cube(a, b):
    return a * a * a * b


def f_hessian(x: Annotated[np.ndarray, "n"], w: float) -> float:
    return float(np.sum(hessian(g)(x, w) ** 2)) + hessian(cube)(w, w)


def f_hvp(x: Annotated[np.ndarray, "n"], w: float) -> float:
    return float(np.sum(hvp(g)(x, w, x * w) * x)) + hvp(cube, wrt="b")(w, w, w) + hvp(cube)(w, w, w)
"""


def rosenbrock_hessian(x: np.ndarray, w: float) -> np.ndarray:
    h = np.zeros((len(x), len(x)))
    for i in range(len(x) - 1):
        h[i, i] += 2.0 + w * (12.0 * x[i] ** 2 - 4.0 * x[i + 1])
        h[i + 1, i + 1] += 2.0 * w
        h[i, i + 1] -= 4.0 * w * x[i]
        h[i + 1, i] -= 4.0 * w * x[i]
    return h


@pytest.mark.parametrize("name", ["f_hessian", "f_hvp"])
@pytest.mark.parametrize("optimize", [True, False])
def test_second_derivatives_inside(name: str, optimize: bool) -> None:
    def by_hand(x: np.ndarray, w: float) -> float:
        h = rosenbrock_hessian(x, w)
        return np.sum(h**2) + 6 * w * w if name == "f_hessian" else x @ h @ x * w + 6 * w**3

    x, w, dx, dw = np.array([0.3, -0.4, 0.8]), 1.3, np.array([1.0, 0.5, -0.3]), 0.7
    module = Module.from_text(SECOND, "second.py")
    primal = load(derive(module, name, "primal", options=Options(optimize=optimize)).body, name, {})
    assert primal(x, w) == pytest.approx(by_hand(x, w), rel=1e-12)
    expected = differences.directional(by_hand, (x, w), (dx, dw))
    forward = load(derive(module, name, "forward", options=Options(optimize=optimize)).body, f"{name}_jvp", {})
    assert forward(x, w, dx, dw)[1] == pytest.approx(expected, rel=1e-7)
    gradient = load(
        derive(module, name, "gradient", ("x", "w"), options=Options(optimize=optimize)).body, f"{name}_grad", {}
    )
    bx, bw = gradient(x, w)
    assert bx @ dx + bw * dw == pytest.approx(expected, rel=1e-7)
