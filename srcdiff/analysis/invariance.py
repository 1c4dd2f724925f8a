"""Maxima that are only taken for stability, and so have no derivative.

In: a block. Out: the results of `np.max` on which nothing that leaves the block depends, in exact arithmetic: the `m`
of

    m = np.max(x, axis=0)
    y = m + np.log(np.sum(np.exp(x - m), axis=0))

Add any c to m, and `x - m` shifts by -c, the exponential and its sum are scaled by exp(-c), the logarithm shifts by
-c, and y stays: the derivative of y with respect to m is zero. The analysis follows m forwards and notes of each
value by how many c it shifts, or by exp of how many c it is scaled; zero is independence. Softmax and log-softmax
come out the same way. Anything else done with such a value, and m keeps its derivative.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.types import Symbol
>>> b = Builder()
>>> x = b.value(Array("float64", (Symbol("n"),)), "x")
>>> m = b.apply(TABLE["np.max"], x)
>>> e = b.apply(TABLE["np.exp"], b.apply(TABLE["subtract"], x, m))
>>> y = b.apply(TABLE["add"], m, b.apply(TABLE["np.log"], b.apply(TABLE["np.sum"], e)))
>>> stabilisers(b.block((x,), (y,))) == {m}, stabilisers(b.block((x,), (e,)))
(True, set())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srcdiff.ir.core import Apply, Block, Constant, Value, blocks_of, free_values, operands_of
from srcdiff.ir.types import Array, Scalar, Type, never_one
from srcdiff.primitives.known import axis_of, reduced_axes
from srcdiff.primitives.table import TABLE


@dataclass(frozen=True)
class _Dependence:
    """Of a value on m: it shifts by ``degree * c``, or is scaled by ``exp(degree * c)``; c varies along no axis but
    `along`."""

    scales: bool
    degree: int
    along: frozenset[int]


def stabilisers(block: Block) -> set[Value]:
    """The maxima of the block, that of inner blocks not, on which nothing depends that the block passes on."""
    candidates = [
        s.result
        for s in block.statements
        if isinstance(s, Apply) and s.primitive is TABLE["np.max"] and _rank(s) is not None
    ]
    return {m for m in candidates if _is_invariant(block, m)}


def _rank(apply: Apply) -> int | None:
    return _rank_of(apply.result.type)


def _rank_of(kind: Type) -> int | None:
    return 0 if isinstance(kind, Scalar) else kind.rank if isinstance(kind, Array) else None


def _is_invariant(block: Block, maximum: Value) -> bool:
    rank = _rank_of(maximum.type)
    assert rank is not None
    shape = maximum.type.shape if isinstance(maximum.type, Array) and maximum.type.shape is not None else ()
    own = frozenset(axis for axis, size in enumerate(shape) if size != 1)
    known: dict[Value, _Dependence] = {maximum: _Dependence(False, 1, own)}
    definitions: dict[Value, Apply] = {}
    for statement in block.statements:
        if isinstance(statement, Apply):
            definitions[statement.result] = statement
            if not any(v in known for v in statement.operands):
                continue
            found = _follow(statement, known, definitions)
            if found is None:
                return False
            if found.degree:
                known[statement.result] = found
        else:
            inner = [v for b in blocks_of(statement) for v in free_values(b)]
            if any(v in known for v in (*operands_of(statement), *inner)):
                return False
    return not any(v in known for v in block.results)


def _follow(apply: Apply, known: dict[Value, _Dependence], definitions: dict[Value, Apply]) -> _Dependence | None:
    """How the result depends on m; None where it is not one of the two ways."""
    name, operands = apply.primitive.name, apply.operands
    given = [known.get(v) for v in operands]
    first = given[0] if given else None
    match name:
        case "add" | "subtract":
            return _sum(apply, given, 1 if name == "add" else -1)
        case "multiply" | "divide":
            return _product(apply, given, 1 if name == "multiply" else -1)
        case "identity":
            return first
        case "np.exp" | "np.log" if first is not None and first.scales == (name == "np.log"):
            return _Dependence(not first.scales, first.degree, first.along)
        case "np.sum" if first is not None and first.scales and given[1] is None and given[2] is None:
            return _reduced(first, operands)
        case "np.squeeze" | "np.expand_dims" if first is not None and given[1] is None:
            return _moved(apply, first)
        case "shape" | "ndim" | "size" | "len":
            return _Dependence(False, 0, frozenset())
        case "index_get" if first is not None and given[1] is None:
            axes = new_axes(operands[1], definitions)
            if axes is None:
                return _gathered(apply, first, definitions)
            places = [i for i in range(len(axes)) if not axes[i]]
            rank = _rank_of(operands[0].type)
            if rank is None or len(places) > rank:
                return None
            places += range(len(axes), len(axes) + rank - len(places))
            return _Dependence(first.scales, first.degree, frozenset(places[a] for a in first.along))
        case _:
            return None


def _aligned(apply: Apply, operand: Value, along: frozenset[int]) -> frozenset[int] | None:
    """The axes of the result that the axes `along` of an operand become under broadcasting."""
    result, own = _rank_of(apply.result.type), _rank_of(operand.type)
    if result is None or own is None:
        return None
    return frozenset(axis + result - own for axis in along)


def _merged(apply: Apply, given: Sequence[_Dependence | None]) -> frozenset[int] | None:
    along: frozenset[int] = frozenset()
    for operand, dependence in zip(apply.operands, given, strict=True):
        if dependence is not None:
            axes = _aligned(apply, operand, dependence.along)
            if axes is None:
                return None
            along |= axes
    return along


def _sum(apply: Apply, given: Sequence[_Dependence | None], sign: int) -> _Dependence | None:
    along = _merged(apply, given)
    if along is None or any(d is not None and d.scales for d in given):
        return None
    left, right = (0 if d is None else d.degree for d in given)
    if given[0] is not None and given[1] is not None and not _same_axes(apply, given):
        return None
    return _Dependence(False, left + sign * right, along)


def _product(apply: Apply, given: Sequence[_Dependence | None], sign: int) -> _Dependence | None:
    along = _merged(apply, given)
    if along is None or any(d is not None and not d.scales for d in given):
        return None
    left, right = (0 if d is None else d.degree for d in given)
    if given[0] is not None and given[1] is not None and not _same_axes(apply, given):
        return None
    return _Dependence(True, left + sign * right, along)


def _same_axes(apply: Apply, given: Sequence[_Dependence | None]) -> bool:
    """Whether the c of one operand meets the same c of the other."""
    axes = {_aligned(apply, v, d.along) for v, d in zip(apply.operands, given, strict=True) if d is not None}
    return len(axes) == 1


def _reduced(first: _Dependence, operands: Sequence[Value]) -> _Dependence | None:
    """Through a sum over axes along which c does not vary."""
    rank, axis, keepdims = _rank_of(operands[0].type), operands[1], operands[2]
    axes = None if rank is None else reduced_axes(axis_of(axis), rank)
    if rank is None or axes is None or not isinstance(keepdims, Constant):
        return None
    if first.along.intersection(axes):
        return None
    if keepdims.value:
        return first
    left = [a for a in range(rank) if a not in axes]
    return _Dependence(first.scales, first.degree, frozenset(left.index(a) for a in first.along))


def _moved(apply: Apply, first: _Dependence) -> _Dependence | None:
    """Through an axis of size 1 that is taken away or put in."""
    x, axis = apply.operands[:2]
    rank, position = _rank_of(x.type), axis_of(axis)
    if rank is None or not isinstance(position, int):
        return None
    if apply.primitive.name == "np.expand_dims":
        position %= rank + 1
        return _Dependence(first.scales, first.degree, frozenset(a + (a >= position) for a in first.along))
    if not -rank <= position < rank or position % rank in first.along:
        return None
    position %= rank
    return _Dependence(first.scales, first.degree, frozenset(a - (a > position) for a in first.along))


def _gathered(apply: Apply, first: _Dependence, definitions: Mapping[Value, Apply]) -> _Dependence | None:
    """Through ``x[np.arange(n), labels]``, which takes one element of each row, where c varies by row."""
    x, index = apply.operands
    made = definitions.get(index)
    if made is None or made.primitive.name != "make_tuple" or _rank_of(x.type) != len(made.operands):
        return None
    for position, part in enumerate(made.operands):
        kind = part.type
        if kind == Scalar("int"):
            continue
        if not isinstance(kind, Array) or kind.rank != 1 or kind.dtype is None or kind.dtype == "bool":
            return None
        if position in first.along and not _counts_rows(part, x, position, apply, definitions):
            return None
    vectors = any(isinstance(v.type, Array) for v in made.operands)
    whole = isinstance(apply.result.type, Array) and apply.result.type.rank == 1
    if not vectors or not whole or len(first.along) > 1:
        return None
    return _Dependence(first.scales, first.degree, frozenset({0} if first.along else ()))


def _counts_rows(part: Value, x: Value, axis: int, apply: Apply, definitions: Mapping[Value, Apply]) -> bool:
    """Whether an index is 0, 1, 2... along an axis of x: then element i of the result is of row i, or the result has
    one element for the only row. (A result that is longer than x would fail, one that is shorter, where it meets c.)"""
    made = definitions.get(part)
    if made is None or made.primitive.name != "np.arange":
        return False
    _, stop, step = made.operands[:3]
    if not all(isinstance(v, Constant) and v.value is None for v in (stop, step)):
        return False
    if not (isinstance(part.type, Array) and part.type.shape and isinstance(apply.result.type, Array)):
        return False
    count, found = part.type.shape[0], apply.result.type.shape
    rows = x.type.shape[axis] if isinstance(x.type, Array) and x.type.shape is not None else None
    return found is not None and (never_one(count) or (count is not None and count == rows))


def new_axes(index: Value, definitions: Mapping[Value, Apply]) -> list[bool] | None:
    """For an index made of nothing but new axes and full slices: for each axis of the result that it names, whether it
    is new. None for any other index.

    >>> from srcdiff.ir.core import constant
    >>> new_axes(constant(None), {}), new_axes(constant(0), {})
    ([True], None)
    """
    if isinstance(index, Constant):
        return [True] if index.value is None else None
    made = definitions.get(index)
    if made is None:
        return None
    match made.primitive.name:
        case "make_slice":
            full = all(isinstance(v, Constant) and v.value is None for v in made.operands)
            return [False] if full else None
        case "make_tuple":
            axes: list[bool] = []
            for item in made.operands:
                inner = new_axes(item, definitions)
                if inner is None or len(inner) != 1:
                    return None
                axes += inner
            return axes
        case _:
            return None
