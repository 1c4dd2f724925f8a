"""From nodes and names to plain `ast` statements and comments.

In: nodes, a name for every value. Out: `ast` statements. Moves become assignments in an order that needs no temporary,
or one parallel assignment; those between equal names vanish. Adjoint statements get a comment that quotes the primal
statement they belong to.

>>> from srcdiff.emit.tree import assign, leaf
>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> x, y = Value(FLOAT, "x"), Value(FLOAT, "y")
>>> [ast.unparse(s) for s in Resolver({x: "x", y: "y"}, []).statements([assign(y, leaf(x))])]
['y = x']
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from srcdiff.emit.forms import negated
from srcdiff.emit.markers import directed
from srcdiff.emit.printer import Comment
from srcdiff.emit.tree import Branch, Expression, Jump, Leaf, Loop, Move, Node, Plain, Repeat
from srcdiff.ir.core import Origin, Value, assert_never


class Resolver:
    def __init__(self, names: Mapping[Value, str], nodes: Sequence[Node]) -> None:
        self._names = names
        self._handed: set[str] = set()
        """Names that are read even where they may be undefined: handed on as they are."""
        self._find_handed(nodes)

    def _find_handed(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            match node:
                case Plain() | Jump():
                    self._handed |= {self._names[v] for v in node.merges if v in self._names}
                case Move(pairs):
                    for target, source in pairs:
                        if source is not None and isinstance(source.node, Leaf):
                            name = self._names[source.node.value]
                            if name != self._names[target]:
                                self._handed.add(name)
                case Branch(_, then, orelse):
                    self._find_handed(then)
                    self._find_handed(orelse)
                case Loop() | Repeat():
                    self._find_handed(node.body)
                case _:
                    assert_never(node)

    # ------------------------------------------------------------------ expressions

    def expression(self, node: Any) -> Any:
        """A copy of a syntax tree with names in the place of the values."""
        if isinstance(node, Leaf):
            return ast.Name(id=self._names[node.value])
        if isinstance(node, ast.Name | ast.Constant):
            return node
        fields: dict[str, Any] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                fields[name] = self.expression(value)
            elif isinstance(value, list):
                fields[name] = [self.expression(v) if isinstance(v, ast.AST) else v for v in value]
            else:
                fields[name] = value
        made = type(node)(**fields)
        if isinstance(made, ast.stmt):
            made.lineno = 0
        return made

    # ------------------------------------------------------------------ statements

    def statements(self, nodes: Sequence[Node]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        quoted: tuple[int, str] | None = None
        for statement, origin in self._each(nodes):
            if origin is None:
                quoted = None
            elif _quotes(origin) and quoted != (origin.line, origin.text):
                quoted = (origin.line, origin.text)
                out.append(Comment(f"line {origin.line}: {origin.text}"))
            out.append(statement)
            if isinstance(statement, ast.While):
                quoted = None
        return out

    def _each(self, nodes: Sequence[Node]) -> Iterator[tuple[ast.stmt, Origin | None]]:
        """The statements, with the origin of simple ones and of marked loops, and None for others that own blocks."""
        for node in nodes:
            match node:
                case Plain():
                    statement = self._plain(node)
                    if statement is not None:
                        yield statement, node.origin
                case Move():
                    yield from self._move(node)
                case Branch():
                    branch = self._branch(node)
                    if branch is not None:
                        yield branch, None
                case Loop(target, _, iterable, body):
                    new_target, new_iterable = self.expression(target), self.expression(iterable.node)
                    inner = self._body(body)
                    loop = ast.For(target=new_target, iter=new_iterable, body=inner, orelse=[], lineno=0)
                    yield directed(loop, node.directive), None
                case Repeat(test, body):
                    again = ast.While(test=self.expression(test.node), body=self._body(body), orelse=[])
                    yield directed(again, node.directive), node.origin if node.directive else None
                case Jump():
                    yield self._jump(node), node.origin
                case _:
                    assert_never(node)

    def _body(self, nodes: Sequence[Node]) -> list[ast.stmt]:
        statements = self.statements(nodes)
        return statements or [ast.Pass()]

    def _plain(self, node: Plain) -> ast.stmt | None:
        augment = node.augment
        if augment is not None and self._names[augment.target] == self._names[augment.left]:
            name = self._names[augment.target]
            if augment.always or all(self._names[v] != name for v in augment.right.reads):
                value = self.expression(augment.right.node)
                return ast.AugAssign(target=ast.Name(id=name), op=augment.operator, value=value)
        statement: ast.stmt = self.expression(node.node)
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Name(id=source)) if target == source:
                return None
            case _:
                return statement

    def _move(self, node: Move) -> Iterator[tuple[ast.stmt, Origin | None]]:
        pending: list[tuple[str, ast.expr, set[str], Origin]] = []
        for (target, source), origin in zip(node.pairs, node.origins, strict=True):
            name = self._names[target]
            if source is None:
                if name not in self._handed:
                    continue
                source = Expression(ast.Constant(value=None))
            value = self.expression(source.node)
            if not (isinstance(value, ast.Name) and value.id == name):
                pending.append((name, value, {self._names[v] for v in source.reads}, origin))
        while pending:
            for at, (name, value, _, origin) in enumerate(pending):
                if all(name not in reads for n, (_, _, reads, _) in enumerate(pending) if n != at):
                    yield ast.Assign(targets=[ast.Name(id=name)], value=value, lineno=0), origin
                    del pending[at]
                    break
            else:
                targets: list[ast.expr] = [ast.Name(id=name) for name, _, _, _ in pending]
                values = [value for _, value, _, _ in pending]
                left, right = ast.Tuple(elts=targets, ctx=ast.Store()), ast.Tuple(elts=values, ctx=ast.Load())
                yield ast.Assign(targets=[left], value=right, lineno=0), pending[0][3]
                return

    def _branch(self, node: Branch) -> ast.stmt | None:
        then, orelse = self.statements(node.then), self.statements(node.orelse)
        test = node.test
        if not then and not orelse:
            return None
        if not then:
            test, then, orelse = negated(test), orelse, []
        return ast.If(test=self.expression(test.node), body=then, orelse=orelse)

    def _jump(self, node: Jump) -> ast.stmt:
        value = None if node.value is None else self.expression(node.value.node)
        match node.kind:
            case "break":
                return ast.Break()
            case "return":
                return ast.Return(value=value)
            case "raise":
                return ast.Raise(exc=value, cause=None)
            case _:
                raise AssertionError(f"internal error: jump {node.kind}")


def _quotes(origin: Origin) -> bool:
    """Whether a statement is put under a comment with the primal statement it belongs to."""
    return origin.role == "adjoint" and bool(origin.text) and origin.line > 0


def reverse(node: Node) -> bool:
    """Whether a node belongs to the reverse sweep."""
    match node:
        case Plain(defs=defs, origin=origin):
            return origin.role == "adjoint" or any(v.origin.role == "adjoint" for v in defs if v.name != "tape")
        case Move(pairs, origins):
            return any(o.role == "adjoint" for o in origins) or any(t.origin.role == "adjoint" for t, _ in pairs)
        case _:
            return node.origin.role == "adjoint"
