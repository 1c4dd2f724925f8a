"""Loop-invariant work of the derivative is moved before the loop.

In: a program. Out: the program in which operations on arrays that a loop's body repeats with the same operands stand
before the loop. Only what surely cannot fail is moved, and only what the body executes in every iteration (not what
stands in a branch): arithmetic and transposes of floating arrays whose shapes the types know. The user's own
statements, and scalars, stay where they read well.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Origin, Parameter, constant
>>> from srcdiff.ir.types import INT, Array
>>> from srcdiff.primitives.table import TABLE
>>> b = Builder(Origin(role="adjoint"))
>>> x, s, i, n = (b.value(t, k) for k, t in [("x", Array("float64", (3,))), ("s", Array("float64", (3,))),
...     ("i", INT), ("n", INT)])
>>> loop = Builder(b.origin)
>>> t = loop.apply(TABLE["add"], s, loop.apply(TABLE["multiply"], x, 2.0))
>>> r = b.value(s.type, "r")
>>> _ = b.emit(For(b.apply(TABLE["range"], 0, n, 1), (x,), (), loop.block((i, s), (t,)), (r,)))
>>> program = Program((Function("f", (Parameter(x), Parameter(n)), b.block((x, n), (r,))),))
>>> [type(s).__name__ for s in hoist(program).main.body.statements]
['Apply', 'Apply', 'For']
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from srcdiff.ir.core import Apply, Block, For, If, Program, Statement, Value, While, is_atom
from srcdiff.ir.types import Array, Scalar, Type, is_exact

_SAFE = frozenset({"add", "subtract", "multiply", "negative", "T"})


def hoist(program: Program) -> Program:
    """The program with invariant work moved out of its loops."""
    return Program(tuple(replace(f, body=_Walk().outermost(f.body)) for f in program.functions))


@dataclass
class _Walk:
    depth: dict[Value, int] = field(default_factory=dict)
    """How many loops are around the definition of a value."""

    def outermost(self, body: Block) -> Block:
        return self._block(body, 0, False)[0]

    def _block(self, block: Block, depth: int, in_branch: bool) -> tuple[Block, list[Statement]]:
        """The block, and what of it may stand before the loop that it is the body of."""
        for value in block.parameters:
            self.depth[value] = depth
        kept: list[Statement] = []
        moved: list[Statement] = []
        for statement in block.statements:
            here = depth
            for part in self._parts(statement, depth):
                if depth > 0 and not in_branch and self._is_invariant(part, depth):
                    moved.append(part)
                    here = depth - 1
                else:
                    kept.append(part)
                    here = depth
                for value in part.results:
                    self.depth[value] = here
        return Block(block.parameters, tuple(kept), block.results), moved

    def _parts(self, statement: Statement, depth: int) -> list[Statement]:
        """What was moved out of the statement, and the statement."""
        match statement:
            case If():
                then, _ = self._block(statement.then, depth, True)
                orelse, _ = self._block(statement.orelse, depth, True)
                return [replace(statement, then=then, orelse=orelse)]
            case For():
                body, moved = self._block(statement.body, depth + 1, False)
                return [*moved, replace(statement, body=body)]
            case While():
                condition, _ = self._block(statement.condition, depth + 1, True)
                body, moved = self._block(statement.body, depth + 1, False)
                return [*moved, replace(statement, condition=condition, body=body)]
            case _:
                return [statement]

    def _is_invariant(self, statement: Statement, depth: int) -> bool:
        if not isinstance(statement, Apply) or statement.primitive.name not in _SAFE:
            return False
        if statement.origin.role == "primal" or statement.result.name is not None:
            return False
        if not isinstance(statement.result.type, Array) or not all(_is_known(v.type) for v in statement.operands):
            return False
        return all(is_atom(v) or self.depth[v] < depth for v in statement.operands)


def _is_known(t: Type) -> bool:
    """Whether the type proves that arithmetic on such values cannot fail (shapes were checked when it was inferred)."""
    match t:
        case Scalar(kind):
            return kind == "float"
        case Array(dtype, shape):
            return dtype is not None and dtype.startswith("float") and is_exact(shape)
        case _:
            return False
