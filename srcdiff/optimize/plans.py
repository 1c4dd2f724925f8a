"""What the in-place pass decides, and which operations it decides about.

In: operations and blocks. Out: whether an operation changes an object or may do so, which carried values a loop writes
to; and the two results of the analysis in `overwrite`, a `Plan` and a `Summary`.

>>> Plan(frozenset(), frozenset(), frozenset(), frozenset()).copies
frozenset()
"""

from __future__ import annotations

from dataclasses import dataclass

from srcdiff.ir.core import Apply, Block, Call, Constant, Effect, For, Function, If, Value, While, assert_never
from srcdiff.ir.types import Array, Scalar, Tuple, is_exact, is_mutable
from srcdiff.optimize.ownership import NOTHING, Loop, Reach

Slot = tuple[Loop, int]
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide"})


@dataclass(frozen=True)
class Plan:
    """The decisions for one function."""

    overwriting: frozenset[Apply]
    copies: frozenset[Apply]
    """Of the overwriting updates, those that overwrite a copy made right before."""
    copied_initial: frozenset[Slot]
    detached: frozenset[Apply]
    """Views that are copied where they are taken, so that what they are a view of may be overwritten."""


@dataclass(frozen=True)
class Summary:
    """What the results of a function can reach, for its callers: sites of its own, and of its parameters."""

    results: tuple[Reach, ...]
    parameters: tuple[Reach, ...]

    @staticmethod
    def of_numbers(function: Function) -> Summary:
        """The summary of a function in which nothing refers to anything."""
        body = function.body
        return Summary(tuple(NOTHING for _ in body.results), tuple(NOTHING for _ in body.parameters))


def is_forced(apply: Apply) -> bool:
    """Whether Python writes the operation as a statement that changes an object: `x[i] = v`, `l.append(v)`."""
    position = apply.primitive.updates
    if position is None or apply.primitive.name == "accumulate":
        return False
    base = apply.operands[position].type
    return is_mutable(base) and not isinstance(base, Tuple)  # a tuple with something added is another tuple


def is_optional(apply: Apply) -> bool:
    """Whether the operation can be written `a += b`: a sum of adjoints, or what the user wrote as `a += b`.

    The result must have the type of operand 0. Adjoints of one value have its dtype and its shape; elsewhere the dtype
    must be known not to change, nor the shape.
    """
    name, kind = apply.primitive.name, apply.result.type
    if name != "accumulate" and name not in _ARITHMETIC:
        return False
    if not isinstance(kind, Array) or kind.shape is None:
        return False
    a, b = apply.operands
    if name == "accumulate":
        return isinstance(a.type, Array) and isinstance(b.type, Array) and a.type.rank == b.type.rank == kind.rank
    if a.type != kind or not is_exact(kind.shape):
        return False
    if not apply.origin.augmented and (apply.origin.role == "primal" or a.name is None or apply.result.name != a.name):
        return False
    match b.type:
        case Array(dtype):
            return dtype == kind.dtype and dtype is not None and dtype.startswith("float")
        case Scalar():
            # A NumPy scalar of double precision makes an array of single precision double: `a *= b` does not.
            return kind.dtype == "float64" or (isinstance(b, Constant) and kind.dtype == "float32")
        case _:
            return False


def written_slots(body: Block) -> dict[Slot, list[Apply]]:
    """For each carried value of a loop the forced updates in the loop that write to it (or to what becomes of it)."""
    written: dict[Slot, list[Apply]] = {}
    slots: dict[Value, frozenset[Slot]] = {}
    nothing: frozenset[Slot] = frozenset()

    def of(value: Value) -> frozenset[Slot]:
        return slots.get(value, nothing)

    def visit(block: Block) -> None:
        for statement in block.statements:
            match statement:
                case Apply(primitive, operands, result):
                    if is_forced(statement) or primitive.name == "identity":
                        base = operands[primitive.updates or 0]
                        slots[result] = of(base)
                        if is_forced(statement):
                            for slot in of(base):
                                written.setdefault(slot, []).append(statement)
                case If(_, then, orelse, results):
                    visit(then)
                    visit(orelse)
                    for result, a, b in zip(results, then.results, orelse.results, strict=True):
                        slots[result] = of(a) | of(b)
                case For() | While():
                    for k, (carried, initial) in enumerate(zip(statement.carried, statement.initial, strict=True)):
                        slots[carried] = of(initial) | {(statement, k)}
                    visit(statement.body)
                    for result, initial, following in zip(
                        statement.results, statement.initial, statement.carried_next, strict=False
                    ):
                        slots[result] = of(initial) | {s for s in of(following) if s[0] is not statement}
                case Call() | Effect():
                    pass
                case _:
                    assert_never(statement)

    visit(body)
    return written
