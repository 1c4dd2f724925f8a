"""From text to a syntax tree, and the statements in it that a module runs.

In: a text and the name of its file. Out: its tree; what Python rejects is a TransformError at its place.

>>> parse("x = 1", "f.py").body[0].targets[0].id
'x'
>>> [(type(s).__name__, certain) for s, certain in top_level(parse("if n:\\n    import m", "f.py").body)]
[('If', True), ('Import', False)]
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import gast

from srcdiff.diagnostics import Diagnostic, TransformError


def parse(text: str, filename: str) -> gast.Module:
    """The syntax tree of a text; what Python rejects is a TransformError at its place."""
    # The compiler rejects more than the parser: `break` outside a loop, a parameter named twice.
    return _read_by(lambda: compile(text, filename, "exec", dont_inherit=True), text, filename)


def parse_running(text: str, filename: str) -> gast.Module:
    """The syntax tree of a text that Python runs already, perhaps under the wider rules of a notebook."""
    return _read_by(lambda: None, text, filename)


def _read_by(check: Callable[[], object], text: str, filename: str) -> gast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            tree = gast.parse(text, filename)
            check()
    except SyntaxError as error:
        place = Diagnostic(
            f"invalid syntax: {error.msg}",
            "",
            filename,
            error.lineno or 0,
            error.offset or 1,
            error.end_offset or 0,
            (error.text or "").rstrip("\n"),
        )
        raise TransformError([place]) from error
    except ValueError as error:
        raise TransformError([Diagnostic(f"cannot parse: {error}", filename=filename)]) from error
    assert isinstance(tree, gast.Module)
    return tree


def top_level(body: list[gast.AST], certain: bool = True) -> Iterator[tuple[gast.AST, bool]]:
    """The statements that a module runs, and whether it always does: not those in its `if`, `try` and loops."""
    for statement in body:
        yield statement, certain
        match statement:
            case (
                gast.If(body=inner, orelse=orelse)
                | gast.For(body=inner, orelse=orelse)
                | gast.While(body=inner, orelse=orelse)
            ):
                yield from top_level([*inner, *orelse], False)
            case gast.Try(body=inner, handlers=handlers, orelse=orelse, finalbody=final):
                yield from top_level([*inner, *(s for h in handlers for s in h.body), *orelse, *final], False)
            case gast.With(body=inner):
                yield from top_level(inner, certain)
