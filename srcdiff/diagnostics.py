"""Diagnostics: what is wrong in a user's program, where, why, and what to write instead.

In: places in the user's text and messages. Out: `TransformError`, a `SyntaxError` that holds every `Diagnostic`, so
that plain Python draws the caret of the first and `str()` shows them all.

>>> d = Diagnostic("`try` is not supported", "remove the try statement", "f.py", 2, 5, 8, "    try:")
>>> print(d)
f.py:2:5: error: `try` is not supported
        try:
        ^^^
    help: remove the try statement
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnostic:
    """One thing that cannot be transformed. `line` and the columns count from 1; `end_column` is exclusive.

    `message` says what and why, `remedy` what to write instead; `text` is the user's source line.
    """

    message: str
    remedy: str = ""
    filename: str = "<unknown>"
    line: int = 0
    column: int = 1
    end_column: int = 0
    text: str = ""

    def __str__(self) -> str:
        place = f"{self.filename}:{self.line}:{self.column}: " if self.line else f"{self.filename}: "
        lines = [f"{place}error: {self.message}"]
        if self.text.strip():
            shown = self.text.rstrip("\n").expandtabs(1)
            width = max(1, min(self.end_column, len(shown) + 1) - self.column)
            lines.append("    " + shown)
            lines.append("    " + " " * (self.column - 1) + "^" * width)
        if self.remedy:
            lines.append(f"    help: {self.remedy}")
        return "\n".join(lines)


class TransformError(SyntaxError):
    """The program is outside the subset. `diagnostics` lists every place found, in the order of the text.

    >>> error = TransformError([Diagnostic("no rule for `scipy.special.zeta`", filename="f.py", line=3, column=1)])
    >>> error.lineno, error.filename, len(error.diagnostics)
    (3, 'f.py', 1)
    """

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: Sequence[Diagnostic] | str) -> None:
        if isinstance(diagnostics, str):
            diagnostics = [Diagnostic(diagnostics)]
        self.diagnostics = tuple(diagnostics)
        first = self.diagnostics[0]
        message = first.message + (f" ({first.remedy})" if first.remedy else "")
        if len(self.diagnostics) > 1:
            message += f" [and {len(self.diagnostics) - 1} more]"
        if first.line:
            end = max(first.end_column, first.column)
            place = (first.filename, first.line, first.column, first.text, first.line, end)
            super().__init__(message, place)
        else:
            super().__init__(message)
            self.filename = first.filename

    def __reduce__(self) -> tuple[type[TransformError], tuple[tuple[Diagnostic, ...]]]:
        return (TransformError, (self.diagnostics,))

    def __str__(self) -> str:
        return "\n".join(str(d) for d in self.diagnostics)


class Reporter:
    """Collects diagnostics, one for each place (the first), and raises them together.

    >>> reporter = Reporter()
    >>> for d in (Diagnostic("a", line=2), Diagnostic("b", line=1), Diagnostic("a", line=2)):
    ...     reporter.add(d)
    >>> [d.message for d in reporter.diagnostics]
    ['b', 'a']
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int], Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        key = (diagnostic.filename, diagnostic.line, diagnostic.column)
        self._found.setdefault(key, diagnostic)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        files = list(dict.fromkeys(d.filename for d in self._found.values()))
        return tuple(sorted(self._found.values(), key=lambda d: (files.index(d.filename), d.line, d.column)))

    def raise_if_any(self) -> None:
        if self._found:
            raise TransformError(self.diagnostics)
