"""Layout documents: text with places where a line may be broken, and the printer that decides.

In: a document. Out: text within a width. The model is the formatter's: a group is printed flat if it fits up to the
next possible break, else every break of its own becomes a line. Two things go beyond the usual: what depends on whether
another, named group is broken, and `Hanging`, a bracketed part that may expand without breaking the group around it
(so that `x = q * f(` can end a line).

>>> doc = Group([Text("f("), Indent([Line(""), Text("aaaa,"), Line(" "), Text("bbbb")]), Line(""), Text(")")])
>>> print(render([doc], 80))
f(aaaa, bbbb)
>>> print(render([doc], 8))
f(
    aaaa,
    bbbb
)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

_ids = count(1)


def fresh_id() -> int:
    """A name for a group, unique in the process (documents never show it)."""
    return next(_ids)


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Line:
    """A possible line break; `flat` is what stands there otherwise. With `group`, it is one only if that breaks too."""

    flat: str
    group: int | None = None


@dataclass(frozen=True)
class Indent:
    """Indented lines; with `group`, only if that group breaks."""

    parts: Sequence[Doc]
    group: int | None = None


@dataclass(frozen=True)
class Group:
    """Flat, or every own break a line. With `condition`, it is a group only if that group breaks."""

    parts: Sequence[Doc]
    id: int | None = None
    condition: int | None = None


@dataclass(frozen=True)
class IfBroken:
    """Text printed only where the innermost group is broken."""

    text: str


@dataclass(frozen=True)
class Hanging:
    """A part that is measured expanded while the group `within` is tried flat."""

    part: Doc
    within: int


Doc = Text | Line | Indent | Group | IfBroken | Hanging


@dataclass(frozen=True)
class _Frame:
    doc: Doc
    indent: int
    broken: bool
    every: bool = False
    """While measuring: all lines count, not only the first."""


class _Printer:
    def __init__(self, width: int) -> None:
        self._width = width
        self._modes: dict[int, bool] = {}
        self._out: list[str] = []
        self._column = 0
        self._measured = False
        """Whether the enclosing group is known to fit, so that what is inside needs no measuring."""

    def print(self, parts: Sequence[Doc], indent: int) -> str:
        self._column = indent
        stack: list[_Frame] = []
        self._push(stack, parts, indent, True)
        while stack:
            frame = stack.pop()
            match frame.doc:
                case Text(text):
                    self._write(text)
                case IfBroken(text):
                    if frame.broken:
                        self._write(text)
                case Line(flat, group):
                    if frame.broken and (group is None or self._modes[group]):
                        self._out.append("\n" + " " * frame.indent)
                        self._column = frame.indent
                        self._measured = False
                    else:
                        self._write(flat)
                case Indent(parts, group):
                    deeper = frame.indent + 4 if group is None or self._modes[group] else frame.indent
                    self._push(stack, parts, deeper, frame.broken)
                case Hanging(part, within):
                    if not self._modes[within]:
                        self._measured = False
                    stack.append(_Frame(part, frame.indent, frame.broken))
                case Group(parts, name, condition):
                    if condition is not None and not self._modes[condition]:
                        self._push(stack, parts, frame.indent, frame.broken)
                        continue
                    broken = False
                    if frame.broken or not self._measured:
                        if name is not None:
                            self._modes[name] = False
                        inner = [_Frame(p, frame.indent, False) for p in reversed(parts)]
                        broken = not self._fits(inner, stack)
                        self._measured = not broken
                    if name is not None:
                        self._modes[name] = broken
                    self._push(stack, parts, frame.indent, broken)
        return "".join(self._out)

    def _write(self, text: str) -> None:
        self._out.append(text)
        self._column += len(text)

    @staticmethod
    def _push(stack: list[_Frame], parts: Sequence[Doc], indent: int, broken: bool, every: bool = False) -> None:
        stack.extend(_Frame(p, indent, broken, every) for p in reversed(parts))

    def _fits(self, stack: list[_Frame], rest: list[_Frame]) -> bool:
        """Whether what is on the stack, and then the rest up to its first line break, fits."""
        column, beyond = self._column, len(rest)
        while True:
            if not stack:
                if not beyond:
                    return True
                beyond -= 1
                stack.append(rest[beyond])
            frame = stack.pop()
            text = ""
            match frame.doc:
                case Text(text):
                    pass
                case IfBroken(extra):
                    text = extra if frame.broken else ""
                case Line(flat, group):
                    if frame.broken and (group is None or self._modes[group]):
                        if not frame.every:
                            return True
                        column = frame.indent
                    else:
                        text = flat
                case Indent(parts, group):
                    deeper = frame.indent + 4 if group is None or self._modes[group] else frame.indent
                    self._push(stack, parts, deeper, frame.broken, frame.every)
                case Hanging(part, within):
                    expands = not self._modes[within]
                    stack.append(_Frame(part, frame.indent, expands or frame.broken, expands or frame.every))
                case Group(parts, name, _):
                    if name is not None and name not in self._modes:
                        self._modes[name] = frame.broken
                    self._push(stack, parts, frame.indent, frame.broken, frame.every)
            column += len(text)
            if column > self._width:
                return False


def render(parts: Sequence[Doc], width: int, indent: int = 0) -> str:
    """The documents one after the other, outside of any group, as text; further lines start at `indent`."""
    return _Printer(width).print(parts, indent)
