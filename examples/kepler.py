"""A fixed point: Kepler's equation, solved by iteration and differentiated at its solution.

The comment on the loop says that it converges: its derivative is then taken where it ended, and nothing of its history
is kept. The derivatives are compared with those of the implicit function theorem.
"""

from math import cos, sin

from srcdiff import grad, hessian


def anomaly(mean: float, eccentricity: float) -> float:
    """The eccentric anomaly E, with E - e sin E = M."""
    angle, before = mean, mean + 1.0
    while abs(angle - before) > 1e-15:  # srcdiff: fixed_point
        before = angle
        angle = mean + eccentricity * sin(angle)
    return angle


if __name__ == "__main__":
    mean, eccentricity = 0.8, 0.3
    angle = anomaly(mean, eccentricity)
    slopes = grad(anomaly, wrt=("mean", "eccentricity"))(mean, eccentricity)
    over = 1.0 - eccentricity * cos(angle)
    print(f"dE/dM   = {slopes[0]:.12f}, by the implicit function theorem {1.0 / over:.12f}")
    print(f"dE/de   = {slopes[1]:.12f}, by the implicit function theorem {sin(angle) / over:.12f}")
    bend = hessian(anomaly)(mean, eccentricity)
    print(f"d2E/dM2 = {bend:.12f}, exactly {-eccentricity * sin(angle) / over**3:.12f}")
