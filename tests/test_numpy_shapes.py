"""Functions that rearrange arrays, from the user's text to derivatives: first and second ones, memory, refusals."""

from __future__ import annotations

import copy
from typing import Annotated, Any

import numpy as np
import pytest

from srcdiff import TransformError, grad, hessian, jacobian, jvp, transform
from srcdiff.loading import load
from srcdiff.primitives.table import TABLE
from tests import orders
from tests.oracles import differences
from tests.rule_cases import core, shapes
from tests.shape_programs import PROGRAMS, text_of
from tests.support import check_gradient

NAMES = sorted(PROGRAMS)


def active(name: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Positions and names of the parameters that carry a derivative."""
    _, parameters, _ = PROGRAMS[name]
    found = [(i, p) for i, (p, t) in enumerate(parameters.items()) if t != "int"]
    return tuple(i for i, _ in found), tuple(p for _, p in found)


@pytest.mark.parametrize("annotated", [True, False], ids=["annotated", "untyped"])
@pytest.mark.parametrize("name", NAMES)
def test_program(name: str, annotated: bool) -> None:
    """Every mode, optimised and not, live."""
    positions, _ = active(name)
    check_gradient(load(text_of(name, annotated), "f", {}), *copy.deepcopy(PROGRAMS[name][2]), wrt=positions)


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("combination", ["forward over reverse", "reverse over reverse"])
@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives_from_text(name: str, combination: str, optimize: bool) -> None:
    """The code is transformed again, and stands alone."""
    text, args = text_of(name, True), copy.deepcopy(PROGRAMS[name][2])
    positions, names = active(name)
    gradient = orders.again(text, "f", ("gradient",), names, optimize)
    xs = tuple(args[i] for i in positions)

    def at(*moved: Any) -> Any:
        given = list(copy.deepcopy(args))
        for i, x in zip(positions, moved, strict=True):
            given[i] = x
        found = gradient(*given)
        return found if len(positions) > 1 else (found,)

    direction = tuple(
        differences.rebuild(x, np.linspace(0.5, 1.5, np.size(x))) if isinstance(x, np.ndarray) else 0.7 for x in xs
    )
    expected = differences.directional(at, xs, direction)
    found = orders.product(text, "f", combination, args, names, optimize)(direction, positions)
    assert differences.error(found, expected) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_text_is_the_same_each_time(name: str) -> None:
    f = load(text_of(name, True), "f", {})
    positions, _ = active(name)
    assert transform(f, mode="gradient", wrt=positions).source == transform(f, mode="gradient", wrt=positions).source


# What is printed.


def joined(a: Annotated[np.ndarray, "n"], b: Annotated[np.ndarray, "m"]) -> float:
    return np.sum(np.concatenate([a, b]) ** 2)


def pieces(x: Annotated[np.ndarray, "n"]) -> float:
    a, b = np.split(x, 2)
    return np.sum(np.exp(a) * b)


def padded(x: Annotated[np.ndarray, "n m"]) -> float:
    return np.sum(np.pad(x, ((1, 1), (0, 2))) ** 3)


def columns(x: Annotated[np.ndarray, "n"], z: Annotated[np.ndarray, "n 2"]) -> float:
    return np.sum(np.column_stack((x, z)) ** 2)


def grid(x: Annotated[np.ndarray, "n"], y: Annotated[np.ndarray, "m"]) -> float:
    u, v = np.meshgrid(x, y)
    return np.sum(np.exp(u) * v)


@pytest.mark.parametrize(
    ("f", "lines"),
    [
        (joined, ["b1 = 2.0 * np.concatenate([a, b])", "return b1[: len(a)].copy(), b1[len(a) :].copy()"]),
        (pieces, ["a, b = np.split(x, 2)", "bx = np.concatenate([t1 * b, t1])"]),
        (padded, ["(3.0 * np.pad(x, ((1, 1), (0, 2))) ** 2)[1:-1, :-2]"]),
        (columns, ["b1 = 2.0 * np.column_stack((x, z))", "return b1[:, 0].copy(), b1[:, 1:].copy()"]),
        (grid, ["u, v = np.meshgrid(x, y)", "return np.sum(t1 * v, axis=0), np.sum(t1, axis=1)"]),
    ],
    ids=lambda p: getattr(p, "__name__", ""),
)
def test_text(f: Any, lines: list[str]) -> None:
    """Parts are sliced, pieces are joined: no helper where a careful hand needs none."""
    text = str(transform(f, mode="gradient").source)
    assert text.count("def ") == 1, text
    for line in lines:
        assert line in text, text


def test_display_of_numbers_is_taken_apart() -> None:
    def rotated(t: float, x: Annotated[np.ndarray, "2"]) -> float:
        r = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
        return np.sum((r @ x) ** 3)

    text = str(transform(rotated, mode="gradient", wrt=0).source)
    assert "br[0, 1]" in text and "def unpack" not in text


# Memory: what shares it says so, what does not is a copy.

SHARING = ["np.reshape", "np.ravel", "np.transpose", "np.swapaxes", "np.moveaxis", "np.rollaxis", "np.squeeze", "T"]
SHARING += ["np.expand_dims", "np.broadcast_to", "np.atleast_1d", "np.atleast_2d", "np.atleast_3d", "np.diagonal"]
SHARING += ["np.flip", "np.fliplr", "np.flipud", "np.rot90", "np.split", "np.array_split", "np.vsplit", "np.hsplit"]
SHARING += ["np.dsplit", "np.broadcast_arrays", "np.ascontiguousarray", "np.asfortranarray", "np.require", "np.diag"]
SHARING += ["np.asarray"]


def arrays_in(x: Any) -> list[np.ndarray]:
    if isinstance(x, list | tuple):
        return [a for item in x for a in arrays_in(item)]
    return [x] if isinstance(x, np.ndarray) else []


def test_views_say_so() -> None:
    """Of the primitives of this area exactly those that may share memory with an operand declare it."""
    found: set[str] = set()
    for name, operands, _ in [*shapes.CASES, *core.CASES]:
        primitive = TABLE[name]
        if not name.startswith("np.") and name != "T":
            continue
        operands = (
            *operands,
            *primitive.defaults[len(operands) - len(primitive.parameters) :][: len(primitive.defaults)],
        )
        operands = operands[: len(primitive.parameters)] if not primitive.variadic else operands
        result = arrays_in(primitive.evaluate(*operands))
        for position, operand in enumerate(operands):
            if any(np.shares_memory(a, b) for a in arrays_in(operand) for b in result):
                assert position in primitive.views, f"{name} shares the memory of operand {position}"
                found.add(name)
    assert set(SHARING) <= found


ALIASES = [
    "rows = list(y); rows[0][0] = 9.0; return np.sum(y ** 2)",
    "a, b = np.split(y, 2); a[0] = 9.0; return np.sum(y ** 2)",
    "a, b = np.split(y, 2); a[0] = 9.0; return np.sum(b ** 2)",
    "p = np.array_split(y, 2); y[0] = 9.0; return np.sum(p[0] ** 2)",
    "for r in np.vsplit(y, 2):\n        r[0] = 3.0\n    return np.sum(y ** 2)",
    "a, b = np.broadcast_arrays(y, np.ones((2, 2))); y[0, 0] = 2.0; return np.sum(a ** 2)",
    "z = np.rot90(y); z[0, 0] = 2.0; return np.sum(y ** 2)",
    "z = y.swapaxes(0, 1); z[0, 0] = 2.0; return np.sum(y ** 2)",
    "a, b = np.atleast_1d(y, y); a[0, 0] = 2.0; return np.sum(b ** 2)",
    "b = np.ascontiguousarray(y); b[0] = 2.0; return np.sum(y ** 2)",
    "b = y.flatten('F'); b[0] = 2.0; return np.sum(y ** 2) + np.sum(b ** 3)",
    "b = y.reshape(2, 2, order='F'); b[0] = 2.0; return np.sum(y ** 2)",
    "m, n = np.meshgrid(y[0], y[1]); m[0, 0] = 5.0; return np.sum(y ** 2) + np.sum(m ** 3)",
    "b = np.concatenate([y]); b[0] = 2.0; return np.sum(y ** 2) + np.sum(b ** 3)",
    "b = np.tile(y, 1); b[0] = 2.0; return np.sum(y ** 2) + np.sum(b ** 3)",
    "b = np.pad(y, 0); b[0] = 2.0; return np.sum(y ** 2) + np.sum(b ** 3)",
    "b = np.resize(y, (2, 2)); b[0] = 2.0; return np.sum(y ** 2) + np.sum(b ** 3)",
    "p = [y, y]; b = np.stack(p); y[0] = 2.0; return np.sum(y ** 2) + np.sum(b ** 3)",
    "z = np.fliplr(y); np.fill_diagonal(z, 2.0); return np.sum(y ** 2)",
]
if hasattr(np, "unstack"):
    ALIASES += [
        "z = y.mT; z[0, 0] = 2.0; return np.sum(y ** 2)",
        "a, b = np.unstack(y); a[0] = 2.0; return np.sum(y ** 2)",
        "b = np.asarray(y, copy=False); b[0] = 2.0; return np.sum(y ** 2)",
    ]


@pytest.mark.parametrize("body", ALIASES)
def test_writes_through_views_are_exact_or_refused(body: str) -> None:
    lines = ["import numpy as np", "", "", "def f(x):", "    y = x * 1.0", *(f"    {s}" for s in body.split("; "))]
    f = load("\n".join(lines) + "\n", "f", {})
    try:
        check_gradient(f, np.array([[0.3, 0.5], [0.7, 0.2]]))
    except TransformError as error:
        assert "may share memory" in str(error), error


# What is refused, and what to write instead.

REFUSALS = [
    ("return np.sum(np.fromiter([x[0]], float))", "no rule for `numpy.fromiter`", "use np.array with a list"),
    (
        "return np.sum(np.apply_along_axis(np.sum, 0, x))",
        "no rule for `numpy.apply_along_axis`",
        "write a loop over the rows",
    ),
    ("return np.sum(np.vectorize(abs)(x))", "no rule for `numpy.vectorize`", "write the function for arrays"),
    ("return np.sum(np.polyfit(x, x, 1))", "no rule for `numpy.polyfit`", "np.linalg.lstsq(np.vander(x, deg + 1), y)"),
    ("return np.sum(x.view(float))", "no rule for the method `.view()`", "use .astype()"),
    ("return np.sum(np.r_[0:3, x])", "a slice or a string in `np.r_` is not supported", "np.concatenate"),
    ("return np.sum(np.mgrid[0:3] * x)", "`np.mgrid[...]` is not supported", "use np.meshgrid"),
    ("return np.sum(x.reshape(-1, order='A'))", "`reshape` with `order='A'` is not supported", 'the order "C" or "F"'),
    ("return np.sum(np.ravel(x, 'K'))", "`ravel` with `order='K'` is not supported", 'the order "C" or "F"'),
    (
        "return np.sum(np.pad(x, 1, mode='mean'))",
        "no derivative rule for `np.pad`: mode='mean' has none",
        "edge, reflect",
    ),
    (
        "return np.sum(np.interp(x, x, x, period=2.0))",
        "`numpy.interp` with `period=` is not",
        "leave `period=`",
    ),
    (
        "return np.sum(np.meshgrid(x, x, copy=False)[0])",
        "`numpy.meshgrid` with `copy=` is not",
        "leave `copy=`",
    ),
    ("return np.sum(np.linspace(x[0], 1.0, 3, dtype=float))", "`np.linspace` with `dtype=` is not supported", "leave"),
    ("return np.sum(np.insert(x, [0, 1], [x[0], 1.0]))", "values at several positions have none", "np.concatenate"),
]


@pytest.mark.parametrize(("statement", "message", "remedy"), REFUSALS, ids=[r[1] for r in REFUSALS])
def test_refused(statement: str, message: str, remedy: str) -> None:
    lines = ["from typing import Annotated", "import numpy as np", "", "", 'def f(x: Annotated[np.ndarray, "n"]):']
    f = load("\n".join([*lines, f"    {statement}"]) + "\n", "f", {})
    with pytest.raises(TransformError) as caught:
        grad(f)(np.array([0.3, 0.5, 0.7]))
    assert message in str(caught.value) and remedy in str(caught.value)
    assert "line 6" in str(caught.value) or ":6:" in str(caught.value)


# Conventions.


def interpolated(x: float, xp: Annotated[np.ndarray, "m"], fp: Annotated[np.ndarray, "m"]) -> float:
    return np.interp(x, xp, fp)


@pytest.mark.parametrize(
    ("x", "slope"), [(-1.0, 0.0), (0.0, 1.0), (0.5, 1.0), (1.0, -3.0), (1.5, -3.0), (2.0, -3.0), (2.5, 0.0)]
)
def test_interpolation_at_and_beside_knots(x: float, slope: float) -> None:
    """The slope on the right of a knot, at the last knot that on its left, and none where the value is constant."""
    xp, fp = np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, -1.0])
    assert grad(interpolated)(x, xp, fp) == slope
    assert jvp(interpolated, (x, xp, fp), (1.0, np.zeros(3), np.zeros(3)))[1] == slope
    np.testing.assert_allclose(np.sum(grad(interpolated, 2)(x, xp, fp)), 1.0)
    np.testing.assert_allclose(np.sum(grad(interpolated, 1)(x, xp, fp)), -slope)


def test_one_knot_has_no_slope() -> None:
    with pytest.raises(ValueError, match="two knots"):
        grad(interpolated)(0.5, np.array([0.5]), np.array([1.0]))


def test_single_precision_stays() -> None:
    def f(x: Annotated[np.ndarray, "n"], z: Annotated[np.ndarray, "n"]) -> float:
        a, b = np.split(np.concatenate([x, z]), 2)
        return np.sum(np.pad(a, 1) ** 2) + np.sum(np.tile(b, 2) ** 2) + np.sum(np.stack([a, b], axis=1)[1] ** 3)

    gradients = grad(f, (0, 1))(np.ones(3, np.float32), np.ones(3, np.float32))
    assert [g.dtype for g in gradients] == [np.float32, np.float32]


def test_jacobians_of_joined_arrays() -> None:
    """Stacks of directions through displays with constants and integers among the parts."""

    def f(x: Annotated[np.ndarray, "n"]) -> np.ndarray:
        a = np.array([x[0], 2, x[1] * x[2], 0.5])
        return np.concatenate([a, x**2, [1, 2], np.append(x, 1.0), np.hstack([x[0], x])])

    x = np.array([0.3, 0.5, 0.7])
    expected = np.array([differences.directional(f, (x,), (e,)) for e in np.eye(3)]).T
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(jacobian(f, mode=mode)(x), expected, atol=1e-8)
    np.testing.assert_allclose(jacobian(f, sparse=True)(x).toarray(), expected, atol=1e-8)


def test_hessian_through_pieces() -> None:
    def f(x: Annotated[np.ndarray, "4"]) -> float:
        a, b = np.split(x, 2)
        return np.sum(np.outer(a, b) ** 2) + np.sum(
            np.block([[np.diag(a), np.eye(2)], [np.ones((2, 2)), np.diag(b)]]) ** 3
        )

    x = np.array([0.3, 0.5, 0.7, 0.2])
    expected = np.array([differences.directional(grad(f), (x,), (e,)) for e in np.eye(4)])
    np.testing.assert_allclose(hessian(f)(x), expected, atol=1e-7)


def test_list_changed_after_it_was_made() -> None:
    def f(x: Annotated[np.ndarray, "n"], z: Annotated[np.ndarray, "m"]) -> float:
        parts = [x, z**2]
        parts.append(x * 2.0)
        parts[0] = z
        return np.sum(np.concatenate(parts) ** 3)

    check_gradient(f, np.array([0.3, 0.5]), np.array([0.7, 0.2, 0.4]))
