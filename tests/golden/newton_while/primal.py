def newton_root(a: float, tolerance: float = 1e-12) -> float:
    """The square root of a, by Newton's iteration."""
    x = 0.5 * (1.0 + a)
    while abs(x * x - a) > tolerance:
        x = 0.5 * (x + a / x)
    return x
