"""Programs with NumPy's reductions, sorting and selection: derivatives, texts, and conventions at the edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from srcdiff import grad, hessian, hvp, jacobian
from srcdiff.compiler import derive
from srcdiff.frontend.module import Module
from tests.oracles import differences
from tests.rule_checks import type_of
from tests.support import check_gradient

X = np.array([0.7, -0.4, 1.9, 0.2, -1.3])
W = np.array([0.3, 0.9, 0.2, 0.5, 0.8])
A = np.array([[0.7, -0.4, 1.9, 0.2], [-1.3, 0.6, 0.1, 1.1], [0.9, -0.8, 0.5, -0.3]])
N = np.array([[0.7, np.nan, 1.9, 0.2], [-1.3, 0.6, 0.1, np.nan], [0.9, -0.8, np.nan, -0.3]])


def chosen_elements(x):
    m = x > 0.0
    total = np.sum(x**2, axis=1, where=m, initial=0.5) + np.mean(x, axis=1, where=m)
    return np.sum(total * np.var(x, axis=1, where=m)) + x.prod(where=np.abs(x) > 0.55) + x.std(where=m)


def extrema(x):
    upper = np.max(x, axis=0, initial=0.65, where=x < 1.5)
    lower = np.min(x, 1, None, True, 0.0)
    return np.sum(upper**2) + np.sum(lower * x) + np.ptp(x, axis=1).sum() + np.any(x > 1.0, where=x > 0)


def other_precision(x):
    return np.sum(x, axis=0, dtype=np.float64)[1] + x.mean(dtype="float64") + np.cumsum(x, 0, np.float64)[1, 2]


def without_nan(x):
    return (
        np.nansum(x) + np.nansum(np.nanmean(x, axis=0) * np.nanmax(x, axis=0)) + np.nanstd(x) + np.nanprod(x, 1).sum()
    )


def medians_without_nan(x):
    middle = np.nanmedian(x, axis=1)
    return np.sum(middle**2) + np.nanquantile(x, 0.3) + np.nanpercentile(x, [20.0, 70.0], axis=0).sum() + np.nanmin(x)


def medians(x):
    return np.median(x) * np.sum(np.median(x, axis=0, keepdims=True) * x) + np.median(x, axis=(0, 1))


def quantiles(x, q):
    several = np.quantile(x, [0.1, 0.65], axis=1)
    return np.sum(several**2) + np.quantile(x, q) ** 2 + np.percentile(x, 100.0 * q, axis=0).sum()


def averages(x, w):
    return np.average(x, weights=w) + np.sum(np.average(np.outer(x, w), axis=0, weights=w) ** 2) + np.average(x)


def cumulative(x):
    y = x.cumprod() * np.cumsum(x)
    return np.sum(np.sin(y)) + np.cumprod(x)[-1] + np.sum(np.cumprod(np.outer(x, x), axis=1)[:, -1])


def running(x):
    return np.sum(np.maximum.accumulate(x) ** 2) + np.sum(np.minimum.accumulate(np.outer(x, x), axis=1))


def methods_of_ufuncs(x):
    pairs = np.subtract.outer(x, x) ** 2 + np.multiply.outer(x, x) + np.add.outer(x, 2.0 * x)
    total = np.add.reduce(pairs) + np.maximum.reduce(pairs, axis=1) + np.logaddexp.reduce(pairs, axis=0)
    return np.sum(total**2) + np.multiply.reduce(x) + np.add.accumulate(x)[2] + np.minimum.reduce(x, keepdims=True)[0]


def integral(x, w):
    return np.trapezoid(np.exp(x), np.cumsum(w)) + np.trapezoid(np.outer(x, w), dx=0.2, axis=0).sum()


def steps(x, w):
    second = np.diff(np.outer(x, w), 2, axis=0, append=np.ones((1, 5)))
    return np.sum(np.diff(x, prepend=0.0) ** 3) + np.sum(second**2) + np.sum(np.ediff1d(x, to_end=x[0]) ** 2)


def slopes(x):
    gx, gy = np.gradient(x, 0.2, edge_order=2)
    g = np.gradient(x[0], np.array([0.0, 0.2, 0.5, 0.6]))
    return np.sum(gx**2 * gy) + np.sum(g**3) + np.sum(np.gradient(x, axis=1) ** 2)


def slope_on_a_grid(x, w):
    return np.sum(np.gradient(x, np.cumsum(w)) ** 2) + np.sum(np.gradient(x, w[0]) ** 2)


def norms(x):
    v = x[0]
    return (
        np.linalg.norm(v, 1)
        + np.linalg.norm(v, 2)
        + np.linalg.norm(v, 3) * np.linalg.norm(v, ord=2.5)
        + np.linalg.norm(v, np.inf) * np.linalg.norm(v, -np.inf)
        + np.linalg.norm(x) * np.linalg.norm(x, 1)
        + np.linalg.norm(x, np.inf, axis=(0, 1))
        + np.sum(np.linalg.norm(x, axis=0, keepdims=True) * x)
    )


def norms_of_rows(x):
    return np.sum(np.linalg.norm(x, 1, axis=1) ** 2) + np.linalg.norm(x, "fro") + np.linalg.norm(x, -1)


def norm_of_any_order(x):
    p = 2.2
    return np.linalg.norm(x, p) + np.linalg.norm(x, ord=-1) + np.linalg.norm(x, 0)


def products(x):
    return np.prod(x, axis=(0, 1)) + np.sum(np.prod(x.reshape(3, 2, 2), axis=(0, 2)) ** 2)


def sorting(x, w):
    order = np.argsort(x, kind="stable")
    return np.sort(x) @ w + np.sum(np.partition(x, 2)[:2]) ** 2 + x[order[1]] * w[np.searchsorted(np.sort(w), 0.4)]


def rows_in_order(x):
    order = np.argsort(x, axis=1)
    y = x**2
    np.put_along_axis(y, order[:, :1], 3.0 * x[:, :1], axis=1)
    return np.sum(np.sort(x, axis=0) ** 2 * x) + np.sum(np.take_along_axis(y, order, axis=1)[:, 0:2])


def choosing(x):
    k = np.array([0, 2, 2])
    return np.sum(np.take(x, k, axis=1) ** 2) + np.sum(x.take(k)) + np.sum(np.compress(x[0] > 0, x, axis=1) ** 3)


def extracted(x):
    return np.sum(np.extract(x > 0.25, x) ** 2) + x.compress(x > 0)[0] + x[np.argmax(x)] + x[x.argmin()]


def counting(x, w):
    k = np.array([0, 1, 1, 2, 0])
    counts, edges = np.histogram(x, 3)
    places = np.digitize(x, np.array([-1.0, 0.0, 1.0]))
    return np.sum(np.bincount(k, weights=w * x, minlength=4) ** 2) + edges[1] * counts[0] + places[0] * x[1]


def labelled(x, k):
    values, inverse, counts = np.unique(k, return_inverse=True, return_counts=True)
    return np.sum(values[inverse] * x) + np.sum(np.bincount(inverse, x) ** 2 / counts)


K = np.array([3, 1, 3, 3, 1])
PROGRAMS: list[tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...]]] = [
    (chosen_elements, (A,), (0,)),
    (extrema, (A,), (0,)),
    (other_precision, (A,), (0,)),
    (medians, (A,), (0,)),
    (quantiles, (A, 0.37), (0, 1)),
    (averages, (X, W), (0, 1)),
    (cumulative, (X,), (0,)),
    (running, (X,), (0,)),
    (methods_of_ufuncs, (X,), (0,)),
    (steps, (X, W), (0, 1)),
    (slopes, (A,), (0,)),
    (slope_on_a_grid, (X, W), (0, 1)),
    (norms, (A,), (0,)),
    (norms_of_rows, (A,), (0,)),
    (norm_of_any_order, (X,), (0,)),
    (products, (A,), (0,)),
    (sorting, (X, W), (0, 1)),
    (rows_in_order, (A,), (0,)),
    (choosing, (A,), (0,)),
    (extracted, (X,), (0,)),
    (counting, (X, W), (0, 1)),
    (labelled, (X, K), (0,)),
]
if hasattr(np, "trapezoid"):
    PROGRAMS.append((integral, (X, W), (0, 1)))


@pytest.mark.parametrize(("f", "args", "wrt"), PROGRAMS, ids=lambda v: getattr(v, "__name__", None))
def test_program(f: Callable[..., Any], args: tuple[Any, ...], wrt: tuple[int, ...]) -> None:
    check_gradient(f, *args, wrt=wrt)


@pytest.mark.parametrize(("f", "args", "wrt"), PROGRAMS, ids=lambda v: getattr(v, "__name__", None))
def test_second_derivatives(f: Callable[..., Any], args: tuple[Any, ...], wrt: tuple[int, ...]) -> None:
    x, *rest = args
    v = 1.0 + 0.5 * np.sin(np.arange(x.size)).reshape(x.shape)
    expected = differences.directional(lambda z: grad(f)(z, *rest), (x,), (v,))
    assert differences.error(hvp(f)(x, *rest, v), expected) < 1e-6
    along = np.tensordot(hessian(f)(x, *rest), v, x.ndim)
    assert differences.error(along, expected) < 1e-6
    twice = jacobian(grad(f), mode="reverse")(x, *rest)
    assert differences.error(np.tensordot(twice, v, x.ndim), expected) < 1e-6


@pytest.mark.parametrize("f", [without_nan, medians_without_nan])
def test_nan_is_left_out(f: Callable[..., Any]) -> None:
    given = ~np.isnan(N)

    def of_the_others(z: np.ndarray) -> Any:
        x = N.copy()
        x[given] = z
        return f(x)

    (expected,) = differences.gradient(of_the_others, (N[given],))
    found = grad(f)(N)
    assert differences.error(found[given], expected) < 1e-7
    assert np.all(found[~given] == 0.0)


# Texts.

HEAD = "from typing import Annotated\nimport numpy as np\n"
TEXTS: dict[str, tuple[str, str]] = {
    "max": (
        "def f(x: Annotated[np.ndarray, 'n d']):\n    return np.max(x, axis=1).sum()\n",
        """\
        b1 = x == np.expand_dims(np.max(x, axis=1), 1)
        bx = np.expand_dims(1.0 / np.count_nonzero(b1, axis=1), 1) * b1
        return bx
        """,
    ),
    "median": (
        "def f(x: Annotated[np.ndarray, 'n']):\n    return np.median(x)\n",
        """\
        b1 = np.argsort(x, kind="stable")
        bx = np.zeros_like(x)
        bx[b1[(x.size - 1) // 2]] += 0.5
        bx[b1[x.size // 2]] += 0.5
        return bx
        """,
    ),
    "sort": (
        "def f(x: Annotated[np.ndarray, 'n'], w: Annotated[np.ndarray, 'n']):\n    return np.sort(x) @ w\n",
        """\
        bx = np.zeros_like(x)
        bx[np.argsort(x, kind="stable")] = 1.0 * w
        return bx
        """,
    ),
    "average": (
        "def f(x: Annotated[np.ndarray, 'n'], w: Annotated[np.ndarray, 'n']):\n    return np.average(x, weights=w)\n",
        """\
        bx = 1.0 / np.sum(w) * w
        return bx
        """,
    ),
    "cumprod": (
        "def f(x: Annotated[np.ndarray, 'n']):\n    return np.cumprod(x)[-1]\n",
        """\
        t1 = np.cumprod(x)
        b1 = np.zeros_like(t1)
        b1[-1] += 1.0
        bx = np.concatenate((np.ones_like(t1[:1]), t1[:-1])) * recurrence_back(x, b1, 0)
        return bx
        """,
    ),
    "chosen": (
        "def f(x: Annotated[np.ndarray, 'n d']):\n    return np.mean(x, where=x > 0)\n",
        """\
        t1 = x > 0
        bx = np.where(t1, 1.0 / np.count_nonzero(t1), 0.0)
        return bx
        """,
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name: str) -> None:
    primal, expected = TEXTS[name]
    text = derive(Module.from_text(HEAD + primal, "f.py"), "f", "gradient", "x").body
    body = text[text.index('to x."""') + 9 :]
    lines = [line for line in body.split("\n") if "#" not in line]
    # The first write of an element may be an assignment.
    found, wanted = ("".join(t.split()).replace("+=", "=") for t in ("".join(lines), expected))
    assert found == wanted


SCALAR = [p for p in PROGRAMS if p[0] not in (labelled, other_precision)]


@pytest.mark.parametrize(("f", "args", "wrt"), SCALAR, ids=lambda v: getattr(v, "__name__", None))
def test_text_runs_alone_and_can_be_transformed_again(
    f: Callable[..., Any], args: tuple[Any, ...], wrt: tuple[int, ...]
) -> None:
    function = grad(f)
    expected = function(*args)
    text = function.source
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    name = f"{f.__name__}_grad"
    assert differences.error(namespace[name](*args), expected) < 1e-13
    types = {n: type_of(a, "exact") for n, a in zip(f.__code__.co_varnames, args, strict=False)}
    module = Module.from_text(text, "again.py")
    v = np.cos(np.arange(args[0].size)).reshape(args[0].shape)
    exec(derive(module, name, "forward", (0,), types=types).body, namespace)
    _, tangent = namespace[f"{name}_jvp"](*args, v)
    assert differences.error(tangent, hvp(f)(*args, v)) < 1e-9
    exec(derive(module, name, "reverse", (0,), types=types).body, namespace)
    _, (adjoint,) = namespace[f"{name}_vjp"](*args, v)
    assert differences.error(adjoint, tangent) < 1e-9
