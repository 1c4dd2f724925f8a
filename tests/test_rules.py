"""Every differentiable primitive of the table through the shared check (`rule_checks.check_rule`)."""

from __future__ import annotations

import numpy as np
import pytest

from srcdiff.primitives import rules
from srcdiff.primitives.table import TABLE
from tests.rule_cases import CASES, FIRST_ORDER, REFUSED, gathered
from tests.rule_cases.operands import Case
from tests.rule_checks import MODES, Mode, check_rule, differentiable_primitives


def _name(case: Case) -> str:
    name, operands, _ = case
    return f"{name}-{'-'.join(str(np.shape(x)) if isinstance(x, np.ndarray) else repr(x)[:20] for x in operands)}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES, ids=_name)
def test_rule(case: Case, mode: Mode) -> None:
    name, operands, wrt = case
    try:
        check_rule(name, operands, wrt, mode, order=1 if _name(case).startswith(FIRST_ORDER) else 2)
    except rules.MissingRule as error:
        assert mode in ("rank", "unknown"), error
        assert error.primitive.name in REFUSED, error


def test_every_rule_is_checked() -> None:
    missing = {p.name for p in differentiable_primitives()} - {name for name, _, _ in CASES}
    assert not missing


def test_what_has_no_rule() -> None:
    without = {p.name for p in TABLE.values() if not rules.has_rule(p)}
    of_jacobians = {"direction_of", "jacobian_columns", "jacobian_rows", "stack_of"}
    assert without == of_jacobians | gathered("WITHOUT_RULE")
