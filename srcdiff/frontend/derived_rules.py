"""The JVP of a function of which a VJP is given, and the other way round.

In: a rule, compiled for the types at hand. Out: the rule of the other mode. A VJP is linear in the adjoint ``by``, and
the JVP is the transpose of that linear map: the reverse-mode derivative of the VJP's own program with respect to
``by``. A JVP is linear in its tangents, and the VJP is its transpose with respect to them (Radul et al., "You only
linearize once", 2023). The point at which a linear function is transposed makes no difference: it is zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.frontend.compilation import Compilation
from srcdiff.frontend.names import Request
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Function, Parameter, Program, Value, constant
from srcdiff.ir.substitution import refresh, substitute
from srcdiff.ir.types import Scalar, Type, is_differentiable
from srcdiff.primitives.custom import Compile
from srcdiff.primitives.table import TABLE


def jvp_from_vjp(compilation: Compilation, vjp: Compile, name: str) -> Compile:
    """The JVP ``(y, *operands, *tangents)`` of a function whose VJP is ``(y, *operands, by)``."""

    def make(types: tuple[Type, ...]) -> Program:
        count = (len(types) - 1) // 2
        program = vjp((*types[: count + 1], types[0]))
        transposed = compilation.derivative(program, Request("reverse", (count + 1,)))
        builder = Builder()
        values = _parameters(program.main, types, [f"d{p.value.name}" for p in program.main.parameters[1 : count + 1]])
        tangents = values[count + 1 :]
        adjoint = tangents[0] if count == 1 else builder.apply(TABLE["make_tuple"], *tangents)
        point = [*values[: count + 1], _zero(builder, values[0])]
        result = _written_out(builder, transposed.main, [*point, adjoint])[1]
        return _program(transposed, name, values, builder, result)

    return _once(make)


def vjp_from_jvp(compilation: Compilation, jvp: Compile, name: str) -> Compile:
    """The VJP ``(y, *operands, by)`` of a function whose JVP is ``(y, *operands, *tangents)``."""

    def make(types: tuple[Type, ...]) -> Program:
        y, *operands = types[:-1]
        count = len(operands)
        program = jvp((y, *operands, *operands))
        active = [i for i, t in enumerate(operands) if is_differentiable(t)]
        request = Request("reverse", tuple(1 + count + i for i in active), as_tuple=len(active) > 1)
        transposed = compilation.derivative(program, request)
        builder = Builder()
        values = _parameters(program.main, types, [f"b{program.main.parameters[0].value.name}"])
        zeros = [_zero(builder, v) for v in values[1 : 1 + count]]
        adjoints = _written_out(builder, transposed.main, [*values[: 1 + count], *zeros, values[-1]])[1]
        found = {i: builder.apply(TABLE["index_get"], adjoints, k) for k, i in enumerate(active) if len(active) > 1}
        found = found or dict.fromkeys(active, adjoints)
        results = [found.get(i, constant(None)) for i in range(count)]
        result = results[0] if count == 1 else builder.apply(TABLE["make_tuple"], *results)
        return _program(transposed, name, values, builder, result)

    return _once(make)


def _once(make: Compile) -> Compile:
    made: dict[tuple[Type, ...], Program] = {}

    def compile(types: tuple[Type, ...]) -> Program:
        if types not in made:
            made[types] = make(types)
        return made[types]

    return compile


def _parameters(like: Function, types: Sequence[Type], last: Sequence[str]) -> list[Value]:
    """Parameters of these types, called as those of the rule; the last ones, which it has not, are called `last`."""
    names = [p.value.name for p in like.parameters[: len(types) - len(last)]]
    return [Value(t, n) for t, n in zip(types, [*names, *last], strict=True)]


def _zero(builder: Builder, value: Value) -> Value:
    if isinstance(value.type, Scalar):
        return constant(0.0)
    return builder.apply(TABLE["zeros_like"], value) if is_differentiable(value.type) else constant(None)


def _written_out(builder: Builder, function: Function, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """The statements of a function with arguments in the place of its parameters; its results."""
    body = refresh(function.body)
    body = substitute(body, dict(zip(body.parameters, arguments, strict=True)))
    builder.statements.extend(body.statements)
    return body.results


def _program(inner: Program, name: str, values: Sequence[Value], builder: Builder, result: Value) -> Program:
    main = Function(name, tuple(map(Parameter, values)), builder.block(values, (result,)))
    return Program((*inner.functions[:-1], main))
