"""Derivatives inside the user's functions: `grad(g)(x)`, `jvp(g, (x,), (dx,))`, and names that are bound to them.

In: a call of one of srcdiff's functions in the user's text, or of what such a call gave. Out: a call of a function of
the program, the derivative of `g`, which is made here and now. What `g` captures of its caller (`lambda y: x * y`)
becomes further parameters of it, so that the derivative is an ordinary function: it has no perturbation that could be
confused with another one's, and differentiating its caller differentiates it like any other.

>>> from srcdiff.compiler import derive
>>> from srcdiff.frontend.module import Module
>>> text = "from srcdiff import grad\\ndef f(x: float):\\n    return grad(lambda y: y * y)(x)\\n"
>>> print(derive(Module.from_text(text, "f.py"), "f", "primal").body, end="")
def f(x: float):
    return 2.0 * x
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import gast

from srcdiff.diagnostics import TransformError
from srcdiff.frontend.context import Refused
from srcdiff.frontend.lifting import Target
from srcdiff.frontend.names import Request
from srcdiff.frontend.objects import Arguments, Differentiated, Operand, Pullback, Result, Static, StaticTuple
from srcdiff.frontend.registrations import FORMS, registered_too_deep
from srcdiff.frontend.requests import MODES, Requests
from srcdiff.ir.calls import opaque_results
from srcdiff.ir.core import UNDEFINED, Apply, Block, Call, Constant, Function, Program, Value, constant
from srcdiff.ir.types import FLOAT, Array, Bottom, Opaque, Scalar, Tuple, Type, Unknown, is_differentiable
from srcdiff.primitives.table import TABLE

_EXTRA = frozenset({"forward", "reverse", "hvp"})
_OUTSIDE = "call it outside of the function, or use grad, value_and_grad, jvp, vjp, jacobian, hessian or hvp"
_TUPLE = "write a tuple of the arguments: `jvp(g, (x, y), (dx, dy))`"
_SHORT = 3


class Differentials(Requests):
    """Lowers calls of srcdiff's own functions and of the derivatives that they give."""

    # --- what srcdiff's functions give

    def srcdiff_function(self, attribute: str, node: gast.Call, name: str | None) -> Operand:
        """A call of one of srcdiff's own functions."""
        if attribute in MODES:
            given = self.given_arguments(
                node, attribute, ("f", "wrt", "mode") if attribute == "jacobian" else ("f", "wrt")
            )
            request = self.request_of(attribute, given)
            if "f" not in given:
                return Static(Differentiated(None, request))
            return self.derivative_of(self.expression(given["f"]), request, given["f"], given.get("wrt", node))
        if attribute == "jvp":
            return self._jvp(node, name)
        if attribute == "vjp":
            return self._vjp(node)
        if attribute == "stop_gradient":
            operands = self.bind_primitive(TABLE["stop_gradient"], self.arguments(node), attribute, node)
            return self.primitive("stop_gradient", operands, node, name)
        if attribute in FORMS:
            raise self.error(node, *registered_too_deep(attribute))
        raise self.error(node, f"`{attribute}` of srcdiff is not supported inside a function", _OUTSIDE)

    # --- calls of derivatives

    def derivative_call(
        self, target: Differentiated, arguments: Arguments, node: gast.AST, name: str | None
    ) -> Operand:
        """A call of `grad(g)` or its like."""
        request = target.request
        if target.function is None:
            if len(arguments) != 1 or arguments[0][0] is not None:
                raise self.error(node, "this awaits the one function that is to be differentiated")
            return self.derivative_of(arguments[0][1], request, arguments[0][2], node)
        if request.mode == "primal":
            return self.call_static(target.function, arguments, node, name)
        extra: list[Operand] = []
        if request.mode in _EXTRA:
            count = self.positional_count(target.function)
            extra = [operand for keyword, operand, _ in arguments if keyword is None][count:]
            arguments = [a for k, a in enumerate(arguments) if a[0] is not None or k < count]
        found = self._target(target.function, request, arguments, node)
        if found is None:
            return self._nothing_known(request)
        return self._emit(found, request, extra, node, name, self._hints(node))

    def _hints(self, node: gast.AST) -> list[str | None]:
        """The names that the items of what a call gives are unpacked into."""
        call, names = self.hints
        return names if call is node else []

    def _jvp(self, node: gast.Call, name: str | None) -> Operand:
        given = self.given_arguments(node, "jvp", ("f", "primals", "tangents", "wrt"))
        for needed in ("f", "primals", "tangents"):
            if needed not in given:
                raise self.error(node, f"`jvp` needs the argument `{needed}`", _TUPLE)
        request = replace(self.request_of("jvp", {"wrt": gast.Constant(None, None), **given}), mode="forward")
        hints = self._hints(node)
        function = self.as_function(self.expression(given["f"]), given["f"])
        primals, tangents = self._items(given["primals"]), self._items(given["tangents"])
        if request.wrt is None:
            request = replace(request, wrt=tuple(range(len(primals))))
        assert request.wrt is not None
        if len(tangents) != len(request.wrt):
            message = (
                f"`jvp` takes {len(request.wrt)} tangents, one for each differentiated argument, not {len(tangents)}"
            )
            raise self.error(given["tangents"], message)
        arguments: Arguments = [(None, operand, given["primals"]) for operand in primals]
        found = self._target(function, request, arguments, node)
        if found is None:
            return self._nothing_known(request)
        return self._emit(found, request, tangents, given["tangents"], name, hints)

    def _items(self, node: gast.AST) -> list[Operand]:
        if isinstance(node, gast.Tuple | gast.List):
            return self.evaluate_all(node.elts)
        operand = self.expression(node)
        if isinstance(operand, Result) and not isinstance(operand.type, Tuple):
            raise self.error(node, "how many arguments these are is not known here", _TUPLE)
        return self.unpacked(operand, node)

    def _vjp(self, node: gast.Call) -> Operand:
        rest = gast.Call(func=node.func, args=node.args[:1], keywords=node.keywords)
        given = self.given_arguments(rest, "vjp", ("f",))
        if "f" not in given:
            raise self.error(node, "`vjp` needs the function to differentiate", "write `vjp(g, x)`")
        request = replace(self.request_of("vjp", given), mode="reverse")
        function = self.as_function(self.expression(given["f"]), given["f"])
        hints = self._hints(node)
        primals = gast.Call(func=node.func, args=node.args[1:], keywords=[])
        found = self._target(function, request, self.arguments(primals), node)
        if found is None:
            return self._nothing_known(request)
        for title in (title for function in found.program.functions for title in opaque_results(function)):
            message = f"`vjp` runs the function for its value and again for the pullback, and it reads what `{title}`"
            remedy = "use `value_and_grad`, or call it outside and pass the result in"
            raise self.error(node, f"{message} returns, which is opaque and may return something else then", remedy)
        value = self._emit(found, replace(request, mode="primal"), [], node, hints[0] if hints else None)
        pullback = Pullback(self.describe_static(function), found, request)
        return Static(StaticTuple((value, Static(pullback))))

    def pullback_call(self, target: Pullback, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        """A call of what `vjp` gave beside the value."""
        if len(arguments) != 1 or arguments[0][0] is not None:
            message = f"{self.describe_static(Static(target))} takes the adjoint of the output alone"
            raise self.error(node, message, "call it with one argument")
        both = self._emit(target.target, target.request, [arguments[0][1]], arguments[0][2], name)
        return self.item(both, constant(1), node, name) if isinstance(both, Result) else both

    # --- making and calling the derivative

    def _target(self, function: Static, request: Request, arguments: Arguments, node: gast.AST) -> Target | None:
        """The function with these arguments as a program; None as long as the type of one of them is not known."""
        source, closure = self.root(function)
        if any(s.node is source.node for s, _, _ in self.inlining) or self.compilation.is_pending(source):
            message = f"`{source.name}` takes a derivative of itself: of which order would depend on how deep it goes"
            raise self.error(node, message, "write the derivative of that order out, with a function for each")
        operands = self.bind_parameters(source, closure, arguments, node)
        wanted = self._wanted(function, request, operands, node)
        promised = dict(zip(source.parameters, self.annotated_types(source), strict=True))
        for name, operand in operands.items():
            if isinstance(operand, Result) and (name in wanted or promised[name] == FLOAT):
                operands[name] = self._floating(operand, node)
        if any(isinstance(o, Result) and isinstance(o.type, Bottom) for o in operands.values()):
            return None
        for name in (n for n in operands if n in wanted):
            operand = operands[name]
            if isinstance(operand, Static) or not is_differentiable(operand.type):
                kind = "a function" if isinstance(operand, Static) else f"of type {operand.type}"
                message = f"parameter `{name}` of `{source.name}` is {kind} and carries no derivative"
                raise self.error(node, message, "differentiate with respect to a float or an array of floats")
        return self._program(function, operands, node)

    def _wanted(self, function: Static, request: Request, operands: dict[str, Operand], node: gast.AST) -> set[str]:
        """The parameters that a derivative is asked for, here or by a derivative inside."""
        names = list(operands)
        wanted: set[str] = set()
        if request.wrt is not None:
            wanted.update(names[i] for i in self.positions_of(function, request.wrt, node))
        inner = function.value
        if isinstance(inner, Differentiated) and inner.function is not None:
            wanted |= self._wanted(inner.function, inner.request, operands, node)
        return wanted

    def _floating(self, operand: Result, node: gast.AST) -> Result:
        """A number or array of integers as one of floats."""
        value, type = operand.value, operand.type
        if isinstance(type, Scalar) and type.kind == "int":
            value = self.current(operand, node)
            if isinstance(value, Constant):
                return Result(constant(float(value.value)))
            return Result(self.apply("float", value, node=node, name=value.name))
        if isinstance(type, Array) and (type.dtype or "").rstrip("0123456789") in ("int", "uint"):
            dtype = self.compilation.global_value(Opaque("dtype"), "numpy", "float64")
            return Result(self.apply("astype", self.current(operand, node), dtype, node=node, name=value.name))
        return operand

    def _program(self, function: Static, operands: dict[str, Operand], node: gast.AST) -> Target | None:
        """The function as a program: one of the module, one lifted out of its caller, or a derivative."""
        inner = function.value
        if not isinstance(inner, Differentiated):
            return self.as_program(function, operands, node)
        assert inner.function is not None
        if inner.request.mode in _EXTRA:
            message = f"{self.describe_static(function)} cannot be differentiated as it is"
            raise self.error(node, message, "differentiate a function of yours that calls it")
        found = self._program(inner.function, operands, node)
        if found is None:
            return None
        program = self._derivative(found, inner.request, node)
        return replace(found, program=Program((*program.functions[:-1], _with_one_result(program.main))))

    def _derivative(self, target: Target, request: Request, node: gast.AST) -> Program:
        """The derivative of a program; what is wrong with it is reported where it is, or at `node`."""
        assert request.wrt is not None or request.mode == "primal" or target.names
        if request.wrt is None:
            parameters = target.program.main.body.parameters
            positions = [k for k, _ in enumerate(target.names) if is_differentiable(parameters[k].type)]
        else:
            every = list(target.parameters)
            chosen = [every[i] if isinstance(i, int) else i for i in request.wrt]
            positions = [target.names.index(n) for n in chosen]
        concrete = replace(request, wrt=tuple(positions), sweeps=_sweeps(target.program.main, request, positions))
        try:
            return self.compilation.derivative(target.program, concrete)
        except TransformError as error:
            found = [d if d.line else self.error(node, d.message, d.remedy).diagnostic for d in error.diagnostics]
            for diagnostic in found[:-1]:
                self.compilation.reporter.add(diagnostic)
            raise Refused(found[-1]) from None

    def _emit(
        self,
        target: Target,
        request: Request,
        extra: Sequence[Operand],
        node: gast.AST,
        name: str | None,
        hints: Sequence[str | None] = (),
    ) -> Operand:
        """Call the derivative of the program; `extra` are tangents, or the adjoint of the output, `hints` the names of
        its results."""
        program = target.program if request.mode == "primal" else self._derivative(target, request, node)
        arguments = (*target.arguments, *self._extra(target, request, extra, node))
        count = len(program.main.body.results)
        names = [name] if count == 1 else hints if count == len(hints) else [None] * count
        results = self._results(program, arguments, names, target.lifted)
        if request.mode not in ("forward", "reverse", "value_and_grad"):
            return Result(results[0])
        both: list[Operand] = [self.placed(Result(r), r.name) for r in results]
        return Static(StaticTuple(tuple(both))) if count == len(hints) else self.display(both, node, name)

    def _results(
        self, program: Program, arguments: tuple[Value, ...], names: Sequence[str | None], lifted: bool
    ) -> tuple[Value, ...]:
        """The results of the program's main function for these arguments."""
        body = program.main.body
        if lifted and len(body.statements) <= _SHORT and all(isinstance(s, Apply) for s in body.statements):
            # A few operations of a function that is written inside its caller read best there.
            return self._written_out(body, arguments, names)
        main = self.compilation.adopt(program)
        results = tuple(Value(r.type, n, self.origin) for r, n in zip(body.results, names, strict=True))
        self.builder.emit(Call(main.name, arguments, results, self.origin))
        return results

    def _written_out(self, body: Block, arguments: tuple[Value, ...], names: Sequence[str | None]) -> tuple[Value, ...]:
        mapping: dict[Value, Value] = dict(zip(body.parameters, arguments, strict=True))
        named = dict(zip(body.results, names, strict=True))
        for statement in body.statements:
            assert isinstance(statement, Apply)
            old = statement.result
            operands = tuple(mapping.get(v, v) for v in statement.operands)
            if statement.primitive.name == "identity":
                mapping[old] = operands[0]
                continue
            mapping[old] = Value(old.type, named.get(old), self.origin)
            self.builder.emit(Apply(statement.primitive, operands, mapping[old], self.origin))
        return tuple(mapping.get(v, v) for v in body.results)

    def _extra(self, target: Target, request: Request, extra: Sequence[Operand], node: gast.AST) -> list[Value]:
        """Tangents or the output adjoint, as many as the mode has and like what they belong to."""
        main = target.program.main
        result = main.body.results[0].type
        likes: list[Type] = []
        if request.mode == "reverse":
            likes = [result]
        elif request.mode in _EXTRA:
            assert request.wrt is not None
            every = list(target.parameters)
            chosen = [every[i] if isinstance(i, int) else i for i in request.wrt]
            likes = [main.body.parameters[target.names.index(n)].type for n in chosen]
        what = "output adjoint" if request.mode == "reverse" else "tangent"
        if len(extra) != len(likes):
            wanted = f"{len(likes)} {what}{'s' * (len(likes) != 1)}"
            message = f"the derivative of `{main.name}` takes {wanted} after its arguments; {len(extra)} are given"
            raise self.error(node, message)
        if request.mode in ("forward", "reverse") and not is_differentiable(result):
            raise self.error(node, f"`{main.name}` returns a value of type {result}, which carries no derivative")
        values: list[Value] = []
        for operand, like in zip(extra, likes, strict=True):
            value = self.current(operand, node)
            if isinstance(operand, Result):
                value = self.current(self._floating(operand, node), node)
            if not _is_like(value.type, like):
                message = f"this {what} is of type {value.type}, and what it belongs to is of type {like}"
                raise self.error(node, message, "it has the structure and the shape of what it belongs to")
            values.append(value)
        return values

    def _nothing_known(self, request: Request) -> Operand:
        """What stands for a derivative while the type of an argument is not known yet (in a recursive function)."""
        unknown = Result(constant(UNDEFINED))
        if request.mode == "reverse":
            return Static(StaticTuple((unknown, unknown)))
        return unknown


def _with_one_result(function: Function) -> Function:
    """The function with several results returned as a tuple."""
    body = function.body
    if len(body.results) == 1:
        return function
    make = TABLE["make_tuple"]
    result = Value(make.infer(*body.results), "both")
    statements = (*body.statements, Apply(make, body.results, result))
    return replace(function, body=replace(body, statements=statements, results=(result,)), returns=None)


def _sweeps(function: Function, request: Request, positions: Sequence[int]) -> str:
    """How a Jacobian is computed, where the sizes that are known decide."""
    if request.mode != "jacobian" or request.sweeps != "auto":
        return request.sweeps
    inputs = [_size(function.body.parameters[i].type) for i in positions]
    output = _size(function.body.results[0].type)
    if output == 1 and inputs != [1]:
        return "reverse"
    total = None if None in inputs else sum(i for i in inputs if i is not None)
    return "reverse" if total is not None and output is not None and output < total else "forward"


def _size(type: Type) -> int | None:
    """The count of numbers, where the type says it."""
    if isinstance(type, Scalar):
        return 1
    if not isinstance(type, Array) or type.shape is None:
        return None
    size = 1
    for length in type.shape:
        if not isinstance(length, int):
            return None
        size *= length
    return size


def _is_like(given: Type, like: Type) -> bool:
    """Whether a tangent of one type can belong to a value of another, as far as is known."""
    if isinstance(given, Unknown | Bottom) or isinstance(like, Unknown | Bottom):
        return True
    if isinstance(given, Array) and isinstance(like, Array):
        return None in (given.rank, like.rank) or given.rank == like.rank
    if isinstance(given, Array | Scalar) and isinstance(like, Array | Scalar):
        flat = isinstance(given, Scalar) or given.rank in (0, None)
        return flat and (isinstance(like, Scalar) or like.rank in (0, None))
    return type(given) is type(like)
