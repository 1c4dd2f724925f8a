"""Dual numbers: derivatives by operator overloading, an oracle that shares no code with the compiler.

In: a function written with operators, the functions of this module or NumPy's. Out: its value and its derivative along
a tangent. Duals nest, which gives higher orders. There is no `__float__`: losing a tangent on the way is an error.

>>> value, tangent = derivative(lambda x: sin(x) * x, (0.0,), (1.0,))
>>> value, tangent
(0.0, 0.0)
>>> derivative(lambda x: derivative(lambda y: y**3, (x,), (1.0,))[1], (2.0,), (1.0,))
(12.0, 12.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Dual:
    """`value + tangent * d` with d * d = 0."""

    value: Any
    tangent: Any

    def __add__(self, other: Any) -> Dual:
        o = lift(other)
        return Dual(self.value + o.value, self.tangent + o.tangent)

    def __sub__(self, other: Any) -> Dual:
        o = lift(other)
        return Dual(self.value - o.value, self.tangent - o.tangent)

    def __mul__(self, other: Any) -> Dual:
        o = lift(other)
        return Dual(self.value * o.value, self.tangent * o.value + self.value * o.tangent)

    def __truediv__(self, other: Any) -> Dual:
        o = lift(other)
        return Dual(self.value / o.value, (self.tangent * o.value - self.value * o.tangent) / (o.value * o.value))

    def __pow__(self, exponent: Any) -> Dual:
        if isinstance(exponent, (int, float)):  # so that negative bases and the base 0 are right
            slope = exponent * self.value ** (exponent - 1) if exponent else 0.0
            return Dual(self.value**exponent, slope * self.tangent)
        return exp(exponent * log(self))

    def __radd__(self, other: Any) -> Dual:
        return lift(other) + self

    def __rsub__(self, other: Any) -> Dual:
        return lift(other) - self

    def __rmul__(self, other: Any) -> Dual:
        return lift(other) * self

    def __rtruediv__(self, other: Any) -> Dual:
        return lift(other) / self

    def __rpow__(self, base: Any) -> Dual:
        return exp(self * log(base))

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.tangent)

    def __abs__(self) -> Dual:
        return -self if self.value < 0 else self

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < lift(other).value)

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= lift(other).value)

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > lift(other).value)

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= lift(other).value)

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


def lift(x: Any) -> Dual:
    """A number as a dual without tangent."""
    return x if isinstance(x, Dual) else Dual(x, 0.0)


def _boxed(x: Dual) -> np.ndarray:
    box = np.empty((), dtype=object)
    box[()] = x
    return box


def sin(x: Any) -> Any:
    return Dual(sin(x.value), cos(x.value) * x.tangent) if isinstance(x, Dual) else math.sin(x)


def cos(x: Any) -> Any:
    return Dual(cos(x.value), -sin(x.value) * x.tangent) if isinstance(x, Dual) else math.cos(x)


def tanh(x: Any) -> Any:
    if not isinstance(x, Dual):
        return math.tanh(x)
    y = tanh(x.value)
    return Dual(y, (1.0 - y * y) * x.tangent)


def exp(x: Any) -> Any:
    if not isinstance(x, Dual):
        return math.exp(x)
    y = exp(x.value)
    return Dual(y, y * x.tangent)


def log(x: Any) -> Any:
    return Dual(log(x.value), x.tangent / x.value) if isinstance(x, Dual) else math.log(x)


def sqrt(x: Any) -> Any:
    if not isinstance(x, Dual):
        return math.sqrt(x)
    y = sqrt(x.value)
    return Dual(y, x.tangent / (2.0 * y))


UFUNCS = {
    "sin": sin,
    "cos": cos,
    "tanh": tanh,
    "exp": exp,
    "log": log,
    "sqrt": sqrt,
    "absolute": abs,
    "negative": lambda a: -a,
    "add": lambda a, b: lift(a) + b,
    "subtract": lambda a, b: lift(a) - b,
    "multiply": lambda a, b: lift(a) * b,
    "divide": lambda a, b: lift(a) / b,
    "power": lambda a, b: lift(a) ** b,
    "less": lambda a, b: lift(a) < b,
    "less_equal": lambda a, b: lift(a) <= b,
    "greater": lambda a, b: lift(a) > b,
    "greater_equal": lambda a, b: lift(a) >= b,
}


def seed(primal: Any, tangent: Any) -> Any:
    """The number, array or container `primal` with `tangent` attached to each of its floats."""
    if isinstance(primal, np.ndarray):
        out = np.empty(primal.shape, dtype=object)
        for index in np.ndindex(primal.shape):
            out[index] = Dual(primal[index], tangent[index])
        return out
    if isinstance(primal, (list, tuple)):
        return type(primal)(seed(p, t) for p, t in zip(primal, tangent, strict=True))
    if isinstance(primal, dict):
        return {key: seed(primal[key], tangent[key]) for key in primal}
    return primal if tangent is None else Dual(primal, tangent)


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
    for direction in directions:
        arguments = tuple(seed(p, t) for p, t in zip(arguments, direction, strict=True))
    result = f(*arguments)
    for _ in directions:
        result = lift(result).tangent
    return result


def derivative(f: Any, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """`(value, tangent)` of the scalar function `f`; a tangent of None passes its primal through."""
    result = lift(f(*(seed(p, t) for p, t in zip(primals, tangents, strict=True))))
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
