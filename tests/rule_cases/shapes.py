"""Shapes, joining and splitting, padding, grids, interpolation, convolution."""

from __future__ import annotations

import numpy as np

from tests.rule_cases.operands import Case, array, single

X3, X23, X1, X0 = array(3), array(2, 3), array(1), np.zeros(0)

JOINING: list[Case] = [
    # Parts of different lengths, empty ones, numbers and lists among arrays.
    *(("np.concatenate", ((X3, array(2), X0, array(4)), axis), (0,)) for axis in (0, -1, None)),
    *(("np.concatenate", ((X23, array(2, 4), array(2, 0)), axis), (0,)) for axis in (1, -1, None)),
    ("np.concatenate", ((array(2, 1, 3), array(2, 4, 3)), -2), (0,)),
    ("np.concatenate", (([0.5], X3, (0.6, 0.7), [0.8]),), (0,)),
    ("np.concatenate", ((X23, [[0.5, 0.6, 0.7]]),), (0,)),
    ("np.concatenate", ((X3,),), (0,)),
    ("np.concatenate", ((single(2, 3), single(1, 3)),), (0,)),
    ("np.concatenate", ((X3, array(2, 2), 0.7), None), (0,)),
    ("np.concatenate", (X23,), (0,)),
    *(("np.concatenate", (array(2, 3, 4), axis), (0,)) for axis in (0, 1, -1, None)),
    *(("np.stack", ((X23, array(2, 3), array(2, 3)), axis), (0,)) for axis in (0, 1, 2, -1, -3)),
    ("np.stack", ((0.3, 0.4, 0.5),), (0,)),
    ("np.stack", ((0.3, 0.4, 0.5), -1), (0,)),
    ("np.stack", ((X0, np.zeros(0)), 1), (0,)),
    ("np.stack", ((single(3), single(3)),), (0,)),
    *(("np.stack", (X23, axis), (0,)) for axis in (0, 1)),
    ("np.vstack", ((X3, array(2, 3), X3),), (0,)),
    ("np.vstack", ((0.3, 0.4),), (0,)),
    ("np.vstack", ((array(2, 3, 2), array(1, 3, 2)),), (0,)),
    ("np.vstack", (X23,), (0,)),
    ("np.vstack", (array(2, 3, 4),), (0,)),
    ("np.hstack", ((0.3, X3, 0.4, array(2)),), (0,)),
    ("np.hstack", ((0.3, 0.4),), (0,)),
    ("np.hstack", ((X23, array(2, 1), array(2, 2)),), (0,)),
    ("np.hstack", (([0.3, 0.4], X3),), (0,)),
    ("np.hstack", (X23,), (0,)),
    ("np.hstack", (array(2, 3, 4),), (0,)),
    ("np.column_stack", ((X3, array(3, 2), array(3), array(3, 1)),), (0,)),
    ("np.column_stack", (X23,), (0,)),
    *(("np.dstack", (parts,), (0,)) for parts in ((X3, array(3)), (X23, array(2, 3)), (0.2, 0.3))),
    ("np.dstack", ((array(2, 3, 2), X23, array(2, 3, 1)),), (0,)),
    ("np.dstack", ([array(2, 3, 2), array(2, 3, 1)],), (0,)),
    *(("np.append", (x, v), (0, 1)) for x, v in ((X3, array(2)), (X23, 0.7), (X23, array(2, 2)), (X3, [0.5, 0.6]))),
    *(("np.append", (X23, array(2, 2), axis), (0, 1)) for axis in (1, -1)),
    ("np.append", (X23, array(1, 3), 0), (0, 1)),
    ("np.append", (single(2), single(3)), (0, 1)),
    # Blocks.
    ("np.block", ((X3, array(2), 0.5),), (0,)),
    ("np.block", (((array(2, 2), array(2, 3)), (array(1, 2), array(1, 3))),), (0,)),
    ("np.block", (((array(2, 2), array(2, 1)), (X3,)),), (0,)),
    ("np.block", (((0.2, 0.3), (0.4, 0.5)),), (0,)),
    ("np.block", (((array(1, 2, 2), array(1, 2, 3)), (array(1, 1, 2), array(1, 1, 3))),), (0,)),
    ("np.block", ((X23, array(2, 1)),), (0,)),
]

DISPLAYS: list[Case] = [
    ("np.array", ((X3, array(3)),), (0,)),
    ("np.asarray", (((0.5, 0.6), (0.7, 0.8)),), (0,)),
]

CASES: list[Case] = [*JOINING, *DISPLAYS]

REFUSED = {"np.dstack", "np.append", "np.block"}

ONE_BY_ONE: set[str] = set()

DENSE: set[str] = set()

STACKS_REFUSED: dict[str, set[str]] = {"unknown": {"np.dstack", "np.append", "np.block", "np.stack", "np.asarray"}}
