"""Every program of `frontend_programs` means the same as IR as it does in Python."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy as np
import pytest

from srcdiff.diagnostics import TransformError
from srcdiff.frontend import live
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.interpret import interpret
from srcdiff.ir.types import Type
from srcdiff.ir.verify import verify
from tests.frontend_programs import HEADER, PROGRAMS

NEEDS_TYPES = {
    "dict_loop": KeyError,
    "jump_after_loop": TransformError,
    "list_ops": TransformError,
    "dicts": TransformError,
    "view_exact": TransformError,
    "row_view": TransformError,
    "rows_in_loop": TransformError,
    "cholesky": TransformError,
}
"""Programs whose meaning depends on whether a value is a number or an array: refused where nothing tells."""


def run(call: Any) -> tuple[Any, str]:
    """What a call returns (or the exception it raises, as text) and what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            result = call()
        except (ValueError, AssertionError, UnboundLocalError) as error:
            result = f"{type(error).__name__}: {error}"
    return result, out.getvalue()


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and np.allclose(a, b, equal_nan=True)
        )
    if isinstance(a, float | np.floating):
        return np.isclose(a, b, equal_nan=True)
    return bool(a == b)


@pytest.mark.parametrize("specialised", [False, True])
@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str, specialised: bool) -> None:
    if not specialised and name in NEEDS_TYPES:
        with pytest.raises(NEEDS_TYPES[name]):
            compare(name, specialised)
    else:
        compare(name, specialised)


def compare(name: str, specialised: bool) -> None:
    """Run the program as Python and as IR."""
    text, calls = PROGRAMS[name]
    text = HEADER + text
    namespace: dict[str, Any] = {}
    exec(compile(text, name, "exec"), namespace)
    module = Module.from_text(text, f"{name}.py")
    for arguments in calls:
        types: dict[str, Type] = {}
        if specialised:
            given = zip(module.functions["f"].parameters, arguments, strict=False)
            types = {p: live.type_of_value(v) for p, v in given}
        program = lower(module, "f", types)
        assert verify(program) == []
        full = list(arguments)
        expected = run(lambda a=arguments: namespace["f"](*copy.deepcopy(a)))
        found = run(lambda p=program, a=full: interpret(p, copy.deepcopy(a)))
        assert same(expected[0], found[0]), (expected, found)
        assert expected[1] == found[1]
