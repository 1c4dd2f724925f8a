from math import exp, log


def payoff(s: float, strike: float, barrier: float, steps: int) -> float:
    if strike <= 0.0:
        raise ValueError("strike must be positive")
    price = s
    for step in range(steps):
        price = price * exp(0.1 - 0.02 * price)
        if price > barrier:
            return price - barrier
        if price < 0.5 * strike:
            break
    if price < strike:
        return 0.1 * price
    return log(price / strike)
