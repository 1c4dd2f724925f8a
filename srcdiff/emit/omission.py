"""Whether an expression on the right of `=` may end its first line with an opening bracket of its own.

In: an expression. Out: whether `x = q * f(` is preferred to parentheses around the whole: only if it has one operator
of lowest precedence and begins or ends with a bracketed part (no subscript) that is not empty.

>>> [may_omit_parentheses(ast.parse(t, mode="eval").body) for t in ("q * f(a)", "q * r * f(a)", "f(a) * q", "q * r[a]")]
[True, False, False, False]
"""

from __future__ import annotations

import ast
from enum import IntEnum, auto

from srcdiff.emit.printer import Precedence, operands, precedence_of


class _Rank(IntEnum):
    NONE = auto()
    ATTRIBUTE = auto()
    POWER = auto()
    INVERSION = auto()
    TERM = auto()
    SUM = auto()
    SHIFT = auto()
    BIT_AND = auto()
    BIT_XOR = auto()
    BIT_OR = auto()
    COMPARE = auto()
    BOOLEAN = auto()
    CONDITIONAL = auto()


_RANKS = {
    Precedence.POWER: _Rank.POWER,
    Precedence.TERM: _Rank.TERM,
    Precedence.SUM: _Rank.SUM,
    Precedence.SHIFT: _Rank.SHIFT,
    Precedence.BIT_AND: _Rank.BIT_AND,
    Precedence.BIT_XOR: _Rank.BIT_XOR,
    Precedence.BIT_OR: _Rank.BIT_OR,
    Precedence.COMPARE: _Rank.COMPARE,
    Precedence.AND: _Rank.BOOLEAN,
    Precedence.OR: _Rank.BOOLEAN,
}


class _Visitor:
    """The operator that binds least and how often it occurs, the first and the last part."""

    def __init__(self) -> None:
        self.bracketed = False
        self.rank = _Rank.NONE
        self.times = 0
        self.first: tuple[ast.expr | None, bool] | None = None
        self.last: tuple[ast.expr | None, bool] = (None, False)

    def _operator(self, rank: _Rank, times: int) -> None:
        if rank > self.rank:
            self.rank, self.times = rank, times
        elif rank == self.rank:
            self.times += times

    def visit(self, node: ast.expr, least: Precedence) -> None:
        self.last = (node, False)
        if precedence_of(node) < least:
            self.last = (node, True)
            self.bracketed = True
            self._begin(node, True)
        else:
            self._inside(node)
            self._begin(node, False)

    def _begin(self, node: ast.expr | None, parenthesised: bool) -> None:
        if self.first is None:
            self.first = (node, parenthesised)

    def _inside(self, node: ast.expr) -> None:
        match node:
            case ast.List() | ast.Tuple() | ast.Dict() | ast.ListComp():
                self.bracketed = True
            case ast.BinOp() | ast.BoolOp() | ast.Compare():
                parts = operands(node)
                self._operator(_RANKS[precedence_of(node)], len(parts) - 1)
                for value, least in parts:
                    self.visit(value, least)
            case ast.IfExp():
                self._operator(_Rank.CONDITIONAL, 2)
                for value, least in operands(node):
                    self.visit(value, least)
            case ast.Call(func=value) | ast.Subscript(value=value):
                self.bracketed = True
                self.visit(value, Precedence.ATOM)
                self.last = (node, False)
            case ast.UnaryOp(op=op):
                if isinstance(op, ast.Invert):
                    self._operator(_Rank.INVERSION, 1)
                self._begin(None, False)
                self.visit(*operands(node)[0])
            case ast.Attribute(value=value):
                if _brackets(value, precedence_of(value) < Precedence.ATOM) is not None:
                    self._operator(_Rank.ATTRIBUTE, 1)
                self.visit(value, Precedence.ATOM)
                self.last = (node, False)
            case _:
                pass


def _brackets(node: ast.expr | None, parenthesised: bool) -> bool | None:
    """Whether the brackets of a part hold something; None if it has none."""
    if parenthesised:
        return True
    match node:
        case ast.Call(args=args, keywords=keywords):
            return bool(args or keywords)
        case ast.List(elts=elts) | ast.Tuple(elts=elts):
            return bool(elts)
        case ast.Dict(values=values):
            return bool(values)
        case ast.Subscript() | ast.ListComp():
            return True
        case _:
            return None


def may_omit_parentheses(node: ast.expr) -> bool:
    visitor = _Visitor()
    visitor._inside(node)
    if not visitor.bracketed or visitor.times > 1:
        return False
    ends = [visitor.last, visitor.first or (None, False)]
    return any(_brackets(part, p) and not (isinstance(part, ast.Subscript) and not p) for part, p in ends)
