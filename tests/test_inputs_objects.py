"""Methods, objects, partial functions, wrappers and functions of any number of arguments.

In: what people call besides plain functions. Out: derivatives of what a call of it runs, with attributes read afresh at
each call; what cannot be followed is refused by name.
"""

from __future__ import annotations

import enum
import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

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

X = np.array([0.4, -1.2, 2.0])


class Base:
    K = 3.0

    def shared(self, x: Any) -> Any:
        return x * self.K


class Model(Base):
    def __init__(self) -> None:
        self.w = np.arange(1.0, 4.0)
        self.scale = 0.5
        self.activation: str | None = "tanh"
        self.bias: float | None = None
        self.steps = 2
        self.sub = Base()
        self.params = {"a": np.ones(3), "b": 2.0}
        self.layers = [Block(1.5), Block(np.ones(3))]

    @property
    def twice(self) -> float:
        return 2.0 * self.scale

    @staticmethod
    def square(x: Any) -> Any:
        return x * x

    @classmethod
    def tripled(cls, x: Any) -> Any:
        return cls.K * x

    def predict(self, x: Any) -> Any:
        y = self.w * x * self.twice
        if self.bias is not None:
            y = y + self.bias
        if self.activation == "tanh":
            y = np.tanh(y)
        for _ in range(self.steps):
            y = self.square(y) + self.tripled(y)
        return y * self.params["b"]

    def loss(self, x: Any, power: int = 2) -> Any:
        return np.sum(self.shared(self.predict(x)) ** power) + np.sum(self.sub.shared(x))

    def __call__(self, x: Any) -> Any:
        return self.loss(x)

    def remember(self, x: Any) -> Any:
        self.w = x
        return x * self.w

    def collect(self, x: Any) -> Any:
        self.layers.append(x)
        return x

    def overwrite(self, x: Any) -> Any:
        self.w[0] = x
        return x

    def inherited(self, x: Any) -> Any:
        return super().shared(x)

    def sums(self, x: Any) -> Any:
        method = self.shared
        return sum([method(np.sum(block.gain * x)) for block in self.layers]) + sum([b(2.0) for b in self.layers[:1]])


class Block:
    def __init__(self, gain: Any) -> None:
        self.gain = gain

    def __call__(self, x: Any) -> Any:
        return np.sum(self.gain) * x


class Slotted:
    __slots__ = ("w",)

    def __init__(self) -> None:
        self.w = 3.0

    def f(self, x: Any) -> Any:
        return self.w * x


@dataclass
class Affine:
    a: float
    b: np.ndarray

    def loss(self, x: Any) -> Any:
        return np.sum(self.a * x * x + self.b)


# -- methods


def test_a_bound_method_is_differentiated_in_the_parameters_that_are_left() -> None:
    m = Model()
    check_derivatives(m.loss, X)
    assert value_and_grad(m.loss)(X)[0] == pytest.approx(m.loss(X))
    np.testing.assert_array_equal(grad(m.loss)(X), grad(Model.loss, wrt=1)(m, X))
    np.testing.assert_array_equal(grad(m.loss, wrt="x")(X, power=3), grad(Model.loss, wrt="x")(m, X, 3))
    np.testing.assert_array_equal(grad(m)(X), grad(m.loss)(X))
    np.testing.assert_allclose(hessian(m.loss)(X) @ X, hvp(m.loss)(X, X))
    assert jacobian(m.predict)(X).shape == (3, 3)
    assert jacobian(m.predict, sparse=True)(X).nnz == 3
    assert grad(Slotted().f)(1.0) == 3.0


def test_attributes_are_read_at_each_call() -> None:
    m = Model()
    g = grad(m.loss)
    for change in (
        {"scale": 0.25},
        {"bias": 1.0},
        {"bias": X},
        {"activation": None},
        {"steps": 1},
        {"w": np.ones(1)},
        {"sub": Block(2.0)},
    ):
        for name, value in change.items():
            setattr(m, name, value)
        if "sub" in change:
            with pytest.raises(TransformError, match="`Block` has no attribute `shared`"):
                g(X)
            continue
        np.testing.assert_array_equal(g(X), grad(Model.loss, wrt=1)(m, X))
        check_derivatives(m.loss, X)
    m = Model()
    g = grad(m.loss)
    before = g(X)
    m.w *= 2.0
    assert not np.array_equal(g(X), before)


def test_a_class_that_changes_is_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    m = Model()
    g = grad(m.sums)
    assert g(X).shape == (3,)
    monkeypatch.setattr(Base, "K", 5.0)
    check_derivatives(m.sums, X)
    np.testing.assert_allclose(g(X), grad(m.sums)(X))
    monkeypatch.setattr(Base, "shared", lambda self, x: 7.0 * x)
    np.testing.assert_allclose(g(np.ones(3)), [7.0 * 2.5] * 3)


def test_a_pullback_keeps_the_object_as_it_was() -> None:
    m = Model()
    expected = grad(m.loss)(X)
    _, pullback = vjp(m.loss, X)
    m.w[:] = 0.0
    m.scale = 3.0
    np.testing.assert_allclose(pullback(1.0), expected)


def test_the_code_reads_the_attributes() -> None:
    g = grad(Slotted().f)
    g(1.0)
    assert "    bx = self.w\n" in g.source
    assert "def f_grad(self, x)" in g.source


def test_a_dataclass_is_differentiated_in_its_fields_and_its_methods() -> None:
    model = Affine(2.0, np.ones(3))
    np.testing.assert_allclose(grad(model.loss)(X), 4.0 * X)
    found = grad(Affine.loss)(model, X)
    assert type(found) is Affine and found.a == pytest.approx(np.sum(X * X))
    with pytest.raises(TransformError, match="`loss` has no parameter `self`"):
        grad(model.loss, wrt="self")
    transform(model.loss, "reverse")(X, 1.0)
    assert "bself" not in transform(model.loss, "reverse").source


def test_static_methods() -> None:
    assert grad(Model.square)(3.0) == grad(Model().square)(3.0) == 6.0


def test_a_namespace_holds_options() -> None:
    options = SimpleNamespace(rate=0.5, name="a", inner=SimpleNamespace(n=2))

    def f(x: float, o: Any) -> float:
        return o.rate * x**o.inner.n if o.name == "a" else x

    assert grad(f)(3.0, options) == 3.0
    options.name = "b"
    assert grad(f)(3.0, options) == 1.0


CONFIG = SimpleNamespace(rate=2.0)
MODEL = Model()


def test_global_objects() -> None:
    def f(x: Any) -> Any:
        return CONFIG.rate * MODEL.loss(x) + MODEL(x)

    g = grad(f)
    np.testing.assert_allclose(g(X), 3.0 * grad(MODEL.loss)(X))
    try:
        CONFIG.rate = 4.0
        np.testing.assert_allclose(g(X), 5.0 * grad(MODEL.loss)(X))
        CONFIG.rate = np.ones(1)
        with pytest.raises(TransformError, match="not a scalar"):
            g(X)
    finally:
        CONFIG.rate = 2.0


APP = SimpleNamespace(model=Block(np.ones(3)), params=np.ones(3), size=3, items=[Block(2.0)])


def test_what_a_global_object_holds_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any) -> Any:
        return APP.model(x) * len(APP.params) + APP.items[0](x) * APP.params.shape[0]

    g = grad(f)
    assert g(1.0) == 15.0
    monkeypatch.setattr(APP, "params", np.ones(5))
    assert g(1.0) == 25.0
    APP.model.gain = 2.0
    assert g(1.0) == 20.0
    APP.items[0].gain = np.ones((2, 2))
    assert g(1.0) == 30.0


def test_objects_that_hold_themselves() -> None:
    class Node:
        def __init__(self) -> None:
            self.me = self
            self.others = [self]
            self.table = {"me": self, "all": [self, self.others]}
            self.w = 2.0

        def f(self, x: Any) -> Any:
            return self.me.w * self.others[0].w * x

    assert grad(Node().f)(1.0) == 4.0


def foreign(o: Any, x: Any) -> Any:
    return o.z * x


@pytest.mark.parametrize(
    ("f", "args", "said"),
    [
        (Model().remember, (1.0,), r"assignment to an attribute \(`self.w`\) is not supported"),
        (Model().collect, (1.0,), "this writes into an attribute of an object that is only read"),
        (Model().overwrite, (1.0,), "this writes into an attribute of an object that is only read"),
        (Model().inherited, (1.0,), "`super"),
        (Model.tripled, (1.0,), "`Model.tripled` is a class method"),
        (lambda m, x: m.w * x, (Model(), 1.0), "`m` of `function` is an object of class Model"),
        (lambda x: MODEL.nothing * x, (1.0,), "`Model` has no attribute `nothing`"),
        (lambda x: Model().loss(x), (X,), "`Model` is a class, and instances of it are not made here"),
    ],
)
def test_refused(f: Callable[..., Any], args: tuple[Any, ...], said: str) -> None:
    with pytest.raises(TransformError, match=said):
        grad(f)(*args)


def test_an_attribute_of_another_kind_is_refused_where_it_is_read() -> None:
    with pytest.raises(TransformError, match="attribute `o_z` is a complex number"):
        grad(foreign, wrt=1)(SimpleNamespace(z=1j), 1.0)
    assert grad(lambda o, x: o.a * x, wrt=1)(SimpleNamespace(z=1j, a=2.0), 1.0) == 2.0


def test_an_array_of_the_object_that_is_written_into() -> None:
    class Buffer:
        def __init__(self) -> None:
            self.w = X.copy()

        def f(self, x: Any) -> Any:
            x[0] = 2.0 * x[1]
            return np.sum(x * self.w)

    b = Buffer()
    check_derivatives(b.f, X)
    with pytest.raises(ValueError, match="`x` and `self` share memory"):
        grad(b.f)(b.w)


# -- flags


class Mode(enum.Enum):
    SQUARE = "square"
    LINE = "line"


def by_mode(x: float, mode: Mode = Mode.SQUARE) -> float:
    if mode is Mode.SQUARE:
        return x * x
    if mode == Mode.LINE:
        return 2.0 * x
    return 0.0 * x


def by_text(x: float, b: float | None = None, *, mode: str = "line") -> float:
    if b is not None:
        x = x * b
    if mode == "square":
        return x * x
    elif mode == "line":
        return x
    raise ValueError(mode)


def test_flags() -> None:
    assert [grad(by_mode)(3.0, *given) for given in ((), (Mode.SQUARE,), (Mode.LINE,))] == [6.0, 6.0, 2.0]
    assert grad(by_text)(3.0) == 1.0
    assert grad(by_text)(3.0, 2.0) == 2.0
    assert grad(by_text)(3.0, 2.0, mode="square") == 24.0
    assert grad(by_text, wrt="b")(3.0, 2.0, mode="square") == 36.0
    with pytest.raises(ValueError, match="cubic"):
        value_and_grad(by_text)(3.0, mode="cubic")
    g = grad(by_mode)
    g(1.0)
    assert "from tests.test_inputs_objects import Mode" in g.source


# -- partial functions


def weighted(a: Any, x: Any, n: int = 2, *, shift: float = 0.0) -> Any:
    return np.sum(a * (x + shift) ** n)


def test_partial_functions() -> None:
    first = functools.partial(weighted, 3.0)
    np.testing.assert_allclose(grad(first)(X), 6.0 * X)
    np.testing.assert_allclose(grad(functools.partial(first, n=3))(X), 9.0 * X**2)
    np.testing.assert_allclose(grad(functools.partial(first, n=3))(X, n=2), 6.0 * X)
    np.testing.assert_allclose(grad(functools.partial(weighted, 3.0, shift=1.0), wrt="shift")(X), 6.0 * np.sum(X + 1.0))
    both = grad(functools.partial(weighted, n=1), wrt=(0, "x"))(2.0, X)
    assert both[0] == pytest.approx(np.sum(X))
    np.testing.assert_allclose(both[1], [2.0, 2.0, 2.0])
    check_derivatives(first, X)
    assert jvp(first, (X,), (X,))[1] == pytest.approx(6.0 * X @ X)
    np.testing.assert_allclose(vjp(first, X)[1](1.0), 6.0 * X)
    np.testing.assert_allclose(hvp(first)(X, X), 6.0 * X)
    np.testing.assert_allclose(transform(functools.partial(first, n=2), "forward", wrt=0)(X, X)[1], 6.0 * X @ X)
    with pytest.raises(TypeError, match="takes 1 arguments and then 1 tangent"):
        transform(functools.partial(first, n=2), "forward", wrt=0)(X)
    again = pickle.loads(pickle.dumps(grad(first)))
    np.testing.assert_allclose(again(X), 6.0 * X)


KEPT = functools.partial(weighted, 3.0, n=3)
METHOD = MODEL.loss


def test_partial_functions_in_a_body() -> None:
    def f(x: Any) -> Any:
        local = functools.partial(weighted, 2.0, shift=1.0)
        return KEPT(x) + local(x, n=3) + functools.partial(local, n=1)(x) + METHOD(x)

    check_derivatives(f, X)


def test_what_a_partial_keeps_is_read_at_each_call() -> None:
    a = np.ones(3)
    g = grad(functools.partial(weighted, a))
    np.testing.assert_allclose(g(X), 2.0 * X)
    a *= 2.0
    np.testing.assert_allclose(g(X), 4.0 * X)


# -- wrappers


def doubled(f: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return 2.0 * f(*args, **kwargs)

    return wrapper


def shifted(by: float) -> Callable[..., Any]:
    def decorate(f: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(f)
        def wrapper(x: Any) -> Any:
            return f(x + by)

        return wrapper

    return decorate


@doubled
def power(x: float, n: int = 2) -> float:
    return x**n


@shifted(1.0)
@doubled
def cube(x: float) -> float:
    return x**3


@functools.lru_cache
def cached(x: float) -> float:
    return x * x


@functools.cache
def cached_too(x: float) -> float:
    return cached(x) * x


@grad
@doubled
def slope(x: float) -> float:
    return x**3


def test_the_behaviour_of_a_wrapper_is_differentiated() -> None:
    assert grad(power)(3.0) == 12.0
    assert grad(power)(3.0, n=3) == grad(power)(3.0, 3) == grad(power, wrt="x")(3.0, 3) == 54.0
    assert grad(cube)(1.0) == 24.0
    assert slope(2.0) == 24.0
    assert grad(cached)(3.0) == 6.0 and grad(cached_too)(3.0) == 27.0
    check_derivatives(lambda x: power(x) + cube(x) * cached_too(x), 1.5)


def test_np_vectorize_is_refused() -> None:
    with pytest.raises(TransformError, match=r"`cached` is wrapped by np\.vectorize"):
        grad(np.vectorize(cached.__wrapped__))
    each = np.vectorize(lambda x: x * x)
    with pytest.raises(TransformError, match=r"`each` is wrapped by np\.vectorize"):
        grad(lambda x: np.sum(each(x)))(X)


# -- any number of arguments


def product(*xs: Any) -> Any:
    y = 1.0
    for x in xs:
        y = y * x
    return y * len(xs)


def options(x: Any, *rest: Any, scale: float = 2.0, **more: Any) -> Any:
    return x * more["a"] * scale + sum(rest)


def test_any_number_of_arguments() -> None:
    g = grad(product)
    assert (g(2.0, 3.0), g(2.0, 3.0, 4.0), grad(product, wrt=(0, 1))(2.0, 3.0)) == (6.0, 36.0, (6.0, 4.0))
    assert "def product_grad(xs_0, xs_1, xs_2)" in g.source or "def product_grad(xs_0, xs_1)" in g.source
    check_derivatives(product, 1.5, 2.5, 3.5)
    assert jvp(product, (2.0, 3.0), (1.0, 1.0))[1] == 10.0
    assert vjp(product, 2.0, 3.0, wrt=(0, 1))[1](1.0) == (6.0, 4.0)
    assert hessian(product, wrt=(0, 1))(2.0, 3.0) == ((0.0, 2.0), (2.0, 0.0))
    assert grad(options)(2.0, a=5.0) == 10.0
    assert grad(options, wrt=("x", "a", "scale"))(2.0, a=5.0) == (10.0, 4.0, 10.0)
    assert grad(options, wrt=2)(2.0, 1.0, 1.0, a=5.0) == 1.0


def test_calls_of_functions_of_any_number_of_arguments() -> None:
    def f(x: Any, y: Any) -> Any:
        pair = (x, y)
        named = {"a": y, "scale": x}
        return product(*pair) + product(x) + options(x, y, x, a=y) + options(x, **named)

    check_derivatives(f, 1.5, 2.5, wrt=(0, 1))


def test_where_the_number_must_be_known() -> None:
    with pytest.raises(TypeError, match="product takes any number of arguments"):
        transform(product, "forward")(1.0, 2.0, 1.0, 1.0)
    with pytest.raises(TypeError, match="product takes any number of arguments"):
        hvp(product)
    with pytest.raises(TransformError, match="the function `product` takes any number of arguments"):
        grad(lambda x: grad(product)(x, x))(1.0)
    with pytest.raises(TransformError, match="`product` has no parameter number 3"):
        grad(product, wrt=3)(1.0, 2.0)


def test_parameters_by_position_or_by_name_only() -> None:
    def f(x: float, /, y: float = 2.0, *, z: float = 3.0) -> float:
        return x * y * z

    assert grad(f)(5.0) == 6.0
    assert grad(f, wrt="z")(5.0) == 10.0
    assert grad(f, wrt=("y", "z"))(5.0, y=1.0) == (15.0, 5.0)
    assert grad(f, wrt=2)(5.0, z=1.0) == 10.0
    assert jvp(f, (5.0,), (1.0,), wrt="x")[1] == 6.0
    with pytest.raises(TypeError, match="takes its argument 'x' by position only"):
        grad(f)(x=5.0)


def test_a_default_that_changes_is_read_afresh() -> None:
    def f(x: float, weights: list[float] = [1.0, 2.0]) -> float:  # noqa: B006
        return x * weights[0]

    g = grad(f)
    assert g(3.0) == 1.0
    assert f.__defaults__ is not None
    f.__defaults__[0][0] = 5.0
    assert g(3.0) == 5.0
    assert grad(f, wrt="weights")(3.0) == [3.0, 0.0]
