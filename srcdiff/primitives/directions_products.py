"""Products of stacks of directions: NumPy multiplies stacks of matrices, vectors in them become rows or columns."""

from __future__ import annotations

from srcdiff.ir.types import Array, List, Scalar, Tuple, Type, is_container, is_exact, never_one
from srcdiff.primitives.directions_contractions import contracted
from srcdiff.primitives.directions_core import Stacks, comprehension, flat, rule, with_axes, with_count
from srcdiff.primitives.directions_spread import spread
from srcdiff.primitives.einsum import letters_of
from srcdiff.primitives.inference import Shape, shape_of_type
from srcdiff.primitives.symbolic import Symbolic


@rule("matmul", "np.dot")
def _(s: Stacks) -> Symbolic | None:
    if any(is_container(s.type(i)) for i in range(2)):
        return None
    if s.name == "np.dot" and any(isinstance(s.type(i), Scalar) for i in range(2)):
        return _scaled(s)
    p, q = s.rank(0), s.rank(1)
    if s.name == "np.dot" and p is not None and q is not None and max(p, q) > 2:
        return contracted(s, (p, q), (p - 1,), (max(q - 2, 0),))
    return product(s[0], s[1], s.rank(0), s.rank(1), s.stacked)


def _scaled(s: Stacks) -> Symbolic | None:
    """A product with a number."""
    rank = max(s.rank(0) or 0, s.rank(1) or 0)
    if s.rank(0) is None or s.rank(1) is None:
        return None
    a, b = (s.align(i, rank) for i in range(2))
    return None if a is None or b is None else a * b


def product(
    a: Symbolic, b: Symbolic, rank_a: int | None, rank_b: int | None, stacked: tuple[bool, ...]
) -> Symbolic | None:
    """`a @ b` in each direction; the ranks are those of one direction."""
    match rank_a, rank_b, stacked:
        case None, _, _:
            return None
        case _, None, _:
            return None
        case 1, 1, (True, True):
            return (a * b).sum(1)
        case ((1 | 2), (1 | 2), (True, False)):
            return a @ b
        case 1, 1, (False, True):
            return b @ a
        case 2, 1, (False, True):
            return b @ a.T
        case ((1 | 2), 2, (False, True)):
            return a @ b
        case 2, 2, (True, True):
            return a @ b
        case _:
            return _of_matrices(a, b, rank_a, rank_b, stacked)


def _of_matrices(a: Symbolic, b: Symbolic, rank_a: int, rank_b: int, stacked: tuple[bool, ...]) -> Symbolic:
    """The product as one of stacks of matrices: a vector on the left is a row, on the right a column."""
    batch = max(rank_a, rank_b, 2) - 2
    left = a if rank_a > 1 else a[..., None, :]
    right = b if rank_b > 1 else b[..., None]
    if stacked[0]:
        left = with_axes(left, batch - max(rank_a - 2, 0))
    if stacked[1]:
        right = with_axes(right, batch - max(rank_b - 2, 0))
    whole = left @ right
    if rank_a == 1 and rank_b == 1:
        return whole[..., 0, 0]
    return whole[..., 0, :] if rank_a == 1 else whole[..., 0] if rank_b == 1 else whole


@rule("np.outer")
def _(s: Stacks) -> Symbolic | None:
    if any(is_container(s.type(i)) or s.rank(i) is None for i in range(2)):
        return None
    a, b = flat(s, 0), flat(s, 1)
    rows = a[:, :, None] if s.stacked[0] else a[:, None]
    return rows * (with_axes(b, 1) if s.stacked[1] else b)


@rule("np.vdot")
def _(s: Stacks) -> Symbolic | None:
    if any(is_container(s.type(i)) or s.rank(i) is None for i in range(2)):
        return None
    if s.rank(0) == 0 and s.rank(1) == 0:
        return s[0] * s[1]
    return product(flat(s, 0), flat(s, 1), 1, 1, s.stacked)


@rule("np.inner")
def _(s: Stacks) -> Symbolic | None:
    if any(is_container(s.type(i)) for i in range(2)):
        return None
    match s.rank(0), s.rank(1):
        case (None, _) | (_, None):
            return None
        case (0, _) | (_, 0):
            return _scaled(s)
        case (1, 1) | (2, 1):
            return product(s[0], s[1], s.rank(0), 1, s.stacked)
        case 1, 2:
            return product(s[1], s[0], 2, 1, s.stacked[::-1])
        case 2, 2:
            b = s[1].apply("np.swapaxes", s[1], -1, -2) if s.stacked[1] else s[1].T
            return product(s[0], b, 2, 2, s.stacked)
        case int(p), int(q):
            return contracted(s, (p, q), (p - 1,), (q - 1,))


@rule("np.einsum", "einsum_product")
def _(s: Stacks) -> Symbolic | None:
    """One more letter, that of the directions."""
    first = 1 if s.name == "np.einsum" else 2
    arrays = s.operands[first:]
    if any(is_container(s.type(i)) for i in range(first, len(s.operands))):
        return None
    parsed = letters_of(str(s.constant(first - 1)), [s.rank(i) for i in range(first, len(s.operands))])
    if parsed is None:
        return None
    inputs, output = parsed
    used = set("".join(inputs))
    letter = next(c for c in "kzyxwvutsrqponmljihgfedcbaKZYXWVUTSRQPONMLJIHGFEDCBA" if c not in used)
    terms = [letter + t if stacked else t for t, stacked in zip(inputs, s.stacked[first:], strict=True)]
    return s.call(*s.operands[: first - 1], f"{','.join(terms)}->{letter}{output}", *arrays)


@rule("item_adjoint")
def item_adjoint(s: Stacks) -> Symbolic | None:
    """A container passes through, an array is summed down."""
    if is_container(s.type(0)) or s.is_none(1):
        return s[0] if s.stacked[0] else spread(s[0], s.type(0), s.count)
    return unbroadcast(s)


@rule("spread_item")
def spread_item(s: Stacks) -> Symbolic | None:
    """A container passes through, a number or an array takes the shape of the item."""
    if is_container(s.type(0)) or s.is_none(1):
        return s[0] if s.stacked[0] else spread(s[0], s.type(0), s.count)
    shapes = s.shape(0), s.shape(1)
    if shapes[0] is None or shapes[1] is None:
        return None
    g = s[0] if s.stacked[0] else spread(s[0], s.type(0), s.count)
    g = with_axes(g, max(len(shapes[1]) - len(shapes[0]), 0))
    shape = with_count(s.count, s.one_shape(1))
    return None if shape is None else g + g.apply("np.zeros", shape)


@rule("unbroadcast")
def unbroadcast(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)) or is_container(s.type(1)):
        raise s.fail("a list, tuple or dict does not broadcast")
    shapes = s.shape(0), s.shape(1)
    if None in shapes:
        return None
    g = s[0] if s.stacked[0] else spread(s[0], s.type(0), s.count)
    return summed_down(g, shapes[0] or (), s[1], shapes[1] or (), s.count, s.stacked[1])


def summed_down(
    g: Symbolic, given: Shape, x: Symbolic, target: Shape, count: Symbolic, stacked: bool
) -> Symbolic | None:
    """The stack `g`, of the shape `given` in each direction, summed over the axes that `x` has not or has with size 1;
    `stacked` says whether x is a stack too. None where g has fewer axes and it is not known which are summed."""
    lead = len(given) - len(target)
    if lead > 0:
        g = g.apply("np.sum", g, 1 if lead == 1 else tuple(range(1, lead + 1)))
    pairs = list(zip(target[max(-lead, 0) :], given[max(lead, 0) :], strict=True))
    known = all(d == 1 or never_one(d) or (is_exact((d,)) and d == e) for d, e in pairs)
    if known:
        ones = tuple(i + 1 for i, (d, e) in enumerate(pairs) if d == 1 and e != 1)
        g = g.apply("np.sum", g, ones[0] if len(ones) == 1 else ones, True) if ones else g
    if known and lead >= 0:
        return g
    shape = x.shape if stacked else with_count(count, x.shape)
    if lead < 0:
        return g.apply("np.broadcast_to", with_axes(g, -lead), shape) if known else None
    return g.apply("unbroadcast", g, x if stacked else x.apply("np.broadcast_to", x, shape))


@rule("spread_over")
def _(s: Stacks) -> Symbolic | None:
    """A list with `g` for every item, summed down to its shape."""
    items, given = s.type(1), s.shape(0)
    if given is None:
        raise s.fail("the rank of what is spread is not known")
    g = s[0] if s.stacked[0] else spread(s[0], s.type(0), s.count)

    def fitted(at: Symbolic, item: Symbolic, t: Type) -> Symbolic:
        target = shape_of_type(t)
        if not isinstance(t, Scalar | Array) or target is None:
            raise s.fail(f"an item is of type {t}")
        one = summed_down(at.new(g.value), given, item, target, at.new(s.count.value), s.stacked[1])
        if one is None:
            raise s.fail("it is not known which axes of an item have the size 1")
        return one

    if isinstance(items, Tuple):
        return s.count.apply("make_list", *(fitted(s.count, s[1][i], t) for i, t in enumerate(items.items)))
    if not isinstance(items, List) or items.item is None:
        raise s.fail("it is not known what the list holds")
    item = items.item
    return comprehension(s.count, s.count.apply("len", s[1]), lambda k: [fitted(k, k.new(s[1].value)[k], item)])[0]
