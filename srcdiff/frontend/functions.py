"""Calls of the user's functions: called as functions of the program, or written into the caller.

In: a function and the operands of a call. Out: its result. A function is written into its caller where it is nested,
takes functions, or writes into what it is given; anything else is lowered once per combination of argument types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import gast

from srcdiff.frontend import live
from srcdiff.frontend.choices import Choices
from srcdiff.frontend.compilation import Summary
from srcdiff.frontend.constants import MATH_CONSTANTS
from srcdiff.frontend.context import GLOBAL_ROOT, Scope
from srcdiff.frontend.liveness import Liveness, captured_names, local_names, writes
from srcdiff.frontend.names import ConstantValue, FunctionSource, fitted
from srcdiff.frontend.objects import (
    FRESH,
    Arguments,
    Cell,
    Closure,
    Memory,
    Operand,
    Plain,
    Result,
    Static,
    Unbound,
    View,
    meet,
)
from srcdiff.frontend.recognise import helper_primitive
from srcdiff.frontend.values import type_of_value
from srcdiff.ir.core import UNDEFINED, Apply, Call, Constant, Global, Statement, Value, constant
from srcdiff.ir.types import FLOAT, Scalar, Size, Tuple, Type, Unknown, is_mutable
from srcdiff.primitives.table import TABLE

_HELPER_PRIMITIVES = {"copy_of": "copy", "add_at": "index_add"}
_MAX_INLINING = 40
_MAX_REPEATED = 5
_ATOMS = (bool, int, float, str, type(None))
_UNKNOWN = object()


class Functions(Choices):
    """Lowers calls of the user's functions. Their statements are lowered by the class built on this one."""

    def function_body(self, source: FunctionSource) -> Operand:
        raise AssertionError("internal error: function bodies are lowered by the class built on this one")

    # --- functions of the user

    def user_function(
        self,
        source: FunctionSource,
        closure: Closure | None,
        arguments: Arguments,
        node: gast.AST,
        name: str | None,
    ) -> Operand:
        parent = None if closure is None else self.scopes[closure.frame]
        helper = helper_primitive(source) if parent is None else None
        if helper is not None:
            primitive = TABLE[_HELPER_PRIMITIVES.get(helper, helper)]
            operands = self.bind_primitive(primitive, arguments, helper, node)
            made = self.primitive(primitive, operands, node, name)
            if helper == "add_at" and not isinstance(made.type, Tuple):
                # It changes its argument, which from here on is the result: no other name of it may be read.
                self.spoil(self.memory(operands[0]).own)
            return made
        source = self._fitted(source, arguments)
        bound = self.bind_parameters(source, closure, arguments, node)
        nested = parent is not None or isinstance(source.node, gast.Lambda)
        if nested or any(isinstance(o, Static) and not self.is_value(o) for o in bound.values()):
            return self.inline(source, parent, bound, node)
        values = [self.current(o, node) for o in bound.values()]
        types = self.parameter_types(source, values)
        if any(s is source for s, _, _ in self.inlining):
            return self.inline(source, parent, bound, node)
        summary = self.compilation.specialise(source, types)
        shares = bool(summary.shares.own | summary.shares.held) and is_mutable(summary.result)
        followed = shares and not isinstance(summary.result, Unknown) and writes(self.scope.source.node)
        if summary.inline is not None or (followed and not self._is_recursive(source, None, ())):
            # What is or shows an argument can be followed where it is written only if the callee is at hand.
            return self.inline(source, parent, bound, node)
        result = Value(summary.result, name, self.origin)
        self.builder.emit(Call(summary.name, tuple(values), (result,), self.origin))
        return Result(result, None, self.call_memory(summary, list(bound.values()), summary.result))

    def _fitted(self, source: FunctionSource, arguments: Arguments) -> FunctionSource:
        """The function with as many parameters in place of `*xs` and `**options` as the call has arguments for."""
        spec = source.node.args
        if source.fitted or (spec.vararg is None and spec.kwarg is None):
            return source
        given = sum(keyword is None for keyword, _, _ in arguments)
        more = max(0, given - len(source.positional)) if spec.vararg is not None else 0
        by_name = [k for k, _, _ in arguments if k is not None and k not in source.parameters]
        return fitted(source, more, tuple(by_name) if spec.kwarg is not None else ())

    def bind_starred(self, frame: int, source: FunctionSource, bound: Mapping[str, Operand], node: gast.AST) -> None:
        """`xs` of `*xs` is a tuple of its arguments, `options` of `**options` a dict."""
        spec = source.node.args
        if spec.vararg is not None:
            self.bind((frame, spec.vararg.id), self.display([bound[n] for n in source.spread], node, spec.vararg.id))
        if spec.kwarg is not None:
            if any(isinstance(bound[n], Static) for n in source.keywords):
                raise self.error(node, f"a function is passed by `**{spec.kwarg.id}`", "name the parameter")
            pairs = [part for n in source.keywords for part in (Result(constant(n)), bound[n])]
            self.bind((frame, spec.kwarg.id), self.primitive("make_dict", pairs, node, spec.kwarg.id))

    def parameter_types(self, source: FunctionSource, values: Sequence[Value]) -> tuple[Type, ...]:
        """The types a callee is lowered for: those of the arguments, helped by its annotations."""
        annotations, axes = self.annotated_types(source), _axes(source)
        found: list[Type] = []
        for value, promised, parameter in zip(values, annotations, source.parameters, strict=True):
            actual = value.type
            if parameter in axes and isinstance(value, Constant) and type(value.value) is int:
                actual = Size("int", value.value)  # what it reduces, and so the rank of what it makes
            if isinstance(actual, Unknown) or (
                isinstance(actual, Scalar) and actual.kind == "int" and promised == FLOAT
            ):
                actual = promised
            found.append(actual)
        return tuple(found)

    def annotated_types(self, source: FunctionSource) -> list[Type]:
        raise AssertionError("internal error: annotations are read by the class built on this one")

    def call_memory(self, summary: Summary, operands: Sequence[Operand], type: Type) -> Memory:
        if not is_mutable(type):
            return FRESH
        memory = FRESH
        shares = summary.shares
        for position, operand in enumerate(operands):
            inner = self.memory(operand)
            if position in shares.own:
                memory |= Memory(inner.own, inner.held, inner.tangled)
            if position in shares.element:
                memory |= Memory(inner.elements | inner.held, inner.held, inner.tangled)
            if position in shares.held:
                memory |= Memory(frozenset(), inner.all, inner.tangled)
        if shares.outside:
            memory |= Memory(frozenset({GLOBAL_ROOT}))
        held = [self.memory(o).all for i, o in enumerate(operands) if i in shares.held]
        if any(meet(a, b) for a, b in pairwise(held)):
            memory |= Memory(tangled=True)
        return memory

    def bind_parameters(
        self, source: FunctionSource, closure: Closure | None, arguments: Arguments, node: gast.AST
    ) -> dict[str, Operand]:
        """Every parameter of a function with its operand, defaults filled in."""
        positional = source.positional
        every = source.parameters
        title = source.name
        bound: dict[str, Operand] = {}
        given = [(operand, place) for keyword, operand, place in arguments if keyword is None]
        if len(given) > len(positional):
            raise self.error(node, f"`{title}` takes {len(positional)} positional arguments, {len(given)} are given")
        for parameter, (operand, _) in zip(positional, given, strict=False):
            bound[parameter] = operand
        for keyword, operand, place in arguments:
            if keyword is None:
                continue
            if keyword not in every:
                raise self.error(place, f"`{title}` has no parameter `{keyword}`")
            if keyword in bound:
                raise self.error(place, f"`{title}` got `{keyword}` twice")
            bound[keyword] = operand
        defaults = source.default_nodes
        made = {} if closure is None else dict(closure.defaults)
        complete: dict[str, Operand] = {}
        for parameter in every:
            if parameter in bound:
                complete[parameter] = bound[parameter]
            elif parameter in made:
                complete[parameter] = self.binding_operand(made[parameter], node)
            elif parameter in defaults:
                complete[parameter] = self.default(source, parameter, defaults[parameter], node)
            else:
                raise self.error(node, f"`{title}` needs the argument `{parameter}`")
        return complete

    def default(self, source: FunctionSource, parameter: str, default: gast.AST, node: gast.AST) -> Operand:
        """The default of a module's function: a constant, a tuple of them, a global, or a function."""
        if source.defaults is not None and parameter in source.defaults:
            return self._live_default(source, parameter, default, node)
        outer = self.scope
        self.scope = Scope(-1, None, source, frozenset(), outer.liveness)
        try:
            found, branch = self.inside(lambda: self.expression(default))
        finally:
            self.scope = outer
        if not branch.builder.statements:
            return found
        folded = _folded(branch.builder.statements, found)
        if folded is None:
            raise self.error(
                node,
                f"the default of `{parameter}` in `{source.name}` is not a constant",
                "pass the argument in the call",
            )
        return folded

    def _live_default(self, source: FunctionSource, parameter: str, default: gast.AST, node: gast.AST) -> Operand:
        """The default that the function object has, in the spelling of the text where that still says the same."""
        assert source.defaults is not None
        value = source.defaults[parameter]
        name = default.id if isinstance(default, gast.Name) else f"{parameter}_default"
        if type(value) is tuple and all(type(v) in _ATOMS for v in value):
            return Result(_tuple_constant(value))
        resolution = live.classify(value, source.module.name, name)
        if not isinstance(resolution, ConstantValue):
            return self.resolved(resolution, node)
        spelled = Result(constant(resolution.value))
        if isinstance(default, gast.Constant | gast.UnaryOp | gast.Attribute):
            outer = self.scope
            self.scope = Scope(-1, None, source, frozenset(), outer.liveness)
            try:
                found, branch = self.inside(lambda: self.expression(default))
            finally:
                self.scope = outer
            if isinstance(found, Result) and not branch.builder.statements and _means(found.value, resolution.value):
                return found
        return spelled

    def inline(
        self, source: FunctionSource, parent: Scope | None, bound: dict[str, Operand], node: gast.AST
    ) -> Operand:
        """Write the callee into the caller, with variables of its own."""
        directive = source.module.directives.get(source.node.lineno)
        if isinstance(source.node, gast.FunctionDef) and directive is not None and directive.meaning == "recompute":
            raise self.error(
                node,
                f"`{source.name}` cannot be recomputed: it is nested, takes or returns a function, or writes into a "
                "parameter",
                "make it a function of the module that returns what it computes, or remove `recompute`",
            )
        # Two functions made by one lambda differ in the variables around them.
        around = None if parent is None else parent.frame
        given = tuple(o for o in bound.values() if isinstance(o, Static))
        if self._is_recursive(source, around, given) or self.compilation.is_pending(source):
            raise self.error(
                node,
                f"`{source.name}` calls itself, and it is nested, takes or returns a function, or writes into a "
                "parameter",
                "make it a function of the module that returns what it computes",
            )
        if len(self.inlining) > _MAX_INLINING:
            raise self.error(node, "functions are nested too deeply here", "make them functions of the module")
        frame = max(self.scopes) + 1
        body = source.node.body if isinstance(source.node, gast.FunctionDef) else [source.node.body]
        liveness = Liveness(body if isinstance(source.node, gast.FunctionDef) else [], frozenset())
        scope = Scope(frame, parent, source, local_names(source.node), liveness)
        outer, origin = self.scope, self.builder.origin
        self.scopes[frame] = scope
        for parameter, operand in bound.items():
            self.bind((frame, parameter), operand)
        self.bind_starred(frame, source, bound, node)
        self.scope = scope
        self.inlining.append((source, around, given))
        try:
            if isinstance(source.node, gast.Lambda):
                result = self.expression(source.node.body)
            else:
                result = self.function_body(source)
        finally:
            self.scope = outer
            self.builder.origin = origin
            self.inlining.pop()
        if not captured_names(body):
            for variable in [v for v in self.state.names if v[0] == frame]:
                del self.state.names[variable]
        return result

    def _is_recursive(self, source: FunctionSource, around: int | None, given: tuple[Static, ...]) -> bool:
        """Whether a function that is being written out calls itself, and not just by way of what it was given."""
        active = [s for node, frame, s in self.inlining if node.node is source.node and frame == around]
        same = any(len(s) == len(given) and all(a.same(b) for a, b in zip(s, given, strict=True)) for s in active)
        return same or len(active) >= _MAX_REPEATED

    def binding_operand(self, binding: Plain | Cell | View | Static | Unbound, node: gast.AST) -> Operand:
        match binding:
            case Plain(value=value):
                return Result(value)
            case Static():
                return binding
            case Unbound(reason=reason):
                if reason is not None:
                    raise self.error(node, reason, "return one function, or a value")
                return Result(constant(UNDEFINED))
            case Cell() | View():
                return Result(self.read(binding, node), binding, self.memory_of(binding))


def _tuple_constant(value: tuple[Any, ...]) -> Constant:
    return replace(constant(value), type=type_of_value(value))


def _means(value: Value, meant: object) -> bool:
    """Whether a value of the text is the object: the same number, string, flag or mathematical constant."""
    match value:
        case Constant(value=written):
            return type(written) is type(meant) and written == meant
        case Global(module=module, attribute=attribute):
            return MATH_CONSTANTS.get((module, attribute)) == meant
    return False


def _folded(statements: Sequence[Statement], found: Operand) -> Result | None:
    """A number or a tuple of numbers that arithmetic on constants gives; None if it is anything else."""
    values: dict[Value, Any] = {}

    def known(value: Value) -> Any:
        match value:
            case Constant(value=written):
                return written
            case Global(module=module, attribute=attribute):
                return MATH_CONSTANTS.get((module, attribute), _UNKNOWN)
        return values.get(value, _UNKNOWN)

    for statement in statements:
        if not isinstance(statement, Apply):
            return None
        operands = [known(o) for o in statement.operands]
        if any(type(o) not in (*_ATOMS, tuple) for o in operands):
            return None
        try:
            values[statement.result] = statement.primitive.evaluate(*operands)
        except (ArithmeticError, ValueError, TypeError):
            return None
    result = known(found.value) if isinstance(found, Result) else _UNKNOWN
    if type(result) in _ATOMS:
        return Result(constant(result))
    if type(result) is tuple and all(type(v) in _ATOMS for v in result):
        return Result(_tuple_constant(result))
    return None


def _axes(source: FunctionSource) -> set[str]:
    """The parameters of a function that it takes for an axis: by their name, or because it passes them as one."""
    found = {name for name in source.parameters if name in ("axis", "axes")}
    for node in gast.walk(source.node):
        if isinstance(node, gast.keyword) and node.arg == "axis" and isinstance(node.value, gast.Name):
            found.add(node.value.id)
    return found
