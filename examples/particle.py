"""Derivatives inside derivatives: a particle flies past two charges, and a control is found that leads it to a target.

The force is the gradient of a potential, taken inside the function that integrates the path; the whole path is inside a
function whose own gradient drives the search. (After Siskind and Pearlmutter 2008.)
"""

from math import hypot

from srcdiff import grad, hessian


def potential(x: float, y: float, w: float) -> float:
    return 1.0 / hypot(x - 10.0, y - 10.0 + w) + 1.0 / hypot(x - 10.0, y)


slope = grad(potential, wrt=("x", "y"))


def miss(w: float) -> float:
    """The square of the distance from the origin at which the particle crosses the axis."""
    x, y = 0.0, 8.0
    vx, vy = 0.75, 0.0
    step = 0.1
    while y + step * vy > 0.0:
        px, py = slope(x, y, w)
        x, y = x + step * vx, y + step * vy
        vx, vy = vx - step * px, vy - step * py
    end = x - y / vy * vx
    return end * end


def controlled(w: float, steps: int) -> float:
    """Newton's method over the control."""
    slope_of_miss, curvature = grad(miss), hessian(miss)
    for _ in range(steps):
        w -= slope_of_miss(w) / curvature(w)
    return w


if __name__ == "__main__":
    for steps in (0, 1, 2, 4, 6):
        w = controlled(0.0, steps)
        print(f"after {steps} steps w = {w:.12f}: the particle misses the origin by {miss(w) ** 0.5:.1e}")
