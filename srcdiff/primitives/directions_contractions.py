"""Products over chosen axes on stacks of directions: the axes of the directions are those of a stack, or one that is
not contracted."""

from __future__ import annotations

from string import ascii_lowercase

from srcdiff.ir.types import is_container
from srcdiff.primitives.contractions import axes_of
from srcdiff.primitives.directions_core import Stacks, rule, with_axes
from srcdiff.primitives.symbolic import Symbolic


def _ranks(s: Stacks) -> tuple[int, int] | None:
    p, q = s.rank(0), s.rank(1)
    if p is None or q is None or is_container(s.type(0)) or is_container(s.type(1)):
        return None
    return p, q


@rule("np.tensordot")
def _(s: Stacks) -> Symbolic | None:
    ranks = _ranks(s)
    pairs = None if ranks is None else axes_of(s.apply.operands[2], *ranks)
    if ranks is None or pairs is None:
        return None
    return contracted(s, ranks, *pairs)


def contracted(s: Stacks, ranks: tuple[int, int], axes_a: tuple[int, ...], axes_b: tuple[int, ...]) -> Symbolic:
    """Two arrays, contracted over pairs of axes in each direction."""
    a, b = s[0], s[1]
    if s.stacked == (True, True, *s.stacked[2:]):
        letters = iter(ascii_lowercase.replace("z", ""))
        first = [next(letters) for _ in range(ranks[0])]
        second = [first[axes_a[axes_b.index(j)]] if j in axes_b else next(letters) for j in range(ranks[1])]
        left = [c for i, c in enumerate(first) if i not in axes_a]
        right = [c for j, c in enumerate(second) if j not in axes_b]
        terms = f"z{''.join(first)},z{''.join(second)}->z{''.join((*left, *right))}"
        return a.apply("einsum_product", False, terms, a, b)
    if s.stacked[0]:
        return a.apply("np.tensordot", a, b, (tuple(i + 1 for i in axes_a), axes_b))
    made = a.apply("np.tensordot", a, b, (axes_a, tuple(j + 1 for j in axes_b)))
    free = ranks[0] - len(axes_a)
    return made if free == 0 else made.apply("np.moveaxis", made, free, 0)


@rule("np.matvec", "np.vecmat", "np.cross")
def _(s: Stacks) -> Symbolic | None:
    """Stacks of vectors and matrices, broadcast."""
    ranks = _ranks(s)
    if ranks is None:
        return None
    own = {"np.matvec": (2, 1), "np.vecmat": (1, 2), "np.cross": (1, 1)}[s.name]
    if s.name == "np.cross" and any(s.constant(2 + i) != axis for i, axis in enumerate((-1, -1, -1, None))):
        return None
    batch = max(ranks[0] - own[0], ranks[1] - own[1])
    given = [
        with_axes(x, batch - (rank - core)) if stacked else x
        for x, rank, core, stacked in zip(s.operands, ranks, own, s.stacked, strict=False)
    ]
    return s.call(*given)


@rule("np.vecdot")
def _(s: Stacks) -> Symbolic | None:
    ranks, axis = _ranks(s), s.constant(2)
    if ranks is None or not isinstance(axis, int) or (axis >= 0 and ranks[0] != ranks[1]):
        return None
    rank = max(ranks)
    a, b = s.align(0, rank), s.align(1, rank)
    if a is None or b is None:
        return None
    return s.call(a, b, axis if axis < 0 else axis - rank)


@rule("np.linalg.matrix_power")
def _(s: Stacks) -> Symbolic | None:
    return None if is_container(s.type(0)) else s.same()
