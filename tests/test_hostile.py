"""Programs that hostile readers wrote: each was once differentiated wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcdiff

X, Y = np.arange(3.0) + 1, np.arange(3.0) + 4


def _dot(x, y):
    return np.dot(x, y)


def _maybe(x, y):
    t = y
    if x[0] > 100.0:
        t = 2.0 * y
    return np.dot(x, t)


def _reshaped(x, y):
    return np.dot(np.reshape(x, (3, 1))[:, 0], y)


@pytest.mark.parametrize("f", [_dot, _maybe, _reshaped])
@pytest.mark.parametrize("optimize", [False, True])
def test_a_gradient_is_not_memory_of_the_caller(f: Callable[..., Any], optimize: bool) -> None:
    for wrt in (0, (0, 1)):
        found = srcdiff.grad(f, wrt=wrt, optimize=optimize)(X, Y)
        for g in found if isinstance(found, tuple) else (found,):
            assert not np.shares_memory(g, X) and not np.shares_memory(g, Y)
        np.testing.assert_array_equal(found[0] if isinstance(found, tuple) else found, Y)


def _tuple_walk(x):
    s = 0.0
    for t in (x, 2.0 * x):
        s += t * x
    return s


def _tuple_index(x):
    p = (x, x * x)
    s = 0.0
    for k in range(2):
        s += p[k] * x
    return s


def _list_of_tuples(x):
    ps = [(x, x * x), (2.0, x)]
    s = 0.0
    for k in range(2):
        for j in range(2):
            s += ps[k][j] * x
    return s


@pytest.mark.parametrize(
    ("f", "first", "second"), [(_tuple_walk, 18.0, 6.0), (_tuple_index, 33.0, 20.0), (_list_of_tuples, 41.0, 22.0)]
)
@pytest.mark.parametrize("optimize", [False, True])
def test_elements_of_tuples(f: Callable[..., Any], first: float, second: float, optimize: bool) -> None:
    gradient = srcdiff.grad(f, optimize=optimize)
    assert gradient(3.0) == first
    assert srcdiff.grad(gradient, optimize=optimize)(3.0) == second
    scope: dict[str, Any] = {}
    exec(srcdiff.transform(f, "grad", optimize=optimize).source, scope)  # not knowing types
    assert scope[f.__name__ + "_grad"](3.0) == first


@pytest.mark.parametrize("v", [np.ones((1, 4)), np.ones((1, 1)), np.ones((1, 1, 4)), np.ones(4), np.ones(1), 2.0])
@pytest.mark.parametrize("optimize", [False, True])
def test_what_is_written_may_have_more_axes_than_its_place(v: Any, optimize: bool) -> None:
    def f(x, v):
        x = x * 1.0
        x[0] = v * v
        return np.sum(x * x)

    x = np.ones((4, 4))
    gradient = srcdiff.transform(f, "grad", wrt=1, optimize=optimize)
    found = gradient(x, v)
    assert np.shape(found) == np.shape(v)
    np.testing.assert_allclose(found, 4 * v**3 * (4 / np.size(v)))
    second = srcdiff.transform(gradient, "vjp", wrt=1, optimize=optimize)(x, v, np.ones(np.shape(v)))[1]
    assert np.shape(second) == np.shape(v)
    np.testing.assert_allclose(second, 12 * v**2 * (4 / np.size(v)))
    scope: dict[str, Any] = {}
    exec(srcdiff.transform(f, "grad", wrt=1, optimize=optimize).source, scope)  # not knowing types
    assert np.shape(scope["f_grad"](x, v)) == np.shape(v)


def _in_a_loop(x, a):
    for _ in range(3):
        x = x * a
    return np.sum(x)


def _in_a_branch(x, a):
    if a > 0:
        x = x * a
    return np.mean(x)


def _in_a_list(x, a):
    items = []
    for _ in range(3):
        items.append(x * a)
    s = 0.0
    for t in items:
        s += np.sum(t)
    return s


def _along_an_axis(x, a):
    return np.sum(np.max(x * a, axis=0)) + np.sum(np.mean(x, axis=0))


def _plain_sum(x, a):
    return np.sum(x)


@pytest.mark.parametrize("f", [_in_a_loop, _in_a_branch, _in_a_list, _along_an_axis, _plain_sum])
@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("a", [2.0, np.float32(2.0)])
def test_single_precision_stays_single(f: Callable[..., Any], optimize: bool, a: Any) -> None:
    x = np.ones((3, 2), np.float32)
    assert srcdiff.grad(f, optimize=optimize)(x, a).dtype == np.float32


def test_taking_from_a_stack_is_not_left_out() -> None:
    def f(x):
        stack = [x, x * 2.0, x * 3.0]
        unread = stack.pop()  # noqa: F841
        last = stack.pop()
        return last * last

    for optimize in (False, True):
        gradient = srcdiff.transform(f, "grad", optimize=optimize)
        assert gradient(3.0) == 24.0
        scope: dict[str, Any] = {}
        exec(gradient.source, scope)
        assert scope["f_grad"](3.0) == 24.0


def _appended(x):
    items = []
    for i in range(5):
        items.append(x * i)
    s = 0.0
    for t in items:
        s += t * t
    return s


def test_the_reverse_of_append_does_not_copy_the_list() -> None:
    gradient = srcdiff.transform(_appended, "grad")
    untyped = gradient.source
    assert gradient(2.0) == 120.0
    second = srcdiff.transform(gradient, "grad")
    assert second(2.0) == 60.0
    for source in (untyped, gradient.source, second.source):
        assert ".pop()" in source
        assert not [line for line in source.splitlines() if " = copy_of(" in line]


def test_a_result_without_a_value_is_the_error_of_the_program() -> None:
    def f(x):
        if x > 0:
            y = x * x
        return y

    for mode in ("primal", "value_and_grad"):
        for optimize in (False, True):
            derivative = srcdiff.transform(f, mode, optimize=optimize)
            assert derivative(2.0) == (4.0 if mode == "primal" else (4.0, 4.0))
            with pytest.raises(UnboundLocalError):
                derivative(-2.0)
    with pytest.raises(UnboundLocalError):
        srcdiff.jvp(f, (-2.0,), (1.0,))


def test_an_array_without_axes_may_be_written() -> None:
    def f(x):
        x = x.copy()
        x += 1.0
        x *= x
        return x * x

    x = np.array(1.3)
    for optimize in (False, True):
        assert srcdiff.grad(f, optimize=optimize)(x) == pytest.approx(4 * 2.3**3)
    assert srcdiff.jvp(f, (x,), (np.array(1.0),))[1] == pytest.approx(4 * 2.3**3)
    assert x == 1.3
