"""What a module's text registers: decorators of `srcdiff.rule`, and calls of them at the top level of the module.

In: the modules that were read together, and a function that one of them names. Out: the `CustomFunction` that it is, if
a rule or a marker is registered for it. The text is read as Python runs it: from top to bottom, what comes later beside
or in place of what came before.

>>> from srcdiff.frontend.module import Module
>>> text = "import lib\\nfrom srcdiff import rule\\nrule.elementwise(lib.erfcx, lambda y, x: 2.0 * x * y)\\n"
>>> module = Module.from_text(text, "model.py")
>>> found = registered_in_text([module], External("lib", "erfcx"))
>>> found.title, len(found.partials), registered_in_text([module], External("lib", "wofz"))
('lib.erfcx', 1, None)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import gast

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend.names import CustomFunction, External, FunctionSource, GlobalValue, Rule, RuleSource
from srcdiff.ir.types import OBJECT
from srcdiff.primitives.rule import derivative_operands, elementwise_operands
from srcdiff.primitives.table import lookup

if TYPE_CHECKING:
    from srcdiff.frontend.module import Module

FORMS = frozenset(("elementwise", "jvp", "vjp", "non_differentiable", "opaque"))
Target = FunctionSource | External


@dataclass
class _Known:
    """What was read of one function so far: the rules as places of the text, each in its module."""

    rules: dict[str, tuple[Module, Sequence[gast.AST]]] = field(default_factory=dict)
    zero: bool = False
    opaque: bool = False


def registered_in_text(family: Sequence[Module], target: Target) -> CustomFunction | None:
    """The function as one that is called as it is, if one of the modules registers something for it."""
    found: _Known | None = None
    for module in family:
        for known, form, arguments, place in module.registrations:
            if _full_name(known) == _full_name(target):
                found = found or _Known()
                _Reader(module, place).note(found, target, form, arguments)
    if found is None:
        return None
    title, home, source = _identity(target)

    short = title.rpartition(".")[2]

    def rules(form: str, title: str) -> list[Rule | None]:
        module, nodes = found.rules.get(form, (None, ()))
        return [] if module is None else [_rule(module, node, title) for node in nodes]

    partials = tuple(rules("elementwise", f"{short}_partial")) or None
    (jvp,), (vjp,) = rules("jvp", f"{short}_tangent") or [None], rules("vjp", f"{short}_adjoint") or [None]
    return CustomFunction(title, home, source, partials, jvp, vjp, found.zero, found.opaque)


def _full_name(target: Target) -> object:
    """`scipy.ndimage` and `zoom`, or `scipy` and `ndimage.zoom`: they are the same function."""
    return str(target) if isinstance(target, External) else target


def form_of(module: Module, node: gast.AST) -> str | None:
    """The form of `srcdiff.rule` that a name of the text stands for."""
    found = module.named(node)
    if not isinstance(found, External) or found.attribute not in FORMS:
        return None
    ours = found.module == "srcdiff.rule" or (found.module == "srcdiff" and found.attribute == "opaque")
    return found.attribute if ours else None


def registered_too_deep(form: str) -> tuple[str, str]:
    """Message and remedy for what is registered by a function that is differentiated."""
    message = f"`{form}` registers a function, and here it does so each time that the function around it runs"
    return message, "register it at the top level of the module"


Registered = tuple[Target, str, Sequence[gast.AST], gast.AST]
"""The function, the form, the rest of the arguments, and where it is written."""


def registrations(module: Module) -> list[Registered]:
    """Everything that the text of a module registers, in order."""
    found: list[Registered] = []
    for statement in module.top_level:
        match statement:
            case gast.FunctionDef(name=name):
                found.extend(_decorated(module, name, statement))
            case gast.Expr(value=gast.Call(func=gast.Call(func=made) as maker, args=[function])):
                # `rule.vjp(f_vjp)(f)`: the decorator, called.
                form = form_of(module, made)
                if form is not None:
                    found.append((_target(module, function, maker), form, maker.args, maker))
            case gast.Expr(value=gast.Call(func=function) as call):
                form = form_of(module, function)
                if form is not None:
                    found.append(_called(module, form, call))
    return found


def set_apart(module: Module) -> dict[str, str]:
    """The functions of a module that are there for others, and not to be differentiated: name, and why."""
    found: dict[str, str] = {}
    for target, form, arguments, _ in module.registrations:
        title = _identity(target)[0]
        if form == "opaque" and isinstance(target, FunctionSource):
            found[title] = f"`{title}` is opaque"
        found.update((a.id, f"`{a.id}` is a rule of `{title}`") for a in arguments if isinstance(a, gast.Name))
    return found


def _decorated(module: Module, name: str, node: gast.FunctionDef) -> Iterator[Registered]:
    """What the decorators register that no other decorator stands in front of, in the order in which they run."""
    source = module.functions.get(name)
    if source is None or source.node is not node:
        return
    own: list[Registered] = []
    for decorator in node.decorator_list:
        called = isinstance(decorator, gast.Call)
        form = form_of(module, decorator.func if called else decorator)
        if form is None:
            break
        own.append((source, form, decorator.args if called else (), decorator))
    yield from reversed(own)


def _called(module: Module, form: str, call: gast.Call) -> Registered:
    """`rule.vjp(f, f_vjp)`: the function stands in front."""
    if not call.args:
        raise _error(module, call, f"`{form}` registers nothing here", "give it the function and its rule")
    return _target(module, call.args[0], call), form, call.args[1:], call


def _target(module: Module, node: gast.AST, call: gast.AST) -> Target:
    found = module.named(node)
    if found is None:
        message = f"`{module.segment(node)}` is no function that is known from the text"
        raise _error(module, call, message, "import it by name, or register the rule where the function is defined")
    if isinstance(found, External) and lookup(found.module, found.attribute) is not None:
        raise _error(module, call, f"`{found}` has a rule in srcdiff, which cannot be replaced", "remove this")
    return found


@dataclass(frozen=True)
class _Reader:
    """Reads one registration, with the checks that `srcdiff.rule` makes when the module runs."""

    module: Module
    place: gast.AST

    def note(self, known: _Known, target: Target, form: str, arguments: Sequence[gast.AST]) -> None:
        title = _identity(target)[0]
        match form:
            case "opaque" | "non_differentiable":
                if isinstance(self.place, gast.Call) and self.place.args[-1:] != ([] if arguments else self.place.args):
                    raise self.error(f"`{form}` takes the function alone", "leave the rest out")
                known.zero = known.zero or form == "non_differentiable"
                known.opaque = known.opaque or form == "opaque"
                if known.zero:
                    known.rules.clear()
            case "elementwise":
                self.check(title, target, len(arguments), "the partial derivatives are")
                counts = [_count(self.module, a) for a in arguments]
                if self.checked(elementwise_operands, counts)[1]:
                    raise self.error("there is a partial derivative too many, or too few", "give one for each operand")
                known.rules = {"elementwise": (self.module, arguments)}
                known.zero = False
            case _:
                if len(arguments) != 1:
                    raise self.error(f"`{form}` takes one function, the {form.upper()} of `{title}`", "give it that")
                count = _count(self.module, arguments[0])
                name = self.module.segment(arguments[0])
                if count is not None:
                    operands = self.checked(derivative_operands, form, count, name)
                    self.check(title, target, operands, f"its {form.upper()} `{name}` is")
                known.rules.pop("elementwise", None)
                known.rules[form] = (self.module, arguments)
                known.zero = False
        if known.opaque and known.rules:
            message = f"`{title}` is opaque: a function with a derivative rule only computes its result"
            raise self.error(message, "remove `opaque`, or the rule")

    def check(self, title: str, target: Target, operands: int, what: str) -> None:
        """The function can be called with so many arguments."""
        if not isinstance(target, FunctionSource) or target.node.args.vararg is not None:
            return
        spec = target.node.args
        positional = len(spec.posonlyargs) + len(spec.args)
        required = positional - len(spec.defaults)
        if not required <= operands <= positional:
            raise self.error(f"`{title}` takes {required} arguments, and {what} for {operands}", "give one for each")
        needed = [a.id for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is None]
        if needed:
            message = f"`{title}` has a parameter by keyword only, which a rule cannot take: `{needed[0]}`"
            raise self.error(message, "let them be passed by position")

    def checked(self, check: Any, *arguments: Any) -> Any:
        try:
            return check(*arguments)
        except ValueError as error:
            raise self.error(str(error), "correct the rule") from None

    def error(self, message: str, remedy: str) -> TransformError:
        return _error(self.module, self.place, message, remedy)


def _error(module: Module, node: gast.AST, message: str, remedy: str) -> TransformError:
    text = module.lines[node.lineno - 1]
    place = (module.filename, node.lineno, node.col_offset + 1, (node.end_col_offset or 0) + 1, text)
    return TransformError([Diagnostic(message, remedy, *place)])


def _identity(target: Target) -> tuple[str, GlobalValue, FunctionSource | None]:
    """What a function is called, where it lives, and its text."""
    if isinstance(target, External):
        return str(target), GlobalValue(target.module, target.attribute, OBJECT), None
    return target.name, GlobalValue(target.module.name, target.name, OBJECT), target


def _count(module: Module, node: gast.AST) -> int | None:
    """How many parameters a rule has, as far as the text says it."""
    found = node if isinstance(node, gast.Lambda) else getattr(module.named(node), "node", None)
    return None if found is None else len(found.args.posonlyargs) + len(found.args.args)


def _rule(module: Module, node: gast.AST, title: str) -> Rule | None:
    if isinstance(node, gast.Constant) and node.value is None:
        return None
    return lambda: _rule_source(module, node, title)


def _rule_source(module: Module, node: gast.AST, title: str) -> RuleSource:
    """What a rule is made from; `title` is what a lambda is called."""
    if isinstance(node, gast.Lambda):
        return FunctionSource(title, node, module)
    found = module.named(node)
    if found is None:
        raise _error(
            module, node, f"`{module.segment(node)}` is no function", "give a function, by its name or as a lambda"
        )
    custom = module.custom(found)
    if custom is not None:
        return custom
    if isinstance(found, External):
        title, home, source = _identity(found)
        return CustomFunction(title, home, source)
    return replace(found, bare=True) if found.decorators else found
