"""How each primitive is written in Python.

In: a primitive, its operands as values (for their types) and as expressions. Out: an expression.

>>> from srcdiff.emit.spelling import Spelling
>>> from srcdiff.ir.core import Primitive, Value, constant
>>> from srcdiff.ir.imports import Imports
>>> from srcdiff.ir.types import Array
>>> total = Primitive("np.sum", ("a", "axis", "keepdims"), lambda *a: a, lambda *a: a, defaults=(None, False))
>>> x, axis, keepdims = Value(Array(None, None), "x"), constant(0), constant(False)
>>> forms = Forms(Spelling(Imports()))
>>> parts = [Expression(ast.Name("x")), forms.constant(axis), forms.constant(keepdims)]
>>> ast.unparse(forms.apply(total, (x, axis, keepdims), parts).node)
'np.sum(x, axis=0)'
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import Any

from srcdiff.emit.spelling import Spelling
from srcdiff.emit.tree import Expression, Leaf, reads_of
from srcdiff.ir.core import UNDEFINED, Constant, Global, Primitive, Value
from srcdiff.ir.types import Array, Class, Opaque, Record, Scalar, Type, Unknown
from srcdiff.primitives.custom import Custom
from srcdiff.primitives.table import METHOD_ONLY, PACKED

BINARY: dict[str, type[ast.operator]] = {
    "add": ast.Add,
    "subtract": ast.Sub,
    "multiply": ast.Mult,
    "divide": ast.Div,
    "floor_divide": ast.FloorDiv,
    "mod": ast.Mod,
    "power": ast.Pow,
    "matmul": ast.MatMult,
    "bit_and": ast.BitAnd,
    "bit_or": ast.BitOr,
    "bit_xor": ast.BitXor,
}
_UNARY: dict[str, type[ast.unaryop]] = {
    "negative": ast.USub,
    "positive": ast.UAdd,
    "invert": ast.Invert,
    "not_": ast.Not,
}
_COMPARISONS: dict[str, type[ast.cmpop]] = {
    "less": ast.Lt,
    "less_equal": ast.LtE,
    "greater": ast.Gt,
    "greater_equal": ast.GtE,
    "equal": ast.Eq,
    "not_equal": ast.NotEq,
    "is_": ast.Is,
    "is_not": ast.IsNot,
    "contains": ast.In,
    "not_contains": ast.NotIn,
}
_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ATTRIBUTES = {"shape", "ndim", "size", "dtype", "T"}
_POSITIONAL = {"np.arange", "np.linspace", "np.clip", "np.logspace", "np.geomspace"}


class Forms:
    def __init__(self, spelling: Spelling, general: bool = False) -> None:
        """`general`: a parameter is of no known type, so that an array of no known dtype may hold integers."""
        self.spelling, self._general = spelling, general

    # ------------------------------------------------------------------ atoms

    def constant(self, value: Constant) -> Expression:
        if value.value is UNDEFINED:
            return Expression(ast.Constant(value=None), (), 4)
        node = self._number(value.value, value.text)
        return Expression(node, (), len(value.text or repr(value.value)))

    def _number(self, value: Any, text: str | None) -> ast.expr:
        if isinstance(value, float) and not math.isfinite(value) and text is None:
            node = self.spelling.name("numpy", "nan" if math.isnan(value) else "inf")
            return ast.UnaryOp(op=ast.USub(), operand=node) if value < 0 else node
        if isinstance(value, int | float) and not isinstance(value, bool) and math.copysign(1.0, value) < 0:
            text = text[1:].lstrip() if text is not None and text.startswith("-") else None
            return ast.UnaryOp(op=ast.USub(), operand=self._number(-value, text))
        if isinstance(value, tuple):
            return ast.Tuple(elts=[self._number(v, None) for v in value], ctx=ast.Load())
        node = ast.Constant(value=value)
        if text is not None and isinstance(value, int | float | complex) and not isinstance(value, bool):
            node.text = text  # type: ignore[attr-defined]
        return node

    def global_(self, value: Global) -> Expression:
        node = self.spelling.value(value)
        return Expression(node, (), len(value.attribute) + 3)

    # ------------------------------------------------------------------ calls of functions

    def call(
        self, function: ast.expr, parts: Sequence[Expression], keywords: Sequence[tuple[str, Expression]] = ()
    ) -> Expression:
        node = ast.Call(
            func=function,
            args=[as_value(p.node, self.spelling) for p in parts],
            keywords=[ast.keyword(arg=k, value=as_value(p.node, self.spelling)) for k, p in keywords],
        )
        width = 10 + sum(p.width + 2 for p in parts) + sum(p.width + len(k) + 3 for k, p in keywords)
        return Expression(node, reads_of([*parts, *(p for _, p in keywords)]), width)

    def helper(self, name: str, *parts: Expression) -> Expression:
        return self.call(self.spelling.builtin(name), parts)

    def builtin(self, name: str, *parts: Expression) -> Expression:
        return self.call(self.spelling.builtin(name), parts)

    # ------------------------------------------------------------------ primitives

    def apply(self, primitive: Primitive, operands: Sequence[Value], parts: Sequence[Expression]) -> Expression:
        """The primitive applied to operands whose expressions are `parts`."""
        name = primitive.name
        node: ast.expr
        if name == "index_get":
            return self.item(operands, parts)
        if name == "get_attribute":
            attribute = operands[1]
            assert isinstance(attribute, Constant)
            node = ast.Attribute(value=as_value(parts[0].node, self.spelling), attr=attribute.value, ctx=ast.Load())
            return Expression(node, parts[0].reads, parts[0].width + len(attribute.value) + 1)
        if name == "make_record":
            made = operands[0].type
            assert isinstance(made, Class) and made.made is not None
            return self.call(parts[0].node, (), list(zip(made.made.fields, parts[1:], strict=True)))
        if name in ("make_slice", "make_tuple"):
            return self._display("make_list" if primitive.listed else name, parts)
        parts = [Expression(as_value(p.node, self.spelling), p.reads, p.width) for p in parts]
        if name in BINARY:
            return self.binary(BINARY[name](), parts[0], parts[1])
        if name in _UNARY:
            if name == "not_" and isinstance(operands[0].type, Scalar) and isinstance(parts[0].node, ast.Compare):
                return negated(parts[0])
            node = ast.UnaryOp(op=_UNARY[name](), operand=parts[0].node)
            return Expression(node, parts[0].reads, parts[0].width + 2)
        if name in _COMPARISONS:
            node = ast.Compare(left=parts[0].node, ops=[_COMPARISONS[name]()], comparators=[parts[1].node])
            return Expression(node, reads_of(parts), 4 + sum(p.width for p in parts))
        if name in ("make_list", "make_dict"):
            return self._display(name, parts)
        if name in _ATTRIBUTES:
            return self._attribute(name, operands[0].type, parts[0])
        return self._special(primitive, operands, parts)

    def binary(self, operator: ast.operator, left: Expression, right: Expression) -> Expression:
        node = ast.BinOp(left=left.node, op=operator, right=right.node)
        return Expression(node, left.reads + right.reads, left.width + right.width + 3)

    def item(self, operands: Sequence[Value], parts: Sequence[Expression]) -> Expression:
        """`x[i]`, or the field of a record."""
        kind, index = operands[0].type, operands[1]
        if not isinstance(kind, Record):
            return self.subscript(parts[0], parts[1])
        assert isinstance(index, Constant) and isinstance(index.value, int)
        name = kind.made.fields[index.value]
        node = ast.Attribute(value=as_value(parts[0].node, self.spelling), attr=name, ctx=ast.Load())
        return Expression(node, parts[0].reads, parts[0].width + len(name) + 1)

    def subscript(self, base: Expression, index: Expression) -> Expression:
        node = ast.Subscript(value=base.node, slice=index.node, ctx=ast.Load())
        return Expression(node, base.reads + index.reads, base.width + index.width + 2)

    def _display(self, name: str, parts: Sequence[Expression]) -> Expression:
        nodes = [p.node for p in parts]
        width = 2 + sum(p.width + 2 for p in parts)
        if name == "make_slice":
            given = [None if isinstance(n, ast.Constant) and n.value is None else n for n in nodes]
            lower, upper, step = (*given, None, None, None)[:3]
            return Expression(ast.Slice(lower=lower, upper=upper, step=step), reads_of(parts), width)
        if name == "make_tuple":
            return Expression(ast.Tuple(elts=nodes, ctx=ast.Load()), reads_of(parts), width)
        if name == "make_list":
            return Expression(ast.List(elts=nodes, ctx=ast.Load()), reads_of(parts), width)
        return Expression(ast.Dict(keys=list(nodes[::2]), values=nodes[1::2]), reads_of(parts), width)

    def _attribute(self, name: str, kind: Type, part: Expression) -> Expression:
        if isinstance(kind, Array) or (isinstance(kind, Unknown) and name in ("dtype", "T")):
            node: ast.expr = ast.Attribute(value=part.node, attr=name, ctx=ast.Load())
            return Expression(node, part.reads, part.width + len(name) + 1)
        if name in ("dtype", "T"):
            made = self.call(self.spelling.name("numpy", "asarray" if name == "dtype" else "transpose"), [part])
            if name == "T":
                return made
            return Expression(ast.Attribute(value=made.node, attr=name, ctx=ast.Load()), made.reads, made.width + 6)
        return self.call(self.spelling.name("numpy", name), [part])

    def _special(self, primitive: Primitive, operands: Sequence[Value], parts: Sequence[Expression]) -> Expression:
        name = primitive.name
        kind = operands[0].type if operands else None
        match name:
            case "identity":
                return parts[0]
            case "copy":
                return self.copy(kind, parts[0])
            case "zeros_like":
                match kind:
                    case Scalar():
                        return Expression(ast.Constant(value=0.0), (), 3)
                    case Array(dtype, _) if not self._general if dtype is None else dtype.startswith("float"):
                        return self.call(self.spelling.name("numpy", "zeros_like"), parts)
                    case _:
                        return self.helper("zeros_like", *parts)
            case "zeros_if_defined":
                return self.helper("zeros_like", *parts)
            case "accumulate":
                if all(isinstance(o.type, Scalar | Array) for o in operands):
                    return self.binary(ast.Add(), parts[0], parts[1])
                return self.helper("accumulate", *parts)
            case "unbroadcast" | "fitted" | "item_adjoint" | "spread_item" | "stop_gradient":
                return self.helper(name, *parts)
            case "scipy.linalg.cho_solve":
                # In SciPy the factor and its shape are one argument.
                factor = self._display("make_tuple", parts[:2])
                options = zip(primitive.parameters[3:], parts[3:], operands[3:], primitive.defaults, strict=True)
                named = [(parameter, part) for parameter, part, o, default in options if not _same(o, default)]
                return self.call(self.spelling.primitive(name), [factor, parts[2]], named)
            case "np.linalg.multi_dot":
                return self.call(self.spelling.primitive(name), [self._display("make_list", parts)])
            case "einsum_product":
                einsum = self.spelling.name("numpy", "einsum")
                return self.call(einsum, parts[1:], [] if _same(operands[0], False) else [("optimize", parts[0])])
            case "keys":
                return self.builtin("list", parts[0])
            case "range":
                return self._range(operands, parts)
            case "append":
                added = Expression(ast.List(elts=[parts[1].node], ctx=ast.Load()), parts[1].reads, parts[1].width + 2)
                return self.binary(ast.Add(), parts[0], added)
            case "drop_last":
                cut = ast.Slice(lower=None, upper=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)), step=None)
                return self.subscript(parts[0], Expression(cut, (), 3))
            case "fstring" | "formatted":
                return self._fstring(primitive, operands, parts)
            case _ if name in METHOD_ONLY:
                made = self.call(ast.Attribute(value=parts[0].node, attr=name, ctx=ast.Load()), parts[1:])
                return Expression(made.node, reads_of(parts), made.width + parts[0].width)
            case _:
                return self._library(primitive, operands, parts)

    def copy(self, kind: Type | None, part: Expression) -> Expression:
        """An expression for a copy that shares nothing."""
        match kind:
            case Scalar() | Opaque():
                return part
            case Array():
                method = ast.Attribute(value=part.node, attr="copy", ctx=ast.Load())
                return Expression(ast.Call(func=method, args=[], keywords=[]), part.reads, part.width + 7)
            case _:
                return self.helper("copy_of", part)

    def _range(self, operands: Sequence[Value], parts: Sequence[Expression]) -> Expression:
        start, _, step = operands
        given = list(parts)
        if isinstance(step, Constant) and step.value == 1:
            given.pop()
            if isinstance(start, Constant) and start.value == 0:
                given.pop(0)
        return self.builtin("range", *given)

    def _fstring(self, primitive: Primitive, operands: Sequence[Value], parts: Sequence[Expression]) -> Expression:
        values: list[ast.expr] = []
        if primitive.name == "formatted":
            conversion, spec = operands[1], operands[2]
            mark = -1
            if isinstance(conversion, Constant):
                mark = conversion.value if isinstance(conversion.value, int) else ord((conversion.value or "\0")[0])
                mark = mark if mark > 0 else -1
            form: ast.expr | None = None
            match parts[2].node:
                case ast.JoinedStr():
                    form = parts[2].node
                case ast.Constant(value=str(text)):
                    form = ast.JoinedStr(values=[ast.Constant(value=text)]) if text else None
                case ast.Constant(value=None):
                    form = None
                case node:
                    form = ast.JoinedStr(values=[ast.FormattedValue(value=node, conversion=-1)])
            if isinstance(spec, Constant) and not spec.value:
                form = None
            values = [ast.FormattedValue(value=parts[0].node, conversion=mark, format_spec=form)]
        else:
            for part, operand in zip(parts, operands, strict=True):
                match part.node:
                    case ast.JoinedStr(values=[ast.FormattedValue() as only]):
                        values.append(only)
                    case ast.Constant(value=str()) if isinstance(operand, Constant):
                        values.append(part.node)
                    case node:
                        values.append(ast.FormattedValue(value=node, conversion=-1))
        return Expression(ast.JoinedStr(values=values), reads_of(parts), 3 + sum(p.width + 2 for p in parts))

    def _library(self, primitive: Primitive, operands: Sequence[Value], parts: Sequence[Expression]) -> Expression:
        """A call of the function the primitive is named after: defaults left out, what follows them by keyword."""
        if isinstance(primitive, Custom):
            plain, named = parts[: len(parts) - len(primitive.keywords)], parts[len(parts) - len(primitive.keywords) :]
            function = self.global_(primitive.target).node
            return self.call(function, plain, list(zip(primitive.keywords, named, strict=True)))
        function = self.spelling.primitive(primitive.name)
        if primitive.variadic:
            return self.call(function, parts)
        if primitive.name in PACKED:
            options = zip(primitive.parameters[1:], parts[1:], operands[1:], primitive.defaults, strict=True)
            chosen = [(name, part) for name, part, operand, default in options if not _same(operand, default)]
            return self.call(function, unpacked(parts[0]), chosen)
        required = len(primitive.parameters) - len(primitive.defaults)
        if primitive.name == "np.clip":
            return self.call(function, parts)  # before version 2.1 NumPy wants both bounds
        given = [
            n for n in range(len(parts)) if n < required or not _same(operands[n], primitive.defaults[n - required])
        ]
        # `sorted` takes its order by keyword only.
        if primitive.name.startswith(("np.", "scipy.", "sorted")) and primitive.name not in _POSITIONAL:
            keywords = [(primitive.parameters[n], parts[n]) for n in given if n >= required]
            return self.call(function, [parts[n] for n in given if n < required], keywords)
        return self.call(function, parts[: given[-1] + 1] if given else ())


def unpacked(part: Expression) -> list[Expression]:
    """The items of a tuple as arguments, or the tuple with a star."""
    if isinstance(part.node, ast.Tuple):
        width = part.width // max(len(part.node.elts), 1)
        return [Expression(node, () if i else part.reads, width) for i, node in enumerate(part.node.elts)]
    return [Expression(ast.Starred(value=part.node, ctx=ast.Load()), part.reads, part.width)]


def _same(value: Value, default: Any) -> bool:
    """Whether an operand is the default."""
    match value, default:
        case Constant(), Constant():
            return type(value.value) is type(default.value) and bool(value.value == default.value)
        case Global(), Global():
            return (value.module, value.attribute) == (default.module, default.attribute)
        case Constant(), Value():
            return False
        case Constant(), _:
            return type(value.value) is type(default) and bool(value.value == default)
        case _:
            return False


def as_value(node: ast.expr, spelling: Spelling) -> ast.expr:
    """An index written out as an object of its own: `slice(a, b)` for `a:b`, also inside tuples."""
    match node:
        case ast.Slice(lower, upper, step):
            items = [ast.Constant(value=None) if n is None else n for n in (lower, upper, step)]
            given = items if step else items[:2] if lower else items[1:2]
            return ast.Call(func=spelling.builtin("slice"), args=given, keywords=[])
        case ast.Tuple(elts) if any(isinstance(e, ast.Slice | ast.Tuple) for e in elts):
            return ast.Tuple(elts=[as_value(e, spelling) for e in elts], ctx=ast.Load())
        case _:
            return node


def signed(product: Expression) -> Expression | None:
    """``-a * b`` for a product or quotient of numbers: ``-(a * b)`` to the last bit. None for anything else."""

    def visit(node: ast.expr) -> ast.expr | None:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            left = visit(node.left)
            return None if left is None else ast.BinOp(left=left, op=node.op, right=node.right)
        plain = isinstance(node, Leaf | ast.Name | ast.Subscript | ast.Attribute | ast.Call)
        return ast.UnaryOp(op=ast.USub(), operand=node) if plain else None

    if not isinstance(product.node, ast.BinOp):
        return None
    node = visit(product.node)
    return None if node is None else Expression(node, product.reads, product.width + 1)


def negated(part: Expression) -> Expression:
    """`not part`, without a double negation and with the opposite operator where one is exact."""
    match part.node:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return Expression(inner, part.reads, part.width)
        case ast.Compare(left=left, ops=[op], comparators=comparators) if type(op) in _OPPOSITES:
            node: ast.expr = ast.Compare(left=left, ops=[_OPPOSITES[type(op)]()], comparators=comparators)
            return Expression(node, part.reads, part.width)
        case node:
            return Expression(ast.UnaryOp(op=ast.Not(), operand=node), part.reads, part.width + 4)


def both(operator: ast.boolop, left: Expression, right: Expression) -> Expression:
    """`left and right` or `left or right`; chains of one operator are flat, `a < b and b < c` is `a < b < c`."""
    reads, width = left.reads + right.reads, left.width + right.width + 5
    parts = [*_members(operator, left.node), *_members(operator, right.node)]
    if isinstance(operator, ast.And):
        at = len(_members(operator, left.node))
        match parts[at - 1], parts[at]:
            case ast.Compare() as a, ast.Compare() as b if _same_name(a.comparators[-1], b.left):
                chain = ast.Compare(left=a.left, ops=[*a.ops, *b.ops], comparators=[*a.comparators, *b.comparators])
                parts[at - 1 : at + 1] = [chain]
    return Expression(parts[0] if len(parts) == 1 else ast.BoolOp(op=operator, values=parts), reads, width)


def _members(operator: ast.boolop, node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BoolOp) and type(node.op) is type(operator):
        return list(node.values)
    return [node]


def _same_name(a: ast.expr, b: ast.expr) -> bool:
    return isinstance(a, Leaf) and isinstance(b, Leaf) and a.value is b.value
