"""The derivative of one operation, in both modes.

In: a builder, an Apply, and tangents or an adjoint (None is a symbolic zero). Out: the value of the result's tangent,
or of the operands' adjoints, built in the builder.

>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> x = Value(FLOAT, "x")
>>> y = b.apply(TABLE["math.sin"], x, name="y")
>>> assert isinstance(b.statements[0], Apply)
>>> bx, = vjp(b, b.statements[0], Value(FLOAT, "by"), (True,))
>>> [s.primitive.name for s in b.statements]
['math.sin', 'math.cos', 'multiply']
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Apply, Primitive, Value, constant
from srcdiff.ir.types import Array, List, Tuple, is_differentiable
from srcdiff.primitives import (
    rules_arithmetic,
    rules_builtins,
    rules_choices,
    rules_containers,
    rules_contractions,
    rules_covariances,
    rules_curves,
    rules_decompositions,
    rules_diagonals,
    rules_differences,
    rules_einsum,
    rules_elementwise,
    rules_joining,
    rules_least_squares,
    rules_linalg,
    rules_masked,
    rules_norms,
    rules_products,
    rules_reductions,
    rules_repetition,
    rules_running,
    rules_scipy_linalg,
    rules_selection,
    rules_shapes,
    rules_special,
    rules_splitting,
    rules_statistics,
    rules_stats,
)
from srcdiff.primitives.custom import Adopt, Custom, rule_of
from srcdiff.primitives.forms import RULES, ZERO, NoRule, Rule
from srcdiff.primitives.inference import InferenceError
from srcdiff.primitives.rules_containers import zero
from srcdiff.primitives.rules_joining import display
from srcdiff.primitives.rules_shapes import unpack
from srcdiff.primitives.symbolic import Scope, Symbolic
from srcdiff.primitives.table import TABLE

RULE_MODULES = (
    rules_arithmetic,
    rules_builtins,
    rules_choices,
    rules_containers,
    rules_contractions,
    rules_covariances,
    rules_curves,
    rules_decompositions,
    rules_diagonals,
    rules_differences,
    rules_einsum,
    rules_elementwise,
    rules_joining,
    rules_least_squares,
    rules_linalg,
    rules_masked,
    rules_norms,
    rules_products,
    rules_reductions,
    rules_repetition,
    rules_running,
    rules_scipy_linalg,
    rules_selection,
    rules_shapes,
    rules_special,
    rules_splitting,
    rules_statistics,
    rules_stats,
)
"""Importing them fills the register."""


class MissingRule(Exception):
    """A primitive that a derivative must pass through has no rule, or none for this use of it."""

    def __init__(self, primitive: Primitive, reason: str) -> None:
        super().__init__(f"no derivative rule for {primitive.name}: {reason}")
        self.primitive = primitive
        self.reason = reason


def has_zero_derivative(primitive: Primitive) -> bool:
    """Whether the derivative is zero wherever it exists (comparisons, `floor`, `shape`)."""
    return primitive.zero if isinstance(primitive, Custom) else primitive.name in ZERO


def has_rule(primitive: Primitive) -> bool:
    """Whether a derivative can pass through the primitive (or is zero)."""
    if isinstance(primitive, Custom):
        return primitive.has_rule
    return primitive.name in RULES or primitive.name in ZERO


def _rule(primitive: Primitive, adopt: Adopt | None) -> Rule:
    if not has_rule(primitive):
        raise MissingRule(primitive, "" if isinstance(primitive, Custom) else "there is none in the table")
    if isinstance(primitive, Custom):
        assert adopt is not None, "internal error: a rule of the user's brings functions of its own"
        return rule_of(primitive, adopt)
    return RULES[primitive.name]


def jvp(builder: Builder, apply: Apply, tangents: Sequence[Value | None], adopt: Adopt | None = None) -> Value | None:
    """The tangent of the result, from the tangents of the operands; `adopt` takes over functions that a rule calls."""
    if has_zero_derivative(apply.primitive) or all(t is None for t in tangents):
        return None
    rule = _rule(apply.primitive, adopt)
    wrap = _Wrap(builder, apply)
    y, operands = wrap(apply.result), tuple(map(wrap, apply.operands))
    given = tuple(None if t is None else wrap(t) for t in tangents)
    listed = _listed(apply)
    operands = tuple(_as_array(x) if i in listed else x for i, x in enumerate(operands))
    given = tuple(_as_array(t) if t is not None and i in listed else t for i, t in enumerate(given))
    if apply.primitive.listed:
        # The tangents of a display are written as it is.
        return display(y, *(listed_zero(x) if d is None else d for x, d in zip(operands, given, strict=True))).value
    try:
        return wrap.unwrap(rule.jvp(y, operands, given))
    except (NoRule, InferenceError) as error:
        raise MissingRule(apply.primitive, str(error)) from error


def listed_zero(x: Symbolic) -> Symbolic:
    """The zero derivative of an item of a display; that of a display in it is written out as well."""
    if not isinstance(x.type, Tuple):
        return zero(x)
    return display(x, *(listed_zero(x[i]) for i in range(len(x.type.items))))


def vjp(
    builder: Builder, apply: Apply, adjoint: Value, wanted: Sequence[bool], adopt: Adopt | None = None
) -> tuple[Value | None, ...]:
    """The adjoints that the operands get from the adjoint of the result; None where not wanted, or zero."""
    wanted = tuple(w and is_differentiable(x.type) for w, x in zip(wanted, apply.operands, strict=True))
    if has_zero_derivative(apply.primitive) or not any(wanted):
        return (None,) * len(wanted)
    rule = _rule(apply.primitive, adopt)
    wrap = _Wrap(builder, apply)
    y, operands, by = wrap(apply.result), tuple(map(wrap, apply.operands)), wrap(adjoint)
    listed = _listed(apply)
    arrays = tuple(_as_array(x) if i in listed else x for i, x in enumerate(operands))
    try:
        adjoints = rule.vjp(y, arrays, by, wanted)
    except (NoRule, InferenceError) as error:
        raise MissingRule(apply.primitive, str(error)) from error
    return tuple(
        wrap.unwrap(unpack(g, operands[i]) if g is not None and i in listed else g) for i, g in enumerate(adjoints)
    )


class _Wrap:
    """Values as `Symbolic` ones, with the scope of the primitive, and back."""

    def __init__(self, builder: Builder, apply: Apply) -> None:
        self.builder = builder
        self.scope: Scope = "math" if apply.primitive.name.startswith("math.") else "np"

    def __call__(self, value: Value) -> Symbolic:
        return Symbolic(self.builder, value, self.scope)

    @staticmethod
    def unwrap(result: Symbolic | float | None) -> Value | None:
        match result:
            case None:
                return None
            case Symbolic():
                return result.value
            case number:
                return constant(number)


_JOINS = ("concatenate", "stack", "vstack", "hstack", "dstack", "column_stack", "block", "meshgrid")
_OF_SEQUENCES = frozenset(
    ("np.array", "np.asarray", "np.broadcast_arrays", "np.choose", *(f"np.{name}" for name in _JOINS))
)
_ARITHMETIC = frozenset(("add", "subtract", "multiply", "divide", "power", "mod", "matmul"))


def _listed(apply: Apply) -> frozenset[int]:
    """The operands that are lists or tuples of numbers and that NumPy takes for arrays: the rule sees the array."""
    name = apply.primitive.name
    by_numpy = name.startswith(("np.", "scipy.")) and name not in _OF_SEQUENCES | {"np.choose"}
    beside_array = name in _ARITHMETIC and any(isinstance(x.type, Array) for x in apply.operands)
    if not by_numpy and not beside_array:
        return frozenset()
    return frozenset(
        i for i, x in enumerate(apply.operands) if isinstance(x.type, List | Tuple) and is_differentiable(x.type)
    )


def _as_array(x: Symbolic) -> Symbolic:
    return x.apply("np.array", x)


__all__ = ["TABLE", "MissingRule", "has_rule", "has_zero_derivative", "jvp", "vjp"]
