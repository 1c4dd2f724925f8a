"""Records: named tuples and dataclasses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.rule_cases.operands import Case

X3 = np.array([0.4, -1.2, 2.0])


class Pair(NamedTuple):
    w: object
    b: object


CASES: list[Case] = [
    ("make_record", (Pair, 0.5, X3), (1, 2)),
    ("make_record", (Pair, "a", X3), (2,)),
    ("make_record", (Pair, [0.5, 1.5], (X3, 2.0)), (1, 2)),
]
STACKS_REFUSED = {"unknown": {"make_record"}}
