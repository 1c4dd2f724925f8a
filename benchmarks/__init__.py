"""What the compiler costs and what its code costs: `python -m benchmarks` measures and writes benchmarks/results.md.

NumPy is held to one thread, so that ratios mean the same on every machine; this has to be said before it is imported.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
