"""What the marker of a loop looks like in print: a comment at the end of the line (or lines) that the loop begins with.

>>> loop = directed(ast.parse("while x > y: pass").body[0], "fixed_point")
>>> directive_of(loop)
'  # srcdiff: fixed_point'
"""

from __future__ import annotations

import ast


def directed(loop: ast.stmt, directive: str) -> ast.stmt:
    """The loop with the words of a directive (none if they are empty)."""
    loop.directive = directive  # type: ignore[attr-defined]
    return loop


def directive_of(loop: ast.stmt) -> str:
    """The comment that a loop got."""
    words = getattr(loop, "directive", "")
    return f"  # srcdiff: {words}" if words else ""
