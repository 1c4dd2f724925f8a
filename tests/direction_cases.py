"""Operands for the checks of stacks of directions, beside those that the checks of the rules share.

Out: `INDICES`, arrays with indices; `written(indices)`, writes through them; `MORE`, primitives with operands.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.primitives.table import TABLE
from tests.rule_cases.operands import Case, array, single, spd

Combination = tuple[bool, ...]


A234, A23, A3, A2 = array(2, 3, 4), array(2, 3), array(3), array(2)
ROWS, COLUMNS, MASK = np.array([0, 1, 1]), np.array([2, 0, 3]), np.array([[True, False, True], [False, True, False]])
ALL = slice(None)

INDICES: list[tuple[np.ndarray, Any]] = [
    *((A234, i) for i in (0, -1, ALL, slice(None, None, -1), slice(1, 5), Ellipsis, None, ROWS, MASK, [0, 1], ())),
    *((A234, i) for i in ((0, 1), (0, 1, 2), (0, ALL, 1), (ALL, 1), (ALL, ALL, -1), (0, slice(0, 2), None))),
    *((A234, i) for i in ((Ellipsis, 0), (0, Ellipsis), (0, Ellipsis, 1), (Ellipsis, ALL, None), (None, 0, ALL, None))),
    *(
        (A234, i)
        for i in ((ROWS, 1), (0, COLUMNS - 1, 1), (ALL, ROWS), (ALL, 0, COLUMNS), (ALL, ROWS, COLUMNS), (ROWS, ROWS))
    ),
    # Apart from each other: NumPy puts the axes of the index arrays in front.
    *(
        (A234, i)
        for i in (
            (ROWS, ALL, COLUMNS),
            (0, ALL, COLUMNS),
            (ROWS, ALL, 2),
            (ROWS, None, ROWS),
            (Ellipsis, ROWS, None, COLUMNS),
        )
    ),
    *(
        (A234, i)
        for i in (
            (ROWS[:, None], ALL, COLUMNS),
            (0, None, COLUMNS - 1),
            (ROWS, Ellipsis, COLUMNS),
            (np.array(1), ALL, COLUMNS),
        )
    ),
    *(
        (A234, i)
        for i in (
            (MASK, 1),
            (MASK, ALL),
            (np.array([True, False]), ALL, COLUMNS[:1]),
            (0, MASK[0]),
            (ALL, MASK[0], 1),
            (MASK, COLUMNS),
        )
    ),
    *(
        (A3, i)
        for i in (1, ROWS, np.array(1), np.array([[0, 1], [2, 2]]), MASK[0], np.zeros(0, int), (ALL, None), (1, None))
    ),
    *((np.zeros((0, 3)), i) for i in (ALL, (ALL, 1), np.zeros(0, int))),
    *((np.array(0.5), i) for i in ((), Ellipsis, None, (None, None))),
]


def written(indices: list[tuple[np.ndarray, Any]]) -> list[Case]:
    """Writes through indices, of numbers, of arrays of the place's shape, of fewer and of more axes."""
    cases: list[Case] = []
    for x, index in indices:
        place = np.shape(x[index])
        shapes = dict.fromkeys([place, place[1:], (1, *place), (1,) * len(place), place[-1:]])
        values: list[Any] = [0.7, *(np.array(array(*s)) for s in shapes)]
        cases += [
            (name, (x, index, v), (0, 2))
            for name in ("index_set", "index_add")
            for v in values
            if fits(x, index, v, name)
        ]
    return cases


def fits(x: np.ndarray, index: Any, value: Any, name: str) -> bool:
    """Whether NumPy takes the value (what is assigned may have leading axes of size 1, what is added may not)."""
    if name == "index_add" and x.ndim == 1 and 0 < np.ndim(value) < np.ndim(x[index]):
        return False  # np.add.at of NumPy 2.4 reads beyond the end of such a value
    try:
        TABLE[name].evaluate(x, index, value)
    except (ValueError, TypeError):
        return False
    return True


MORE: list[Case] = [
    *(("index_get", pair, (0,)) for pair in INDICES),
    # What has no derivative: of each direction, or of all of them.
    *(
        (n, (A23,), (0,))
        for n in ("shape", "ndim", "size", "dtype", "len", "np.floor", "np.sign", "np.isnan", "np.argsort")
    ),
    *(
        (n, (x,), (0,))
        for n in ("zeros_like", "zeros_if_defined", "copy", "identity")
        for x in ([0.5, A3], {"a": (A3, 1)}, None, 3)
    ),
    *(
        (n, (A23,), (0,))
        for n in ("np.zeros_like", "np.ones_like", "np.empty_like", "zeros_like", "np.all", "np.count_nonzero")
    ),
    *(
        (n, (A23, axis, keep), (0,))
        for n in ("np.argmax", "np.any")
        for axis, keep in ((0, False), (-1, True), (None, False))
    ),
    *((n, (A23, A3), (0, 1)) for n in ("less", "greater_equal", "equal", "not_equal", "floor_divide")),
    ("np.round", (A23, 2), (0,)),
    ("shape", (0.5,), (0,)),
    ("size", (0.5,), (0,)),
    ("len", ([0.5, A3],), (0,)),
    ("last_written", (A3, ROWS), (0,)),
    ("is_", (A3, None), (0,)),
    # Ranks that the shared cases leave out.
    *(("np.full_like", (x, 0.7, d), (0, 1)) for x in (single(2, 3), np.array([1, 2]), A23) for d in (None, "float32")),
    ("np.full_like", (A23, A3), (0, 1)),
    ("np.full", ((2, 3), 0.7, "float32"), (1,)),
    ("np.array", ([0.5, 0.6], "float32"), (0,)),
    ("np.array", ([[[0.5], [0.6]], [[0.5], [0.1]]],), (0,)),
    ("np.array", (((A3, A3), (A3, A3)),), (0,)),
    ("unpack", (A234, [[array(4)] * 3, [array(4)] * 3]), (0,)),
    ("unpack", (A23, ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))), (0,)),
    ("unpack", (A23, [(0.5, 0.5, 0.5), (0.5, 0.5, 0.5)]), (0,)),
    ("unpack", (A23, [A3, A3]), (0,)),
    ("tolist", (A3,), (0,)),
    ("tolist", (A234,), (0,)),
    ("item", (array(1, 1),), (0,)),
    ("item", (np.array(0.5),), (0,)),
    ("list", (A234,), (0,)),
    ("tuple", (A23,), (0,)),
    ("reversed", (A23,), (0,)),
    ("reversed", ((0.5, A3),), (0,)),
    ("T", (A234,), (0,)),
    ("T", (0.5,), (0,)),
    ("np.transpose", (A234,), (0,)),
    ("np.ravel", (0.5,), (0,)),
    ("np.reshape", (0.5, (1, 1)), (0,)),
    ("np.cumsum", (0.5,), (0,)),
    ("np.roll", (A3, 1), (0,)),
    ("np.flip", (0.5,), (0,)),
    ("np.flip", (A3,), (0,)),
    ("np.repeat", (A3, 2), (0,)),
    ("np.tile", (0.5, (2, 3)), (0,)),
    ("np.squeeze", (array(2, 1),), (0,)),
    ("np.squeeze", (A23,), (0,)),
    ("np.atleast_1d", (A3,), (0,)),
    ("np.atleast_2d", (0.5,), (0,)),
    ("np.atleast_2d", (A234,), (0,)),
    *(
        ("split_like", (g, parts, axis), (0, 1))
        for g, parts, axis in (
            (array(5, 3), (A23, array(3, 3)), 0),
            (array(3, 5), [array(3, 2), array(3, 3)], -1),
            (array(3, 3), (A3, A23), 0),
            (array(3, 3), (A3, array(3, 2)), 1),
            (array(2, 3), [A3, A3], 0),
            (array(2), [0.5, 0.6], 0),
            (array(2, 1), (0.5, 0.6), 0),
            (array(1, 2), (0.5, 0.6), 1),
        )
    ),
    *((n, (c([0.5, 0.6]),), (0,)) for n in ("np.vstack", "np.hstack", "np.column_stack") for c in (list, tuple)),
    *((n, (parts,), (0,)) for n in ("np.vstack", "np.hstack", "np.column_stack") for parts in (A23, A234)),
    ("np.hstack", ((0.5, A3),), (0,)),
    *(("np.concatenate", (A234, axis), (0,)) for axis in (0, -1, None)),
    ("np.concatenate", ((A3, A23), None), (0,)),
    ("np.concatenate", ((A3, np.array([1, 2])), 0), (0,)),
    *(("np.stack", (A23, axis), (0,)) for axis in (0, 1, -1)),
    *(
        ("unbroadcast", (g, x), (0, 1))
        for g, x in (
            (A23, array(1, 3)),
            (A23, array(2, 1)),
            (A234, array(3, 1)),
            (A3, array(2, 3)),
            (A3, array(1, 3)),
            (0.5, A3),
            (A3, A3),
            (A234, 0.5),
            (array(1, 3), A3),
        )
    ),
    ("spread_over", (A23, [A3, A3]), (0, 1)),
    ("spread_over", (A23, (A3, 0.5, A23)), (0, 1)),
    ("fold", ([A3, A3, A3, A3], [A3, A3]), (0, 1)),
    ("sum", ([A3, A3], A3), (0, 1)),
    ("sum", ([0.5, 0.6], A23), (0, 1)),
    ("sum", ((A3, A3), A23), (0, 1)),
    ("sum", (A23, A3), (0, 1)),
    ("add", ((0.5, 1), (A3,)), (0, 1)),
    ("make_list", (0.5, 1, 2.0), (0, 2)),
    ("make_tuple", (0.5, 1, None, [0.5, 0.6], (A3, 2), {"a": 0.5}), (0, 3, 4, 5)),
    ("append", ([1, 2], 0.5), (1,)),
    ("append", ([(0.5, A3)], (0.6, A3)), (0, 1)),
    ("index_set", ([0.5, 0.6, 0.7], slice(0, 2), [0.1, 0.2]), (0, 2)),
    ("index_set", ([1, 2], 0, 0.5), (2,)),
    ("index_get", ((0.5, 0.6), -1), (0,)),
    ("index_get", ([(0.5, 3), (0.6, 4)], 1), (0,)),
    ("accumulate", ((0.5, None, A3), (0.6, None, A3)), (0, 1)),
    ("accumulate", ({"a": 0.5, "b": A3}, {"a": 0.6, "b": A3}), (0, 1)),
    ("accumulate", (None, A3), (1,)),
    ("accumulate", (A3, None), (0,)),
    ("accumulate", (0.5, A3), (0, 1)),
    ("accumulate", (single(3), single(3)), (0, 1)),
    # Products.
    *(
        ("matmul", (array(*p), array(*q)), (0, 1))
        for p, q in (((3,), (2, 3, 4)), ((2, 4, 3), (3,)), ((1, 2, 3), (2, 3, 1)), ((3,), (5, 2, 3, 4)))
    ),
    ("np.outer", (A23, array(2, 2)), (0, 1)),
    ("np.outer", (0.5, A3), (0, 1)),
    ("np.vdot", (0.5, 0.6), (0, 1)),
    ("np.inner", (0.5, A23), (0, 1)),
    ("np.inner", (A234, array(2, 4)), (0, 1)),
    ("np.dot", (A234, array(4, 2)), (0, 1)),
    ("np.dot", (A234, array(4)), (0, 1)),
    ("np.einsum", ("ii->i", array(3, 3)), (1,)),
    ("np.einsum", ("kz, z", array(2, 3), A3), (1, 2)),
    *(("np.linalg.solve", (spd(2), array(2, n)), (0, 1)) for n in (1, 2)),
    ("np.linalg.solve", (np.stack([spd(2), spd(2), spd(2)]), array(3, 2, 2)), (0, 1)),
    *((n, (np.zeros((0, 3)),), (0,)) for n in ("np.sum", "np.cumsum", "T", "np.ravel", "np.flip", "negative")),
]
