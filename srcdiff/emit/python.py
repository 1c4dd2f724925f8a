"""A program as the text of a Python module.

In: an optimised `Program`, the user's `Imports`, a header. Out: the text, formatted and clean under ruff.

Per function: `Selection` turns IR into nodes, `name_variables` names what they assign, `Resolver` makes `ast`, the
printer text.

>>> from srcdiff.ir.core import Block, Function, Parameter, Value
>>> from srcdiff.ir.types import FLOAT
>>> x = Value(FLOAT, "x")
>>> print(emit(Program((Function("f", (Parameter(x),), Block((x,), (), (x,))),)), Imports()), end="")
def f(x):
    return x
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from srcdiff.emit.branches import joined
from srcdiff.emit.forms import Forms
from srcdiff.emit.layout import split
from srcdiff.emit.names import name_variables
from srcdiff.emit.order import ordered
from srcdiff.emit.outside import captured_names
from srcdiff.emit.printer import Comment, Docstring, to_text
from srcdiff.emit.prune import prune
from srcdiff.emit.resolve import Resolver, reverse
from srcdiff.emit.spelling import Spelling, names_in
from srcdiff.emit.statements import Selection
from srcdiff.emit.storage import functions_with_effects
from srcdiff.emit.titles import forward_title
from srcdiff.emit.tree import Node
from srcdiff.emit.unread import without_unread
from srcdiff.ir.core import Function, Global, Parameter, Program, Value, blocks_of, class_value, walk
from srcdiff.ir.imports import Imports
from srcdiff.ir.types import Unknown, records_in
from srcdiff.primitives.helpers import HELPERS
from srcdiff.primitives.record_helpers import WITH_RECORDS


def emit(program: Program, imports: Imports, header: str | None = None) -> str:
    """The module that defines the functions of `program`, in their order."""
    own = {f.name for f in program.functions}
    spelling = Spelling(imports, _hints(program), own, captured_names(program))
    impure = functions_with_effects(program)
    functions = [_function(f, spelling, impure) for f in program.functions]
    texts = WITH_RECORDS if _has_records(program) else HELPERS
    helpers = _helpers(functions, own, texts)
    trees = {name: ast.parse(texts[name]) for name in helpers}
    used: set[str] = set()
    for tree in trees.values():
        spelling.mention(tree)
        used |= names_in(tree)
    for function in functions:
        used |= names_in(function)
    parts = [texts[name].strip("\n") for name in helpers]
    parts += [to_text([function], split).strip("\n") for function in functions]
    lines = "\n".join(spelling.lines(used))
    spelling.refuse_clashes({f.name for f in program.functions})
    head = "\n\n".join(text for text in ((header or "").strip("\n"), lines) if text)
    return "\n\n\n".join([head, *parts] if head else parts) + "\n"


def _hints(program: Program) -> set[str]:
    """The names that the program's variables ask for."""
    found: set[str] = set()
    for function in program.functions:
        blocks = [function.body, *(b for s in walk(function.body) for b in blocks_of(s))]
        for block in blocks:
            found |= {v.name for v in block.parameters if v.name is not None}
            found |= {v.name for s in block.statements for v in s.results if v.name is not None}
    return found


def _has_records(program: Program) -> bool:
    """Whether a value of the program is or holds a record."""
    for function in program.functions:
        blocks = [function.body, *(b for s in walk(function.body) for b in blocks_of(s))]
        values = [v for b in blocks for v in (*b.parameters, *(v for s in b.statements for v in s.results))]
        if any(records_in(v.type) for v in values):
            return True
    return False


def _helpers(functions: Sequence[ast.FunctionDef], own: set[str], texts: Mapping[str, str]) -> list[str]:
    """The helper functions that are used, each before those that use it."""
    order: dict[str, None] = {}

    def need(names: set[str]) -> None:
        for name in sorted(names & texts.keys() - own - set(order)):
            for helper in ast.parse(texts[name]).body:
                need(_read(helper) - {name})
            order.setdefault(name)

    for function in functions:
        need(names_in(function))
    return list(order)


def _read(function: ast.AST) -> set[str]:
    """The names that the text of a helper reads and does not give a value itself."""
    own = {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
    own |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names_in(function) - own


def _function(function: Function, spelling: Spelling, impure: frozenset[str]) -> ast.FunctionDef:
    forms = Forms(spelling, any(isinstance(p.value.type, Unknown) for p in function.parameters))
    spelling.used = set()
    classes = _classes(function, spelling)
    arguments = _arguments(function.parameters, forms, classes)
    returns = None if function.returns is None else classes.visit(_annotation(function.returns, spelling))
    selection = Selection(ordered(function), forms, impure)
    parameters = tuple(p.value for p in function.parameters)
    nodes = prune(selection.nodes, parameters)
    names = name_variables(
        nodes, parameters, frozenset(spelling.used), selection.hints, selection.tapes.similar, selection.bound
    )
    written = [*arguments.args, *arguments.kwonlyargs]
    for argument, parameter in zip(written, _ordered(function.parameters), strict=True):
        argument.arg = names[parameter.value]
    resolver = Resolver(names, nodes)
    body: list[ast.stmt] = []
    if function.docstring is not None:
        body.append(Docstring(function.docstring))
    forward, backward = _sweeps(nodes)
    if forward and backward:
        body.append(Comment(forward_title(function)))
        body += resolver.statements(forward)
        body.append(Comment("reverse sweep"))
        body += resolver.statements(backward)
    else:
        body += resolver.statements(nodes)
    body = joined(without_unread(body, impure))
    if all(isinstance(s, Comment) for s in body):
        body.append(ast.Pass())
    return ast.FunctionDef(name=function.name, args=arguments, body=body, decorator_list=[], returns=returns, lineno=0)


def _sweeps(nodes: list[Node]) -> tuple[list[Node], list[Node]]:
    """The nodes of the forward and of the reverse sweep."""
    at = next((n for n, node in enumerate(nodes) if reverse(node)), len(nodes))
    return nodes[:at], nodes[at:]


def _ordered(parameters: Sequence[Parameter]) -> list[Parameter]:
    return [*(p for p in parameters if not p.keyword_only), *(p for p in parameters if p.keyword_only)]


def _arguments(parameters: Sequence[Parameter], forms: Forms, classes: _Classes) -> ast.arguments:
    def argument(p: Parameter) -> ast.arg:
        annotation = None if p.annotation is None else classes.visit(_annotation(p.annotation, forms.spelling))
        return ast.arg(arg=p.value.name or "x", annotation=annotation)

    def default(p: Parameter) -> ast.expr | None:
        return None if p.default is None else _default(p.default, forms)

    plain = [p for p in parameters if not p.keyword_only]
    named = [p for p in parameters if p.keyword_only]
    return ast.arguments(
        posonlyargs=[],
        args=[argument(p) for p in plain],
        vararg=None,
        kwonlyargs=[argument(p) for p in named],
        kw_defaults=[default(p) for p in named],
        kwarg=None,
        defaults=[d for p in plain if (d := default(p)) is not None],
    )


def _default(value: Value, forms: Forms) -> ast.expr:
    if isinstance(value, Global):
        return forms.global_(value).node
    return forms.constant(value).node  # type: ignore[arg-type]


class _Classes(ast.NodeTransformer):
    """Spells the classes of records that annotations name."""

    def __init__(self, spelled: Mapping[str, ast.expr]) -> None:
        self._spelled = spelled

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._spelled.get(node.id, node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return self._spelled.get(ast.unparse(node), node)


def _classes(function: Function, spelling: Spelling) -> _Classes:
    """The classes of the records that the function takes, by the names that its annotations have for them."""
    types = [p.value.type for p in function.parameters if p.annotation is not None]
    types += [v.type for v in function.body.results if function.returns is not None]
    made = {m for t in types for m in records_in(t)}
    return _Classes({m.name: spelling.value(class_value(m)) for m in sorted(made, key=str)})


def _annotation(text: str, spelling: Spelling) -> ast.expr:
    """An annotation written as text; what is no expression stays a string."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return ast.Constant(value=text)
    spelling.mention(node)
    return node
