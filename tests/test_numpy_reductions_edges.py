"""The conventions of NumPy's reductions, sorting and selection at the edges; precision; what is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from srcdiff import TransformError, grad, jvp
from srcdiff.compiler import derive
from srcdiff.frontend.module import Module
from tests.support import check_modes

A = np.array([[0.7, -0.4, 1.9, 0.2], [-1.3, 0.6, 0.1, 1.1], [0.9, -0.8, 0.5, -0.3]])
HEAD = "from typing import Annotated\nimport numpy as np\n"

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
    ("np.quantile(x, 0.3, method='nearest')", "the method 'nearest' has no rule"),
    ("np.linalg.norm(x.reshape(1, -1), 3)", "a matrix has no norm of order 3"),
    ("np.linalg.norm(x, float('inf'))", "a norm whose order is decided at run time has no rule"),
    ("np.linalg.norm(x, x[0])", "the order of a norm is not differentiated"),
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
