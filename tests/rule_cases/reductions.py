"""Reductions, cumulative sums and products, differences, sorting and selection along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.rule_cases.operands import Case, array, single

X3, X23, X232, X0 = array(3), array(2, 3), array(2, 3, 2), np.zeros(0)
MASK3, MASK23 = np.array([True, False, True]), np.array([[True, False, True], [True, True, False]])
NAN3 = np.array([0.5, np.nan, 0.7])
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
    # Products along several axes, with zeros.
    *(
        ("np.prod", (x, axis, keep), (0,))
        for x in (X232, X232 * np.array([[[1.0], [0.0], [1.0]], [[1.0], [1.0], [1.0]]]))
        for axis, keep in (((0, 2), False), ((-1, 1), True), ((0, 1, 2), False), ((1,), False), ((), False))
    ),
    ("product_of_others", (X232, (0, 2)), (0,)),
    ("product_of_others", (X232, None), (0,)),
]

REFUSED = {"np.linalg.norm"}

ONE_BY_ONE = {
    # Several initial values, several orders.
    *("np.max(where)", "np.min(where)", "np.prod(where)", "np.linalg.norm"),
}
DENSE: set[str] = set()
