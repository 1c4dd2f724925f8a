"""Syntax trees as text, formatted as `ruff format` would.

In: a statement. Out: its lines. `astunparse.Unparser` prints; what is added here: parentheses only where precedence
asks for them, subscripts, numbers as the user wrote them, double quotes, comments, blank lines, and long lines split
(by `srcdiff.emit.layout`).

>>> print(to_text([ast.parse("y = -(a+b)**2*x[i, 1:] - (c if d else e)").body[0]]), end="")
y = -((a + b) ** 2) * x[i, 1:] - (c if d else e)
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from enum import IntEnum, auto
from inspect import cleandoc
from io import StringIO
from typing import Any

from astunparse import Unparser

from srcdiff.emit.markers import directive_of

LINE = 88


class Comment(ast.stmt):
    """A comment on a line of its own."""

    _fields = ()

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Docstring(ast.stmt):
    """A docstring."""

    _fields = ()

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Precedence(IntEnum):
    """How tightly an expression binds, loosest first."""

    TEST = auto()
    OR = auto()
    AND = auto()
    NOT = auto()
    COMPARE = auto()
    BIT_OR = auto()
    BIT_XOR = auto()
    BIT_AND = auto()
    SHIFT = auto()
    SUM = auto()
    TERM = auto()
    FACTOR = auto()
    POWER = auto()
    AWAIT = auto()
    ATOM = auto()

    def next(self) -> Precedence:
        return Precedence(min(self + 1, Precedence.ATOM))


BINARY = {
    ast.Add: Precedence.SUM,
    ast.Sub: Precedence.SUM,
    ast.Mult: Precedence.TERM,
    ast.Div: Precedence.TERM,
    ast.Mod: Precedence.TERM,
    ast.FloorDiv: Precedence.TERM,
    ast.MatMult: Precedence.TERM,
    ast.Pow: Precedence.POWER,
    ast.BitOr: Precedence.BIT_OR,
    ast.BitXor: Precedence.BIT_XOR,
    ast.BitAnd: Precedence.BIT_AND,
    ast.LShift: Precedence.SHIFT,
    ast.RShift: Precedence.SHIFT,
}


def precedence_of(node: ast.expr) -> Precedence:
    match node:
        case ast.IfExp() | ast.Lambda():
            return Precedence.TEST
        case ast.BoolOp(op=ast.Or()):
            return Precedence.OR
        case ast.BoolOp():
            return Precedence.AND
        case ast.UnaryOp(op=ast.Not()):
            return Precedence.NOT
        case ast.Compare():
            return Precedence.COMPARE
        case ast.BinOp(op=op):
            return BINARY[type(op)]
        case ast.UnaryOp():
            return Precedence.FACTOR
        case _:
            return Precedence.ATOM


def operands(node: ast.expr) -> list[tuple[ast.expr, Precedence]]:
    """The direct operands of an operator, each with the least precedence that needs no parentheses there."""
    match node:
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return [(left, Precedence.AWAIT), (right, Precedence.FACTOR)]
        case ast.BinOp(left=left, op=op, right=right):
            level = BINARY[type(op)]
            return [(left, level), (right, level.next())]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [(operand, Precedence.NOT)]
        case ast.UnaryOp(operand=operand):
            # -a**2 is -(a**2); the formatter writes these parentheses.
            power = isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.Pow)
            # --a would look like an operator of another language.
            twice = isinstance(operand, ast.UnaryOp) and type(operand.op) is type(node.op)
            return [(operand, Precedence.ATOM if power or twice else Precedence.FACTOR)]
        case ast.BoolOp(values=values):
            level = precedence_of(node).next()
            return [(value, level) for value in values]
        case ast.Compare(left=left, comparators=comparators):
            return [(value, Precedence.BIT_OR) for value in (left, *comparators)]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return [(body, Precedence.OR), (test, Precedence.OR), (orelse, Precedence.TEST)]
        case _:
            return []


class Printer(Unparser):  # type: ignore[misc]
    """Prints statements; `split` lays out those that do not fit on a line."""

    def __init__(self, file: StringIO, split: Callable[[ast.stmt, int, Printer], str | None] | None = None) -> None:
        # The base class prints its tree when it is made; here the caller does, statement by statement.
        self.f = file
        self.future_imports: list[str] = []
        self._indent = 0
        self._split = split

    def flat(self, node: ast.AST) -> str:
        """A piece of syntax on one line."""
        file, self.f = self.f, StringIO()
        self.dispatch(node)
        text, self.f = self.f.getvalue(), file
        return str(text)

    def operand(self, node: ast.expr, least: Precedence) -> None:
        if precedence_of(node) < least:
            self.write("(")
            self.dispatch(node)
            self.write(")")
        else:
            self.dispatch(node)

    def dispatch(self, tree: Any) -> None:
        """Statements go through the layout; everything else straight to its method."""
        if isinstance(tree, ast.stmt) and not isinstance(tree, Comment | Docstring):
            self.fill(self._header(tree))
            if hasattr(tree, "body"):
                self._blocks(tree)
        else:
            super().dispatch(tree)

    def _header(self, statement: ast.stmt) -> str:
        """A statement, or the header of a compound one, on as many lines as it needs."""
        file, self.f = self.f, StringIO()
        super().dispatch(statement)
        text, self.f = self.f.getvalue().lstrip(), file
        if self._split is not None and ("\n" in text or len(text) > LINE - 4 * self._indent):
            text = self._split(statement, self._indent, self) or text
        return str(text)

    def _blocks(self, tree: Any) -> None:
        """What follows the header line of a compound statement."""
        self.enter_block(tree.body)
        orelse = getattr(tree, "orelse", [])
        if len(orelse) == 1 and isinstance(tree, ast.If) and isinstance(orelse[0], ast.If):
            inner = orelse[0]
            self.fill("el" + self._header(inner))
            self._blocks(inner)
        elif orelse:
            self.fill("else:")
            self.enter_block(orelse)

    def enter_block(self, statements: Sequence[ast.stmt]) -> None:
        self._indent += 1
        for statement in statements:
            self.dispatch(statement)
        self._indent -= 1

    # ------------------------------------------------------------------ statements

    def _Comment(self, t: Comment) -> None:
        room = LINE - 4 * self._indent - 2
        text = t.text if len(t.text) <= room else t.text[: room - 3].rstrip() + "..."
        self.fill(f"# {text}")

    def _Docstring(self, t: Docstring) -> None:
        """The text in triple quotes, its lines indented as the body is."""
        text = t.text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        lines = [line.rstrip() for line in cleandoc(text).split("\n")]
        indent = "    " * self._indent
        body = "\n".join([lines[0], *(indent + line if line else "" for line in lines[1:])])
        end = "\n" + indent if len(lines) > 1 and t.text.rstrip(" ").endswith("\n") else ""
        if not end and body.endswith(('"', "\\")):
            body += " "
        self.fill(f'"""{body}{end}"""')

    def _If(self, t: ast.If) -> None:
        self.fill(f"if {self.flat(t.test)}:")

    def _For(self, t: ast.For) -> None:
        self.fill(f"for {self.bare(t.target)} in {self.bare(t.iter)}:{directive_of(t)}")

    def _While(self, t: ast.While) -> None:
        self.fill(f"while {self.flat(t.test)}:{directive_of(t)}")

    def _FunctionDef(self, t: ast.FunctionDef) -> None:
        returns = "" if t.returns is None else f" -> {self.flat(t.returns)}"
        self.fill(f"def {t.name}({self.flat(t.args)}){returns}:")

    def _Return(self, t: ast.Return) -> None:
        self.fill("return" if t.value is None else f"return {self.bare(t.value)}")

    def _Assign(self, t: ast.Assign) -> None:
        self.fill("".join(f"{self.bare(target)} = " for target in t.targets) + self.bare(t.value))

    def bare(self, node: ast.expr) -> str:
        """A tuple without parentheses, anything else as it is."""
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            return ", ".join(self.flat(e) for e in node.elts)
        if isinstance(node, ast.Tuple) and node.elts:
            return self.flat(node)
        return self.flat(node)

    # ------------------------------------------------------------------ expressions

    def _Tuple(self, t: ast.Tuple) -> None:
        text = ", ".join(map(self.flat, t.elts))
        self.write(f"({text},)" if len(t.elts) == 1 else f"({text})")

    def _BinOp(self, t: ast.BinOp) -> None:
        (left, least), (right, most) = operands(t)
        self.operand(left, least)
        beside = right
        while isinstance(beside, ast.BinOp) and isinstance(beside.op, ast.Pow):
            beside = beside.left
        tight = isinstance(t.op, ast.Pow) and simple_power(left, least) and simple_power(beside, most)
        self.write(self.binop[type(t.op).__name__] if tight else f" {self.binop[type(t.op).__name__]} ")
        self.operand(right, most)

    def _UnaryOp(self, t: ast.UnaryOp) -> None:
        self.write("not " if isinstance(t.op, ast.Not) else self.unop[type(t.op).__name__])
        self.operand(*operands(t)[0])

    def _BoolOp(self, t: ast.BoolOp) -> None:
        for n, (value, least) in enumerate(operands(t)):
            self.write(f" {self.boolops[type(t.op)]} " if n else "")
            self.operand(value, least)

    def _Compare(self, t: ast.Compare) -> None:
        names = ["", *(f" {self.cmpops[type(op).__name__]} " for op in t.ops)]
        for name, (value, least) in zip(names, operands(t), strict=True):
            self.write(name)
            self.operand(value, least)

    def _IfExp(self, t: ast.IfExp) -> None:
        for word, (value, least) in zip(("", " if ", " else "), operands(t), strict=True):
            self.write(word)
            self.operand(value, least)

    def _Constant(self, t: ast.Constant) -> None:
        text = getattr(t, "text", None)
        if text is not None:
            self.write(number(text))
        elif isinstance(t.value, str):
            self.write(quoted(t.value))
        elif t.value is Ellipsis:
            self.write("...")
        else:
            self.write(repr(t.value))

    def _Attribute(self, t: ast.Attribute) -> None:
        if isinstance(t.value, ast.Constant) and isinstance(t.value.value, int | float):
            self.write(f"({self.flat(t.value)})")
        else:
            self.operand(t.value, Precedence.ATOM)
        self.write(f".{t.attr}")

    def _Call(self, t: ast.Call) -> None:
        self.operand(t.func, Precedence.ATOM)
        self.write("(" + ", ".join(map(self.flat, [*t.args, *t.keywords])) + ")")

    def _Subscript(self, t: ast.Subscript) -> None:
        self.operand(t.value, Precedence.ATOM)
        self.write(f"[{self.index(t.slice)}]")

    def index(self, node: ast.expr) -> str:
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            return ", ".join(map(self.flat, node.elts))
        if isinstance(node, ast.Tuple) and node.elts:
            return f"{self.flat(node.elts[0])},"
        return self.flat(node)

    def _Slice(self, t: ast.Slice) -> None:
        parts = [t.lower, t.upper, t.step]
        spaced = any(p is not None and not _simple_bound(p) for p in parts)
        lower, upper, step = ("" if p is None else self.flat(p) for p in parts)
        colon = " :" if spaced and lower else ":"
        text = lower + colon + (f" {upper}" if spaced and upper else upper)
        if t.step is not None:
            text += (" : " if spaced and upper else ": " if spaced else ":") + step
        self.write(text)

    def _JoinedStr(self, t: ast.JoinedStr) -> None:
        body = "".join(self._piece(v) for v in t.values)
        mark = next(q for q in ('"', "'", '"""', "'''") if q not in body and not ("\n" in body and len(q) == 1))
        self.write(f"f{mark}{body}{mark}")

    def _piece(self, node: ast.expr) -> str:
        """A part of an f-string; strings inside the braces take single quotes (they may not repeat the outer ones)."""
        match node:
            case ast.Constant(value=str(text)):
                body = repr('"' + text)[2:-1].replace("\\'", "'").replace('"', "\\x22")
                return body.replace("{", "{{").replace("}", "}}")
            case ast.FormattedValue(value=value, conversion=conversion, format_spec=spec):
                inner = self.flat(value).replace('"', "'")
                inner = f" {inner}" if inner.startswith("{") else inner
                mark = f"!{chr(conversion)}" if conversion > 0 else ""
                pieces = spec.values if isinstance(spec, ast.JoinedStr) else []
                form = ":" + "".join(map(self._piece, pieces)) if spec is not None else ""
                return "{" + inner + mark + form + "}"
            case _:
                return "{" + self.flat(node) + "}"

    def _Lambda(self, t: ast.Lambda) -> None:
        self.write("lambda" + (" " + self.flat(t.args) if self.flat(t.args) else "") + ": ")
        self.operand(t.body, Precedence.TEST)

    def _comprehension(self, t: ast.comprehension) -> None:
        self.write(f" for {self.bare(t.target)} in ")
        self.operand(t.iter, Precedence.OR)
        for condition in t.ifs:
            self.write(" if ")
            self.operand(condition, Precedence.OR)

    def _arg(self, t: ast.arg) -> None:
        self.write(t.arg if t.annotation is None else f"{t.arg}: {self.flat(t.annotation)}")

    def _arguments(self, t: ast.arguments) -> None:
        self.write(", ".join(self.parameters(t)))

    def parameters(self, t: ast.arguments) -> list[str]:
        """The parameters of a signature, one text each (a bare `*` before those that are keyword-only)."""
        out: list[str] = []
        plain = [*t.posonlyargs, *t.args]
        defaults = [*[None] * (len(plain) - len(t.defaults)), *t.defaults]
        for n, (arg, default) in enumerate(zip(plain, defaults, strict=True), 1):
            out.append(self._parameter(arg, default))
            if n == len(t.posonlyargs):
                out.append("/")
        if t.vararg is not None:
            out.append("*" + self.flat(t.vararg))
        elif t.kwonlyargs:
            out.append("*")
        out += [self._parameter(a, d) for a, d in zip(t.kwonlyargs, t.kw_defaults, strict=True)]
        if t.kwarg is not None:
            out.append("**" + self.flat(t.kwarg))
        return out

    def _parameter(self, arg: ast.arg, default: ast.expr | None) -> str:
        if default is None:
            return self.flat(arg)
        return f"{self.flat(arg)}{'=' if arg.annotation is None else ' = '}{self.flat(default)}"


def to_text(statements: Sequence[ast.stmt], split: Callable[[ast.stmt, int, Printer], str | None] | None = None) -> str:
    """The statements as text, each on its lines."""
    file = StringIO()
    printer = Printer(file, split)
    for statement in statements:
        printer.dispatch(statement)
    return file.getvalue().removeprefix("\n") + "\n"


def simple_power(node: ast.expr, least: Precedence = Precedence.TEST) -> bool:
    """Whether `**` is printed without spaces beside this operand (of which the precedence is at least `least`)."""
    if precedence_of(node) < least:
        return False
    match node:
        case ast.Name():
            return True
        case ast.Constant(value=int() | float() | complex()):
            return not isinstance(node.value, bool)
        case ast.UnaryOp(op=op, operand=operand):
            return not isinstance(op, ast.Not) and simple_power(operand)
        case ast.Attribute(value=value):
            return _dotted(value)
        case _:
            return False


def _dotted(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Attribute(value=value):
            return _dotted(value)
        case _:
            return False


def _simple_bound(node: ast.expr) -> bool:
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.UnaryOp(op=op, operand=operand):
            return not isinstance(op, ast.Not) and isinstance(operand, ast.Name | ast.Constant)
        case _:
            return False


def number(text: str) -> str:
    """A number in the formatter's spelling: lower case, hexadecimal digits upper case."""
    text = text.lower()
    if text.startswith("0x"):
        return "0x" + text[2:].upper()
    return text


def quoted(text: str) -> str:
    """A string in double quotes, unless that needs more escapes.

    >>> print(quoted("it's"), quoted('say "hi"'), quoted("a\\n"))
    "it's" 'say "hi"' "a\\n"
    """
    # With both kinds of quotes inside, repr takes single ones outside and escapes those.
    single = repr(text + "'\"")[1:-4]
    double = single.replace("\\'", "'").replace('"', '\\"')
    return f"'{single}'" if double.count('\\"') > single.count("\\'") else f'"{double}"'
