"""What the NumPy at hand does differently from others: the one place that looks at its version.

>>> NUMPY >= (1, 26)
True

A function that only some versions have is looked for by its name instead (`hasattr(np, "bitwise_count")`).
"""

from __future__ import annotations

import numpy as np

NUMPY = tuple(int(n) for n in np.__version__.split(".")[:2])

SOLVES_STACKED_VECTORS = NUMPY < (2, 0)
"""Whether `np.linalg.solve` takes an operand with one axis less than the matrices for a stack of vectors."""

CROSSES_PAIRS = NUMPY < (2, 5)
"""Whether `np.cross` takes vectors of two components."""
