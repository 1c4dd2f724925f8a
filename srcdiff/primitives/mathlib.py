"""The functions of the module `math`, on numbers.

Out: `MATH`, name -> primitive ("math.sin"...).

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> print(MATH["math.floor"].infer(Value(FLOAT)), MATH["math.hypot"].evaluate(3.0, 4.0))
int 5.0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import BOOL, FLOAT, INT, NONE, STR, Dict, List, Tuple, Type
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.inference import InferenceError, primitive

_UNARY = [
    "exp",
    "expm1",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "degrees",
    "radians",
    "fabs",
    "erf",
    "erfc",
    "gamma",
    "lgamma",
    "ulp",
]
_BINARY = ["pow", "atan2", "copysign", "fmod", "remainder", "ldexp", "nextafter"]
_WHOLE = ["floor", "ceil", "trunc", "factorial", "isqrt"]
_WHOLE_2 = ["comb", "perm"]
_TESTS = ["isnan", "isfinite", "isinf"]


def _rule(name: str, result: Type) -> Callable[..., Type]:
    def infer(*operands: Value) -> Type:
        for operand in operands:
            if isinstance(operand.type, List | Tuple | Dict) or operand.type in (STR, NONE):
                raise InferenceError(f"math.{name} needs numbers, not {operand.type}")
        return result

    return infer


def _iterable(name: str) -> Callable[..., Type]:
    def infer(iterable: Value, *start: Value) -> Type:
        return FLOAT

    return infer


def _make(name: str, parameters: str, result: Type, **options: bool) -> Primitive:
    return primitive(f"math.{name}", parameters, _rule(name, result), getattr(math, name), **options)  # type: ignore[arg-type]


# What only newer versions of Python have is computed in another way where it is missing.


def _cbrt(x: float) -> float:
    return math.copysign(abs(x) ** (1.0 / 3.0), x)


def _exp2(x: float) -> float:
    return float(2.0**x)


def _sumprod(p: Sequence[float], q: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(p, q, strict=True))


def _fma(x: float, y: float, z: float) -> float:
    return x * y + z


def _newer(name: str, parameters: str, otherwise: Callable[..., Any]) -> Primitive:
    return primitive(f"math.{name}", parameters, _rule(name, FLOAT), getattr(math, name, otherwise))


def _parts(name: str, *items: Type) -> Callable[[Value], Type]:
    def infer(x: Value) -> Type:
        _rule(name, FLOAT)(x)
        return Tuple(items)

    return infer


def _log(x: float, base: float | None) -> float:
    return math.log(x) if base is None else math.log(x, base)


def _log_type(x: Value, base: Value) -> Type:
    return _rule("log", FLOAT)(x) if base.type == NONE else _rule("log", FLOAT)(x, base)


def _isclose(a: float, b: float, rel_tol: float, abs_tol: float) -> bool:
    return math.isclose(a, b, rel_tol=rel_tol, abs_tol=abs_tol)


MATH: dict[str, Primitive] = {
    p.name: p
    for p in (
        *(_make(n, "x", FLOAT) for n in _UNARY),
        *(_make(n, "x y", FLOAT) for n in _BINARY),
        *(_make(n, "x", INT) for n in _WHOLE),
        *(_make(n, "n k", INT) for n in _WHOLE_2),
        *(_make(n, "x", BOOL) for n in _TESTS),
        _make("hypot", "coordinates", FLOAT, variadic=True),
        _make("gcd", "integers", INT, variadic=True),
        _make("lcm", "integers", INT, variadic=True),
        primitive("math.log", "x base", _log_type, _log, defaults=(None,)),
        _newer("cbrt", "x", _cbrt),
        _newer("exp2", "x", _exp2),
        _newer("fma", "x y z", _fma),
        primitive("math.sumprod", "p q", _iterable("sumprod"), getattr(math, "sumprod", _sumprod)),
        primitive("math.modf", "x", _parts("modf", FLOAT, FLOAT), math.modf),
        primitive("math.frexp", "x", _parts("frexp", FLOAT, INT), math.frexp),
        primitive("lgamma_derivative", "x order", lambda x, order: FLOAT, helper("lgamma_derivative")),
        primitive("math.dist", "p q", _iterable("dist"), math.dist),
        primitive("math.fsum", "seq", _iterable("fsum"), math.fsum),
        primitive(
            "math.prod",
            "iterable start",
            _iterable("prod"),
            lambda iterable, start: math.prod(iterable, start=start),
            defaults=(1,),
        ),
        primitive(
            "math.isclose",
            "a b rel_tol abs_tol",
            lambda a, b, rel_tol, abs_tol: BOOL,
            _isclose,
            defaults=(1e-09, 0.0),
        ),
    )
}
