"""Programs as they are found in people's repositories, and the mistakes that people make in them."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import srcdiff
from srcdiff.compiler import transform_file
from srcdiff.diagnostics import TransformError

X = np.array([1.0, 2.0, 3.0])


def refusal(f, *arguments):
    """The message and the remedy with which a function is refused."""
    with pytest.raises(TransformError) as caught:
        srcdiff.value_and_grad(f)(*arguments)
    first = caught.value.diagnostics[0]
    return first.message, first.remedy


# --- modules that import each other


def test_a_package_that_imports_its_modules_is_read_from_any_of_them(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("from .model import loss\n")
    (package / "kernels.py").write_text("import numpy as np\n\n\ndef kernel(x):\n    return np.exp(-x * x)\n")
    (package / "model.py").write_text(
        "from . import kernels\nfrom .kernels import kernel\n\n\n"
        "def loss(x: float) -> float:\n    return kernels.kernel(x) * kernel(2.0 * x)\n"
    )
    text = transform_file(package / "model.py", "loss", ("gradient",))
    assert "def loss_grad(x: float) -> float:" in text


# --- what NumPy does not do


def _into_parameter(x, n):
    n += x
    return n.sum()


def _into_local(x):
    n = np.arange(3)
    n /= x
    return n.sum()


def _into_mask(x):
    m = x > 1.5
    m += 1
    return (m * x).sum()


@pytest.mark.parametrize(
    ("f", "arguments"), [(_into_parameter, (X, np.arange(3))), (_into_local, (X,)), (_into_mask, (X,))]
)
def test_floats_are_not_added_in_place_to_integers(f, arguments) -> None:
    with pytest.raises(TypeError, match="same_kind"):
        f(*[a.copy() for a in arguments])
    assert refusal(f, *arguments)[0].startswith("NumPy does not write ")


def _same_kinds(x, n, u):
    n += 2
    n *= n
    n += u
    u += 3
    x += n
    return np.sum(x * u)


def test_integers_are_added_in_place_to_integers() -> None:
    n, u = np.arange(3), np.arange(3, dtype=np.uint8)
    value, gradient = srcdiff.value_and_grad(_same_kinds)(X, n, u)
    assert value == _same_kinds(X.copy(), n.copy(), u.copy())
    np.testing.assert_array_equal(gradient, u + 3.0)


def _no_such_axis(x):
    return np.sum(x, axis=3)


def test_what_fails_in_numpy_fails_in_its_words() -> None:
    with pytest.raises(np.exceptions.AxisError, match="axis 3 is out of bounds"):
        srcdiff.grad(_no_such_axis)(X)


# --- names that do not exist


def _misspelt_function(x):
    return np.sinn(x).sum()


def _misspelt_below(x):
    return np.linalg.nrom(x)


def _misspelt_method(x):
    return x.summ()


def _nothing_like_it(x):
    return np.quux(x)


def _exists(x):
    return np.unwrap(x).sum()


@pytest.mark.parametrize(
    ("f", "message", "remedy"),
    [
        (_misspelt_function, "`numpy` has no `sinn`", "did you mean `numpy.sin`?"),
        (_misspelt_below, "`numpy.linalg` has no `nrom`", "did you mean `numpy.linalg.norm`?"),
        (_misspelt_method, "no rule for the method `.summ()`", "did you mean `.sum()`? If not, "),
        (_nothing_like_it, "`numpy` has no `quux`", "check the name"),
        (_exists, "no rule for `numpy.unwrap`", "write it with "),
    ],
)
def test_a_misspelt_name_is_said_to_be_one(f, message: str, remedy: str) -> None:
    found = refusal(f, X)
    assert found[0] == message
    assert found[1].startswith(remedy)


# --- functions in tuples, lists and dicts


def _twice(v):
    return 2.0 * v


STEPS = [np.sin, _twice, lambda v: v * v, functools.partial(np.multiply, 3.0)]
ACTIVATIONS = {"tanh": np.tanh, "square": lambda z: z * z}


def _local_list(x):
    steps = [lambda t: t * x[0], lambda t: t + x[1]]
    y = 1.0
    for step in steps:
        y = step(y)
    return y


def _pipeline(x):
    for step in STEPS:
        x = step(x)
    return x.sum()


def _counted(x):
    for i, step in enumerate(reversed(STEPS)):
        x = step(x) + i * x
    return x.sum()


def _beside(x, weights):
    total = 0.0
    for w, g in zip(weights, STEPS, strict=False):
        c = g(x).sum()
        if c < 0.5:
            continue
        total += w * c
    else:
        total += x[0]
    return total


def _by_constant(x):
    return ACTIVATIONS["square"](x).sum() * len(ACTIVATIONS) + ("tanh" in ACTIVATIONS)


def _over_dict(x):
    s = 0.0
    for name, f in ACTIVATIONS.items():
        s = s + len(name) * f(x).sum()
    for f in ACTIVATIONS.values():
        s = s * f(x[0])
    return s


def _by_key(x, kind):
    return ACTIVATIONS[kind](x).sum()


@pytest.mark.parametrize(
    ("f", "arguments"),
    [
        (_local_list, (X,)),
        (_pipeline, (X,)),
        (_counted, (X,)),
        (_beside, (X, np.array([1.0, 2.0]))),
        (_beside, (X, [1.0, 2.0, 3.0, 4.0, 5.0])),
        (_by_constant, (X,)),
        (_over_dict, (X,)),
        (_by_key, (X, "square")),
        (_by_key, (X, "tanh")),
    ],
)
def test_functions_out_of_containers(f, arguments) -> None:
    srcdiff.check_derivatives(f, *arguments, wrt=0)
    assert srcdiff.value_and_grad(f)(*arguments)[0] == pytest.approx(f(*arguments), rel=1e-14)


def test_a_key_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="relu"):
        srcdiff.grad(_by_key)(X, "relu")


def test_a_list_of_functions_that_changes_is_read_anew() -> None:
    def f(x):
        for step in steps:
            x = step(x)
        return x

    steps = [np.sin]
    g = srcdiff.grad(f)
    assert g(0.5) == np.cos(0.5)
    steps.append(np.exp)
    assert g(0.5) == pytest.approx(np.exp(np.sin(0.5)) * np.cos(0.5))
    steps[0] = np.cos
    assert g(0.5) == pytest.approx(-np.exp(np.cos(0.5)) * np.sin(0.5))


PIPELINE_TEXT = """
import numpy as np

def square(x):
    return x * x

STEPS = [np.sin, square]
KINDS = {"sin": np.sin, "square": square}


def f(x, kind):
    for step in STEPS:
        x = step(x)
    return KINDS[kind](x)
"""


def test_functions_in_a_text(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.py"
    path.write_text(PIPELINE_TEXT)
    text = transform_file(path, "f", ("gradient",), "x")
    namespace: dict[str, object] = {}
    exec(text, namespace)
    s, c = np.sin(0.5), np.cos(0.5)
    assert namespace["f_grad"](0.5, "square") == pytest.approx(4 * s**3 * c)  # type: ignore[operator]
    assert namespace["f_grad"](0.5, "sin") == pytest.approx(np.cos(s * s) * 2 * s * c)  # type: ignore[operator]
    path.write_text(PIPELINE_TEXT + "\n\nSTEPS.append(np.exp)\n")
    with pytest.raises(TransformError, match="which function this calls is not known"):
        transform_file(path, "f", ("gradient",), "x")


def test_a_loop_over_functions_is_not_left() -> None:
    def f(x):
        for step in STEPS:
            x = step(x)
            if x > 2.0:
                break
        return x

    assert refusal(f, 1.0)[0] == "a loop over functions that is left before its end is not supported"


# --- dicts

RATES = {1: 0.5, 2: 0.7, 5: 1.2}
NAMED = {"a": 1.5, "b": 2.0}


def _keys_are_numbers(rates):
    """The keys enter the sum: they carry no derivative."""
    s = 0.0
    for m, v in rates.items():
        s += m * v**2
    for m in sorted(rates.keys()):
        s += m * rates[m]
    return s + list(rates)[1] * sum(rates.values())


def _over_values(d):
    return sum(d.values()) ** 2 + max(d.values()) * min(d.values()) + len(list(d.items()))


def _copied(d):
    e = dict(d)
    e["a"] = e["a"] ** 2
    return e["a"] * d["a"] * e["b"]


def _stacked(d):
    return np.array(list(d.values())).prod()


def _zipped(x):
    e = dict(zip(["p", "q", "r"], x, strict=True))
    pairs = list(zip(x, x**2, strict=True))
    return e["p"] * e["q"] * pairs[0][1] * pairs[1][0]


def _mapped(x):
    item = 2.0

    def scaled(v):
        return v * v * item

    return sum(map(scaled, x)) * np.array(list(map(np.sin, x))).sum()


@pytest.mark.parametrize(
    ("f", "argument"),
    [
        (_keys_are_numbers, RATES),
        (_over_values, NAMED),
        (_copied, NAMED),
        (_stacked, NAMED),
        (_zipped, X),
        (_mapped, X),
    ],
)
def test_dicts_and_what_loops_go_over(f, argument) -> None:
    srcdiff.check_derivatives(f, argument)
    assert srcdiff.value_and_grad(f)(argument)[0] == pytest.approx(f(argument), rel=1e-14)


def test_the_keys_of_a_dict_carry_no_derivative_where_nothing_is_known_of_it() -> None:
    def f(rates):
        s = 0.0
        for m, v in rates.items():
            s += m * v**2
        return s

    namespace: dict[str, object] = {}
    exec(srcdiff.transform(f, "forward").source, namespace)
    value, tangent = namespace["f_jvp"](RATES, dict.fromkeys(RATES, 1.0))  # type: ignore[operator]
    assert value == f(RATES)
    assert tangent == pytest.approx(sum(2.0 * m * v for m, v in RATES.items()))


def test_a_dict_of_what_is_no_dict() -> None:
    def f(x):
        return dict(x)["a"]

    assert refusal(f, [("a", 1.0)])[0] == "`dict()` of what is not known to be a dict is not supported"


# --- infinite cut points, infinite values


def _ordinal(parameters, x, levels):
    cuts = np.concatenate(([-np.inf], parameters[1:], [np.inf]))
    scale = np.exp(parameters[0])
    above, below = cuts[levels + 1], cuts[levels]
    return -np.sum(np.log(norm.cdf(above, loc=x, scale=scale) - norm.cdf(below, loc=x, scale=scale)))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of a product that np.where does not choose
def test_cut_points_at_infinity_give_no_nan() -> None:
    parameters, x, levels = np.array([0.2, -0.5, 0.4, 1.1]), np.array([-1.0, 0.3, 0.7, 2.0]), np.array([0, 1, 2, 3])
    srcdiff.check_derivatives(_ordinal, parameters, x, levels, wrt="parameters")
    gradient = srcdiff.grad(_ordinal)
    steps = 1e-6 * np.eye(4)
    differences = [(gradient(parameters + s, x, levels) - gradient(parameters - s, x, levels)) / 2e-6 for s in steps]
    np.testing.assert_allclose(srcdiff.hessian(_ordinal)(parameters, x, levels), differences, rtol=1e-6, atol=1e-8)


def _barrier(x, mu):
    if np.any(x <= 0.0):
        return np.inf
    return np.sum(x) - mu * np.sum(np.log(x))


def test_no_result_is_called_inf() -> None:
    gradient = srcdiff.value_and_grad(_barrier)
    np.testing.assert_allclose(gradient(X, 0.5)[1], 1.0 - 0.5 / X)
    assert gradient(-X, 0.5)[0] == np.inf
    assert " inf = " not in gradient.source


# --- a filter, of which nothing is known


def _butterworth(x, cutoff):
    c = 1.0 / np.tan(np.pi * cutoff)
    b = np.array([1.0, 2.0, 1.0]) / (1.0 + np.sqrt(2.0) * c + c * c)
    y = np.zeros_like(x)
    for n in range(len(x)):
        acc = b[0] * x[n]
        for k in range(1, 3):
            if n - k >= 0:
                acc += b[k] * x[n - k] - 0.3 * y[n - k]
        y[n] = acc
    return np.sum(y * y)


def test_what_zeros_like_makes_shares_no_memory_whatever_it_is_like() -> None:
    source = srcdiff.transform(_butterworth, "gradient", wrt=("x", "cutoff")).source
    namespace: dict[str, object] = {}
    exec(source, namespace)
    found = namespace["_butterworth_grad"](X, 0.2)  # type: ignore[operator]
    for a, b in zip(found, srcdiff.grad(_butterworth, wrt=("x", "cutoff"))(X, 0.2), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def _largest_two(xs):
    ordered = sorted(xs, reverse=True)
    return 2.0 * ordered[0] + ordered[1] ** 2


def test_sorted_takes_its_order_by_keyword() -> None:
    assert srcdiff.grad(_largest_two)([1.0, 3.0, 2.0]) == [0.0, 2.0, 4.0]
    assert "sorted(xs, reverse=True)" in srcdiff.transform(_largest_two, "forward").source


def _turned(d):
    inverse = {v: k for k, v in d.items()}
    return sum(list(inverse))


def _turned_in_a_loop(d):
    inverse = {v: k for k, v in d.items()}
    s = 0.0
    for v in inverse:
        s += v
    return s


@pytest.mark.parametrize("f", [_turned, _turned_in_a_loop])
def test_keys_that_may_depend_on_what_is_differentiated(f) -> None:
    assert "the keys of a dict that is filled here" in refusal(f, NAMED)[0]
