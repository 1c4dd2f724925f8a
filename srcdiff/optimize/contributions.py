"""The rules of the simplifier for sums of adjoints of one value.

In: an application, and what defines its operands; see `srcdiff.optimize.algebra`, which says when each is tried. Out:
what to put in its place, or None.

Two adjoints of one value have its shape, whatever their types know of it: a zero among them is left out, and what was
broadcast to this shape alone need not be. Contributions to parts of an array (`bx[i] += v`) go into an adjoint that is
there anyway, rather than into zeros that are then added to it. Sums are taken in another order than they were written
in, as in all of reverse mode.

>>> x, g = Value(Array("float64", (3,)), "x"), Value(Array("float64", (3,)), "g")
>>> zeros, known = Value(x.type), Definitions()
>>> known[zeros] = Apply(TABLE["zeros_like"], (x,), zeros)
>>> beside_zero(Apply(TABLE["accumulate"], (zeros, g), Value(x.type)), known) is g
True
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.core import Apply, Value
from srcdiff.ir.types import Array, Scalar, Type
from srcdiff.optimize.definitions import Definitions, Outcome, again, made_by
from srcdiff.primitives.table import TABLE

ZEROS = ("zeros_like", "np.zeros_like", "np.zeros")


def alike(a: Type, b: Type) -> bool:
    """Whether two adjoints of one value are arrays: their shapes and dtypes are the same then."""
    if not (isinstance(a, Array) and isinstance(b, Array)) or a.shape is None or b.shape is None:
        return False
    if len(a.shape) != len(b.shape) or any((d == 1) != (e == 1) for d, e in zip(a.shape, b.shape, strict=True)):
        return False
    return None in (a.dtype, b.dtype) or a.dtype == b.dtype


def beside_zero(apply: Apply, known: Definitions) -> Outcome:
    """A sum with zeros is the other adjoint."""
    a, b = apply.operands
    if not alike(a.type, b.type):
        return None
    for zero, term in ((a, b), (b, a)):
        if made_by(zero, known, *ZEROS):
            return term
    return None


def beside_broadcast(apply: Apply, known: Definitions) -> Outcome:
    """``np.broadcast_to(g, x.shape) * y + t`` is ``g * y + t`` for an adjoint t of x."""
    a, b = apply.operands
    if not alike(a.type, b.type):
        return None
    for position, spread in enumerate((a, b)):
        other = apply.operands[1 - position]
        steps = _unspread(spread, apply, known)
        if steps is None or _unspread(other, apply, known) is not None:
            continue
        made, small = steps
        return [*made, again(apply, "add", *((small, other) if position == 0 else (other, small)))]
    return None


def _unspread(value: Value, total: Apply, known: Definitions) -> tuple[list[Apply], Value] | None:
    """How a term of `total` is made without broadcasting first what is broadcast in it, if something is: the steps, and
    what then stands for it."""
    made = made_by(value, known, "np.broadcast_to", "negative", "multiply", "divide")
    if made is None or known.reads.get(value) != 1 or not isinstance(value.type, Array):
        return None
    if value.name not in (None, total.result.name):
        return None
    first = made.operands[0]
    if made.primitive.name == "np.broadcast_to":
        same = isinstance(first.type, Array) and first.type.dtype == value.type.dtype
        # A number is of double precision, beside which an array of single precision would not stay what it is.
        number = first.type == Scalar("float") and _dtype(total.result.type) == "float64"
        return ([], first) if same or number else None
    for position, operand in enumerate(made.operands):
        if position == 1 and made.primitive.name == "divide":
            continue
        inner = _unspread(operand, total, known)
        if inner is None:
            continue
        steps, small = inner
        operands = tuple(small if k == position else o for k, o in enumerate(made.operands))
        result = Value(made.primitive.infer(*operands), None, made.result.origin)
        return [*steps, replace(made, operands=operands, result=result)], result
    return None


def into_whole(apply: Apply, known: Definitions) -> Outcome:
    """``bx = zeros; bx[i] += v; bx += t`` is ``bx = t; bx[i] += v``."""
    a, b = apply.operands
    if not alike(a.type, b.type):
        return None
    for parts, whole in ((a, b), (b, a)):
        additions = _parts_of_zeros(parts, known)
        if not additions or _parts_of_zeros(whole, known):
            continue
        made: list[Apply] = []
        base = whole
        for addition in additions:
            result = Value(whole.type, addition.result.name, addition.result.origin)
            operands = (base, *addition.operands[1:])
            made.append(replace(addition, primitive=TABLE["index_add"], operands=operands, result=result))
            base = result
        return [*made[:-1], replace(made[-1], result=apply.result)]
    return None


def _parts_of_zeros(value: Value, known: Definitions) -> list[Apply]:
    """The additions to parts of zeros that `value` is made by, first to last, where nothing else reads what is between;
    none where it is made otherwise."""
    found: list[Apply] = []
    while True:
        made = made_by(value, known, "index_add", "index_set")
        if made is None or known.reads.get(value) != 1:
            break
        if made.primitive.name == "index_set" and not _is_first(made, known):
            return []
        found.append(made)
        value = made.operands[0]
    zeros = made_by(value, known, *ZEROS)
    return found[::-1] if zeros is not None and known.reads.get(value) == 1 else []


def _is_first(written: Apply, known: Definitions) -> bool:
    """Whether what is written was zero before."""
    return made_by(written.operands[0], known, *ZEROS) is not None


def _dtype(t: Type) -> str | None:
    return t.dtype if isinstance(t, Array) else None
