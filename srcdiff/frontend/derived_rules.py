"""The JVP of a function of which a VJP is given, and the other way round.

In: a rule, compiled for the types at hand. Out: the rule of the other mode. A VJP is linear in the adjoint ``by``, and
the JVP is the transpose of that linear map: the reverse-mode derivative of the VJP's own program with respect to
``by``. A JVP is linear in its tangents, and the VJP is its transpose with respect to them (Radul
et al., "You Only Linearize Once: Tangents Transpose to Gradients", 2023). The point at which a linear function is
transposed makes no difference: it is zero.

>>> from srcdiff.compiler import derive
>>> from srcdiff.frontend.module import Module
>>> text = "import lib\\nfrom srcdiff import rule\\ndef g_jvp(y: float, x, dx):\\n    return 3.0 * y * dx\\n"
>>> text += "rule.jvp(lib.g, g_jvp)\\ndef f(x: float) -> float:\\n    return lib.g(x)\\n"
>>> print(derive(Module.from_text(text, "f.py"), "f", "gradient").body.split("\\n\\n\\n")[1])
def g_adjoint(y, by):
    # line 4: return 3.0 * y * dx
    bdx = by * (3.0 * y)
    return bdx
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from srcdiff.diagnostics import TransformError
from srcdiff.frontend.compilation import Compilation
from srcdiff.frontend.names import Request
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Function, Parameter, Program, Value, constant
from srcdiff.ir.substitution import refresh, substitute
from srcdiff.ir.types import NONE, Scalar, Type, is_differentiable
from srcdiff.primitives.custom import Compile, require_adjoints, require_tangent, with_results
from srcdiff.primitives.forms import NoRule
from srcdiff.primitives.table import TABLE


def jvp_from_vjp(compilation: Compilation, vjp: Compile, name: str) -> Compile:
    """The JVP ``(y, *operands, *tangents)`` of a function whose VJP is ``(y, *operands, by)``. A tangent that is zero
    may be None."""

    def make(types: tuple[Type, ...]) -> Program:
        count = (len(types) - 1) // 2
        active = [t != NONE for t in types[count + 1 :]]
        program = vjp((*types[: count + 1], types[0]))
        require_adjoints(program.main, types[1 : count + 1], active)
        program, kept = _only(program, active)
        transposed = _transposed(compilation, program, Request("reverse", (count + 1,)), "JVP", "VJP")
        builder = Builder()
        values = _parameters(program.main, types, [f"d{p.value.name}" for p in program.main.parameters[1 : count + 1]])
        tangents = [
            _zero(builder, values[1 + i]) if values[count + 1 + i].type == NONE else values[count + 1 + i] for i in kept
        ]
        adjoint = tangents[0] if len(kept) == 1 else builder.apply(TABLE["make_tuple"], *tangents)
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
        require_tangent(program.main, y)
        active = [i for i, t in enumerate(operands) if is_differentiable(t)]
        request = Request("reverse", tuple(1 + count + i for i in active), as_tuple=len(active) > 1)
        transposed = _transposed(compilation, program, request, "VJP", "JVP")
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


def _transposed(compilation: Compilation, program: Program, request: Request, wanted: str, given: str) -> Program:
    """The derivative of a rule with respect to what it is linear in.

    Raises
    ------
    NoRule
        where the rule itself has no derivative.
    """
    try:
        return compilation.derivative(program, request)
    except TransformError as error:
        first = error.diagnostics[0]
        where = f" (line {first.line} of {first.filename})" if first.line else ""
        reason = f"no {wanted} is registered, and none follows from its {given}: {first.message}{where}"
        raise NoRule(reason) from error


def _only(program: Program, active: Sequence[bool]) -> tuple[Program, list[int]]:
    """The VJP without the adjoints that nothing is multiplied with, and the positions of those that it returns."""
    every = list(range(len(active)))
    main = with_results(program.main, len(active))
    if len(main.body.results) != len(active) or len(active) == 1:
        return program, every
    kept = [i for i in every if active[i]]
    builder = Builder()
    builder.statements.extend(main.body.statements)
    results = [main.body.results[i] for i in kept]
    result = results[0] if len(kept) == 1 else builder.apply(TABLE["make_tuple"], *results)
    main = replace(main, body=builder.block(main.body.parameters, (result,)), returns=None)
    return Program((*program.functions[:-1], main)), kept


def _once(make: Compile) -> Compile:
    made: dict[tuple[Type, ...], Program] = {}
    pending: set[tuple[Type, ...]] = set()

    def compile(types: tuple[Type, ...]) -> Program:
        if types in pending:
            raise NoRule("it is needed to derive itself")
        if types not in made:
            pending.add(types)
            try:
                made[types] = make(types)
            finally:
                pending.discard(types)
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
