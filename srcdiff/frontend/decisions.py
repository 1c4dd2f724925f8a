"""Comparisons, `and`, `or` and `a if c else b`: expressions of which a part may never be evaluated.

In: such an expression. Out: its value; what runs only sometimes is lowered into a branch of its own, and what the types
settle (`x is None` of an array) is a constant and no branch at all.

>>> from srcdiff.frontend.lower import lower
>>> from srcdiff.frontend.module import Module
>>> from srcdiff.ir.text import to_text
>>> text = "def f(x: float, n: int):\\n    return x if n is None or n > 2 else -x\\n"
>>> print(to_text(lower(Module.from_text(text, "f.py"), "f")))
function f(%x: float, %n: int):
    %t: bool = greater %n, 2
    if %t as expression:
        yield %x
    else:
        %t_1: float = negative %x
        yield %t_1
    => %x_1: float
    return %x_1
<BLANKLINE>
"""

from __future__ import annotations

import gast

from srcdiff.frontend.context import Branch, Refused
from srcdiff.frontend.expressions import Expressions
from srcdiff.frontend.objects import Operand, Result, Static
from srcdiff.ir.core import Constant, Value, constant
from srcdiff.ir.types import NONE, Bottom, Unknown

COMPARE: dict[type, str] = {
    gast.Lt: "less",
    gast.LtE: "less_equal",
    gast.Gt: "greater",
    gast.GtE: "greater_equal",
    gast.Eq: "equal",
    gast.NotEq: "not_equal",
    gast.Is: "is_",
    gast.IsNot: "is_not",
    gast.In: "contains",
    gast.NotIn: "not_contains",
}


def _is_harmless(node: gast.AST) -> bool:
    """Whether evaluating this does nothing and cannot fail: names, attributes, and comparisons of these for identity
    or with strings."""
    match node:
        case gast.Name() | gast.Constant():
            return True
        case gast.Attribute(value=value) | gast.UnaryOp(op=gast.Not(), operand=value):
            return _is_harmless(value)
        case gast.Compare(left=left, ops=ops, comparators=others):
            same = all(isinstance(op, gast.Is | gast.IsNot | gast.Eq | gast.NotEq) for op in ops)
            return same and all(map(_is_harmless, [left, *others]))
    return False


class Decisions(Expressions):
    """Lowers expressions that decide."""

    def condition(self, node: gast.AST) -> Value:
        """What a test is decided by; a constant where the types settle it."""
        if isinstance(node, gast.BoolOp) and (settled := self._settled(node)) is not None:
            return constant(settled)
        return self.value(node)

    def _settled(self, node: gast.BoolOp) -> bool | None:
        """What `flag and p.b is not None` comes to where one part alone decides it; what stands before that part is
        left out only where evaluating it does nothing and cannot fail."""
        decisive = isinstance(node.op, gast.Or)
        for part in node.values:
            try:
                test, _ = self.inside(lambda part=part: self.condition(part))  # type: ignore[misc]
            except Refused:
                return None
            if isinstance(test, Constant) and bool(test.value) == decisive:
                return decisive
            if not isinstance(test, Constant) and not _is_harmless(part):
                return None
        return None

    def compare(self, node: gast.Compare, name: str | None) -> Operand:
        if len(node.ops) == 1:
            left, right = self.evaluate_all([node.left, node.comparators[0]])
            return self._comparison(node.ops[0], left, right, node, name)
        left, middle = self.evaluate_all([node.left, node.comparators[0]])
        first = self._comparison(node.ops[0], left, middle, node, None)
        return self._chain(first, middle, node.ops[1:], node.comparators[1:], node, name)

    def _chain(
        self, first: Result, left: Operand, ops: list[gast.AST], rest: list[gast.AST], node: gast.AST, name: str | None
    ) -> Result:
        def following() -> Result:
            right = self.expression(rest[0])
            second = self._comparison(ops[0], left, right, node, None)
            return second if len(ops) == 1 else self._chain(second, right, ops[1:], rest[1:], node, None)

        if isinstance(first.value, Constant):
            return following() if first.value.value else first
        second, then = self.inside(following)
        _, orelse = self.inside(lambda: None)
        return self._choose(first.value, (second, then), (first, orelse), node, name)

    def _comparison(self, op: gast.AST, left: Operand, right: Operand, node: gast.AST, name: str | None) -> Result:
        a, b = self.current(left, node), self.current(right, node)
        if isinstance(op, gast.Is | gast.IsNot) and NONE in (a.type, b.type):
            other = b.type if a.type == NONE else a.type
            if not isinstance(other, Unknown | Bottom):
                return Result(constant((other == NONE) == isinstance(op, gast.Is)))
        return Result(self.apply(COMPARE[type(op)], a, b, node=node, name=name))

    def boolean(self, is_and: bool, nodes: list[gast.AST], node: gast.AST, name: str | None) -> Operand:
        first = self.result(nodes[0])
        if len(nodes) == 1:
            return first
        test = self.current(first, nodes[0])
        if isinstance(test, Constant):
            return self.boolean(is_and, nodes[1:], node, name) if bool(test.value) == is_and else first
        rest, branch = self.inside(lambda: self._now(self.boolean(is_and, nodes[1:], node, None), node))
        _, empty = self.inside(lambda: None)
        kept = Result(test, None, self.memory(first))
        if is_and:
            return self._choose(test, (rest, branch), (kept, empty), node, name)
        return self._choose(test, (kept, empty), (rest, branch), node, name)

    def conditional(self, test: Value, body: gast.AST, orelse: gast.AST, node: gast.AST, name: str | None) -> Operand:
        if isinstance(test, Constant):
            return self.expression(body if test.value else orelse, name)
        a, then = self.inside(lambda: self.expression(body))
        b, other = self.inside(lambda: self.expression(orelse))
        if isinstance(a, Static) and isinstance(b, Static) and a.same(b):
            return a
        if isinstance(a, Static) or isinstance(b, Static):
            raise self.error(
                node, "which function this is depends on a run-time value", "use an `if` with a call in each branch"
            )
        left = self.on(then, lambda: self._now(a, body))
        right = self.on(other, lambda: self._now(b, orelse))
        return self._choose(test, (left, then), (right, other), node, name)

    def _choose(
        self, test: Value, a: tuple[Result, Branch], b: tuple[Result, Branch], node: gast.AST, name: str | None
    ) -> Result:
        merged = self.merge(test, a[1], b[1], expression=True, operands=(a[0], b[0]), name=name)
        assert merged is not None
        return merged

    def _now(self, operand: Operand, node: gast.AST) -> Result:
        return Result(self.current(operand, node), None, self.memory(operand))
