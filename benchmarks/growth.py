"""`python -m benchmarks.growth PROGRAM SIZE TOOL`: by how many bytes the peak of this process exceeds what it held
before, while the tool computes the gradient of one of the ten programs.

Linux counts the peak anew when it is asked to; elsewhere it is the peak of the whole process, first call included.
"""

from __future__ import annotations

import gc
import resource
import sys
from pathlib import Path

from benchmarks.peers import gradients, prepared
from benchmarks.programs import PROGRAMS

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def held(entry: str) -> int:
    """A line of Linux's account of the process, in bytes: `VmRSS` now, `VmHWM` at its peak."""
    found = next(line for line in STATUS.read_text().splitlines() if line.startswith(entry))
    return 1024 * int(found.split()[1])


def main(name: str, size: str, tool: str) -> None:
    program = next(p for p in PROGRAMS if p.name == name)
    gradient = prepared(gradients(program, tool), dict(program.sizes())[size])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    gradient()
    gc.collect()
    if STATUS.exists():
        before = held("VmRSS")
        RESET.write_text("5")
        gradient()
        print(max(held("VmHWM") - before, 0))
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
