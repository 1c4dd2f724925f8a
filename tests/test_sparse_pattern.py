"""Sparsity patterns: what each primitive does to them, and that they cover the Jacobian of whole programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from srcdiff.ir.core import Primitive
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.rules import has_rule, has_zero_derivative
from srcdiff.primitives.table import TABLE
from srcdiff.sparsity.dependencies import Dependencies
from srcdiff.sparsity.propagation import HANDLERS, propagate
from srcdiff.sparsity.shadows import names
from srcdiff.sparsity.updates import UPDATES
from tests.oracles import differences
from tests.rule_cases import CASES, gathered
from tests.rule_checks import holds_single

DENSE = gathered("DENSE")
"""Primitives with a rule whose result is taken to depend on all of their operands."""


def shadowed(x: Any, sets: list[int]) -> Any:
    """The shadow of `x` in which every float is the next input."""
    match x:
        case list() | tuple():
            return type(x)(shadowed(i, sets) for i in x)
        case dict():
            return {k: shadowed(i, sets) for k, i in x.items()}
        case np.ndarray() if x.dtype.kind == "f":
            return np.array([sets.pop(0) for _ in range(x.size)], dtype=np.int64).reshape(x.shape)
        case float() | np.floating():
            return sets.pop(0)
        case _:
            return None


def flat_names(x: Any, shadow: Any) -> list[int]:
    """The names of the floats of `x`, in order."""
    match x:
        case list() | tuple():
            parts = shadow if shadow is not None else [None] * len(x)
            assert isinstance(x, type(parts)) or shadow is None
            return [n for i, s in zip(x, parts, strict=True) for n in flat_names(i, s)]
        case dict():
            parts = shadow if shadow is not None else dict.fromkeys(x)
            assert list(parts) == list(x)
            return [n for k in x for n in flat_names(x[k], parts[k])]
        case np.ndarray() if x.dtype.kind == "f":
            assert shadow is None or shadow.shape == x.shape, f"{shadow!r} is no shadow of {x!r}"
            return names(shadow, x).ravel().tolist()
        case float() | np.floating():
            assert shadow is None or type(shadow) is int, f"{shadow!r} is no shadow of {x!r}"
            return [shadow or 0]
        case _:
            return []


def apply_shadowed(primitive: Primitive, operands: tuple[Any, ...], wrt: tuple[int, ...]) -> np.ndarray:
    """The pattern of the primitive's Jacobian as a matrix of booleans."""
    size = sum(differences.leaves(operands[i]).size for i in wrt)
    sets = Dependencies(size)
    left = sets.inputs().tolist()
    shadows = [shadowed(x, left) if i in wrt else None for i, x in enumerate(operands)]
    before = differences.leaves([helper("copy_of")(x) for x in operands])
    if primitive.name in UPDATES:
        y, shadow = UPDATES[primitive.name](sets, operands, shadows, False)
    else:
        y = primitive.evaluate(*operands)
        shadow = propagate(sets, primitive, shadows, operands, y) if any(s is not None for s in shadows) else None
    after = differences.leaves(list(operands))
    assert np.array_equal(before, after, equal_nan=True), "the operands are changed"
    indptr, indices = sets.rows(np.array(flat_names(y, shadow), dtype=np.int64))
    pattern = np.zeros((len(indptr) - 1, size), dtype=bool)
    pattern[np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), indices] = True
    return pattern


def dense(primitive: Primitive, operands: tuple[Any, ...], wrt: tuple[int, ...]) -> np.ndarray:
    """The Jacobian by divided differences."""
    point = [operands[i] for i in wrt]
    vector = differences.leaves(point)
    columns = []
    for k in range(vector.size):
        sides = []
        for step in (1e-6, -1e-6):
            moved = vector.copy()
            moved[k] += step
            given = list(operands)
            for i, x in zip(wrt, differences.rebuild(point, moved), strict=True):
                given[i] = x
            sides.append(differences.leaves(primitive.evaluate(*given)))
        columns.append((sides[0] - sides[1]) / 2e-6)
    return np.array(columns).T


COMPLETE = [
    (name, (*operands, *TABLE[name].defaults[len(operands) - len(TABLE[name].parameters) :]), wrt)
    if not TABLE[name].variadic and len(operands) < len(TABLE[name].parameters)
    else (name, operands, wrt)
    for name, operands, wrt in CASES
    if not holds_single(operands)
]


@pytest.mark.parametrize("case", COMPLETE, ids=lambda case: case[0])
def test_pattern_of_a_primitive_covers_its_jacobian(case: tuple[str, tuple[Any, ...], tuple[int, ...]]) -> None:
    name, operands, wrt = case
    primitive = TABLE[name]
    pattern = apply_shadowed(primitive, operands, wrt)
    jacobian = dense(primitive, operands, wrt)
    if pattern.size:
        missing = (np.abs(jacobian) > 1e-5) & ~pattern
        assert not missing.any(), f"{name}: entries {np.argwhere(missing).tolist()} are missing"


def test_every_rule_has_a_pattern() -> None:
    missing = [n for n in TABLE if has_rule(TABLE[n]) and n not in HANDLERS and n not in UPDATES and n not in DENSE]
    assert [n for n in missing if not has_zero_derivative(TABLE[n])] == []
