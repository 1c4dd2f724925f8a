"""From a function's text to IR: the entry of the front end.

In: a `Module`, the name of one of its functions, and what is known of the types of its parameters. Out: a `Program`.

>>> from srcdiff.frontend.module import Module
>>> from srcdiff.ir.text import to_text
>>> program = lower(Module.from_text("def f(x: float):\\n    y = x * x\\n    return y\\n", "f.py"), "f")
>>> program.main.name, [s.result.name for s in program.main.body.statements]
('f', ['y'])
"""

from __future__ import annotations

from collections.abc import Mapping

import gast

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend.annotations import annotation_text, type_of
from srcdiff.frontend.classes import names_in, of_one
from srcdiff.frontend.compilation import Compilation, Differentiate, Shares, Summary
from srcdiff.frontend.comprehensions import Comprehensions
from srcdiff.frontend.context import GLOBAL_ROOT, Refused, Scope
from srcdiff.frontend.liveness import Liveness, local_names
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import FunctionSource, Unsupported
from srcdiff.frontend.objects import Cell, Content, Memory, Plain, Root, Static, whole
from srcdiff.frontend.subset import check, report_undefined
from srcdiff.ir.core import Constant, Function, Global, Origin, Parameter, Program, Value, constant
from srcdiff.ir.types import BOOL, STR, UNKNOWN, Type, is_mutable


def lower(
    module: Module,
    name: str,
    types: Mapping[str, Type] | None = None,
    differentiate: Differentiate | None = None,
) -> Program:
    """The program for one function of the module. `types` says what is known of parameters; annotations the rest.
    `differentiate` makes the derivatives that the text itself asks for.

    Everything outside the subset is reported at once, in one `TransformError`.
    """
    if name not in module.functions:
        meaning = module.resolve(name)
        if isinstance(meaning, Unsupported):
            raise TransformError([Diagnostic(meaning.message, meaning.remedy, module.filename)])
        known = ", ".join(module.functions) or "none"
        raise TransformError([Diagnostic(f"there is no function `{name}`", f"functions: {known}", module.filename)])
    source = module.functions[name]
    signature = tuple((types or {}).get(p, t) for p, t in zip(source.parameters, declared_types(source), strict=True))
    return _whole(Compilation(_lower, _whole, differentiate), source, signature)


def _whole(compilation: Compilation, source: FunctionSource, signature: tuple[Type, ...]) -> Program:
    """The program whose main function is `source`, for arguments of these types."""
    check(compilation, source, set())
    summary = compilation.main(source, signature)
    if compilation.reporter.diagnostics:
        for refused in dict.fromkeys([source, *(key[0] for key in compilation.functions if isinstance(key, tuple))]):
            report_undefined(compilation, refused)
    compilation.reporter.raise_if_any()
    main = compilation.functions[source, signature]
    assert summary.name == main.name
    used = compilation.reachable_from(main)
    assert used is not None, "internal error: a function is called that was not lowered"
    kept = set(used.functions)
    return Program((*(f for f in compilation.functions.values() if f is not main and f in kept), main))


def declared_types(source: FunctionSource) -> list[Type]:
    """The types that annotations promise; a default that is a string or a flag says what it is."""
    # The defaults of a live function are what its object has, whatever the text says.
    constants = {name: node.value for name, node in source.default_nodes.items() if isinstance(node, gast.Constant)}
    defaults = constants if source.defaults is None else source.defaults
    names = names_in(source.module.dotted)
    found: list[Type] = []
    for name, argument in source.slots:
        if argument is None:
            found.append(UNKNOWN)
            continue
        type = of_one(type_of(annotation_text(source.module, argument.annotation), names), name)
        default = defaults.get(name)
        if type == UNKNOWN and argument.annotation is None:
            type = BOOL if isinstance(default, bool) else STR if isinstance(default, str) else UNKNOWN
        found.append(type)
    return found


class Lowering(Comprehensions):
    """Lowers one function of the program."""

    def annotated_types(self, source: FunctionSource) -> list[Type]:
        return declared_types(source)

    def start(self, source: FunctionSource, types: tuple[Type, ...]) -> list[Value]:
        """Open the scope of the function and bind its parameters."""
        node = source.node
        body = node.body if isinstance(node, gast.FunctionDef) else []
        self.scope = Scope(0, None, source, local_names(node), Liveness(body, frozenset()))
        self.scopes[0] = self.scope
        self.builder.origin = Origin(node.lineno, node.col_offset, "", filename=source.module.filename)
        values: list[Value] = []
        for position, (name, type) in enumerate(zip(source.parameters, types, strict=True)):
            value = Value(type, name, self.origin)
            values.append(value)
            if is_mutable(type):
                cell = Cell(name, self.origin)
                own = Memory(frozenset({Root(("parameter", position))}))
                self.state.cells[cell] = Content(value, own)
                self.state.names[0, name] = cell
            else:
                self.state.names[0, name] = Plain(value)
        if source.fitted:
            bound = {p: self.binding_operand(self.state.names[0, p], node) for p in source.parameters}
            self.bind_starred(0, source, bound, node)
        return values

    def parameter(
        self, source: FunctionSource, value: Value, argument: gast.AST | None, default: gast.AST | None
    ) -> Parameter:
        if argument is None:
            return Parameter(value, None, value.name in source.keywords, None)
        keyword_only = any(a is argument for a in source.node.args.kwonlyargs)
        annotation = source.module.segment(argument.annotation) if argument.annotation is not None else None
        found: Value | None = None
        if default is not None:
            operand = self.default(source, argument.id, default, default)
            if isinstance(operand, Static):
                found = self.current(operand, default) if self.is_value(operand) else constant(None)
            else:
                found = operand.value
            assert isinstance(found, Constant | Global)
        return Parameter(value, found, keyword_only, annotation)


def _lower(
    compilation: Compilation, source: FunctionSource, types: tuple[Type, ...], name: str
) -> tuple[Function, Summary]:
    """Lower one function for one combination of argument types."""
    lowering = Lowering(compilation)
    values = lowering.start(source, types)
    cells = [lowering.state.names[0, p] for p in source.parameters]
    node = source.node
    parameters: list[Parameter] = []
    result: Value = constant(None)
    memory = Memory()
    inline: str | None = None
    try:
        for value, (parameter, argument) in zip(values, source.slots, strict=True):
            parameters.append(lowering.parameter(source, value, argument, source.default_nodes.get(parameter)))
        custom = source.module.custom(source)
        if custom is not None:
            operand = lowering.custom_itself(custom, values, node)
        elif isinstance(node, gast.FunctionDef):
            operand = lowering.function_body(source)
        else:
            operand = lowering.expression(node.body)
        if isinstance(operand, Static) and not lowering.is_value(operand):
            inline = "it returns a function"
            if compilation.is_main(source) and isinstance(node, gast.Lambda):
                raise lowering.no_result(operand, node.body)
        else:
            memory = lowering.memory(operand)
            result = lowering.current(operand, node)
    except Refused as refused:
        compilation.reporter.add(refused.diagnostic)
        parameters = [Parameter(v) for v in values]
    writes: list[int] = []
    for position, (value, cell) in enumerate(zip(values, cells, strict=True)):
        if isinstance(cell, Cell):
            content = lowering.state.cells[cell]
            if content.value is not value or content.stale is not None:
                writes.append(position)
                inline = inline or "it writes into its parameter"
    body = lowering.builder.block(values, (result,))
    docstring, returns, recompute = None, None, False
    if isinstance(node, gast.FunctionDef):
        docstring = gast.get_docstring(node)
        returns = source.module.segment(node.returns) if node.returns is not None else None
        directive = source.module.directives.get(node.lineno)
        recompute = directive is not None and directive.meaning == "recompute"
    function = Function(name, tuple(parameters), body, docstring, returns, recompute, tuple(writes))
    return function, Summary(name, result.type, _shares(memory, len(values)), inline)


def _shares(memory: Memory, count: int) -> Shares:
    """Which parameters the memory of a result belongs to."""

    def found(roots: frozenset[Root], *label: str) -> frozenset[int]:
        return frozenset(i for i in range(count) if Root((*label, "parameter", i)) in whole(roots))

    return Shares(
        found(memory.own),
        found(memory.own, "element"),
        found(memory.held) | found(memory.held, "element"),
        GLOBAL_ROOT in memory.own | memory.held,
    )
