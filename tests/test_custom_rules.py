"""Rules of the user's own: values and derivatives of every order, and the code that is generated from them."""

from __future__ import annotations

import functools
import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.optimize
import scipy.special

import srcdiff
from srcdiff import TransformError, check_derivatives, grad, hessian, hvp, jacobian, rule, transform, value_and_grad
from srcdiff.checks import DerivativeMismatch
from srcdiff.derivative import Derivative
from srcdiff.frontend.lambdas import runs
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.interpret import interpret
from srcdiff.ir.verify import verify
from srcdiff.primitives.registry import registered
from tests.oracles import differences
from tests.support import check_gradient, check_modes

Vector = Annotated[np.ndarray, "n"]
Matrix = Annotated[np.ndarray, "n n"]

# Functions with rules.


@rule.elementwise(lambda y, x: 1 - y * y)
def squash(x):
    return np.tanh(x)


@rule.elementwise(
    lambda y, a, b: a / y,
    lambda y, a, b: b / y,
)
def length(a, b):
    return np.sqrt(a * a + b * b)


@rule.elementwise(
    lambda y, x, n: n * x ** (n - 1),
    None,
)
def whole_power(x, n=2):
    return x**n


@rule.elementwise(lambda y, x: np.where(x > 0, 2.0 * x, 0.0))
def ramp(x):
    return np.where(x > 0, x, 0.0) ** 2


def solve_vjp(y, a, b, by):
    bb = np.linalg.solve(a.T, by)
    return -np.outer(bb, y), bb


@rule.vjp(solve_vjp)
def solve(a: Matrix, b: Vector) -> Vector:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.full_like(b, np.nan)


def root_jvp(y, a, da):
    return -y * da / (3 * y * y + a)


@rule.jvp(root_jvp)
def root(a: float) -> float:
    """The root of t**3 + a t = 1."""
    return float(scipy.optimize.brentq(lambda t: t**3 + a * t - 1, 0, 1, xtol=1e-14))


def scaled_jvp(y, x, factor, dx, dfactor):
    return dx * factor + x * dfactor


def scaled_vjp(y, x, factor, by):
    return by * factor, np.sum(by * x)


@rule.jvp(scaled_jvp)
@rule.vjp(scaled_vjp)
def scaled(x: Vector, factor: float) -> Vector:
    return x * factor


@rule.vjp(lambda y, p, by: {"a": by * p["b"], "b": by * p["a"]})
def area(p):
    return p["a"] * p["b"]


@rule.vjp(lambda y, x, by: by[0] * 2.0 + by[1] * 3.0)
def pair(x):
    return 2.0 * x, 3.0 * x


@rule.non_differentiable
def bucket(x: float) -> float:
    return float(x // 1)


def smooth_vjp(y: Vector, x: Vector, sigma, by):
    return scipy.ndimage.gaussian_filter1d(by, sigma), None


def of_libraries() -> dict[Any, Callable[[], object]]:
    return {
        scipy.special.spence: lambda: rule.elementwise(scipy.special.spence, lambda y, x: np.log(x) / (1.0 - x)),
        scipy.ndimage.gaussian_filter1d: lambda: rule.vjp(scipy.ndimage.gaussian_filter1d, smooth_vjp),
    }


@pytest.fixture(autouse=True)
def _rules_of_libraries() -> Iterator[None]:
    for register in of_libraries().values():
        register()
    yield
    for function in of_libraries():
        rule.forget(function)


# Programs.


def plain(x):
    return np.sum(squash(x) * x)


def broadcast(x, w):
    return np.sum(length(x, w) * x)


def defaults(x):
    return np.sum(whole_power(x) + whole_power(n=3, x=x) + whole_power(x, 1))


def branches(x: float):
    y = squash(x) if x > 0 else x
    if y > 0.1:
        y = squash(y) * y
    return y


def loops(x: float, n: int):
    s = x
    for _ in range(n):
        s = squash(s) + root(1.0 + s * s)
    return s


def linear_system(a: Matrix, b: Vector) -> float:
    x = solve(a, b)
    return np.sum(x * x) + x[0]


def untyped_system(a, b):
    x = solve(a, b)
    return np.sum(x * x)


def both(x: Vector, t: float) -> float:
    return np.sum(scaled(x, t) ** 2) + t


def containers(p):
    return area(p) ** 2


def tuples(x):
    u, v = pair(x)
    return u * v * u


def constant(x: float):
    return x * bucket(x) + x * x


def library(x: Vector):
    return np.sum(scipy.special.spence(x) * x)


def filtered(x: Vector, data: Vector):
    d = scipy.ndimage.gaussian_filter1d(x, 1.5) - data
    return np.sum(d**2)


def apply_twice(f, x):
    return f(f(x))


def passed(x):
    return apply_twice(squash, x) + sum([squash(v) for v in [x, 2 * x]])


def inner(x):
    return grad(squash)(x) * x + grad(lambda t: squash(t) * x)(x)


def views(x: Vector):
    y = scaled(x, 2.0).copy()
    y[0] = 5.0 * x[1]
    return np.sum(y * x)


A, B, X, X23 = np.eye(3) * 3 + np.arange(9.0).reshape(3, 3) / 10, np.arange(3.0) + 1, np.arange(3.0) / 3 + 0.2, None
X23 = np.arange(6.0).reshape(2, 3) / 4 + 0.3

SCALARS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (plain, (X,)),
    (plain, (0.7,)),
    (plain, (X23,)),
    (plain, (np.zeros(0),)),
    (broadcast, (X23, X)),
    (broadcast, (X23, 0.7)),
    (broadcast, (0.4, X)),
    (broadcast, (X23[:, :1], X)),
    (broadcast, (np.array(0.4), X[:1])),
    (defaults, (X,)),
    (branches, (0.8,)),
    (branches, (-0.8,)),
    (linear_system, (A, B)),
    (untyped_system, (A, B)),
    (both, (X, 0.7)),
    (containers, ({"a": 2.0, "b": 3.0},)),
    (tuples, (1.3,)),
    (constant, (2.3,)),
    (library, (X,)),
    (passed, (0.3,)),
    (inner, (0.4,)),
    (views, (X,)),
]


@pytest.mark.parametrize(("f", "args"), SCALARS, ids=lambda v: getattr(v, "__name__", ""))
def test_first_derivatives(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    check_gradient(f, *args)


def test_an_operand_without_a_derivative() -> None:
    check_gradient(filtered, X, B, wrt=(0, 1))
    check_gradient(loops, 0.5, 3, wrt=(0,))
    check_modes(lambda x: solve(A, x), B)
    check_modes(lambda x: squash(length(x, X)), X23)


@pytest.mark.parametrize("f", [plain, library])
def test_of_higher_order(f: Callable[..., Any]) -> None:
    exact = np.stack([differences.gradient(lambda x, k=k: grad(f)(x)[k], (X,))[0] for k in range(3)])
    assert np.allclose(hessian(f)(X), exact, rtol=1e-7)
    assert np.allclose(hvp(f)(X, B), exact @ B, rtol=1e-7)
    assert np.allclose(jacobian(grad(f))(X), exact, rtol=1e-7)
    assert np.allclose(hessian(f, sparse=True)(X).toarray(), exact, rtol=1e-7)


def test_second_derivatives_by_each_route() -> None:
    for f, x in ((lambda x: squash(x) ** 2, 0.4), (lambda a: root(a) ** 2, 1.3), (tuples, 1.2), (branches, 0.8)):
        step = 1e-5
        by_differences = (grad(f)(x + step) - grad(f)(x - step)) / (2 * step)
        assert abs(hessian(f)(x) - by_differences) < 1e-7
        assert abs(grad(grad(f))(x) - by_differences) < 1e-7
    assert abs(grad(lambda x: grad(squash)(x))(0.4) - hessian(squash)(0.4)) < 1e-14
    third = grad(grad(grad(lambda x: squash(x) * x)))(0.4)
    assert abs(third - differences.gradient(lambda x: hessian(lambda t: squash(t) * t)(x), (0.4,))[0]) < 1e-6


def test_a_hessian_through_a_vjp_alone() -> None:
    blocks = hessian(linear_system, wrt=("a", "b"))(A, B)
    step = 1e-6
    moved = [grad(linear_system, wrt=("a", "b"))(A, B + s * np.eye(3)[1]) for s in (step, -step)]
    for block, (ahead, back) in zip((blocks[0][1], blocks[1][1]), zip(*moved, strict=True), strict=True):
        assert np.allclose(block[..., 1], (ahead - back) / (2 * step), atol=1e-6)


def test_an_elementwise_function_has_a_sparse_hessian() -> None:
    found = hessian(lambda x: np.sum(squash(x) * x), sparse=True)
    assert np.allclose(found(X).toarray(), hessian(plain)(X))
    assert found.colours == 1


def test_integers_stay_integers_where_they_are_written_into() -> None:
    @rule.elementwise(lambda y, x: 2 * x)
    def double_square(x):
        return x * x

    def f(x: float, ks: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        y = double_square(ks) * 1.0
        y[0] = x
        return np.sum(y * x)

    check_gradient(f, 1.5, np.arange(3), wrt=(0,))


def test_float32_stays() -> None:
    x = X.astype(np.float32)
    assert grad(plain)(x).dtype == np.float32
    assert grad(filtered)(x, x).dtype == np.float32


def test_a_wrong_rule_is_found() -> None:
    @rule.elementwise(lambda y, x: 1 + y * y)
    def wrong(x):
        return np.tanh(x)

    with pytest.raises(DerivativeMismatch):
        check_derivatives(wrong, 0.5)


def test_a_rule_for_one_mode_alone_is_checked_in_that_mode() -> None:
    @rule.opaque
    def weigh(by: Vector) -> Vector:
        return by * 2.0

    @rule.vjp(lambda y, x, by: weigh(by))
    def twice(x: Vector) -> Vector:
        return x * 2.0

    table = check_derivatives(lambda x: twice(x), X)
    assert "VJP / divided differences" in table and "JVP /" not in table.replace("VJP /", "")
    with pytest.raises(TransformError, match="no JVP is registered, and none follows from its VJP"):
        srcdiff.jvp(twice, (X,), (X,))


# The generated code.


def test_partials_are_written_out() -> None:
    derivative = grad(broadcast, wrt=("x", "w"))
    derivative(X23, X)
    assert "bx = t1 + x * (x / t1)" in derivative.source
    assert "bw = np.sum(x * (w / t1), axis=0)" in derivative.source


def test_the_function_stays_a_call() -> None:
    derivative = grad(linear_system, wrt=("a", "b"))
    derivative(A, B)
    assert "from tests.test_custom_rules import solve" in derivative.source
    assert "def solve_vjp(y, a, by):" in derivative.source
    assert "import srcdiff" not in derivative.source and "from srcdiff" not in derivative.source


def test_the_jvp_is_the_transpose_of_the_vjp() -> None:
    forward = transform(linear_system, mode="forward")
    assert "bbb = db + -da @ y" in forward.source
    assert "bby = np.linalg.solve(a, bbb)" in forward.source


def test_it_is_deterministic_and_the_ir_is_sound() -> None:
    for f in (plain, broadcast, linear_system, both, loops):
        derivative = transform(f, mode="reverse")
        assert verify(derivative.ir) == []
        assert derivative.source == transform(f, mode="reverse").source


def test_the_interpreter_calls_the_same_function() -> None:
    program = lower(Module.from_function(linear_system), "linear_system")
    assert interpret(program, (A, B)) == linear_system(A, B)


def test_the_function_itself_is_differentiated_by_its_rule() -> None:
    assert abs(grad(squash)(0.5) - (1 - np.tanh(0.5) ** 2)) < 1e-14
    value, pullback = srcdiff.vjp(solve, A, B, wrt=(0, 1))
    assert np.allclose(value, np.linalg.solve(A, B))
    assert np.allclose(pullback(np.ones(3))[1], np.linalg.solve(A.T, np.ones(3)))
    assert np.allclose(jacobian(solve, wrt="b")(A, B), np.linalg.inv(A))


def test_a_name_of_the_program_does_not_hide_the_function() -> None:
    @rule.vjp(lambda y, x, by: 3 * x * x * by)
    def cube(x):
        return x**3

    derivative = Derivative(cube, "primal", None)
    assert derivative(2.0) == 8.0
    assert "cube_1(x)" in derivative.source


def test_it_pickles() -> None:
    derivative = grad(linear_system, wrt=("a", "b"))
    again = pickle.loads(pickle.dumps(derivative))
    assert all(map(np.array_equal, again(A, B), derivative(A, B)))


# Registrations.


def test_a_new_rule_makes_new_code() -> None:
    @rule.elementwise(lambda y, x: 2.0)
    def f(x):
        return x * 2.0

    def g(x):
        return f(x)

    derivative = grad(g)
    assert derivative(1.0) == 2.0
    rule.elementwise(f, lambda y, x: 3.0)
    assert derivative(1.0) == 3.0
    rule.forget(f)
    assert derivative(1.0) == 2.0
    assert registered(f) is None


def test_a_new_rule_of_a_library_makes_new_code() -> None:
    derivative = grad(library)
    before = derivative(X)
    rule.elementwise(scipy.special.spence, lambda y, x: 0.0 * x)
    assert not np.allclose(derivative(X), before)


def test_a_changed_global_of_a_rule_makes_new_code(monkeypatch: pytest.MonkeyPatch) -> None:
    derivative = grad(steep)
    assert derivative(1.0) == 2.0
    monkeypatch.setitem(globals(), "SLOPE", 5.0)
    assert derivative(1.0) == 5.0


SLOPE = 2.0


def slope_vjp(y, x, by):
    return SLOPE * by


@rule.vjp(slope_vjp)
def line(x):
    return 2.0 * x


def steep(x):
    return line(x)


def test_a_wrapper_does_not_inherit_the_rule() -> None:
    @functools.wraps(squash)
    def other(x):
        return 2.0 * x

    assert registered(squash) is not None
    assert registered(other) is None


def test_a_registration_goes_with_its_function() -> None:
    import gc
    import weakref

    def made() -> Any:
        @rule.elementwise(lambda y, x: 1.0)
        def f(x):
            return x

        return weakref.ref(f)

    reference = made()
    gc.collect()
    assert reference() is None


def test_jvp_and_vjp_go_together_and_other_forms_take_their_place() -> None:
    def f(x):
        return x

    rule.jvp(f, lambda y, x, dx: dx)
    rule.vjp(f, lambda y, x, by: by)
    both_of_them = registered(f)
    assert both_of_them is not None and len(both_of_them.rules) == 2
    rule.elementwise(f, lambda y, x: 1.0)
    after = registered(f)
    assert after is not None and (after.jvp, after.vjp) == (None, None)
    rule.non_differentiable(f)
    last = registered(f)
    assert last is not None and last.zero and not last.rules


MISTAKES: list[tuple[Callable[[], object], str]] = [
    (lambda: rule.elementwise(), "a partial derivative for each operand"),
    (lambda: rule.elementwise(lambda y, a, b: a), "a partial derivative for each operand"),
    (lambda: rule.elementwise(lambda y, x: x, lambda y, a, b: a), "a partial derivative for each operand"),
    (lambda: rule.elementwise(None, lambda y, x: x), "got None"),
    (lambda: rule.elementwise(lambda y, x: 1.0)(lambda a, b: a), "takes 2 arguments, and the partial"),
    (lambda: rule.vjp(lambda y, x, by: by)(lambda a, b: a), "takes 2 arguments, and its VJP"),
    (lambda: rule.jvp(lambda y, x: x), "takes 2 arguments, and a JVP those for"),
    (lambda: rule.vjp(lambda y, by: by), "takes 2 arguments, and a VJP those for"),
    (lambda: rule.elementwise(np.tanh, lambda y, x: 1.0), "`tanh` has a rule in srcdiff"),
    (lambda: rule.vjp(abs, lambda y, x, by: by), "`abs` has a rule in srcdiff"),
    (lambda: rule.vjp(squash, np.sin), "a rule is a Python function"),
    (lambda: rule.opaque(squash), "has a derivative rule"),
    (lambda: rule.vjp(keyword_only, lambda y, x, by: by), "by keyword only"),
]


def keyword_only(x, *, k):
    return x * k


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_a_rule_that_cannot_be(mistake: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mistake()


def test_a_rule_is_for_a_function() -> None:
    with pytest.raises(TypeError, match="not for 3"):
        rule.vjp(3, lambda y, x, by: by)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="not for <staticmethod"):
        rule.vjp(staticmethod(squash), lambda y, x, by: by)


def test_lambdas_on_one_line_are_told_apart_by_their_text() -> None:
    text = "lambda y, a, b: a / y"
    code = eval(text).__code__
    assert runs(text, code)
    assert not runs("lambda y, a, b: b / y", code)


# Without srcdiff.

OPTIONAL = """\
import numpy as np


def squash(x):
    return np.tanh(x)


try:
    from srcdiff import rule
except ImportError:
    pass
else:
    rule.elementwise(squash, lambda y, x: 1 - y * y)


def f(x: float) -> float:
    return squash(x) * x
"""


def test_generated_code_runs_where_srcdiff_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "optional.py").write_text(OPTIONAL, encoding="utf-8")
    command = [sys.executable, "-m", "srcdiff", "transform", "optional.py", "-f", "f", "--mode", "gradient"]
    made = subprocess.run([*command, "-o", "diff.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    assert "1 - t1 * t1" in (tmp_path / "diff.py").read_text(encoding="utf-8")
    blocked = "import sys; sys.modules['srcdiff'] = None; import diff; print(diff.f_grad(0.5))"
    ran = subprocess.run([sys.executable, "-c", blocked], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert abs(float(ran.stdout) - (0.5 * (1 - np.tanh(0.5) ** 2) + np.tanh(0.5))) < 1e-14


def test_live_and_from_text_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "optional_too.py").write_text(OPTIONAL, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("optional_too")
    assert "1 - t1 * t1" in grad(module.f).source
    assert value_and_grad(module.f)(0.5)[0] == module.f(0.5)
