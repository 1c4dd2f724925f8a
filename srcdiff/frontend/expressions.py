"""Expressions: from syntax trees to values.

In: an expression and the state. Out: an `Operand`: a value with the place it lives at, or a compile-time function.
"""

from __future__ import annotations

import builtins
import math
from dataclasses import replace

import gast

from srcdiff.frontend.constants import MATH_CONSTANTS
from srcdiff.frontend.context import GLOBAL_ROOT, Scope
from srcdiff.frontend.lenses import is_packed, keeps_packed, lens_of
from srcdiff.frontend.libraries import in_library
from srcdiff.frontend.listed import DTYPES, Listing
from srcdiff.frontend.names import (
    APART,
    ConstantValue,
    Deferred,
    External,
    FunctionsOf,
    FunctionSource,
    GlobalValue,
    LiveDerivative,
    PartialSource,
    Resolution,
    Unsupported,
)
from srcdiff.frontend.objects import (
    FRESH,
    Cell,
    Closure,
    Memory,
    Operand,
    Partial,
    Plain,
    Result,
    Static,
    StaticTuple,
    Unbound,
    View,
    is_element,
)
from srcdiff.frontend.subset import complaint, undefined
from srcdiff.ir.core import Apply, Constant, Global, Primitive, Value, constant
from srcdiff.ir.types import FLOAT, UNKNOWN, Array, Opaque, is_mutable
from srcdiff.primitives.table import TABLE

BINARY: dict[type, str] = {
    gast.Add: "add",
    gast.Sub: "subtract",
    gast.Mult: "multiply",
    gast.Div: "divide",
    gast.FloorDiv: "floor_divide",
    gast.Mod: "mod",
    gast.Pow: "power",
    gast.MatMult: "matmul",
    gast.BitAnd: "bit_and",
    gast.BitOr: "bit_or",
    gast.BitXor: "bit_xor",
}
UNARY: dict[type, str] = {gast.USub: "negative", gast.UAdd: "positive", gast.Invert: "invert", gast.Not: "not_"}
PROPERTIES = frozenset(("T", "mT", "shape", "ndim", "size", "dtype", "real", "imag"))
_CHOSEN_BY = frozenset(("np.linalg.norm",))
"""Functions that a floating-point number chooses a form of: what is known of it is used."""


class Expressions(Listing):
    """Lowers expressions. Decisions, calls, comprehensions and inlining come from the classes built on it."""

    def call(self, node: gast.Call, name: str | None) -> Operand:
        raise AssertionError("internal error: calls are lowered by the class built on this one")

    def comprehension(self, node: gast.AST, name: str | None) -> Operand:
        raise AssertionError("internal error: comprehensions are lowered by the class built on this one")

    def attribute(self, node: gast.Attribute, name: str | None) -> Operand:
        raise AssertionError("internal error: attributes are lowered by the class built on this one")

    def bound_outside(self, resolution: Resolution, node: gast.AST) -> Static:
        raise AssertionError("internal error: derivatives are lowered by the class built on this one")

    def subscript(self, node: gast.Subscript, name: str | None) -> Operand:
        raise AssertionError("internal error: subscripts are lowered by the class built on this one")

    def compare(self, node: gast.Compare, name: str | None) -> Operand:
        raise AssertionError("internal error: comparisons are lowered by the class built on this one")

    def boolean(self, is_and: bool, nodes: list[gast.AST], node: gast.AST, name: str | None) -> Operand:
        raise AssertionError("internal error: `and` and `or` are lowered by the class built on this one")

    def condition(self, node: gast.AST) -> Value:
        raise AssertionError("internal error: tests are lowered by the class built on this one")

    def conditional(self, test: Value, body: gast.AST, orelse: gast.AST, node: gast.AST, name: str | None) -> Operand:
        raise AssertionError("internal error: conditional expressions are lowered by the class built on this one")

    # --- entry points

    def value(self, node: gast.AST, name: str | None = None) -> Value:
        """The value of an expression now."""
        return self.current(self.expression(node, name), node)

    def result(self, node: gast.AST, name: str | None = None) -> Result:
        operand = self.solid(self.expression(node, name))
        if isinstance(operand, Static):
            return Result(self.current(operand, node))
        return operand

    def expression(self, node: gast.AST, name: str | None = None) -> Operand:
        """Lower one expression; `name` is the name its value is about to get."""
        match node:
            case gast.Constant():
                return Result(self.literal(node))
            case gast.Name(id=identifier):
                return self.name(identifier, node)
            case gast.Attribute():
                return self.attribute(node, name)
            case gast.Subscript():
                return self.subscript(node, name)
            case gast.BinOp(left=left, op=op, right=right):
                if type(op) not in BINARY:
                    raise self.error(node, *complaint(op))
                return self.operation(BINARY[type(op)], [left, right], node, name)
            case gast.UnaryOp(op=op, operand=operand):
                return self.unary(op, operand, node, name)
            case gast.Compare():
                return self.compare(node, name)
            case gast.BoolOp(op=op, values=values):
                return self.boolean(isinstance(op, gast.And), values, node, name)
            case gast.IfExp(test=test, body=body, orelse=orelse):
                return self.conditional(self.condition(test), body, orelse, node, name)
            case gast.Call():
                return self.call(node, name)
            case gast.Tuple(elts=items):
                return self.display(self.evaluate_all(items), node, name)
            case gast.List(elts=items):
                return self.list_display(self.evaluate_all(items), node, name)
            case gast.Dict(keys=keys, values=values):
                if any(k is None for k in keys):
                    raise self.error(node, "`**` in a dict display is not supported", "write the items out")
                pairs = self.evaluate_all([part for pair in zip(keys, values, strict=True) for part in pair])
                found = [k.value if isinstance(k, Result) else None for k in pairs[::2]]
                names = [k.value for k in found if isinstance(k, Constant)]
                if any(isinstance(v, Static) and not self._is_dtype(v) for v in pairs[1::2]) and len(names) == len(
                    found
                ):
                    return Static(StaticTuple(tuple(pairs[1::2]), tuple(names)))
                return self.container("make_dict", pairs, names, pairs[1::2], node, name)
            case gast.Lambda():
                return self.closure(FunctionSource("<lambda>", node, self.scope.module))
            case gast.ListComp() | gast.DictComp() | gast.GeneratorExp():
                return self.comprehension(node, name)
            case gast.JoinedStr(values=parts):
                return Result(self.apply("fstring", *(self.format_part(p) for p in parts), node=node, name=name))
            case gast.Starred():
                raise self.error(node, "`*` is not supported here", "write the items out")
        raise self.error(node, *complaint(node))

    def closure(self, source: FunctionSource) -> Static:
        """A nested function or lambda, made here: its defaults are evaluated now."""
        nodes = source.default_nodes
        operands = self.evaluate_all(list(nodes.values()))
        defaults = tuple((name, self.binding_for(o, name)) for name, o in zip(nodes, operands, strict=True))
        return Static(Closure(source, self.scope.frame, defaults))

    # --- atoms

    def literal(self, node: gast.Constant) -> Constant:
        value = node.value
        if isinstance(value, complex):
            raise self.error(node, "complex numbers are not supported", APART)
        if isinstance(value, bytes):
            raise self.error(node, "bytes are not supported", "use strings")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return constant(value, self.segment(node, repr(value)))
        return constant(value)

    def segment(self, node: gast.AST, usual: str) -> str | None:
        """The user's spelling of a literal, where it is not the usual one."""
        lines = self.scope.module.lines
        if not 0 < node.lineno <= len(lines) or node.end_lineno != node.lineno:
            return None
        text = lines[node.lineno - 1].encode()[node.col_offset : node.end_col_offset].decode(errors="replace")
        return text if text != usual and text.isascii() and text[:1] in "0123456789." else None

    def name(self, name: str, node: gast.AST) -> Operand:
        scope: Scope | None = self.scope
        while scope is not None:
            if name in scope.local:
                return self.variable(scope, name, node)
            scope = scope.parent
        module = self.scope.module
        resolution = module.resolve(name)
        if resolution is None:
            if hasattr(builtins, name):
                return self.resolved(External("builtins", name), node)
            raise self.error(node, *undefined(module, name))
        return self.resolved(resolution, node)

    def variable(self, scope: Scope, name: str, node: gast.AST) -> Operand:
        binding = self.state.names.get((scope.frame, name), Unbound())
        match binding:
            case Plain(value=value):
                return Result(value)
            case Static():
                return binding
            case Unbound(reason=reason):
                message = reason or f"`{name}` is read before it is assigned"
                raise self.error(node, message, f"assign `{name}` on every path that leads here")
            case Cell() | View():
                return Result(self.read(binding, node), binding, self.memory_of(binding))

    def resolved(self, resolution: Resolution, node: gast.AST) -> Operand:
        match resolution:
            case ConstantValue(value=value):
                return Result(constant(value))
            case GlobalValue(module=module, attribute=attribute, type=type, captured=captured):
                value = self.compilation.global_value(type, module, attribute, captured)
                return Result(value, None, Memory(frozenset({GLOBAL_ROOT})) if is_mutable(type) else FRESH)
            case External(module=module, attribute=attribute):
                custom = self.scope.module.custom(resolution)
                if custom is not None:
                    return Static(custom)
                if attribute == "newaxis" and module == "numpy":
                    return Result(constant(None))
                if (module, attribute) in MATH_CONSTANTS:
                    return Result(self.compilation.global_value(FLOAT, module, attribute))
                return Static(resolution)
            case Unsupported(message=message, remedy=remedy):
                raise self.error(node, message, remedy)
            case PartialSource(function=inner, arguments=given):
                function = self.resolved(inner, node)
                assert isinstance(function, Static)
                return Static(Partial(function, tuple((k, self.resolved(v, node)) for k, v in given)))
            case FunctionsOf(home=home, items=items, keys=keys):
                return Static(StaticTuple(tuple(self.resolved(item, node) for item in items), keys, home))
            case LiveDerivative() | Deferred():
                return self.bound_outside(resolution, node)
        return Static(resolution)

    def solid(self, operand: Operand) -> Operand:
        """An object that is imported from a module whose text we do not read is a global value."""
        if isinstance(operand, Static) and isinstance(operand.value, External):
            module, attribute = operand.value.module, operand.value.attribute
            if not in_library(module):
                value = self.compilation.global_value(UNKNOWN, module, attribute)
                return Result(value, None, Memory(frozenset({GLOBAL_ROOT})))
        return operand

    def current(self, operand: Operand, node: gast.AST) -> Value:
        operand = self.solid(operand)
        if isinstance(operand, Static) and isinstance(operand.value, External):
            external = operand.value
            if external.attribute in DTYPES and external.module in ("numpy", "builtins"):
                return self.compilation.global_value(Opaque("dtype"), external.module, external.attribute)
        if isinstance(operand, Static) and isinstance(operand.value, StaticTuple) and operand.value.home is not None:
            operand = self.resolved(operand.value.home, node)
        return super().current(operand, node)

    # --- operations

    def evaluate_all(self, nodes: list[gast.AST], names: list[str | None] | None = None) -> list[Operand]:
        """Evaluate from left to right; a write by a later one to what an earlier one gave is refused."""
        operands: list[Operand] = []
        for position, node in enumerate(nodes):
            before = len(self.writes)
            operand = self.expression(node, None if names is None else names[position])
            written = frozenset(r for roots in self.writes[before:] for r in roots)
            for earlier, place in zip(operands, nodes, strict=False):
                if not isinstance(earlier, Result) or not written:
                    continue
                loose = earlier.place is None or is_element(earlier.place)
                if loose and (earlier.memory.meets(written) or isinstance(earlier.place, View)):
                    raise self.error(
                        place,
                        "this may share memory with what a later part of the statement writes",
                        "use two statements",
                    )
            operands.append(operand)
        return operands

    def operation(self, primitive: str, nodes: list[gast.AST], node: gast.AST, name: str | None) -> Result:
        return self.primitive(primitive, self.evaluate_all(nodes), node, name)

    def primitive(
        self, primitive: Primitive | str, operands: list[Operand], node: gast.AST, name: str | None = None
    ) -> Result:
        """Apply a primitive, and say what the result may share memory with."""
        if isinstance(primitive, str):
            primitive = TABLE[primitive]
        values = [self.current(o, node) for o in operands]
        if "." in primitive.name:
            values = [self.known.get(v, v) if v.type != FLOAT or primitive.name in _CHOSEN_BY else v for v in values]
        value = self.apply(primitive, *values, node=node, name=name)
        memory = self.shared(primitive, operands, value.type)
        if is_packed(primitive, operands, [self.memory(o) for o in operands], value.type):
            memory = replace(memory, packed=True)
        if primitive.views and isinstance(value.type, Array) and isinstance(operands[0], Result):
            return self._viewed(primitive, values, operands[0], Result(value, None, memory), name)
        return Result(value, None, memory)

    def _viewed(
        self, primitive: Primitive, values: list[Value], base: Result, result: Result, name: str | None
    ) -> Result:
        """The result of a primitive that makes views: a view of the base, if it certainly is one."""
        memory = self.memory(base)
        lens = lens_of(primitive, values, memory, self.tuples)
        if lens is None or (base.place is None and not memory.own):
            return result
        packed = memory.packed and keeps_packed(primitive)
        view = View(self.as_place(base), None, values[0].type, name, self.origin, lens, packed)
        self.state.views[view] = (values[0], result.value)
        return Result(result.value, view, replace(result.memory, packed=packed))

    def unary(self, op: gast.AST, operand: gast.AST, node: gast.AST, name: str | None) -> Operand:
        if isinstance(op, gast.USub) and isinstance(operand, gast.Constant):
            literal = self.literal(operand)
            if isinstance(literal.value, int | float) and not isinstance(literal.value, bool):
                return Result(constant(-literal.value, None if literal.text is None else f"-{literal.text}"))
        if isinstance(op, gast.Not):
            test = self.condition(operand)
            if isinstance(test, Constant):
                return Result(constant(not test.value))
            return Result(self.apply("not_", test, node=node, name=name))
        result = self.operation(UNARY[type(op)], [operand], node, name)
        made = self.builder.statements[-1] if self.builder.statements else None
        if isinstance(op, gast.USub) and isinstance(made, Apply) and made.result is result.value:
            match made.operands[0]:
                case Global(module="numpy" | "math", attribute="inf"):
                    self.known[result.value] = constant(-math.inf)
        return result

    def format_part(self, part: gast.AST) -> Value:
        if isinstance(part, gast.FormattedValue):
            value = self.value(part.value)
            conversion = constant(None if part.conversion in (-1, None) else chr(part.conversion))
            spec: Value = constant(None)
            if part.format_spec is not None:
                spec = self._spec(part.format_spec)
            return self.apply("formatted", value, conversion, spec, node=part)
        return self.value(part)

    def _spec(self, node: gast.AST) -> Value:
        if isinstance(node, gast.JoinedStr):
            if all(isinstance(v, gast.Constant) for v in node.values):
                return constant("".join(str(v.value) for v in node.values))
            return self.apply("fstring", *(self.format_part(p) for p in node.values), node=node)
        return self.value(node)
