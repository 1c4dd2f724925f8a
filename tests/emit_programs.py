"""Programs written by hand for the tests of the emitter."""

from __future__ import annotations

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    Function,
    If,
    Origin,
    Parameter,
    Program,
    Statement,
    Value,
    While,
    constant,
)
from srcdiff.ir.types import BOOL, FLOAT, INT, RANGE, UNKNOWN, Array, List, Type
from srcdiff.primitives.table import TABLE

X = Array("float64", (None,))
LIST = List(FLOAT)


class B(Builder):
    """A builder whose operations are called by the primitive's name."""

    def do(self, primitive: str, *operands: object, name: str | None = None, inplace: bool = False) -> Value:
        value = self.apply(TABLE[primitive], *operands, name=name)
        if inplace:
            last = self.statements[-1]
            assert isinstance(last, Apply)
            self.statements[-1] = Apply(last.primitive, last.operands, last.result, last.origin, True)
        return value

    def at(self, line: int, text: str = "", role: str = "primal", augmented: bool = False) -> B:
        self.origin = Origin(line, 4, text, role, "", augmented)  # type: ignore[arg-type]
        return self

    def inner(self) -> B:
        return B(self.origin)

    def if_(self, condition: Value, then: Block, orelse: Block, *results: Value, expression: bool = False) -> If:
        s = If(condition, then, orelse, results, self.origin, expression)
        self.emit(s)
        return s


def v(type: Type, name: str | None = None, role: str = "primal") -> Value:
    return Value(type, name, Origin(0, 0, "", role))  # type: ignore[arg-type]


def function(name: str, parameters: list[Value], b: Builder, *results: Value, **more: object) -> Function:
    return Function(
        name,
        tuple(Parameter(p, annotation=more.get("annotations", {}).get(p.name)) for p in parameters),  # type: ignore[attr-defined]
        b.block(parameters, results),
        more.get("docstring"),  # type: ignore[arg-type]
        more.get("returns"),  # type: ignore[arg-type]
    )


def lecture_forward() -> Program:
    """DESIGN section 3: the forward mode of the lecture's function."""
    x1, x2, dx1, dx2 = v(FLOAT, "x1"), v(FLOAT, "x2"), v(FLOAT, "dx1", "tangent"), v(FLOAT, "dx2", "tangent")
    b = B()
    b.at(2, "w3 = x1 * x2")
    w3 = b.do("multiply", x1, x2, name="w3")
    b.at(2, "w3 = x1 * x2", "tangent")
    dw3 = b.do("add", b.do("multiply", dx1, x2), b.do("multiply", x1, dx2), name="dw3")
    b.at(3, "w4 = sin(x1)")
    w4 = b.do("math.sin", x1, name="w4")
    b.at(3, "w4 = sin(x1)", "tangent")
    dw4 = b.do("multiply", b.do("math.cos", x1), dx1, name="dw4")
    b.at(4, "w5 = w3 + w4")
    w5 = b.do("add", w3, w4, name="w5")
    b.at(4, "w5 = w3 + w4", "tangent")
    dw5 = b.do("add", dw3, dw4, name="dw5")
    return Program(
        (
            function(
                "f_jvp",
                [x1, x2, dx1, dx2],
                b,
                w5,
                dw5,
                docstring="Value and directional derivative of `f` along (dx1, dx2).",
                annotations=dict.fromkeys(["x1", "x2", "dx1", "dx2"], "float"),
                returns="tuple[float, float]",
            ),
        )
    )


def loop_gradient() -> Program:
    """DESIGN section 3: reverse mode of a loop with a branch."""
    x, w = v(X, "x"), v(FLOAT, "w")
    b = B()
    b.at(3, "for i in range(len(x)):")
    steps = b.do("range", 0, b.do("len", x), 1)
    body = b.inner()
    i, s = v(INT, "i"), v(FLOAT, "s")
    body.at(4, "t = np.tanh(x[i] * w)")
    t = body.do("np.tanh", body.do("multiply", body.do("index_get", x, i), w), name="t")
    body.at(5, "if t > 0:")
    positive = body.do("greater", t, 0)
    then, orelse = body.inner(), body.inner()
    then.at(6, "s = s + t * s")
    s6 = then.do("add", s, then.do("multiply", t, s), name="s")
    orelse.at(8, "s = s - t")
    s8 = orelse.do("subtract", s, t, name="s")
    s9 = v(FLOAT, "s")
    body.if_(positive, then.block((), (s6,)), orelse.block((), (s8,)), s9)
    ss, ts = v(List(FLOAT)), v(List(FLOAT))
    b.emit(For(steps, (constant(1.0),), (), body.block((i, s), (s9, s, t)), (v(FLOAT, "s"), ss, ts), b.origin))
    b.at(0, "", "adjoint")
    bx = b.do("zeros_like", x, name=None)
    back = B(Origin(3, 4, "for i in range(len(x)):", "adjoint"))
    i2, bs = v(INT, "i"), v(FLOAT, "bs", "adjoint")
    bx1, bw1 = v(X, "bx", "adjoint"), v(FLOAT, "bw", "adjoint")
    s_, t_ = v(FLOAT, "s"), v(FLOAT, "t")
    back.at(5, "if t > 0:")
    condition = back.do("greater", t_, 0)
    then, orelse = back.inner(), back.inner()
    then.at(6, "s = s + t * s", "adjoint")
    bt6 = then.do("multiply", bs, s_, name="bt")
    bs6 = then.do("accumulate", bs, then.do("multiply", bs, t_), name="bs")
    orelse.at(8, "s = s - t", "adjoint")
    bt8 = orelse.do("negative", bs, name="bt")
    bs9, bt9 = v(FLOAT, "bs", "adjoint"), v(FLOAT, "bt", "adjoint")
    back.at(5, "if t > 0:", "adjoint")
    back.if_(condition, then.block((), (bs6, bt6)), orelse.block((), (bs, bt8)), bs9, bt9)
    back.at(4, "t = np.tanh(x[i] * w)", "adjoint")
    b1 = back.do("multiply", bt9, back.do("subtract", 1.0, back.do("multiply", t_, t_)))
    bx2 = back.do("index_add", bx1, i2, back.do("multiply", b1, w), name="bx", inplace=True)
    bw2 = back.do("accumulate", bw1, back.do("multiply", b1, back.do("index_get", x, i2)), name="bw")
    bx3, bw3 = v(X, "bx", "adjoint"), v(FLOAT, "bw", "adjoint")
    b.at(3, "for i in range(len(x)):", "adjoint")
    reverse = b.do("reversed", steps)
    b.emit(
        For(
            reverse,
            (constant(1.0), bx, constant(0.0)),
            (ss, ts),
            back.block((i2, bs, bx1, bw1, s_, t_), (bs9, bx2, bw2)),
            (v(FLOAT, "bs", "adjoint"), bx3, bw3),
            b.origin,
        )
    )
    annotations = {"x": "np.ndarray", "w": "float"}
    return Program(
        (function("f_grad", [x, w], b, bx3, bw3, annotations=annotations, returns="tuple[np.ndarray, float]"),)
    )


__all__ = [
    "BOOL",
    "FLOAT",
    "INT",
    "LIST",
    "RANGE",
    "UNKNOWN",
    "Array",
    "B",
    "Block",
    "Call",
    "Effect",
    "For",
    "If",
    "Statement",
    "While",
    "X",
    "constant",
    "function",
    "lecture_forward",
    "loop_gradient",
    "v",
]
