"""Named tuples and dataclasses: as parameters, as values in a body, as gradients, tangents and adjoints.

In: classes of this file. Out: derivatives that are instances of the same classes, held to divided differences; writes
into what records share are either exact or refused.
"""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from srcdiff import (
    TransformError,
    check_derivatives,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    transform,
    value_and_grad,
    vjp,
)
from tests.oracles import differences

X = np.array([0.4, -1.2, 2.0])


class Params(NamedTuple):
    w: np.ndarray
    b: float = 0.5
    name: str = "p"


Point = namedtuple("Point", "x y", defaults=(2.0,))


class Long(namedtuple("Long", "x y")):
    """A subclass with a method."""

    __slots__ = ()

    def length(self) -> float:
        return (self.x**2 + self.y**2) ** 0.5


@dataclass(frozen=True)
class Layer:
    W: np.ndarray
    b: np.ndarray
    act: str = "tanh"

    def __call__(self, x: np.ndarray) -> np.ndarray:
        y = self.W @ x + self.b
        if self.act == "tanh":
            return np.tanh(y)
        return y


@dataclass(slots=True)
class Slots:
    a: float
    n: int = 3
    flag: bool = True
    inner: Params | None = None


@dataclass
class Pair:
    w: Any
    b: Any
    tags: list[str] = field(default_factory=list)
    SCALE = 3.0

    @property
    def total(self) -> Any:
        return np.sum(self.w) * self.b

    @staticmethod
    def twice(x: Any) -> Any:
        return 2.0 * x

    @classmethod
    def unit(cls, w: Any) -> Pair:
        return cls(w, 1.0)

    def moved(self, x: Any) -> Pair:
        return replace(self, w=self.w + x * self.SCALE)


@dataclass(kw_only=True)
class Named:
    a: float
    b: float = 2.0


@dataclass
class Checked:
    a: float

    def __post_init__(self) -> None:
        self.a = 2.0 * self.a


class Vector(NamedTuple):
    x: float

    def __add__(self, other: Any) -> Any:
        return 1.0


# -- gradients


def loss(p: Params, x: np.ndarray) -> float:
    return np.sum((p.w * x + p.b) ** 2)


def network(layers: list[Layer], x: np.ndarray) -> float:
    for layer in layers:
        x = layer(x)
    return np.sum(x)


def slots(s: Slots, x: float) -> float:
    if s.flag and s.inner is not None:
        return s.a**s.n * np.sum(s.inner.w)
    t = dataclasses.replace(s, a=s.a * 2.0)
    return t.a * x


def members(p: Pair, x: np.ndarray) -> float:
    q = p.moved(x)
    r = Pair.unit(p.twice(q.w))
    return q.total + r.total * p.b


def test_a_gradient_is_an_instance_of_the_class() -> None:
    p = Params(np.ones(3), 2.0)
    g = grad(loss)(p, X)
    assert type(g) is Params
    np.testing.assert_allclose(g.w, 2 * (X + 2.0) * X)
    assert g.b == pytest.approx(np.sum(2 * (X + 2.0)))
    assert g.name is None


def test_what_carries_no_derivative_holds_zero_or_none() -> None:
    inner = Params(np.ones(2))
    g = grad(slots)(Slots(2.0, inner=inner), 3.0)
    assert (g.n, g.flag, g.inner.name) == (0.0, 0.0, None)
    assert grad(slots)(Slots(2.0), 3.0) == Slots(6.0, 0.0, 0.0, None)
    # As in dicts.
    assert grad(lambda d: d["a"] * 2.0)({"a": 1.0, "n": 3, "f": True, "s": "s"}) == {
        "a": 2.0,
        "n": 0.0,
        "f": 0.0,
        "s": None,
    }


def test_an_integer_field_counts_and_is_not_promoted() -> None:
    def power(s: Slots) -> float:
        y = 1.0
        for _ in range(s.n):
            y = y * s.a
        return y

    assert grad(power)(Slots(2.0)).a == 12.0


LAYERS = [Layer(np.ones((2, 3)) / 3, np.array([0.1, -0.2])), Layer(np.ones((2, 2)), np.zeros(2), "linear")]
CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (loss, (Params(np.ones(3), 2.0), X)),
    (network, (LAYERS, X)),
    (slots, (Slots(2.0, inner=Params(np.ones(2))), 3.0)),
    (slots, (Slots(2.0), 3.0)),
    (members, (Pair(X.copy(), 1.5), X)),
    (lambda p: p.x * p.y**2, (Point(3.0),)),
    (lambda p: p.length() * p.x, (Long(3.0, 4.0),)),
    (lambda p: p.a * p.b**2, (Named(a=3.0),)),
    (lambda d: d["p"].b * np.sum(d["q"][0].w), ({"p": Params(X), "q": [Params(X + 1.0)]},)),
    (lambda t: t[0].b * np.sum(t[1].w), ((Params(X), Params(X + 1.0)),)),
]


@pytest.mark.parametrize(("f", "args"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_derivatives_of_records(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    check_derivatives(f, *args)
    if isinstance(args[0], Slots):  # whose gradient has more numbers than what it is the gradient of
        return
    first = differences.gradient(f, args)[0]
    found = grad(f)(*args)
    np.testing.assert_allclose(differences.leaves(found)[: differences.leaves(first).size], differences.leaves(first))


def test_tangents_and_adjoints_are_records() -> None:
    p = Params(np.ones(3), 2.0)
    v = Params(X, -1.0)
    gradient = grad(loss)(p, X)
    assert jvp(loss, (p, X), (v,), wrt=0)[1] == pytest.approx(np.sum(gradient.w * v.w) + gradient.b * v.b)
    stack = Params(np.stack([X, 2 * X]), np.array([-1.0, -2.0]))
    np.testing.assert_allclose(
        jvp(loss, (p, X), (stack,), wrt=0)[1], jvp(loss, (p, X), (v,), wrt=0)[1] * np.array([1, 2])
    )
    value, pullback = vjp(loss, p, X)
    assert type(pullback(1.0)) is Params and value == loss(p, X)
    product = hvp(loss)(p, X, v)
    step = 1e-6
    ahead = grad(loss)(Params(p.w + step * v.w, p.b + step * v.b), X)
    np.testing.assert_allclose(product.w, (ahead.w - gradient.w) / step, rtol=1e-4)
    with pytest.raises(ValueError, match="its primal a Params"):
        jvp(loss, (p, X), ((X, -1.0, None),), wrt=0)
    with pytest.raises(ValueError, match="tangent of field `w` has shape"):
        jvp(loss, (p, X), (Params(np.ones(2), 1.0),), wrt=0)


def test_records_as_results() -> None:
    def make(a: float, w: np.ndarray) -> Params:
        return Params(w * a, b=a)

    value, tangent = jvp(make, (2.0, X), (1.0, np.ones(3)))
    assert type(value) is type(tangent) is Params
    np.testing.assert_allclose(tangent.w, X + 2.0)
    by = Params(np.ones(3), 1.0, None)  # type: ignore[arg-type]
    ba, bw = vjp(make, 2.0, X, wrt=(0, 1))[1](by)
    assert ba == pytest.approx(np.sum(X) + 1.0)
    np.testing.assert_allclose(bw, [2.0, 2.0, 2.0])
    rows = jacobian(make)(2.0, X)
    np.testing.assert_allclose(rows.w, X)
    assert rows.b == 1.0 and rows.name is None


def test_jacobians_and_hessians_have_blocks() -> None:
    p = Params(np.ones(3), 2.0)
    for mode in ("forward", "reverse"):
        blocks = jacobian(lambda p: p.w * p.b, mode=mode)(p)
        np.testing.assert_allclose(blocks.w, 2.0 * np.eye(3))
        np.testing.assert_allclose(blocks.b, np.ones(3))
    blocks = hessian(loss)(p, X)
    np.testing.assert_allclose(blocks.w.w, np.diag(2 * X**2))
    np.testing.assert_allclose(blocks.w.b, 2 * X)
    np.testing.assert_allclose(blocks.b.w, 2 * X)
    assert blocks.b.b == pytest.approx(6.0)
    layers = hessian(lambda layer: np.sum(layer(X) ** 2))(LAYERS[0])
    assert type(layers) is type(layers.W) is Layer and layers.W.b.shape == (2, 3, 2)


def test_derivatives_of_derivatives() -> None:
    def outer(p: Params, x: np.ndarray) -> float:
        g = grad(loss)(p, x)
        return np.sum(g.w) * g.b

    check_derivatives(outer, Params(np.ones(3), 2.0), X)


def test_the_code_reads_naturally() -> None:
    g = grad(loss)
    g(Params(np.ones(3), 2.0), X)
    assert g.source == (
        "import numpy as np\n"
        "from tests.test_inputs_records import Params\n\n\n"
        "def loss_grad(p: Params, x: np.ndarray) -> Params:\n"
        '    """Gradient of `loss` with respect to p."""\n'
        "    # line 122: return np.sum((p.w * x + p.b) ** 2)\n"
        "    b1 = 2.0 * (p.w * x + p.b)\n"
        "    bp = Params(w=b1 * x, b=np.sum(b1), name=None)\n"
        "    return bp\n"
    ).replace("line 122", f"line {loss.__code__.co_firstlineno + 1}")


def test_generated_code_can_be_transformed_again() -> None:
    # An annotation says what is read; no call has been made.
    first = transform(network, "gradient", wrt=0)
    second = transform(first, "forward", wrt=0)
    direction = [Layer(np.cos(layer.W), np.sin(layer.b), None) for layer in LAYERS]  # type: ignore[arg-type]
    _, tangent = second(LAYERS, X, direction)
    step = 1e-6
    moved = [Layer(p.W + step * d.W, p.b + step * d.b, p.act) for p, d in zip(LAYERS, direction, strict=True)]
    for t, a, b in zip(tangent, grad(network)(moved, X), grad(network)(LAYERS, X), strict=True):
        np.testing.assert_allclose(t.W, (a.W - b.W) / step, atol=1e-4)


def test_derivatives_of_records_pickle() -> None:
    again = pickle.loads(pickle.dumps(grad(loss)))
    assert again(Params(np.ones(3)), X).b == grad(loss)(Params(np.ones(3)), X).b


def test_float32_stays() -> None:
    g = grad(lambda p: np.sum(p.w * p.w))(Params(X.astype(np.float32)))
    assert g.w.dtype == np.float32


def test_one_specialisation_for_one_type() -> None:
    g = grad(loss)
    for size in (2, 3, 1):
        g(Params(np.ones(size)), np.ones(size))
    assert len(g._cache) == 2  # size 1 broadcasts


# -- what can be done with a record in a body


def spread(p: Any) -> Any:
    x, y = p
    return x * y * len(p) + p[0] ** 2 + p[-1] + sum([v * v for v in p]) + np.sum(np.array(p)[1:])


def concatenated(p: Any) -> Any:
    both = p + (p.x * 2.0,)  # noqa: RUF005
    return both[2] * both[0]


def dictionary(p: Any) -> Any:
    d = p._asdict()
    return d["x"] * d["y"]


def asked(p: Any) -> Any:
    if isinstance(p, Point) and isinstance(p, tuple) and not isinstance(p, (Params, list)):
        return p.x * p.y
    return 0.0


def looped(p: Any) -> Any:
    q, s = p, 0.0
    for i in range(3):
        q = Point(q.x * 2.0, y=q.y + q.x)
        s = s + q.y * i
    while s < 100.0:
        q = q._replace(y=q.y * 2.0)
        s = s + q.y
    return s + q.x


def branched(p: Any) -> Any:
    q = Point(p.x * p.y, p.y) if p.x > 0.0 else p
    if q.y > 1.0:
        q = Point(y=q.x, x=q.y)
    return q.x**2 * q.y


def listed(p: Any) -> Any:
    ps = [Point(p.x, p.y * i) for i in range(3)]
    ps.append(p)
    ps[0] = Point(p.y)
    return sum([q.x * q.y for q in ps])


def recursive(p: Any) -> Any:
    return deeper(p, 3).x * p.y


def deeper(p: Any, n: int) -> Any:
    return p if n == 0 else deeper(Point(p.x * p.y, p.y + 1.0), n - 1)


@pytest.mark.parametrize(
    "f", [spread, concatenated, dictionary, asked, looped, branched, listed, recursive], ids=lambda f: f.__name__
)
def test_named_tuples_in_a_body(f: Callable[..., Any]) -> None:
    check_derivatives(f, Point(1.5, 2.5))
    assert value_and_grad(f)(Point(1.5, 2.5))[0] == pytest.approx(f(Point(1.5, 2.5)))


def test_defaults_of_fields() -> None:
    def f(x: float) -> float:
        return Params(x * X).b * np.sum(Params(x * X).w) + len(Pair(x, x).tags) + Point(x).y * x

    check_derivatives(f, 2.0)


GLOBAL = Params(np.ones(3), 2.0)


def test_a_global_record_is_read_when_the_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: float) -> float:
        return GLOBAL.b * x

    g = grad(f)
    assert g(3.0) == 2.0
    monkeypatch.setitem(globals(), "GLOBAL", Params(np.ones(3), 5.0))
    assert g(3.0) == 5.0


# -- mutation


def write_field_array(p: Any) -> Any:
    y = p.w
    y[0] = 5.0 * p.b
    return y[0] * y[1]


def write_and_read_the_record(p: Any) -> Any:
    y = p.w
    y[0] = 5.0 * p.b
    return p.w[0] * p.w[1]


def write_through_the_record(p: Any) -> Any:
    p.w[0] = p.b * 3.0
    return np.sum(p.w * p.w)


def write_what_was_put_in(p: Any) -> Any:
    y = p.w.copy()
    r = Pair(y, p.b)
    y[0] = 3.0 * p.b
    return np.sum(r.w * r.w)


def write_in_a_helper(p: Any) -> Any:
    return fill(p, p.b * 2.0) * p.w[1]


def fill(p: Any, x: Any) -> Any:
    p.w[0] = x
    return np.sum(p.w)


@pytest.mark.parametrize(
    "f",
    [
        write_field_array,
        write_and_read_the_record,
        write_through_the_record,
        write_what_was_put_in,
        write_in_a_helper,
    ],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("cls", [Params, Pair])
def test_writes_are_exact_or_refused(f: Callable[..., Any], cls: type) -> None:
    p = cls(X.copy(), 1.5)
    try:
        value, g = value_and_grad(f)(p)
    except TransformError as error:
        assert "may share memory with what line" in str(error)
        return
    assert value == f(copy.deepcopy(p))
    expected = differences.gradient(lambda q: f(copy.deepcopy(q)), (p,))[0]
    np.testing.assert_allclose(g.w, expected.w, atol=1e-8)
    np.testing.assert_array_equal(p.w, X)


# -- refused


def assigns(p: Any) -> Any:
    p.b = 2.0 * p.w
    return p.b


def augments(p: Any) -> Any:
    p.b += 2.0
    return p.b


@pytest.mark.parametrize(
    ("f", "given", "said"),
    [
        (assigns, Pair(1.0, 2.0), r"assignment to an attribute \(`p.b`\).*\n.*\n.*\n.*dataclasses.replace\(p, b=...\)"),
        (augments, Pair(1.0, 2.0), r"assignment to an attribute \(`p.b`\)"),
        (assigns, Params(X), r"assignment to an attribute \(`p.b`\).*\n.*\n.*\n.*p._replace\(b=...\)"),
        (lambda p: (p + p).b, Pair(1.0, 2.0), "`add` is not supported on a dataclass"),
        (lambda p: np.sum(p), Pair(1.0, 2.0), "`np.sum` is not supported on a dataclass"),
        (lambda p: p[0], Pair(1.0, 2.0), "not supported on a dataclass"),
        (lambda p: p.nothing, Pair(1.0, 2.0), "`Pair` has no attribute `nothing`"),
        (lambda p: Params(p.w, p.b, c=1.0).b, Pair(1.0, 2.0), "`Params` has no field `c`"),
        (lambda p: Params(b=p.w).b, Pair(1.0, 2.0), "`Params` needs the argument `w`"),
        (lambda p: Checked(p.w).a, Pair(1.0, 2.0), "instances of it are not made here"),
        (lambda p: p.a, Checked(1.0), "is an object of class Checked and carries no derivative"),
        (lambda p: p.x, Vector(1.0), "is an object of class Vector and carries no derivative"),
    ],
)
def test_refused(f: Callable[..., Any], given: Any, said: str) -> None:
    with pytest.raises(TransformError, match=said):
        grad(f)(given)


def test_an_attribute_that_hides_that_of_the_class_is_refused() -> None:
    p = Pair(1.0, 2.0)
    g = grad(lambda p: p.w * p.SCALE)
    assert g(p).w == 3.0
    p.SCALE = 5.0
    with pytest.raises(TypeError, match="argument `p` has an attribute `SCALE` of its own"):
        g(p)
    del p.SCALE
    assert g(p).w == 3.0


def test_a_record_that_may_be_none_is_refused() -> None:
    def f(p: Any) -> Any:
        t = None
        if p.b > 0.0:
            t = p
        return 0.0 if t is None else t.w

    with pytest.raises(TransformError, match="it may be None here"):
        grad(f)(Pair(1.0, 2.0))


def test_a_record_that_is_called_is_differentiated_in_its_arguments() -> None:
    layer = LAYERS[0]
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0])
    np.testing.assert_allclose(jacobian(layer)(x), jacobian(Layer.__call__, wrt=1)(layer, x))
    np.testing.assert_allclose(vjp(layer, x)[1](y), y @ jacobian(layer)(x))
    check_derivatives(layer, x)


def test_a_class_that_checks_its_fields_can_be_read() -> None:
    assert grad(lambda x, c: x * c.a)(3.0, Checked(1.0)) == 2.0
