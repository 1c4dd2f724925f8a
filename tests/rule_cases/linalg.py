"""Products and linear algebra of NumPy and of `scipy.linalg`."""

from __future__ import annotations

from typing import Any

from tests.rule_cases.operands import Case, array, single


def _einsum(subscripts: str, *arrays: Any) -> list[Case]:
    """With and without `optimize=`."""
    positions = range(len(arrays))
    found: list[Case] = [("np.einsum", (subscripts, *arrays), tuple(1 + i for i in positions))]
    for optimize in (False, "greedy") if len(arrays) > 1 else ():
        found.append(("einsum_product", (optimize, subscripts, *arrays), tuple(2 + i for i in positions)))
    return found


EINSUM: list[Case] = [
    case
    for subscripts, arrays in (
        ("...ij,...jk->...ik", (array(4, 2, 3), array(4, 3, 2))),
        ("...ij,...jk", (array(4, 2, 3), array(3, 2))),
        ("i...,j", (array(2, 3), array(4))),
        ("...,...", (array(2, 3), array(3))),
        ("...,...->...", (array(4, 1), array(3))),
        ("...i->...", (array(2, 3),)),
        ("...", (array(2),)),
        ("ii", (array(3, 3),)),
        ("ii->i", (array(3, 3),)),
        ("iij->ij", (array(2, 2, 3),)),
        ("iji,j->i", (array(2, 3, 2), array(3))),
        ("iii", (array(2, 2, 2),)),
        ("...ii->...i", (array(3, 2, 2),)),
        ("ba", (array(2, 3),)),
        ("ij->ij", (array(2, 3),)),
        ("ij,kl->jl", (array(2, 3), array(2, 4))),
        ("ij,jk->ik", (array(2, 1), array(3, 2))),
        ("ij,jk->ik", (array(2, 3), array(1, 2))),
        ("ij,ij->", (array(1, 3), array(2, 1))),
        ("ij,j->", (array(2, 1), array(3))),
        ("ij,jk,kl->il", (array(2, 3), array(3, 4), array(4, 2))),
        ("i,i,i,i", (array(3), array(3), array(3), array(3))),
        ("i,ij,j", (array(2), array(2, 3), array(3))),
        ("Ba,aB", (array(2, 3), array(3, 2))),
        ("i,->i", (array(3), 0.7)),
        (",", (0.6, 0.7)),
        ("ij,jk->ik", (array(0, 3), array(3, 2))),
        ("ij,jk->ik", (array(2, 0), array(0, 2))),
        ("ij,jk->ik", (single(2, 3), single(3, 2))),
        ("ii,i->", (single(3, 3), single(3))),
    )
    for case in _einsum(subscripts, *arrays)
]

EINSUM += [
    ("fitted", (array(2, 3, 4), array(1, 4)), (0,)),
    ("fitted", (array(1, 4), array(3, 1)), (0,)),
]

CASES: list[Case] = [*EINSUM]

ONE_BY_ONE = {"fitted"}
DENSE = {"fitted"}

REFUSED = {"np.einsum", "einsum_product"}
