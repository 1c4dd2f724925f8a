from typing import Annotated

import numpy as np


def rosenbrock(x: Annotated[np.ndarray, "n"]) -> float:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
