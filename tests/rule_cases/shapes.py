"""Shapes, joining and splitting, padding, grids, interpolation, convolution."""

from __future__ import annotations

from tests.rule_cases.operands import Case

CASES: list[Case] = []
