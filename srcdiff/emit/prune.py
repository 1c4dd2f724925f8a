"""Assignments that nothing reads are not printed.

In: nodes and the parameters of the function. Out: nodes without pure assignments to variables that are not read later;
what a loop or an unpacking assigns in vain is called `_`.

>>> from srcdiff.emit.tree import Jump, assign, leaf
>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> x, y = Value(FLOAT, "x"), Value(FLOAT, "y")
>>> len(prune([assign(y, leaf(x)), Jump("return", leaf(x))], (x,)))
1
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from srcdiff.emit.liveness import Liveness
from srcdiff.emit.tree import Branch, Leaf, Loop, Move, Node, Plain, Repeat
from srcdiff.ir.core import Value


def prune(nodes: Sequence[Node], parameters: Sequence[Value]) -> list[Node]:
    while True:
        pruner = _Pruner(nodes, parameters)
        nodes = pruner.nodes(nodes, 0, 0)
        if not pruner.changed:
            return nodes


class _Pruner(Liveness):
    changed = False

    def nodes(self, nodes: Sequence[Node], after: int, broken: int) -> list[Node]:
        out: list[Node] = []
        for node in reversed(nodes):
            kept = self._node(node, after, broken)
            if kept is not node:
                self.changed = True
            if kept is not None:
                out.append(kept)
                after = self.before([kept], after, broken)
        return out[::-1]

    def _node(self, node: Node, after: int, broken: int) -> Node | None:
        """The node without what is assigned in vain; None if nothing is left."""
        match node:
            case Plain() if node.pure and not node.tied and node.defs:
                idle = [v for v in node.defs if not self._alive(v, after)]
                if len(idle) == len(node.defs):
                    return None
                return self._blank(node, idle) if idle else node
            case Move(pairs, origins):
                kept = [n for n, (target, _) in enumerate(pairs) if self._alive(target, after)]
                if len(kept) == len(pairs):
                    return node
                return Move(tuple(pairs[n] for n in kept), tuple(origins[n] for n in kept)) if kept else None
            case Branch(test, then, orelse, origin):
                a, b = self.nodes(then, after, broken), self.nodes(orelse, after, broken)
                if not a and not b:
                    return None
                return node if _same(a, then) and _same(b, orelse) else Branch(test, a, b, origin)
            case Loop(target, targets, _, body):
                head = self.head(body, after, after, self.mask(targets))
                body = self.nodes(body, head, after)
                used = self.before(body, head, after)
                idle = [v for v in targets if not self._alive(v, used)]
                if not body:
                    return None
                if idle:
                    kept_targets = tuple(v for v in targets if v not in idle)
                    return replace(node, target=_blanked(target, idle), targets=kept_targets, body=body)
                return node if _same(body, node.body) else replace(node, body=body)
            case Repeat(test, body):
                after |= self.mask(test.reads)
                inner = self.nodes(body, self.before([node], after, broken), after)
                return node if _same(inner, body) else replace(node, body=inner)
            case _:
                return node

    def _alive(self, value: Value, mask: int) -> bool:
        return bool(mask >> self.number(value) & 1)

    def _blank(self, node: Plain, idle: Sequence[Value]) -> Plain:
        match node.node:
            case ast.Assign(targets=[target], value=value):
                statement = ast.Assign(targets=[_blanked(target, idle)], value=value, lineno=0)
                return replace(node, node=statement, defs=tuple(v for v in node.defs if v not in idle))
            case _:
                raise AssertionError("internal error: several values defined by no assignment")


def _same(a: Sequence[Node], b: Sequence[Node]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def _blanked(target: ast.expr, idle: Sequence[Value]) -> ast.expr:
    match target:
        case Leaf():
            return ast.Name(id="_") if target.value in idle else target
        case ast.Tuple(elts=elts):
            return ast.Tuple(elts=[_blanked(e, idle) for e in elts], ctx=ast.Store())
        case _:
            return target
