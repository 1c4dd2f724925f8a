"""`check_derivatives`: both modes against each other and against divided differences.

In: a function and a point. Out: nothing, or `DerivativeMismatch` with a table. For a random direction v of the
parameters and a random adjoint u of the output it compares

- the JVP ``J v`` with central divided differences of the function, improved by Richardson extrapolation;
- ``<u, J v>`` with ``<J^T u, v>``, the dot-product test of the VJP.

>>> def f(x):
...     return x * x
>>> print(check_derivatives(f, 3.0).splitlines()[0].split()[:2])
['test', 'expected']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.api import Function, _kept, _positions, jvp, vjp
from srcdiff.diagnostics import TransformError
from srcdiff.frontend.targets import spread
from srcdiff.ir.records import is_record, items_of, rebuilt
from srcdiff.parameters import Wrt
from srcdiff.signatures import as_floating, carries_derivative


class DerivativeMismatch(AssertionError):
    """The derivatives of a function disagree. `table` says which and by how much."""

    def __init__(self, table: str) -> None:
        super().__init__("the derivatives disagree\n" + table)
        self.table = table


def check_derivatives(f: Function, *args: Any, wrt: Wrt = 0, rtol: float = 1e-6, seed: int = 0) -> str:
    """Compare JVP, VJP and divided differences of `f` at the point `args`.

    Parameters
    ----------
    wrt
        Parameters to differentiate with respect to; None: every one that carries a derivative.
    rtol
        The relative difference allowed.
    seed
        Of the random directions.

    Returns
    -------
    str
        The table of what was compared.

    Raises
    ------
    DerivativeMismatch
        where they disagree by more than `rtol`.
    """
    rng = np.random.default_rng(seed)
    if not args:
        raise TypeError("check_derivatives takes the point after the function: check_derivatives(f, 1.0, 2.0)")
    f = spread(f, len(args))
    positions = chosen(f, args, wrt)
    primals = [_double(as_floating(a)) if i in positions else a for i, a in enumerate(args)]
    direction = [_random_like(primals[i], rng) for i in positions]
    value, pullback = vjp(f, *primals, wrt=positions)
    adjoint = _random_like(value, rng)
    # A rule of the user's may be there for one mode alone.
    tangent, without_jvp = _tried(lambda: jvp(f, primals, direction, wrt=positions)[1])
    gradients, without_vjp = _tried(lambda: pullback(adjoint))
    if without_jvp is not None and without_vjp is not None:
        raise without_jvp

    def along(step: float) -> Any:
        moved = list(primals)
        for position, v in zip(positions, direction, strict=True):
            moved[position] = _axpy(step, v, primals[position])
        return vjp(f, *moved, wrt=positions)[0]

    difference, error = _richardson(lambda h: _dot(adjoint, along(h)))
    close = max(rtol * max(abs(difference), 1e-3), 10 * error)
    from_jvp = None if without_jvp is not None else _dot(adjoint, tangent)
    rows = [] if from_jvp is None else [("JVP / divided differences", difference, from_jvp, close)]
    if without_vjp is None:
        from_vjp = sum(_dot(g, v) for g, v in zip(gradients, direction, strict=True))
        if from_jvp is None:
            rows.append(("VJP / divided differences", difference, from_vjp, close))
        else:
            rows.append(("VJP / JVP (dot product)", from_jvp, from_vjp, rtol * max(abs(from_jvp), 1e-3)))
    lines = [f"{'test':28}{'expected':>24}{'found':>24}{'difference':>12}"]
    wrong = False
    for name, want, found, allowed in rows:
        bad = not abs(want - found) <= allowed
        wrong = wrong or bad
        lines.append(f"{name:28}{want:24.15g}{found:24.15g}{abs(want - found):12.2e}{'  <- wrong' if bad else ''}")
    table = "\n".join(lines)
    if wrong:
        raise DerivativeMismatch(table)
    return table


def _tried(make: Callable[[], Any]) -> tuple[Any, TransformError | None]:
    """What `make` returns, or why there is no derivative."""
    try:
        return make(), None
    except TransformError as error:
        return None, error


def chosen(f: Function, args: tuple[Any, ...], wrt: Wrt) -> tuple[int, ...]:
    """The positions of the parameters to check: those of `wrt`, else all that carry a derivative at this point.

    An integer counts as a float where the annotation says float, and where there is nothing else to differentiate.

    Raises
    ------
    srcdiff.TransformError
        where there is none.
    """
    if wrt is not None:
        return _positions(f, wrt)
    derivative = _kept(f, "forward", None)
    numbers = [i for i, a in enumerate(args) if carries_derivative(as_floating(a))]
    carrying = tuple(i for i in numbers if carries_derivative(args[i]) or derivative.is_declared_float(i))
    if carrying:
        return carrying
    general = derivative.general_wrt
    return tuple(i for i in general if i in numbers) or general


def _double(value: Any) -> Any:
    """`value` in double precision: divided differences of single precision say nothing."""
    match value:
        case np.ndarray() if value.dtype.kind == "f":
            return value.astype(np.float64)
        case np.floating():
            return float(value)
        case _ if is_record(value):
            return rebuilt(value, map(_double, items_of(value)))
        case tuple():
            return tuple(map(_double, value))
        case list():
            return list(map(_double, value))
        case dict():
            return {k: _double(v) for k, v in value.items()}
    return value


def _random_like(value: Any, rng: np.random.Generator) -> Any:
    """A random tangent or adjoint of `value`."""
    match value:
        case np.ndarray():
            return np.asarray(rng.standard_normal(value.shape), dtype=value.dtype if value.dtype.kind == "f" else float)
        case _ if is_record(value):
            return rebuilt(value, [_random_like(v, rng) for v in items_of(value)])
        case tuple():
            return tuple(_random_like(v, rng) for v in value)
        case list():
            return [_random_like(v, rng) for v in value]
        case dict():
            return {k: _random_like(v, rng) for k, v in value.items()}
        case bool() | int() | str() | None:
            return 0.0
    return float(rng.standard_normal())


def _axpy(a: float, x: Any, y: Any) -> Any:
    """``a * x + y`` on numbers, arrays and containers of these."""
    match y:
        case _ if is_record(y):
            return rebuilt(y, [_axpy(a, p, q) for p, q in zip(items_of(x), items_of(y), strict=True)])
        case tuple():
            return tuple(_axpy(a, p, q) for p, q in zip(x, y, strict=True))
        case list():
            return [_axpy(a, p, q) for p, q in zip(x, y, strict=True)]
        case dict():
            return {k: _axpy(a, x[k], v) for k, v in y.items()}
        case bool() | int() | str() | None:
            return y
    return a * x + y


def _dot(x: Any, y: Any) -> float:
    """The inner product of two values of one structure."""
    if x is None:
        return 0.0
    match y:
        case _ if is_record(y):
            return _dot(items_of(x), items_of(y))
        case tuple() | list():
            return sum(_dot(p, q) for p, q in zip(x, y, strict=True))
        case dict():
            return sum(_dot(x[k], v) for k, v in y.items())
        case bool() | int() | str() | None:
            return 0.0
    return float(np.sum(np.asarray(x) * np.asarray(y)))


def _richardson(g: Callable[[float], float]) -> tuple[float, float]:
    """The derivative of `g` at 0 and an estimate of its error: central differences at halved steps, extrapolated."""
    best, error = float("nan"), float("inf")
    table: list[list[float]] = []
    step = 1e-2
    for level in range(8):
        row = [(g(step) - g(-step)) / (2 * step)]
        for k in range(1, level + 1):
            row.append((4**k * row[k - 1] - table[-1][k - 1]) / (4**k - 1))
            change = max(abs(row[k] - row[k - 1]), abs(row[k] - table[-1][k - 1]))
            if change < error:
                best, error = row[k], change
        table.append(row)
        step /= 2
    return best, error
