"""Long statements on several lines, as `ruff format` splits them.

In: a statement, its indentation, the printer for what stays on one line. Out: the text of the statement (of a compound
statement: its header), or None for statements that are never split.

>>> from srcdiff.emit.printer import to_text
>>> call = "total = accumulated_value_of_the_first_part * weight(the_first_argument, the_second_argument_of_it)"
>>> print(to_text(ast.parse(call).body, split), end="")
total = accumulated_value_of_the_first_part * weight(
    the_first_argument, the_second_argument_of_it
)
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from srcdiff.emit.document import Doc, Group, Hanging, IfBroken, Indent, Line, Text, fresh_id, render
from srcdiff.emit.markers import directive_of
from srcdiff.emit.omission import may_omit_parentheses
from srcdiff.emit.printer import LINE, Precedence, Printer, operands, precedence_of, simple_power

_INSIDE = "inside"
Level = int | str | None
"""Where an expression stands: inside brackets, inside the optional parentheses with that group id, or in neither."""

_BRACKETED = (ast.Call, ast.Subscript, ast.Attribute)
_BOOLEAN = Precedence.AND


def split(statement: ast.stmt, depth: int, printer: Printer) -> str | None:
    """The statement (or the header of a compound one) on as many lines as it needs."""
    layout = _Layout(printer)
    match statement:
        case ast.Assign(targets=[target], value=value):
            hanging = layout.keeping_target(target, " = ", value, depth)
        case ast.AugAssign(target=target, op=op, value=value):
            hanging = layout.keeping_target(target, f" {printer.binop[type(op).__name__]}= ", value, depth)
        case _:
            hanging = None
    if hanging is not None:
        return hanging
    doc = layout.statement(statement)
    return None if doc is None else render(doc, LINE, 4 * depth)


@dataclass
class _Part:
    """A piece of a flat chain of operators: an operand, or an operator with its precedence."""

    doc: list[Doc]
    operand: bool = True
    precedence: int = 0
    simple: bool = False
    """Of an operand: no spaces beside it around `**`. Of an operator: it is `**`."""


class _Layout:
    def __init__(self, printer: Printer) -> None:
        self._printer = printer

    # ------------------------------------------------------------------ statements

    def statement(self, s: ast.stmt) -> list[Doc] | None:
        match s:
            case ast.Assign(targets=targets, value=value):
                parts: list[Doc] = []
                for target in targets:
                    parts += [*self._target(target), Text(" = ")]
                return parts + self._value(value)
            case ast.AugAssign(target=target, op=op, value=value):
                symbol = self._printer.binop[type(op).__name__]
                return [*self._target(target), Text(f" {symbol}= "), *self._value(value)]
            case ast.Return(value=value) if value is not None:
                return [Text("return "), *self._value(value)]
            case ast.Expr(value=value):
                return self.expression(value, None)
            case ast.Assert(test=test, msg=msg):
                tail = [] if msg is None else [Text(", "), *self._optional(msg)]
                return [Text("assert "), *self._optional(test), *tail]
            case ast.Raise(exc=exc) if exc is not None:
                return [Text("raise "), *self._optional(exc)]
            case ast.If(test=test):
                return [Text("if "), *self._optional(test), Text(":")]
            case ast.While(test=test):
                return [Text("while "), *self._optional(test), Text(":" + directive_of(s))]
            case ast.For(target=target, iter=iterable):
                # The targets are split rather than a name put into parentheses.
                items = [Text(iterable.id)] if isinstance(iterable, ast.Name) else self._value(iterable)
                return [Text("for "), *self._target(target), Text(" in "), *items, Text(":" + directive_of(s))]
            case ast.FunctionDef():
                return self._header(s)
            case _:
                return None

    def keeping_target(self, target: ast.expr, symbol: str, value: ast.expr, depth: int) -> str | None:
        """An assignment to a target that could be split itself, of a value that has brackets: the target stays on one
        line if the value, or the value in parentheses, can be split so that everything fits."""
        if not isinstance(target, ast.Subscript | ast.Tuple) or not isinstance(value, _BRACKETED):
            return None
        if not _splits_itself(value):
            return None
        start = self._printer.bare(target) + symbol
        inner = self.expression(value, None)
        wrapped: list[Doc] = [Text(start + "("), Indent([Line(""), *inner]), Line(""), Text(")")]
        for parts in ([Text(start), *inner], wrapped):
            text = render(parts, LINE, 4 * depth)
            first, *rest = text.split("\n")
            if len(first) + 4 * depth <= LINE and all(len(line) <= LINE for line in rest):
                return text
        return None

    def _header(self, s: ast.FunctionDef) -> list[Doc]:
        """`def f(parameters) -> returns:`; the parameters are split before the return annotation is."""
        returns: list[Doc] = [] if s.returns is None else [Text(" -> "), *self._optional(s.returns)]
        parameters: list[list[Doc]] = [[Text(p)] for p in self._printer.parameters(s.args)]
        start = Text(f"def {s.name}")
        match parameters:
            case []:
                inner: list[Doc] = [Text("()")]
            case [only]:
                inner = [Text("("), Indent([Line(""), *only]), IfBroken(","), Line(""), Text(")")]
            case _:
                inner = [Text("("), Indent([Line(""), Group(_joined(parameters))]), Line(""), Text(")")]
        return [start, Group([*inner, *returns]), Text(":")]

    def _target(self, target: ast.expr) -> list[Doc]:
        if isinstance(target, ast.Tuple) and len(target.elts) > 1:
            return self._bare_tuple(target)
        return self.expression(target, None)

    def _value(self, value: ast.expr) -> list[Doc]:
        if isinstance(value, ast.Tuple) and len(value.elts) > 1:
            return self._bare_tuple(value)
        return self._optional(value)

    def _bare_tuple(self, node: ast.Tuple) -> list[Doc]:
        """A tuple that gets parentheses only where it does not fit."""
        items = _joined([self.expression(e, _INSIDE) for e in node.elts])
        return [Group([IfBroken("("), Indent([Line(""), *items]), Line(""), IfBroken(")")])]

    def _optional(self, node: ast.expr) -> list[Doc]:
        """An expression that may be put into parentheses to be split inside them."""
        if _splits_itself(node):
            return self.expression(node, None)
        if may_omit_parentheses(node):
            name = fresh_id()
            inner = Indent([Line(""), *self.expression(node, name)], name)
            return [Group([IfBroken("("), inner, Line(""), IfBroken(")")], name)]
        content = Indent([Line(""), *self.expression(node, _INSIDE)])
        return [Group([IfBroken("("), content, Line(""), IfBroken(")")])]

    # ------------------------------------------------------------------ expressions

    def expression(self, node: ast.expr, level: Level) -> list[Doc]:
        match node:
            case ast.BinOp() | ast.BoolOp() | ast.Compare():
                return _only_group(self._chain(self._flatten(node, level), level), level)
            case ast.UnaryOp(op=op, operand=operand):
                sign = "not " if isinstance(op, ast.Not) else self._printer.unop[type(op).__name__]
                return [Text(sign), *self._operand(operand, operands(node)[0][1], level)]
            case ast.Call(func=func, args=args, keywords=keywords):
                return self._call(func, args, keywords, level)
            case ast.Subscript(value=value, slice=index):
                return [*self._operand(value, Precedence.ATOM, level), *self._index(index, level)]
            case ast.Attribute(value=value, attr=attr) if not isinstance(value, ast.Constant):
                return [*self._operand(value, Precedence.ATOM, level), Text(f".{attr}")]
            case ast.List(elts=elts) if elts:
                return [_bracket("[", self._items(elts), "]", level)]
            case ast.Tuple(elts=elts) if len(elts) > 1:
                return [_bracket("(", self._items(elts), ")", level)]
            case ast.Dict(keys=keys, values=values) if keys:
                pairs = [
                    [Text(f"{self._printer.flat(k)}: "), *self.expression(v, _INSIDE)]
                    for k, v in zip(keys, values, strict=True)
                    if k is not None
                ]
                return [_bracket("{", _joined(pairs), "}", level)]
            case ast.ListComp(elt=elt, generators=generators):
                parts: list[Doc] = [Group(self.expression(elt, _INSIDE))]
                for generator in generators:
                    parts += [Line(" "), *self._generator(generator)]
                return [_bracket("[", [Group(parts)], "]", level)]
            case ast.IfExp():
                return self._conditional(node, level)
            case _:
                return [Text(self._printer.flat(node))]

    def _items(self, nodes: Sequence[ast.expr]) -> list[Doc]:
        return _joined([self.expression(n, _INSIDE) for n in nodes])

    def _operand(self, node: ast.expr, least: Precedence, level: Level) -> list[Doc]:
        """An operand, in parentheses where precedence asks for them."""
        if precedence_of(node) < least:
            return [_bracket("(", self.expression(node, _INSIDE), ")", level)]
        return self.expression(node, level)

    def _call(
        self, func: ast.expr, args: Sequence[ast.expr], keywords: Sequence[ast.keyword], level: Level
    ) -> list[Doc]:
        name = self._operand(func, Precedence.ATOM, level)
        if not args and not keywords:
            return [*name, Text("()")]
        given = [self.expression(a, _INSIDE) for a in args]
        for k in keywords:
            given.append([Text(f"{k.arg}=" if k.arg else "**"), *self.expression(k.value, _INSIDE)])
        return [*name, _bracket("(", [Group(_joined(given))], ")", level)]

    def _index(self, index: ast.expr, level: Level) -> list[Doc]:
        if isinstance(index, ast.Tuple) and len(index.elts) > 1:
            return [_bracket("[", [Group(self._items(index.elts))], "]", level)]
        if isinstance(index, ast.Slice | ast.Tuple):
            return [_bracket("[", [Text(self._printer.index(index))], "]", level)]
        return [_bracket("[", self.expression(index, _INSIDE), "]", level)]

    def _generator(self, g: ast.comprehension) -> list[Doc]:
        parts: list[Doc] = [Text(f"for {self._printer.bare(g.target)} in ")]
        parts += self._operand(g.iter, Precedence.OR, _INSIDE)
        for condition in g.ifs:
            parts += [Line(" "), Text("if "), *self._operand(condition, Precedence.OR, _INSIDE)]
        return parts

    def _conditional(self, node: ast.IfExp, level: Level) -> list[Doc]:
        (body, least), (test, loose), (orelse, _) = operands(node)
        parts = self._operand(body, least, level)
        parts += [_only_line(" ", level), Text("if "), *self._operand(test, loose, level)]
        parts += [_only_line(" ", level), Text("else ")]
        if isinstance(orelse, ast.IfExp):
            # A chain of conditionals stays in one group.
            inner = self._conditional(orelse, level)
            parts += inner[0].parts if isinstance(inner[0], Group) and len(inner) == 1 else inner
        else:
            parts += self.expression(orelse, level)
        return _only_group(parts, level)

    # ------------------------------------------------------------------ chains of operators

    def _flatten(self, node: ast.expr, level: Level) -> list[_Part]:
        """The operands and operators of an expression in order, those of unparenthesised operands included."""
        symbols: list[str]
        match node:
            case ast.BinOp(op=op):
                symbols = [self._printer.binop[type(op).__name__]]
            case ast.BoolOp(op=operator, values=values):
                symbols = [self._printer.boolops[type(operator)]] * (len(values) - 1)
            case ast.Compare(ops=ops):
                symbols = [self._printer.cmpops[type(o).__name__] for o in ops]
            case _:
                raise AssertionError("internal error: no operator")
        precedence = max(precedence_of(node), _BOOLEAN)
        parts: list[_Part] = []
        for n, (operand, least) in enumerate(operands(node)):
            if n:
                power = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)
                parts.append(_Part([Text(symbols[n - 1])], False, precedence, power))
            plain = precedence_of(operand) >= least
            if plain and isinstance(operand, ast.BinOp | ast.BoolOp | ast.Compare):
                parts += self._flatten(operand, level)
            else:
                parts.append(_Part(self._operand(operand, least, level), simple=simple_power(operand, least)))
        return parts

    def _chain(self, parts: list[_Part], level: Level) -> list[Doc]:
        """The chain, broken before its operators of lowest precedence; what is between them is a group."""
        if len(parts) == 1:
            return parts[0].doc
        lowest = min(p.precedence for p in parts if not p.operand)
        cuts = [n for n, p in enumerate(parts) if not p.operand and p.precedence == lowest]
        out: list[Doc] = []
        starts = [0, *(c + 1 for c in cuts)]
        for n, (start, end) in enumerate(zip(starts, [*cuts, len(parts)], strict=True)):
            piece = parts[start:end]
            if n:
                operator = parts[cuts[n - 1]]
                tight = operator.simple and parts[cuts[n - 1] - 1].simple and piece[0].simple
                spaced: list[Doc] = [_only_line("" if tight else " ", level), *operator.doc, Text("" if tight else " ")]
                out += spaced
            out += piece[0].doc if len(piece) == 1 else _only_group(self._chain(piece, level), level)
        return out


def _joined(items: Sequence[Sequence[Doc]]) -> list[Doc]:
    """Items with commas, and one more after the last of several where they stand on lines of their own."""
    out: list[Doc] = []
    for n, item in enumerate(items):
        if n:
            out += [Text(","), Line(" ")]
        out += item
    return [*out, IfBroken(",")] if len(items) > 1 else out


def _bracket(left: str, inner: Sequence[Doc], right: str, level: Level) -> Doc:
    group = Group([Text(left), Indent([Line(""), *inner]), Line(""), Text(right)])
    return Hanging(group, level) if isinstance(level, int) else group


def _only_group(parts: list[Doc], level: Level) -> list[Doc]:
    """A group, if there are parentheses around."""
    if level is None:
        return parts
    return [Group(parts, condition=level)] if isinstance(level, int) else [Group(parts)]


def _only_line(flat: str, level: Level) -> Doc:
    """A possible line break, if there are parentheses around."""
    if level is None:
        return Text(flat)
    return Line(flat, level) if isinstance(level, int) else Line(flat)


def _splits_itself(node: ast.expr) -> bool:
    """Whether an expression has brackets of its own to be split in, and never gets parentheses around it."""
    match node:
        case ast.Call(func=value) | ast.Subscript(value=value) | ast.Attribute(value=value):
            return not isinstance(node, ast.Attribute) or _splits_itself(value)
        case ast.UnaryOp():
            operand, least = operands(node)[0]
            return precedence_of(operand) < least or _splits_itself(operand)
        case ast.List() | ast.Tuple() | ast.Dict() | ast.ListComp():
            return True
        case _:
            return False
