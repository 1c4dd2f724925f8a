"""One check for a differentiable program: every mode, with and without optimisation, against divided differences.

In: a function, its arguments, and which parameters to differentiate. Out: nothing, or an assertion that says which
mode is off and by how much. The arguments must come out of every call as they went in.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcdiff.derivative import Derivative
from srcdiff.modes import Options
from tests.oracles import differences

TOLERANCE = 1e-7


def check_gradient(f: Callable[..., float], *args: Any, wrt: Sequence[int] | None = None) -> None:
    """`f` returns a scalar: grad, value_and_grad, jvp and vjp agree with divided differences."""
    positions = tuple(range(len(args))) if wrt is None else tuple(wrt)
    expected_value = f(*copy.deepcopy(args))
    expected = _expected(f, args, positions)
    for optimize in (True, False):
        where = f"{f.__name__}, optimize={optimize}"
        gradient = _unchanged(Derivative(f, "gradient", positions, Options(optimize=optimize)), args)
        for position, found, want in zip(positions, gradient, expected, strict=True):
            assert differences.error(found, want) < TOLERANCE, f"{where}: gradient {position} is {found}, not {want}"
        value, again = _unchanged(Derivative(f, "value_and_grad", positions, Options(optimize=optimize)), args)
        assert differences.error(value, expected_value) < 1e-13, f"{where}: value {value}, not {expected_value}"
        assert differences.error(again, gradient) < 1e-13, f"{where}: value_and_grad {again}, grad {gradient}"
        tangents = tuple(_direction(args[i], k) for k, i in enumerate(positions))
        value, tangent = _unchanged(Derivative(f, "forward", positions, Options(optimize=optimize)), args, *tangents)
        want = sum(differences.dot(g, v) for g, v in zip(expected, tangents, strict=True))
        assert differences.error(value, expected_value) < 1e-13, f"{where}: forward value {value}, not {expected_value}"
        assert differences.error(tangent, want) < TOLERANCE, f"{where}: tangent {tangent}, not {want}"
        value, adjoints = _unchanged(Derivative(f, "reverse", positions, Options(optimize=optimize)), args, 2.0)
        doubled = tuple(differences.rebuild(g, 2 * differences.leaves(g)) for g in gradient)
        assert differences.error(adjoints, doubled) < 1e-12, f"{where}: adjoints {adjoints}, not {doubled}"


def check_modes(f: Callable[..., Any], *args: Any, wrt: Sequence[int] | None = None) -> None:
    """`f` returns anything: the JVP agrees with divided differences and the VJP with the JVP (dot-product test)."""
    positions = tuple(range(len(args))) if wrt is None else tuple(wrt)
    for optimize in (True, False):
        where = f"{f.__name__}, optimize={optimize}"
        tangents = tuple(_direction(args[i], k) for k, i in enumerate(positions))
        value, tangent = _unchanged(Derivative(f, "forward", positions, Options(optimize=optimize)), args, *tangents)
        want = differences.directional(_only(f, args, positions), tuple(args[i] for i in positions), tangents)
        assert differences.error(tangent, want) < TOLERANCE, f"{where}: tangent {tangent}, not {want}"
        adjoint = _direction(value, 7)
        value, adjoints = _unchanged(Derivative(f, "reverse", positions, Options(optimize=optimize)), args, adjoint)
        left = differences.dot(adjoint, tangent)
        right = sum(differences.dot(b, t) for b, t in zip(adjoints, tangents, strict=True))
        assert abs(left - right) <= 1e-10 * max(1.0, abs(left)), f"{where}: <u, Jv> = {left}, <J^T u, v> = {right}"


def matrix_times(blocks: Any, vector: Any, like: Any) -> Any:
    """The product of a Jacobian, given as blocks, with a vector; `like` has the structure of the product."""
    match like:
        case tuple() | list():
            return type(like)(matrix_times(b, vector, item) for b, item in zip(blocks, like, strict=True))
        case dict():
            return {key: matrix_times(blocks[key], vector, item) for key, item in like.items()}
    return _row_times(blocks, vector)


def _row_times(blocks: Any, vector: Any) -> Any:
    match vector:
        case tuple() | list():
            return sum(_row_times(b, v) for b, v in zip(blocks, vector, strict=True))
        case dict():
            return sum(_row_times(blocks[key], v) for key, v in vector.items())
    return np.tensordot(np.asarray(blocks), np.asarray(vector), np.ndim(vector))


def _only(f: Callable[..., Any], args: tuple[Any, ...], positions: tuple[int, ...]) -> Callable[..., Any]:
    """`f` as a function of the arguments at `positions`, on copies of all."""

    def function(*chosen: Any) -> Any:
        full = list(copy.deepcopy(args))
        for position, value in zip(positions, chosen, strict=True):
            full[position] = copy.deepcopy(value)
        return f(*full)

    return function


def _expected(f: Callable[..., float], args: tuple[Any, ...], positions: tuple[int, ...]) -> tuple[Any, ...]:
    return differences.gradient(_only(f, args, positions), tuple(args[i] for i in positions))


def _unchanged(derivative: Derivative, args: tuple[Any, ...], *extra: Any) -> Any:
    before = copy.deepcopy(args)
    result = derivative.with_extra(args, extra)
    assert _same(before, args), f"{derivative!r} changed its arguments"
    return result


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    return bool(a == b)


def _direction(value: Any, k: int) -> Any:
    """A fixed direction with no zero in it, shaped like `value`."""
    leaves = differences.leaves(value)
    return differences.rebuild(value, 1.0 + 0.5 * np.sin(1.0 + k + 1.7 * np.arange(len(leaves))))
