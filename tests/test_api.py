"""The functional face: what `wrt` may be, what arguments are refused, and in whose words."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from examples import heat
from srcdiff import TransformError, grad, jacobian, jvp, transform, vjp
from srcdiff.checks import check_derivatives
from srcdiff.mixture.likelihood import log_sum_exp


def product(x, y):
    return x * y


def declared(x: float, y: float) -> float:
    return x * y


def squares(x):
    return np.sum(x * x)


def scaled(x, A):
    return (A @ x) * np.sum(x)


def writes(a, b):
    a[0] = 5.0
    return np.sum(a * b)


def writes_through_a_view(a, b):
    c = a[1:]
    for i in range(2):
        c[i] = 2.0 * i
    return np.sum(a * b)


def writes_into_its_own(a, b):
    c = np.zeros(3)
    for i in range(3):
        c[i] = a[i] * b[i]
    return np.sum(c)


def writes_into_a_container(p, q):
    p["w"][0] = 2.0
    return np.sum(p["w"] * q)


def containers(p):
    return {"a": p[0], "b": [p[1], p[0]]}


X = np.array([1.0, 2.0, 3.0])


class Special(np.ndarray):  # type: ignore[type-arg]
    """As `np.matrix` is: an array whose operations may mean something else."""


# -- wrt


@pytest.mark.parametrize("wrt", [(), [], 1.0, (("x",),), (None,), {"x"}, {"x": 1}, True, (0, False), range(2)])
def test_wrt_of_a_wrong_kind(wrt: Any) -> None:
    for ask in (
        lambda: grad(product, wrt=wrt),
        lambda: vjp(product, 1.0, 2.0, wrt=wrt),
        lambda: jvp(product, (1.0, 2.0), (1.0,), wrt=wrt),
    ):
        with pytest.raises(TypeError, match="give the index or the name of a parameter"):
            ask()


def test_everything_wrong_in_wrt_is_reported_at_once() -> None:
    with pytest.raises(TransformError) as caught:
        grad(product, wrt=("a", "x", 7, 0))
    messages = [d.message for d in caught.value.diagnostics]
    assert messages == [
        "`product` has no parameter `a`",
        "`product` has no parameter number 7",
        "parameter `x` of `product` is named twice in wrt",
    ]


@pytest.mark.parametrize(("wrt", "expected"), [(np.int64(1), 2.0), ([np.int64(1)], (2.0,)), ("y", 2.0), (-1, 2.0)])
def test_wrt_by_any_index(wrt: Any, expected: Any) -> None:
    assert grad(product, wrt=wrt)(2.0, 3.0) == expected


# -- arguments


@pytest.mark.parametrize(
    ("f", "arguments"),
    [
        (writes, (X, X)),
        (writes, (X, X[::-1])),
        (writes_through_a_view, (X, X)),
        (writes_into_a_container, ({"w": X}, X)),
    ],
)
def test_shared_memory_that_is_written_into_is_refused(f: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    first, second = list(inspect.signature(f).parameters)
    for ask in (
        lambda: grad(f)(*arguments),
        lambda: grad(f)(**{first: arguments[0], second: arguments[1]}),
        lambda: vjp(f, *arguments, wrt=1),
        lambda: jvp(f, arguments, (X,), wrt=(1,)),
    ):
        with pytest.raises(ValueError, match=f"`{first}` and `{second}` share memory"):
            ask()
        assert list(X) == [1.0, 2.0, 3.0]


def test_shared_memory_that_is_only_read_is_welcome() -> None:
    assert list(grad(writes_into_its_own)(X, X)) == [1.0, 2.0, 3.0]
    assert list(grad(writes)(X, X.copy())) == [0.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (X.view(Special), "Special"),
        (np.ma.array([1.0]), "MaskedArray"),
        (X + 1j, "complex numbers"),
        (1j, "complex number"),
        (np.array([1.0, None]), "Python objects"),
        (np.array(["a"]), "strings"),
        (np.array(["2020"], dtype="M8[Y]"), "dates"),
        ([1.0, X + 1j], "complex numbers"),
    ],
)
def test_arrays_that_are_no_plain_arrays_of_numbers(value: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        grad(squares)(value)


def test_an_integer_array_named_for_what_it_is() -> None:
    with pytest.raises(TransformError, match="an array of booleans"):
        grad(squares)(np.ones(3, dtype=bool))


def test_an_argument_that_contradicts_its_annotation() -> None:
    with pytest.raises(TypeError) as caught:
        grad(declared)(X, 2.0)
    assert str(caught.value) == (
        "declared: argument `x` is annotated as float, but an array of shape (3,) was given: "
        "annotate it as np.ndarray or remove the annotation"
    )


@pytest.mark.parametrize("arguments", [(1, 2), (np.array(1.0), np.float64(2.0)), (True, 2), (1, np.array(2))])
def test_declared_floats_give_floats(arguments: tuple[Any, ...]) -> None:
    found = grad(declared, wrt=("x", "y"))(*arguments)
    assert found == (2.0, 1.0)
    assert all(isinstance(g, float) for g in found)
    assert isinstance(grad(declared)(*arguments), float)


def test_an_integer_that_is_no_float() -> None:
    with pytest.raises(OverflowError, match="argument `x` holds an integer that is too large"):
        grad(declared)(10**400, 2.0)


@pytest.mark.parametrize("f", [product, declared])
def test_too_few_and_too_many_arguments_name_the_users_function(f: Callable[..., Any]) -> None:
    for _ in range(2):  # before and after code was made
        with pytest.raises(TypeError, match=f"{f.__name__} is missing arguments: y"):
            grad(f)(1.0)
        with pytest.raises(TypeError, match=f"{f.__name__} takes 2 arguments, got 3"):
            grad(f)(1.0, 2.0, 3.0)
        grad(f)(1.0, 2.0)
    with pytest.raises(TypeError, match=f"{f.__name__} is missing arguments: y"):
        jvp(f, (1.0,), (1.0,))


# -- tangents and adjoints


@pytest.mark.parametrize("tangent", [None, "a", 1j, X.view(Special), X + 1j])
def test_tangents_that_are_no_numbers(tangent: Any) -> None:
    with pytest.raises(TypeError, match="the tangent is"):
        jvp(squares, (X,), (tangent,))


@pytest.mark.parametrize(
    "adjoint", [{"a": 1.0}, 3.0, None, {"a": 1.0, "b": [1.0]}, {"a": 1.0, "b": (1.0, 2.0)}, {"a": X, "b": [1.0, 2.0]}]
)
def test_adjoints_of_another_structure(adjoint: Any) -> None:
    _, pullback = vjp(containers, (1.0, 2.0))
    assert pullback({"a": 1.0, "b": [1.0, 2.0]}) == (3.0, 1.0)
    with pytest.raises(ValueError, match="the output adjoint"):
        pullback(adjoint)


# -- Jacobians


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
def test_jacobians_of_nothing(mode: Any) -> None:
    found = jacobian(scaled, mode=mode)
    assert found(np.zeros(0), np.zeros((2, 0))).shape == (2, 0)
    assert found(X, np.zeros((0, 3))).shape == (0, 3)
    assert jacobian(squares, mode=mode)(np.zeros(0)).shape == (0,)
    A = np.arange(6.0).reshape(2, 3)
    assert np.allclose(found(X, A), np.outer(A @ X, np.ones(3)) + A * X.sum())
    assert jacobian(scaled, wrt=(0, 1), mode=mode)(X, A)[1].shape == (2, 2, 3)


def returns_none(x):
    return None


def returns_a_string(x):
    return "a"


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
@pytest.mark.parametrize(
    "f",
    [returns_none, returns_a_string],
)
def test_jacobians_of_what_has_none(f: Callable[..., Any], mode: Any) -> None:
    with pytest.raises(TransformError, match=r"the Jacobian of .* is not defined"):
        jacobian(f, mode=mode)(1.0)


def test_the_sweeps_of_a_jacobian_do_not_pose_as_jvp_and_vjp() -> None:
    for mode in ("forward", "reverse"):
        found = jacobian(scaled, mode=mode)
        found(X, np.ones((2, 3)))
        assert "scaled_jvp" not in found.source
        assert "scaled_vjp" not in found.source


# -- check_derivatives


def test_check_derivatives_needs_a_point() -> None:
    with pytest.raises(TypeError, match="takes the point after the function"):
        check_derivatives(product)


def test_check_derivatives_in_single_precision() -> None:
    check_derivatives(squares, X.astype(np.float32))
    check_derivatives(product, np.float32(2.0), np.float32(3.0), wrt=None)


def test_check_derivatives_of_integers() -> None:
    check_derivatives(declared, 2, 3, wrt=None)
    check_derivatives(product, 2, 3, wrt=None)


# -- what can be differentiated


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (math.sin, "`sin` has no Python source"),
        (np.sin, "`sin` has no Python source"),
        (np.vectorize(product), "`product` is wrapped by np.vectorize"),
        (functools.partial(math.sin), "`sin` has no Python source"),
        (3.0, "only functions can be differentiated, and a float was given"),
    ],
)
def test_what_is_no_function_is_refused_where_it_was_given(given: Any, said: str) -> None:
    with pytest.raises(TransformError, match=said) as caught:
        grad(given)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.filename == __file__
    assert diagnostic.text.strip() == "grad(given)"
    assert diagnostic.remedy


def test_signature_and_source_of_what_was_made() -> None:
    assert list(inspect.signature(grad(product)).parameters) == ["x", "y"]
    assert list(inspect.signature(grad(declared)).parameters) == ["x", "y"]
    assert list(inspect.signature(transform(declared, "forward")).parameters) == ["x", "y", "dx", "dy"]
    assert inspect.getsource(grad(declared).generated).startswith("def declared_grad(x: float, y: float)")


def test_the_heat_example_recovers_where_the_heat_began() -> None:
    start = np.exp(-(((np.linspace(0.0, 1.0, 41) - 0.4) / 0.12) ** 2))
    later = start.copy()
    heat.spread(later, 0.25, 20)
    found = heat.recover(later, 0.25, 20, 2000)
    assert np.abs(later - start).max() > 0.2
    assert np.abs(found - start).max() < 0.01


def test_a_shape_of_a_result_needs_no_jaxtyping() -> None:
    """`-> Float[np.ndarray, "n"]`, imported for type checkers alone, is not printed into what runs."""
    value, pullback = vjp(log_sum_exp, np.zeros((2, 3)))
    assert np.allclose(value, np.log(2.0))
    assert np.allclose(pullback(np.ones(3)), 0.5)
