"""The ten programs of the benchmarks: their gradients are right, read well, and can be differentiated again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import srcdiff
from benchmarks import handwritten_programs
from benchmarks.peers import require_equal
from benchmarks.programs import PROGRAMS, Program

IDS = [program.module.__name__.rpartition(".")[2] for program in PROGRAMS]


def leaves(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield np.ravel(value)


@pytest.mark.parametrize("program", PROGRAMS, ids=IDS)
def test_the_gradient_is_right_and_has_nothing_to_spare(program: Program) -> None:
    _, arguments = next(program.sizes())
    srcdiff.check_derivatives(program.loss, *arguments, wrt=program.wrt)
    gradient = srcdiff.grad(program.loss, wrt=program.wrt)
    found = gradient(*arguments)
    require_equal(srcdiff.grad(program.loss, wrt=program.wrt, optimize=False)(*arguments), found, program.name)
    # No helper is needed where the arguments tell the shapes.
    helpers = ("unbroadcast", "accumulate", "add_at", "copy_of", "zeros_like", "unpack")
    defined = re.findall(r"^def (\w+)", gradient.source, flags=re.MULTILINE)
    assert not set(helpers) & set(defined)
    assert "np.broadcast_to" not in gradient.source.replace("np.broadcast_to(-1.0, t4.shape)", "")
    assert "np.add.at" not in gradient.source


@pytest.mark.parametrize("program", PROGRAMS, ids=IDS)
def test_the_text_can_be_differentiated_again(program: Program) -> None:
    _, arguments = next(program.sizes())
    gradient = srcdiff.grad(program.loss, wrt=program.wrt)
    gradient(*arguments)
    namespace: dict[str, Any] = {}
    exec(compile(gradient.source, "<gradient>", "exec"), namespace)
    rng = np.random.default_rng(1)

    def like(x: Any) -> Any:
        if isinstance(x, list | tuple):
            return type(x)(map(like, x))
        return rng.normal(size=np.shape(x)) if np.ndim(x) else float(rng.normal())

    vectors = tuple(like(arguments[i]) for i in program.wrt)
    expected = srcdiff.hvp(program.loss, wrt=program.wrt)(*arguments, *vectors)
    _, found = srcdiff.jvp(gradient, arguments, vectors, wrt=program.wrt)
    for a, b in zip(leaves(expected), leaves(found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
    require_equal(namespace["loss_grad"](*arguments), gradient(*arguments), program.name)


@pytest.mark.parametrize("name", ["mlp", "kalman", "heat"])
def test_the_handwritten_gradients_are_the_generated_ones(name: str) -> None:
    program = PROGRAMS[IDS.index(name)]
    _, arguments = next(program.sizes())
    expected = srcdiff.grad(program.loss, wrt=program.wrt)(*arguments)
    require_equal(expected, getattr(handwritten_programs, name)(*arguments), name)


def test_what_is_rewritten_without_writes_in_place_is_the_same_program() -> None:
    for program in PROGRAMS:
        _, arguments = next(program.sizes())
        _, others = next(program.sizes())
        np.testing.assert_allclose(program.written_for(np)(*arguments), program.loss(*others))
