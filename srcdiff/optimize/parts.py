"""The rules of the simplifier for contributions to parts of an array or list.

In: an application, and what defines its operands; see `srcdiff.optimize.algebra`, which says when each is tried. Out:
what to put in its place, or None.

The first contribution to a part of zeros is an assignment, several to one part are added before they are written, and
what is a change of the part's old content is written as one.

>>> from srcdiff.ir.types import FLOAT
>>> x, i, v = Value(Array("float64", (3,)), "x"), constant(1), Value(FLOAT, "v")
>>> zeros, part = Value(x.type), Value(x.type)
>>> known = Definitions({zeros: 1})
>>> known[zeros] = Apply(TABLE["zeros_like"], (x,), zeros)
>>> first_part(Apply(TABLE["index_add"], (zeros, i, v), part), known).primitive.name
'index_set'
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Apply, Block, Constant, For, Statement, Value, constant
from srcdiff.ir.types import Array, List, Scalar, Tuple, Type, is_float_dtype
from srcdiff.optimize.contributions import ZEROS
from srcdiff.optimize.cse import atom_key
from srcdiff.optimize.definitions import Definitions, Outcome, again, made_by, part_made_by
from srcdiff.optimize.elements import selects_once
from srcdiff.primitives.table import TABLE

_LONGEST = 8
"""Arrays of at most so many elements are written as displays."""


def first_part(apply: Apply, known: Definitions) -> Outcome:
    """``bx = np.zeros_like(x); bx[i] += v`` is ``bx[i] = v``, for an index that selects each element once."""
    array, index, value = apply.operands
    if not selects_once(index, known) or not _is_zero_at(array, index, known):
        return None
    kind = array.type
    if isinstance(kind, List) and _is_whole(value.type):
        return again(apply, "index_set", array, index, value)
    if not isinstance(kind, Array) or not is_float_dtype(kind.dtype) or not isinstance(value.type, Scalar | Array):
        return None
    return again(apply, "index_set", array, index, value)


def _is_zero_at(array: Value, index: Value, known: Definitions) -> bool:
    """Whether the array was made of zeros, and written at other indices alone."""
    while known.reads.get(array) == 1:
        if array in known.untouched:
            return known.untouched[array] is index
        made = made_by(array, known, "index_set", "index_add", *ZEROS)
        if made is None:
            return False
        if made.primitive.name in ZEROS:
            return True
        if not _are_apart(made.operands[1], index, known):
            return False
        array = made.operands[0]
    return False


def _is_whole(t: Type) -> bool:
    """Whether the adjoint of an element is all of it: it holds arrays and numbers, and no None for a zero."""
    match t:
        case Scalar():
            return t == Scalar("float")
        case Array():
            return True
        case Tuple(items):
            return all(map(_is_whole, items))
        case List(item):
            return item is not None and _is_whole(item)
        case _:
            return False


def _are_apart(a: Value, b: Value, known: Definitions) -> bool:
    """Whether two indices certainly select different elements: other numbers, or the last one and those before it."""
    if isinstance(a, Constant) and isinstance(b, Constant) and type(a.value) is type(b.value) is int:
        return bool(a.value != b.value and (a.value < 0) == (b.value < 0))
    for last, rest in ((a, b), (b, a)):
        part = made_by(rest, known, "make_slice")
        if part is not None and is_constant(last, -1) and is_constant(part.operands[1], -1):
            return is_constant(part.operands[2], None, 1)
    return False


def mark_untouched(loop: For, body: Block, known: Definitions) -> None:
    """Note which carried adjoints of lists start as zeros and get an element in each iteration of the loop."""
    counted = made_by(loop.iterable, known, "reversed") if loop.iterable is not None else None
    sequence = loop.iterable if counted is None else counted.operands[0]
    numbers = None if sequence is None else made_by(sequence, known, "range")
    if numbers is None or not is_constant(numbers.operands[0], 0) or not is_constant(numbers.operands[2], 1):
        return
    for carried, initial in zip(loop.carried, loop.initial, strict=True):
        if not isinstance(carried.type, List) or known.reads.get(carried) != 1 or known.reads.get(initial) != 1:
            continue
        if made_by(initial, known, *ZEROS) and any(_adds(s, carried, loop.item) for s in body.statements):
            known.untouched[carried] = loop.item


def _adds(statement: Statement, carried: Value, item: Value) -> bool:
    """Whether the statement adds to the element of a carried list that belongs to the iteration."""
    if not isinstance(statement, Apply) or statement.primitive.name != "index_add":
        return False
    return statement.operands[0] is carried and statement.operands[1] is item


def number_to_part(apply: Apply, known: Definitions) -> Outcome:
    """``x[i] += np.broadcast_to(g, ...)`` is ``x[i] += g`` for a number g: it is broadcast anyway."""
    array, index, value = apply.operands
    signed = part_made_by(value, known, "negative")
    spread = part_made_by(value if signed is None else signed.operands[0], known, "np.broadcast_to")
    if spread is None or not isinstance(array.type, Array) or spread.operands[0].type != Scalar("float"):
        return None
    number = spread.operands[0]
    if signed is None:
        return again(apply, apply.primitive.name, array, index, number)
    negative = Value(number.type, None, apply.result.origin)
    return [
        replace(signed, operands=(number,), result=negative),
        again(apply, apply.primitive.name, array, index, negative),
    ]


def display(apply: Apply, known: Definitions) -> Outcome:
    """``b = np.zeros_like(x); b[0] = p; b[1] = q`` is ``b = np.array([p, q])`` for an x of two numbers."""
    kind = apply.result.type
    if not isinstance(kind, Array) or kind.dtype != "float64" or kind.shape is None or len(kind.shape) != 1:
        return None
    size = kind.shape[0]
    if not isinstance(size, int) or not 0 < size <= _LONGEST:
        return None
    items: dict[int, Value] = {}
    step: Apply | None = apply
    while step is not None and step.primitive.name in ("index_set", "index_add"):
        array, index, value = step.operands
        if not isinstance(index, Constant) or type(index.value) is not int or value.type != Scalar("float"):
            return None
        position = index.value + size if index.value < 0 else index.value
        if position in items or not 0 <= position < size or known.reads.get(array) != 1:
            return None
        items[position] = value
        step = made_by(array, known, "index_set", "index_add", *ZEROS)
    if step is None or len(items) < size:
        return None
    listed = Value(TABLE["make_list"].infer(*(items[k] for k in range(size))), None, apply.result.origin)
    made = replace(apply, primitive=TABLE["make_list"], operands=tuple(items[k] for k in range(size)), result=listed)
    return [made, again(apply, "np.array", listed, constant(None))]


def later_part(apply: Apply, known: Definitions) -> Outcome:
    """``x[i] = v; x[j] += u; x[i] += w`` is ``x[i] = v + w; x[j] += u``, where i selects each element once."""
    array, index, value = apply.operands
    if not isinstance(array.type, Array) or not selects_once(index, known):
        return None
    between: list[Apply] = []
    while True:
        made = made_by(array, known, "index_add", "index_set")
        if made is None or known.reads.get(array) != 1:
            return None
        if made.primitive.name == "index_set":
            break
        between.append(made)
        array = made.operands[0]
    _, place, first = made.operands
    if not same_index(place, index, known):
        return None
    if not (isinstance(first.type, Scalar | Array) and isinstance(value.type, Scalar | Array)):
        return None
    steps: list[Apply] = []
    if not is_constant(first, 0.0):
        total = Value(TABLE["add"].infer(first, value), None, apply.result.origin)
        steps.append(replace(apply, primitive=TABLE["add"], operands=(value, first), result=total))
        value = total
    written = Value(apply.result.type, apply.result.name, made.result.origin)
    steps.append(replace(made, operands=(made.operands[0], place, value), result=written))
    for addition in reversed(between):
        result = Value(apply.result.type, apply.result.name, addition.result.origin)
        steps.append(replace(addition, operands=(steps[-1].result, *addition.operands[1:]), result=result))
    return [*steps[:-1], replace(steps[-1], result=apply.result)]


def changed_part(apply: Apply, known: Definitions) -> Outcome:
    """``x[i] = x[i] - u`` is ``x[i] += -u``, where i selects each element once: nothing of x needs be kept for it."""
    array, index, value = apply.operands
    made = made_by(value, known, "add", "subtract", "accumulate")
    if made is None or known.reads.get(value) != 1 or not isinstance(array.type, Array):
        return None
    kind = array.type
    if kind.dtype is None or not is_float_dtype(kind.dtype) or not selects_once(index, known):
        return None
    for position, other in enumerate(made.operands):
        if position == 0 and made.primitive.name == "subtract":
            continue
        old, change = made.operands[1 - position], other
        part = made_by(old, known, "index_get")
        if part is None or part.operands[0] is not array or not same_index(part.operands[1], index, known):
            continue
        if not isinstance(change.type, Scalar | Array) or not isinstance(part.result.type, Array):
            continue
        if made.primitive.name != "subtract":
            return again(apply, "index_add", array, index, change)
        negative = Value(change.type, None, apply.result.origin)
        return [
            replace(apply, primitive=TABLE["negative"], operands=(change,), result=negative),
            again(apply, "index_add", array, index, negative),
        ]
    return None


def same_index(a: Value, b: Value, known: Definitions) -> bool:
    """Whether two indices are certainly the same."""
    if atom_key(a) == atom_key(b):
        return True
    p, q = known.get(a), known.get(b)
    if p is None or q is None or p.primitive is not q.primitive or len(p.operands) != len(q.operands):
        return False
    if p.primitive.name not in ("make_slice", "make_tuple"):
        return False
    return all(same_index(c, d, known) for c, d in zip(p.operands, q.operands, strict=True))
