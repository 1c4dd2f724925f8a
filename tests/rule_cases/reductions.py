"""Reductions, cumulative sums and products, differences, sorting and selection along an axis."""

from __future__ import annotations

from tests.rule_cases.operands import Case

CASES: list[Case] = []
