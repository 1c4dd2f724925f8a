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
from srcdiff.frontend.calls import Arguments
from srcdiff.frontend.context import Refused
from srcdiff.frontend.lifting import Lifting, Target
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import Deferred, External, FunctionSource, LiveDerivative, Request, Resolution, undecorated
from srcdiff.frontend.objects import Closure, Differentiated, Operand, Pullback, Result, Static, StaticTuple
from srcdiff.ir.core import UNDEFINED, Apply, Block, Call, Constant, Function, Program, Value, constant
from srcdiff.ir.types import FLOAT, Array, Bottom, Opaque, Scalar, Tuple, Type, Unknown, is_differentiable
from srcdiff.primitives.table import TABLE

MODES = {
    "grad": "gradient",
    "value_and_grad": "value_and_grad",
    "jacobian": "jacobian",
    "hessian": "hessian",
    "hvp": "hvp",
}
"""The functions that make a derivative of a function, and the mode of it."""

_FULL_NAMES = {"grad": "gradient", "jvp": "forward", "vjp": "reverse"}
_EXTRA = frozenset({"forward", "reverse", "hvp"})
_OUTSIDE = "call it outside of the function, or use grad, value_and_grad, jvp, vjp, jacobian, hessian or hvp"
_TUPLE = "write a tuple of the arguments: `jvp(g, (x, y), (dx, dy))`"
_SHORT = 3
_WRT = 'give the index or the name of a parameter, or a tuple of these: wrt=0, wrt="x", wrt=("x", "y")'


class Differentials(Lifting):
    """Lowers calls of srcdiff's own functions and of the derivatives that they give."""

    # --- what srcdiff's functions give

    def srcdiff_function(self, attribute: str, node: gast.Call, name: str | None) -> Operand:
        """A call of one of srcdiff's own functions."""
        if attribute in MODES:
            given = self._given(node, attribute, ("f", "wrt", "mode") if attribute == "jacobian" else ("f", "wrt"))
            request = self._request(attribute, given)
            if "f" not in given:
                return Static(Differentiated(None, request))
            return self.derivative_of(self.expression(given["f"]), request, given["f"], given.get("wrt", node))
        if attribute == "jvp":
            return self._jvp(node, name)
        if attribute == "vjp":
            return self._vjp(node, name)
        raise self.error(node, f"`{attribute}` of srcdiff is not supported inside a function", _OUTSIDE)

    def partial(self, node: gast.Call, name: str | None) -> Operand:
        """`partial(grad, wrt=1)`, which makes a decorator."""
        maker = self.expression(node.args[0]) if len(node.args) == 1 else None
        value = maker.value if isinstance(maker, Static) else None
        if not isinstance(value, External) or value.module.split(".")[0] != "srcdiff" or value.attribute not in MODES:
            return self.external(External("functools", "partial"), node, name)
        rest = gast.Call(func=node.func, args=[], keywords=node.keywords)
        return Static(Differentiated(None, self._request(value.attribute, self._given(rest, value.attribute, ()))))

    def _given(self, node: gast.Call, title: str, positional: Sequence[str]) -> dict[str, gast.AST]:
        """The arguments of a call of srcdiff's, by parameter."""
        given: dict[str, gast.AST] = {}
        for position, argument in enumerate(node.args):
            if isinstance(argument, gast.Starred):
                raise self.error(argument, f"`*` in a call of `{title}` is not supported", "write the arguments out")
            if position >= len(positional):
                raise self.error(argument, f"`{title}` takes {len(positional)} positional arguments at most")
            given[positional[position]] = argument
        allowed = {*positional, "f", "wrt", *(() if title in ("jvp", "vjp", "jacobian") else ("optimize",))}
        for keyword in node.keywords:
            if keyword.arg not in allowed:
                what = "`**`" if keyword.arg is None else f"`{keyword.arg}=`"
                raise self.error(
                    keyword.value, f"`{title}` with {what} is not supported inside a function", "leave it out"
                )
            if keyword.arg in given:
                raise self.error(keyword.value, f"`{title}` got `{keyword.arg}` twice")
            given[keyword.arg] = keyword.value
        return given

    def _request(self, title: str, given: dict[str, gast.AST]) -> Request:
        wrt, as_tuple = self._wrt(given["wrt"]) if "wrt" in given else ((0,), False)
        optimize = self._literal(given["optimize"], "optimize") if "optimize" in given else True
        sweeps = self._literal(given["mode"], "mode") if "mode" in given else "auto"
        if sweeps not in ("auto", "forward", "reverse"):
            raise self.error(given["mode"], f'mode is "forward", "reverse" or "auto", not {sweeps!r}')
        if wrt is None and title != "jvp":
            raise self.error(given["wrt"], "wrt cannot be None", _WRT)
        return Request(MODES.get(title, title), wrt, as_tuple, bool(optimize), str(sweeps))

    def _wrt(self, node: gast.AST) -> tuple[tuple[int | str, ...] | None, bool]:
        """What `wrt` says, and whether it is a tuple."""
        if isinstance(node, gast.Tuple | gast.List):
            items = [self._literal(item, "wrt") for item in node.elts]
        else:
            items = [self._literal(node, "wrt")]
            if items == [None]:
                return None, False
        found = tuple(item for item in items if isinstance(item, int | str) and not isinstance(item, bool))
        if not found or len(found) != len(items):
            raise self.error(node, f"wrt cannot be `{self.scope.module.segment(node)}`", _WRT)
        return found, isinstance(node, gast.Tuple | gast.List)

    def _literal(self, node: gast.AST, title: str) -> object:
        """A constant that says what is differentiated: it must be known before anything runs."""
        operand = self.expression(node)
        if isinstance(operand, Result):
            value = self.known.get(operand.value, operand.value)
            if isinstance(value, Constant):
                return value.value
        raise self.error(node, f"`{title}` must be a constant, for it decides which code is generated", "write it out")

    def derivative_of(self, operand: Operand, request: Request, place: gast.AST, wrt_place: gast.AST) -> Static:
        """`grad(operand)`, checked as far as it can be without arguments."""
        function = self.as_function(operand, place)
        if request.wrt is not None:
            self._positions(function, request.wrt, wrt_place)
        return Static(Differentiated(function, request))

    def as_function(self, operand: Operand, place: gast.AST) -> Static:
        """The function that is to be differentiated."""
        operand = self.solid(operand)
        if isinstance(operand, Static):
            operand = self.effective(operand, place)
            match operand.value:
                case FunctionSource() | Closure() | Differentiated(function=Static()):
                    return operand
                case Pullback() | StaticTuple():
                    message = f"{self.describe_static(operand)} cannot be differentiated"
                    raise self.error(place, message, "differentiate a function of yours that calls it")
                case External() as external:
                    message = f"`{external}` has no Python source to differentiate"
                    raise self.error(
                        place, message, f"call it in a function of yours: `lambda x: {external.attribute}(x)`"
                    )
        what = self.scope.module.segment(place)
        message = f"only functions can be differentiated, and `{what}` is none"
        raise self.error(place, message, "pass the function itself, without calling it")

    # --- decorated functions, and derivatives that names of a module are bound to

    def effective(self, operand: Static, node: gast.AST) -> Static:
        """What a call of a function runs: that of a decorated one is what its decorators made of it."""
        if not isinstance(operand.value, FunctionSource) or not operand.value.decorators:
            return operand
        source = operand.value
        found = Static(undecorated(source))
        for decorator in reversed(source.decorators):
            found = self._decorated_outside(source.module, decorator, found)
        return found

    def _decorated_outside(self, module: Module, decorator: gast.AST, function: Static) -> Static:
        found = self.in_module(module, decorator, lambda: self.decorate(decorator, function))
        assert isinstance(found, Static)
        return found

    def decorate(self, decorator: gast.AST, function: Static) -> Static:
        """What one decorator makes of a function."""
        maker = self.expression(decorator)
        value = maker.value if isinstance(maker, Static) else None
        match value:
            case External(module=module, attribute=attribute) if (
                module.split(".")[0] == "srcdiff" and attribute in MODES
            ):
                return self.derivative_of(function, Request(MODES[attribute]), decorator, decorator)
            case Differentiated(function=None, request=request):
                return self.derivative_of(function, request, decorator, decorator)
        title = self.describe_static(function).removeprefix("the function ")
        raise self.error(
            decorator, f"{title} is decorated, so its text is not what a call of it runs", "remove the decorator"
        )

    def bound_outside(self, resolution: Resolution, node: gast.AST) -> Static:
        """A derivative that a name of a module is bound to."""
        match resolution:
            case LiveDerivative(function=function, request=request):
                inner = self.bound_outside(function, node)
                mode = _FULL_NAMES.get(request.mode, request.mode)
                return Static(Differentiated(inner, replace(request, mode=mode)))
            case Deferred(node=written, module=module):
                if written in self.deferred:
                    raise self.error(node, "this derivative is defined by itself", "give each its own name")
                self.deferred.append(written)
                try:
                    found = self.in_module(module, written, lambda: self.expression(written))
                finally:
                    self.deferred.pop()
                if isinstance(found, Static):
                    return found
                raise self.error(
                    node, "this is a value, computed when its module is loaded", "compute it in a function"
                )
        return Static(resolution)

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
        given = self._given(node, "jvp", ("f", "primals", "tangents", "wrt"))
        for needed in ("f", "primals", "tangents"):
            if needed not in given:
                raise self.error(node, f"`jvp` needs the argument `{needed}`", _TUPLE)
        request = replace(self._request("jvp", {"wrt": gast.Constant(None, None), **given}), mode="forward")
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

    def _vjp(self, node: gast.Call, name: str | None) -> Operand:
        rest = gast.Call(func=node.func, args=node.args[:1], keywords=node.keywords)
        given = self._given(rest, "vjp", ("f",))
        if "f" not in given:
            raise self.error(node, "`vjp` needs the function to differentiate", "write `vjp(g, x)`")
        request = replace(self._request("vjp", given), mode="reverse")
        function = self.as_function(self.expression(given["f"]), given["f"])
        hints = self._hints(node)
        primals = gast.Call(func=node.func, args=node.args[1:], keywords=[])
        found = self._target(function, request, self.arguments(primals), node)
        if found is None:
            return self._nothing_known(request)
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
        for name in wanted:
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
            wanted.update(names[i] for i in self._positions(function, request.wrt, node))
        inner = function.value
        if isinstance(inner, Differentiated) and inner.function is not None:
            wanted |= self._wanted(inner.function, inner.request, operands, node)
        return wanted

    def _positions(self, function: Static, wrt: Sequence[int | str], node: gast.AST) -> tuple[int, ...]:
        """The positions that `wrt` means among the parameters of a function."""
        source, _ = self.root(function)
        names, title = source.parameters, source.name
        positions: list[int] = []
        for one in wrt:
            if isinstance(one, str) and one not in names:
                raise self.error(
                    node, f"`{title}` has no parameter `{one}`", f"its parameters are {', '.join(names) or 'none'}"
                )
            if isinstance(one, int) and not -len(names) <= one < len(names):
                count = f"{len(names)} parameter{'s' * (len(names) != 1)}"
                message = f"`{title}` has no parameter number {one}"
                raise self.error(node, message, f"it has {count}, counted from 0")
            position = names.index(one) if isinstance(one, str) else one % len(names)
            if position in positions:
                message = f"parameter `{names[position]}` of `{title}` is named twice in wrt"
                raise self.error(node, message, "name each parameter once")
            positions.append(position)
        return tuple(positions)

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
                raise self.error(node, message, f"give a {what} of the same structure and shape")
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
