"""The ten programs: time and memory of their gradients beside autograd, JAX and a careful hand.

Out: rows of the table. What is measured agrees first: every gradient with srcdiff's, and that with divided differences.
Times are those of the processor, on one thread, without what is made at the first call (srcdiff's code, JAX's
compilation). Memory is that of a process of its own: its peak while it computes a gradient, on top of what it held
before; a first call is made outside of the count (`benchmarks.growth`).

>>> growth(PROGRAMS[8], "10", "srcdiff") > 0
True
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import handwritten_programs
from benchmarks.measure import interleaved
from benchmarks.peers import TOOLS, gradients, is_installed, prepared, require_equal
from benchmarks.programs import PROGRAMS, Program
from srcdiff import check_derivatives

Row = tuple[str, str, str]
PEERS = TOOLS[1:]


def ten_programs() -> list[Row]:
    """Gradients of ten programs that people write: times of autograd and JAX over ours, and peaks of memory."""
    rows: list[Row] = []
    for program in PROGRAMS:
        sizes = list(program.sizes())
        check_derivatives(program.loss, *sizes[0][1], wrt=program.wrt)
        for size, arguments in sizes:
            rows.append(beside_peers(program, size, arguments))
        rows.append(memory(program, sizes[-1][0]))
    return rows


def beside_peers(program: Program, size: str, arguments: tuple[Any, ...]) -> Row:
    """The times of the peers over ours."""
    functions: dict[str, Callable[[], object]] = {}
    for tool in filter(is_installed, TOOLS):
        gradient = prepared(gradients(program, tool), arguments)
        functions[tool] = gradient
        require_equal(functions["srcdiff"](), gradient(), f"{program.name}, {size}: {tool}")
    with one_processor():
        times = interleaved(functions, repeats=5, clock=time.process_time)
    own = times["srcdiff"]
    told = [f"{tool} {times[tool] / own:.2f}" if tool in times else f"{tool} not installed" for tool in PEERS]
    rewritten = f" (rewritten for {' and '.join(program.rewritten)})" if program.rewritten else ""
    title = f"peers / srcdiff: {program.name}, {size}{rewritten}"
    return title, f"{', '.join(told)} ({1e3 * own:.3f} ms srcdiff)", "autograd above 1"


def memory(program: Program, size: str) -> Row:
    """Peaks of memory, each in a process of its own."""
    peaks = {tool: growth(program, size, tool) for tool in filter(is_installed, TOOLS)}
    told = [f"{tool} {peaks[tool] / 1e6:.1f} MB" if tool in peaks else f"{tool} not installed" for tool in TOOLS]
    return f"peak memory: {program.name}, {size}", ", ".join(told), "below autograd's"


def growth(program: Program, size: str, tool: str) -> int:
    """How many bytes more than before a process holds at its peak while it computes the gradient."""
    # Memory that is free goes back to the system, so that what is taken is seen.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-m", "benchmarks.growth", program.name, size, tool]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True, text=True)
    return int(done.stdout)


class one_processor:
    """While this lasts, every thread of the process runs on one processor, where the system can see to it."""

    def __enter__(self) -> None:
        self._before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        if self._before:
            os.sched_setaffinity(0, {max(self._before)})

    def __exit__(self, *_: object) -> None:
        if self._before:
            os.sched_setaffinity(0, self._before)


def beside_hand() -> list[Row]:
    """The generated gradient over the handwritten one, for three of the ten."""
    rows: list[Row] = []
    for program in PROGRAMS:
        by_hand = getattr(handwritten_programs, program.module.__name__.rpartition(".")[2], None)
        if by_hand is None:
            continue
        for size, arguments in program.sizes():
            generated = prepared(gradients(program, "srcdiff"), arguments)
            require_equal(generated(), by_hand(*arguments), f"{program.name}, {size}: by hand")
            functions: dict[str, Callable[[], object]] = {
                "generated": generated,
                "hand": lambda f=by_hand, a=arguments: f(*a),
            }
            times = interleaved(functions, repeats=15, clock=time.process_time)
            ratio = f"{times['generated'] / times['hand']:.2f} ({1e3 * times['hand']:.3f} ms handwritten)"
            rows.append((f"generated / handwritten gradient: {program.name}, {size}", ratio, "at most 1.1"))
    return rows


PARTS = (ten_programs, beside_hand)
