"""Derivatives of joining and splitting: the adjoint of the whole is cut into those of the parts, and the other way.

Where the parts came as a tuple, or in a display inside the call, each of them is cut out by itself: ``by[: len(a)]``,
``by[len(a) :]``; a list of any length is cut by `split_like`.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import Array, List, Tuple, Type
from srcdiff.primitives.containers import MAKE_PARTS
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    jvp,
    linear,
    vjp,
    zeros_of,
)
from srcdiff.primitives.inference import rank_of_type, shape_of_type
from srcdiff.primitives.joining import COLUMNS, LAYERS, LINES, ROWS, Plan, blocks_of
from srcdiff.primitives.known import axis_of
from srcdiff.primitives.rules_shapes import back, unpack
from srcdiff.primitives.symbolic import Symbolic

Length = int | Symbolic


def display(by: Symbolic, *parts: object) -> Symbolic:
    """The parts of an array to be joined, written as a list."""
    values = [p.value if isinstance(p, Symbolic) else by.constant(p).value for p in parts]
    return by.new(by.builder.apply(MAKE_PARTS, *values))


def added(a: Length, b: Length) -> Length:
    """The sum of two lengths."""
    if isinstance(a, int) and a == 0:
        return b
    return a if isinstance(b, int) and b == 0 else a + b


def length(part: Symbolic, axis: int) -> Length:
    """The length of an array along an axis."""
    shape = shape_of_type(part.type)
    if shape is not None and -len(shape) <= axis < len(shape):
        known = shape[axis]
        if isinstance(known, int):
            return known
    return part.apply("len", part) if axis == 0 else part.shape[axis]


def along(axis: int, index: object) -> object:
    """The index that takes `index` of an axis and all of the others."""
    if axis >= 0:
        return (*(slice(None),) * axis, index) if axis else index
    return (..., index, *(slice(None),) * (-axis - 1))


def cut(by: Symbolic, axis: int, start: Length, stop: Length | None) -> Symbolic:
    """The part of an array from `start` to `stop` (None: to its end) along an axis."""
    first = None if isinstance(start, int) and start == 0 else start
    return by if first is None and stop is None else by[along(axis, slice(first, stop))]


def as_parts(pieces: Symbolic, parts: Symbolic) -> Symbolic:
    """A list of adjoints, as a tuple where the parts came in a tuple."""
    match parts.type:
        case Tuple(items):
            return pieces.apply("make_tuple", *(pieces[i] for i in range(len(items))))
        case _:
            return pieces


def split(by: Symbolic, parts: Symbolic, axis: object) -> Symbolic:
    if isinstance(parts.type, Array):
        raise NoRule("an array in the place of a list of arrays: write np.reshape")
    if not isinstance(parts.type, List | Tuple):
        raise NoRule("the arrays must be known to come in a list or a tuple")
    return as_parts(by.apply("split_like", by, parts, axis), parts)


def ranks_of(items: Sequence[Type]) -> list[int] | None:
    """The ranks of the parts, where all of them are known."""
    ranks = [rank_of_type(t) for t in items]
    return None if None in ranks else [r for r in ranks if r is not None]


def cut_up(by: Symbolic, parts: Sequence[Symbolic], axis: int, plan: Plan) -> list[Symbolic]:
    """The adjoints of parts that lie side by side along an axis; those of a low rank were enlarged before."""
    pieces: list[Symbolic] = []
    start: Length = 0
    for k, part in enumerate(parts):
        shape = shape_of_type(part.type)
        axes = None if shape is None else plan.get(len(shape))
        own = axis if axes is None else axes[axis]
        stop = added(start, 1 if own is None else length(part, own))
        if axes is None:
            piece = cut(by, axis, start, None if k == len(parts) - 1 else stop)
        else:
            index: list[object] = [0 if a is None else slice(None) for a in axes]
            index[axis] = start if own is None else slice(start, stop)
            piece = by[tuple(index) if len(index) > 1 else index[0]]
        pieces.append(unpack(piece, part))
        start = stop
    return pieces


def _of_parts(by: Symbolic, parts: Symbolic, axis: int, plan: Plan) -> Symbolic:
    """The adjoint of the operand of a function that joins arrays along `axis`."""
    match parts.type:
        case Tuple(items):
            if plan and ranks_of(items) is None:
                return split(by, parts, axis)
            given = [parts[i] for i in range(len(items))]
            return by.apply("make_tuple", *cut_up(by, given, axis, plan))
        case Array(_, shape) if shape is not None and (axis == 0 or len(shape) == 3):
            return _of_rows(by, parts, axis)
        case _:
            return split(by, parts, axis)


def _of_rows(by: Symbolic, x: Symbolic, axis: int) -> Symbolic:
    """The adjoint of an array whose rows were joined: it was reshaped, with its first axis moved before that one."""
    if axis == 0:
        return back(by, x)
    n, m = x.shape[0], x.shape[2]
    return by.apply("np.moveaxis", by.apply("np.reshape", by, (x.shape[1], n, m)), 1, 0)


def _concatenate_back(by: Symbolic, y: Symbolic, parts: Symbolic, axis: Symbolic) -> Symbolic:
    at = axis_of(axis.value)
    if at is None:
        return _of_flat_parts(by, parts)
    if not isinstance(at, int):
        return split(by, parts, axis)
    shape = shape_of_type(y.type)
    if isinstance(parts.type, Array) and shape is not None:
        at = at % len(shape)
    return _of_parts(by, parts, at, {})


def _of_flat_parts(by: Symbolic, parts: Symbolic) -> Symbolic:
    """The adjoints of arrays that were made flat and joined."""
    if isinstance(parts.type, Array):
        return back(by, parts)
    if not isinstance(parts.type, Tuple):
        return split(by, parts, 0)
    pieces: list[Symbolic] = []
    start: Length = 0
    for k, t in enumerate(parts.type.items):
        shape, part = shape_of_type(t), parts[k]
        if shape == ():
            stop = added(start, 1)
            pieces.append(by[start])
        else:
            flat = shape is not None and len(shape) == 1
            stop = added(start, length(part, 0) if flat else part.apply("size", part))
            piece = cut(by, 0, start, None if k == len(parts.type.items) - 1 else stop)
            pieces.append(unpack(piece if flat else back(piece, part), part))
        start = stop
    return by.apply("make_tuple", *pieces)


def _stack_back(by: Symbolic, y: Symbolic, parts: Symbolic, axis: Symbolic) -> Symbolic:
    at = axis_of(axis.value)
    match parts.type:
        case Tuple(items) if isinstance(at, int):
            pieces = [by[along(at, i)] for i in range(len(items))]
            return by.apply("make_tuple", *(unpack(p, parts[i]) for i, p in enumerate(pieces)))
    front = by if constant_of(axis) == 0 else by.apply("np.moveaxis", by, axis, 0)
    match parts.type:
        case Tuple(items):
            return by.apply("make_tuple", *(front[i] for i in range(len(items))))
        case Array():
            return front
        case List():
            return by.apply("list", front)
        case _:
            raise NoRule("the arrays must be known to come in a list or a tuple")


def _lines_back(by: Symbolic, parts: Symbolic, axis: int, plan: Plan) -> Symbolic:
    """The way back from rows, columns or layers, which arrays of low rank were made into."""
    if part_rank(parts) == 1 and isinstance(parts.type, List) and axis < 2:
        return _stack_back(by, by, parts, by.constant(axis))
    if isinstance(parts.type, Array) and parts.type.rank == 2 and axis < 2:
        return by if axis == 0 else by.T
    return _of_parts(by, parts, axis, plan)


def part_rank(parts: Symbolic) -> int | None:
    """The rank that all the parts have, where it is known."""
    items = parts.type.items if isinstance(parts.type, Tuple) else ()
    if isinstance(parts.type, List):
        items = () if parts.type.item is None else (parts.type.item,)
    ranks = ranks_of(items)
    return ranks[0] if ranks and len(set(ranks)) == 1 else None


def _hstack_back(by: Symbolic, y: Symbolic, parts: Symbolic) -> Symbolic:
    match parts.type:
        case Tuple(items):
            ranks = ranks_of(items)
            rank = ranks[0] if ranks else None
        case Array(_, shape) if shape:
            rank = len(shape) - 1
        case _:
            rank = part_rank(parts)
    if rank is None:
        raise NoRule("the ranks of the arrays must be known: annotate them, or write np.concatenate with an axis")
    return _of_parts(by, parts, 0 if rank <= 1 else 1, LINES)


linear("np.concatenate", {0: _concatenate_back})
linear("np.stack", {0: _stack_back})
linear("np.vstack", {0: lambda by, y, parts: _lines_back(by, parts, 0, ROWS)})
linear("np.hstack", {0: _hstack_back})
linear("np.dstack", {0: lambda by, y, parts: _lines_back(by, parts, 2, LAYERS)})
linear("np.column_stack", {0: lambda by, y, parts: _lines_back(by, parts, 1, COLUMNS)})


def _split_like_back(by: Symbolic, y: Symbolic, g: Symbolic, parts: Symbolic, axis: Symbolic) -> Symbolic:
    rank, shape = part_rank(parts), shape_of_type(g.type)
    if shape is not None and len(shape) == 1:
        return by.apply("np.concatenate", by, None)
    if rank is None or shape is None or rank != len(shape):
        raise NoRule("second derivatives of joined arrays need them to be known to have the same rank")
    return by.apply("np.concatenate", by, axis)


linear("split_like", {0: _split_like_back})


def _appended(arr: Symbolic, values: Symbolic) -> Symbolic:
    return arr.apply("make_tuple", arr, values)


@jvp("np.append")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    arr, values = (zeros_of(x) if d is None else d for x, d in zip(operands[:2], tangents[:2], strict=True))
    return y.apply("np.append", arr, values, operands[2])


@vjp("np.append")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    arr, values, axis = operands
    both = _concatenate_back(by, y, _appended(arr, values), axis)
    return [both[0] if wanted[0] else None, both[1] if wanted[1] else None, None]


# Blocks.


def _block_back(by: Symbolic, y: Symbolic, arrays: Symbolic) -> Symbolic:
    grid, whole = blocks_of(arrays.type), shape_of_type(y.type)
    if grid is None or whole is None:
        raise NoRule("the ranks of the blocks must be known: annotate them, and write the list inside the call")
    if not isinstance(arrays.type, Tuple) or not isinstance(arrays.type.items[0], Tuple):
        blocks = [arrays[i] for i in range(len(grid[0]))]
        return by.apply("make_tuple", *_row_of_blocks(by, blocks, len(whole), None))
    lines: list[Symbolic] = []
    start: Length = 0
    for k, row in enumerate(grid):
        blocks = [arrays[k][i] for i in range(len(row))]
        height = length(blocks[0], -2) if len(shape_of_type(row[0]) or ()) > 1 else 1
        stop = added(start, height)
        rows = slice(_from(start), None if k == len(grid) - 1 else stop)
        lines.append(by.apply("make_tuple", *_row_of_blocks(by, blocks, len(whole), (start, rows))))
        start = stop
    return by.apply("make_tuple", *lines)


def _from(start: Length) -> Length | None:
    return None if isinstance(start, int) and start == 0 else start


def _row_of_blocks(
    by: Symbolic, blocks: Sequence[Symbolic], rank: int, lines: tuple[Length, slice] | None
) -> list[Symbolic]:
    """The adjoints of blocks side by side, of the rows `lines` (the first of them, and all); a block of a rank below
    that of the whole has leading axes of size 1."""
    pieces: list[Symbolic] = []
    start: Length = 0
    for k, block in enumerate(blocks):
        own = len(shape_of_type(block.type) or ())
        stop = added(start, length(block, -1) if own else 1)
        columns = slice(_from(start), None if k == len(blocks) - 1 else stop)
        index: list[object] = [0] * (rank - own) + [slice(None)] * own
        if lines is not None:
            index[-2] = lines[1] if own > 1 else lines[0]
        index[-1] = columns if own else start
        if rank > 2 and own == rank:
            index = [..., *index[-2:]]
        pieces.append(by[tuple(index) if len(index) > 1 else index[0]])
        start = stop
    return pieces


linear("np.block", {0: _block_back})
