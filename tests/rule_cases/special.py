"""Functions of `scipy.special` and distributions of `scipy.stats`."""

from __future__ import annotations

from tests.rule_cases.operands import Case

CASES: list[Case] = []
