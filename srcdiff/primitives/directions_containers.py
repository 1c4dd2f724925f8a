"""Lists, tuples and dicts of stacks of directions: the container stays, its leaves are stacks.

What is put into such a container beside stacks, and carries a derivative, becomes a stack as well.
"""

from __future__ import annotations

from srcdiff.ir.types import Array, Dict, List, Opaque, Scalar, Tuple, Type, is_container, is_differentiable
from srcdiff.primitives.directions_core import Stacks, comprehension, front, rule, with_axes
from srcdiff.primitives.directions_elementwise import aligned, elementwise
from srcdiff.primitives.directions_spread import spread
from srcdiff.primitives.inference import rank_of_type
from srcdiff.primitives.symbolic import Symbolic


def as_stack(s: Stacks, i: int, t: Type | None = None) -> Symbolic:
    """Operand `i` as a stack, of the type `t` in one direction."""
    return s[i] if s.stacked[i] else spread(s[i], s.type(i) if t is None else t, s.count)


def check_leaf(s: Stacks, i: int) -> None:
    """Integers and booleans in containers are those of every direction."""
    if s.stacked[i] and not is_differentiable(s.type(i)):
        raise s.fail(f"a value of type {s.type(i)} that differs from direction to direction is put into a container")


# Displays.


@rule("make_tuple")
def _(s: Stacks) -> Symbolic | None:
    for i in range(len(s.operands)):
        check_leaf(s, i)
    return s.call(*(as_stack(s, i) for i in range(len(s.operands))))


@rule("make_record")
def _(s: Stacks) -> Symbolic | None:
    for i in range(1, len(s.operands)):
        check_leaf(s, i)
    return s.call(s[0], *(as_stack(s, i) for i in range(1, len(s.operands))))


@rule("make_list")
def _(s: Stacks) -> Symbolic | None:
    listed = s.apply.result.type
    item = listed.item if isinstance(listed, List) else None
    whole = item is not None and isinstance(item, Scalar | Array | Tuple | List | Dict)
    for i in range(len(s.operands)):
        check_leaf(s, i)
    return s.call(*(as_stack(s, i, item if whole else None) for i in range(len(s.operands))))


@rule("make_dict")
def _(s: Stacks) -> Symbolic | None:
    for i in range(1, len(s.operands), 2):
        check_leaf(s, i)
    return s.call(*(as_stack(s, i) if i % 2 else x for i, x in enumerate(s.operands)))


# Growing and shrinking.


@rule("append")
def _(s: Stacks) -> Symbolic | None:
    check_leaf(s, 1)
    t = s.apply.result.type
    if not isinstance(t, List) or t.item is None:
        raise s.fail("it is not known what the list holds")
    return s.call(as_stack(s, 0, t), as_stack(s, 1, t.item))


@rule("drop_last")
def _(s: Stacks) -> Symbolic | None:
    _known(s, 0)
    return s.same()


def _known(s: Stacks, i: int) -> None:
    if not is_container(s.type(i)):
        raise s.fail("it is not known whether its operand is a list")


@rule("list", "tuple")
def _(s: Stacks) -> Symbolic | None:
    """An array is taken apart along its own first axis."""
    if is_container(s.type(0)):
        return s.same()
    return s.call(front(s[0], s.rank(0)))


@rule("reversed")
def _(s: Stacks) -> Symbolic | None:
    if isinstance(s.type(0), Array):
        return s[0][:, ::-1]
    _known(s, 0)
    return s.same()


@rule("tolist")
def _(s: Stacks) -> Symbolic | None:
    shape = s.shape(0)
    if shape is None:
        raise s.fail("the rank of the array is not known")
    return _nested(s[0], len(shape))


def _nested(x: Symbolic, depth: int) -> Symbolic:
    """Lists of lists, as deep as each direction has axes, of stacks of numbers."""
    if depth == 0:
        return x
    if depth == 1:
        return x.apply("list", x.T)
    rows = front(x, depth)
    return comprehension(x, rows.shape[0], lambda k: [_nested(k.new(rows.value)[k], depth - 1)])[0]


@rule("unpack")
def _(s: Stacks) -> Symbolic | None:
    return _unpacked(s, as_stack(s, 0), s.type(1))


def _unpacked(s: Stacks, g: Symbolic, t: Type) -> Symbolic:
    match t:
        case Scalar() | Array():
            return g
        case Tuple(items):
            return g.display(t, *(_unpacked(s, g[:, i], item) for i, item in enumerate(items)))
        case List(Scalar()):
            return g.apply("list", g.T)
        case List(Array()):
            return g.apply("list", front(g, None))
        case List(item) if isinstance(item, List | Tuple):
            parts = front(g, None)
            return comprehension(g, parts.shape[0], lambda k: [_unpacked(s, k.new(parts.value)[k], item)])[0]
        case _:
            raise s.fail("it is not known how its result is taken apart")


# Concatenation and repetition are written as sums and products.


@rule("add", "multiply")
def _(s: Stacks) -> Symbolic | None:
    t = s.apply.result.type
    if all(is_container(s.type(i)) for i in range(2)):
        return s.call(*(as_stack(s, i, t if isinstance(t, List) else None) for i in range(2)))
    if any(is_container(s.type(i)) for i in range(2)) and is_container(t):
        return s.same()
    return elementwise(s)


# Sums of derivatives.


@rule("accumulate")
def accumulate(s: Stacks) -> Symbolic | None:
    t = s.apply.result.type
    for i in range(2):
        if isinstance(s.type(i), Opaque) and s.type(i).name == "None":  # type: ignore[union-attr]
            return s[1 - i]
    if not any(is_container(s.type(i)) for i in range(2)):
        if all(s.stacked) and s.rank(0) == s.rank(1) is not None:
            return s.same()
        operands = aligned(s)
        return None if operands is None else s.count.apply("add", *operands)
    if not _same_ranks(s.type(0), s.type(1)):
        raise s.fail(f"derivatives of types {s.type(0)} and {s.type(1)} are added")
    return s.call(*(as_stack(s, i, t if is_container(t) else None) for i in range(2)))


def _same_ranks(a: Type, b: Type) -> bool:
    """Whether the leaves of two containers have the same ranks: stacks of them are aligned then."""
    match a, b:
        case Tuple(p), Tuple(q):
            return len(p) == len(q) and all(map(_same_ranks, p, q))
        case List(p), List(q):
            return p is None or q is None or _same_ranks(p, q)
        case Dict(p), Dict(q):
            if p is None or q is None:
                return False
            other = dict(q)
            return all(_same_ranks(t, other[k]) for k, t in p if k in other)
        case ((Scalar() | Array()), (Scalar() | Array())):
            return rank_of_type(a) is not None and rank_of_type(a) == rank_of_type(b)
        case Opaque(), _:
            return True
        case _, Opaque():
            return True
        case _:
            return False


@rule("zeros_like", "zeros_if_defined")
def _(s: Stacks) -> Symbolic | None:
    return _zeros(s, s[0], s.type(0))


def _zeros(s: Stacks, x: Symbolic, t: Type) -> Symbolic:
    """Zeros for a stack; the zero derivative of an integer is a number too, and so a stack."""
    match t:
        case Tuple(items) if _has_integers(t):
            return x.display(t, *(_zeros(s, x[i], item) for i, item in enumerate(items)))
        case Dict(entries) if entries is not None and _has_integers(t):
            return x.apply("make_dict", *(part for k, item in entries for part in (k, _zeros(s, x[k], item))))
        case List(item) if item is not None and _has_integers(t):
            return comprehension(x, x.apply("len", x), lambda i: [_zeros(s, i.new(x.value)[i], item)])[0]
    zeros = s.count.apply(s.name, x)
    return zeros if is_differentiable(t) else spread(zeros, zeros.type, s.count)


def _has_integers(t: Type) -> bool:
    """Whether a value holds numbers that carry no derivative."""
    match t:
        case Tuple(items):
            return any(map(_has_integers, items))
        case List(item):
            return item is not None and _has_integers(item)
        case Dict(entries):
            return entries is not None and any(_has_integers(v) for _, v in entries)
        case Scalar() | Array():
            return not is_differentiable(t)
        case _:
            return False


@rule("fold")
def _(s: Stacks) -> Symbolic | None:
    g, x = s.type(0), s.type(1)
    if not isinstance(g, List) or not isinstance(x, List) or not _same_ranks(g, x):
        raise s.fail("it is not known what the lists hold")
    return s.call(as_stack(s, 0), as_stack(s, 1))


@rule("clear_item")
def _(s: Stacks) -> Symbolic | None:
    return s.call(as_stack(s, 0), as_stack(s, 1), s[2])


@rule("sum", "math.fsum")
def _(s: Stacks) -> Symbolic | None:
    """The start is a stack as well where there may be no items: the sum of none is one."""
    t = s.type(0)
    ranks = [rank_of_type(i) for i in t.items] if isinstance(t, Tuple) else [rank_of_type(s.apply.result.type)]
    ranks.append(s.rank(1) if s.name == "sum" else 0)
    if None in ranks:
        return None
    rank = max(r for r in ranks if r is not None)
    start = s[1] if s.name == "sum" else s.count.constant(0)
    from_zero = s.name == "math.fsum" or (isinstance(s.type(1), Scalar) and s.constant(1) == 0)
    if s.name == "sum" and s.stacked[1]:
        start = with_axes(start, rank - (s.rank(1) or 0))
    if not s.stacked[0]:
        return s.call(s[0], 0) + start
    total: Symbolic | None = None
    match t:
        case Array():
            total = s[0].apply("np.sum", s[0], 1)
        case Tuple(items) if items and all(map(is_differentiable, items)):
            for i, item in enumerate(items):
                part = with_axes(s[0][i], rank - (rank_of_type(item) or 0))
                total = part if total is None else total + part
        case List(item) if item is not None and (own := rank_of_type(item)) is not None:
            if s.name == "sum" and s.stacked[1] and own == rank:
                return s.call(s[0], start)
            zeros = s.count.apply("np.zeros", (s.count, *(1,) * own) if own else s.count)
            total = with_axes(s.count.apply("sum", s[0], zeros), rank - own)
    return total if total is None or from_zero else total + start
