"""Reductions, cumulative sums and products, differences, sorting and selection along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.primitives.table import TABLE
from tests.rule_cases.operands import Case, array, single

X3, X23, X232, X0, X1 = array(3), array(2, 3), array(2, 3, 2), np.zeros(0), array(1)
X4, X45 = array(4), array(4, 5)
APART = X45 / 4 + np.arange(1.0, 5.0)[:, None] * np.eye(4, 5)  # no singular value is near 0 or near another
GRID = np.array([0.1, 0.5, 0.8, 1.5, 1.7])
MASK3, MASK23 = np.array([True, False, True]), np.array([[True, False, True], [True, True, False]])
NAN3 = np.array([0.5, np.nan, 0.7])
NAN24 = np.array([[0.5, np.nan, 0.7, 0.45], [0.4, 0.8, 0.6, 0.9]])
NAN23 = np.array([[0.5, np.nan, 0.7], [0.4, 0.8, np.nan]])
INF = np.inf


def signed(x: np.ndarray) -> np.ndarray:
    """The elements with alternating signs."""
    return x * np.resize([1.0, -1.0, -1.0], x.shape)


ALONG: list[tuple[np.ndarray, Any, bool, Any]] = [
    (X3, None, False, MASK3),
    (X23, None, True, MASK23),
    (X23, None, False, MASK3),
    (X23, 0, False, MASK23),
    (X23, -1, True, MASK3),
    (X23, 1, False, np.array([[True], [True]])),
    (X232, (0, -1), False, np.array([True, False])[:, None, None]),
    (X23, 1, False, True),
]
"""Arrays, axes, keepdims and masks that choose something everywhere along the axes."""

CASES: list[Case] = [
    # Chosen elements, initial values, other precisions.
    *(
        (f"np.{n}(where)", (x, axis, None, keep, initial, mask), (0,) if initial is None else (0, 4))
        for n in ("sum", "prod")
        for x, axis, keep, mask in (ALONG if n == "sum" else [a for a in ALONG if not np.all(a[3]) or a[0] is X23])
        for initial in ((None, 0.7) if n == "sum" or axis is None else (0.7,))
    ),
    *(("np.mean(where)", (x, axis, None, keep, mask), (0,)) for x, axis, keep, mask in ALONG),
    *(
        (f"np.{n}(where)", (x, axis, None, ddof, keep, mask), (0,))
        for n in ("var", "std")
        for x, axis, keep, mask in ALONG
        if axis != 0
        for ddof in (0, 1)
    ),
    *(
        (f"np.{n}(where)", (x, axis, keep, initial, mask), (0, 3))
        for n in ("max", "min")
        for x, axis, keep, mask in ALONG
        for initial in ((0.1, 0.6, 0.95) if axis == 0 else (0.6,))
    ),
    ("np.max(where)", (X0, None, False, 0.3, True), (0, 3)),
    ("np.sum(where)", (single(2, 3), 1, None, False, 0.5, MASK23), (0,)),
    ("np.sum(where)", (single(3), None, "float64", False, None, True), (0,)),
    ("np.mean(where)", (single(2, 3), 1, None, False, MASK23), (0,)),
    ("np.std(where)", (single(2, 3), 1, None, 0, False, MASK23), (0,)),
    ("np.max(where)", (single(2, 3), 1, False, 0.1, MASK23), (0,)),
    ("np.var(where)", (X3, None, "float64", 0, False, True), (0,)),
    *(
        (f"np.{n}", (x, axis, keep), (0,))
        for n in ("nansum", "nanmean", "nanmax", "nanmin", "nanprod")
        for x, axis, keep in ((NAN3, None, False), (NAN23, None, True), (NAN23, 1, False), (NAN23, -1, True))
    ),
    *(
        (f"np.{n}", (x, axis, ddof, keep), (0,))
        for n in ("nanvar", "nanstd")
        for x, axis, ddof, keep in ((NAN3, None, 0, False), (NAN23, None, 1, True), (NAN23, 1, 0, False))
    ),
    # Norms.
    *(
        ("np.linalg.norm", (signed(x), order, axis, keep), (0,))
        for x, axis, keep in ((X3, None, False), (X23, 0, False), (X23, -1, True), (X232, 1, False))
        for order in (1, 2, INF, -INF, 0, 3, 2.5, 0.5, -1)
    ),
    *(
        ("np.linalg.norm", (signed(x), order, axis, keep), (0,))
        for x, axis, keep in ((X23, None, False), (X23, None, True), (X232, (0, 2), False), (X232, (-1, 1), True))
        for order in ("fro", 1, -1, INF, -INF)
    ),
    ("np.linalg.norm", (X232,), (0,)),
    ("np.linalg.norm", (X232, None, (0, 2)), (0,)),
    ("np.linalg.norm", (single(2, 3), 1, 0), (0,)),
    ("np.linalg.norm", (single(2, 3), 3, 1), (0,)),
    *(
        ("np.linalg.norm", (x, order, axis, keep), (0,))
        for x, axis, keep in ((APART, None, False), (X23, None, True), (X232, (0, 2), False), (X232, (-1, 1), True))
        for order in (2, -2, "nuc")
        if "np.linalg.svd" in TABLE
    ),
    # Products along several axes, with zeros.
    *(
        ("np.prod", (x, axis, keep), (0,))
        for x in (X232, X232 * np.array([[[1.0], [0.0], [1.0]], [[1.0], [1.0], [1.0]]]))
        for axis, keep in (((0, 2), False), ((-1, 1), True), ((0, 1, 2), False), ((1,), False), ((), False))
    ),
    ("product_of_others", (X232, (0, 2)), (0,)),
    ("product_of_others", (X232, None), (0,)),
    # Cumulative sums and products, with zeros.
    *(("np.cumprod", (x, axis), (0,)) for x, axis in ((X3, None), (X3, 0), (X23, None), (X23, 1), (X23, -2), (X0, 0))),
    ("np.cumprod", (np.array([0.5, 0.0, 0.7, 0.0, 0.3]), 0), (0,)),
    ("np.cumprod", (np.array([[0.5, 0.0], [0.0, 0.7], [0.4, 0.6]]), 0), (0,)),
    ("np.cumprod", (single(2, 3), 1), (0,)),
    ("np.cumprod(dtype)", (single(3), 0, "float64"), (0,)),
    ("np.cumsum(dtype)", (single(2, 3), 0, "float64"), (0,)),
    ("np.cumsum(dtype)", (X23, None, None), (0,)),
    *((f"np.nancum{n}", (x, axis), (0,)) for n in ("sum", "prod") for x, axis in ((NAN3, None), (NAN23, 1))),
    *(
        (n, (array(*shape), array(*shape), axis), (0, 1))
        for n in ("recurrence", "recurrence_back")
        for shape, axis in (((1,), 0), ((5,), 0), ((2, 5), 1), ((3, 2), -2), ((0,), 0))
    ),
    *(
        ("np.logaddexp.reduce", (x, axis, keep), (0,))
        for x, axis, keep in (
            (X3, 0, False),
            (X23, 0, False),
            (X23, -1, True),
            (X232, (0, 2), False),
            (X23, None, False),
        )
    ),
    ("np.logaddexp.reduce", (np.array([[0.5, 0.7], [-INF, 0.2]]), 0, False), (0,)),
    # Differences and integrals.
    *(("np.diff", (x, n, axis), (0,)) for x, n, axis in ((X3, 1, -1), (X23, 1, 0), (X23, 2, 1), (X1, 1, 0))),
    ("np.diff", (X3, 1, -1, 0.2, 0.4), (0, 3, 4)),
    ("np.diff", (X3, 2, 0, array(2), None), (0, 3)),
    ("np.diff", (X23, 1, 0, array(1, 3), 0.5), (0, 3, 4)),
    ("np.diff", (X23, 1, 1, None, array(2, 2)), (0, 4)),
    ("np.diff", (single(2, 3), 1, 0), (0,)),
    ("np.ediff1d", (X3,), (0,)),
    ("np.ediff1d", (X23, array(2), 0.3), (0, 1, 2)),
    *((f"np.{n}", (X3,), (0,)) for n in ("trapezoid", "trapz")),
    *((f"np.{n}", (X23, None, 0.4, 0), (0, 2)) for n in ("trapezoid", "trapz")),
    ("np.trapezoid", (X3, array(3)), (0, 1)),
    ("np.trapezoid", (X23, array(3)), (0, 1)),
    ("np.trapezoid", (X23, array(2), 1.0, 0), (0, 1)),
    ("np.trapezoid", (X23, array(2, 3), 1.0, -1), (0, 1)),
    ("np.trapezoid", (single(2, 3), None, 1.0, 1), (0,)),
    *(("np.gradient", (x, axis, order), (0,)) for x, axis in ((X4, None), (X45, 0), (X45, -1)) for order in (1, 2)),
    *(
        ("np.gradient(spacing)", (x, h, axis, order), (0, 1))
        for x, h, axis in ((X4, 0.3, None), (X45, 0.3, 1), (X4, GRID[:4], 0), (X45, GRID, -1), (X45, GRID[:4], 0))
        for order in (1, 2)
    ),
    ("np.gradient(spacing)", (single(4), 0.3, 0, 1), (0,)),
    # Statistics.
    *(
        (f"np.{n}", (x, axis, keep), (0,))
        for n in ("ptp", "median")
        for x, axis, keep in ((X3, None, False), (X4, 0, True), (X23, None, True), (X45, 0, False), (X45, -1, True))
    ),
    *(("np.median", (x, axis, False), (0,)) for x, axis in ((X232, (0, -1)), (X232, 1), (X1, 0), (single(3, 2), 0))),
    *(
        ("np.nanmedian", (x, axis, keep), (0,))
        for x, axis, keep in ((NAN3, None, False), (NAN23, 1, True), (NAN24, 0, False))
    ),
    *(
        (n, (x, q * scale, axis, "linear", keep), (0,) if isinstance(q, int) else (0, 1))
        for n, scale in (("np.quantile", 1), ("np.percentile", 100))
        for q in (0.3, 0.81, 1, np.array([0.1, 0.55]))
        for x, axis, keep in ((X4, None, False), (X45, 1, False), (X45, 0, True), (X232, (0, 1), False))
    ),
    *(("np.quantile", (X45, 0.3, -1, m, False), (0,)) for m in ("lower", "higher", "midpoint")),
    ("np.nanquantile", (NAN24, 0.3, 1), (0, 1)),
    ("np.nanquantile", (NAN24, np.array([0.3, 0.8]), 1), (0, 1)),
    ("np.nanpercentile", (NAN3, 30.0), (0, 1)),
    ("np.percentile", (X45, [10, 50], 0), (0,)),
    *(
        ("np.average", (x, axis, w, keep), (0,) if w is None else (0, 2))
        for x, axis, w, keep in (
            (X3, None, array(3), False),
            (X3, 0, None, True),
            (X23, None, array(2, 3), True),
            (X23, 0, array(2), False),
            (X23, -1, array(3), True),
            (X23, 1, array(3), False),
            (X232, (0, 2), array(2, 3, 2), False),
        )
    ),
    ("np.cov", (X3,), (0,)),
    ("np.cov", (array(1, 4),), (0,)),
    ("np.corrcoef", (array(1, 4),), (0,)),
    ("np.cov", (X3, array(3)), (0, 1)),
    ("np.cov", (X45,), (0,)),
    ("np.cov", (X45, None, False, True), (0,)),
    ("np.cov", (X45, None, True, False, 0), (0,)),
    ("np.corrcoef", (X3, array(3)), (0, 1)),
    ("np.corrcoef", (X45,), (0,)),
    ("np.corrcoef", (array(4, 3), None, False), (0,)),
    # Sorting.
    *(("np.sort", (x, axis), (0,)) for x, axis in ((X3, -1), (X45, 0), (X45, -1), (X23, None), (X0, 0))),
    ("np.sort", (single(3, 2), 0, "stable"), (0,)),
    *(("np.partition", (x, 1, axis), (0,)) for x, axis in ((X4, -1), (X45, 0), (X45, None))),
    *(
        (f"np.{n}.accumulate", (x, axis), (0,))
        for n in ("maximum", "minimum")
        for x, axis in ((X4, 0), (X45, 0), (X45, 1), (X232, -2), (single(4), 0))
    ),
    # Choosing.
    *(
        ("np.take", (X45, i, axis), (0,))
        for i in (np.array([0, 2, 2]), np.array([[1], [3]]), 2)
        for axis in (None, 0, -1)
    ),
    ("np.take_along_axis", (X4, np.array([3, 1, 1]), 0), (0,)),
    ("np.take_along_axis", (X45, np.array([[3, 1, 1, 0, 2]]), 0), (0,)),
    ("np.take_along_axis", (X45, np.array([[1, 1], [0, 2], [4, 3], [2, 2]]), -1), (0,)),
    ("np.take_along_axis", (X23, np.array([4, 1]), None), (0,)),
    ("np.compress", (MASK3, X3), (1,)),
    ("np.compress", (MASK3, X23, 1), (1,)),
    ("np.extract", (MASK23, X23), (1,)),
    ("np.bincount", (np.array([1, 0, 1]), X3), (1,)),
    ("np.bincount", (np.array([1, 0, 1]), X3, 4), (1,)),
    ("np.histogram", (X45, 3), (0,)),
    ("np.histogram", (X4, 3, (0.1, 0.9)), (0,)),
    ("np.histogram", (X4, np.array([0.2, 0.5, 0.9])), (0, 1)),
]

REFUSED = {
    # Of arrays of which not even the rank is known.
    *("np.linalg.norm", "np.trapezoid", "np.trapz", "np.gradient", "np.gradient(spacing)", "np.diff"),
    *("np.median", "np.nanmedian", "np.quantile", "np.percentile", "np.nanquantile", "np.nanpercentile", "np.average"),
    *("np.maximum.accumulate", "np.minimum.accumulate", "np.take_along_axis", "np.histogram"),
    *("np.cov", "np.corrcoef"),
}

ONE_BY_ONE = {
    # Several initial values, several orders.
    *("np.max(where)", "np.min(where)", "np.prod(where)", "np.linalg.norm"),
    # Several spacings, weights, quantiles.
    *("np.diff", "np.ediff1d", "np.trapezoid", "np.trapz", "np.gradient(spacing)", "np.average"),
    *("np.quantile", "np.percentile", "np.nanquantile", "np.nanpercentile", "np.cov", "np.corrcoef"),
    *("np.bincount", "np.extract"),
    # Several axes.
    "np.median",
    # Factors that differ from direction to direction.
    *("recurrence", "recurrence_back"),
}
DENSE = {
    *("np.ediff1d", "recurrence", "recurrence_back", "np.average", "np.histogram", "np.bincount"),
    *("np.quantile", "np.percentile", "np.nanquantile", "np.nanpercentile", "np.cov", "np.corrcoef"),
}

STACKS_REFUSED = {mode: {"np.histogram"} for mode in ("exact", "symbols", "rank", "unknown")}
"""Whose counts differ from direction to direction."""
