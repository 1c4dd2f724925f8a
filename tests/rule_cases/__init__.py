"""Operands for the shared checks of primitives, a module for each area.

Out of a module: `CASES`, a primitive with operands and the positions to differentiate; and, where it has any,

- `REFUSED`: primitives whose rules may ask for more knowledge of types than nothing,
- `FIRST_ORDER`: beginnings of the names of cases that are checked to first order,
- `WITHOUT_RULE`: primitives that have none,
- `ONE_BY_ONE`: primitives that stacks of directions take one after the other,
- `STACKS_REFUSED`: primitives that may be refused for stacks, by how much types say,
- `DENSE`: primitives whose sparsity pattern is full.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from tests.rule_cases import core, elementwise, indexing, inputs, linalg, reductions, shapes, special
from tests.rule_cases.operands import Case

AREAS: tuple[ModuleType, ...] = (core, elementwise, indexing, inputs, linalg, reductions, shapes, special)


def gathered(name: str) -> set[str]:
    """The union of what the areas say under this name."""
    found: set[str] = set()
    for area in AREAS:
        found |= set(getattr(area, name, ()))
    return found


def stacks_refused(mode: str) -> set[str]:
    found: set[str] = set()
    for area in AREAS:
        refused: dict[str, Any] = getattr(area, "STACKS_REFUSED", {})
        found |= set(refused.get(mode, ()))
    return found


CASES: list[Case] = [case for area in AREAS for case in area.CASES]
REFUSED = gathered("REFUSED")
FIRST_ORDER = tuple(sorted(gathered("FIRST_ORDER")))
