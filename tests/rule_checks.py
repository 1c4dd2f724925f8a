"""The shared check of a primitive: its types, its meaning, and its derivative rules, in both modes and to second order.

In: the name of a primitive, sample operands, and which of them to differentiate. Out: nothing, or an assertion that
names what is off. The IR that the rules build is run by `primitive.evaluate`, one statement after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from srcdiff.ir.builder import Builder, complete
from srcdiff.ir.core import Apply, Constant, Primitive, Value, constant
from srcdiff.ir.types import (
    UNKNOWN,
    Array,
    Bottom,
    Dict,
    List,
    Opaque,
    Scalar,
    Several,
    Size,
    Symbol,
    Tuple,
    Type,
    Unknown,
    is_differentiable,
    join,
)
from srcdiff.primitives import rules
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.table import TABLE
from tests.oracles import differences

Mode = Literal["exact", "symbols", "rank", "unknown"]
MODES: tuple[Mode, ...] = ("exact", "symbols", "rank", "unknown")
"""How much the types say of the operands: their shape, symbols for it, that they are arrays, nothing."""

Environment = dict[Value, Any]


def type_of(x: Any, mode: Mode) -> Type:
    """The type of `x`, as far as `mode` lets it be known."""
    if mode == "unknown" and isinstance(x, float | np.ndarray | np.floating):
        return UNKNOWN
    match x:
        case bool() | np.bool_():
            return Scalar("bool")
        case int() | np.integer():
            return Scalar("int")
        case float() | np.floating():
            return Scalar("float")
        case np.ndarray() if mode == "rank":
            return Array(None, None)
        case np.ndarray():
            return Array(str(x.dtype), tuple(d if mode == "exact" or d == 1 else Symbol(f"n{d}") for d in x.shape))
        case list():
            return List(joined([type_of(i, mode) for i in x]) if x else None)
        case tuple():
            return Tuple(tuple(type_of(i, mode) for i in x))
        case dict():
            return Dict(tuple((k, type_of(v, mode)) for k, v in x.items()))
        case str():
            return Opaque("str")
        case None:
            return Opaque("None")
        case range():
            return Opaque("range")
    raise AssertionError(f"no type for {x!r}")


def joined(types: list[Type]) -> Type:
    result = types[0]
    for t in types[1:]:
        result = join(result, t)
    return result


def covers(t: Type, x: Any) -> bool:
    """Whether the real value `x` is one of those that the type promises."""
    match t:
        case Unknown() | Bottom():
            return isinstance(t, Unknown)
        case Scalar(kind):
            kinds = {"bool": "b", "int": "biu", "float": "biuf"}[kind]
            size = not isinstance(t, Size) or not isinstance(t.dimension, int) or t.dimension == x
            return size and np.ndim(x) == 0 and not isinstance(x, np.ndarray) and np.asarray(x).dtype.kind in kinds
        case Array(dtype, shape):
            if not isinstance(x, np.ndarray | np.generic):
                return False
            if dtype is not None and str(x.dtype) != dtype:
                return False
            sizes = {f"n{n}": n for n in range(10)}
            return shape is None or (
                len(shape) == x.ndim
                and all(
                    d is None
                    or d == n
                    or (isinstance(d, Several) and n != 1)
                    or (isinstance(d, Symbol) and max(sizes[d.name] + d.offset, 0) == n)
                    for d, n in zip(shape, x.shape, strict=True)
                )
            )
        case Tuple(items):
            return isinstance(x, tuple) and len(x) == len(items) and all(map(covers, items, x))
        case List(item):
            return isinstance(x, list) and all(item is not None and covers(item, i) for i in x)
        case Dict(entries):
            if not isinstance(x, dict) or entries is None:
                return isinstance(x, dict)
            return [k for k, _ in entries] == list(x) and all(covers(v, x[k]) for k, v in entries)
        case Opaque(name):
            if name == "shape":
                return isinstance(x, tuple)
            kinds_of = {"str": str, "None": type(None), "range": range, "slice": slice, "dtype": np.dtype}
            return name == "object" or isinstance(x, kinds_of.get(name, type(...)))


@dataclass
class Tape:
    """A builder whose statements can be run."""

    builder: Builder = field(default_factory=Builder)
    given: Environment = field(default_factory=dict)

    def value(self, x: Any, mode: Mode, active: bool = False) -> Value:
        """A value that stands for `x`: a constant or a display where it is not differentiated."""
        if not active:
            match x:
                case bool() | int() | float() | str() | None:
                    return constant(x)
                case slice():
                    return self.builder.apply(TABLE["make_slice"], x.start, x.stop, x.step)
                case tuple():
                    return self.builder.apply(TABLE["make_tuple"], *(self.value(i, mode) for i in x))
                case _ if x is Ellipsis:
                    return constant(x)
        v = Value(type_of(x, mode))
        self.given[v] = x
        return v

    def run(self, given: Environment | None = None) -> Environment:
        env = {**self.given, **(given or {})}
        for s in self.builder.statements:
            assert isinstance(s, Apply)
            env[s.result] = s.primitive.evaluate(*(read(env, o) for o in s.operands))
        return env

    def check_types(self, env: Environment) -> None:
        for s in self.builder.statements:
            assert isinstance(s, Apply)
            x = env[s.result]
            assert covers(s.result.type, x), (
                f"{s.primitive.name}({', '.join(str(o.type) for o in s.operands)}): {s.result.type} does not cover "
                f"{x!r} (dtype {getattr(x, 'dtype', None)})"
            )


def read(env: Environment, v: Value) -> Any:
    return v.value if isinstance(v, Constant) else env[v]


def push_forward(builder: Builder, statements: list[Any], tangents: dict[Value, Value]) -> None:
    """Forward mode of straight-line code: fills `tangents`."""
    for s in statements:
        d = rules.jvp(builder, s, [tangents.get(o) for o in s.operands])
        if d is not None:
            tangents[s.result] = d


def pull_back(builder: Builder, statements: list[Any], adjoints: dict[Value, Value]) -> None:
    """Reverse mode of straight-line code: fills `adjoints`."""
    for s in reversed(statements):
        if s.result not in adjoints:
            continue
        given = rules.vjp(builder, s, adjoints[s.result], [is_differentiable(o.type) for o in s.operands])
        for o, g in zip(s.operands, given, strict=True):
            if g is not None and not isinstance(o, Constant):
                adjoints[o] = builder.apply(TABLE["accumulate"], adjoints[o], g) if o in adjoints else g


def direction(like: Any, seed: int) -> Any:
    """A fixed tangent or adjoint with the structure of `like`."""
    zeros = helper("zeros_like")(like)
    vector = differences.leaves(zeros)
    rng = np.random.default_rng(seed)
    return differences.rebuild(zeros, rng.uniform(0.5, 1.5, vector.size) * rng.choice([-1.0, 1.0], vector.size))


def structure(x: Any) -> Any:
    """Shapes and containers of `x`, to compare those of a derivative with those of its value."""
    match x:
        case list() | tuple():
            return (type(x).__name__, *map(structure, x))
        case dict():
            return {k: structure(v) for k, v in x.items()}
        case _:
            return np.shape(x) if x is not None else None


def check_rule(name: str, operands: tuple[Any, ...], wrt: tuple[int, ...], mode: Mode, order: int = 2) -> None:
    """Check both rules of a primitive: divided differences, the dot-product test, and the same to second order."""
    primitive = TABLE[name]
    tape = Tape()
    values = complete(primitive, [tape.value(x, mode, i in wrt) for i, x in enumerate(operands)])
    for v, x in zip(values, operands, strict=False):
        if not isinstance(v, Constant) and v not in tape.given:
            tape.given[v] = x
    active = [values[i] for i in wrt]
    y = tape.builder.apply(primitive, *values)
    function = tape.builder.statements[-1:]
    env = tape.run()
    tape.check_types(env)

    def primal(*xs: Any) -> Any:
        return tape.run(dict(zip(active, xs, strict=True)))[y]

    xs = tuple(operands[i] for i in wrt)
    single = any(np.asarray(x).dtype == np.float32 for x in xs if not isinstance(x, dict | list | tuple))
    tolerance = 3e-3 if single else 3e-8
    step = 1e-2 if single else 1e-3
    vs = tuple(direction(x, 3 + i) for i, x in enumerate(xs))
    expected = differences.directional(primal, xs, vs, step)
    # Forward mode.
    dxs = [Value(zero_type(v.type)) for v in active]
    forward = Tape(Builder(), {**tape.given, **dict(zip(dxs, vs, strict=True))})
    forward.builder.statements.extend(tape.builder.statements)
    tangents = dict(zip(active, dxs, strict=True))
    push_forward(forward.builder, function, tangents)
    env = forward.run()
    forward.check_types(env)
    zeros = helper("zeros_like")(env[y])
    dy = env[tangents[y]] if y in tangents else zeros
    assert structure(dy) == structure(zeros), f"the tangent has the structure {structure(dy)}, not {structure(zeros)}"
    assert differences.error(_float(dy), expected) < tolerance, f"tangent {dy}, expected {expected}"
    for i, one in enumerate(active):
        check_alone(tape, function, y, one, xs[i], vs[i], step, tolerance)
    # Reverse mode.
    u = direction(env[y], 11)
    by = Value(zero_type(y.type))
    reverse = Tape(Builder(), {**tape.given, by: u})
    reverse.builder.statements.extend(tape.builder.statements)
    adjoints = {y: by}
    pull_back(reverse.builder, function, adjoints)
    env = reverse.run()
    reverse.check_types(env)
    got = tuple(env[adjoints[v]] if v in adjoints else helper("zeros_like")(env[v]) for v in active)
    for x, b in zip(xs, got, strict=True):
        wanted = structure(helper("zeros_like")(x))
        assert structure(b) == wanted, f"the adjoint has the structure {structure(b)}, not {wanted}"
    scale = max(1.0, abs(differences.dot(u, _float(dy))))
    difference = differences.dot(u, _float(dy)) - differences.dot(_float(got), vs)
    assert abs(difference) <= (1e-4 if single else 1e-11) * scale, f"dot-product test: {difference}; adjoints {got}"
    if order > 1 and not single:
        if y in tangents:
            check_second(forward, [*active, *dxs], tangents[y])
        for v in active:
            if v in adjoints:
                check_second(reverse, [*active, by], adjoints[v])


def check_alone(
    tape: Tape, function: list[Any], y: Value, one: Value, x: Any, v: Any, step: float, tolerance: float
) -> None:
    """The tangent where one operand alone has one: it has the shape of the result all the same."""
    dx = Value(zero_type(one.type))
    forward = Tape(Builder(), {**tape.given, dx: v})
    forward.builder.statements.extend(tape.builder.statements)
    tangents = {one: dx}
    push_forward(forward.builder, function, tangents)
    env = forward.run()
    expected = differences.directional(lambda z: tape.run({one: z})[y], (x,), (v,), step)
    if y not in tangents:
        assert differences.error(expected, differences.rebuild(expected, 0 * differences.leaves(expected))) < tolerance
        return
    forward.check_types(env)
    dy = env[tangents[y]]
    wanted = structure(helper("zeros_like")(env[y]))
    assert structure(dy) == wanted, f"alone, the tangent has structure {structure(dy)}, not {wanted}"
    assert differences.error(_float(dy), expected) < tolerance, f"alone: tangent {dy}, expected {expected}"


def _float(x: Any) -> Any:
    """Derivatives as floats: a number may be an array without dimensions, or an integer."""
    match x:
        case list() | tuple():
            return type(x)(map(_float, x))
        case dict():
            return {k: _float(v) for k, v in x.items()}
        case None:
            return None
        case np.ndarray() if x.ndim:
            return x.astype(float)
        case _:
            return float(x)


def zero_type(t: Type) -> Type:
    return TABLE["zeros_like"].infer(Value(t))


def check_second(tape: Tape, inputs: list[Value], output: Value) -> None:
    """Differentiate what a rule built, in both modes, and compare with divided differences of it."""
    statements = list(tape.builder.statements)
    carried = [v for v in inputs if v in tape.given]
    xs = tuple(tape.given[v] for v in carried)
    vs = tuple(direction(x, 23 + i) for i, x in enumerate(xs))

    def run(*given: Any) -> Any:
        return _float(tape.run(dict(zip(carried, given, strict=True)))[output])

    expected = differences.directional(run, xs, vs)
    dxs = [Value(zero_type(v.type)) for v in carried]
    forward = Tape(Builder(), {**tape.given, **dict(zip(dxs, vs, strict=True))})
    forward.builder.statements.extend(statements)
    tangents = dict(zip(carried, dxs, strict=True))
    push_forward(forward.builder, statements, tangents)
    env = forward.run()
    forward.check_types(env)
    zero = differences.rebuild(expected, 0 * differences.leaves(expected))
    dy = _float(env[tangents[output]]) if output in tangents else zero
    assert differences.error(dy, expected) < 1e-7, f"second order, forward: {dy}, expected {expected}"
    u = direction(env[output], 31)
    by = Value(zero_type(output.type))
    reverse = Tape(Builder(), {**tape.given, by: u})
    reverse.builder.statements.extend(statements)
    adjoints = {output: by}
    pull_back(reverse.builder, statements, adjoints)
    env = reverse.run()
    reverse.check_types(env)
    right = sum(differences.dot(_float(env[adjoints[v]]), t) for v, t in zip(carried, vs, strict=True) if v in adjoints)
    left = differences.dot(u, dy)
    assert abs(left - right) <= 1e-10 * max(1.0, abs(left)), f"second order, reverse: {left} and {right}"


def differentiable_primitives() -> list[Primitive]:
    return [p for p in TABLE.values() if rules.has_rule(p) and not rules.has_zero_derivative(p)]
