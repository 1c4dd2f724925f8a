"""Programs with NumPy's reductions, sorting and selection: derivatives, texts, and conventions at the edges."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from srcdiff import TransformError, grad, hessian, hvp, jacobian, jvp
from srcdiff.compiler import derive
from srcdiff.frontend.module import Module
from tests.oracles import differences
from tests.rule_checks import type_of
from tests.support import check_gradient, check_modes

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
        sum([np.linalg.norm(v, p) for p in (1, 2, 3, 2.5)])
        + np.linalg.norm(v, np.inf) * np.linalg.norm(v, -np.inf)
        + np.linalg.norm(x) * np.linalg.norm(x, 1)
        + np.linalg.norm(x, np.inf, axis=(0, 1))
        + np.sum(np.linalg.norm(x, axis=0, keepdims=True) * x)
    )


def norms_of_rows(x):
    return np.sum(np.linalg.norm(x, 1, axis=1) ** 2) + np.linalg.norm(x, "fro") + np.linalg.norm(x, -1)


def norm_of_any_order(x, p):
    return np.linalg.norm(x, p)


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
    (norm_of_any_order, (X, 2.2), (0,)),
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
    assert "".join("".join(lines).split()) == "".join(expected.split())


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


# Conventions: the value of the derivative where there is none, or where it is delicate.

CONVENTIONS: list[tuple[str, Callable[..., Any], Any, Any]] = [
    ("max: equal elements share", lambda x: np.max(x), [1.0, 3.0, 3.0], [0.0, 0.5, 0.5]),
    ("min: equal elements share", lambda x: x.min(), [1.0, 1.0, 3.0], [0.5, 0.5, 0.0]),
    ("max: an equal initial value shares", lambda x: np.max(x, initial=3.0), [1.0, 3.0, 3.0], [0.0, 1 / 3, 1 / 3]),
    ("ptp: equal elements share", lambda x: np.ptp(x), [1.0, 3.0, 3.0], [-1.0, 0.5, 0.5]),
    (
        "maximum.accumulate: the last that equals",
        lambda x: np.maximum.accumulate(x)[2],
        [3.0, 3.0, 1.0],
        [0.0, 1.0, 0.0],
    ),
    ("median: the place in a stable sort", lambda x: np.median(x), [2.0, 2.0, 2.0], [0.0, 1.0, 0.0]),
    ("median: two in the middle", lambda x: np.median(x), [2.0, 1.0, 2.0, 2.0], [0.5, 0.0, 0.5, 0.0]),
    ("quantile: the places in a stable sort", lambda x: np.quantile(x, 0.25), [1.0, 1.0, 1.0], [0.5, 0.5, 0.0]),
    ("sort: a stable one", lambda x: np.sort(x) @ np.array([1.0, 2.0, 3.0]), [2.0, 1.0, 1.0], [3.0, 1.0, 2.0]),
    ("partition: a stable sort", lambda x: np.partition(x, 0)[0], [1.0, 1.0, 2.0], [1.0, 0.0, 0.0]),
    ("prod: one zero", lambda x: np.prod(x), [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    ("prod: two zeros", lambda x: np.prod(x), [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ("cumprod: a zero", lambda x: np.cumprod(x)[2], [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    ("std: equal elements", lambda x: np.std(x), [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]),
    ("nanstd: equal elements", lambda x: np.nanstd(x), [2.0, np.nan, 2.0], [0.0, 0.0, 0.0]),
    ("norm: zero", lambda x: np.linalg.norm(x), [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ("norm 1: an element that is zero", lambda x: np.linalg.norm(x, 1), [0.0, -2.0, 1.0], [0.0, -1.0, 1.0]),
    ("norm 3: zero", lambda x: np.linalg.norm(x, 3), [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ("norm 1/2: an element that is zero", lambda x: np.linalg.norm(x, 0.5), [0.0, 4.0, 0.0], [0.0, 1.0, 0.0]),
    ("norm inf: equal elements share", lambda x: np.linalg.norm(x, np.inf), [-2.0, 2.0, 1.0], [-0.5, 0.5, 0.0]),
    ("norm -inf: zero", lambda x: np.linalg.norm(x, -np.inf), [0.0, 2.0, 1.0], [0.0, 0.0, 0.0]),
    ("norm 0: counts", lambda x: np.linalg.norm(x, 0), [0.0, 2.0, 1.0], [0.0, 0.0, 0.0]),
    ("nansum: NaN", lambda x: np.nansum(x), [1.0, np.nan, 2.0], [1.0, 0.0, 1.0]),
    ("nanmedian: NaN", lambda x: np.nanmedian(x), [1.0, np.nan, 2.0], [0.5, 0.0, 0.5]),
    ("nancumsum: NaN", lambda x: np.nancumsum(x)[2], [1.0, np.nan, 2.0], [1.0, 0.0, 1.0]),
    (
        "where: what is left out is not looked at",
        lambda x: np.sum(x, where=x < 9.0),
        [1.0, np.inf, 2.0],
        [1.0, 0.0, 1.0],
    ),
    ("logaddexp.reduce: nothing", lambda x: np.logaddexp.reduce(x), [-np.inf, -np.inf], [0.0, 0.0]),
    ("unique: values are constants", lambda x: np.sum(np.unique(x) ** 2), [3.0, 1.0, 3.0], [0.0, 0.0, 0.0]),
    ("histogram: counts", lambda x: np.sum(np.histogram(x, 2)[0] ** 2) * x[0], [3.0, 1.0, 2.0], [5.0, 0.0, 0.0]),
    ("histogram: edges go with the extrema", lambda x: np.histogram(x, 4)[1][1], [3.0, 1.0, 2.0], [0.25, 0.75, 0.0]),
    ("searchsorted: a step", lambda x: np.searchsorted(x, 1.5) * x[0], [1.0, 2.0, 3.0], [1.0, 0.0, 0.0]),
    ("count_nonzero: a step", lambda x: np.count_nonzero(x) * x[1], [0.0, 2.0, 3.0], [0.0, 2.0, 0.0]),
]


@pytest.mark.parametrize(("f", "x", "expected"), [c[1:] for c in CONVENTIONS], ids=[c[0] for c in CONVENTIONS])
def test_convention(f: Callable[..., Any], x: Any, expected: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        point = np.array(x)
        assert grad(f)(point) == pytest.approx(np.array(expected))
        for k, unit in enumerate(np.eye(len(x))):
            assert jvp(f, (point,), (unit,))[1] == pytest.approx(expected[k])


def test_a_quantile_at_an_element_grows_towards_the_next() -> None:
    def f(q):
        return np.quantile(np.array([0.0, 1.0, 3.0]), q)

    assert [grad(f)(q) for q in (0.25, 0.5, 1.0)] == [2.0, 4.0, 4.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.max(x, axis=1).sum(),
        lambda x: np.median(x, axis=0).sum(),
        lambda x: np.quantile(x, 0.3),
        lambda x: np.std(x, axis=1).sum(),
        lambda x: np.mean(x, where=x > 0, axis=1).sum(),
        lambda x: np.nanmean(x, axis=1).sum(),
        lambda x: np.cumprod(x)[3],
        lambda x: np.sort(x, axis=0)[0].sum(),
        lambda x: np.linalg.norm(x, 3, axis=1).sum(),
        lambda x: np.gradient(x, axis=0)[0].sum(),
        lambda x: np.diff(x).sum(),
        lambda x: np.average(x, weights=np.ones((3, 4), dtype=np.float32)),
    ],
)
def test_single_precision_stays(f: Callable[..., Any]) -> None:
    assert grad(f)(A.astype(np.float32)).dtype == np.float32
    assert grad(f)(A.astype(np.float32)) == pytest.approx(grad(f)(A), rel=1e-4, abs=1e-5)


REFUSED = [
    ("np.average(x, returned=True)[0]", "`numpy.average` with `returned=` is not supported"),
    ("np.take(x, 1, mode='wrap')", "`numpy.take` with `mode=` is not supported"),
    ("np.nansum(x, where=x > 0)", "`numpy.nansum` with `where=` is not supported"),
    ("np.cumsum(x, 0, None, x)[0]", "`numpy.cumsum` with `out=` is not supported"),
    ("np.quantile(x, 0.3, method='nearest')", "the method 'nearest' has no rule"),
    ("np.linalg.norm(x.reshape(1, -1), 3)", "a matrix has no norm of order 3"),
    ("np.gradient(x.reshape(2, -1), x, x, x)[0][0, 0]", "takes one spacing or 2"),
    ("np.sum(x, where=np.ones(3))", "booleans as `where=`"),
    ("np.hypot.outer(x)", "`numpy.hypot.outer` is supported with two arguments"),
    ("np.true_divide.reduce(x)", "no rule for `numpy.true_divide.reduce`"),
    ("x.ptp()", "no rule for the method `.ptp()`"),
]


@pytest.mark.parametrize(("expression", "message"), REFUSED)
def test_refused(expression: str, message: str) -> None:
    text = f"{HEAD}def f(x: Annotated[np.ndarray, 'n']):\n    return {expression}\n"
    with pytest.raises(TransformError) as caught:
        derive(Module.from_text(text, "f.py"), "f", "gradient")
    assert message in str(caught.value)
    assert caught.value.lineno == 4


def test_unknown_ranks_are_refused_with_a_remedy() -> None:
    text = "import numpy as np\ndef f(x):\n    return np.median(x, axis=0).sum()\n"
    with pytest.raises(TransformError, match="annotate the parameter"):
        derive(Module.from_text(text, "f.py"), "f", "gradient")


def test_integers_are_never_active() -> None:
    def f(x, k):
        return np.median(k) * x + np.sum(np.sort(k)[:2]) * x**2 + np.cumprod(k)[-1] * x

    assert grad(f)(0.5, np.array([3, 1, 2])) == pytest.approx(2.0 + 3.0 + 6.0)


def test_arguments_by_position_are_numpys() -> None:
    def f(x):
        return np.sum(np.std(x, 0, None, None, 1) ** 2) + np.sum(x.sum(1, None, None, True) * x) + x.mean(0, None)[1]

    check_modes(f, A)
