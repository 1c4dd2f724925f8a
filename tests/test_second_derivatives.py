"""Hessians, products with them, Jacobians and derivatives in several directions at once, by the functional face."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from srcdiff import TransformError, grad, hessian, hvp, jacobian, jvp, transform, vjp
from tests.oracles import differences
from tests.support import matrix_times

RNG = np.random.default_rng(11)
X = RNG.normal(size=5)
A = RNG.normal(size=(3, 4))


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_loop(x):
    s = 0.0
    for i in range(len(x) - 1):
        s = s + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return s


def of_a_matrix(x):
    y = np.tanh(x @ x.T)
    return np.sum(y * y) + np.linalg.det(y[:2, :2]) + np.sum(np.linalg.solve(np.eye(3) + y, x)) ** 2


def of_rank_three(x):
    return np.sum(np.prod(np.sin(x), axis=1) ** 2) + np.sum(np.cumsum(x, axis=2) ** 3)


def in_place(x):
    y = x.copy()
    for k in range(3):
        y[1:-1] = 0.5 * y[1:-1] + 0.25 * (y[2:] * y[:-2])
        y[0] += y[k] * y[1]
    return np.sum(np.exp(y))


def with_branches(x):
    s = 0.0
    for v in x:
        if v > 0.3:
            s += v * v * s + v
        elif v < -1.0:
            break
        else:
            s -= np.sin(v)
    return s * s


def by_while(x):
    y = x * x
    k = 0
    while np.sum(y) > 0.1 and k < 8:
        y = 0.5 * y * np.cos(y)
        k += 1
    return np.sum(y * x)


def fibonacci(x, n):
    if n < 2:
        return x * (n + 1)
    return fibonacci(x, n - 1) + np.sin(x) * fibonacci(x, n - 2)


def of_recursion(x):
    return np.sum(fibonacci(x, 5)) ** 2


def helper(u, k):
    if k % 2:
        return np.sum(u**3)
    t = u[1:] * u[:-1]
    return np.sum(t * t)


def with_helpers(x):
    s = 1.0
    for k in range(3):
        s = s * helper(x, k)
    return s


def of_a_dict(p):
    return np.sum(p["w"] ** 2) * p["b"] + np.sum(p["w"][:2] * p["b"] ** 3)


def of_a_list(xs):
    t = 1.0
    for v in xs:
        t = t * v + v
    return t


def of_a_nested(p):
    total = 0.0
    for layer in p["layers"]:
        total = total + np.sum(np.tanh(layer)) ** 2 * p["scale"][0]
    return total + p["scale"][1] ** 3


SCALAR_FUNCTIONS: list[tuple[Callable[..., Any], Any]] = [
    (rosenbrock, X),
    (rosenbrock_loop, X),
    (of_a_matrix, RNG.normal(size=(3, 2))),
    (of_rank_three, RNG.normal(size=(2, 3, 2))),
    (in_place, X),
    (with_branches, np.array([0.4, 0.1, 0.7, -0.3, 0.9])),
    (by_while, X),
    (of_recursion, X),
    (with_helpers, X),
    (of_a_dict, {"w": X, "b": 1.3}),
    (of_a_list, [1.0, -0.5, 0.7]),
    (of_a_nested, {"layers": [A, X], "scale": (0.5, 0.8)}),
    (rosenbrock, RNG.normal(size=2)),
    (with_branches, np.zeros(0)),
]


def direction_like(value: Any, k: int) -> Any:
    leaves = differences.leaves(value)
    return differences.rebuild(value, np.cos(k + 1.3 * np.arange(len(leaves))))


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(("f", "x"), SCALAR_FUNCTIONS, ids=lambda p: getattr(p, "__name__", ""))
def test_hessian_and_hvp(f: Callable[..., Any], x: Any, optimize: bool) -> None:
    """Both against divided differences of the gradient; the arguments stay what they are."""
    before = copy.deepcopy(x)
    v = direction_like(x, 1)
    expected = differences.directional(grad(f), (x,), (v,))
    product = hvp(f, optimize=optimize)(x, v)
    assert differences.error(product, expected) < 1e-6
    blocks = hessian(f, optimize=optimize)(x)
    assert differences.error(matrix_times(blocks, v, x), product) < 1e-11
    assert differences.error(x, before) == 0.0
    if isinstance(x, np.ndarray):
        assert blocks.shape == x.shape + x.shape and blocks.dtype == x.dtype
        square = blocks.reshape(x.size, x.size)
        assert np.allclose(square, square.T, rtol=1e-12, atol=1e-12 * max(1.0, np.abs(square).max(initial=0.0)))


@pytest.mark.parametrize(("f", "x"), [c for c in SCALAR_FUNCTIONS if isinstance(c[1], np.ndarray)])
def test_a_stack_of_directions_is_one_after_the_other(f: Callable[..., Any], x: np.ndarray) -> None:
    for count in (1, 3):
        stack = RNG.normal(size=(count, *x.shape))
        products = hvp(f)(x, stack)
        assert products.shape == stack.shape
        value, tangents = jvp(f, (x,), (stack,))
        assert np.shape(tangents) == (count,) and np.ndim(value) == 0
        for k in range(count):
            assert differences.error(products[k], hvp(f)(x, stack[k])) < 1e-11
            one, tangent = jvp(f, (x,), (stack[k],))
            assert one == value and differences.error(tangents[k], tangent) < 1e-12


def test_stacks_of_containers() -> None:
    x, stack = {"w": X, "b": 1.3}, {"w": RNG.normal(size=(2, 5)), "b": RNG.normal(size=2)}
    products = hvp(of_a_dict)(x, stack)
    for k in range(2):
        one = hvp(of_a_dict)(x, {"w": stack["w"][k], "b": stack["b"][k]})
        assert np.allclose(products["w"][k], one["w"]) and np.isclose(products["b"][k], one["b"])


def test_no_directions_at_all() -> None:
    assert jvp(rosenbrock, (X,), (np.zeros((0, 5)),))[1].shape == (0,)
    assert hvp(rosenbrock)(X, np.zeros((0, 5))).shape == (0, 5)


def test_the_primal_is_computed_once() -> None:
    def f(x):
        return np.sum(np.exp(x) ** 2)

    made = transform(f, "hessian", "x", signature={"x": 'Float[np.ndarray, "n"]'})
    assert made.source.count("np.exp(") == 1
    assert "for " not in made.source
    stacked = transform(f, "forward", "x", signature={"x": 'Float[np.ndarray, "n"]'}, directions=True)
    assert stacked.source.count("np.exp(") == 1 and "for " not in stacked.source


def several(x, w, m):
    s = 0.0
    for i in range(len(x)):
        s = s + np.sin(x[i] * w) * np.sum(m[i] * m[i])
    return s


def test_blocks_of_several_parameters() -> None:
    arguments = (X, 1.3, RNG.normal(size=(5, 2)))
    names = ("x", "w", "m")
    blocks = hessian(several, wrt=names)(*arguments)
    shapes = [np.shape(a) for a in arguments]
    for i in range(3):
        for j in range(3):
            assert np.shape(blocks[i][j]) == shapes[i] + shapes[j]
            other = np.asarray(blocks[j][i]).reshape(np.size(arguments[j]), np.size(arguments[i]))
            assert np.array_equal(np.asarray(blocks[i][j]).reshape(other.T.shape), other.T) or i == j
            if i != j and isinstance(blocks[i][j], np.ndarray):
                assert not np.shares_memory(blocks[i][j], blocks[j][i])
    vectors = tuple(direction_like(a, k) for k, a in enumerate(arguments))
    product = hvp(several, wrt=names)(*arguments, *vectors)
    expected = differences.directional(grad(several, wrt=names), arguments, vectors)
    assert differences.error(product, expected) < 1e-6
    for row, wanted in zip(blocks, product, strict=True):
        found = sum(differences.leaves(matrix_times(b, v, wanted)) for b, v in zip(row, vectors, strict=True))
        assert differences.error(found, differences.leaves(wanted)) < 1e-12
    assert isinstance(hessian(several, wrt=("x",))(*arguments), tuple)


def of_scalars(x1, x2, n=2):
    return np.sin(x1 * x2) * x1**n


def test_scalars() -> None:
    h = hessian(of_scalars, wrt=(0, 1))(0.7, 1.1)
    expected = [differences.directional(grad(of_scalars, wrt=(0, 1)), (0.7, 1.1), v) for v in ((1.0, 0.0), (0.0, 1.0))]
    assert differences.error(h, expected) < 1e-7 and h[0][1] == h[1][0]
    assert isinstance(hessian(of_scalars)(0.7, 1.1), float)
    assert hvp(of_scalars)(0.7, 1.1, 2.0) == pytest.approx(2.0 * h[0][0])
    assert hvp(of_scalars, wrt="x1")(0.7, 1.1, 2.0, n=3) == pytest.approx(2.0 * hessian(of_scalars)(0.7, 1.1, 3))
    assert np.allclose(hvp(of_scalars)(0.7, 1.1, np.array([1.0, 2.0])), [h[0][0], 2.0 * h[0][0]])
    assert hessian(of_scalars)(1, 2) == hessian(of_scalars)(1.0, 2.0)


def test_float32_stays() -> None:
    x = X.astype(np.float32)
    assert hessian(rosenbrock)(x).dtype == hvp(rosenbrock)(x, x).dtype == np.float32
    assert jacobian(roll)(x).dtype == np.float32


# -- what is refused


def vector(x):
    return x * 2.0


def test_only_of_scalars() -> None:
    for derivative in (hessian(vector), hvp(vector)):
        arguments = (X,) if derivative is not hvp else (X, X)
        with pytest.raises(TransformError, match="the Hessian of `vector` is not defined"):
            derivative(*arguments, *([X] if "HessianVector" in type(derivative).__name__ else []))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hvp(rosenbrock)(X, np.ones(3)), r"the vector has shape \(3,\), its primal \(5,\)"),
        (lambda: hvp(rosenbrock)(X, np.ones((2, 3))), r"has shape \(2, 3\), its primal \(5,\), for 2 directions"),
        (lambda: jvp(several, (X, 1.0, A), (X, np.ones(2)), wrt=(0, 1)), r"its primal \(5,\), for 2 directions"),
        (lambda: transform(rosenbrock, "gradient", directions=True), "directions are those of the modes"),
        (lambda: jacobian(roll, mode="sideways"), "mode is"),
    ],
)
def test_wrong_calls(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_missing_arguments() -> None:
    with pytest.raises(TypeError, match="missing arguments: x"):
        hvp(rosenbrock)(X)
    with pytest.raises(TypeError, match="one for each differentiated parameter"):
        hvp(rosenbrock)()


# -- Jacobians


def roll(x):
    return x * np.roll(x, 1) + x[0]


def outer(x):
    return np.outer(np.sin(x), x[:3])


def to_dict(p):
    return {"a": p["w"] * p["b"], "c": [np.sum(p["w"] ** 2), p["b"] ** 3], "d": (p["w"][:2, None] * p["w"],)}


def by_steps(x):
    y = np.zeros((2, len(x)))
    for i in range(len(x)):
        y[0, i] = np.sin(x[i]) * y[1, i - 1]
        y[1, i] = x[i] * x[0]
    return y


def pair(x):
    return x * x, np.sum(x)


JACOBIANS: list[tuple[Callable[..., Any], Any]] = [
    (roll, X),
    (outer, X),
    (outer, RNG.normal(size=3)),
    (lambda x: x @ x.T, A),
    (lambda x: np.linalg.inv(x @ x.T + np.eye(3)), A),
    (by_steps, X),
    (pair, X),
    (to_dict, {"w": X, "b": 1.2}),
    (lambda p: p[0] * p[1], [X, 2.0]),
    (lambda x: np.array([np.sin(x), x * x]), 0.4),
    (lambda x: x**3, 0.4),
    (rosenbrock, X),
    (of_recursion, X),
]


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
@pytest.mark.parametrize(("f", "x"), JACOBIANS, ids=lambda p: getattr(p, "__name__", ""))
def test_jacobian(f: Callable[..., Any], x: Any, mode: Any) -> None:
    found = jacobian(f, mode=mode)
    v = direction_like(x, 2)
    y, tangent = jvp(f, (x,), (v,))
    blocks = found(x)
    assert differences.error(matrix_times(blocks, v, tangent), tangent) < 1e-12
    if isinstance(x, np.ndarray | float) and not isinstance(y, tuple):
        assert np.shape(blocks) == np.shape(y) + np.shape(x)
    assert found.took == mode or mode == "auto"
    assert found.took in found.source or "jacobian" in found.source
    value, again = jacobian(f, mode=mode, value=True)(x)
    assert differences.error(value, y) < 1e-15 and differences.error(again, blocks) < 1e-15


def test_auto_takes_the_fewer_and_says_which() -> None:
    tall = jacobian(lambda x: np.concatenate([x, x * x]))
    wide = jacobian(lambda x: x[:2] * x[2])
    tall(X)
    wide(X)
    assert (tall.took, wide.took) == ("forward", "reverse")
    of_containers = jacobian(to_dict)
    of_containers({"w": X, "b": 1.2})
    assert of_containers.took == "forward"


def test_one_pass_for_all_directions() -> None:
    for mode in ("forward", "reverse"):
        found = jacobian(roll, mode=mode)
        found(X)
        code = [line for line in found.source.splitlines() if not line.strip().startswith("#")]
        assert sum("np.roll(x, 1)" in line for line in code) == 1 and not any("for " in line for line in code)


def test_a_pullback_takes_a_stack() -> None:
    y, pullback = vjp(outer, X)
    stack = RNG.normal(size=(2, *y.shape))
    adjoints = pullback(stack)
    assert adjoints.shape == (2, 5)
    for k in range(2):
        assert np.allclose(adjoints[k], pullback(stack[k]))


def test_types_unknown_means_one_direction_at_a_time() -> None:
    made = transform(roll, "jacobian", "x")
    assert "for k in range(count_directions(dx))" in made.source
    assert np.allclose(made.generated(X), jacobian(roll)(X))
    general = transform(rosenbrock, "hessian", "x")
    assert np.allclose(general.generated(X), hessian(rosenbrock)(X))


def test_effects_happen_once(capsys: pytest.CaptureFixture[str]) -> None:
    def f(a, b):
        print("once")
        for k in range(2):
            assert a > k - 5, k
        return a * b

    hessian(f, wrt=(0, 1))(1.0, 2.0)
    jacobian(f, wrt=(0, 1), mode="forward")(1.0, 2.0)
    assert capsys.readouterr().out == "once\nonce\n"
