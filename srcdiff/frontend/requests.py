"""What the user's text asks for: the arguments of `grad(g, wrt="x")`, decorators, and derivatives bound to names.

In: a call of one of srcdiff's functions, a decorated function, or a name of a module. Out: a compile-time function
`Differentiated`, with the `Request` that says which derivative it is; what asks for nothing sensible is refused.

>>> from srcdiff.frontend.lower import lower
>>> text = "from srcdiff import grad\\ng = lambda x, y: x * y\\ndef f(x):\\n    return grad(g, wrt='y')(x, x)\\n"
>>> asked = []
>>> _ = lower(Module.from_text(text, "f.py"), "f", None, lambda program, request: asked.append(request) or program)
>>> asked[0].mode, asked[0].wrt
('gradient', (1,))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import gast

from srcdiff.frontend.lifting import Lifting
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import (
    ClassSource,
    CustomFunction,
    Deferred,
    External,
    FunctionSource,
    LiveDerivative,
    Request,
    Resolution,
    undecorated,
)
from srcdiff.frontend.objects import Closure, Differentiated, Operand, Partial, Pullback, Result, Static, StaticTuple
from srcdiff.frontend.registrations import form_of, registered_too_deep
from srcdiff.frontend.wrt import GIVE, positions_in
from srcdiff.ir.core import Constant

MODES = {
    "grad": "gradient",
    "value_and_grad": "value_and_grad",
    "jacobian": "jacobian",
    "hessian": "hessian",
    "hvp": "hvp",
}
"""The functions that make a derivative of a function, and the mode of it."""

_CALLABLE = (FunctionSource, Closure, Differentiated, Partial, ClassSource)
_FULL_NAMES = {"grad": "gradient", "jvp": "forward", "vjp": "reverse"}


class Requests(Lifting):
    """Reads what derivative is meant."""

    def given_arguments(self, node: gast.Call, title: str, positional: Sequence[str]) -> dict[str, gast.AST]:
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

    def request_of(self, title: str, given: dict[str, gast.AST]) -> Request:
        """The derivative that these arguments ask for."""
        wrt, as_tuple = self.wrt_of(given["wrt"]) if "wrt" in given else ((0,), False)
        optimize = self.literal_of(given["optimize"], "optimize") if "optimize" in given else True
        sweeps = self.literal_of(given["mode"], "mode") if "mode" in given else "auto"
        if sweeps not in ("auto", "forward", "reverse"):
            raise self.error(given["mode"], f'mode is "forward", "reverse" or "auto", not {sweeps!r}')
        if wrt is None and title != "jvp":
            raise self.error(given["wrt"], "wrt cannot be None", GIVE)
        return Request(MODES.get(title, title), wrt, as_tuple, bool(optimize), str(sweeps))

    def wrt_of(self, node: gast.AST) -> tuple[tuple[int | str, ...] | None, bool]:
        """What `wrt` says, and whether it is a tuple."""
        if isinstance(node, gast.Tuple | gast.List):
            items = [self.literal_of(item, "wrt") for item in node.elts]
        else:
            items = [self.literal_of(node, "wrt")]
            if items == [None]:
                return None, False
            if isinstance(items[0], tuple):
                items = list(items[0])
        found = tuple(item for item in items if isinstance(item, int | str) and not isinstance(item, bool))
        if not found or len(found) != len(items):
            raise self.error(node, f"wrt cannot be `{self.scope.module.segment(node)}`", GIVE)
        return found, len(found) > 1 or isinstance(node, gast.Tuple | gast.List)

    def literal_of(self, node: gast.AST, title: str) -> object:
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
            self.positions_of(function, request.wrt, wrt_place)
        return Static(Differentiated(function, request))

    def as_function(self, operand: Operand, place: gast.AST) -> Static:
        """The function that is to be differentiated."""
        operand = self.solid(operand)
        if isinstance(operand, Static):
            operand = self.effective(operand)
            match operand.value:
                case FunctionSource() | Closure() | Differentiated(function=Static()):
                    spec = self.root(operand)[0].node.args
                    if spec.vararg is not None or spec.kwarg is not None:
                        message = f"{self.describe_static(operand)} takes any number of arguments"
                        raise self.error(place, message, "differentiate one that names its parameters: a lambda, say")
                    return operand
                case CustomFunction(source=FunctionSource() as source):
                    return Static(source)
                case CustomFunction(title=title):
                    message = f"`{title}` has no Python source, of which its parameters could be known"
                    remedy = f"call it in a function of yours: `lambda x: {self.scope.module.segment(place)}(x)`"
                    raise self.error(place, message, remedy)
                case Pullback() | StaticTuple():
                    message = f"{self.describe_static(operand)} cannot be differentiated"
                    raise self.error(place, message, "differentiate a function of yours that calls it")
                case External() as external:
                    message = f"`{external}` has no Python source to differentiate"
                    name = self.scope.module.segment(place)
                    raise self.error(place, message, f"call it in a function of yours: `lambda x: {name}(x)`")
        what = self.scope.module.segment(place)
        message = f"only functions can be differentiated, and `{what}` is none"
        raise self.error(place, message, "pass the function itself, without calling it")

    def positions_of(self, function: Static, wrt: Sequence[int | str], node: gast.AST) -> tuple[int, ...]:
        """The positions that `wrt` means among the parameters of a function."""
        source, _ = self.root(function)
        positions, problems = positions_in(source.name, source.parameters, wrt)
        for message, remedy in problems:
            raise self.error(node, message, remedy)
        return tuple(positions)

    def effective(self, operand: Static) -> Static:
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
        here = self.scope.module
        form = form_of(here, decorator.func if isinstance(decorator, gast.Call) else decorator)
        if form is not None:
            if isinstance(function.value, Closure):
                raise self.error(decorator, *registered_too_deep(form))
            if here.environment is not None:
                return function  # what is registered for the object is known from the object
            message = "a rule is registered here for a function that other decorators change"
            raise self.error(decorator, message, "let the rule be the first of the decorators")
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

    def partial(self, node: gast.Call, name: str | None) -> Operand:
        """`partial(grad, wrt=1)`, which makes a decorator."""
        maker = self.expression(node.args[0]) if node.args else None
        value = maker.value if isinstance(maker, Static) else None
        if isinstance(maker, Static) and isinstance(value, _CALLABLE):
            return self.bound_partially(maker, node)
        if not isinstance(value, External) or value.module.split(".")[0] != "srcdiff" or value.attribute not in MODES:
            raise self.error(node, "`functools.partial` is supported for functions of yours", "use a lambda")
        rest = gast.Call(func=node.func, args=[], keywords=node.keywords)
        given = self.given_arguments(rest, value.attribute, ())
        return Static(Differentiated(None, self.request_of(value.attribute, given)))

    def bound_partially(self, function: Static, node: gast.Call) -> Static:
        """`partial(f, n=3)`: the function with arguments that it keeps."""
        rest = gast.Call(func=node.func, args=node.args[1:], keywords=node.keywords)
        given = tuple((keyword, self.placed(operand, keyword)) for keyword, operand, _ in self.arguments(rest))
        return Static(Partial(function, given))

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
