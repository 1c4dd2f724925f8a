"""Effects: `assert` and `raise`, which change no value.

In: the statement. Out: an Effect of the IR. Where something is raised, what follows is dead.
"""

from __future__ import annotations

import gast

from srcdiff.frontend.iteration import Iteration
from srcdiff.frontend.names import External, Unsupported
from srcdiff.frontend.objects import Static
from srcdiff.ir.core import Value


class Effects(Iteration):
    """Lowers effects; they are emitted by the class built on it."""

    def effect_assert(self, test: gast.AST, message: gast.AST | None) -> None:
        value = self.value(test)
        operands = [value]
        if message is not None:
            operands.append(self.value(message))
        self.emit_effect("assert", operands)

    def effect_raise(self, node: gast.Raise) -> None:
        if node.exc is None or node.cause is not None:
            raise self.error(
                node, "this form of `raise` is not supported", "raise one exception: `raise ValueError(...)`"
            )
        call = node.exc
        target = call.func if isinstance(call, gast.Call) else call
        operands = [self.value(a) for a in call.args] if isinstance(call, gast.Call) else []
        keywords = (
            tuple((k.arg or "", self.value(k.value)) for k in call.keywords) if isinstance(call, gast.Call) else ()
        )
        self.emit_effect("raise", operands, self.exception(target), keywords)
        self.state.dead = True

    def raise_error(self, exception: str, operands: list[Value]) -> None:
        """Raise one of Python's exceptions."""
        self.emit_effect("raise", operands, Static(External("builtins", exception)))
        self.state.dead = True

    def exception(self, target: gast.AST) -> Static:
        if isinstance(target, gast.Name):
            module = self.scope.module
            if module.resolve(target.id) is not None and isinstance(module.resolve(target.id), Unsupported):
                return Static(External(module.name, target.id))
        operand = self.expression(target)
        if isinstance(operand, Static):
            return operand
        raise self.error(target, "only exception classes can be raised", "raise ValueError(...)")

    def emit_effect(
        self,
        kind: str,
        operands: list[Value],
        exception: Static | None = None,
        keywords: tuple[tuple[str, Value], ...] = (),
    ) -> None:
        raise AssertionError("internal error: effects are emitted by the class built on this one")
