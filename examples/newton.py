"""Differentiate through Newton's iteration: how the root of x = exp(-a x) moves with a.

The derivative of the program agrees with the implicit function theorem. `python examples/newton.py` shows both.
"""

from math import exp

from srcdiff import grad


def root(a: float) -> float:
    x = 0.5
    step = 1.0
    while abs(step) > 1e-14:
        residual = x - exp(-a * x)
        slope = 1.0 + a * exp(-a * x)
        step = residual / slope
        x -= step
    return x


def slope_of_root(a: float) -> float:
    """d root / d a by the implicit function theorem."""
    x = root(a)
    e = exp(-a * x)
    return -x * e / (1.0 + a * e)


if __name__ == "__main__":
    for a in (0.5, 1.0, 2.0):
        print(f"a = {a}: root {root(a):.12f}, slope {grad(root)(a):.12f}, by the theorem {slope_of_root(a):.12f}")
