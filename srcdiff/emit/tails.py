"""What happens to the results of a block, and what is known of those of an If.

In: blocks of the IR. Out: the *tails* `Return`, `Pass` and `Iterate`; whether a tail that jumps belongs into the
branches of the If before it.

>>> from srcdiff.ir.core import Block, constant
>>> from srcdiff.ir.types import BOOL
>>> goes_on, is_left = (Block((), (), (constant(stop),)) for stop in (False, True))
>>> may_stop(If(Value(BOOL), goes_on, is_left, (Value(BOOL),)), 0)
True
"""

from __future__ import annotations

from dataclasses import dataclass

from srcdiff.emit.tapes import Growing
from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import UNDEFINED, Constant, If, Origin, Value


@dataclass(frozen=True)
class Tail:
    """What happens to the results of a block."""

    results: tuple[Value, ...]


@dataclass(frozen=True)
class Return(Tail):
    last: bool = True
    """Whether the end of these statements is the end of the function."""


@dataclass(frozen=True)
class Pass(Tail):
    """The results become the values `targets`."""

    targets: tuple[Value, ...]


@dataclass(frozen=True)
class Iterate(Tail):
    """The end of a loop's body: what is carried, collected, and whether the loop stops."""

    carried: tuple[Value, ...]
    stops: bool
    growing: tuple[Growing, ...]
    origin: Origin


def returns(s: If, position: int) -> bool:
    """Whether a result of an If is returned from its branches, rather than a variable that they assign: then
    what a branch passes on is called as the result is, or is what the variable was before."""
    result = s.results[position]
    for block in (s.then, s.orelse):
        value = block.results[position]
        if value.name is None or value.name != result.name:
            return True
        inner = block.statements[-1] if block.statements else None
        if isinstance(inner, If) and value in inner.results and returns(inner, inner.results.index(value)):
            return True
    return False


def may_stop(s: If, position: int) -> bool:
    """Whether a result of an If, the flag that stops a loop, is set in one of its branches."""
    for block in (s.then, s.orelse):
        stop = block.results[position]
        if is_constant(stop, True):
            return True
        inner = block.statements[-1] if block.statements else None
        if isinstance(inner, If) and stop in inner.results and may_stop(inner, inner.results.index(stop)):
            return True
    return False


def may_be_undefined(s: If, position: int) -> bool:
    """Whether a branch leaves a result of an If without a value."""
    for block in (s.then, s.orelse):
        value = block.results[position]
        if isinstance(value, Constant) and value.value is UNDEFINED:
            return True
        inner = block.statements[-1] if block.statements else None
        if isinstance(inner, If) and value in inner.results and may_be_undefined(inner, inner.results.index(value)):
            return True
    return False
