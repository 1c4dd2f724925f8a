"""Derivatives of functions of `scipy.special`.

The identities are those of the NIST Digital Library of Mathematical Functions (DLMF), by section. At the edges: a
term x log y that is 0 because x is 0 has derivative 0 in y; log-sum-exp gives a term -inf no share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from srcdiff.ir.core import Constant
from srcdiff.ir.types import Array, Scalar, is_exact
from srcdiff.primitives.forms import (
    RULES,
    NoRule,
    Operands,
    Over,
    Rule,
    Tangents,
    cover,
    elementwise,
    fit,
    is_none,
    jvp,
    over,
    plus,
    stands_alone,
    vjp,
    zeros_of,
)
from srcdiff.primitives.inference import broadcast_shapes, shape_of_type
from srcdiff.primitives.rules_reductions import expand
from srcdiff.primitives.symbolic import Symbolic, np

_ROOT_PI = math.sqrt(math.pi)


def special(name: str, *operands: object) -> Symbolic:
    """A function of `scipy.special`, of operands one of which is symbolic."""
    first = next(x for x in operands if isinstance(x, Symbolic))
    return first.apply(f"scipy.special.{name}", *operands)


def rule(name: str, *partials: Callable[..., Symbolic | Over | float] | None) -> None:
    elementwise(f"scipy.special.{name}", *partials)


def _refused(name: str, position: int, why: str) -> None:
    """Make a rule refuse the derivative with respect to one operand."""
    known = RULES[f"scipy.special.{name}"]

    def jvp_rule(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        if tangents[position] is not None:
            raise NoRule(why)
        return known.jvp(y, operands, tangents)

    def vjp_rule(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        if wanted[position] and not isinstance(operands[position].value, Constant):
            raise NoRule(why)
        return known.vjp(y, operands, by, [want and i != position for i, want in enumerate(wanted)])

    RULES[f"scipy.special.{name}"] = Rule(jvp_rule, vjp_rule)


# Powers and logarithms, as those of NumPy.

rule("cbrt", lambda y, x: over(3.0 * y * y))
rule("exp2", lambda y, x: y * math.log(2.0))
rule("expm1", lambda y, x: y + 1.0)
rule("log1p", lambda y, x: over(1.0 + x))


# Gamma and beta functions (DLMF 5.2, 5.12, 5.15).

rule("gamma", lambda y, x: y * special("digamma", x))
rule("gammaln", lambda y, x: special("digamma", x))
rule("loggamma", lambda y, x: special("digamma", x))
rule("digamma", lambda y, x: special("polygamma", 1, x))
rule("polygamma", None, lambda y, n, x: special("polygamma", n + 1, x))
_refused("polygamma", 0, "its order is an integer, in which there is no derivative")


def _of_beta(y: Symbolic, a: Symbolic, b: Symbolic) -> Symbolic:
    return special("digamma", a) - special("digamma", a + b)


rule("betaln", _of_beta, lambda y, a, b: _of_beta(y, b, a))
rule("beta", lambda y, a, b: y * _of_beta(y, a, b), lambda y, a, b: y * _of_beta(y, b, a))
rule(
    "binom",
    lambda y, n, k: y * (special("digamma", n + 1.0) - special("digamma", n - k + 1.0)),
    lambda y, n, k: y * (special("digamma", n - k + 1.0) - special("digamma", k + 1.0)),
)


def _gamma_density(a: Symbolic, x: Symbolic) -> Symbolic:
    """x ** (a - 1) exp(-x) / gamma(a)          (DLMF 8.8.13)"""
    logarithm = special("xlogy", a - 1.0, x) - x - special("gammaln", a)
    return logarithm.apply("np.exp", logarithm)


rule("gammainc", None, lambda y, a, x: _gamma_density(a, x))
rule("gammaincc", None, lambda y, a, x: -_gamma_density(a, x))
for _name in ("gammainc", "gammaincc"):
    _refused(_name, 0, "the derivative in its first argument has no closed form; that in the second has")


@jvp("scipy.special.multigammaln")  # the sum of gammaln(a - j / 2) for j = 0, ..., d - 1, and a constant (DLMF 35.3)
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    da, dd = tangents
    if dd is not None:
        raise NoRule("its dimension is an integer, in which there is no derivative")
    return None if da is None else _multidigamma(*operands) * da


@vjp("scipy.special.multigammaln")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    if wanted[1] and not isinstance(operands[1].value, Constant):
        raise NoRule("its dimension is an integer, in which there is no derivative")
    return [by * _multidigamma(*operands) if wanted[0] else None, None]


def _multidigamma(a: Symbolic, d: Symbolic) -> Symbolic:
    shift = 0.5 * d.apply("np.arange", d)
    if isinstance(a.type, Scalar):
        return special("digamma", a - shift).sum()
    return special("digamma", a.apply("np.expand_dims", a, -1) - shift).sum(-1)


# Error functions and the normal distribution (DLMF 7.2, 7.17).

rule("erf", lambda y, x: 2.0 / _ROOT_PI * np.exp(-(x * x)))
rule("erfc", lambda y, x: -2.0 / _ROOT_PI * np.exp(-(x * x)))
rule("erfcx", lambda y, x: 2.0 * x * y - 2.0 / _ROOT_PI)
rule("erfinv", lambda y, x: _ROOT_PI / 2.0 * np.exp(y * y))
rule("erfcinv", lambda y, x: -_ROOT_PI / 2.0 * np.exp(y * y))
rule("ndtr", lambda y, x: 1.0 / math.sqrt(2.0 * math.pi) * np.exp(-0.5 * x * x))
rule("ndtri", lambda y, x: math.sqrt(2.0 * math.pi) * np.exp(0.5 * y * y))


def normal_ratio(x: Symbolic) -> Symbolic:
    """The density of the normal distribution over its distribution function, exact far to the left too.

    Far to the right it is nothing; there erfcx, which would overflow, is held.
    """
    single = isinstance(x.type, Array) and x.type.dtype == "float32"
    scaled = np.maximum(-math.sqrt(0.5) * x, -9.0 if single else -25.0)
    return math.sqrt(2.0 / math.pi) / special("erfcx", scaled)


rule("log_ndtr", lambda y, x: normal_ratio(x))


# The logistic function: 1 - y is expit(-x), to the last digit where it is small.

rule("expit", lambda y, x: y * special("expit", -x))
rule("logit", lambda y, x: over(x * (1.0 - x)))
rule("log_expit", lambda y, x: special("expit", -x))


# Entropies. The functions are linear in dx where they are x log y, so that no 0 times inf occurs at x = 0.


def _quotient(x: Symbolic, y: Symbolic) -> Symbolic:
    """x / y, and 0 where x is."""
    return x / x.apply("np.where", x == 0.0, 1.0, y)


def _both_parts(
    name: str,
    of_first: Callable[[Symbolic, Symbolic, Symbolic], Symbolic],
    of_second: Callable[[Symbolic, Symbolic, Symbolic], Symbolic],
) -> None:
    """The rule of a function of two operands, by what d, a tangent or an adjoint, of each becomes."""

    @jvp(f"scipy.special.{name}")
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        (a, b), (da, db) = operands, tangents
        start = len(y.builder.statements)
        left = None if da is None else of_first(da, a, b)
        right = None if db is None else of_second(db, a, b)
        return cover(plus(left, right), start, y, operands, tangents)

    @vjp(f"scipy.special.{name}")
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        a, b = operands
        alone = stands_alone(operands)
        return [
            fit(of_first(by, a, b), a, alone) if wanted[0] else None,
            fit(of_second(by, a, b), b, alone) if wanted[1] else None,
        ]


_both_parts("xlogy", lambda d, x, y: special("xlogy", d, y), lambda d, x, y: d * _quotient(x, y))
_both_parts("xlog1py", lambda d, x, y: special("xlog1py", d, y), lambda d, x, y: d * _quotient(x, 1.0 + y))
_both_parts("rel_entr", lambda d, x, y: special("xlogy", d, _quotient(x, y)) + d, lambda d, x, y: -d * _quotient(x, y))
_both_parts("kl_div", lambda d, x, y: special("xlogy", d, _quotient(x, y)), lambda d, x, y: d * (1.0 - _quotient(x, y)))


@jvp("scipy.special.entr")  # y = -x log x   =>   dy = -dx log x - dx
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (x,), (dx,) = operands, tangents
    return None if dx is None else -special("xlogy", dx, x) - dx


@vjp("scipy.special.entr")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [-special("xlogy", by, operands[0]) - by if wanted[0] else None]


# Bessel functions (DLMF 10.6, 10.29).


def _mean(name: str, v: Symbolic, x: Symbolic, sign: int) -> Symbolic:
    """Half the sum (or difference) of the functions of the orders below and above."""
    below, above = special(name, v - 1, x), special(name, v + 1, x)
    return 0.5 * (below + above if sign > 0 else below - above)


_ORDER = "the derivative in its order has no closed form; that in the argument has"

rule("j0", lambda y, x: -special("j1", x))
rule("j1", lambda y, x: 0.5 * (special("j0", x) - special("jv", 2, x)))
rule("i0", lambda y, x: special("i1", x))
rule("i1", lambda y, x: 0.5 * (special("i0", x) + special("iv", 2, x)))
rule("i0e", lambda y, x: special("i1e", x) - np.sign(x) * y)
rule("i1e", lambda y, x: 0.5 * (special("i0e", x) + special("ive", 2, x)) - np.sign(x) * y)
rule("jv", None, lambda y, v, x: _mean("jv", v, x, -1))
rule("iv", None, lambda y, v, x: _mean("iv", v, x, 1))
rule("ive", None, lambda y, v, x: _mean("ive", v, x, 1) - np.sign(x) * y)
for _name in ("jv", "iv", "ive"):
    _refused(_name, 0, _ORDER)


# Log-sum-exp and its kin.


def _shares(y: Symbolic, a: Symbolic, axis: Symbolic, b: Symbolic, keepdims: Symbolic) -> Symbolic:
    """exp(a - y), the derivative of log(sum(b exp(a))) in b."""
    whole = b if isinstance(a.type, Scalar) and not is_none(b) else a
    return y.apply("share_of", a, expand(y, whole, axis, keepdims))


@jvp("scipy.special.logsumexp")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, axis, b, keepdims), (da, _, db, _) = operands, tangents
    if da is None and db is None:
        return None
    shares = _shares(y, a, axis, b, keepdims)
    left = None if da is None else (shares if is_none(b) else b * shares) * da
    right = None if db is None else shares * db
    return y.apply("np.sum", plus(left, right), axis, keepdims)


@vjp("scipy.special.logsumexp")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, axis, b, keepdims = operands
    whole = b if isinstance(a.type, Scalar) and not is_none(b) else a
    each = expand(by, whole, axis, keepdims) * _shares(y, a, axis, b, keepdims)
    if is_none(b):
        return [each if wanted[0] else None, None, None, None]
    return [fit(each * b, a) if wanted[0] else None, None, fit(_wide(each, b), b) if wanted[2] else None, None]


def _wide(g: Symbolic, b: Symbolic) -> Symbolic:
    """g, broadcast against b unless it surely has the axes of b."""
    own = shape_of_type(g.type)
    known = own is not None and broadcast_shapes([own, shape_of_type(b.type)]) == own and is_exact(own)
    return g if known else g + zeros_of(b)


def _total(x: Symbolic, axis: Symbolic) -> Symbolic:
    return x.apply("np.sum", x, axis, not is_none(axis))


@jvp("scipy.special.softmax")  # y = exp(x) / sum(exp(x))   =>   dy = y (dx - sum(y dx))
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    axis, dx = operands[1], tangents[0]
    return None if dx is None else y * (dx - _total(y * dx, axis))


@vjp("scipy.special.softmax")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [y * (by - _total(y * by, operands[1])) if wanted[0] else None, None]


@jvp("scipy.special.log_softmax")  # dy = dx - sum(exp(y) dx)
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    axis, dx = operands[1], tangents[0]
    return None if dx is None else dx - _total(np.exp(y) * dx, axis)


@vjp("scipy.special.log_softmax")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [by - np.exp(y) * _total(by, operands[1]) if wanted[0] else None, None]
