"""Reading and writing through every kind of index."""

from __future__ import annotations

from tests.rule_cases.operands import Case

CASES: list[Case] = []
