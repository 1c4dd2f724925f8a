"""Common subexpressions: what was computed before on every path is not computed again.

In: a program. Out: the program in which a later application of the same primitive to the same operands is replaced by
the earlier result, where that is still in scope (a block sees what was computed before it around it)::

    t1 = multiply x, y                 t1 = multiply x, y
    if c:                   becomes    if c:
        t2 = multiply x, y
        yield t2                           yield t1

A statement of the user's with a name of its own stays as it was written, and so do the scalar expressions in it; so
does a named scalar derivative, for the reader's sake. What makes a fresh object to be written to (`np.zeros`, a list)
is never shared: each of two would have to be copied.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Origin, Parameter, Primitive
>>> from srcdiff.ir.types import FLOAT
>>> sine = Primitive("math.sin", ("x",), infer=lambda x: FLOAT, evaluate=lambda x: x)
>>> add = Primitive("add", ("a", "b"), infer=lambda a, b: FLOAT, evaluate=lambda a, b: a + b)
>>> b = Builder(Origin(role="adjoint"))
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(add, b.apply(sine, x), b.apply(sine, x))
>>> program = Program((Function("f", (Parameter(x),), b.block((x,), (y,))),))
>>> len(cse(program).main.body.statements)
2
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Global,
    If,
    Program,
    Statement,
    Value,
    While,
    assert_never,
)
from srcdiff.ir.types import Array, Scalar

_MAKERS = frozenset(
    {
        "copy",
        "zeros_like",
        "make_list",
        "make_dict",
        "list",
        "sorted",
        "tolist",
        "astype",
        "np.zeros",
        "np.ones",
        "np.empty",
        "np.full",
        "np.zeros_like",
        "np.ones_like",
        "np.empty_like",
        "np.full_like",
        "np.eye",
        "np.identity",
        "np.array",
        "np.arange",
        "np.linspace",
    }
)


def cse(program: Program) -> Program:
    """The program without repeated computations."""
    return Program(tuple(replace(f, body=_Scope().block(f.body)) for f in program.functions))


def atom_key(value: Value) -> Hashable:
    """What tells one operand from another: constants of equal value and Python type are the same operand."""
    match value:
        case Constant(value=content):
            if isinstance(content, float):
                return float, content.hex()  # tells -0.0 from 0.0, and knows nan from nan
            if content is None or isinstance(content, bool | int | str):
                return type(content), content
            return value
        case Global():
            return (value.module, value.attribute) if value.captured is None else value
        case _:
            return value


@dataclass
class _Scope:
    """What has been computed and is in scope; `replaced` maps results that are gone to those that stand for them."""

    computed: dict[Hashable, Value] = field(default_factory=dict)
    replaced: dict[Value, Value] = field(default_factory=dict)

    def read(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        if not self.replaced:
            return values
        return tuple([self.replaced.get(v, v) for v in values])

    def block(self, block: Block) -> Block:
        added: list[Hashable] = []
        statements = [s for statement in block.statements for s in self._statement(statement, added)]
        results = self.read(block.results)
        for key in added:
            del self.computed[key]
        return Block(block.parameters, tuple(statements), results)

    def _statement(self, statement: Statement, added: list[Hashable]) -> tuple[Statement, ...]:
        match statement:
            case Apply():
                return self._apply(statement, added)
            case If():
                (condition,) = self.read((statement.condition,))
                then, orelse = self.block(statement.then), self.block(statement.orelse)
                return (replace(statement, condition=condition, then=then, orelse=orelse),)
            case For():
                driver = None if statement.iterable is None else self.read((statement.iterable,))[0]
                initial, zipped = self.read(statement.initial), self.read(statement.zipped)
                body = self.block(statement.body)
                return (replace(statement, iterable=driver, initial=initial, zipped=zipped, body=body),)
            case While():
                initial = self.read(statement.initial)
                test, body = self.block(statement.condition), self.block(statement.body)
                return (replace(statement, condition=test, initial=initial, body=body),)
            case Call():
                return (replace(statement, arguments=self.read(statement.arguments)),)
            case Effect():
                keywords = tuple((k, self.replaced.get(v, v)) for k, v in statement.keywords)
                return (replace(statement, operands=self.read(statement.operands), keywords=keywords),)
            case _:
                assert_never(statement)

    def _apply(self, apply: Apply, added: list[Hashable]) -> tuple[Statement, ...]:
        operands = self.read(apply.operands)
        if operands is not apply.operands:
            apply = Apply(apply.primitive, operands, apply.result, apply.origin, apply.inplace)
        primitive = apply.primitive
        if primitive.name in _MAKERS or primitive.updates is not None or primitive.name == "identity":
            return (apply,)
        key: Hashable = (primitive, *map(atom_key, operands))
        if primitive.name == "multiply" and isinstance(apply.result.type, Array):
            key = (primitive, frozenset(map(atom_key, operands)))  # x * y and y * x
        earlier = self.computed.get(key)
        if earlier is None:
            self.computed[key] = apply.result
            added.append(key)
            return (apply,)
        if _stays(apply) or earlier.type != apply.result.type:
            return (apply,)
        self.replaced[apply.result] = earlier
        return ()


def _stays(apply: Apply) -> bool:
    """Whether the statement is one that its reader looks for."""
    if apply.origin.role == "primal":
        return apply.result.name is not None or apply.primitive.cheap or not isinstance(apply.result.type, Array)
    return apply.result.name is not None and isinstance(apply.result.type, Scalar)
