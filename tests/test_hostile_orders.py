"""Second derivatives, Jacobians, stacks and fixed points that were once wrong or failed."""

from __future__ import annotations

import ast
import contextlib
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff import TransformError, check_derivatives, grad, hessian, hvp, jacobian, jvp, transform, vjp
from srcdiff.cli import function_in, main
from srcdiff.emit.layout import split
from srcdiff.emit.printer import to_text
from tests.oracles import differences

X = np.array([0.6, -0.4, 1.1])


def potential(q):
    return np.sum(q**4) + q[0] * q[1]


def cubes(q):
    return q**3


def scaled(x, *, k):
    return np.sum(x**3) * k


# -- calls


def even(x, n):
    if n <= 0:
        return np.sum(np.sin(x))
    return odd(x * x, n - 1) * 2.0


def odd(x, n):
    if n <= 0:
        return np.sum(x)
    return even(x + 0.1, n - 1) ** 2


def test_functions_that_call_each_other_take_stacks() -> None:
    _, pullback = vjp(even, X, 3)
    once = pullback(1.0)
    assert np.allclose(pullback(np.array([1.0, -2.0])), [once, -2.0 * once])
    assert np.allclose(jacobian(even, sparse=True)(X, 3).toarray(), once)


def rebound(x):
    g = grad(lambda y: np.sum(y * y) * potential(x))
    x = x * 2.0
    return np.sum(g(x))


def of_an_element(x):
    return np.sum(grad(lambda y: y * y * potential(x))(x[0]))


@pytest.mark.parametrize("f", [rebound, of_an_element])
def test_a_tape_of_shapes_alone_has_no_tangent(f: Callable[..., Any]) -> None:
    """The call knew less of the tape's type than the function that made it."""
    v = np.array([0.3, -1.0, 0.5])
    expected = differences.directional(grad(f), (X,), (v,))
    assert differences.error(hvp(f)(X, v), expected) < 1e-6
    assert differences.error(hessian(f)(X) @ v, expected) < 1e-6
    assert np.allclose(hessian(f, sparse=True)(X).toarray(), hessian(f)(X))


# -- fixed points


def returned_after(a, b):
    y = 1.0
    while True:  # srcdiff: fixed_point
        new = 0.5 * (y + a / y)
        if abs(new - y) < 1e-14:
            break
        y = new
    return new * b


def with_a_residual(a, b):
    y, error = 1.0, 1.0
    while error > 1e-14:  # srcdiff: fixed_point
        new = 0.5 * (y + a / y) + 0.01 * b
        error = abs(new - y)
        rest = new * b - y
        y = new
    return new * b + y * a + rest


def of_arrays(x):
    u = np.ones_like(x)
    for _ in range(2):
        while True:  # srcdiff: fixed_point
            w = 0.3 * np.cos(u) + x
            if np.max(np.abs(w - u)) < 1e-15:
                break
            u = w
    return np.sum(w * u)


def test_a_newton_iterate_that_the_body_does_not_read() -> None:
    """Its adjoint was inside the iteration, where rounding errors were all that was left, and never settled."""
    gradient = grad(returned_after, wrt=(0, 1))
    for a in np.linspace(0.3, 9.0, 150):
        ba, bb = gradient(a, 3.0)
        assert abs(ba - 1.5 / np.sqrt(a)) < 1e-12 and abs(bb - np.sqrt(a)) < 1e-12


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(
    ("f", "args"), [(returned_after, (2.0, 3.0)), (with_a_residual, (2.0, 0.5)), (of_arrays, (X,))]
)
def test_iterates_that_share_a_tangent(f: Callable[..., Any], args: tuple[Any, ...], optimize: bool) -> None:
    wrt = tuple(range(len(args)))
    v = tuple(differences.rebuild(a, np.cos(1.0 + np.arange(np.size(a)))) for a in args)
    expected = differences.gradient(f, args)
    assert differences.error(grad(f, wrt, optimize=optimize)(*args), expected) < 1e-9
    tangent = transform(f, "forward", wrt, optimize=optimize)(*args, *v)[1]
    assert abs(tangent - differences.dot(expected, v)) < 1e-8
    second = differences.directional(grad(f, wrt), args, v)
    assert differences.error(hvp(f, wrt, optimize=optimize)(*args, *v), second) < 1e-7
    again = transform(grad(f, wrt, optimize=optimize), "reverse", wrt)
    assert differences.error(again(*args, v)[1], second) < 1e-7


def test_a_stack_of_tangents_of_one_parameter() -> None:
    """A loop that ends when its tangents have settled takes one direction after the other."""
    stack = np.array([[1.0, 0.0, 0.0], [0.5, -1.0, 2.0]])
    value, tangents = jvp(of_arrays, (X,), (stack,))
    assert np.ndim(value) == 0
    assert np.allclose(tangents, stack @ grad(of_arrays)(X), rtol=1e-11)


# -- Jacobians


@pytest.mark.parametrize(
    "f",
    [
        lambda x: len(x),
        lambda x: x > 0.5,
        lambda x: (len(x), True),
        lambda x: {"a": 3, "b": [x > 0]},
        lambda x: np.argmax(x),
    ],
)
@pytest.mark.parametrize("x", [X, np.ones((2, 2)), 0.4], ids=["vector", "matrix", "number"])
def test_what_carries_no_derivative_has_a_jacobian_of_zeros(f: Callable[..., Any], x: Any) -> None:
    if isinstance(x, float):
        x = np.array([x])
    forward, reverse, auto = (jacobian(f, mode=mode)(x) for mode in ("forward", "reverse", "auto"))
    for found in (forward, auto):
        assert _shapes(found) == _shapes(reverse)
    assert not np.any(differences.leaves(forward))
    value, again = jacobian(f, mode="forward", value=True)(x)
    assert _shapes(again) == _shapes(reverse) and str(value) == str(f(x))


def _shapes(blocks: Any) -> Any:
    match blocks:
        case dict():
            return {key: _shapes(b) for key, b in blocks.items()}
        case list() | tuple():
            return [_shapes(b) for b in blocks]
    return np.shape(blocks)


# -- derivatives of derivatives, as objects


def test_every_derivative_has_derivatives() -> None:
    third = np.zeros((3, 3, 3))
    third[range(3), range(3), range(3)] = 6.0 * X
    assert np.allclose(jacobian(jacobian(cubes))(X), third)
    assert np.allclose(jacobian(jacobian(cubes, mode="reverse"), mode="reverse")(X), third)
    value, block = jacobian(jacobian(cubes, value=True))(X)
    assert np.allclose(value, np.diag(3.0 * X**2)) and np.allclose(block, third)
    assert np.allclose(jacobian(hvp(potential), wrt=1)(X, X), hessian(potential)(X))
    assert np.allclose(jacobian(hvp(potential), wrt=1, sparse=True)(X, X).toarray(), hessian(potential)(X))
    assert hvp(hvp(lambda x: x**5))(2.0, 1.0, 1.0) == 240.0
    assert grad(jacobian(lambda x: x**3))(2.0) == 12.0
    assert np.allclose(jvp(hvp(potential), (X, X), (X, X))[1], 36.0 * X**3 + _swap())
    assert pickle.loads(pickle.dumps(jacobian(jacobian(cubes))))(X).shape == (3, 3, 3)
    check_derivatives(hvp(potential), X, X)


def _swap() -> np.ndarray:
    """The product of the off-diagonal entries of the Hessian of `potential` with X."""
    return np.array([X[1], X[0], 0.0])


PRODUCT = hvp(potential)
WITH_VALUE = jacobian(cubes, value=True)
IN_DIRECTIONS = transform(potential, "jvp", 0, directions=True)


def calls_a_product(x):
    return np.sum(PRODUCT(x, x))


def unpacks_value(x):
    value, matrix = WITH_VALUE(x)
    return np.sum(matrix @ value)


def first_of_value(x):
    return np.sum(WITH_VALUE(x)[0])


def calls_directions(x):
    return np.sum(IN_DIRECTIONS(x, np.ones((2, 3)))[1])


def test_derivatives_made_outside_of_the_function() -> None:
    assert differences.error(grad(calls_a_product)(X), differences.gradient(calls_a_product, (X,))[0]) < 1e-8
    for f in (unpacks_value, first_of_value):  # the value was left out, and the numbers were wrong
        with pytest.raises(TransformError, match="`jacobian` with `value=` is not supported inside a function"):
            grad(f)(X)
    with pytest.raises(TransformError, match="`directions=` is not supported inside a function"):
        grad(calls_directions)(X)


# -- calls that do not fit


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transform(potential, "jvp", 0)(X, np.ones((2, 3))), r"the tangent has shape \(2, 3\), its primal"),
        (lambda: transform(potential, "jvp", 0)(X, 1.0), r"the tangent has shape \(\), its primal \(3,\)"),
        (lambda: transform(potential, "hvp", 0)(X, np.ones(1)), r"the tangent has shape \(1,\)"),
        (lambda: transform(cubes, "vjp", 0)(X, 1.0), r"the output adjoint has shape \(\), its primal \(3,\)"),
        (lambda: transform(cubes, "jvp", 0, directions=True)(X, X), "the tangent is a stack of directions here"),
    ],
)
def test_seeds_are_not_broadcast(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_tangents_of_keyword_only_parameters() -> None:
    assert hvp(scaled, "k")(X, 1.0, k=2.0) == 0.0
    product = hvp(scaled, ("x", "k"))(X, X, 0.5, k=2.0)
    assert np.allclose(product[0], 12.0 * X * X + 0.5 * 3.0 * X**2)
    assert np.isclose(product[1], np.sum(3.0 * X**3))
    value, tangent = transform(scaled, "jvp", ("k", "x"))(X, 0.5, X, k=2.0)
    assert np.isclose(tangent, 0.5 * np.sum(X**3) + 6.0 * np.sum(X**3)) and np.isclose(value, 2.0 * np.sum(X**3))
    assert np.allclose(jacobian(scaled, "k", sparse=True)(X, k=2.0).toarray(), np.sum(X**3))
    with pytest.raises(TypeError, match="and then 2 tangents, got 2 in all"):
        transform(scaled, "jvp", ("k", "x"))(X, X, k=2.0)


def test_a_forgotten_vector_is_named() -> None:
    with pytest.raises(TypeError, match=r"missing arguments: q \(the last positional argument is the vector"):
        hvp(potential)(X)


# -- text


@pytest.mark.parametrize("count", [3, 16, 40])
@pytest.mark.parametrize("items", ["items", "reversed(items)", "zip(a, b, strict=True)"])
def test_targets_of_a_loop_are_split(count: int, items: str) -> None:
    names = ", ".join(f"name_{i}" for i in range(count))
    lines = to_text(ast.parse(f"for {names} in {items}:\n    pass\n").body, split).splitlines()
    assert max(map(len, lines)) <= 88
    assert (lines[0] == "for (") == (count > 3) and lines[-2].endswith(f" in {items}:")


def transformed(folder: Path, text: str, function: str, mode: str) -> str:
    source, output = folder / "source.py", folder / "derivative.py"
    source.write_text(text)
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        status = main(["transform", str(source), "-f", function, "--mode", mode, "--wrt", "x", "-o", str(output)])
    assert status == 0, errors.getvalue()
    return output.read_text()


NESTED = """\
import numpy as np
from srcdiff import grad, hessian, hvp, jacobian


def g(q: np.ndarray) -> float:
    return np.sum(q**4) + q[0] * q[-1]


def f(x: 'Float[np.ndarray, "n"]') -> float:
    y = x
    for _ in range(3):  # srcdiff: checkpoint(2)
        y = y - 0.05 * grad(g)(y) * np.sum(x)
    return np.sum(jacobian(lambda u: u * u[0])(y) @ hvp(g)(x, y)) + np.sum(hessian(g)(y) @ x)
"""


@pytest.mark.parametrize("mode", ["gradient", "hvp", "hessian", "jacobian"])
def test_nested_requests_from_text_stand_alone(tmp_path: Path, mode: str) -> None:
    text = transformed(tmp_path, NESTED, "f", mode)
    assert "srcdiff import" not in text and "import srcdiff" not in text
    native = function_in(tmp_path / "source.py", "f")
    scope: dict[str, Any] = {}
    exec(text, scope)
    v = np.array([1.0, -0.5, 0.25])
    gradient = differences.gradient(native, (X,))[0]
    match mode:
        case "gradient" | "jacobian":
            assert differences.error(scope[f"f_{mode.replace('ient', '')}"](X), gradient) < 1e-7
        case "hvp":
            along = differences.directional(lambda x: differences.gradient(native, (x,))[0], (X,), (v,), 1e-2)
            assert differences.error(scope["f_hvp"](X, v), along) < 1e-4
        case _:
            one = transformed(tmp_path, NESTED, "f", "hvp")
            exec(one, scope)
            assert np.allclose(scope["f_hessian"](X) @ v, scope["f_hvp"](X, v))


def test_a_refusal_that_no_line_says_stands_at_the_definition() -> None:
    def f(x):
        blocks = hessian(lambda p: np.sum(p["a"] ** 3) * p["b"])({"a": x, "b": x[0]})
        return np.sum(blocks["a"]["b"])

    with pytest.raises(TransformError, match="of a container, or of unknown rank, cannot be differentiated") as caught:
        grad(f)(X)
    assert caught.value.lineno == f.__code__.co_firstlineno
