"""Calls of functions that are called as they are: those with a rule of the user's, and those that are marked.

In: a `CustomFunction` and the operands of a call. Out: an application of a `Custom` primitive, whose derivatives are
compiled from the user's rules when one is asked for; of an opaque function an Effect, which stays where it is.

>>> from srcdiff.frontend.lower import lower
>>> from srcdiff.frontend.module import Module
>>> from srcdiff.ir.text import to_text
>>> text = "import lib\\nfrom srcdiff import rule\\nrule.elementwise(lib.g, lambda y, x: y)\\n"
>>> module = Module.from_text(text + "def f(x: float):\\n    return lib.g(x)\\n", "f.py")
>>> print(to_text(lower(module, "f")), end="")
function f(%x: float):
    %t: float = custom lib.g %x
    return %t
"""

from __future__ import annotations

from collections.abc import Callable

import gast

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend.annotations import annotation_text, type_of
from srcdiff.frontend.compilation import Compilation
from srcdiff.frontend.derived_rules import jvp_from_vjp, vjp_from_jvp
from srcdiff.frontend.functions import Functions
from srcdiff.frontend.names import CustomFunction, FunctionSource, Rule, Unsupported
from srcdiff.frontend.objects import FRESH, Arguments, Memory, Operand, Result, Static, may_be_container
from srcdiff.frontend.spellings import REGISTER
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Effect, Function, Parameter, Program, Value
from srcdiff.ir.types import OBJECT, UNKNOWN, Type, Unknown, is_mutable
from srcdiff.primitives.custom import Compile, Custom, custom, elementwise_result, nameless, promised_result


class Customs(Functions):
    """Lowers calls of functions that are called as they are."""

    def custom_call(self, function: CustomFunction, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        """A call of such a function."""
        if not (function.is_registered or self.compilation.of_rule):
            message = f"`{function.title}` has no source text that could be read, and no rule"
            raise self.error(node, message, f"call a plain function instead, or {REGISTER}")
        for _, operand, place in arguments:
            if isinstance(operand, Static) and not self.is_value(operand):
                message = f"`{function.title}` is called as it is, and {self.describe_static(operand)} is passed to it"
                raise self.error(place, message, "pass numbers, arrays and containers of these")
        operands, keywords = self._custom_operands(function, arguments, node)
        values = [self.current(o, node) for o in operands]
        self._check_text(function, node)
        primitive = custom_primitive(self.compilation, function, len(values), keywords)
        if function.opaque:
            return self._opaque_call(primitive, operands, values, name)
        value = self.apply(primitive, *values, node=node, name=name)
        return Result(value, None, self._custom_memory(operands, value.type))

    def custom_itself(self, function: CustomFunction, values: list[Value], node: gast.AST) -> Operand:
        """What such a function returns, where it is the one that was asked for."""
        spec = node.args
        keywords = [None] * (len(spec.posonlyargs) + len(spec.args)) + [a.id for a in spec.kwonlyargs]
        arguments: Arguments = [(k, Result(v), node) for k, v in zip(keywords, values, strict=True)]
        return self.custom_call(function, arguments, node, None)

    # --- operands

    def _custom_operands(
        self, function: CustomFunction, arguments: Arguments, node: gast.AST
    ) -> tuple[list[Operand], tuple[str, ...]]:
        """The operands of the call in order, and the names of those at its end that are passed by keyword."""
        count = _operand_count(function)
        source = function.source
        given = [operand for keyword, operand, _ in arguments if keyword is None]
        if source is None or source.node.args.vararg is not None or source.node.args.kwarg is not None:
            named = [(k, o, p) for k, o, p in arguments if k is not None]
            if named and count is not None:
                message = f"`{function.title}` has a rule, and its parameters are not known here by name"
                raise self.error(
                    named[0][2],
                    message,
                    f"pass `{named[0][0]}` by position, or call it in a function of yours that has the rule",
                )
            operands, keywords = [*given, *(o for _, o, _ in named)], tuple(k for k, _, _ in named if k is not None)
        else:
            bound = self.bind_parameters(source, None, arguments, node)
            if count is not None and len(given) <= count:
                written = {k for k, _, _ in arguments}
                left_out = [n for n in list(bound)[count:] if n not in written]
                bound = {n: o for n, o in bound.items() if n not in left_out}
            by_name = {a.id for a in source.node.args.kwonlyargs}
            operands, keywords = list(bound.values()), tuple(n for n in bound if n in by_name)
        if count is not None and len(operands) != count:
            message = f"the rule of `{function.title}` is for {count} operand{'s' * (count != 1)}"
            raise self.error(node, f"{message}, and this call has {len(operands)}", "give the rule a place for each")
        return operands, keywords

    def _custom_memory(self, operands: list[Operand], type: Type) -> Memory:
        """The result may be an operand, a view of one, or hold them."""
        memory = FRESH
        if not is_mutable(type):
            return memory
        for operand in operands:
            if isinstance(operand, Result) and is_mutable(operand.type):
                inner = self.memory(operand)
                memory |= Memory(inner.own, inner.held, inner.tangled)
                if may_be_container(type):
                    memory |= Memory(held=inner.all, tangled=True)
        return memory

    def _check_text(self, function: CustomFunction, node: gast.AST) -> None:
        """A function with a rule does not write into its parameters, as far as its text tells."""
        source = function.source
        if source is None or not (function.has_rule or function.zero):
            return
        written = written_parameter(source)
        if written is not None:
            message = f"`{source.name}` has a rule, and it writes into its parameter `{written}`"
            raise self.error(node, message, f"let it work on a copy: `{written} = {written}.copy()`")

    # --- opaque functions

    def _opaque_call(
        self, primitive: Custom, operands: list[Operand], values: list[Value], name: str | None
    ) -> Operand:
        value = Value(primitive.infer(*values), name, self.origin)
        self.builder.emit(Effect("call", tuple(values), self.origin, primitive=primitive, result=value))
        return Result(value, None, self._custom_memory(operands, value.type))


def _operand_count(function: CustomFunction) -> int | None:
    """How many operands the rules of a function are for."""
    if function.partials is not None:
        return len(function.partials)
    for rule, form in ((function.jvp, "jvp"), (function.vjp, "vjp")):
        found = None if rule is None else rule()
        source = found.source if isinstance(found, CustomFunction) else found
        if isinstance(source, FunctionSource):
            count = len(source.parameters)
            return (count - 1) // 2 if form == "jvp" else count - 2
    return None


def written_parameter(source: FunctionSource) -> str | None:
    """A parameter whose elements the text of a function assigns, and that it gives no other value."""
    if not isinstance(source.node, gast.FunctionDef):
        return None
    parameters = set(source.parameters)
    written: list[str] = []
    for statement in source.node.body:
        for node in gast.walk(statement):
            if isinstance(node, gast.Name) and isinstance(node.ctx, gast.Store):
                parameters.discard(node.id)
            target = node
            while isinstance(target, gast.Subscript):
                target = target.value
            if target is not node and isinstance(node.ctx, gast.Store) and isinstance(target, gast.Name):
                written.append(target.id)
    return next((name for name in written if name in parameters), None)


# The primitive, and its derivatives.


def custom_primitive(
    compilation: Compilation, function: CustomFunction, count: int, keywords: tuple[str, ...]
) -> Custom:
    """The primitive that calls the function: the same one for the same function."""
    key = (*function.key, count, keywords)
    if key not in compilation.customs:
        home = function.home
        target = compilation.global_value(OBJECT, home.module, home.attribute, home.captured)
        partials = function.partials
        jvp, vjp = _compiled(compilation, function.jvp), _compiled(compilation, function.vjp)
        if vjp is None and jvp is not None:
            vjp = vjp_from_jvp(compilation, jvp, f"{target.name}_adjoint")
        elif jvp is None and vjp is not None:
            jvp = jvp_from_vjp(compilation, vjp, f"{target.name}_tangent")
        compilation.customs[key] = custom(
            target,
            count,
            elementwise_result if partials is not None else _promise(function),
            title=function.title,
            keywords=keywords,
            zero=function.zero,
            partials=None if partials is None else tuple(_compiled(compilation, p) for p in partials),
            jvp=jvp,
            vjp=vjp,
            takes_none=function.jvp is None,
        )
    return compilation.customs[key]


def _promise(function: CustomFunction) -> Callable[..., Type]:
    """What annotations say of the result: those of the function or, where it has none, those of its VJP or JVP, whose
    first parameter is the result."""
    source = function.source
    if source is not None and getattr(source.node, "returns", None) is not None:
        result = type_of(annotation_text(source.module, source.node.returns))
        return promised_result(result, _annotated(source))
    for rule in (function.vjp, function.jvp):
        found = None if rule is None else rule()
        if isinstance(found, FunctionSource):
            result, *parameters = _annotated(found)
            if not isinstance(result, Unknown):
                return promised_result(result, parameters)
    return promised_result(UNKNOWN)


def _annotated(source: FunctionSource) -> list[Type]:
    """What annotations say of the parameters."""
    spec = source.node.args
    arguments = (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)
    return [type_of(annotation_text(source.module, a.annotation)) for a in arguments]


def _compiled(compilation: Compilation, rule: Rule | None) -> Compile | None:
    """The programs of a rule, each made once."""
    if rule is None:
        return None
    made: dict[tuple[Type, ...], Program] = {}

    def compile(types: tuple[Type, ...]) -> Program:
        if types not in made:
            made[types] = _program(compilation, rule, types)
        return made[types]

    return compile


def _program(compilation: Compilation, rule: Callable[[], object], types: tuple[Type, ...]) -> Program:
    match rule():
        case FunctionSource() as source:
            said = map(nameless, _annotated(source))
            known = (p if isinstance(t, Unknown) else t for t, p in zip(types, said, strict=True))
            return compilation.separate(source, tuple(known))
        case CustomFunction() as function:
            return _program_of_call(compilation, function, types)
        case Unsupported(message=message, remedy=remedy):
            raise TransformError([Diagnostic(message, remedy)])
    raise AssertionError("internal error: a rule is a function")


def _program_of_call(compilation: Compilation, function: CustomFunction, types: tuple[Type, ...]) -> Program:
    """A program that calls a function as it is."""
    builder = Builder()
    names = [f"x{i + 1}" for i in range(len(types))]
    if function.source is not None and len(function.source.parameters) == len(types):
        names = function.source.parameters
    values = [Value(t, n) for t, n in zip(types, names, strict=True)]
    primitive = custom_primitive(compilation, function, len(values), ())
    result = builder.apply(primitive, *values)
    parameters = tuple(map(Parameter, values))
    name = function.title.rpartition(".")[2]
    return Program((Function(f"{name}_call", parameters, builder.block(values, (result,))),))
