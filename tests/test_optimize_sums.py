"""Sums of adjoints, contributions to parts, constants and signs, products made for nothing: each rule on programs that
need it, by the text that comes out and by divided differences, and on programs that must be left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcdiff


def code(f: Callable[..., Any], *arguments: Any, wrt: int | tuple[int, ...] = 0) -> str:
    """The body of the gradient, specialised for the arguments, checked against divided differences and against itself
    without optimisation."""
    srcdiff.check_derivatives(f, *arguments, wrt=wrt)
    gradient = srcdiff.grad(f, wrt=wrt)
    plain = srcdiff.grad(f, wrt=wrt, optimize=False)
    for a, b in zip(leaves(gradient(*arguments)), leaves(plain(*arguments)), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-5 if a.dtype == np.float32 else 1e-12)
    return gradient.source


def leaves(value: Any) -> list[np.ndarray]:
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in leaves(item)]
    return [np.asarray(value)]


RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=5)


# -- sums of adjoints -------------------------------------------------------------------------------------------------


def test_what_is_broadcast_needs_not_be_beside_an_adjoint_of_its_shape() -> None:
    def f(w, X, y):
        z = X @ w
        return np.mean(np.logaddexp(0.0, z) - y * z)

    text = code(f, RNG.normal(size=3), X, Y)
    assert "broadcast_to" not in text and re.search(r"bz = b1 \* np\.exp\(z - t1\) - b1 \* y", text)


def test_a_broadcast_stays_where_nothing_else_has_the_shape() -> None:
    def f(x, y):
        return np.sum(x[:, None] * y)

    assert srcdiff.grad(f)(np.ones(3), np.ones((1, 4))).shape == (3,)
    code(f, RNG.normal(size=3), RNG.normal(size=(1, 4)), wrt=(0, 1))


def test_single_precision_stays_single_beside_a_number() -> None:
    def f(x):
        return np.sum(x) * 2.0 + np.sum(x * x)

    gradient = srcdiff.grad(f)(np.ones(3, dtype=np.float32))
    assert gradient.dtype == np.float32
    code(f, RNG.normal(size=3))


def test_parts_go_into_the_adjoint_that_is_there() -> None:
    def f(logits, labels):
        totals = np.log(np.sum(np.exp(logits), axis=1))
        return np.sum(totals - logits[np.arange(len(labels)), labels])

    text = code(f, X.copy(), np.array([0, 2, 2, 1, 0]))
    assert "zeros_like" not in text and "np.add.at" not in text and re.search(r"\] -= 1\.0", text)


def test_repeated_indices_are_counted() -> None:
    def rows(x, index):
        return np.sum(x[index, index] ** 2)

    def shifted(x, index):
        return np.sum(x[np.arange(-2, 2), index] ** 3)

    def columns(x, index):
        return np.sum(x[np.arange(len(index))[:, None], index[None, :]] ** 2)

    assert "np.add.at" in code(rows, X[:3].copy(), np.array([0, 0, 1]))
    assert "np.add.at" in code(shifted, RNG.normal(size=(2, 3)), np.array([1, 1, 1, 1]))
    code(columns, X.copy(), np.array([0, 0, 1]))


def test_one_row_many_labels() -> None:
    def f(x, labels):
        return np.sum(x[np.arange(1), labels] ** 2)

    assert "np.add.at" in code(f, X.copy(), np.array([2, 2, 1]))


# -- parts of an array ------------------------------------------------------------------------------------------------


def test_the_first_contribution_to_a_part_is_an_assignment() -> None:
    def f(x):
        return np.sum((x[1:] - x[:-1] ** 2) ** 2)

    text = code(f, Y.copy())
    assert re.search(r"bx\[:-1\] = ", text) and re.search(r"bx\[1:\] \+= ", text)


def test_numbers_make_a_small_array() -> None:
    def turned(y):
        a, b = y
        return np.array([a * b, a - b])

    def f(y):
        for _ in range(3):
            y = y + 0.1 * turned(y + 0.1 * turned(y))
        return np.sum(y * y)

    text = code(f, np.array([0.3, 0.7]))
    assert re.search(r"np\.array\(\[b\w+, b\w+\]\)", text) and "unbroadcast" not in text


def test_a_stencil_is_read_and_written_once() -> None:
    def f(u, rate):
        for _ in range(4):
            u[1:-1] += rate * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        return np.sum(u * u)

    text = code(f, RNG.normal(size=8), 0.2, wrt=(0, 1))
    assert "copy()" not in text.partition("# reverse sweep")[2] and "bu[1:-1] -= 2.0 * b2" in text


def test_what_is_written_over_is_not_merged_with_what_was_there() -> None:
    def f(x, v):
        y = np.zeros(6)
        y[:3] = x
        y[1:4] = v
        y[:3] += 2.0 * x
        return np.sum(y * y * y)

    code(f, RNG.normal(size=3), RNG.normal(size=3), wrt=(0, 1))


def test_the_elements_of_a_list_of_layers_are_assigned() -> None:
    def f(layers, x):
        for W, b in layers[:-1]:
            x = np.tanh(x @ W + b)
        W, b = layers[-1]
        return np.sum((x @ W + b) ** 2)

    sizes = [(3, 4), (4, 2), (2, 5)]
    layers = [(RNG.normal(size=s), RNG.normal(size=s[1])) for s in sizes]
    text = code(f, layers, X)
    assert not any(name in text for name in ("accumulate(", "add_at(", "copy_of(", "unbroadcast("))
    # The adjoint of x is not asked for, so the loop makes that of an activation where it is read.
    loop = text.partition("for i in reversed")[2]
    assert loop.count("@ W.T") == 1 and loop.index("@ W.T") < loop.index("np.sum(")
    assert text.count("@ W.T") == 1


def test_layers_of_width_one_are_summed_down() -> None:
    def f(layers, x):
        for W, b in layers:
            x = np.tanh(x @ W + b)
        return np.sum(x * x)

    layers = [(RNG.normal(size=(3, 4)), RNG.normal(size=1)), (RNG.normal(size=(4, 1)), RNG.normal(size=1))]
    code(f, layers, X)


def test_an_element_that_is_read_in_several_iterations_gets_a_sum() -> None:
    def f(parts):
        total = 0.0
        for i in range(len(parts)):
            total += np.sum(parts[i] * parts[0])
        return total

    code(f, [RNG.normal(size=3) for _ in range(3)])


def test_a_list_with_what_has_no_derivative() -> None:
    def f(items):
        total = 0.0
        for name, value in items:
            total += np.sum(value * value) if name == "a" else np.sum(value)
        return total

    gradient = srcdiff.grad(f)([("a", np.ones(2)), ("b", np.ones(3))])
    np.testing.assert_array_equal(gradient[0][1], [2.0, 2.0])
    np.testing.assert_array_equal(gradient[1][1], [1.0, 1.0, 1.0])


def test_lists_that_are_not_written_to_the_end_start_with_zeros() -> None:
    def stopped(parts, limit):
        total = 0.0
        for i in range(len(parts)):
            if i == limit:
                break
            total += np.sum(parts[i] ** 2)
        return total

    def branched(parts, limit):
        total = 0.0
        for i in range(len(parts)):
            if i != limit:
                total += np.sum(parts[i] ** 2)
        return total

    def shorter(parts, limit):
        total = 0.0
        for i in range(limit):
            total += np.sum(parts[i] ** 2)
        return total

    def first(parts, limit):
        return np.sum(parts[0] ** 2) + np.sum(parts[-1]) * limit

    parts = [RNG.normal(size=3) for _ in range(3)]
    for f in (stopped, branched, shorter, first):
        for limit in (1, 2):
            code(f, parts, limit)
            code(f, [parts[0]], 1)


def test_lists_that_are_written_to_the_end_need_no_zeros() -> None:
    def f(parts):
        total = 0.0
        for part in parts[:-1]:
            total += np.sum(part**2)
        return total * np.sum(parts[-1])

    parts = [RNG.normal(size=3) for _ in range(3)]
    assert "zeros_like" not in code(f, parts) and "[None] * len(parts)" in code(f, parts)
    code(f, parts[:1])
    assert "[None]" not in srcdiff.grad(f, optimize=False).source


# -- constants, signs, sums of products -------------------------------------------------------------------------------


def test_a_constant_goes_into_the_smaller_factor() -> None:
    def f(centres, X):
        return np.sum(np.min(np.sum((X[:, None, :] - centres) ** 2, axis=2), axis=1))

    assert "2.0 * t" not in code(f, X[:2] + 0.1, X)


def test_sums_of_products_with_what_has_no_such_axis() -> None:
    def f(scales, X):
        return np.sum(np.sin(X * scales))

    text = code(f, RNG.normal(size=3), X)
    assert "np.sum" in text

    def g(x, w):
        return np.sum(np.exp(x) * w * w)

    code(g, RNG.normal(size=(4, 3)), RNG.normal(size=3), wrt=(0, 1))


def test_infinities_and_nan_pass_as_before() -> None:
    def f(x, w):
        return np.sum((x + w) * x * 3.0)

    for odd in (np.inf, -np.inf, np.nan):
        x, w = RNG.normal(size=(4, 3)), RNG.normal(size=3)
        x[1, 1] = odd
        with np.errstate(invalid="ignore"):
            found = srcdiff.grad(f, wrt=(0, 1))(x, w)
            plain = srcdiff.grad(f, wrt=(0, 1), optimize=False)(x, w)
        for a, b in zip(found, plain, strict=True):
            np.testing.assert_allclose(a, b)


@pytest.mark.parametrize("scale", [1e308, 1e-308])
def test_no_overflow_that_was_not_there(scale: float) -> None:
    def f(x, y):
        return np.sum(0.25 * (x * y + x * x))

    x, y = np.array([1.5 * scale, scale]), np.array([1.2 * scale, -scale])
    with np.errstate(over="raise", under="ignore"):
        np.testing.assert_allclose(srcdiff.grad(f)(x, y), 0.25 * y + 0.5 * x)


# -- maxima, transposes, inverses -------------------------------------------------------------------------------------


def test_a_helper_with_an_axis_has_no_derivative_of_its_maximum() -> None:
    def logsumexp(a, axis):
        highest = np.max(a, axis=axis, keepdims=True)
        return np.log(np.sum(np.exp(a - highest), axis=axis)) + np.squeeze(highest, axis=axis)

    def f(x):
        return np.sum(logsumexp(x, 1) ** 2) + logsumexp(x[:, 0], 0)

    text = code(f, X.copy())
    assert "count_nonzero" not in text and "unbroadcast" not in text


def test_a_maximum_that_is_gathered_by_other_rows_keeps_its_derivative() -> None:
    def f(x, rows, labels):
        shifted = x - np.max(x, axis=1, keepdims=True)
        return np.sum((np.log(np.sum(np.exp(shifted), axis=1)) - shifted[rows, labels]) ** 2)

    code(f, X.copy(), np.array([1, 0, 2, 2, 4]), np.array([0, 1, 2, 0, 1]))

    def g(x, labels):
        shifted = x - np.max(x, axis=1, keepdims=True)
        return np.sum((np.log(np.sum(np.exp(shifted), axis=1)) - shifted[np.arange(1), labels]) ** 2)

    code(g, X.copy(), np.array([0]))
    code(g, X[:1].copy(), np.array([0, 2, 1]))


def test_an_inverse_at_hand_serves_for_systems() -> None:
    def f(S, v):
        return v @ np.linalg.solve(S, v) + np.linalg.slogdet(S)[1]

    S = 3.0 * np.eye(3) + RNG.normal(size=(3, 3))
    text = code(f, S, RNG.normal(size=3), wrt=(0, 1))
    assert text.partition("# reverse sweep")[2].count("= np.linalg.") == 1


def test_an_inverse_of_a_branch_does_not_serve_after_it() -> None:
    def f(S, v, flag):
        total = 0.0
        if flag:
            total += np.linalg.slogdet(S)[1]
        return total + np.sum(np.linalg.solve(S, v) ** 2)

    S = 3.0 * np.eye(3) + RNG.normal(size=(3, 3))
    for flag in (True, False):
        code(f, S, RNG.normal(size=3), flag, wrt=(0, 1))


# -- types ------------------------------------------------------------------------------------------------------------


def test_a_state_that_starts_with_another_shape() -> None:
    def f(x, W):
        y = x
        for _ in range(3):
            y = np.tanh(W @ y) + x
        return np.sum(y * y)

    # In the second call x is stretched in the first iteration.
    code(f, RNG.normal(size=4), RNG.normal(size=(4, 4)) / 4, wrt=(0, 1))
    code(f, RNG.normal(size=(1, 4)), RNG.normal(size=(1, 1)), wrt=(0, 1))


def test_lists_know_their_length_only_where_they_are_written() -> None:
    def f(x):
        parts = [x[0] * x[1], x[1]]
        for i in range(2):
            parts.append(parts[i] * x[2])
        doubled = parts * 2
        return np.sum(np.array(doubled) ** 2) + np.sum(np.array(parts[:3]))

    code(f, RNG.normal(size=3))


def test_a_display_in_a_branch_or_of_another_length() -> None:
    def f(x, flag):
        parts = [x[0], x[1]] if flag else [x[0] * x[1], x[1], x[2]]
        return np.sum(np.array(parts) ** 2)

    for flag in (True, False):
        code(f, RNG.normal(size=3), flag)
