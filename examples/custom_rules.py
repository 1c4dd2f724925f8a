"""Rules of one's own: an elementwise function, an implicit function, and a function of a library.

Each of the three is called as it is, in this program and in the code that is generated from it; what is differentiated
is the rule. `srcdiff transform examples/custom_rules.py -f evidence` finds the rules in the text, without running it.
"""

from typing import Annotated

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import fixed_point

from srcdiff import check_derivatives, grad, hvp, rule

Vector = Annotated[np.ndarray, "n"]
Matrix = Annotated[np.ndarray, "n n"]


@rule.elementwise(lambda y, x: 1 / (1 + np.exp(-x)))
def softplus(x):
    """log(1 + exp(x)), which overflows nowhere."""
    return np.logaddexp(0.0, x)


def equilibrium_vjp(x, w, b, bx):
    """By the implicit function theorem: nothing of the iteration is needed."""
    slope = 1 - x * x
    g = slope * np.linalg.solve(np.eye(len(x)) - w.T * slope, bx)
    return np.outer(g, x), g


@rule.vjp(equilibrium_vjp)
def equilibrium(w: Matrix, b: Vector) -> Vector:
    """The solution of x = tanh(w x + b)."""
    return fixed_point(lambda x: np.tanh(w @ x + b), np.zeros_like(b), xtol=1e-14)


def filter_vjp(y: Vector, x: Vector, width, by):
    """The filter is linear and symmetric."""
    return gaussian_filter1d(by, width), None


rule.vjp(gaussian_filter1d, filter_vjp)


def evidence(w: Matrix, b: Vector, seen: Vector) -> float:
    """How badly the smoothed equilibrium explains what was seen."""
    smooth = gaussian_filter1d(equilibrium(w, b), 0.7)
    return np.sum(softplus((smooth - seen) ** 2))


if __name__ == "__main__":
    n = 6
    w = 0.2 * np.cos(np.arange(n * n)).reshape(n, n)
    b, seen = np.sin(np.arange(n)), np.linspace(0.0, 1.0, n)
    print(check_derivatives(evidence, w, b, seen, wrt=("w", "b")))
    gradient = grad(evidence, wrt="b")
    step = 1e-6
    along = (gradient(w, b + step, seen) - gradient(w, b - step, seen)) / (2 * step)
    print("second derivatives:", np.allclose(hvp(evidence, wrt="b")(w, b, seen, np.ones(n)), along, rtol=1e-6))
    print(gradient.source)
