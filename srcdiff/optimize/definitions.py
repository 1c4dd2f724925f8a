"""What the rules of the simplifier are written with.

In: an application and what defines its operands. Out: `Definitions`, the type of a rule, what a value was made by.

>>> from srcdiff.ir.types import FLOAT
>>> x, y = Value(FLOAT, "x"), Value(FLOAT)
>>> known = Definitions()
>>> known[y] = Apply(TABLE["negative"], (x,), y)
>>> made_by(y, known, "negative") is known[y], made_by(x, known, "negative")
(True, None)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from srcdiff.ir.core import Apply, Block, Value, blocks_of, operands_of
from srcdiff.primitives.table import TABLE


class Definitions(dict[Value, Apply]):
    """What defines the values in scope; `reads` says how often each value is read in the whole function."""

    def __init__(self, reads: Mapping[Value, int] | None = None) -> None:
        super().__init__()
        self.reads: Mapping[Value, int] = reads or {}
        self.visible: set[Value] = set()
        """What has been computed on every path to here."""
        self.inverses: dict[Value, Value] = {}
        """A matrix -> its inverse."""
        self.untouched: dict[Value, Value] = {}
        """A carried adjoint of a list that starts as zeros and gets an element in each iteration -> its index."""

    def __setitem__(self, value: Value, definition: Apply) -> None:
        super().__setitem__(value, definition)
        if definition.primitive.name == "np.linalg.inv":
            self.inverses[definition.operands[0]] = value


Outcome = Value | Apply | list[Apply] | None
Rule = Callable[[Apply, Definitions], Outcome]


def made_by(value: Value, known: Definitions, *names: str) -> Apply | None:
    """The application that defines `value`, if it is one of the primitives `names`."""
    definition = known.get(value)
    return definition if definition is not None and definition.primitive.name in names else None


def part_made_by(value: Value, known: Definitions, *names: str) -> Apply | None:
    """The same, for a part of an expression: a value without a name, so that no statement of its own is lost."""
    return made_by(value, known, *names) if value.name is None else None


def again(apply: Apply, name: str, *operands: Value) -> Apply:
    """The application of another primitive in place of this one."""
    return replace(apply, primitive=TABLE[name], operands=operands)


def reads_of_values(body: Block) -> dict[Value, int]:
    """How often each value is read in the text of a function."""
    count: dict[Value, int] = {}

    def visit(block: Block) -> None:
        for statement in block.statements:
            for value in operands_of(statement):
                count[value] = count.get(value, 0) + 1
            for inner in blocks_of(statement):
                visit(inner)
        for value in block.results:
            count[value] = count.get(value, 0) + 1

    visit(body)
    return count
