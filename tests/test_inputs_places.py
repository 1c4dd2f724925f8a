"""Where functions and classes come from: the prompt, notebook cells, scripts, packages, files that are only read.

In: text in each of these places. Out: derivatives, or a message that says why the text cannot be had.
"""

from __future__ import annotations

import linecache
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from srcdiff import TransformError, grad, hessian, transform
from srcdiff.cli import main
from srcdiff.compiler import transform_file

CELL = """\
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np


class Pair(NamedTuple):
    w: float
    b: float


@dataclass
class Model:
    w: float

    def loss(self, x):
        return self.w * x * x


class Mode(Enum):
    A = 1


class Config:
    scale = np.array(3.0)

    def __init__(self):
        self.rate = 2.0

    def f(self, x):
        return x * self.rate * self.scale


K = Pair(2.0, 3.0)
square = lambda x: x * x


def product(p):
    return p.w * p.b


def uses(x, mode=Mode.A):
    if mode is Mode.A:
        return K.w * square(x)
    return x


def nested(a):
    def inner(x):
        return lambda y: a * x * y

    return inner(2.0)
"""


def run_cell(text: str, filename: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run text as a notebook or the prompt of Python 3.13 does: its lines are in linecache alone."""
    monkeypatch.setitem(linecache.cache, filename, (len(text), None, text.splitlines(keepends=True), filename))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, filename, "exec"), namespace)
    return namespace


@pytest.mark.parametrize("filename", ["<ipython-input-3-1f2e>", "/tmp/ipykernel_7/12345.py", "<python-input-4>"])
def test_cells(filename: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = run_cell(CELL, filename, monkeypatch)
    pair = cell["Pair"](2.0, 3.0)
    g = grad(cell["product"])
    assert g(pair) == cell["Pair"](3.0, 2.0) and type(g(pair)) is cell["Pair"]
    assert "bp = Pair(w=p.b, b=p.w)" in g.source
    assert hessian(cell["product"])(pair).w.b == 1.0
    assert grad(cell["uses"])(3.0) == 12.0
    assert grad(cell["square"])(3.0) == 6.0
    assert grad(cell["nested"](5.0))(1.0) == 10.0
    model = cell["Model"](2.0)
    assert grad(model.loss)(3.0) == 12.0
    assert grad(cell["Model"].loss)(model, 3.0) == cell["Model"](9.0)
    assert grad(cell["Config"]().f)(1.0) == 6.0
    again = run_cell(CELL.replace("w: float\n    b: float", "w: float\n    b: float = 1.0"), filename, monkeypatch)
    assert type(grad(again["product"])(again["Pair"](2.0))) is again["Pair"]


def test_two_classes_of_one_name_are_not_confused(monkeypatch: pytest.MonkeyPatch) -> None:
    one = run_cell(CELL, "<ipython-input-1-a>", monkeypatch)
    two = run_cell(CELL, "<ipython-input-2-b>", monkeypatch)

    def f(p: Any, q: Any) -> Any:
        return p.w * q.b

    try:
        g = grad(f, wrt=(0, 1))(one["Pair"](2.0, 3.0), two["Pair"](5.0, 7.0))
    except TransformError as error:
        assert "`Pair`" in str(error)
    else:
        assert type(g[0]) is one["Pair"] and type(g[1]) is two["Pair"]


def test_without_text() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(x):\n    return x * x\n", namespace)
    with pytest.raises(TransformError, match="cannot transform `f`: its source text cannot be read"):
        grad(namespace["f"])(1.0)
    from_text = namespace["f"]
    with pytest.raises(TransformError, match="cannot transform `f`: its source text cannot be read"):
        grad(lambda x: from_text(x))(1.0)


SCRIPT = """\
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from srcdiff import grad, jacobian, vjp


class Params(NamedTuple):
    w: np.ndarray
    b: float = 1.0


@dataclass
class Model:
    w: float

    def loss(self, x, n=2):
        return self.w * x**n


SCALE = 2.0


def loss(p, x):
    return SCALE * np.sum(p.w * x) * p.b


if __name__ == "__main__":
    found = grad(loss)(Params(np.ones(2)), np.ones(2))
    assert type(found) is Params and found.b == 4.0, found
    assert grad(Model(3.0).loss)(2.0) == 12.0
    assert grad(partial(Model(3.0).loss, n=3))(2.0) == 36.0
    assert type(grad(Model.loss)(Model(3.0), 2.0)) is Model
    SCALE = 3.0
    assert grad(loss)(Params(np.ones(2)), np.ones(2)).b == 6.0
    assert jacobian(lambda p: p.w * p.b)(Params(np.ones(2))).w.shape == (2, 2)
    print("done")
"""


def run(*command: str, cwd: Path, text: str | None = None) -> str:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=cwd, input=text)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_script(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    assert run("script.py", cwd=tmp_path) == "done\n"
    assert run("-m", "script", cwd=tmp_path) == "done\n"


PACKAGE = {
    "__init__.py": "",
    "params.py": (
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "import numpy as np\n"
        "@dataclass(frozen=True)\n"
        "class Inner:\n    b: float\n"
        "@dataclass(frozen=True)\n"
        "class Params:\n    w: np.ndarray\n    inner: Inner\n"
        "    def scaled(self, x):\n        return helper(self.w * x)\n"
        "def helper(y):\n    return RATE * y\n"
        "RATE = 2.0\n"
    ),
    "model.py": (
        "import numpy as np\n"
        "from . import params as p\n"
        "from .params import Params, helper\n"
        "def loss(q: Params, x: np.ndarray) -> float:\n"
        "    r = p.Params(q.w * 2.0, p.Inner(q.inner.b))\n"
        "    return np.sum(r.scaled(x)) * r.inner.b * helper(1.0)\n"
    ),
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pack_of_inputs"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.startswith("pack_of_inputs")]:
        del sys.modules[name]
    return folder


def test_a_package_with_relative_imports(package: Path) -> None:
    import pack_of_inputs.model as model  # type: ignore[import-not-found]
    import pack_of_inputs.params as params  # type: ignore[import-not-found]

    point = params.Params(np.ones(3), params.Inner(0.5))
    g = grad(model.loss)
    found = g(point, np.ones(3))
    assert type(found) is params.Params and type(found.inner) is params.Inner
    np.testing.assert_allclose(found.w, [4.0, 4.0, 4.0])
    assert found.inner.b == pytest.approx(24.0)
    assert "from pack_of_inputs.params import Inner, Params" in g.source
    params.RATE = 3.0
    np.testing.assert_allclose(g(point, np.ones(3)).w, [9.0, 9.0, 9.0])


def test_a_file_is_read_and_not_run(package: Path) -> None:
    (package / "model.py").write_text(PACKAGE["model.py"] + "raise SystemExit\n")
    (package / "params.py").write_text(PACKAGE["params.py"] + "raise SystemExit\n")
    text = transform_file(package / "model.py", "loss", ("gradient",), "q")
    assert "def loss_grad(q: Params, x: np.ndarray) -> Params:" in text
    assert "bq = Params(w=" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@cache\ndef f(x: float):\n    return x * x\n", None),
        ("@lru_cache(maxsize=None)\ndef f(x: float):\n    return x * x\n", None),
        ("@njit(fastmath=True)\ndef f(x: float):\n    return x * x\n", None),
        ("@twice\ndef f(x: float):\n    return x * x\n", "`f` is decorated"),
        ("class C:\n    def __init__(self):\n        pass\ndef f(c: C, x: float):\n    return c.w * x\n", "attribute"),
        (
            "class C(NamedTuple):\n    w: float\ndef f(x: float):\n    return C(x).w * C.z\n",
            "`C` has no attribute `z`",
        ),
        ("def f(*xs):\n    return xs[0]\n", r"`\*xs` is not supported"),
        ("def g(*xs):\n    return xs[0] * xs[1]\ndef f(x: float):\n    return g(x, x)\n", None),
        ("def f(x: float):\n    p = partial(g, 2.0)\n    return p(x)\ndef g(a, x):\n    return a * x\n", None),
    ],
)
def test_files(text: str, said: str | None, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    head = "from functools import cache, lru_cache, partial\nfrom typing import NamedTuple\nfrom numba import njit\n"
    path.write_text(head + text)
    if said is None:
        assert "def f_grad(" in transform_file(path, "f", ("gradient",), None)
        return
    with pytest.raises(TransformError, match=said):
        transform_file(path, "f", ("gradient",), None)


def test_an_enum_that_is_only_read(tmp_path: Path) -> None:
    (tmp_path / "modes.py").write_text(
        "from enum import Enum\nclass Mode(Enum):\n    A = 1\n    B = 2\nclass K:\n    C = 3.0\n"
        "def f(x: float, mode):\n    if mode is Mode.A:\n        return x * x\n    return K.C * x\n"
    )
    text = transform_file(tmp_path / "modes.py", "f", ("gradient",), "x")
    assert "from modes import Mode\n" in text and "if mode is Mode.A:" in text and "bx = 3.0" in text
    (tmp_path / "derivative.py").write_text(text)
    program = "from modes import Mode\nfrom derivative import f_grad\nprint(f_grad(5.0, Mode.A), f_grad(5.0, Mode.B))"
    assert run("-c", program, cwd=tmp_path) == "10.0 3.0\n"


@pytest.mark.parametrize(
    ("at", "status", "said"),
    [
        ("p=P(2.0, ws=[1.0, 3.0]), x=5.0", 0, "agree"),
        ("p=P(w=2.0, ws=[Q(1.0).v, 3.0]), x=5.0", 2, "what is no number"),
        ("p=Q(1.0), x=5.0", 2, "which is no named tuple or dataclass of the file"),
        ("p=P(2.0), x=5.0", 2, "--at gives a wrong P for `p`"),
        ("p=[P(2.0, ws=[1.0])], x=5.0", 2, "failed at this point"),
    ],
)
def test_check_on_the_command_line(
    at: str, status: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model_of_records.py"
    path.write_text(
        "from typing import NamedTuple\nclass P(NamedTuple):\n    w: float\n    ws: list\n"
        "class Q:\n    def __init__(self, v):\n        self.v = v\n"
        "def f(p, x):\n    y = p.w * x\n    for w in p.ws:\n        y = y + w * x\n    return y\n"
    )
    assert main(["check", str(path), "-f", "f", "--at", at]) == status
    assert said in capsys.readouterr().err


def test_standalone(tmp_path: Path) -> None:
    """Generated code runs beside the user's module, where srcdiff is not installed."""
    (tmp_path / "model.py").write_text(
        "from typing import NamedTuple\nclass P(NamedTuple):\n    w: float\n    ws: list[float]\n"
        "def f(p: P, x: float):\n    y = p.w * x\n    for w in p.ws:\n        y = y + w * x\n    return y\n"
    )
    text = transform_file(tmp_path / "model.py", "f", ("gradient",), ("p", "x"))
    (tmp_path / "derivative.py").write_text(text)
    program = (
        "import sys\nsys.modules['srcdiff'] = None\n"
        "from model import P\nfrom derivative import f_grad\nprint(f_grad(P(2.0, [1.0, 3.0]), 5.0))\n"
    )
    out = run("-c", program, cwd=tmp_path)
    assert out == "(P(w=5.0, ws=[5.0, 5.0]), 6.0)\n"


def test_lambdas_on_one_line() -> None:
    if sys.version_info < (3, 11):
        return  # Their columns are not recorded.
    found = [grad(f)(2.0) for f in (lambda x: x * x, lambda x: x**3)]
    assert found == [4.0, 12.0]


def test_annotations_name_classes() -> None:
    made = transform(annotated, "gradient", wrt="q")
    assert "def annotated_grad(q: Here, x: float) -> Here:" in made.source


class Here(NamedTuple):
    w: float


def annotated(q: Here, x: float) -> float:
    return q.w * x
