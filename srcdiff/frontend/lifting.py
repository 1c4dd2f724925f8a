"""Functions as programs of their own: what a derivative is made from.

In: a function and the operands of a call of it. Out: a `Target`: a program whose main function is that function, and
the values to call it, or its derivative, with. A function of the module is a program as it is; one that is nested,
takes functions or writes into its parameters is written out for this call, and what it captures becomes further
parameters (lambda lifting, Johnsson 1985).

>>> from srcdiff.ir.text import to_text
>>> from srcdiff.frontend.lower import lower
>>> text = "from srcdiff import grad\\ndef f(x: float):\\n    return grad(lambda y: x * y)(1.0)\\n"
>>> made = []
>>> _ = lower(Module.from_text(text, "f.py"), "f", None, lambda program, request: made.append(program) or program)
>>> print(to_text(made[0]), end="")
function f_lambda(%y: float, %x: float):
    %t: float = multiply %x, %y
    return %t
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gast

from srcdiff.frontend.compilation import Compilation
from srcdiff.frontend.context import Scope
from srcdiff.frontend.customs import Customs
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import FunctionSource
from srcdiff.frontend.objects import Cell, Closure, Content, Differentiated, Operand, Result, Static
from srcdiff.ir.calls import positional
from srcdiff.ir.core import Block, Function, Parameter, Program, Value, free_values
from srcdiff.ir.substitution import substitute
from srcdiff.ir.types import Bottom, is_mutable


@dataclass(frozen=True)
class Target:
    """A program, and the arguments of its main function.

    `parameters` are those of the user's function, `names` those of them that are values, which come first among the
    parameters of the main function; captured values follow.
    """

    program: Program
    arguments: tuple[Value, ...]
    parameters: tuple[str, ...]
    names: tuple[str, ...]
    lifted: bool = False
    """It is a function that was written inside its caller."""


class Lifting(Customs):
    """Makes programs out of functions."""

    def __init__(self, compilation: Compilation) -> None:
        super().__init__(compilation)
        self.deferred: list[gast.AST] = []
        """Derivatives of modules that are being looked up."""

    def in_module(self, module: Module, node: gast.AST, make: Callable[[], Operand]) -> Operand:
        """Evaluate something that stands outside of all functions of a module."""
        outer = self.scope
        self.scope = Scope(-1, None, FunctionSource("<module>", node, module), frozenset(), outer.liveness)
        try:
            return self.inside(make)[0]
        finally:
            self.scope = outer

    def root(self, function: Static) -> tuple[FunctionSource, Closure | None]:
        """The user's function that a derivative is one of, and the closure that it is."""
        match function.value:
            case Differentiated(function=Static() as inner):
                return self.root(inner)
            case Closure(source=source) as closure:
                return source, closure
            case FunctionSource() as source:
                return source, None
        raise AssertionError(f"internal error: {function.value!r} is no function")

    def positional_count(self, function: Static) -> int:
        """How many arguments the function takes by position."""
        spec = self.root(function)[0].node.args
        return len(spec.posonlyargs) + len(spec.args)

    def as_program(self, function: Static, operands: dict[str, Operand], node: gast.AST) -> Target | None:
        """The function as a program; None as long as its types are not known."""
        source, closure = self.root(function)
        names = tuple(n for n, o in operands.items() if isinstance(o, Result))
        values = [self.current(operands[n], node) for n in names]
        types = self.parameter_types(source, values) if len(names) == len(operands) else ()
        if closure is None and len(types) == len(operands) and isinstance(source.node, gast.FunctionDef):
            summary = self.compilation.specialise(source, types)
            if summary.inline is None:
                program = self._complete(self.compilation.reachable(summary.name), source, node)
                if isinstance(summary.result, Bottom):
                    return None
                program = Program((*program.functions[:-1], positional(program.main)))
                return Target(program, tuple(values), tuple(operands), names)
        return self._lifted(source, closure, operands, names, node)

    def _lifted(
        self,
        source: FunctionSource,
        closure: Closure | None,
        operands: dict[str, Operand],
        names: tuple[str, ...],
        node: gast.AST,
    ) -> Target | None:
        """The function written out for these operands, with what it captures as further parameters."""
        parent = None if closure is None else self.scopes[closure.frame]
        before = self.state
        given = [self.current(operands[n], node) for n in names]
        annotations = {a.id: a.annotation for a in _arguments(source)}
        parameters = [Value(v.type, n, self.origin) for n, v in zip(names, given, strict=True)]
        cells: dict[str, Cell] = {}

        def make() -> Value:
            bound = dict(operands)
            for name, value in zip(names, parameters, strict=True):
                bound[name] = Result(value)
                if is_mutable(value.type):
                    # The callee gets objects of its own: what it writes into them, its caller does not see.
                    cells[name] = self.new_cell(Result(value), name)
                    bound[name] = Result(value, cells[name], self.memory_of(cells[name]))
            return self.current(self.inline(source, parent, bound, node), node)

        result, branch = self.inside(make)
        block = branch.builder.block(tuple(parameters), (result,))
        captured = free_values(block)
        self._check_writes(source, before.cells, branch.state.cells, node)
        written = [n for n, c in cells.items() if branch.state.cells[c].value is not parameters[names.index(n)]]
        self._check_shared(source, written, operands, captured, node)
        if any(isinstance(v.type, Bottom) for v in (*captured, result)):
            return None
        fresh = tuple(Value(v.type, v.name, v.origin) for v in captured)
        body = substitute(block, dict(zip(captured, fresh, strict=True)))
        body = Block((*parameters, *fresh), body.statements, body.results)
        title = source.name if source.name.isidentifier() else f"{self.scope.source.name}_lambda"
        returns = getattr(source.node, "returns", None)
        segment = source.module.segment
        function = Function(
            title if title.isidentifier() else "function",
            tuple(
                Parameter(v, None, False, None if annotations.get(n) is None else segment(annotations[n]))
                for n, v in zip((*names, *("" for _ in fresh)), body.parameters, strict=True)
            ),
            body,
            None,
            None if returns is None else segment(returns),
        )
        lifted = closure is not None or isinstance(source.node, gast.Lambda)
        program = self._complete(self.compilation.reachable_from(function), source, node)
        return Target(program, (*given, *captured), tuple(operands), names, lifted)

    def _complete(self, program: Program | None, source: FunctionSource, node: gast.AST) -> Program:
        """The program of a function; there is none while a function that it calls is being made."""
        if program is None:
            message = f"`{source.name}` calls the function that takes its derivative"
            raise self.error(node, message, "write the derivative of that order out, with a function for each")
        return program

    def _check_writes(
        self, source: FunctionSource, before: dict[Cell, Content], after: dict[Cell, Content], node: gast.AST
    ) -> None:
        """A function that is differentiated changes nothing around it."""
        for cell, content in before.items():
            if cell in after and after[cell].value is not content.value:
                message = (
                    f"`{source.name}` writes into `{cell.name}`, which is its caller's, and is differentiated here"
                )
                raise self.error(node, message, f"copy `{cell.name}` in `{source.name}`, and return what it computes")

    def _check_shared(
        self,
        source: FunctionSource,
        written: list[str],
        operands: dict[str, Operand],
        captured: tuple[Value, ...],
        node: gast.AST,
    ) -> None:
        """What a function writes into is no other name's object as well."""
        for name in written:
            own = self.memory(operands[name]).all
            others = [(n, self.memory(o)) for n, o in operands.items() if n != name and isinstance(o, Result)]
            others += [(c.name or "it", k.memory) for c, k in self.state.cells.items() if k.value in captured]
            for other, memory in others:
                if memory.meets(own):
                    message = f"`{source.name}` writes into `{name}`, which may share memory with `{other}`"
                    raise self.error(node, message, f"pass a copy as `{name}`")


def _arguments(source: FunctionSource) -> list[gast.AST]:
    spec = source.node.args
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
