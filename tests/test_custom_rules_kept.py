"""Functions that are kept as calls, and `stop_gradient`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pytest

import srcdiff
from srcdiff import TransformError, grad, hessian, hvp, jacobian, rule, stop_gradient, transform, value_and_grad
from srcdiff.derivative import Derivative
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.graph import to_dot
from srcdiff.ir.interpret import interpret
from srcdiff.ir.text import to_text
from srcdiff.ir.verify import verify
from srcdiff.modes import Options
from tests.support import check_gradient

Vector = Annotated[np.ndarray, "n"]

CALLS: list[tuple[Any, ...]] = []


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


@srcdiff.opaque
def log(message: str, *values: Any, level: int = 0) -> None:
    CALLS.append((message, *copy.deepcopy(values), level))


@srcdiff.opaque
def draw(i: int) -> float:
    CALLS.append(("draw", i))
    return float(len(CALLS))


@srcdiff.opaque
def draw_array(n: int) -> Vector:
    CALLS.append(("draw_array", n))
    return np.arange(float(n)) + len(CALLS)


@rule.non_differentiable
@srcdiff.opaque
def measured(x: float) -> float:
    CALLS.append(("measured", x))
    return 2.0 * x + len(CALLS)


@srcdiff.opaque
def simulated(x: float) -> float:
    CALLS.append(("simulated", x))
    return 2.0 * x


def logs(x: float, n: int) -> float:
    log("start", x)
    s = 0.0
    for i in range(n):
        s = s + draw(i) * x * x
        if i > 0:
            log("loop", s, level=2)
        s = s + measured(x) * x
    log("end", s)
    return s


def helper(x: float) -> float:
    return draw(7) * x * x


def calls_helper(x: float) -> float:
    y = helper(x)
    return y * helper(x)


def writes(x: Vector) -> float:
    noise = draw_array(len(x))
    y = noise * x
    noise[0] = 5.0
    z = y * noise
    y[1] = x[0] * z[0]
    return np.sum(y * z)


def in_while(x: float) -> float:
    s = x
    while draw(0) < 4.0:
        s = s * x
    return s


def in_comprehension(x: float) -> float:
    return sum([draw(i) * x for i in range(3)]) * x


def in_conditions(x: float, k: int) -> float:
    a = draw(1) if k > 0 else 0.5
    b = (draw(2) if k > 1 else draw(3)) * x
    ok = k > 0 and draw(4) > 0.0
    c = x if ok or draw(5) > 100 else 2 * x
    return a * b * c * x


def in_one_statement(x: float) -> float:
    y = draw(1) - draw(2) * x * draw(3)
    z = [draw(4) * x, draw(5)]
    assert draw(6) > 0.0, "never"
    draw(7)
    return y * z[0] * z[1] + max(draw(8), draw(9) * x)


def in_nested(x: float) -> float:
    def g(t):
        return t * draw(1)

    return g(x) * g(x)


def before_return(x: float, n: int) -> float:
    for i in range(n):
        if draw(i) > 2.0:
            return x * x * draw(9)
        x = x * 1.1
    return x


MODES = ["gradient", "value_and_grad", "forward", "reverse", "hessian", "hvp", "jacobian"]


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("f", "args", "extra"),
    [
        (logs, (2.0, 3), 1.0),
        (calls_helper, (1.5,), 1.0),
        (writes, (np.arange(3.0) + 1,), np.ones(3)),
        (in_while, (1.1,), 1.0),
        (in_comprehension, (2.0,), 1.0),
        (in_conditions, (2.0, 0), 1.0),
        (in_conditions, (2.0, 1), 1.0),
        (in_conditions, (2.0, 2), 1.0),
        (in_one_statement, (1.5,), 1.0),
        (in_nested, (1.5,), 1.0),
        (before_return, (1.5, 5), 1.0),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_every_call_runs_once_and_in_order(
    f: Callable[..., Any], args: tuple[Any, ...], extra: Any, mode: str, optimize: bool
) -> None:
    f(*copy.deepcopy(args))
    expected = list(CALLS)
    seeds = {"forward": (extra,), "hvp": (extra,), "reverse": (1.0,)}.get(mode, ())
    derivative = Derivative(f, mode, 0, Options(optimize=optimize))
    derivative.with_extra(copy.deepcopy(args), seeds)
    CALLS.clear()
    derivative.with_extra(copy.deepcopy(args), seeds)
    assert str(CALLS) == str(expected)
    assert verify(derivative.ir) == []


def test_value_and_derivative_see_the_same_draw() -> None:
    value, slope = value_and_grad(calls_helper)(1.5)
    assert (value, slope) == (1 * 2 * 1.5**4, 1 * 2 * 4 * 1.5**3)
    CALLS.clear()
    assert hessian(calls_helper)(1.5) == 2 * 12 * 1.5**2
    CALLS.clear()
    x = np.arange(3.0) + 1
    value, slope = value_and_grad(writes)(x)
    CALLS.clear()
    assert value == writes(x)
    by_differences = []
    for i in range(3):
        CALLS.clear()
        ahead = writes(x + 1e-6 * np.eye(3)[i])
        CALLS.clear()
        by_differences.append((ahead - writes(x - 1e-6 * np.eye(3)[i])) / 2e-6)
    assert np.allclose(slope, by_differences, rtol=1e-6)


def test_what_is_declared_constant_is_constant() -> None:
    assert grad(lambda x: measured(x) * x)(2.0) == 5.0
    CALLS.clear()
    assert hessian(lambda x: measured(x) * x * x)(2.0) == 10.0


def test_the_interpreter_and_the_texts_know_opaque_calls() -> None:
    program = lower(Module.from_function(logs), "logs")
    assert verify(program) == []
    assert "effect custom tests.test_custom_rules_kept.draw" in to_text(program)
    assert "custom tests.test_custom_rules_kept.log" in to_dot(program.main)
    found = interpret(program, (2.0, 3))
    CALLS.clear()
    assert found == logs(2.0, 3)


def refusal(make: Callable[[], object]) -> str:
    with pytest.raises(TransformError) as caught:
        make()
    return str(caught.value)


def test_no_derivative_passes_through_an_opaque_function() -> None:
    def f(x: float) -> float:
        y = simulated(x) * x
        return y + draw(1)

    for mode in ("gradient", "forward"):
        message = refusal(lambda mode=mode: transform(f, mode=mode).source)
        assert "a derivative would have to pass through `simulated`, which is opaque" in message
        assert "y = simulated(x) * x" in message
        assert "srcdiff.rule.non_differentiable" in message and "docs/custom-rules.md" in message


def test_not_even_by_a_loop_or_a_helper() -> None:
    def looped(x: float, n: int) -> float:
        s = x
        for _ in range(n):
            s = s + simulated(s)
        return s

    def one(x: float) -> float:
        return simulated(x)

    def two(x: float) -> float:
        return one(x) * 2.0

    for f in (looped, two):
        assert "pass through `simulated`" in refusal(lambda f=f: grad(f).source)


def test_a_result_that_matters_to_nothing_is_no_obstacle() -> None:
    def f(x: float) -> float:
        simulated(x)
        y = simulated(x)
        if y > 3.0:
            log("large")
        return x * x

    assert grad(f)(2.0) == 4.0
    assert srcdiff.jvp(f, (2.0,), (1.0,)) == (4.0, 4.0)


def test_what_would_run_again_is_refused() -> None:
    def checkpointed(x: float) -> float:
        for i in range(5):  # srcdiff: checkpoint(2)
            x = x * draw(i)
        return x

    def fixed(x: float) -> float:
        y, before = x, x + 1.0
        while abs(y - before) > 1e-12:  # srcdiff: fixed_point
            before = y
            y = 0.5 * y + 0.0 * draw(1) + x
        return y

    def two(x: float, y: float) -> float:
        return draw(1) * x * y * y

    for make, why in (
        (lambda: grad(checkpointed).source, "the reverse sweep of a loop with snapshots runs it again"),
        (lambda: grad(fixed).source, "the derivative of the fixed point runs it again"),
        (lambda: hessian(two, wrt=("x", "y")).source, "each of several sweeps runs it again"),
        (lambda: transform(untyped, mode="jacobian").source, "each of several directions runs it again"),
        (lambda: transform(untyped_twice, mode="hessian").source, "each of several directions runs it again"),
        (lambda: grad(recomputed_again).source, "the reverse sweep, which recomputes `recomputed`, runs it again"),
    ):
        message = refusal(make)
        assert why in message and "`draw` is opaque, so that each of its calls runs once" in message
        assert "draw(" in message


def untyped(x):
    return draw(1) * x


def untyped_twice(x):
    return draw(1) * x[0] * x[1]


def recomputed(x: float) -> float:  # srcdiff: recompute
    return x * draw(1) * x


def recomputed_again(x: float) -> float:
    return recomputed(x) * 2.0


def in_recomputed(x: float) -> float:
    return deep(x) * 2.0


def deep(x: float) -> float:  # srcdiff: recompute
    return helper(x) * x


def test_a_helper_that_would_run_again_is_refused() -> None:
    assert "the reverse sweep calls it again to recompute `deep`" in refusal(lambda: grad(in_recomputed).source)


def test_a_pullback_would_run_it_again() -> None:
    with pytest.raises(ValueError, match="what the opaque function `draw` returns may be something else then"):
        srcdiff.vjp(helper, 1.5)

    def only_logs(x: float) -> float:
        log("here", x)
        return x * x

    assert srcdiff.vjp(only_logs, 3.0)[1](1.0) == 6.0

    def inside(x: float) -> float:
        y, pullback = srcdiff.vjp(helper, x)
        return y * pullback(1.0)

    assert "`vjp` runs the function for its value and again" in refusal(lambda: grad(inside).source)


# A function whose derivative is zero.

TABLES: dict[int, np.ndarray] = {}


@rule.non_differentiable
def table(n: int) -> np.ndarray:
    return TABLES.setdefault(n, np.arange(float(n)))


@rule.non_differentiable
def kept(x: Vector) -> Vector:
    return TABLES.setdefault(len(x), np.arange(float(len(x))))


def times_kept(x: Vector) -> float:
    return np.sum(kept(x) * x)


def scaled_table(x: Vector) -> float:
    t = table(len(x))
    t = t * 2.0
    t += 1.0
    return np.sum(t * x)


def test_what_a_function_keeps_for_itself_is_not_overwritten() -> None:
    x = np.ones(4)
    for _ in range(2):
        assert np.array_equal(grad(scaled_table)(x), 2.0 * np.arange(4.0) + 1.0)
        assert np.array_equal(hvp(scaled_table)(x, x), np.zeros(4))
    gradient = grad(times_kept)(x)
    gradient *= 2.0
    assert np.array_equal(TABLES[4], np.arange(4.0))


# stop_gradient.


def scaled_by_itself(x):
    return np.sum(x * stop_gradient(x))


def in_containers(p):
    q = stop_gradient(p)
    return p["a"] * q["b"][0] + q["a"] * p["b"][1]


def straight_through(x: float) -> float:
    """Rounded in the value, the identity in the derivative."""
    return x + stop_gradient(np.floor(x) - x)


def normalised(x: Vector) -> float:
    y = x * 2.0
    top = stop_gradient(np.max(y))
    return np.log(np.sum(np.exp(y - top))) + top


def test_stop_gradient_is_the_identity() -> None:
    x = [1.0]
    assert stop_gradient(x) is x


@pytest.mark.parametrize("x", [2.0, np.arange(3.0), np.ones((2, 2)), np.zeros(0)])
def test_of_every_order(x: Any) -> None:
    assert np.array_equal(grad(scaled_by_itself)(x), x)
    assert srcdiff.jvp(scaled_by_itself, (x,), (x,))[1] == np.sum(x * x)
    assert not np.any(hessian(scaled_by_itself)(x))
    assert not np.any(hvp(scaled_by_itself)(x, x))
    assert not np.any(jacobian(grad(scaled_by_itself))(x))


def test_of_numbers_to_the_third_order_through_text() -> None:
    def f(x: float) -> float:
        return x * x * stop_gradient(x)

    assert (grad(f)(3.0), grad(grad(f))(3.0), grad(grad(grad(f)))(3.0)) == (18.0, 6.0, 0.0)
    assert grad(lambda x: grad(f)(x) * x)(3.0) == 18.0 + 6.0 * 3.0


def test_of_containers() -> None:
    p = {"a": 2.0, "b": [3.0, 5.0]}
    assert grad(in_containers)(p) == {"a": 3.0, "b": [0.0, 2.0]}


def test_where_the_value_does_not_depend_on_it() -> None:
    assert value_and_grad(straight_through)(2.7) == (2.0, 1.0)
    check_gradient(normalised, np.array([0.3, 2.0, 1.0]))


def test_generated_code_needs_nothing_of_ours() -> None:
    source = transform(scaled_by_itself, mode="gradient").source
    assert "import srcdiff" not in source and "from srcdiff" not in source
    assert 'def stop_gradient(x):\n    """x itself, through which no derivative passes."""\n    return x\n' in source
    again = lower(Module.from_text(source, "again.py"), "scaled_by_itself_grad")
    assert "stop_gradient" in to_text(again)


def test_it_is_the_same_object() -> None:
    def f(x: Vector) -> float:
        y = stop_gradient(x)
        y[0] = 5.0
        return np.sum(x * x)

    def g(x: Vector) -> float:
        y = stop_gradient(x).copy()
        y[0] = 5.0
        return np.sum(x * y)

    assert "may share memory with what line" in refusal(lambda: grad(f).source)
    assert np.array_equal(grad(g)(np.arange(3.0) + 1), [5.0, 2.0, 3.0])


def test_a_keyword_of_its_own_is_refused() -> None:
    def f(x: float) -> float:
        return stop_gradient(x, 1) * x  # type: ignore[call-arg]

    assert "`stop_gradient` is supported with 1 arguments at most" in refusal(lambda: grad(f).source)
