"""Branches that do the same are one branch.

In: the statements of a function. Out: the same with `if a: X elif b: X` as `if a or b: X`.

>>> tree = ast.parse("if a:\\n    y = 1\\nelif b:\\n    y = 1\\nelse:\\n    y = 2")
>>> print(ast.unparse(joined(tree.body)[0]))
if a or b:
    y = 1
else:
    y = 2
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from srcdiff.emit.printer import Comment


def joined(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    return [_statement(s) for s in statements]


def _statement(statement: ast.stmt) -> ast.stmt:
    match statement:
        case ast.If(test=test, body=body, orelse=orelse):
            body, orelse = joined(body), joined(orelse)
            match orelse:
                case [ast.If(test=other, body=again, orelse=rest)] if _same(body, again):
                    either = [*_alternatives(test), *_alternatives(other)]
                    return ast.If(test=ast.BoolOp(op=ast.Or(), values=either), body=body, orelse=rest)
            return ast.If(test=test, body=body, orelse=orelse)
        case ast.For() | ast.While():
            statement.body = joined(statement.body)
    return statement


def _alternatives(test: ast.expr) -> list[ast.expr]:
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else [test]


def _same(a: Sequence[ast.stmt], b: Sequence[ast.stmt]) -> bool:
    if len(a) != len(b):
        return False
    return all(ast.dump(p) == ast.dump(q) and _comments(p) == _comments(q) for p, q in zip(a, b, strict=True))


def _comments(statement: ast.stmt) -> list[str]:
    return [node.text for node in ast.walk(statement) if isinstance(node, Comment)]
