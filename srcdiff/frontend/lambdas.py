"""Which of several lambdas on one line is meant, where Python records no columns (before 3.11).

In: the lambdas of a line, and the code that a function runs. Out: those whose text compiles to this code; where two
have the same text it makes no difference which one is read.

>>> runs("lambda y, a: a / y", (lambda y, a: a / y).__code__), runs("lambda y, a: y / a", (lambda y, a: a / y).__code__)
(True, False)
"""

from __future__ import annotations

from types import CodeType

import gast


def told_apart(found: list[gast.AST], code: CodeType, text: str) -> list[gast.AST]:
    """Of several lambdas on one line, where Python records no columns, those whose text is what the function runs."""
    lines = text.splitlines()
    texts: dict[str, gast.AST] = {}
    for node in found:
        whole = [line.encode() for line in lines[node.lineno - 1 : node.end_lineno]]
        whole[-1] = whole[-1][: node.end_col_offset]
        whole[0] = whole[0][node.col_offset :]
        texts.setdefault("\n".join(part.decode() for part in whole), node)
    matching = [node for own, node in texts.items() if runs(own, code)]
    return matching or found


def runs(text: str, code: CodeType) -> bool:
    """Whether the text of a lambda without variables of a function around it compiles to the code."""
    made = next(
        c for c in compile(f"({text})", "<lambda>", "eval", dont_inherit=True).co_consts if isinstance(c, CodeType)
    )
    same = (made.co_code, made.co_names, made.co_varnames) == (code.co_code, code.co_names, code.co_varnames)
    return same and [repr(c) for c in made.co_consts] == [repr(c) for c in code.co_consts]
