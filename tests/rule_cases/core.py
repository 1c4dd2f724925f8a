"""The core of the table: arithmetic, elementary functions, reductions, makers, shapes, products, containers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.rule_cases.operands import Case, array, single, spd

X3, X23, X1, X0 = array(3), array(2, 3), array(1), np.zeros(0)

BROADCAST = [
    (X3, 0.7),
    (0.7, X3),
    (X3, array(3)),
    (X23, array(3)),
    (array(3), X23),
    (array(2, 1), array(3)),
    (array(1, 3), array(2, 1)),
    (X1, X23),
    (X0, 0.5),
    (np.zeros((0, 3)), array(3)),
    (0.4, 0.7),
]
BINARY = [
    *("add", "subtract", "multiply", "divide", "power", "np.float_power", "np.arctan2", "np.hypot", "np.logaddexp"),
    *("np.logaddexp2", "np.maximum", "np.minimum", "np.fmax", "np.fmin"),
]
UNARY = [
    *("negative", "positive", "abs", "np.exp", "np.exp2", "np.expm1", "np.log", "np.log2", "np.log10", "np.log1p"),
    *("np.sqrt", "np.cbrt", "np.sin", "np.cos", "np.tan", "np.arcsin", "np.arccos", "np.arctan", "np.sinh", "np.cosh"),
    *("np.tanh", "np.arcsinh", "np.arctanh", "np.deg2rad", "np.rad2deg", "np.radians", "np.degrees", "np.fabs"),
    *("np.square", "np.reciprocal", "np.abs", "np.nan_to_num", "identity", "copy"),
]
MATH_UNARY = [
    *("exp", "expm1", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh"),
    *("tanh", "asinh", "atanh", "degrees", "radians", "fabs", "erf", "erfc"),
]
REDUCTIONS: list[tuple[np.ndarray | float, Any, bool]] = [
    (X3, None, False),
    (X23, None, False),
    (X23, None, True),
    (X23, 0, False),
    (X23, -1, True),
    (array(2, 3, 2), (0, 2), False),
    (array(2, 3, 2), (-1, 1), True),
    (0.7, None, False),
    (X1, 0, False),
]

CASES: list[Case] = [
    *((name, pair, (0, 1)) for name in BINARY for pair in BROADCAST),
    *((name, (x,), (0,)) for name in UNARY for x in (X3, X23, 0.6, X0)),
    *((name, (single(3),), (0,)) for name in UNARY),
    *((name, (single(3), single(2, 1)), (0, 1)) for name in BINARY if name != "np.float_power"),
    ("np.arccosh", (1.0 + X3,), (0,)),
    *((f"np.{n}", (x,), (0,)) for n in ("float64", "double", "longdouble") for x in (0.6, X23)),
    *((f"np.{n}", (single(2, 3),), (0,)) for n in ("float32", "single", "float64")),
    *((f"math.{name}", (0.6,), (0,)) for name in MATH_UNARY),
    ("math.acosh", (1.7,), (0,)),
    ("math.log", (0.6,), (0,)),
    ("math.log", (0.6, 2.5), (0, 1)),
    ("math.pow", (0.6, 2.5), (0, 1)),
    ("math.atan2", (0.6, 2.5), (0, 1)),
    ("math.copysign", (0.6, -2.5), (0, 1)),
    ("math.fmod", (7.6, -2.5), (0, 1)),
    ("math.remainder", (7.6, 2.5), (0, 1)),
    ("math.ldexp", (0.6, 3), (0,)),
    ("math.hypot", (0.6, 0.7, -0.8), (0, 1, 2)),
    ("math.dist", ([0.6, 0.7], [0.1, -0.2]), (0, 1)),
    ("math.fsum", ([0.6, 0.7],), (0,)),
    ("math.prod", ([0.6, 0.7, 0.8],), (0,)),
    ("math.prod", ([0.6, 0.0, 0.8], 0.7), (0, 1)),
    ("np.copysign", (X3, -X3), (0, 1)),
    ("np.heaviside", (np.array([-1.0, 2.0, 3.0]), 0.7), (0, 1)),
    ("mod", (np.array([7.6, -7.6, 3.3]), np.array([2.5, 2.5, -2.5])), (0, 1)),
    ("mod", (7.6, 2.5), (0, 1)),
    # Powers: constant exponents, integers, zero base.
    *(("power", (x, n), (0,)) for x in (X3, 0.6) for n in (0, 1, 2, 3, -1, 2.0, 0.5)),
    *(("power", (x, n), (0,)) for x in (np.array([0.0, -0.5]), 0.0) for n in (0, 1, 2, 3)),
    ("power", (2.5, X3), (1,)),
    ("power", (-2.5, 3), (0,)),
    ("power", (np.array([0.0, 0.5]), np.array([2, 0])), (0,)),
    # Choices.
    ("np.where", (np.array([True, False, True]), X3, array(3)), (1, 2)),
    ("np.where", (np.array([[True], [False]]), X3, 0.4), (1, 2)),
    ("np.where", (np.array([True, False]), 0.2, 0.4), (1, 2)),
    ("np.where", (True, X3, 0.4), (1, 2)),
    ("np.clip", (np.array([0.1, 0.5, 0.9]), 0.3, 0.7), (0, 1, 2)),
    ("np.clip", (np.array([0.1, 0.5, 0.9]), np.array([[0.3], [0.2]]), 0.7), (0, 1, 2)),
    ("np.clip", (np.array([0.1, 0.5, 0.9]), None, 0.7), (0, 2)),
    ("np.clip", (np.array([0.1, 0.5, 0.9]), 0.3, None), (0, 1)),
    ("np.clip", (0.1, 0.3, 0.7), (0, 1, 2)),
    # Reductions.
    *(
        (f"np.{n}", (x, axis, keep), (0,))
        for n in ("sum", "mean", "max", "min", "prod")
        for x, axis, keep in REDUCTIONS
    ),
    *((f"np.{n}", (x, axis, 0, keep), (0,)) for n in ("var", "std") for x, axis, keep in REDUCTIONS[:-2]),
    ("np.var", (X23, 1, 1, False), (0,)),
    ("np.std", (X23, None, 1, False), (0,)),
    *((f"np.{n}", (single(2, 3), 0, False), (0,)) for n in ("sum", "mean", "max", "prod")),
    *((f"np.{n}", (single(2, 3), None, False), (0,)) for n in ("sum", "mean", "min", "prod")),
    ("np.sum", (np.zeros((0, 3)), 0, False), (0,)),
    ("np.sum", (X0, None, False), (0,)),
    ("np.prod", (np.array([0.5, 0.0, 2.0]), None, False), (0,)),
    ("np.prod", (np.array([0.5, 0.0, 0.0, 2.0]), 0, False), (0,)),
    ("np.prod", (np.array([[0.5, 0.0], [0.0, 2.0], [3.0, 0.7]]), 1, False), (0,)),
    ("product_of_others", (X23, 1), (0,)),
    ("np.cumsum", (X3,), (0,)),
    ("np.cumsum", (X23,), (0,)),
    ("np.cumsum", (X23, 1), (0,)),
    ("np.linalg.norm", (X3,), (0,)),
    ("np.linalg.norm", (X23,), (0,)),
    ("np.linalg.norm", (X23, None, 1), (0,)),
    ("np.linalg.norm", (X23, 2, 0, True), (0,)),
    # Makers.
    ("np.full", (3, 0.7), (1,)),
    ("np.full", ((2, 3), X3), (1,)),
    ("np.full_like", (X3, 0.7), (1,)),
    ("np.array", ([0.5, 0.6, 0.7],), (0,)),
    ("np.array", ((0.5, 0.6),), (0,)),
    ("np.array", ([[0.5, 0.6], [0.7, 0.8]],), (0,)),
    ("np.array", ([X3, X3],), (0,)),
    ("np.array", (((0.5, 0.6), (0.7, 0.8)),), (0,)),
    ("np.array", (X3,), (0,)),
    ("np.asarray", (X3,), (0,)),
    ("np.linspace", (0.2, 0.9, 5), (0, 1)),
    ("np.arange", (0.2, 3.1, 0.7), (0, 1, 2)),
    ("np.arange", (3.3,), (0,)),
    ("np.arange", (0.2, 3.1), (0,)),
    ("np.linspace", (0.2, 0.9, 5, False), (0, 1)),
    ("unpack", (X3, [1.0, 2.0, 3.0]), (0,)),
    ("astype", (X3, "float64"), (0,)),
    ("item", (X1,), (0,)),
    ("tolist", (X23,), (0,)),
    # Shapes.
    *(("T", (x,), (0,)) for x in (X3, X23)),
    ("np.reshape", (X23, 6), (0,)),
    ("np.reshape", (X23, (3, -1)), (0,)),
    ("np.reshape", (X23, (-1,)), (0,)),
    ("np.ravel", (X23,), (0,)),
    ("np.transpose", (X23,), (0,)),
    ("np.transpose", (array(2, 3, 4), (2, 0, 1)), (0,)),
    ("np.transpose", (array(2, 3, 4), (-1, 0, 1)), (0,)),
    ("np.swapaxes", (array(2, 3, 4), 0, -1), (0,)),
    ("np.moveaxis", (array(2, 3, 4), 0, -1), (0,)),
    ("np.moveaxis", (array(2, 3, 4), -1, 0), (0,)),
    ("np.squeeze", (array(1, 3, 1),), (0,)),
    ("np.squeeze", (array(1, 3, 1), 0), (0,)),
    ("np.squeeze", (array(1, 3, 1), (0, -1)), (0,)),
    ("np.expand_dims", (X23, 1), (0,)),
    ("np.expand_dims", (X23, (0, -1)), (0,)),
    ("np.broadcast_to", (X3, (2, 3)), (0,)),
    ("np.broadcast_to", (array(2, 1), (4, 2, 3)), (0,)),
    ("np.broadcast_to", (0.7, (2, 3)), (0,)),
    ("np.broadcast_to", (X1, (2, 1)), (0,)),
    ("np.atleast_1d", (0.7,), (0,)),
    ("np.atleast_2d", (X3,), (0,)),
    ("unbroadcast", (X23, X3), (0,)),
    ("unbroadcast", (X23, 0.5), (0,)),
    ("item_adjoint", (X23, X3), (0,)),
    ("spread_item", (X3, X23), (0,)),
    ("spread_item", ((0.2, 0.3), (0.7, 0.9)), (0,)),
    ("item_adjoint", ([0.1, (0.2, 0.3)], [0.5, (0.7, 0.9)]), (0,)),
    *(("np.concatenate", (c([X3, array(2)]),), (0,)) for c in (list, tuple)),
    *(("np.concatenate", (c([X23, array(4, 3)]), 0), (0,)) for c in (list, tuple)),
    *(("np.concatenate", (c([X23, array(2, 1)]), -1), (0,)) for c in (list, tuple)),
    ("np.concatenate", ([X23, array(2, 2)], None), (0,)),
    *(("np.stack", (c([X3, array(3)]), axis), (0,)) for c in (list, tuple) for axis in (0, 1, -1)),
    ("np.stack", ([0.2, 0.3],), (0,)),
    *((n, (c([X3, array(3)]),), (0,)) for n in ("np.vstack", "np.hstack", "np.column_stack") for c in (list, tuple)),
    *((n, ([X23, array(2, 3)],), (0,)) for n in ("np.vstack", "np.hstack", "np.column_stack")),
    ("np.column_stack", ((X3, array(3, 2)),), (0,)),
    ("np.vstack", ((X3, array(2, 3)),), (0,)),
    ("split_like", (array(5), [X3, array(2)], 0), (0,)),
    *(("np.diag", (x, k), (0,)) for x in (X3, array(3, 3), array(2, 4)) for k in (0, 1, -1)),
    *(("np.diagonal", (x, k), (0,)) for x in (array(3, 3), array(2, 4), array(2, 3, 2)) for k in (0, 1, -1)),
    *(("np.trace", (x, k), (0,)) for x in (array(3, 3), array(2, 4), array(2, 3, 2)) for k in (0, 1, -1)),
    *((n, (x, k), (0,)) for n in ("np.tril", "np.triu") for x in (array(3, 3), array(2, 3, 2)) for k in (0, 1, -1)),
    ("np.flip", (X23,), (0,)),
    ("np.flip", (X23, 1), (0,)),
    ("np.roll", (X23, 2), (0,)),
    ("np.roll", (X23, -1, 1), (0,)),
    ("np.roll", (X23, (1, 2), (0, 1)), (0,)),
    ("np.repeat", (X23, 2), (0,)),
    ("np.repeat", (X23, 2, 1), (0,)),
    ("np.repeat", (X3, np.array([1, 0, 2])), (0,)),
    ("np.tile", (X3, 2), (0,)),
    ("np.tile", (X23, (2, 1)), (0,)),
    ("np.tile", (X3, (2, 2)), (0,)),
    # Products.
    *(
        (n, (array(*p), array(*q)), (0, 1))
        for n in ("matmul", "np.dot")
        for p, q in (((3,), (3,)), ((2, 3), (3,)), ((2,), (2, 3)), ((2, 3), (3, 4)), ((1, 3), (3, 1)))
    ),
    *(
        ("matmul", (array(*p), array(*q)), (0, 1))
        for p, q in (
            ((4, 2, 3), (3,)),
            ((2,), (4, 2, 3)),
            ((4, 2, 3), (3, 2)),
            ((2, 3), (4, 3, 2)),
            ((4, 2, 3), (1, 3, 2)),
            ((5, 1, 2, 3), (4, 3, 2)),
        )
    ),
    ("np.dot", (0.7, X23), (0, 1)),
    ("np.dot", (X23, 0.7), (0, 1)),
    ("np.dot", (0.6, 0.7), (0, 1)),
    ("np.outer", (X3, array(2)), (0, 1)),
    ("np.outer", (X23, array(2)), (0, 1)),
    ("np.vdot", (X23, array(2, 3)), (0, 1)),
    ("np.vdot", (X3, array(3)), (0, 1)),
    *(
        ("np.inner", (array(*p), array(*q)), (0, 1))
        for p, q in (((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 3), (4, 3)))
    ),
    ("np.einsum", ("ij,jk->ik", X23, array(3, 4)), (1, 2)),
    ("np.einsum", ("i,i", X3, array(3)), (1, 2)),
    ("np.einsum", ("ij->", X23), (1,)),
    ("np.einsum", ("ij->j", X23), (1,)),
    ("np.einsum", ("ij,k->ik", X23, X3), (1, 2)),
    ("np.einsum", ("nij,nj,ni->n", array(2, 3, 3), array(2, 3), array(2, 3)), (1, 2, 3)),
    ("np.einsum", ("ij,j->ij", array(1, 3), X3), (1, 2)),
    ("matmul_left", (array(2), X23, X3), (0, 2)),
    ("matmul_right", (array(2), X23, X3), (0, 1)),
    # Linear algebra.
    ("np.linalg.inv", (spd(3),), (0,)),
    ("np.linalg.inv", (np.stack([spd(2), spd(2)]),), (0,)),
    ("np.linalg.det", (spd(3),), (0,)),
    ("np.linalg.det", (np.stack([spd(2), spd(2)]),), (0,)),
    ("np.linalg.slogdet", (spd(3),), (0,)),
    ("np.linalg.slogdet", (np.stack([spd(2), spd(2)]),), (0,)),
    ("np.linalg.cholesky", (spd(3),), (0,)),
    ("np.linalg.cholesky", (np.stack([spd(2), spd(2)]),), (0,)),
    ("np.linalg.solve", (spd(3), X3), (0, 1)),
    ("np.linalg.solve", (spd(3), array(3, 2)), (0, 1)),
    ("np.linalg.solve", (np.stack([spd(2), spd(2)]), array(2, 2, 3)), (0, 1)),
    # Containers.
    ("make_tuple", (0.5, X3), (0, 1)),
    ("make_tuple", (0.5, "s", None, X3), (0, 3)),
    ("make_list", (0.5, 0.6), (0, 1)),
    ("make_dict", ("a", 0.5, "b", X3), (1, 3)),
    ("index_get", (X23, 1), (0,)),
    ("index_get", (X23, (1, 2)), (0,)),
    ("index_get", (X23, (slice(None), -1)), (0,)),
    ("index_get", (X23, (Ellipsis, None, slice(0, 2))), (0,)),
    ("index_get", (X3, np.array([0, 2, 0])), (0,)),
    ("index_get", (X23, (np.array([0, 1, 0]), np.array([2, 2, 2]))), (0,)),
    ("index_get", (X3, np.array([True, False, True])), (0,)),
    ("index_get", ([0.5, 0.6, 0.7], 1), (0,)),
    ("index_get", ([0.5, 0.6, 0.7], slice(1, None)), (0,)),
    ("index_get", ((0.5, X3), 1), (0,)),
    ("index_get", ({"a": 0.5, "b": X3}, "b"), (0,)),
    ("index_set", (X3, 1, 0.7), (0, 2)),
    ("index_set", (X23, 1, X3), (0, 2)),
    ("index_set", (X23, 1, 0.7), (0, 2)),
    ("index_set", (X23, (slice(None), 0), array(2)), (0, 2)),
    ("index_set", (X3, np.array([True, False, True]), 0.7), (0, 2)),
    ("index_set", (X3, np.array([0, 2]), array(2)), (0, 2)),
    ("index_set", (X3, slice(0, 2), [0.1, 0.2]), (0, 2)),
    ("index_set", ([0.5, 0.6], 1, 0.7), (0, 2)),
    ("index_set", ([X3, array(2)], 1, array(4)), (0, 2)),
    ("index_set", ({"a": 0.5, "b": X3}, "b", 0.7), (0, 2)),
    ("index_set", ({"a": 0.5}, "b", 0.7), (0, 2)),
    ("clear_item", ({"a": 0.5, "b": 0.7}, {"a": 0.5}, "b"), (0,)),
    ("index_add", (X3, np.array([0, 2, 0]), array(3)), (0, 2)),
    ("index_add", (X23, 1, 0.7), (0, 2)),
    ("index_add", ([0.5, 0.6], 1, 0.7), (0, 2)),
    ("index_add", ((0.5, X3), 1, array(3)), (0, 2)),
    ("append", ([0.5], 0.7), (0, 1)),
    ("append", ([X3], array(3)), (0, 1)),
    ("drop_last", ([0.5, 0.7],), (0,)),
    ("drop_last", ([X3, array(2)],), (0,)),
    ("add", ([0.5], [0.6, 0.7]), (0, 1)),
    ("add", ((0.5,), (0.6, X3)), (0, 1)),
    ("multiply", ([0.5, X3], 3), (0,)),
    ("multiply", ((0.5, 0.6), 2), (0,)),
    ("fold", ([0.5, 0.6, 0.7, 0.8], [0.1, 0.2]), (0,)),
    ("list", ([0.5, 0.6],), (0,)),
    ("list", ((0.5, 0.6),), (0,)),
    ("list", (X3,), (0,)),
    ("list", (X23,), (0,)),
    ("tuple", ([0.5, 0.6],), (0,)),
    ("tuple", (X3,), (0,)),
    ("reversed", ([0.5, 0.6, 0.7],), (0,)),
    ("sorted", ([0.5, 0.9, 0.7],), (0,)),
    ("sorted", ([0.5, 0.9, 0.7], True), (0,)),
    ("sum", ([0.5, 0.6],), (0,)),
    ("sum", ((0.5, 0.6), 0.7), (0, 1)),
    ("sum", ([X3, array(3)],), (0,)),
    ("sum", ((X3, 0.5),), (0,)),
    ("sum", (X3,), (0,)),
    ("sum", (X23,), (0,)),
    ("spread_over", (0.5, [0.1, 0.2]), (0,)),
    *((n, (a,), (0,)) for n in ("max", "min") for a in ([0.5, 0.6, 0.1], (0.5, 0.6, 0.1), X3)),
    *((n, (0.5, 0.6), (0, 1)) for n in ("max", "min")),
    *((n, (0.5, 0.6, 0.1), (0, 1, 2)) for n in ("max", "min")),
    ("float", (0.5,), (0,)),
    ("accumulate", (X3, array(3)), (0, 1)),
    ("accumulate", ([0.5, (X3, 0.7)], [0.6, (array(3), 0.1)]), (0, 1)),
    # Lists where NumPy takes arrays.
    ("np.sum", ([0.5, 0.6],), (0,)),
    ("np.sin", ([0.5, 0.6],), (0,)),
    ("np.max", ([[0.5, 0.6], [0.7, 0.8]], 0), (0,)),
    ("np.dot", ((0.5, 0.6), X23), (0, 1)),
    ("add", ([0.5, 0.6, 0.7], X3), (0, 1)),
    ("multiply", (X3, (0.5, 0.6, 0.7)), (0, 1)),
]

REFUSED = {
    *("np.dot", "np.inner", "np.hstack", "np.column_stack", "np.vstack", "np.diag", "np.tile", "np.concatenate"),
    *("np.stack", "np.linalg.norm", "np.prod", "np.transpose", "split_like", "product_of_others", "math.prod"),
    *("sum", "list", "tuple", "max", "min", "add", "multiply", "index_set"),
}
"""Rules that may ask for more knowledge of types than nothing."""


FIRST_ORDER = ("power-(2,)-(2,)", "tuple-[", "np.vstack-(", "np.column_stack-(", "np.dot-(0.5")
"""What is checked to first order: mixed ranks, tuples of unknown length."""


ONE_BY_ONE = {
    # Index arrays apart from each other among which there is a mask, or an ellipsis between them.
    *("index_get", "index_set", "index_add"),
    # Products of unknown ranks, and displays in the place of an array.
    *("np.dot", "matmul_left", "matmul_right"),
    # A diagonal beside the main one.
    "np.diag",
    # Not linear, so no derivative is their operand; NumPy has no such function, or it is another.
    *("math.dist", "math.erf", "math.erfc", "math.hypot", "math.log", "math.prod"),
    *("math.remainder", "max", "min", "np.arange", "np.argmax"),
}
"""What stacks of directions take one after the other where ranks are known, at least for some operands."""

_ALWAYS = {"sorted", "accumulate", "item_adjoint", "spread_item"}
STACKS_REFUSED: dict[str, set[str]] = {
    "exact": _ALWAYS,
    "symbols": _ALWAYS,
    "rank": _ALWAYS | {"fold", "np.dot", "split_like", "spread_over", "sum", "tolist"},
    "unknown": _ALWAYS
    | {"add", "append", "clear_item", "fold", "index_add", "index_set", "make_dict", "make_list", "make_tuple"}
    | {"math.dist", "math.fsum", "math.prod", "max", "min", "multiply", "np.array", "np.column_stack", "np.concatenate"}
    | {"np.dot", "np.hstack", "np.max", "np.sin", "np.sum", "np.vstack", "split_like", "spread_over", "sum", "tolist"}
    | {"unpack"},
}
"""What may be refused: sorting lists, adding lists of mixed items; what makes or takes apart containers of which it is
not known what they hold."""

DENSE = {
    *("np.linalg.cholesky", "np.linalg.det", "np.linalg.inv", "np.linalg.slogdet", "np.linalg.solve"),
    "np.arange",
}
"""What the pattern of a sparse derivative takes to depend on all of its operands."""
