"""A particle flies past two charges and crosses the axis: how far from the origin depends on the control w.

After Siskind and Pearlmutter, "Using polyvariant union-free flow analysis to compile a higher-order functional-programming
language with a first-class derivative operator to efficient Fortran-like code", 2008.
"""

from math import hypot

from srcdiff import grad


def potential(x: float, y: float, w: float) -> float:
    return 1.0 / hypot(x - 10.0, y - 10.0 + w) + 1.0 / hypot(x - 10.0, y)


slope = grad(potential, wrt=("x", "y"))


def miss(w: float) -> float:
    """The square of the distance from the origin at which the axis is crossed."""
    x, y = 0.0, 8.0
    vx, vy = 0.75, 0.0
    step = 0.1
    while y + step * vy > 0.0:
        px, py = slope(x, y, w)
        x, y = x + step * vx, y + step * vy
        vx, vy = vx - step * px, vy - step * py
    end = x - y / vy * vx
    return end * end
