"""Products and linear algebra of NumPy and of `scipy.linalg`."""

from __future__ import annotations

from tests.rule_cases.operands import Case

CASES: list[Case] = []
