"""Products and linear algebra of NumPy and of `scipy.linalg`."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.primitives.versions import CROSSES_PAIRS, SOLVES_STACKED_VECTORS
from tests.rule_cases.operands import Case, array, single, spd


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

PRODUCTS: list[Case] = [
    *(
        (name, (array(*p), array(*q)), (0, 1))
        for name, shapes in (
            (
                "np.dot",
                [
                    ((2,), (4, 2, 3)),
                    ((5, 2), (4, 2, 3)),
                    ((2, 3, 4), (4,)),
                    ((2, 3, 4), (4, 2)),
                    ((2, 1, 2), (3, 2, 1)),
                ],
            ),
            (
                "np.inner",
                [((2, 3, 4), (4,)), ((4,), (2, 3, 4)), ((2, 4), (3, 2, 4)), ((3, 2, 4), (2, 4)), ((0, 2), (3, 2))],
            ),
            ("np.outer", [((0,), (3,)), ((1,), (2, 2))]),
            (
                "np.kron",
                [((2,), (3,)), ((2, 3), (2, 2)), ((2,), (2, 3)), ((2, 1), (3,)), ((1, 2, 2), (2, 1)), ((0, 2), (2, 2))],
            ),
            (
                "np.cross",
                [((3,), (3,)), ((4, 3), (3,)), ((3,), (4, 3)), ((4, 1, 3), (2, 3))],
            ),
            ("np.vecdot", [((3,), (3,)), ((2, 3), (3,)), ((1, 3), (4, 3)), ((2, 0), (2, 0))]),
            ("np.matvec", [((2, 3), (3,)), ((4, 2, 3), (3,)), ((2, 3), (4, 3)), ((4, 2, 3), (1, 3))]),
            ("np.vecmat", [((2,), (2, 3)), ((2,), (4, 2, 3)), ((4, 2), (2, 3)), ((1, 2), (4, 2, 3))]),
            ("np.linalg.multi_dot", [((2, 3), (3, 2)), ((2,), (2, 3)), ((3, 2), (2,)), ((2,), (2,))]),
        )
        for p, q in shapes
    ),
    *(
        ("np.tensordot", (array(*p), array(*q), axes), (0, 1))
        for p, q, axes in (
            ((2, 3), (3, 4), 1),
            ((2, 3, 4), (3, 4, 5), 2),
            ((2,), (3, 2), 0),
            ((2, 3, 4), (4, 3, 2), ((0, 1), (2, 1))),
            ((2, 3, 4), (5, 3, 2), ((1, 0), (1, 2))),
            ((2, 3), (4, 3), (-1, -1)),
            ((2, 3), (3, 2), ((1, 0), (0, 1))),
            ((2, 0), (0, 3), 1),
            ((1, 2), (2, 1), ((0, 1), (1, 0))),
        )
    ),
    ("np.tensordot", (single(2, 3), single(3, 2), 1), (0, 1)),
    ("np.kron", (0.7, array(2, 2)), (0, 1)),
    ("np.kron", (single(2, 1), single(1, 2)), (0, 1)),
    ("np.cross", (array(3, 4), array(4, 3), 0, 1), (0, 1)),
    ("np.cross", (array(3, 1), array(4, 3), 0, -1, -1), (0, 1)),
    ("np.cross", (array(3, 4), array(4, 3), 0, 1, 0), (0, 1)),
    ("np.cross", (array(3, 4), array(3, 4), -1, -1, -1, 0), (0, 1)),
    ("np.cross", (single(3), single(3)), (0, 1)),
    ("cross_adjoint", (array(2, 3), array(3), array(2, 3)), (0, 2)),
    ("cross_adjoint", (array(3, 4), array(4, 3), array(3), 0), (0, 2)),
    ("np.vecdot", (array(3, 2), array(3, 2), 0), (0, 1)),
    ("np.vecdot", (array(3, 2), array(3, 1), -2), (0, 1)),
    ("np.linalg.multi_dot", (array(2, 3), array(3, 4), array(4, 2)), (0, 1, 2)),
    ("np.linalg.multi_dot", (array(2), array(2, 3), array(3, 4)), (0, 1, 2)),
    ("np.linalg.multi_dot", (array(2), array(2, 3), array(3)), (0, 1, 2)),
    ("np.linalg.multi_dot", (array(2, 3), array(3, 4), array(4, 2), array(2)), (0, 1, 2, 3)),
    *(("np.linalg.matrix_power", (spd(2) / 2, n), (0,)) for n in (-3, -1, 0, 1, 2, 3, 5)),
    ("np.linalg.matrix_power", (np.stack([spd(2) / 2, spd(2) / 2]), 4), (0,)),
    ("np.linalg.matrix_power", (array(1, 1), 4), (0,)),
    ("np.linalg.matrix_power", (array(0, 0), 4), (0,)),
    ("np.linalg.matrix_power", (single(2, 2), 4), (0,)),
    ("matrix_power_change", (spd(2) / 2, 3, array(2, 2)), (0, 2)),
    ("matrix_power_change", (spd(2) / 2, -2, array(2, 2)), (0, 2)),
]


def general(*shape: int) -> np.ndarray:
    """Matrices whose singular values, and eigenvalues where they are square, are real and well apart."""
    m, n = shape[-2:]
    spread = np.zeros((m, n))
    k = min(m, n)
    spread[:k, :k] = np.diag(1.0 + 1.5 * np.arange(k))
    return spread + 0.4 * array(*shape)


def stack(*matrices: np.ndarray) -> np.ndarray:
    return np.stack(matrices)


SINGULAR = np.array([[1.0, 2.0, 0.5], [2.0, 4.0, 1.0], [0.3, 0.7, 0.9]])
"""Of rank 2."""

SQUARE: list[Case] = [
    (name, (a, *more), (0,))
    for name, more in (
        ("np.linalg.inv", ()),
        ("np.linalg.det", ()),
        ("np.linalg.slogdet", ()),
        ("np.linalg.cholesky", ()),
        ("np.linalg.cholesky", (True,)),
        ("np.linalg.eigh", ()),
        ("np.linalg.eigh", ("U",)),
        ("np.linalg.eigvalsh", ("U",)),
        ("np.linalg.eigvalsh", ()),
        ("np.linalg.eig", ()),
        ("np.linalg.eigvals", ()),
        ("np.linalg.svd", (False, True)),
        ("np.linalg.qr", ()),
        ("np.linalg.pinv", ()),
        ("np.linalg.cond", ()),
        ("cofactors", ()),
    )
    for a in (
        spd(3),
        stack(spd(2), spd(2)),
        general(1, 1),
        spd(2).astype(np.float32),
        np.zeros((0, 0)),
        np.zeros((0, 2, 2)),
    )
    if a.size or name not in ("np.linalg.cond", "np.linalg.svd")
]

LINALG: list[Case] = [
    *SQUARE,
    ("np.linalg.det", (SINGULAR,), (0,)),
    ("np.linalg.det", (np.zeros((2, 2)),), (0,)),
    ("np.linalg.det", (np.zeros((3, 3)),), (0,)),
    ("cofactors", (general(3, 3),), (0,)),
    ("cofactor_change", (general(3, 3), array(3, 3)), (0, 1)),
    ("cofactor_change", (stack(general(2, 2), general(2, 2)), array(2, 2, 2)), (0, 1)),
    *(
        ("np.linalg.solve", (a, b), (0, 1))
        for a, b in (
            (general(2, 2), array(2)),
            (general(1, 1), array(1)),
            (general(0, 0), array(0)),
            (general(2, 2), array(2, 0)),
            (general(2, 2), array(3, 2, 1)),
            (stack(general(2, 2), general(2, 2)), array(1, 2, 3)),
            (general(2, 2).astype(np.float32), single(2)),
        )
    ),
    # NumPy 1 takes vectors for each matrix of a stack, NumPy 2 one vector for all.
    (
        "np.linalg.solve",
        (stack(general(2, 2), general(2, 2)), array(2, 2) if SOLVES_STACKED_VECTORS else array(2)),
        (0, 1),
    ),
    (
        "np.linalg.solve",
        (stack(general(3, 3), general(3, 3)), array(2, 3) if SOLVES_STACKED_VECTORS else array(3)),
        (0, 1),
    ),
    *(
        (name, (array(*shape), offset), (0,))
        for name in ("np.linalg.trace", "np.linalg.diagonal")
        for shape, offset in (((3, 3), 0), ((2, 3), 1), ((3, 2), -1), ((2, 3, 3), 0), ((2, 3, 4), 2), ((0, 0), 0))
    ),
    ("np.linalg.trace", (single(2, 2),), (0,)),
    ("as_columns", (array(2, 3), array(2, 3, 3)), (0,)),
    ("as_columns", (array(2, 3), array(2, 2)), (0,)),
    ("inverse_gaps", (np.array([0.3, 0.9, 1.7]),), (0,)),
    ("inverse_gaps", (np.array([[0.3, 0.9], [1.7, 0.4]]),), (0,)),
    ("require_real", (array(2),), (0,)),
    *(
        (name, (general(*shape), *more), (0,))
        for shape in ((3, 2), (2, 3), (4, 1), (1, 3), (2, 3, 2), (2, 2, 3))
        for name, more in (
            ("np.linalg.svd", (False, True)),
            ("np.linalg.svd", (True, False)),
            ("np.linalg.svdvals", ()),
            ("np.linalg.qr", ()),
            ("np.linalg.qr", ("r",)),
            ("np.linalg.pinv", ()),
            ("np.linalg.cond", (2,)),
            ("np.linalg.cond", (-2,)),
        )
    ),
    ("np.linalg.svd", (general(3, 3), True, True), (0,)),
    ("np.linalg.svd", (general(3, 2).astype(np.float32), False, True), (0,)),
    ("np.linalg.qr", (general(3, 2).astype(np.float32),), (0,)),
    *(
        ("np.linalg.lstsq", (general(*shape), array(shape[0], *more), None), (0, 1))
        for shape in ((4, 2), (3, 3), (2, 3))
        for more in ((), (2,))
    ),
    ("lstsq_inverse", (general(4, 2), None), (0,)),
]

LOWER = np.array([[1.5, 0.7, 0.4], [0.3, 1.2, 0.9], [0.6, 0.5, 1.8]])

SCIPY: list[Case] = [
    *(
        ("scipy.linalg.solve_triangular", (LOWER, b, trans, lower, unit), (0, 1))
        for b in (array(3), array(3, 2))
        for trans, lower, unit in (
            (0, False, False),
            (0, True, False),
            (1, True, True),
            ("T", False, True),
            ("N", True, True),
        )
    ),
    ("scipy.linalg.solve_triangular", (LOWER.astype(np.float32), single(3), 0, True), (0, 1)),
    ("scipy.linalg.solve_triangular", (array(1, 1), array(1)), (0, 1)),
    *(
        ("scipy.linalg.solve", (a, b, *more), (0, 1))
        for b in (array(3), array(3, 2))
        for a, more in (
            (general(3, 3), ()),
            (general(3, 3), (False, False, False, True, "gen", True)),
            (spd(3), (True, False, False, True, "pos", False)),
            (spd(3), (False, False, False, True, "sym", False)),
        )
    ),
    *(
        ("scipy.linalg.cho_solve", (LOWER, lower, b), (0, 2))
        for lower in (True, False)
        for b in (array(3), array(3, 2))
    ),
    *(
        (f"scipy.linalg.{name}", (spd(3), lower), (0,))
        for name in ("cholesky", "cho_factor")
        for lower in (True, False)
    ),
    ("scipy.linalg.cholesky", (spd(2).astype(np.float32), True), (0,)),
    ("scipy.linalg.inv", (general(3, 3),), (0,)),
    ("scipy.linalg.det", (general(3, 3),), (0,)),
    ("scipy.linalg.det", (SINGULAR,), (0,)),
    ("scipy.linalg.expm", (array(3, 3),), (0,)),
    ("scipy.linalg.expm", (array(1, 1),), (0,)),
    ("scipy.linalg.expm", (array(2, 2, 2),), (0,)),
    ("scipy.linalg.expm", (single(2, 2),), (0,)),
    ("scipy.linalg.expm_frechet", (array(2, 2), array(2, 2), None, False), (0, 1)),
    ("scipy.linalg.block_diag", (array(2, 3), array(1, 1), array(3, 2)), (0, 1, 2)),
    ("scipy.linalg.block_diag", (array(2), 0.7, array(2, 1)), (0, 1, 2)),
    ("scipy.linalg.toeplitz", (array(3),), (0,)),
    ("scipy.linalg.toeplitz", (array(3), array(4)), (0, 1)),
    ("scipy.linalg.toeplitz", (array(1), array(1)), (0, 1)),
]

PAIRS: list[Case] = [
    ("np.cross", (array(2), array(2)), (0, 1)),
    ("np.cross", (array(4, 2), array(2)), (0, 1)),
    ("np.cross", (array(2, 4), array(4, 2), 0, 1), (0, 1)),
    ("cross_adjoint", (array(4), array(2), array(4, 2)), (0, 2)),
]

CASES: list[Case] = [*EINSUM, *PRODUCTS, *LINALG, *SCIPY, *(PAIRS if CROSSES_PAIRS else ())]

ONE_BY_ONE = {
    *("fitted", "cross_adjoint", "matrix_power_change", "np.cross", "np.kron", "np.linalg.multi_dot"),
    *("as_columns", "lstsq_inverse", *(name for name, _, _ in SCIPY if "cho_factor" not in name)),
}

STACKS_REFUSED = {
    mode: {"np.linalg.lstsq", "scipy.linalg.cho_factor"} for mode in ("exact", "symbols", "rank", "unknown")
}
"""They give an integer or a flag besides."""

DENSE = {
    *("fitted", "cross_adjoint", "matrix_power_change", "np.cross", "np.kron", "np.vecdot"),
    *("np.linalg.matrix_power", "np.linalg.multi_dot", "as_columns", "np.linalg.lstsq", "lstsq_inverse"),
    *(
        "np.linalg.trace",
        "np.linalg.diagonal",
        "np.linalg.pinv",
        "np.linalg.cond",
        "np.linalg.eigh",
        "np.linalg.eigvalsh",
        "np.linalg.eig",
        "np.linalg.eigvals",
    ),
    *("np.linalg.svd", "np.linalg.svdvals", "np.linalg.qr", "cofactors", "cofactor_change", "inverse_gaps"),
    *("require_real", *(name for name, _, _ in SCIPY)),
}

REFUSED = {
    *("np.einsum", "einsum_product", "np.tensordot", "np.dot", "np.inner", "np.kron", "np.cross", "np.vecdot"),
    *("np.matvec", "np.vecmat", "np.linalg.multi_dot", "np.linalg.svd", "np.linalg.lstsq"),
    *("scipy.linalg.solve_triangular", "scipy.linalg.solve", "scipy.linalg.cho_solve", "scipy.linalg.block_diag"),
    "scipy.linalg.toeplitz",
}

FIRST_ORDER = ("np.cross-(2,)-(2,)",)
"""Numbers that come as arrays without axes."""
