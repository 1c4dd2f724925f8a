"""Fixed points: derivatives of loops that converge, taken at the solution.

In: marked loops whose solutions have derivatives in closed form, or that divided differences tell. Out: the first
derivatives to 1e-10 in both modes, the second ones to 1e-8, from the IR and from printed text; nothing is saved.
"""

# ruff: noqa: F821, UP037

from __future__ import annotations

import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from math import cos, sin, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from srcdiff import grad, jvp
from srcdiff.ad.forward import forward
from srcdiff.ad.reverse import reverse
from srcdiff.compiler import derive
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.interpret import interpret
from srcdiff.ir.verify import verify
from srcdiff.loading import load
from srcdiff.optimize import optimize as optimized
from tests.fixed_point_programs import (
    CASES,
    ROOTS,
    A,
    B,
    W,
    kepler,
    kepler_slow,
    pagerank,
    solved,
    solved_in_place,
)
from tests.oracles import differences
from tests.support import check_gradient

if TYPE_CHECKING:
    from jaxtyping import Float

PROGRAMS = Module.from_path(Path(__file__).with_name("fixed_point_programs.py"))


def active(name: str) -> tuple[int, ...]:
    return tuple(i for i, a in enumerate(CASES[name][1]) if not isinstance(a, int))


# -- first derivatives
# -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_every_mode_agrees_with_divided_differences(name: str) -> None:
    f, args = CASES[name]
    check_gradient(f, *args, wrt=active(name))


@pytest.mark.parametrize("f", ROOTS)
def test_square_root(f: Callable[[float], float]) -> None:
    for a in (0.01, 2.0, 1e6):
        expected = 0.5 / sqrt(a)
        assert abs(grad(f)(a) - expected) < 1e-10 * expected
        assert abs(jvp(f, (a,), (3.0,))[1] - 3.0 * expected) < 1e-10 * expected


@pytest.mark.parametrize("f", [solved, solved_in_place])
def test_linear_solve(f: Callable[..., float]) -> None:
    bA, bb, bw = grad(f, wrt=("A", "b", "w"))(A, B, W)
    x = np.linalg.solve(A, B)
    expected = np.linalg.solve(A.T, W)
    np.testing.assert_allclose(bb, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(bA, -np.outer(expected, x), rtol=0, atol=1e-10)
    np.testing.assert_allclose(bw, x, rtol=0, atol=1e-10)
    tangent = jvp(f, (A, B, W), (0.1 * A.T, W), wrt=("A", "b"))[1]
    np.testing.assert_allclose(tangent, W @ np.linalg.solve(A, W - 0.1 * A.T @ x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("f", [kepler, kepler_slow])
def test_kepler(f: Callable[..., float]) -> None:
    e, M = 0.3, 1.1
    E = f(e, M)
    expected = np.array([sin(E), 1.0]) / (1.0 - e * cos(E))
    np.testing.assert_allclose(grad(f, wrt=("e", "M"))(e, M), expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(jvp(f, (e, M), (0.4, -1.0))[1], expected @ [0.4, -1.0], rtol=0, atol=1e-10)


def test_linear_fixed_points_in_closed_form() -> None:
    L, v, damping = CASES["pagerank"][1]
    r = (1.0 - damping) * np.linalg.solve(np.eye(3) - damping * L, v)
    seen = np.linalg.solve((np.eye(3) - damping * L).T, 2.0 * r)
    bL, bv, bd = grad(pagerank, wrt=("L", "v", "damping"))(L, v, damping)
    np.testing.assert_allclose(bL, damping * np.outer(seen, r), rtol=0, atol=1e-10)
    np.testing.assert_allclose(bv, (1.0 - damping) * seen, rtol=0, atol=1e-10)
    np.testing.assert_allclose(bd, seen @ (L @ r - v), rtol=0, atol=1e-10)


def test_the_start_has_no_adjoint() -> None:
    def f(a: float, start: float) -> float:
        x, y = start, 0.0
        while abs(x - y) > 1e-14:  # srcdiff: fixed_point
            y = x
            x = 0.5 * (y + a / y)
        return x

    assert grad(f, wrt=("a", "start"))(4.0, 1.0) == (0.25, 0.0)
    assert jvp(f, (4.0, 1.0), (0.0, 1.0))[1] == 0.0


def test_a_loop_that_does_not_run_is_at_its_fixed_point() -> None:
    def f(a: float, x: float) -> float:
        while abs(x * x - a) > 1e-12:  # srcdiff: fixed_point
            x = 0.5 * (x + a / x)
        return x

    assert grad(f)(4.0, 2.0) == 0.25
    assert jvp(f, (4.0, 2.0), (1.0,), wrt=("a",))[1] == 0.25


def test_values_that_nothing_needs_cost_nothing() -> None:
    def f(a: float) -> float:
        x, s, t, y = 1.0, 0.0, 1.0, 0.0
        while abs(x - y) > 1e-14:  # srcdiff: fixed_point
            y = x
            x = 0.5 * (x + a / x)
            s = s + x
            t = t + 1.0
        assert s > 0 and t > 0
        return x

    assert abs(grad(f)(4.0) - 0.25) < 1e-14
    assert abs(jvp(f, (4.0,), (1.0,))[1] - 0.25) < 1e-14
    assert not re.search(r"\bb[st]\b", grad(f).source)


def test_a_value_that_the_body_hands_on_is_what_it_was() -> None:
    def f(a: float, c: float) -> float:
        x, y, z = 1.0, 0.0, c * c
        while True:  # srcdiff: fixed_point
            y = x
            x = 0.5 * (x + a * z / x)
            if abs(x - y) < 1e-14:
                break
            if x < 0.0:
                break
            z = z
        return x * z

    check_gradient(f, 2.0, 1.5)


def test_a_direction_in_which_nothing_changes() -> None:
    """A and b grow alike: the tangent of the solution is nothing but rounding errors, and still settles."""
    assert abs(jvp(solved, (A, B, W), (0.3 * A, 0.3 * B), wrt=("A", "b"))[1]) < 1e-14
    assert abs(jvp(solved_in_place, (A, B, W), (0.3 * A, 0.3 * B), wrt=("A", "b"))[1]) < 1e-14


def test_single_precision_settles() -> None:
    gradient = grad(solved, wrt="b")(A.astype(np.float32), B.astype(np.float32), W.astype(np.float32))
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, np.linalg.solve(A.T, W), rtol=1e-5)


def test_an_empty_system() -> None:
    nothing = np.zeros(0)

    def f(b: Float[np.ndarray, "n"]) -> float:
        x = np.zeros_like(b)
        for _ in range(2):
            while np.sum(np.abs(x - b)) > 1e-14:  # srcdiff: fixed_point
                x = 0.5 * (x + b)
        return np.sum(x)

    assert grad(f)(nothing).shape == (0,)
    np.testing.assert_allclose(grad(f)(B), np.ones(3), atol=1e-12)


def test_effects_happen_once(capsys: pytest.CaptureFixture[str]) -> None:
    def f(a: float) -> float:
        x, y = 1.0, 0.0
        while abs(x - y) > 1e-14:  # srcdiff: fixed_point
            y = x
            x = 0.5 * (x + a / x)
            print("step", y)
            assert x > 0, "positive"
        return x

    f(2.0)
    plain = capsys.readouterr().out
    grad(f)(2.0)
    assert capsys.readouterr().out == plain
    jvp(f, (2.0,), (1.0,))
    assert capsys.readouterr().out == plain


def test_effects_of_an_inner_loop_happen_once(capsys: pytest.CaptureFixture[str]) -> None:
    def f(a: float) -> float:
        x, y = 1.0, 0.0
        while abs(x - y) > 1e-14:  # srcdiff: fixed_point
            y = x
            total = y
            for k in range(2):
                if k > 0:
                    print("inner", k)
                total = total + 0.5 * a / y
            x = 0.5 * total
        return x

    f(2.0)
    plain = capsys.readouterr().out
    assert grad(f)(2.0) == pytest.approx(0.5 / sqrt(2.0))
    assert capsys.readouterr().out == plain
    assert jvp(f, (2.0,), (1.0,))[1] == pytest.approx(0.5 / sqrt(2.0))
    assert capsys.readouterr().out == plain


# -- second derivatives
# -----------------------------------------------------------------------------------------------------------------


def gradient_text(name: str) -> tuple[Module, str, Callable[..., Any]]:
    """The gradient of a case as a module made from its printed text."""
    f = CASES[name][0]
    module = PROGRAMS
    derived = derive(module, f.__name__, "gradient", active(name))
    return Module.from_text(derived.body, f"{name}_grad.py"), derived.name, load(derived.body, derived.name, {})


def directions(name: str) -> tuple[Any, ...]:
    args = CASES[name][1]
    counts = [len(differences.leaves(args[i])) for i in active(name)]
    return tuple(
        differences.rebuild(args[i], 1.0 + 0.3 * np.cos(k + np.arange(n)))
        for k, (i, n) in enumerate(zip(active(name), counts, strict=True))
    )


def hessian_product(name: str) -> Any:
    """Divided differences of the gradient along `directions`."""
    args = CASES[name][1]
    gradient = gradient_text(name)[2]

    def along(*chosen: Any) -> Any:
        full = list(args)
        for i, value in zip(active(name), chosen, strict=True):
            full[i] = value
        return gradient(*full)

    return differences.directional(along, tuple(args[i] for i in active(name)), directions(name))


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives_from_text(name: str) -> None:
    args = CASES[name][1]
    expected = hessian_product(name)
    module, function, _ = gradient_text(name)
    over = derive(module, function, "forward", active(name))
    _, found = load(over.body, over.name, {})(*args, *directions(name))
    assert differences.error(found, expected) < 1e-8
    over = derive(module, function, "reverse", active(name))
    _, found = load(over.body, over.name, {})(*args, directions(name))
    assert differences.error(found, expected) < 1e-8


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives_of_the_ir(name: str) -> None:
    args = CASES[name][1]
    expected = hessian_product(name)
    program = optimized(lower(PROGRAMS, CASES[name][0].__name__))
    first = reverse(program, active(name), "gradient")
    assert verify(first) == []
    second = forward(first, active(name))
    assert verify(second) == []
    assert differences.error(interpret(second, (*args, *directions(name)))[1], expected) < 1e-8
    seed = directions(name) if len(active(name)) > 1 else directions(name)[0]
    second = reverse(first, active(name), "vjp")
    assert verify(second) == []
    found = interpret(second, (*args, seed))[1]
    assert differences.error(found, expected) < 1e-8


def test_second_derivatives_in_closed_form() -> None:
    a = 2.0
    module, function, _ = gradient_text("root")
    for mode in ("forward", "reverse"):
        over = derive(module, function, mode, "a")
        seed = 1.0 if mode == "forward" else (1.0,)
        _, found = load(over.body, over.name, {})(a, seed)
        assert differences.error(found, (-0.25 * a**-1.5,)) < 1e-8
    # E_MM = -e sin E / (1 - e cos E)^3
    e, M = 0.3, 1.1
    E = kepler(e, M)
    module, function, _ = gradient_text("kepler")
    over = derive(module, function, "forward", "M")
    _, found = load(over.body, over.name, {})(e, M, 1.0)
    assert abs(found[1] + e * sin(E) / (1.0 - e * cos(E)) ** 3) < 1e-8
    # x = A^-1 b: d(A^-T w) along dA is -A^-T dA^T A^-T w
    module, function, _ = gradient_text("solved")
    over = derive(module, function, "forward", "A")
    _, found = load(over.body, over.name, {})(A, B, W, A.T)
    expected = -np.linalg.solve(A.T, A @ np.linalg.solve(A.T, W))
    np.testing.assert_allclose(found[1], expected, rtol=0, atol=1e-8)


# -- what is saved
# -----------------------------------------------------------------------------------------------------------------

LOOPS = ("solved_in_place", "implicit_euler", "called_in_branches", "inside_while", "loop_inside", "in_a_branch")
STRAIGHT = [n for n in CASES if n not in (*LOOPS, "breaking_inside")]


@pytest.mark.parametrize("name", STRAIGHT)
def test_no_list_grows(name: str) -> None:
    _, function, _ = gradient_text(name)
    text = derive(PROGRAMS, CASES[name][0].__name__, "gradient", active(name)).body
    assert function in text and "append" not in text
    for mode in ("forward", "reverse"):
        module, function, _ = gradient_text(name)
        assert "append" not in derive(module, function, mode, active(name)).body.split("def " + function)[1]


def test_an_outer_loop_saves_solutions_alone() -> None:
    text = derive(PROGRAMS, "implicit_euler", "gradient", (0, 1)).body
    assert re.findall(r"append\((.*)\)", text) == ["z"]


def slow(b: Float[np.ndarray, "n"], marked: bool) -> float:
    x = np.zeros_like(b)
    k = 0
    if marked:
        while k < 500:  # srcdiff: fixed_point
            x = x + 0.1 * (b - np.tanh(x))
            k += 1
    else:
        while k < 500:
            x = x + 0.1 * (b - np.tanh(x))
            k += 1
    return np.sum(x)


def test_memory_does_not_grow_with_the_iterations() -> None:
    wide = np.full(2000, 0.3)
    gradient = grad(slow)
    found = {}
    for marked in (True, False):
        gradient(wide, marked)
        tracemalloc.start()
        found[marked] = (gradient(wide, marked), tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    np.testing.assert_allclose(found[True][0], found[False][0], rtol=1e-8)
    np.testing.assert_allclose(found[True][0], 1.0 / (1.0 - 0.3**2), rtol=1e-10)
    assert found[True][1] < 30 * wide.nbytes < 400 * wide.nbytes < found[False][1]


# -- markers in print, and stop tests
# -----------------------------------------------------------------------------------------------------------------


def test_markers_are_printed_and_read_again(tmp_path: Path) -> None:
    text = (
        "def f(aaaaaaaaaaaaaaaaaaaaaaaa: float, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb: float) -> float:\n"
        "    x = 1.0\n    y = 0.0\n    s = 0.0\n"
        "    while (\n        abs(x - y) > 1e-12 * aaaaaaaaaaaaaaaaaaaaaaaa * bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
        "    ):  # srcdiff: fixed_point(tolerance=1e-10, iterations=500)\n"
        "        y = x\n        x = 0.5 * (x + aaaaaaaaaaaaaaaaaaaaaaaa / x)\n"
        "    while abs(y - x) > 0.25 * aaaaaaaaaaaaaaaaaaaaaaaa + 1.0:  # srcdiff: fixed_point\n        x = 0.5 * x\n"
        "    for i in range(3):  # srcdiff: checkpoint(2)\n        s = s + x * i\n"
        "    return s\n"
    )
    derived = derive(Module.from_text(text, "f.py"), "f", "primal")
    (tmp_path / "f.py").write_text(derived.body)
    again = derive(Module.from_path(tmp_path / "f.py"), "f", "primal")
    assert again.body == derived.body
    marks = re.findall(r"# srcdiff: (.*)", derived.body)
    assert marks == ["fixed_point(tolerance=1e-10, iterations=500)", "fixed_point", "checkpoint(2)"]
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", str(tmp_path / "f.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_stop_test_reads_what_the_iteration_replaces() -> None:
    """The test is taken before the new value gets the variable of the old one."""
    text = (
        "def f(x: float) -> float:\n    old = 2.0 * x\n    while True:\n"
        "        x, old = 0.5 * (x + 2.0 / x), x\n        if abs(x - old) < 1e-9:\n            break\n    return x\n"
    )
    derived = derive(Module.from_text(text, "f.py"), "f", "primal")
    assert abs(load(derived.body, "f", {})(1.0) - sqrt(2.0)) < 1e-12
