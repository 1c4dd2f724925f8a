"""Directives: comments that say how the adjoint of a loop or a function is to be made.

In: the text of a module. Out: the directive on each line that has one. A directive stands at the end of the line that
it is about, the one with `for`, `while` or `def` (of a loop that takes several lines to begin, on any of these)::

    for i in range(n):  # srcdiff: checkpoint(5)
    while abs(x - y) > 1e-12:  # srcdiff: fixed_point
    while norm(r) > tol:  # srcdiff: fixed_point(tolerance=1e-10, iterations=500)
    def step(x, h):  # srcdiff: recompute

A comment leaves the program what it is to Python, and to a reader who does not know srcdiff.

>>> read("for i in range(9):  # srcdiff: checkpoint(3)\\n    pass\\n")
{1: Directive(line=1, column=20, text='srcdiff: checkpoint(3)', meaning=Checkpoint(snapshots=3), problem='')}
>>> read("x = 1  # srcdiff: checkpoint\\n")[1].problem
'`checkpoint` takes the number of snapshots: `checkpoint(5)`'
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from srcdiff.ir.markers import Checkpoint, FixedPoint

Meaning = Checkpoint | FixedPoint | Literal["recompute"]

KNOWN = "`checkpoint(5)`, `fixed_point` and `recompute`"

_COMMENT = re.compile(r"#\s*(srcdiff\s*:\s*(.*?))\s*$")


@dataclass(frozen=True)
class Directive:
    """One directive: where it is (line from 1, column from 0), its text, and what it means or what is wrong with it."""

    line: int
    column: int
    text: str
    meaning: Meaning | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        """The word of a directive that means something."""
        match self.meaning:
            case Checkpoint():
                return "checkpoint"
            case FixedPoint():
                return "fixed_point"
        return "recompute"


def read(text: str) -> dict[int, Directive]:
    """The directives of a text, by line."""
    if "srcdiff" not in text:
        return {}
    found: dict[int, Directive] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            match = _COMMENT.match(token.string) if token.type == tokenize.COMMENT else None
            if match is not None:
                line, column = token.start
                found[line] = _directive(line, column, match.group(1), match.group(2))
    except (tokenize.TokenError, SyntaxError):
        # The parser has said already what is wrong with the text; a notebook's cell may hold what tokenize refuses.
        return found
    return found


def about(directives: Mapping[int, Directive], lines: Sequence[str], loop: Any) -> Directive | None:
    """The directive of a loop (a node of the syntax tree), which stands at the end of one of its first lines."""
    for line in range(loop.lineno, max(loop.body[0].lineno, loop.lineno + 1)):
        found = directives.get(line)
        if found is not None and lines[line - 1][: found.column].strip():
            return found
    return None


def _directive(line: int, column: int, text: str, words: str) -> Directive:
    try:
        node = ast.parse(words, mode="eval").body
    except SyntaxError:
        node = None
    match node:
        case ast.Name(id=name):
            arguments: list[Any] | None = []
            keywords: dict[str, Any] = {}
        case ast.Call(func=ast.Name(id=name)):
            arguments, keywords = _arguments(node)
        case _:
            return Directive(line, column, text, None, f"`{words}` is no directive; there are {KNOWN}")
    if arguments is None:
        return Directive(line, column, text, None, f"`{name}` takes numbers that are written out")
    match name:
        case "checkpoint":
            meaning, problem = _checkpoint(arguments, keywords)
        case "fixed_point":
            meaning, problem = _fixed_point(arguments, keywords)
        case "recompute":
            meaning, problem = "recompute", "`recompute` takes no arguments" if arguments or keywords else ""
        case _:
            meaning, problem = None, f"`{name}` is no directive; there are {KNOWN}"
    return Directive(line, column, text, None if problem else meaning, problem)


def _arguments(node: ast.Call) -> tuple[list[Any] | None, dict[str, Any]]:
    try:
        return [ast.literal_eval(a) for a in node.args], {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
    except ValueError:
        return None, {}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _checkpoint(arguments: list[Any], keywords: dict[str, Any]) -> tuple[Meaning | None, str]:
    given = [*arguments, *keywords.values()]
    if len(given) != 1 or keywords.keys() - {"snapshots"}:
        return None, "`checkpoint` takes the number of snapshots: `checkpoint(5)`"
    if not _is_count(given[0]):
        return None, "the number of snapshots is an integer, 1 or more"
    return Checkpoint(given[0]), ""


def _fixed_point(arguments: list[Any], keywords: dict[str, Any]) -> tuple[Meaning | None, str]:
    tolerance, iterations = (
        keywords.get("tolerance", FixedPoint.tolerance),
        keywords.get("iterations", FixedPoint.iterations),
    )
    if arguments or keywords.keys() - {"tolerance", "iterations"}:
        return None, "`fixed_point` takes `tolerance` and `iterations`: `fixed_point(tolerance=1e-10, iterations=500)`"
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 < tolerance < 1:
        return None, "the tolerance of `fixed_point` is a number between 0 and 1"
    if not _is_count(iterations):
        return None, "the iterations of `fixed_point` are an integer, 1 or more"
    return FixedPoint(float(tolerance), iterations), ""
