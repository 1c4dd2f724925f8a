"""The least over x of the greatest over y, both found by gradient steps, one inside the other."""

from srcdiff import grad


def payoff(x: float, y: float) -> float:
    return x * x * (1.0 + 0.1 * x) + x * y - y * y + 0.3 * y


def answer(x: float) -> float:
    """The y that is best against x."""
    y = 0.0
    for _ in range(30):
        y = y + 0.25 * grad(payoff, wrt="y")(x, y)
    return y


def least(x: float, rate: float) -> float:
    for _ in range(40):
        x = x - rate * grad(lambda t: payoff(t, answer(t)))(x)
    return payoff(x, answer(x))
