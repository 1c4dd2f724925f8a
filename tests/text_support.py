"""One check for a program given as text: its derivative, generated, run where nothing else is at hand, and made again.

In: the text of a module that defines `f`, and arguments. Out: the text of the gradient, or an assertion that names what
is off. The gradient is compared with divided differences, and so is the derivative of its text, in both modes.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from srcdiff.compiler import derive
from srcdiff.frontend.module import Module
from srcdiff.loading import load
from srcdiff.modes import Options
from tests.oracles import differences
from tests.support import _direction, _only

IMPORTS = "import math\nfrom typing import Annotated\n\nimport numpy as np\n\n"
VECTOR, MATRIX = 'Annotated[np.ndarray, "n"]', 'Annotated[np.ndarray, "n m"]'


def generated(text: str, name: str, mode: str, wrt: Any, optimize: bool = True) -> str:
    return derive(Module.from_text(text, "model.py"), name, mode, wrt, Options(optimize=optimize)).body


def modules_of(text: str) -> set[str]:
    """The packages that a text imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def check_text(text: str, *args: Any, wrt: Sequence[int] | None = None, second: bool = True) -> str:
    """Check the derivatives of the scalar function `f` of a text; the text of its gradient."""
    positions = tuple(range(len(args))) if wrt is None else tuple(wrt)
    f = load(text, "f", {})
    names = tuple(f.__code__.co_varnames[i] for i in positions)
    points = tuple(args[i] for i in positions)
    expected = differences.gradient(_only(f, args, positions), points)
    tangents = tuple(_direction(p, k) for k, p in enumerate(points))
    for optimize in (True, False):
        gradient_text = generated(text, "f", "gradient", names, optimize)
        gradient = load(gradient_text, "f_grad", {})
        got = gradient(*copy.deepcopy(args))
        assert differences.error(got, expected) < 1e-7, f"gradient {got}, not {expected}\n{gradient_text}"
        forward = load(generated(text, "f", "forward", names, optimize), "f_jvp", {})
        value, tangent = forward(*copy.deepcopy(args), *tangents)
        want = sum(differences.dot(g, v) for g, v in zip(expected, tangents, strict=True))
        assert differences.error(value, f(*copy.deepcopy(args))) < 1e-13
        assert differences.error(tangent, want) < 1e-7, f"tangent {tangent}, not {want}"
    gradient_text = generated(text, "f", "gradient", names)
    assert gradient_text == generated(text, "f", "gradient", names), "not deterministic"
    assert modules_of(gradient_text) <= modules_of(text) | {"numpy", "typing"}
    if second:
        gradient = load(gradient_text, "f_grad", {})
        curved = differences.directional(_only(gradient, args, positions), points, tangents)
        again = load(generated(gradient_text, "f_grad", "forward", names), "f_grad_jvp", {})
        _, found = again(*copy.deepcopy(args), *tangents)
        assert differences.error(found, curved) < 1e-6, f"second order, forward: {found}, not {curved}"
        product = load(generated(text, "f", "hvp", names), "f_hvp", {})(*copy.deepcopy(args), *tangents)
        product = product if len(names) > 1 else (product,)
        assert differences.error(product, curved) < 1e-6, f"second order: {product}, not {curved}"
        seed = tuple(np.asarray(t)[()] for t in tangents)
        back = load(generated(gradient_text, "f_grad", "reverse", names), "f_grad_vjp", {})
        _, adjoints = back(*copy.deepcopy(args), seed)
        left = sum(differences.dot(a, v) for a, v in zip(adjoints, tangents, strict=True))
        assert abs(left - differences.dot(seed, found)) < 1e-8 * max(1.0, abs(left)), "second order, reverse"
    return gradient_text


def body(*lines: str, parameters: str = "x", imports: str = "") -> str:
    """A module with the function `f` of these parameters."""
    return IMPORTS + imports + f"def f({parameters}):\n" + "".join(f"    {line}\n" for line in lines)
