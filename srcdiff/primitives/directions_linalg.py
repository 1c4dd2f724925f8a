"""Linear algebra on stacks of directions: `numpy.linalg` takes stacks of matrices."""

from __future__ import annotations

from srcdiff.ir.types import is_container
from srcdiff.primitives.directions_core import Stacks, rule, with_axes
from srcdiff.primitives.linalg import is_vector
from srcdiff.primitives.symbolic import Symbolic


@rule(
    *("np.linalg.inv", "np.linalg.det", "np.linalg.slogdet", "np.linalg.pinv", "np.linalg.cond", "np.linalg.cholesky"),
    *("np.linalg.eigh", "np.linalg.eigvalsh", "np.linalg.eig", "np.linalg.eigvals", "np.linalg.svd"),
    *("np.linalg.svdvals", "np.linalg.qr", "cofactors", "cofactor_change", "inverse_gaps", "require_real"),
)
def _(s: Stacks) -> Symbolic | None:
    return None if any(map(is_container, (s.type(i) for i in range(len(s.operands))))) else s.same()


@rule("np.linalg.solve")
def _(s: Stacks) -> Symbolic | None:
    """Right-hand sides are matrices of as many axes as the left: what else they may be differs between versions of
    NumPy."""
    rank_a, rank_b = s.rank(0), s.rank(1)
    if rank_a is None or rank_b is None or is_container(s.type(0)) or is_container(s.type(1)):
        return None
    if rank_a == 2 and rank_b == 1:
        if not s.stacked[0]:
            return s.call(s[0], s[1].T).T
        return s.call(s[0], s[1][..., None] if s.stacked[1] else s[1][None, :, None])[..., 0]
    if is_vector(rank_a, rank_b):
        # A vector for every matrix: in each direction a matrix of one column, with as many axes as it has.
        a = s[0] if s.stacked[0] else s[0][None]
        if s.stacked[1]:
            b = with_axes(s[1][..., None], rank_a - 1 - rank_b)
        else:
            place = (*(None,) * (rank_a - rank_b), ..., None)
            b = s[1][place]
        return s.call(a, b)[..., 0]
    rank = max(rank_a, rank_b)
    left, right = s.align(0, rank), s.align(1, rank)
    if left is None or right is None or rank_b < 2:
        return None
    if not s.stacked[0] and rank_a == rank > 2:
        left = left[None]
    if not s.stacked[1] and rank_b == rank:
        right = right[None]
    return s.call(left, right)


@rule("scipy.linalg.solve_triangular", "scipy.linalg.solve", "scipy.linalg.cho_solve")
def _(s: Stacks) -> Symbolic | None:
    """Right-hand sides of one matrix: vectors are its columns."""
    right = 2 if s.name == "scipy.linalg.cho_solve" else 1
    if s.stacked[0] or s.rank(0) != 2 or s.rank(right) != 1:
        return None
    operands = list(s.operands)
    operands[right] = s[right].T
    return s.call(*operands).T


@rule("np.linalg.trace", "np.linalg.diagonal")
def _(s: Stacks) -> Symbolic | None:
    return None if is_container(s.type(0)) else s.same()


@rule("np.linalg.lstsq", "scipy.linalg.cho_factor")
def _(s: Stacks) -> Symbolic | None:
    raise s.fail("it gives a rank or a flag besides, which is one number for every direction")
