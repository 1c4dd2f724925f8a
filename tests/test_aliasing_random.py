"""Random programs that alias and mutate: plain Python, the IR, and generated code agree to the last bit.

Then the derivatives: forward mode against dual numbers in object arrays, reverse mode against forward mode by the
dot-product test, with and without optimisation. A program may be refused, but not more often than `REFUSED_AT_MOST`;
arguments come out of every call as they went in.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from srcdiff.derivative import Derivative
from srcdiff.diagnostics import TransformError
from srcdiff.frontend import live
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.interpret import interpret
from srcdiff.ir.verify import verify
from srcdiff.modes import Options
from tests.oracles import aliasing, differences, dual

SEEDS = range(72)
GROUPS = 12
REFUSED_AT_MOST = 0.25
NAMES = ("x", "w", "A", "s", "n")
WRT = (0, 1, 2, 3)
TOLERANCE = 1e-9


def identical(a: Any, b: Any) -> bool:
    """The same structure, and the same bits in it."""
    match a:
        case list() | tuple():
            return type(a) is type(b) and len(a) == len(b) and all(map(identical, a, b))
        case dict():
            return list(a) == list(b) and all(identical(a[k], b[k]) for k in a)
    if not isinstance(a, int | float | np.ndarray | np.generic):
        return type(a) is type(b) and bool(a == b)
    p, q = np.asarray(a), np.asarray(b)
    return p.shape == q.shape and p.dtype == q.dtype and p.tobytes() == q.tobytes()


def parted(tree: Any) -> tuple[Any, Any]:
    """The values and the tangents of a structure of duals."""
    match tree:
        case np.ndarray():
            value, tangent = parted(tree.ravel().tolist())
            return np.array(value, float).reshape(tree.shape), np.array(tangent, float).reshape(tree.shape)
        case list() | tuple():
            pairs = [parted(item) for item in tree]
            return type(tree)(p for p, _ in pairs), type(tree)(q for _, q in pairs)
        case dict():
            pairs_by_key = {key: parted(item) for key, item in tree.items()}
            return {k: p for k, (p, _) in pairs_by_key.items()}, {k: q for k, (_, q) in pairs_by_key.items()}
        case dual.Dual():
            return float(tree.value), float(tree.tangent)
    return float(tree), 0.0


def direction(like: Any, k: int) -> Any:
    """A fixed direction shaped like `like`, with no zero in it."""
    size = differences.leaves(like).size
    return differences.rebuild(like, 1.0 + 0.5 * np.sin(1.0 + k + 1.7 * np.arange(size)))


def called(derivative: Derivative, *extra: Any) -> Any:
    """What a derivative gives; the arguments are not changed."""
    arguments = aliasing.arguments()
    result = derivative.with_extra(arguments, extra)
    assert identical(arguments, aliasing.arguments()), "the caller's arrays were changed"
    return result


def is_refused(text: str) -> bool:
    """Compare every way to run a program; whether it is refused instead."""
    f, arguments = aliasing.compiled(text), aliasing.arguments()
    expected = f(*copy.deepcopy(arguments))
    if np.max(np.abs(differences.leaves(expected))) > 1e4:
        return False
    try:
        types = {name: live.type_of_value(a) for name, a in zip(NAMES, arguments, strict=True)}
        program = lower(Module.from_text(text, "aliasing.py"), "f", types)
        assert verify(program) == []
        assert identical(interpret(program, copy.deepcopy(arguments)), expected), "the IR differs"
        tangents = tuple(direction(arguments[i], i) for i in WRT)
        seeded = [dual.seed(arguments[i], t, 1) for i, t in zip(WRT, tangents, strict=True)]
        value, tangent = parted(aliasing.for_duals(text)(*seeded, arguments[4]))
        assert differences.error(value, expected) < 1e-12, "the oracle differs"
        for optimize in (True, False):
            options = Options(optimize=optimize)
            value, found = called(Derivative(f, "forward", WRT, options), *tangents)
            assert identical(value, expected), f"forward mode, optimize={optimize}: another value"
            assert differences.error(found, tangent) < TOLERANCE, f"forward mode, optimize={optimize}"
            adjoint = direction(expected, 5)
            value, adjoints = called(Derivative(f, "reverse", WRT, options), adjoint)
            assert identical(value, expected), f"reverse mode, optimize={optimize}: another value"
            differences.check_dot_product(tangents, tangent, adjoints, adjoint, TOLERANCE)
    except TransformError:
        return True
    return False


@pytest.mark.parametrize("group", range(GROUPS))
def test_random_programs(group: int) -> None:
    for seed in SEEDS[group::GROUPS]:
        text = aliasing.text(seed)
        try:
            is_refused(text)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n{text}") from error


def test_few_programs_are_refused() -> None:
    refused = 0
    for seed in SEEDS:
        text = aliasing.text(seed)
        try:
            types = {name: live.type_of_value(a) for name, a in zip(NAMES, aliasing.arguments(), strict=True)}
            lower(Module.from_text(text, "aliasing.py"), "f", types)
        except TransformError:
            refused += 1
    assert refused <= REFUSED_AT_MOST * len(SEEDS), f"{refused} of {len(SEEDS)}"
