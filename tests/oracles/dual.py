"""Dual numbers: derivatives by operator overloading, an oracle that shares no code with the compiler.

In: a function written with operators, the functions of this module or NumPy's. Out: its value and its derivative along
a tangent. Duals nest, which gives higher orders; each `derivative` has a level of its own, so that a function may use
the duals of the ones around it (a number of a lower level is a constant). There is no `__float__`: losing a tangent on
the way is an error.

>>> value, tangent = derivative(lambda x: sin(x) * x, (0.0,), (1.0,))
>>> value, tangent
(0.0, 0.0)
>>> derivative(lambda x: derivative(lambda y: y**3, (x,), (1.0,))[1], (2.0,), (1.0,))
(12.0, 12.0)
>>> derivative(lambda x: x * derivative(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,))
(1.0, 1.0)
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Dual:
    """`value + tangent * d` with d * d = 0, where every level has its own d."""

    value: Any
    tangent: Any
    level: int = 0

    def __add__(self, other: Any) -> Dual:
        s, o = levelled(self, other)
        return Dual(s.value + o.value, s.tangent + o.tangent, s.level)

    def __sub__(self, other: Any) -> Dual:
        s, o = levelled(self, other)
        return Dual(s.value - o.value, s.tangent - o.tangent, s.level)

    def __mul__(self, other: Any) -> Dual:
        s, o = levelled(self, other)
        return Dual(s.value * o.value, s.tangent * o.value + s.value * o.tangent, s.level)

    def __truediv__(self, other: Any) -> Dual:
        s, o = levelled(self, other)
        tangent = (s.tangent * o.value - s.value * o.tangent) / (o.value * o.value)
        return Dual(s.value / o.value, tangent, s.level)

    def __pow__(self, exponent: Any) -> Dual:
        if isinstance(exponent, (int, float)):  # so that negative bases and the base 0 are right
            slope = exponent * self.value ** (exponent - 1) if exponent else 0.0
            return Dual(self.value**exponent, slope * self.tangent, self.level)
        return exp(exponent * log(self))

    def __radd__(self, other: Any) -> Dual:
        return lift(other, self.level) + self

    def __rsub__(self, other: Any) -> Dual:
        return lift(other, self.level) - self

    def __rmul__(self, other: Any) -> Dual:
        return lift(other, self.level) * self

    def __rtruediv__(self, other: Any) -> Dual:
        return lift(other, self.level) / self

    def __rpow__(self, base: Any) -> Dual:
        return exp(self * log(base))

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.tangent, self.level)

    def __abs__(self) -> Dual:
        return -self if self.value < 0 else self

    def __lt__(self, other: Any) -> bool:
        return bool(plain(self) < plain(other))

    def __le__(self, other: Any) -> bool:
        return bool(plain(self) <= plain(other))

    def __gt__(self, other: Any) -> bool:
        return bool(plain(self) > plain(other))

    def __ge__(self, other: Any) -> bool:
        return bool(plain(self) >= plain(other))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        """`np.sin(dual)` is `sin(dual)`, an array times a dual an array of duals."""
        if method != "__call__" or set(keywords) - {"out"}:
            return NotImplemented
        if "out" in keywords:  # `array *= dual`
            (out,) = keywords["out"]
            out[...] = ufunc(*inputs)
            return out
        if any(isinstance(i, np.ndarray) and i.ndim for i in inputs):
            boxed = [_boxed(i) if isinstance(i, Dual) else i for i in inputs]
            return ufunc(*boxed)
        numbers = [i.item() if isinstance(i, np.generic | np.ndarray) else i for i in inputs]
        return UFUNCS[ufunc.__name__](*numbers)

    def sin(self) -> Dual:
        return sin(self)

    def cos(self) -> Dual:
        return cos(self)

    def tanh(self) -> Dual:
        return tanh(self)

    def exp(self) -> Dual:
        return exp(self)

    def log(self) -> Dual:
        return log(self)

    def sqrt(self) -> Dual:
        return sqrt(self)


def lift(x: Any, level: int = 0) -> Dual:
    """A number as a dual of a level, without tangent if it is not one of that level."""
    return x if isinstance(x, Dual) and x.level >= level else Dual(x, 0.0, level)


def levelled(a: Any, b: Any) -> tuple[Dual, Dual]:
    """Two numbers as duals of the higher one of their levels."""
    level = max(x.level for x in (a, b) if isinstance(x, Dual))
    return lift(a, level), lift(b, level)


def plain(x: Any) -> Any:
    """The number itself, under all levels."""
    while isinstance(x, Dual):
        x = x.value
    return x


def _boxed(x: Dual) -> np.ndarray:
    box = np.empty((), dtype=object)
    box[()] = x
    return box


def sin(x: Any) -> Any:
    return Dual(sin(x.value), cos(x.value) * x.tangent, x.level) if isinstance(x, Dual) else math.sin(x)


def cos(x: Any) -> Any:
    return Dual(cos(x.value), -sin(x.value) * x.tangent, x.level) if isinstance(x, Dual) else math.cos(x)


def tanh(x: Any) -> Any:
    if not isinstance(x, Dual):
        return math.tanh(x)
    y = tanh(x.value)
    return Dual(y, (1.0 - y * y) * x.tangent, x.level)


def exp(x: Any) -> Any:
    if not isinstance(x, Dual):
        return math.exp(x)
    y = exp(x.value)
    return Dual(y, y * x.tangent, x.level)


def log(x: Any) -> Any:
    return Dual(log(x.value), x.tangent / x.value, x.level) if isinstance(x, Dual) else math.log(x)


def sqrt(x: Any) -> Any:
    if not isinstance(x, Dual):
        return math.sqrt(x)
    y = sqrt(x.value)
    return Dual(y, x.tangent / (2.0 * y), x.level)


_LEVELS = count(1)

UFUNCS = {
    "sin": sin,
    "cos": cos,
    "tanh": tanh,
    "exp": exp,
    "log": log,
    "sqrt": sqrt,
    "absolute": abs,
    "negative": lambda a: -a,
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}


def seed(primal: Any, tangent: Any, level: int = 0) -> Any:
    """The number, array or container `primal` with `tangent` attached to each of its floats."""
    if isinstance(primal, np.ndarray):
        out = np.empty(primal.shape, dtype=object)
        for index in np.ndindex(primal.shape):
            out[index] = Dual(primal[index], tangent[index], level)
        return out
    if isinstance(primal, (list, tuple)):
        return type(primal)(seed(p, t, level) for p, t in zip(primal, tangent, strict=True))
    if isinstance(primal, dict):
        return {key: seed(primal[key], tangent[key], level) for key in primal}
    return primal if tangent is None else Dual(primal, tangent, level)


def mixed(f: Any, primals: tuple[Any, ...], *directions: tuple[Any, ...]) -> Any:
    """The derivative of the scalar function `f` along all the directions, one after the other: a mixed partial.

    Every argument carries every level of duals from the outset, so that no two levels are confused. None in a
    direction passes its primal through.

    >>> mixed(lambda x, y: x**3 * y * y, (2.0, 5.0), (1.0, 0.0), (0.0, 1.0))
    120.0
    >>> mixed(lambda x: sin(x) * exp(x), (0.0,), (1.0,), (1.0,), (1.0,))
    2.0
    """
    arguments = primals
    levels = [next(_LEVELS) for _ in directions]
    for direction, level in zip(directions, levels, strict=True):
        arguments = tuple(seed(p, t, level) for p, t in zip(arguments, direction, strict=True))
    result = f(*arguments)
    for level in reversed(levels):
        result = lift(result, level).tangent
    return result


def derivative(f: Any, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """`(value, tangent)` of the scalar function `f`; a tangent of None passes its primal through."""
    level = next(_LEVELS)
    result = lift(f(*(seed(p, t, level) for p, t in zip(primals, tangents, strict=True))), level)
    return result.value, result.tangent


def gradient(f: Any, primals: tuple[Any, ...], wrt: tuple[int, ...]) -> tuple[Any, ...]:
    """The gradient of the scalar function `f` with respect to floats and float arrays, one direction at a time."""
    zeros = tuple(zero_of(p) for p in primals)

    def along(position: int, tangent: Any) -> Any:
        return derivative(f, primals, (*zeros[:position], tangent, *zeros[position + 1 :]))[1]

    out: list[Any] = []
    for position in wrt:
        primal = primals[position]
        if isinstance(primal, np.ndarray):
            g = np.zeros(primal.shape)
            for index in np.ndindex(primal.shape):
                unit = np.zeros(primal.shape)
                unit[index] = 1.0
                g[index] = along(position, unit)
            out.append(g)
        else:
            out.append(along(position, 1.0))
    return tuple(out)


def zero_of(primal: Any) -> Any:
    """The zero tangent of a number, array or container (None for what carries none)."""
    if isinstance(primal, np.ndarray):
        return np.zeros(primal.shape)
    if isinstance(primal, (list, tuple)):
        return type(primal)(zero_of(p) for p in primal)
    if isinstance(primal, dict):
        return {key: zero_of(value) for key, value in primal.items()}
    return 0.0 if isinstance(primal, float) else None
