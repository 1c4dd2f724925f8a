def root(a: float, tolerance: float = 1e-14) -> float:
    """The square root of a, by Newton's iteration."""
    x = a
    y = 0.0
    while abs(x - y) > tolerance * x:  # srcdiff: fixed_point
        y = x
        x = 0.5 * (y + a / y)
    return x
