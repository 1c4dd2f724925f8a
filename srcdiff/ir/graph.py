"""The computational graph of a function, in the DOT language of Graphviz.

In: a function. Out: the text of a digraph: a node for each value, an edge from each operand to the operation that reads
it; loops and branches are clusters, and dashed edges carry values in and out of them.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Parameter, Primitive
>>> from srcdiff.ir.types import FLOAT
>>> sine = Primitive("math.sin", ("x",), infer=lambda x: FLOAT, evaluate=lambda x: x)
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(sine, x, name="y")
>>> print(to_dot(Function("f", (Parameter(x),), b.block((x,), (y,)))), end="")
digraph "f" {
    rankdir=LR;
    node [shape=ellipse, fontname="monospace"];
    n0 [label="x", shape=box];
    n1 [label="y = math.sin"];
    n0 -> n1;
    n2 [label="return", shape=box];
    n1 -> n2;
}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Function,
    If,
    Primitive,
    Statement,
    Value,
    While,
    assert_never,
    is_atom,
)
from srcdiff.ir.text import ValueNames


def to_dot(function: Function) -> str:
    """The function's graph as DOT text."""
    graph = _Graph()
    for parameter in function.parameters:
        graph.define(parameter.value, graph.node(graph.label(parameter.value), shape="box"))
    graph.statements(function.body.statements)
    graph.sink("return", function.body.results)
    body = "".join(f"{line}\n" for line in graph.lines)
    return f"digraph {_quoted(function.name)} {{\n{body}}}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@dataclass
class _Graph:
    names: ValueNames = field(default_factory=ValueNames)
    lines: list[str] = field(
        default_factory=lambda: ["    rankdir=LR;", '    node [shape=ellipse, fontname="monospace"];']
    )
    depth: int = 1
    _nodes: dict[Value, str] = field(default_factory=dict)
    _count: int = 0
    _clusters: int = 0

    def label(self, value: Value) -> str:
        return self.names(value).removeprefix("%").removeprefix("@")

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def node(self, label: str, shape: str | None = None) -> str:
        name = f"n{self._count}"
        self._count += 1
        style = f", shape={shape}" if shape else ""
        self.line(f"{name} [label={_quoted(label)}{style}];")
        return name

    def define(self, value: Value, node: str) -> None:
        self._nodes[value] = node

    def edges(self, values: Iterable[Value], node: str, style: str = "") -> None:
        """An edge from each operand; a constant or global gets a node of its own each time, so that it ties nothing."""
        for value in values:
            source = self.node(self.label(value), shape="plaintext") if is_atom(value) else self._nodes[value]
            self.line(f"{source} -> {node}{style};")

    def sink(self, label: str, values: Sequence[Value]) -> None:
        self.edges(values, self.node(label, shape="box"))

    def statements(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Apply(primitive, operands, result):
                # What is unnamed is only an inner node of an expression.
                label = f"{self.label(result)} = {primitive.name}" if result.name else primitive.name
                shown = [v for v in operands if not (_is_default(primitive.name, v))]
                node = self.node(label)
                self.define(result, node)
                self.edges(shown, node)
            case If(condition, then, orelse, results):
                test = self.node("if", shape="diamond")
                self.edges((condition,), test)
                ends = [self._cluster(title, block) for title, block in (("then", then), ("else", orelse))]
                for position, result in enumerate(results):
                    merged = self.node(self.label(result))
                    self.define(result, merged)
                    self.line(f"{test} -> {merged} [style=dashed];")
                    for sources in ends:
                        self.edges((sources[position],), merged, " [style=dashed]")
            case For() | While():
                self._loop(statement)
            case Call(function, arguments, results):
                node = self.node(f"{function}()", shape="component")
                self.edges(arguments, node)
                for result in results:
                    out = self.node(self.label(result))
                    self.define(result, out)
                    self.line(f"{node} -> {out};")
            case Effect(operands=operands, primitive=Primitive(name=name), result=Value() as result):
                node = self.node(f"{self.label(result)} = {name}" if result.name else name)
                self.define(result, node)
                self.edges(operands, node)
            case Effect(kind, operands):
                self.sink(kind, operands)
            case _:
                assert_never(statement)

    def _cluster(self, title: str, block: Block) -> tuple[Value, ...]:
        self._open(title)
        self.statements(block.statements)
        self._close()
        return block.results

    def _open(self, title: str) -> None:
        self.line(f"subgraph cluster_{self._clusters} {{")
        self._clusters += 1
        self.depth += 1
        self.line(f"label={_quoted(title)};")

    def _close(self) -> None:
        self.depth -= 1
        self.line("}")

    def _loop(self, loop: For | While) -> None:
        self._open("for" if isinstance(loop, For) else "while")
        for parameter in loop.body.parameters:
            self.define(parameter, self.node(self.label(parameter), shape="box"))
        if isinstance(loop, For):
            sources = (*loop.initial, *loop.zipped)
            targets = loop.body.parameters[1:]
            if loop.iterable is not None:
                self.edges((loop.iterable,), self._nodes[loop.item], " [style=dashed]")
        else:
            sources, targets = loop.initial, loop.body.parameters
            for parameter, carried in zip(loop.condition.parameters, loop.carried, strict=True):
                self.define(parameter, self._nodes[carried])
            self.statements(loop.condition.statements)
            self.sink("while", loop.condition.results)
        for source, target in zip(sources, targets, strict=True):
            self.edges((source,), self._nodes[target], " [style=dashed]")
        self.statements(loop.body.statements)
        for following, carried in zip(loop.carried_next, loop.carried, strict=True):
            self.edges((following,), self._nodes[carried], " [style=dashed, constraint=false]")
        if loop.stop is not None:
            self.sink("stop", (loop.stop,))
        self._close()
        passed = (*loop.carried_next, *loop.collected)
        for result, source in zip(loop.results, passed, strict=True):
            out = self.node(self.label(result))
            self.define(result, out)
            self.edges((source,), out, " [style=dashed]")


def _is_default(primitive: str, value: Value) -> bool:
    """Operands that say "not given" would only clutter the picture."""
    return isinstance(value, Constant) and value.value is None and primitive != "identity"
