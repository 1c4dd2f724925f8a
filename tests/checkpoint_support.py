"""What the tests of snapshots and of joint mode share: running generated code beside the plain one."""

from __future__ import annotations

import contextlib
import copy
import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from srcdiff.compiler import Derived, derive
from srcdiff.diagnostics import TransformError
from srcdiff.frontend import live
from srcdiff.frontend.module import Module
from srcdiff.ir.types import Type
from srcdiff.ir.verify import verify
from srcdiff.loading import load
from srcdiff.modes import Options

SNAPSHOTS = (1, 2, 3, 7)


def same(a: Any, b: Any) -> bool:
    """Equal to the bit, in structure and dtype."""
    match a:
        case list() | tuple():
            return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
        case dict():
            return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
        case np.ndarray():
            return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    return bool(a == b or (a != a and b != b))


def adjoint_like(value: Any) -> Any:
    """An output adjoint without zeros for a value."""
    match value:
        case list():
            return [adjoint_like(v) for v in value]
        case tuple():
            return tuple(map(adjoint_like, value))
        case dict():
            return {k: adjoint_like(v) for k, v in value.items()}
        case np.ndarray():
            return 1.0 + 0.5 * np.cos(np.arange(value.size)).reshape(value.shape)
        case bool() | str() | None:
            return None
    return 1.3


def outcome(call: Callable[..., Any], *arguments: Any) -> tuple[Any, str]:
    """What a call on copies of the arguments returns or raises, and what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            result = call(*copy.deepcopy(arguments))
        except (ValueError, AssertionError, UnboundLocalError) as error:
            result = type(error).__name__
    return result, out.getvalue()


def generated(made: Derived) -> Callable[..., Any]:
    assert verify(made.program) == []
    return load(made.body, made.name, made.captured)


def types_of(module: Module, arguments: tuple[Any, ...]) -> dict[str, Type]:
    given = zip(module.functions["f"].parameters, arguments, strict=False)
    return {p: live.type_of_value(v) for p, v in given}


def compare(text: str, arguments: tuple[Any, ...], optimize: bool) -> None:
    """The reverse mode with snapshots, for every number of them, and without."""
    module = Module.from_text(text, "f.py")
    namespace: dict[str, Any] = {}
    exec(compile(text, "f.py", "exec"), namespace)
    adjoint = adjoint_like(outcome(namespace["f"], *arguments)[0])
    types = types_of(module, arguments)
    plain = derive(
        Module.from_text(without_directives(text), "f.py"),
        "f",
        "reverse",
        options=Options(optimize=optimize),
        types=types,
    )
    expected = outcome(generated(plain), *arguments, adjoint)
    for count in SNAPSHOTS:
        made = derive(module, "f", "reverse", options=Options(optimize=optimize, checkpoint=count), types=types)
        found = outcome(generated(made), *arguments, adjoint)
        assert same(expected, found), f"{count} snapshots: {found}, not {expected}\n{made.body}"


def without_directives(text: str) -> str:
    return re.sub(r"  # srcdiff:.*", "", text)


def refusal(text: str, checkpoint: int | None = None) -> str:
    with pytest.raises(TransformError) as caught:
        derive(Module.from_text(text, "f.py"), "f", "gradient", options=Options(checkpoint=checkpoint))
    return str(caught.value)
