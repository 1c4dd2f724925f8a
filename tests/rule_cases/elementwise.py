"""Elementwise functions of NumPy and of `math`, and choices between arrays."""

from __future__ import annotations

from tests.rule_cases.operands import Case

CASES: list[Case] = []
