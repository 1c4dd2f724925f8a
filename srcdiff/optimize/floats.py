"""What is known of dtypes beyond the types: values that are floats of some precision.

In: a value, and what defines the values in scope. Out: whether it certainly is a float, or an array of floats.

>>> from srcdiff.ir.types import Symbol
>>> from srcdiff.primitives.table import TABLE
>>> x, y = (Value(Array(None, (Symbol("n"),)), name) for name in "xy")
>>> known = Definitions()
>>> known[y] = Apply(TABLE["np.exp"], (x,), y)
>>> is_floating(x, known), is_floating(y, known)
(False, True)
"""

from __future__ import annotations

from srcdiff.ir.core import Apply, Value
from srcdiff.ir.types import Array, Scalar, Type, is_float_dtype
from srcdiff.optimize.definitions import Definitions

_DEPTH = 8
"""How far back it is looked."""

_INEXACT = frozenset(
    (
        *(
            f"np.{n}"
            for n in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "hypot", "sinc")
        ),
        *(f"np.{n}" for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arctan2")),
        *(
            f"np.{n}"
            for n in ("arcsinh", "arccosh", "arctanh", "logaddexp", "logaddexp2", "sinc", "mean", "std", "var")
        ),
        *("divide", "np.linalg.norm", "np.linalg.solve", "np.linalg.inv"),
    )
)
"""What gives floats of integers too."""

_ARITHMETIC = frozenset(("add", "subtract", "multiply", "matmul"))
_UNARY = frozenset(
    ("negative", "positive", "copy", "T", "np.reshape", "np.expand_dims", "np.sum", "np.transpose", "index_get")
)


def is_float_type(t: Type) -> bool:
    """Whether the type says that this is a float or an array of floats."""
    return t == Scalar("float") or (isinstance(t, Array) and t.dtype is not None and is_float_dtype(t.dtype))


def is_floating(value: Value, known: Definitions, depth: int = _DEPTH) -> bool:
    """Whether a value certainly is a float, or an array of floats."""
    if is_float_type(value.type):
        return True
    made = known.get(value)
    if depth == 0 or not isinstance(made, Apply) or not isinstance(value.type, Array):
        return False
    name = made.primitive.name
    if name in _INEXACT:
        return True
    if name in _ARITHMETIC:
        return any(is_floating(v, known, depth - 1) for v in made.operands)
    return (
        name in _UNARY and isinstance(made.operands[0].type, Array) and is_floating(made.operands[0], known, depth - 1)
    )


def keeps_single(t: Type) -> bool:
    """Whether single precision times a value of this type stays single, and a number times it does not: it is an array
    of truth values or of narrow integers."""
    wide = ("int64", "uint64", "int32", "uint32")
    return isinstance(t, Array) and t.dtype is not None and not is_float_dtype(t.dtype) and t.dtype not in wide
