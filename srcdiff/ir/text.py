"""The IR as text: deterministic, one statement a line, blocks indented.

In: a program, a function or a block. Out: readable SSA. A value is `%` and its name hint, numbered where a hint is used
twice; a value is typed where it is defined.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Parameter, Primitive
>>> from srcdiff.ir.types import FLOAT
>>> multiply = Primitive("multiply", ("a", "b"), infer=lambda a, b: FLOAT, evaluate=lambda a, b: a * b)
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(multiply, x, 2.0, name="y")
>>> print(to_text(Function("f", (Parameter(x),), b.block((x,), (y,)))), end="")
function f(%x: float):
    %y: float = multiply %x, 2.0
    return %y
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Function,
    Global,
    If,
    Program,
    Statement,
    Value,
    While,
    assert_never,
)

_INDENT = "    "


@dataclass
class ValueNames:
    """Gives each value its text, the same each time it is asked: `%s`, then `%s_1` for the next value of that hint."""

    _names: dict[Value, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _counts: dict[str, int] = field(default_factory=dict)

    def __call__(self, value: Value) -> str:
        match value:
            case Constant():
                return value.text or repr(value.value)
            case Global():
                return f"@{value.module}.{value.attribute}" if value.module else f"@{value.attribute}"
            case _:
                return self._local(value)

    def _local(self, value: Value) -> str:
        known = self._names.get(value)
        if known is not None:
            return known
        hint = value.name or "t"
        count = self._counts.get(hint, 0)
        name = f"%{hint}_{count}" if count else f"%{hint}"
        while name in self._taken:
            count += 1
            name = f"%{hint}_{count}"
        self._counts[hint] = count + 1
        self._taken.add(name)
        self._names[value] = name
        return name

    def defined(self, value: Value) -> str:
        return f"{self(value)}: {value.type}"

    def reads(self, values: Iterable[Value]) -> str:
        return ", ".join(map(self, values))

    def definitions(self, values: Iterable[Value]) -> str:
        return ", ".join(map(self.defined, values))


def to_text(item: Program | Function | Block) -> str:
    """The text of a program, a function or a block; ends with a newline unless it is empty."""
    match item:
        case Program(functions):
            return "\n".join(map(to_text, functions))
        case Function():
            lines = _function(item)
        case Block():
            lines = (line for line, _ in block_lines(item, ValueNames(), "", "yield"))
        case _:
            assert_never(item)
    return "".join(line + "\n" for line in lines)


def _function(function: Function) -> Iterator[str]:
    return (line for line, _ in function_lines(function))


def function_lines(
    function: Function, names: ValueNames | None = None
) -> Iterator[tuple[str, Statement | Block | None]]:
    """The lines of a function, each with the statement it begins or the block that it heads or ends."""
    names = names or ValueNames()
    parts = []
    for p in function.parameters:
        default = "" if p.default is None else f" = {names(p.default)}"
        parts.append(("*" if p.keyword_only else "") + names.defined(p.value) + default)
    yield f"function {function.name}({', '.join(parts)}):", None
    yield from block_lines(function.body, names, _INDENT, "return")


def block_lines(
    block: Block, names: ValueNames, indent: str, ending: str
) -> Iterator[tuple[str, Statement | Block | None]]:
    """The statements of the block and its results, each with the statement (or the block, for the results)."""
    for statement in block.statements:
        yield from _statement_lines(statement, names, indent)
    yield f"{indent}{ending} {names.reads(block.results)}".rstrip(), block


def _statement_lines(
    statement: Statement, names: ValueNames, indent: str
) -> Iterator[tuple[str, Statement | Block | None]]:
    inner = indent + _INDENT
    match statement:
        case Apply(primitive, operands, result, _, inplace):
            mark = "inplace " if inplace else ""
            reads = names.reads(operands)
            yield f"{indent}{names.defined(result)} = {mark}{primitive.name} {reads}".rstrip(), statement
        case If():
            head = f"{indent}if {names(statement.condition)}"
            yield head + (" as expression:" if statement.expression else ":"), statement
            yield from block_lines(statement.then, names, inner, "yield")
            yield f"{indent}else:", statement.orelse
            yield from block_lines(statement.orelse, names, inner, "yield")
            yield from _results(statement, names, indent)
        case For():
            driver = "" if statement.iterable is None else f" in {names(statement.iterable)}"
            body = statement.body
            parts = [f"for {names.definitions(body.parameters[:1])}{driver}", *_carry(statement, names)]
            if statement.zipped:
                pairs = zip(statement.zipped_items, statement.zipped, strict=False)
                parts.append("zip " + ", ".join(f"{names.defined(p)} from {names(v)}" for p, v in pairs))
            yield indent + " ".join(parts + _flags(statement)) + ":", statement
            yield from block_lines(body, names, inner, "yield")
            yield from _results(statement, names, indent)
        case While():
            yield indent + " ".join(["while", *_carry(statement, names), *_flags(statement)]) + ":", statement
            renamed = zip(statement.condition.parameters, statement.carried, strict=False)
            aliases = ", ".join(f"{names(p)} = {names(c)}" for p, c in renamed)
            yield f"{indent}condition" + (f" with {aliases}:" if aliases else ":"), statement.condition
            yield from block_lines(statement.condition, names, inner, "yield")
            yield f"{indent}do:", statement.body
            yield from block_lines(statement.body, names, inner, "yield")
            yield from _results(statement, names, indent)
        case Call(function, arguments, results):
            head = f"{names.definitions(results)} = " if results else ""
            yield f"{indent}{head}call {function}({names.reads(arguments)})", statement
        case Effect(kind, operands, _, exception, keywords):
            name = "" if exception is None else f" {names(exception)}"
            if statement.primitive is not None and statement.result is not None:
                reads = names.reads(operands)
                yield (
                    f"{indent}{names.defined(statement.result)} = effect {statement.primitive.name} {reads}".rstrip(),
                    statement,
                )
                return
            named = [f"{k}={names(v)}" for k, v in keywords]
            yield f"{indent}{kind}{name} {', '.join([*map(names, operands), *named])}".rstrip(), statement
        case _:
            assert_never(statement)


def _carry(loop: For | While, names: ValueNames) -> list[str]:
    if not loop.initial:
        return []
    pairs = zip(loop.carried, loop.initial, strict=False)
    return ["carry " + ", ".join(f"{names.defined(p)} = {names(v)}" for p, v in pairs)]


def _flags(loop: For | While) -> list[str]:
    flags = ["stops"] if loop.stops else []
    flags += [] if loop.marker is None else [f"marked {loop.marker}"]
    return [*flags, "expression"] if isinstance(loop, For) and loop.expression else flags


def _results(statement: If | For | While, names: ValueNames, indent: str) -> Iterator[tuple[str, None]]:
    """The results of a statement with blocks come after its blocks, where they become defined."""
    if statement.results:
        yield f"{indent}=> {names.definitions(statement.results)}", None
