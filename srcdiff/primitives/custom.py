"""Functions that generated code calls as they are, and the derivatives that the user has given them.

In: a call of such a function, as an Apply of a `Custom` primitive. Out: its `Rule`, made from the text of the user's
partial derivatives, JVP or VJP, which the front end compiles when a derivative needs them, for the types at hand.

Partial derivatives are written into the derivative as expressions; a JVP or a VJP is a function of it, called like any
helper, so that it can be differentiated again. The function itself may return an operand, or a view of one.

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> square = custom(Global(OBJECT, "sq", module="model", attribute="sq"), 1, elementwise_result)
>>> square.name, square.views, str(square.infer(Value(FLOAT)))
('custom model.sq', (0,), 'float')
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from srcdiff.ir.builder import Builder, adjoint_name, tangent_name
from srcdiff.ir.core import Apply, Block, Call, Constant, Function, Global, Primitive, Program, Value
from srcdiff.ir.substitution import refresh, substitute_statement
from srcdiff.ir.types import (
    NONE,
    OBJECT,
    UNKNOWN,
    Array,
    Bottom,
    Dimension,
    List,
    Scalar,
    Symbol,
    Tuple,
    Type,
    Unknown,
    is_differentiable,
)
from srcdiff.primitives.forms import NoRule, Operands, Rule, Tangents, elementwise_rule, zeros_of
from srcdiff.primitives.inference import InferenceError, add_dimensions, elementwise_type
from srcdiff.primitives.symbolic import Symbolic

Compile = Callable[[tuple[Type, ...]], Program]
"""Makes the program of a function of the user's for arguments of these types."""
Adopt = Callable[[Program], Function]
"""Takes the helpers of a program into the one that is being made, and returns the main function that calls them."""


@dataclass(frozen=True, eq=False)
class Custom(Primitive):
    """A function that is called as it is.

    Parameters
    ----------
    target
        The function, as generated code refers to it.
    title
        What the user calls it.
    keywords
        Names of the last operands, which are passed by keyword.
    zero
        Its derivative is zero.
    partials, jvp, vjp
        The user's derivatives: partials take ``(y, *operands)``, the JVP ``(y, *operands, *tangents)``, the VJP
        ``(y, *operands, by)``.
    """

    target: Global = field(default=Global(OBJECT))
    title: str = ""
    keywords: tuple[str, ...] = ()
    zero: bool = False
    partials: tuple[Compile | None, ...] | None = None
    jvp: Compile | None = None
    vjp: Compile | None = None
    takes_none: bool = False
    """The JVP takes None for a tangent that is zero."""

    @property
    def has_rule(self) -> bool:
        return self.zero or self.partials is not None or self.jvp is not None or self.vjp is not None


def custom(target: Global, count: int, infer: Callable[..., Type], **known: Any) -> Custom:
    """The primitive that calls `target` with `count` operands; `known` are further fields of `Custom`."""
    home = "" if target.captured is not None else f"{target.module}."
    parameters = tuple(f"x{i}" for i in range(count))
    views = tuple(range(count))  # nothing is known of what it returns: it may be an operand

    def checked(*operands: Value) -> Type:
        return Bottom() if any(isinstance(o.type, Bottom) for o in operands) else infer(*operands)

    def evaluate(*operands: Any) -> Any:
        keywords = made.keywords
        plain = operands[: len(operands) - len(keywords)]
        named = zip(keywords, operands[len(plain) :], strict=True)
        return content_of(target)(*plain, **dict(named))

    made = Custom(f"custom {home}{target.attribute}", parameters, checked, evaluate, (), False, views)
    made = replace(made, target=target, **known)
    return made


def content_of(target: Global) -> Any:
    """The object that a global value stands for, in a process that has imported its module."""
    if target.captured is not None:
        return target.captured
    found: Any = sys.modules[target.module]
    for part in target.attribute.split("."):
        found = getattr(found, part)
    return found


def elementwise_result(*operands: Value) -> Type:
    """The type of the result of an elementwise function: of its dtype no more is certain than that it is floating, and
    of integers not even that."""
    if not all(isinstance(o.type, Scalar | Array | Unknown) for o in operands):
        raise InferenceError("an elementwise function takes numbers and arrays")
    whole = elementwise_type("same", *operands)
    if isinstance(whole, Array) and whole.dtype is not None and not whole.dtype.startswith("float"):
        return UNKNOWN
    match elementwise_type("float", *operands):
        case Array(dtype, shape):
            return Array("float64" if dtype == "float64" else None, shape)
        case found:
            return found


def promised_result(promise: Type, parameters: Sequence[Type] = ()) -> Callable[..., Type]:
    """The type that annotations promise: a size that has a name in the types of the parameters is that of the operand.

    >>> from srcdiff.ir.types import UNKNOWN
    >>> infer = promised_result(Array(None, (Symbol("n"), 2)), [Array(None, (Symbol("n"), None))])
    >>> print(infer(Value(Array("float64", (5, None)))), infer(Value(UNKNOWN)))
    array[5, 2] array[?, 2]
    """

    def infer(*operands: Value) -> Type:
        sizes: dict[str, Dimension] = {}
        for said, operand in zip(parameters, operands, strict=False):
            given = operand.type
            if isinstance(said, Array) and isinstance(given, Array) and said.rank == given.rank:
                for name, size in zip(said.shape or (), given.shape or (), strict=True):
                    if isinstance(name, Symbol) and not name.offset:
                        sizes.setdefault(name.name, size)
        return _with_sizes(promise, sizes)

    return infer


def _with_sizes(promise: Type, sizes: Mapping[str, Dimension]) -> Type:
    """A type of an annotation with its names of sizes replaced: outside of its signature they mean nothing."""

    def size(d: Dimension) -> Dimension:
        return add_dimensions(sizes.get(d.name), d.offset) if isinstance(d, Symbol) else d

    match promise:
        case Array(dtype, shape) if shape is not None:
            return Array(dtype, tuple(map(size, shape)))
        case Tuple(items):
            return Tuple(tuple(_with_sizes(item, sizes) for item in items))
        case List(item) if item is not None:
            return List(_with_sizes(item, sizes))
    return promise


def nameless(promise: Type) -> Type:
    """A type of an annotation without its names of sizes."""
    return _with_sizes(promise, {})


# The derivatives.


def rule_of(primitive: Custom, adopt: Adopt) -> Rule:
    """Both derivatives of a function that is called as it is."""
    if primitive.partials is not None:
        return elementwise_rule(*(None if p is None else _spliced(p, adopt) for p in primitive.partials))
    return Rule(_jvp_rule(primitive, adopt), _vjp_rule(primitive, adopt))


def _spliced(partial: Compile, adopt: Adopt) -> Callable[..., Any]:
    """A partial derivative of the user's as a rule of the table is written: built where it is needed."""

    def build(*values: Symbolic) -> Any:
        program = partial(tuple(v.type for v in values))
        found = written_out(values[0].builder, adopt(program), [v.value for v in values])
        if isinstance(found, Constant) and isinstance(found.value, int | float):
            return found.value
        if not isinstance(found.type, Scalar | Array | Unknown):
            raise NoRule(f"its partial derivative is of type {found.type}")
        return values[0].new(found)

    return build


def written_out(builder: Builder, function: Function, arguments: Sequence[Value]) -> Value:
    """The statements of a function in place of a call; its result. They belong to the statement that is being built."""
    body = refresh(function.body)
    new: dict[Value, Value] = dict(zip(body.parameters, arguments, strict=True))
    for old in body.statements:
        statement = substitute_statement(old, new)
        if isinstance(statement, Apply) and statement.primitive.name == "identity":
            # A plain `z = w` of the user's is a name for what it copies.
            new[statement.result] = statement.operands[0]
            continue
        if isinstance(statement, Apply):
            result = Value(statement.result.type, statement.result.name, builder.origin)
            new[statement.result] = result
            statement = replace(statement, result=result)
        builder.emit(replace(statement, origin=builder.origin))
    return new.get(body.results[0], body.results[0])


def _jvp_rule(primitive: Custom, adopt: Adopt) -> Callable[[Symbolic, Operands, Tangents], Symbolic | None]:
    def rule(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        if primitive.jvp is None:
            raise NoRule("")
        zero = (lambda x: x.constant(None)) if primitive.takes_none else _zero
        given = [zero(x) if d is None else d for x, d in zip(operands, tangents, strict=True)]
        values = [y, *operands, *given]
        main = adopt(primitive.jvp(tuple(v.type for v in values)))
        (found,) = _called(y.builder, main, values, [tangent_name(y.value.name)])
        require_tangent(main, y.type)
        return y.new(found)

    return rule


def _vjp_rule(primitive: Custom, adopt: Adopt) -> Callable[..., Sequence[Symbolic | None]]:
    def rule(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        if primitive.vjp is None:
            raise NoRule("")
        values = [y, *operands, by]
        program = primitive.vjp(tuple(v.type for v in values))
        if len(operands) > 1:
            program = Program((*program.functions[:-1], with_results(program.main, len(operands))))
        main = adopt(program)
        require_adjoints(main, [x.type for x in operands], wanted)
        names = [adjoint_name(x.value.name) for x in operands]
        found = _called(y.builder, main, values, names if len(main.body.results) == len(operands) else [None])
        whole = y.new(found[0])
        adjoints = (
            [y.new(v) for v in found] if len(found) == len(operands) else [whole[i] for i in range(len(operands))]
        )
        return [adjoint if want else None for adjoint, want in zip(adjoints, wanted, strict=True)]

    return rule


def _zero(x: Symbolic) -> Symbolic:
    """The tangent of what does not depend on the parameters; of what carries no derivative it is None."""
    if isinstance(x.type, Scalar) or is_differentiable(x.type):
        return zeros_of(x)
    return x.constant(None)


def _called(
    builder: Builder, function: Function, values: Sequence[Symbolic], names: Sequence[str | None]
) -> list[Value]:
    results = [Value(r.type, n, builder.origin) for r, n in zip(function.body.results, names, strict=True)]
    builder.emit(Call(function.name, tuple(v.value for v in values), tuple(results), builder.origin))
    return results


def with_results(function: Function, count: int) -> Function:
    """A function that returns a tuple as one with several results, so that those that nothing reads can go."""
    body = function.body
    if len(body.results) != 1:
        return function
    made = {s.result: s for s in body.statements if isinstance(s, Apply)}.get(body.results[0])
    if made is None or made.primitive.name != "make_tuple" or len(made.operands) != count:
        return function
    statements = tuple(s for s in body.statements if s is not made)
    return replace(function, body=Block(body.parameters, statements, made.operands), returns=None)


def require_tangent(jvp: Function, result: Type) -> None:
    """A JVP returns something like the result of its function.

    Raises
    ------
    NoRule
        where it certainly does not.
    """
    _require_like(jvp.body.results[0].type, result, f"its JVP `{jvp.name}` returns a tangent", "the result")


def require_adjoints(vjp: Function, operands: Sequence[Type], wanted: Sequence[bool]) -> None:
    """A VJP returns something like each operand, or a tuple of these.

    Raises
    ------
    NoRule
        where it certainly does not.
    """
    title = f"its VJP `{vjp.name}`"
    found = [r.type for r in vjp.body.results]
    if len(found) != len(operands):
        (whole,) = found
        if isinstance(whole, Unknown | Bottom):
            return
        if not isinstance(whole, Tuple) or len(whole.items) != len(operands):
            raise NoRule(f"{title} returns {whole}, not a tuple of {len(operands)} adjoints")
        found = list(whole.items)
    for i, (adjoint, operand) in enumerate(zip(found, operands, strict=True)):
        if wanted[i] and adjoint == NONE:
            raise NoRule(f"{title} gives None for operand {i + 1}, which a derivative is asked of")
        if wanted[i]:
            _require_like(adjoint, operand, f"{title} returns an adjoint", f"operand {i + 1}")


def _require_like(given: Type, like: Type, what: str, owner: str) -> None:
    """A tangent or adjoint has the shape of what it belongs to, as far as is known.

    Raises
    ------
    NoRule
        where it has not.
    """
    known = (Unknown, Bottom)
    if isinstance(given, known) or isinstance(like, known):
        return
    if isinstance(given, Scalar | Array) and isinstance(like, Scalar | Array):
        a, b = _shape(given), _shape(like)
        if a is None or b is None or (len(a) == len(b) and all(map(_may_equal, a, b))):
            return
    elif type(given) is type(like):
        return
    raise NoRule(f"{what} of type {given}, and {owner} is of type {like}")


def _shape(kind: Scalar | Array) -> tuple[Any, ...] | None:
    return () if isinstance(kind, Scalar) else kind.shape


def _may_equal(a: object, b: object) -> bool:
    return not (isinstance(a, int) and isinstance(b, int)) or a == b
