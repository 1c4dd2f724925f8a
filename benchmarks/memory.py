"""Peak memory of the gradient of a long loop, with all residuals and with few snapshots.

Out: rows of the table of measurements: peak memory and time, next to those of the plain gradient.

>>> peak(lambda: bytearray(1_000_000)) > 1_000_000
True
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable

import srcdiff
from benchmarks import cases

STEPS = 100_000
SNAPSHOTS = (10, 30, 100)


def peak(call: Callable[[], object]) -> int:
    """The most memory that a call held at one time, in bytes, on top of what there was before."""
    gc.collect()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def seconds(call: Callable[[], object], repeats: int = 3) -> float:
    """The shortest time of a few calls: they last long enough for that."""
    times: list[float] = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def long_loops() -> list[tuple[str, str, str]]:
    """The gradient of a scalar loop of 100,000 steps, plain and with snapshots."""
    arguments = (0.3, 0.7, STEPS)
    plain = srcdiff.grad(cases.scalar_loop, wrt=("x", "w"))
    plain(0.3, 0.7, 3)
    expected = plain(*arguments)
    alone, usual = seconds(lambda: plain(*arguments)), peak(lambda: plain(*arguments))
    rows = [(f"long loop, {STEPS} steps: all residuals", f"{usual / 1e6:.3f} MB, {alone:.2f} s", "")]
    for count in SNAPSHOTS:
        gradient = srcdiff.grad(cases.scalar_loop, wrt=("x", "w"), checkpoint=count)
        gradient(0.3, 0.7, 3)
        if gradient(*arguments) != expected:
            raise AssertionError(f"the gradient with {count} snapshots is not the plain one")
        taken, held = seconds(lambda g=gradient: g(*arguments), 1), peak(lambda g=gradient: g(*arguments))
        value = f"{held / 1e6:.3f} MB (1/{usual / held:.0f}), {taken / alone:.1f} times the time"
        rows.append((f"long loop, {STEPS} steps: {count} snapshots", value, "bounded"))
    return rows
