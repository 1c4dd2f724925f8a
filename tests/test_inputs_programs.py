"""Programs as people write them around classes: optimisers, networks of objects, trees of dataclasses.

In: small programs. Out: derivatives held to divided differences and the dot-product test, optimised equal to
unoptimised and checkpointed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from srcdiff import check_derivatives, grad, hessian, hvp, jacobian
from tests.oracles import differences

X = np.array([0.5, 1.5, 2.5])


class State(NamedTuple):
    w: Any
    b: Any


@dataclass
class Tree:
    value: float
    left: Tree | None = None
    right: Tree | None = None


@dataclass
class Mixed:
    table: dict[str, float]
    items: list[float]
    pair: tuple[float, float]


class Optimiser:
    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.history: list[float] = []
        self.options = {"rate": 0.1}

    def loss(self, p: State, x: Any) -> Any:
        return np.sum((p.w * x + p.b) ** 2)

    def step(self, p: State, x: Any) -> State:
        g = grad(lambda q: self.loss(q, x))(p)
        return State(p.w - self.options["rate"] * g.w, p.b - self.options["rate"] * g.b)

    def unrolled(self, p: State, x: Any) -> Any:
        for _ in range(self.steps):
            p = self.step(p, x)
        return self.loss(p, x)


class Layer:
    def __init__(self, W: Any, squashed: bool) -> None:
        self.W = W
        self.squashed = squashed

    def __call__(self, x: Any) -> Any:
        y = self.W @ x
        return np.tanh(y) if self.squashed else y


class Network:
    def __init__(self) -> None:
        self.layers = [Layer(np.ones((3, 2)), True), Layer(np.ones((1, 3)), False)]
        self.mixing = np.array([[1.0, 0.5], [0.2, 1.0]])
        self.factors = [1.0, 2.0]

    def loss(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return np.sum(x)

    def nested(self, x: Any) -> Any:
        def mix(z: Any) -> Any:
            return self.mixing @ z

        y = mix(mix(x))
        for c in self.factors:
            y = y * c
        return sum([np.sum(y) * c for c in self.factors])


def total(tree: Tree | None) -> Any:
    if tree is None:
        return 0.0
    return tree.value**2 + 2.0 * total(tree.left) + 3.0 * total(tree.right)


def mixed(m: Mixed) -> Any:
    return m.table["a"] * m.items[0] * m.pair[1] + m.items[1]


def several(states: list[State]) -> Any:
    s = 0.0
    for i, p in enumerate(states):
        s = s + (i + 1) * p.b * np.sum(p.w)
    return s


def grown(p: State, n: int) -> Any:
    out = []
    for _ in range(n):
        p = State(np.tanh(p.w) * p.b, p.b * 1.1)
        out.append(p)
    return sum([np.sum(q.w) for q in out])


def best(p: State) -> Any:
    found = p
    for k in range(3):
        candidate = State(p.w * k, p.b)
        if np.sum(candidate.w) > np.sum(found.w):
            found = candidate
    return np.sum(found.w) * found.b


def closures(p: State) -> Any:
    def moved(q: State, s: Any) -> State:
        return State(q.w * s, q.b + s)

    again = lambda q: moved(q, p.b)  # noqa: E731
    return np.sum(again(again(p)).w)


def swapped(p: State) -> Any:
    if p.b > 100.0:
        return p.b
    q, r = p, State(p.w, 2.0)
    q, r = r, q
    return np.sum(q.w) * q.b + r.b


def stored(p: State) -> Any:
    a = [p, p]
    a[0] = State(p.w * 3.0, p.b)
    d = {"x": p}
    d["x"] = d["x"]._replace(b=d["x"].b * 2.0)
    return np.sum(a[0].w) + np.sum(a[1].w) * a[1].b * d["x"].b


def until(p: State) -> Any:
    n = 0
    while np.sum(p.w) < 50.0:
        p = State(p.w * 1.5 + p.b, p.b)
        n = n + 1
        if n > 30:
            break
    return np.sum(p.w * p.w) + p.b


def popped(p: State) -> Any:
    states = []
    for i in range(3):
        states.append(State(p.w * i, p.b))
    last = states.pop()
    return np.sum(last.w) * last.b + len(states) * states[-1].b


P = State(X, 1.5)
CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (Optimiser(3).unrolled, (P, np.array([0.2, 0.4, 0.1]))),
    (Network().loss, (np.ones(2),)),
    (Network().nested, (np.ones(2),)),
    (total, (Tree(1.0, Tree(2.0, None, Tree(3.0)), Tree(4.0)),)),
    (mixed, (Mixed({"a": 2.0}, [3.0, 4.0], (1.0, 5.0)),)),
    (several, ([P, State(X[:2], 2.0)],)),
    (grown, (P, 3)),
    *((f, (P,)) for f in (best, closures, swapped, stored, until, popped)),
]


@pytest.mark.parametrize(("f", "args"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_program(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    check_derivatives(f, *args)
    found = grad(f)(*args)
    plain, kept = grad(f, optimize=False)(*args), grad(f, checkpoint=2)(*args)
    for other in (plain, kept):
        np.testing.assert_allclose(differences.leaves(other), differences.leaves(found), rtol=1e-12)


@pytest.mark.parametrize("f", [best, closures, until, stored], ids=lambda f: f.__name__)
def test_second_derivatives(f: Callable[..., Any]) -> None:
    v = State(np.cos(X), 0.3)
    product, blocks = hvp(f)(P, v), hessian(f)(P)
    np.testing.assert_allclose(blocks.w.w @ v.w + blocks.w.b * v.b, product.w)
    assert blocks.b.w @ v.w + blocks.b.b * v.b == pytest.approx(product.b)
    step = 1e-6
    ahead, behind = (grad(f)(State(P.w + s * v.w, P.b + s * v.b)) for s in (step, -step))
    np.testing.assert_allclose(product.w, (ahead.w - behind.w) / (2 * step), rtol=1e-5, atol=1e-6)


def test_an_object_passed_twice() -> None:
    def f(p: State, q: State) -> Any:
        return np.sum(p.w * q.w) * p.b * q.b

    first, second = grad(f, wrt=(0, 1))(P, P)
    np.testing.assert_allclose(first.w, second.w)
    np.testing.assert_allclose(first.w, X * 1.5**2)


def test_jacobian_of_a_record_in_a_tuple() -> None:
    w, p = jacobian(lambda q: (q.w, q))(State(2.0, 3.0))
    assert w == State(1.0, 0.0) and p == State(State(1.0, 0.0), State(0.0, 1.0))


def test_a_default_that_is_a_record() -> None:
    def f(x: Any, p: State = State(np.ones(3), 2.0)) -> Any:  # noqa: B008
        return np.sum(p.w * x) * p.b

    np.testing.assert_allclose(grad(f)(X), [2.0, 2.0, 2.0])
    assert grad(f, wrt="p")(X).b == pytest.approx(np.sum(X))
