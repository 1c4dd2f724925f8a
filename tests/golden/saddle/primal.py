"""The least over x of the greatest over y, both found by gradient steps, one inside the other."""

from srcdiff import grad


def payoff(x: float, y: float) -> float:
    return x * x * (1.0 + 0.1 * x) + x * y - y * y + 0.3 * y


uphill = grad(payoff, wrt="y")


def answer(x: float) -> float:
    """The y that is best against x."""
    y = 0.0
    for _ in range(30):
        y = y + 0.25 * uphill(x, y)
    return y


@grad
def downhill(x: float) -> float:
    return payoff(x, answer(x))


def least(x: float, rate: float) -> float:
    for _ in range(40):
        x = x - rate * downhill(x)
    return payoff(x, answer(x))
