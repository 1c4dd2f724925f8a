"""Linear algebra on stacks of directions: `numpy.linalg` takes stacks of matrices."""

from __future__ import annotations

from srcdiff.ir.types import is_container
from srcdiff.primitives.directions_core import Stacks, rule
from srcdiff.primitives.symbolic import Symbolic


@rule("np.linalg.inv", "np.linalg.det", "np.linalg.slogdet", "np.linalg.cholesky", "np.linalg.eigh")
def _(s: Stacks) -> Symbolic | None:
    return None if is_container(s.type(0)) else s.same()


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
    if rank_a != rank_b:
        return None
    a = s[0] if s.stacked[0] or rank_a == 2 else s[0][None]
    b = s[1] if s.stacked[1] or not s.stacked[0] else s[1][None]
    return s.call(a, b)
