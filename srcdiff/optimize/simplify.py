"""Simplification: sound rules, applied in one walk from top to bottom.

In: a program. Out: the program with each operation simplified (see `algebra`), and with

- branches whose condition is known taken apart, results that both branches agree on taken from before the branch, and
  ``True if c else False`` replaced by c;
- carried values that no iteration changes, and lists that collect what is known outside of the loop, read from there;
- what a loop collects twice collected once, and what it zips twice zipped once.

A result of the user's that has a name keeps its statement, as a plain assignment. So does a named scalar derivative.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Origin, Parameter
>>> from srcdiff.ir.types import FLOAT
>>> b = Builder(Origin(role="adjoint"))
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(TABLE["multiply"], x, 1.0)
>>> program = Program((Function("f", (Parameter(x),), b.block((x,), (y,))),))
>>> simplify(program).main.body.results[0] is x
True
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import (
    UNDEFINED,
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    If,
    Program,
    Statement,
    Value,
    While,
    assert_never,
    is_atom,
)
from srcdiff.ir.types import BOOL, Array, Dict, List, Tuple
from srcdiff.optimize.algebra import simplified
from srcdiff.optimize.cse import atom_key
from srcdiff.optimize.definitions import Definitions, reads_of_values
from srcdiff.optimize.parts import mark_untouched
from srcdiff.primitives.table import TABLE


def simplify(program: Program) -> Program:
    """The program simplified."""
    return Program(tuple(replace(f, body=_Walk().function(f.body)) for f in program.functions))


@dataclass
class _Walk:
    """One walk over a function: `replaced` maps values that are gone to those that stand for them."""

    replaced: dict[Value, Value] = field(default_factory=dict)
    known: Definitions = field(default_factory=Definitions)
    lists: dict[Value, Value] = field(default_factory=dict)
    """A list that collects the same value in each iteration, known outside of its loop -> that value."""

    @property
    def visible(self) -> set[Value]:
        return self.known.visible

    def function(self, body: Block) -> Block:
        self.known = Definitions(reads_of_values(body))
        return self._block(body)

    def read(self, values: Sequence[Value]) -> tuple[Value, ...]:
        return tuple([self.replaced.get(v, v) for v in values])

    def one(self, value: Value) -> Value:
        return self.replaced.get(value, value)

    def _block(self, block: Block) -> Block:
        self.visible.update(block.parameters)
        statements: list[Statement] = []
        for statement in block.statements:
            self._statement(statement, statements)
        self.visible.difference_update(block.parameters)
        for statement in statements:
            self.visible.difference_update(statement.results)
        return Block(block.parameters, tuple(statements), self.read(block.results))

    def _statement(self, statement: Statement, out: list[Statement]) -> None:
        start = len(out)
        self._rewrite(statement, out)
        for added in out[start:]:
            self.visible.update(added.results)

    def _rewrite(self, statement: Statement, out: list[Statement]) -> None:
        match statement:
            case Apply():
                self._apply(statement, out)
            case If():
                self._if(statement, out)
            case For():
                self._for(statement, out)
            case While():
                self._while(statement, out)
            case Call():
                out.append(replace(statement, arguments=self.read(statement.arguments)))
            case Effect():
                keywords = tuple((k, self.one(v)) for k, v in statement.keywords)
                out.append(replace(statement, operands=self.read(statement.operands), keywords=keywords))
            case _:
                assert_never(statement)

    # -- operations ---------------------------------------------------------------------------------------------------

    def _apply(self, apply: Apply, out: list[Statement]) -> None:
        operands = self.read(apply.operands)
        if operands != apply.operands:
            apply = replace(apply, operands=operands)
        if apply.primitive.name == "identity" and not _keeps_statement(apply):
            self.replaced[apply.result] = apply.operands[0]
            return
        outcome = simplified(apply, self.known)
        while isinstance(outcome, Apply | list):
            if isinstance(outcome, list):
                *needed, outcome = outcome
                for one in needed:
                    self._apply(one, out)
                outcome = replace(outcome, operands=self.read(outcome.operands))
            apply, outcome = outcome, simplified(outcome, self.known)
        if outcome is not None:
            plain = replace(apply, primitive=TABLE["identity"], operands=(outcome,))
            if not _keeps_statement(plain):
                self.replaced[apply.result] = outcome
                return
            apply = plain
        apply = self._with_dtype(apply)
        self.known[apply.result] = apply
        out.append(apply)

    def _with_dtype(self, apply: Apply) -> Apply:
        """The operation with the dtype of its result, where simpler operands tell it now."""
        old = apply.result
        if apply.origin.role == "primal" or not isinstance(old.type, Array) or old.type.dtype is not None:
            return apply
        told = apply.primitive.infer(*apply.operands)
        if not isinstance(told, Array) or told.dtype is None or told.shape != old.type.shape:
            return apply
        new = Value(told, old.name, old.origin)
        self.replaced[old] = new
        return replace(apply, result=new)

    # -- branches -----------------------------------------------------------------------------------------------------

    def _if(self, statement: If, out: list[Statement]) -> None:
        condition = self.one(statement.condition)
        if isinstance(condition, Constant) and isinstance(condition.value, bool | int | float | str | None):
            taken = statement.then if condition.value else statement.orelse
            for inner in taken.statements:
                self._statement(inner, out)
            self.replaced.update(zip(statement.results, self.read(taken.results), strict=True))
            return
        then, orelse = self._block(statement.then), self._block(statement.orelse)
        kept: list[int] = []
        merged: dict[Hashable, Value] = {}
        for k, (result, a, b) in enumerate(zip(statement.results, then.results, orelse.results, strict=True)):
            key = (atom_key(a), atom_key(b))
            if key[0] == key[1] and not is_constant(a, UNDEFINED):
                self.replaced[result] = a
            elif is_constant(a, True) and is_constant(b, False) and condition.type == BOOL:
                self.replaced[result] = condition
            elif key in merged:
                self.replaced[result] = merged[key]
            else:
                merged[key] = result
                kept.append(k)
        if len(kept) < len(statement.results):
            then, orelse = (replace(b, results=tuple(b.results[k] for k in kept)) for b in (then, orelse))
        results = tuple(statement.results[k] for k in kept)
        if results or then.statements or orelse.statements:
            out.append(replace(statement, condition=condition, then=then, orelse=orelse, results=results))

    # -- loops --------------------------------------------------------------------------------------------------------

    def _for(self, loop: For, out: list[Statement]) -> None:
        initial = self.read(loop.initial)
        carried = self._unchanged(loop, initial)
        items: dict[Value, Value] = {}
        zipped: list[int] = []
        for k, (items_value, item) in enumerate(zip(self.read(loop.zipped), loop.zipped_items, strict=True)):
            constant_item = self.lists.get(items_value)
            drives = loop.iterable is None and k == len(loop.zipped) - 1 and not zipped
            if constant_item is not None and (is_atom(constant_item) or constant_item in self.visible) and not drives:
                self.replaced[item] = constant_item
            elif items_value in items:
                self.replaced[item] = items[items_value]
            else:
                items[items_value] = item
                zipped.append(k)
        mark_untouched(replace(loop, initial=initial), loop.body, self.known)
        body = self._block(loop.body)
        collected, results = self._results(loop, body, carried)
        stop = body.results[: loop.stops]
        following = body.results[loop.stops :]
        parameters = (loop.item, *(loop.carried[k] for k in carried), *(loop.zipped_items[k] for k in zipped))
        body = Block(parameters, body.statements, (*stop, *(following[k] for k in (*carried, *collected))))
        out.append(
            replace(
                loop,
                iterable=None if loop.iterable is None else self.one(loop.iterable),
                initial=tuple(initial[k] for k in carried),
                zipped=tuple(self.one(loop.zipped[k]) for k in zipped),
                body=body,
                results=results,
            )
        )

    def _while(self, loop: While, out: list[Statement]) -> None:
        initial = self.read(loop.initial)
        carried = self._unchanged(loop, initial)
        condition, body = self._block(loop.condition), self._block(loop.body)
        collected, results = self._results(loop, body, carried)
        stop = body.results[: loop.stops]
        following = body.results[loop.stops :]
        condition = replace(condition, parameters=tuple(condition.parameters[k] for k in carried))
        parameters = tuple(loop.carried[k] for k in carried)
        body = Block(parameters, body.statements, (*stop, *(following[k] for k in (*carried, *collected))))
        kept = tuple(initial[k] for k in carried)
        out.append(replace(loop, condition=condition, initial=kept, body=body, results=results))

    def _unchanged(self, loop: For | While, initial: tuple[Value, ...]) -> list[int]:
        """Read the carried values that no iteration changes from outside; the positions of the others."""
        kept: list[int] = []
        for k, (value, carried) in enumerate(zip(initial, loop.carried, strict=True)):
            following = loop.carried_next[k]
            same = following is carried or (is_atom(value) and atom_key(value) == atom_key(following))
            if not same:
                kept.append(k)
                continue
            self.replaced[carried] = self.replaced[loop.results[k]] = value
            if isinstance(loop, While):
                self.replaced[loop.condition.parameters[k]] = value
        return kept

    def _results(self, loop: For | While, body: Block, carried: list[int]) -> tuple[list[int], tuple[Value, ...]]:
        """Which lists are still collected (positions after the stop flag), and the results of the loop."""
        count = len(loop.initial)
        merged: dict[Hashable, Value] = {}
        kept: list[int] = []
        for k, value in enumerate(body.results[loop.stops + count :]):
            result, key = loop.results[count + k], atom_key(value)
            if key in merged:
                self.replaced[result] = merged[key]
                continue
            merged[key] = result
            kept.append(count + k)
            if (is_atom(value) and not is_constant(value, UNDEFINED)) or value in self.visible:
                self.lists[result] = value
        return kept, tuple(loop.results[k] for k in (*carried, *kept))


def _keeps_statement(apply: Apply) -> bool:
    """Whether ``y = x`` is a statement that its reader looks for: the user's own, or a named scalar derivative."""
    result, source = apply.result, apply.operands[0]
    if result.name is None or result.name == source.name:
        return False
    return apply.origin.role == "primal" or not isinstance(result.type, Array | List | Tuple | Dict)
