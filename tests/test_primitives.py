"""The table: what each primitive means, what its type rule promises, and what it refuses."""

from __future__ import annotations

import ast
import math
import operator
from typing import Any

import numpy as np
import pytest

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Global, Value, constant
from srcdiff.ir.types import (
    BOTTOM,
    FLOAT,
    INT,
    STR,
    UNKNOWN,
    Array,
    Dict,
    List,
    Opaque,
    Scalar,
    Size,
    Slice,
    Symbol,
    Tuple,
    Type,
    join,
)
from srcdiff.primitives.helpers import HELPERS, NEEDS, helper
from srcdiff.primitives.indexing import ELLIPSIS
from srcdiff.primitives.inference import InferenceError
from srcdiff.primitives.rules import MissingRule, jvp, vjp
from srcdiff.primitives.table import METHODS, TABLE, lookup
from tests.rule_checks import Tape

N, M = Symbol("n"), Symbol("m")
P = Symbol("p", plural=True)
X = np.arange(6.0).reshape(2, 3)


def infer(name: str, *operands: Any) -> str:
    """The inferred type, as text; types stand for values of that type, other objects for constants."""
    b = Builder()
    values = [Value(o) if isinstance(o, Type) else o for o in operands]
    return str(b.apply(TABLE[name], *(v if isinstance(v, Value) else constant(v) for v in values)).type)


def f64(*shape: Any) -> Array:
    return Array("float64", shape)


@pytest.mark.parametrize(
    ("name", "operands", "expected"),
    [
        # Broadcasting: equal symbols stay, 1 gives way, a constant wins, plural symbols never stretch.
        ("add", (f64(N), f64(N)), "float64[n]"),
        ("add", (f64(N), f64(M)), "float64[?]"),
        ("add", (f64(N, 1), f64(M)), "float64[n, m]"),
        ("add", (f64(N), f64(3)), "float64[3]"),
        ("add", (f64(P), f64(M)), "float64[p]"),
        ("add", (f64(None), f64(P)), "float64[p]"),
        ("add", (f64(2), f64(3)), "bottom"),
        ("add", (f64(N), FLOAT), "float64[n]"),
        ("add", (f64(N), UNKNOWN), "array[...]"),
        ("add", (UNKNOWN, FLOAT), "unknown"),
        # dtypes: numbers in the text are weak, other numbers may be NumPy's.
        ("multiply", (Array("float32", (N,)), 2.0), "float32[n]"),
        ("multiply", (Array("float32", (N,)), FLOAT), "array[n]"),
        ("multiply", (Array("float32", (N,)), f64(N)), "float64[n]"),
        ("multiply", (Array("int64", (N,)), 2.0), "float64[n]"),
        ("divide", (Array("int64", (N,)), 2), "float64[n]"),
        ("less", (f64(N), 2.0), "bool[n]"),
        ("np.sin", (Array("int64", (N,)),), "float64[n]"),
        ("np.sin", (Array("float32", (N,)),), "float32[n]"),
        # Numbers.
        ("add", (INT, INT), "int"),
        ("divide", (INT, INT), "float"),
        ("power", (INT, 2), "int"),
        ("power", (INT, INT), "float"),
        ("add", (Scalar("bool"), Scalar("bool")), "int"),
        ("add", (STR, STR), "str"),
        ("multiply", (STR, INT), "str"),
        ("mod", (STR, INT), "str"),
        ("add", (List(FLOAT), List(INT)), "list[float]"),
        ("add", (Tuple((FLOAT,)), Tuple((INT,))), "(float, int)"),
        ("multiply", (Tuple((FLOAT,)), 2), "(float, float)"),
        ("multiply", (List(FLOAT), INT), "list[float]"),
        # Products.
        ("matmul", (f64(N, 3), f64(3, M)), "float64[n, m]"),
        ("matmul", (f64(3), f64(3)), "float"),
        ("matmul", (f64(N, 3), f64(4, M)), "bottom"),
        ("matmul", (f64(5, N, 3), f64(3)), "float64[5, n]"),
        ("np.dot", (f64(N, 3), 2.0), "float64[n, 3]"),
        # Reductions.
        ("np.sum", (f64(N, 3),), "float"),
        ("np.sum", (f64(N, 3), -1), "float64[n]"),
        ("np.sum", (f64(N, 3), 0, True), "float64[1, 3]"),
        ("np.sum", (f64(N), 1), "bottom"),
        ("np.sum", (Array(None, None),), "float"),
        ("np.sum", (Array(None, None), 0), "unknown"),
        ("np.mean", (Array("int64", (N,)),), "float"),
        ("np.max", (Array("int64", (N,)),), "int"),
        ("np.sum", (Array("bool", (N, 2)), 0), "int64[2]"),
        ("np.argmax", (f64(N, 3), 0), "int64[3]"),
        # Makers.
        ("np.zeros", (3,), "float64[3]"),
        ("np.zeros", (Size("int", N),), "float64[n]"),
        ("np.zeros", (Tuple((Size("int", N), Size("int", 3))),), "float64[n, 3]"),
        ("np.zeros", (INT,), "float64[?]"),
        ("np.zeros", (3, "float32"), "float32[3]"),
        ("np.eye", (Size("int", N),), "float64[n, n]"),
        ("np.arange", (Size("int", N),), "int64[n]"),
        ("np.arange", (1, 7, 2), "int64[3]"),
        ("np.zeros_like", (Array("float32", (N,)),), "float32[n]"),
        ("np.array", (List(FLOAT),), "float64[?]"),
        ("np.array", (Tuple((FLOAT, FLOAT)),), "float64[2]"),
        ("np.linspace", (0.0, 1.0, 5), "float64[5]"),
        # Shapes.
        ("T", (f64(N, 3),), "float64[3, n]"),
        ("np.reshape", (f64(6), Tuple((Size("int", 2), Size("int", -1)))), "float64[2, 3]"),
        ("np.reshape", (f64(N), Tuple((Size("int", -1), Size("int", 1)))), "float64[n, 1]"),
        ("np.reshape", (f64(N, M), Tuple((Size("int", M), Size("int", -1)))), "float64[m, n]"),
        ("np.expand_dims", (f64(N), -1), "float64[n, 1]"),
        ("np.squeeze", (f64(1, N), 0), "float64[n]"),
        ("np.moveaxis", (f64(1, 2, 3), 0, -1), "float64[2, 3, 1]"),
        ("np.broadcast_to", (FLOAT, Tuple((Size("int", N),))), "array[n]"),
        ("np.concatenate", (Tuple((f64(N), f64(2))),), "float64[n+2]"),
        ("np.stack", (Tuple((f64(N), f64(N))),), "float64[2, n]"),
        ("shape", (f64(N, 3),), "(int, int)"),
        ("shape", (UNKNOWN,), "shape"),
        ("len", (f64(N, 3),), "int"),
        ("len", (UNKNOWN,), "int"),
        # Indexing.
        ("index_get", (f64(N), 0), "float"),
        ("index_get", (f64(N), INT), "float"),
        ("index_get", (f64(N, 3), 0), "float64[3]"),
        ("index_get", (f64(N), Slice("slice", 1, "absent", 1)), "float64[n-1]"),
        ("index_get", (f64(N), Slice("slice", "absent", -1, 1)), "float64[n-1]"),
        ("index_get", (f64(N), Slice("slice", 1, -1, 1)), "float64[n-2]"),
        ("index_get", (f64(N), Slice("slice", "absent", 3, 1)), "float64[?]"),
        ("index_get", (f64(N), Slice("slice", -3, "absent", 1)), "float64[?]"),
        ("index_get", (f64(5), Slice("slice", -3, "absent", 1)), "float64[3]"),
        ("index_get", (f64(5), Slice("slice", "absent", "absent", 2)), "float64[3]"),
        ("index_get", (f64(N), None), "float64[1, n]"),
        ("index_get", (f64(N, 3), Ellipsis), "float64[n, 3]"),
        ("index_get", (f64(N), Array("int64", (M,))), "float64[m]"),
        ("index_get", (f64(N, 3), Array("bool", (N,))), "float64[?, 3]"),
        ("index_get", (f64(N, 3), Array("bool", (N, 3))), "float64[?]"),
        ("index_get", (f64(N, 3, 4), Tuple((Array("int64", (M,)), Size("int", 0)))), "float64[m, 4]"),
        (
            "index_get",
            (f64(N, 3, 4), Tuple((Size("int", 0), Slice("slice", "absent", "absent", 1), Array("int64", (M,))))),
            "float64[m, 3]",
        ),
        ("index_get", (f64(N), Tuple((INT, INT))), "bottom"),
        ("index_get", (Array(None, None), 0), "unknown"),
        ("index_get", (Tuple((FLOAT, INT)), 1), "int"),
        ("index_get", (Tuple((FLOAT, INT)), INT), "float"),
        ("index_get", (Tuple((FLOAT, INT)), 2), "bottom"),
        ("index_get", (Dict((("a", FLOAT), ("b", INT))), "b"), "int"),
        ("index_get", (Dict((("a", FLOAT),)), "c"), "bottom"),
        ("index_get", (STR, 0), "str"),
        ("index_get", (Opaque("shape"), 0), "int"),
        ("index_set", (List(INT), 0, FLOAT), "list[float]"),
        ("index_set", (Dict(()), "a", FLOAT), "{'a': float}"),
        ("append", (List(None), FLOAT), "list[float]"),
        # Derivatives.
        ("zeros_like", (Array("int64", (N,)),), "float64[n]"),
        ("zeros_like", (Tuple((INT, STR)),), "(float, None)"),
        ("accumulate", (Array("float64", (None, 3)), Array("float64", (N, None))), "float64[n, 3]"),
        ("unbroadcast", (f64(N, 3), FLOAT), "float"),
    ],
)
def test_types(name: str, operands: tuple[Any, ...], expected: str) -> None:
    assert infer(name, *operands) == expected


def test_dimensions_follow_sizes() -> None:
    b = Builder()
    x = Value(f64(N, 3))
    shape = b.apply(TABLE["shape"], x)
    n = b.apply(TABLE["index_get"], shape, 0)
    less = b.apply(TABLE["subtract"], n, 1)
    assert str(b.apply(TABLE["np.zeros"], less).type) == "float64[n-1]"
    assert str(b.apply(TABLE["np.zeros"], b.apply(TABLE["make_tuple"], n, 2)).type) == "float64[n, 2]"
    # Where two sizes meet, nothing is claimed.
    assert not isinstance(join(n.type, less.type), Size)


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("add", (STR, FLOAT)),
        ("add", (None, FLOAT)),
        ("add", (List(FLOAT), FLOAT)),
        ("subtract", (STR, STR)),
        ("matmul", (List(FLOAT), List(FLOAT))),
        ("less", (FLOAT, None)),
        ("negative", (STR,)),
        ("invert", (FLOAT,)),
        ("index_get", (FLOAT, 0)),
        ("index_get", (List(FLOAT), "a")),
        ("index_get", (f64(N), STR)),
        ("index_set", (Tuple((FLOAT,)), 0, FLOAT)),
        ("len", (FLOAT,)),
        ("range", (0, 2.5, 1)),
        ("float", (List(FLOAT),)),
        ("append", (FLOAT, FLOAT)),
        ("np.sum", (STR,)),
        ("np.sum", (f64(N), "a")),
        ("np.sin", (None,)),
        ("math.sin", (List(FLOAT),)),
        ("np.zeros", (2.5 and FLOAT,)),
        ("np.zeros", (3, "floaty")),
        ("np.einsum", ("ij,jk->il", f64(2, 2), f64(2, 2))),
    ],
)
def test_certain_mistakes_are_refused(name: str, operands: tuple[Any, ...]) -> None:
    with pytest.raises(InferenceError) as error:
        infer(name, *operands)
    assert "\n" not in str(error.value)


def test_dtype_operands() -> None:
    shape = constant(3)
    for dtype, expected in (
        (Global(Opaque("dtype"), module="numpy", attribute="float32"), "float32[3]"),
        (Global(Opaque("dtype"), module="builtins", attribute="int"), "int64[3]"),
        (Value(Opaque("dtype")), "array[3]"),
    ):
        assert str(TABLE["np.zeros"].infer(shape, dtype)) == expected


@pytest.mark.parametrize(
    ("module", "attribute", "name"),
    [
        ("numpy", "add", "add"),
        ("numpy", "true_divide", "divide"),
        ("numpy", "absolute", "np.abs"),
        ("numpy", "amax", "np.max"),
        ("numpy", "copy", "copy"),
        ("numpy", "shape", "shape"),
        ("math", "sqrt", "math.sqrt"),
        ("builtins", "abs", "abs"),
        ("builtins", "range", "range"),
        ("numpy.linalg", "solve", "np.linalg.solve"),
    ],
)
def test_lookup(module: str, attribute: str, name: str) -> None:
    found = lookup(module, attribute)
    assert found is TABLE[name]


def test_lookup_of_what_is_not_there() -> None:
    assert lookup("builtins", "open") is None
    assert lookup("numpy", "zeros_of") is None
    assert lookup("scipy.special", "zeta") is None
    # Internal primitives are nobody's functions.
    assert lookup("builtins", "index_get") is None


def test_methods_are_primitives_of_arrays() -> None:
    for name, primitive in METHODS.items():
        assert hasattr(np.ndarray, name), name
        assert primitive is TABLE[primitive.name]


def test_evaluate_never_changes_operands() -> None:
    x, items = X.copy(), [1.0, 2.0]
    assert TABLE["index_set"].evaluate(x, (0, 1), 9.0)[0, 1] == 9.0
    added = TABLE["index_add"].evaluate(x, np.array([0, 0]), 1.0)
    np.testing.assert_array_equal(added - X, [[2.0] * 3, [0.0] * 3])
    assert TABLE["append"].evaluate(items, 3.0) == [1.0, 2.0, 3.0]
    assert TABLE["drop_last"].evaluate(items) == [1.0]
    assert TABLE["index_add"].evaluate((1.0, 2.0), 1, 5.0) == (1.0, 7.0)
    np.testing.assert_array_equal(x, X)
    assert items == [1.0, 2.0]


def test_copy_shares_nothing() -> None:
    x = {"a": [X.copy()], "b": (1.0,)}
    y = TABLE["copy"].evaluate(x)
    y["a"][0][0, 0] = 7.0
    assert x["a"][0][0, 0] == 0.0


def test_numbers_stay_numbers() -> None:
    assert TABLE["add"].evaluate is operator.add
    assert TABLE["math.floor"].evaluate(2.7) == 2
    assert TABLE["formatted"].evaluate(math.pi, None, ".2f") == "3.14"
    assert TABLE["formatted"].evaluate("a", "r", None) == "'a'"


def test_views_are_declared() -> None:
    """A result that shares memory with an operand says so (an in-place write must know)."""
    for name, operands in {
        "T": (X,),
        "index_get": (X, 0),
        "np.reshape": (X, (3, 2)),
        "np.ravel": (X,),
        "np.transpose": (X, None),
        "np.swapaxes": (X, 0, 1),
        "np.moveaxis": (X, 0, 1),
        "np.squeeze": (X, None),
        "np.expand_dims": (X, 0),
        "np.broadcast_to": (X, (4, 2, 3)),
        "np.diagonal": (X, 0),
        "np.diag": (X, 0),
        "np.flip": (X, None),
        "np.asarray": (X, None),
        "np.atleast_1d": (X,),
        "identity": (X,),
        "reversed": (X,),
        "unbroadcast": (X, X),
    }.items():
        assert np.shares_memory(TABLE[name].evaluate(*operands), X), name
        assert 0 in TABLE[name].views, name


def test_what_is_not_a_view_shares_nothing() -> None:
    square = X @ X.T
    samples: dict[str, tuple[Any, ...]] = {
        "np.where": (X > 1, X, 0.0),
        "np.clip": (X, 0.0, 9.0),
        "np.nan_to_num": (X, True, 0.0, None, None),
        "np.array": (X, None),
        "astype": (X, "float64"),
        "np.tril": (square, 0),
        "np.concatenate": ([X], 0),
        "np.stack": ([X], 0),
        "np.vstack": ([X],),
        "np.roll": (X, 0, None),
        "np.repeat": (X, 1, 0),
        "np.tile": (X, 1),
        "copy": (X,),
        "positive": (X,),
        "abs": (X,),
        "index_set": (X, 0, 1.0),
        "accumulate": (X, X),
        "zeros_like": (X,),
    }
    for name, operands in samples.items():
        result = TABLE[name].evaluate(*operands)
        assert not any(np.shares_memory(result, o) for o in operands if isinstance(o, np.ndarray)), name
        assert TABLE[name].views == (), name


def test_helpers_stand_alone() -> None:
    for name, text in HELPERS.items():
        namespace: dict[str, Any] = {"np": np}
        for needed in (*NEEDS.get(name, ()), name):
            exec(HELPERS[needed], namespace)
        calls = {
            n.func.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        called = calls & set(HELPERS) - {name}
        assert called == set(NEEDS.get(name, ())), name
        assert text.startswith(f"def {name}(") and text.endswith("\n")


def test_helper_meanings() -> None:
    np.testing.assert_array_equal(helper("unbroadcast")(X, np.zeros((2, 1))), [[3.0], [12.0]])
    assert helper("unbroadcast")(X, 1.0) == 15.0
    zeros = helper("zeros_like")({"a": 1, "b": [np.arange(3), "s", None, (2.5,)]})
    assert zeros["a"] == 0.0 and zeros["b"][1] is None and zeros["b"][3] == (0.0,)
    assert zeros["b"][0].dtype == float
    assert helper("zeros_like")(np.zeros(2, np.float32)).dtype == np.float32
    assert helper("accumulate")({"a": 1.0}, {"a": 2.0, "b": 3.0}) == {"a": 3.0, "b": 3.0}
    assert helper("entries")({"b": [2.0, None], "a": (X[0], [])}).tolist() == [*X[0], 2.0]
    assert helper("settled")({"a": X}, {"a": X}, 1e-9) and helper("settled")(X, X + 1e-9, 1e-9)
    assert not helper("settled")(X, X + 1e-7, 1e-9) and not helper("settled")(np.full(2, np.inf), np.ones(2), 1e-9)
    assert helper("settled")([], [], 1e-9) and not helper("settled")([1.0, np.nan], [1.0, np.nan], 1e-9)
    with pytest.raises(ValueError, match="zip"):
        helper("accumulate")([1.0], [1.0, 2.0])
    assert helper("unbroadcast")([1.0], [2.0]) == [1.0]
    for x in ([1.0, 2.0], (1.0,), {0: 1.0}):
        with pytest.raises(TypeError, match="broadcast"):
            helper("unbroadcast")([1.0], x)


def test_a_missing_rule_names_the_primitive() -> None:
    tape = Tape()
    x = tape.value(5.5, "exact", True)
    y = tape.builder.apply(TABLE["scipy.special.comb"], x, 2)
    (apply,) = tape.builder.statements
    with pytest.raises(MissingRule, match=r"scipy\.special\.comb") as error:
        jvp(tape.builder, apply, [x, None])  # type: ignore[arg-type]
    assert error.value.primitive is TABLE["scipy.special.comb"]
    with pytest.raises(MissingRule):
        vjp(tape.builder, apply, y, [True, False])  # type: ignore[arg-type]


def text(name: str, *operands: Any, mode: str = "exact", wrt: tuple[int, ...] = (0,)) -> tuple[list[str], list[str]]:
    """The primitives that the forward and the reverse rule build."""
    result: list[list[str]] = []
    for reverse in (False, True):
        tape = Tape()
        values = [tape.value(x, mode, i in wrt) for i, x in enumerate(operands)]  # type: ignore[arg-type]
        y = tape.builder.apply(TABLE[name], *values)
        apply = tape.builder.statements[-1]
        start = len(tape.builder.statements)
        if reverse:
            vjp(tape.builder, apply, Value(y.type), [i in wrt for i in range(len(apply.operands))])  # type: ignore
        else:
            tangents = [Value(v.type) if i in wrt else None for i, v in enumerate(apply.operands)]  # type: ignore
            jvp(tape.builder, apply, tangents)  # type: ignore[arg-type]
        result.append([s.primitive.name for s in tape.builder.statements[start:]])  # type: ignore[union-attr]
    return result[0], result[1]


def test_rules_build_nothing_superfluous() -> None:
    assert text("multiply", 2.0, 3.0, wrt=(0, 1)) == (["multiply", "multiply", "add"], ["multiply", "multiply"])
    assert text("add", 2.0, 3.0, wrt=(0, 1)) == (["add"], [])
    assert text("subtract", 2.0, 3.0, wrt=(0, 1)) == (["subtract"], ["negative"])
    assert text("math.sin", 2.0) == (["math.cos", "multiply"], ["math.cos", "multiply"])
    assert text("np.sin", X) == (["np.cos", "multiply"], ["np.cos", "multiply"])
    assert text("np.tanh", X)[1] == ["multiply", "subtract", "multiply"]
    assert text("math.log", 2.0) == (["divide"], ["divide"])
    assert text("power", X, 2) == (["multiply", "multiply"], ["multiply", "multiply"])
    assert text("multiply", X, X[0], wrt=(0, 1))[1] == ["multiply", "multiply", "np.sum"]
    assert text("multiply", X, 2.0) == (["multiply"], ["multiply"])
    assert text("multiply", X, 2.0, mode="unknown") == (["multiply"], ["multiply"])
    assert text("add", X, X + 1.0, mode="symbols", wrt=(0,)) == ([], [])
    assert text("np.sum", X, None, False) == (["np.sum"], ["shape", "np.broadcast_to"])
    assert text("T", X) == (["T"], ["T"])
    assert text("matmul", X, X.T, wrt=(0, 1))[1] == ["T", "matmul", "T", "matmul"]


def test_arrays_without_dimensions_are_not_numbers() -> None:
    """They can be written to, and a number cannot."""
    zero_d = f64()
    assert infer("np.where", Scalar("bool"), 1, 2) == "int64[]"
    assert infer("np.zeros", Tuple(())) == "float64[]"
    assert infer("np.squeeze", f64(1)) == "float64[]"
    assert infer("index_get", f64(N), Tuple((INT, ELLIPSIS))) == "float64[]"
    assert infer("index_get", zero_d, Tuple(())) == "float"
    assert infer("add", zero_d, 1.0) == "float"
    assert infer("np.sum", zero_d) == "float"


def test_the_type_of_nothing_is_nothing() -> None:
    assert TABLE["add"].infer(Value(BOTTOM), Value(FLOAT)) == BOTTOM
    assert str(TABLE["make_tuple"].infer(Value(BOTTOM), Value(FLOAT))) == "(bottom, float)"
