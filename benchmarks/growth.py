"""`python -m benchmarks.growth PROGRAM SIZE TOOL`: by how many bytes the peak of this process exceeds what it held
before, while the tool computes the gradient of one of the ten programs.

What NumPy and Python allocate, `tracemalloc` counts to the byte. The buffers of JAX it does not see: there it is the
peak of the resident memory, which Linux counts anew when it is asked to, and elsewhere that of the whole process.
"""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.memory import peak
from benchmarks.peers import gradients, prepared
from benchmarks.programs import PROGRAMS

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def held(entry: str) -> int:
    """A line of Linux's account of the process, in bytes: `VmRSS` now, `VmHWM` at its peak."""
    found = next(line for line in STATUS.read_text().splitlines() if line.startswith(entry))
    return 1024 * int(found.split()[1])


def resident(call: Callable[[], object]) -> int:
    """The growth of the resident memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    call()
    gc.collect()
    if not STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    before = held("VmRSS")
    RESET.write_text("5")
    call()
    return max(held("VmHWM") - before, 0)


def main(name: str, size: str, tool: str) -> None:
    program = next(p for p in PROGRAMS if p.name == name)
    gradient = prepared(gradients(program, tool), dict(program.sizes())[size])
    gradient()
    print(resident(gradient) if tool == "JAX" else peak(gradient))


if __name__ == "__main__":
    main(*sys.argv[1:])
