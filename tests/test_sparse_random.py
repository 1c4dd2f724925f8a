"""Random sparse programs: the sparse Jacobian and Hessian against the dense ones, at several points."""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from srcdiff import grad, jacobian
from srcdiff.sparsity import SparseHessian, SparseJacobian
from srcdiff.sparsity.pattern import detect

GENERATE = (Phase.explicit, Phase.generate)
N = 6
HEADER = """import numpy as np


def mix(a, b):
    if a > 0.9123:
        return a * b
    return np.sin(b)


"""
ARRAYS = [
    "{u} = np.roll({v}, {k}) * {w}",
    "{u} = {v} + np.sin({w})",
    "{u} = {v}[::-1] / (1.5 + {w} * {w})",
    "{u} = np.where({v} > 0.8, {w}, {v} * 0.5)",
    "{u} = np.maximum({v}, {w}) * 0.7",
    "{u} = B @ {v}",
    "{u} = {v}[INDEX] * {w}",
    "{u} = np.concatenate([{v}[:2], {w}[2:]])",
    "{u} = ({v}.reshape(2, 3) * {w}.reshape(2, 3)[::-1]).ravel()",
    "{u} = np.reshape({v}.reshape(2, 3).T @ np.eye(2), 6) + {w}",
    "{u} = ({v} > 0.7) * {w}",
    "{u} = {v} * 0.0 + {w}",
    "{u} = np.cumsum({v}) * 0.2",
    "{u} = {v} * np.mean({w}[1:3])",
    "{u} = {u}.copy()\n{u}[1:4] = {v}[2:5] * {w}[:3]",
    "{u} = {u}.copy()\n{u}[{k}] += {v}[{k} - 1] * {w}[0]",
    "{u} = {u}.copy()\nnp.add.at({u}, INDEX, {v} * {w})",
    "{u} = np.zeros({n})\nfor i in range({n}):\n    {u}[i] = {v}[i] * {w}[(i + {k}) % {n}]",
    "{u} = {u}.copy()\nfor i in range(1, {n}):\n    {u}[i] = mix({u}[i - 1], {v}[i])",
    "c = []\nfor i in range({n}):\n    c.append({v}[i] ** 2)\n{u} = np.array(c) * {w}",
    "d = {{'a': {v}, 'b': [{w}[0], {w}[{k}]]}}\n{u} = d['a'] * d['b'][1]",
    "s = 0.0\ni = 0\nwhile i < {n} and s < 1.5:\n    s = s + {v}[i]\n    i = i + 1\n{u} = {w} * s",
    "{u} = {v} * 1.1 if {w}[0] > 0.6 else {v}[::-1] * 1.0",
]


@st.composite
def programs(draw: st.DrawFn) -> str:
    """The text of a module with a function `f(x, B, INDEX)` from arrays to an array, and `g` to its sum of squares."""
    lines = ["u = x * 1.0", "v = x * x"]
    for _ in range(draw(st.integers(2, 6))):
        names = {name: draw(st.sampled_from(["u", "v", "x"])) for name in "vw"}
        template = draw(st.sampled_from(ARRAYS))
        text = template.format(u=draw(st.sampled_from(["u", "v"])), k=draw(st.integers(0, 5)), n=N, **names)
        lines.extend(text.split("\n"))
    body = "".join(f"    {line}\n" for line in lines)
    first = f"def f(x, B, INDEX):\n{body}    return u + v\n"
    return f"{HEADER}{first}\n\ndef g(x, B, INDEX):\n    y = f(x, B, INDEX)\n    return np.sum(y * y * y)\n"


def compiled(text: str) -> dict[str, Callable[..., Any]]:
    filename = f"<random sparse program {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "random_sparse_program"}
    exec(compile(text, filename, "exec"), namespace)
    return namespace


def points() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    random = np.random.default_rng(0)
    made = []
    for k in range(3):
        matrix = np.diag(random.uniform(0.2, 0.6, N)) + np.diag(random.uniform(0.2, 0.6, N - 1), (1, -1, 1)[k])
        made.append((random.uniform(0.3, 1.2, N), matrix, random.integers(0, N, N)))
    return made


@settings(max_examples=20, phases=GENERATE, deadline=None)
@given(text=programs())
def test_sparse_jacobian(text: str) -> None:
    f = compiled(text)["f"]
    kept = SparseJacobian(f)
    for args in points():
        expected = jacobian(f, mode="forward")(*args)
        scale = max(1.0, np.abs(expected).max())
        for sparse in (kept, SparseJacobian(f), SparseJacobian(f, mode="reverse")):
            assert np.abs(sparse(*args).toarray() - expected).max() <= 1e-11 * scale, text
            # Without the net below: the pattern itself covers the matrix.
            assert sparse.took != "dense", text
        before = [a.copy() for a in args]
        indptr, indices = detect(kept._primal.ir, args, (0,))
        assert all(np.array_equal(a, b) for a, b in zip(args, before, strict=True)), text
        pattern = np.zeros((N, N), dtype=bool)
        pattern[np.repeat(np.arange(N), np.diff(indptr)), indices] = True
        assert not (expected != 0.0)[~pattern].any(), text


@settings(max_examples=12, phases=GENERATE, deadline=None)
@given(text=programs())
def test_sparse_hessian(text: str) -> None:
    g = compiled(text)["g"]
    kept = SparseHessian(g)
    for args in points():
        expected = jacobian(grad(g), mode="forward")(*args)
        scale = max(1.0, np.abs(expected).max())
        assert np.abs(kept(*args).toarray() - expected).max() <= 1e-10 * scale, text
        assert kept.took == "symmetric", text
