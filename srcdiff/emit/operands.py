"""Values of the IR as expressions of Python whose variables are still values.

In: a function and what was decided about its expressions. Out: `Expressions`, which gives for a value the variable that
it is, or the expression that is printed in its place. One that would fill lines is split by temporaries.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from srcdiff.emit.expressions import Decisions
from srcdiff.emit.forms import Forms, as_value, both, signed
from srcdiff.emit.loops import walk_target
from srcdiff.emit.spelling import names_in
from srcdiff.emit.storage import Storage
from srcdiff.emit.tapes import Tapes
from srcdiff.emit.tree import Expression, Leaf, Node, Plain, assign, leaf
from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Apply, Call, Constant, For, Function, Global, If, Origin, Statement, Value
from srcdiff.ir.types import BOOL, Scalar

WIDEST = 150
"""An expression that takes more characters than this is split by a temporary."""


class Expressions:
    """The expressions of one function. What is split off a wide one goes before it, into the statements `_out`."""

    def __init__(self, function: Function, forms: Forms, impure: frozenset[str]) -> None:
        self.forms = forms
        self._effects = impure
        self.storage = Storage(function)
        self.decisions = Decisions(function, self.storage, impure)
        self.tapes = Tapes(function, self.decisions)
        self.hints: dict[Value, str] = {}
        """Names for values that have none of their own."""
        self.bound: dict[Value, tuple[Value, ...]] = {}
        """The variables of comprehensions, each with what is read beside it."""
        self._registers: dict[Value, Value] = {}
        self._replaced: dict[Value, Value] = {}
        self._out: list[Node] = []
        self._splits = True

    def resolve(self, value: Value) -> Value:
        """The value that stands for this one here: of a branch that a tail was written into."""
        while value in self._replaced:
            value = self._replaced[value]
        return value

    def register(self, value: Value) -> Value:
        """The variable of a value: a loop's results are its carried parameters, a list may be part of a tape."""
        while (known := self._registers.get(value, self.tapes.registers.get(value))) is not None:
            value = known
        return value

    def inlined(self, value: Value) -> Statement | None:
        """The statement printed in the place of the value, if it is not a variable."""
        return self.decisions.inlined.get(self.resolve(value))

    def expression(self, value: Value) -> Expression:
        """The value as an expression: an index may come as a bare slice."""
        value = self.resolve(value)
        if isinstance(value, Constant):
            return self.forms.constant(value)
        if isinstance(value, Global):
            return self.forms.global_(value)
        statement = self.decisions.inlined.get(value)
        return leaf(self.register(value)) if statement is None else self.computed(statement)

    def operand(self, value: Value) -> Expression:
        """The value as an expression that is an object of its own."""
        part = self.expression(value)
        return Expression(as_value(part.node, self.forms.spelling), part.reads, part.width)

    def computed(self, s: Statement) -> Expression:
        """A statement with one result as an expression."""
        match s:
            case Apply():
                parts = self._fitting(s.operands)
                if s.primitive.name == "negative" and s.origin.role != "primal" and isinstance(s.result.type, Scalar):
                    return signed(parts[0]) or self.forms.apply(s.primitive, s.operands, parts)
                return self.forms.apply(s.primitive, s.operands, parts)
            case Call():
                return self.forms.call(self.forms.spelling.function(s.function), self._fitting(s.arguments))
            case If():
                with self._unsplit():
                    return self._conditional(s)
            case For():
                with self._unsplit():
                    return self._comprehension(s)
            case _:
                raise AssertionError(f"internal error: {type(s).__name__} is no expression")

    def _fitting(self, operands: Sequence[Value]) -> list[Expression]:
        """The operands as expressions, the widest of them put into temporaries where they would fill lines."""
        parts = [self.expression(v) for v in operands]
        while self._splits and sum(p.width + 3 for p in parts) > WIDEST:
            at = max(range(len(parts)), key=lambda n: parts[n].width)
            value = self.resolve(operands[at])
            if parts[at].width < 30 or value not in self.decisions.inlined or isinstance(parts[at].node, ast.Slice):
                break
            made = self.decisions.inlined[value]
            node = Expression(as_value(parts[at].node, self.forms.spelling), parts[at].reads, parts[at].width)
            self._out.append(self._assigned(value, node, made.origin))
            parts[at] = leaf(value)
        return parts

    def _assigned(self, target: Value, value: Expression, origin: Origin) -> Plain:
        return replace(assign(target, value, origin), pure=not self.impure(value))

    def impure(self, value: Expression) -> bool:
        """Whether an expression calls a function that has effects."""
        return bool(self._effects) and bool(names_in(value.node) & self._effects)

    @contextmanager
    def _unsplit(self) -> Iterator[None]:
        """Inside parts that are evaluated conditionally or repeatedly nothing can be computed in advance."""
        before, self._splits = self._splits, False
        yield
        self._splits = before

    def _conditional(self, s: If) -> Expression:
        test = self.operand(s.condition)
        then, orelse = s.then.results[0], s.orelse.results[0]
        boolean = s.condition.type == BOOL
        if orelse is s.condition or (boolean and is_constant(orelse, False)):
            return both(ast.And(), test, self.operand(then))
        if then is s.condition or (boolean and is_constant(then, True)):
            return both(ast.Or(), test, self.operand(orelse))
        a, b = self.operand(then), self.operand(orelse)
        node = ast.IfExp(test=test.node, body=a.node, orelse=b.node)
        return Expression(node, test.reads + a.reads + b.reads, test.width + a.width + b.width + 10)

    def _comprehension(self, s: For) -> Expression:
        target, defs, source = self._target(s)
        element = self.operand(s.collected[0])
        generator = ast.comprehension(target=target, iter=source.node, ifs=[], is_async=0)
        node = ast.ListComp(elt=element.node, generators=[generator])
        for value in defs:
            self.bound[value] = (*element.reads, *source.reads, *(v for v in defs if v is not value))
        reads = source.reads + tuple(v for v in element.reads if v not in defs)
        return Expression(node, reads, element.width + source.width + 15)

    def _target(self, s: For) -> tuple[ast.expr, tuple[Value, ...], Expression]:
        """The target of a loop over an iterable, the values it assigns, and what it runs over."""
        found = self.decisions.walks.get(s)
        if found is not None:
            for element in found.elements:
                self.decisions.inlined.pop(element.result, None)
            sequences = [self.operand(v) for v in found.sequences]
            item = self.register(s.item) if found.counted else None
            used = [e.result if self.decisions.used(e.result) else None for e in found.elements]
            return walk_target(self.forms, item, used, sequences)
        assert s.iterable is not None
        iterable = self.operand(s.iterable)
        item = self.register(s.item)
        if not self.decisions.used(item):
            return ast.Name(id="_"), (), iterable
        self.hints.setdefault(item, item.name or "i")
        return Leaf(item), (item,), iterable
