"""Timing things side by side.

In: named functions without arguments. Out: the median time of one call of each, in seconds. The functions take turns,
so that what slows the machine for a while slows them all and the ratios stand.

>>> times = interleaved({"nothing": lambda: None, "something": lambda: sum(range(1000))}, repeats=5)
>>> times["nothing"] < times["something"]
True
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping

SHORTEST = 2e-3
"""A sample lasts at least about this long, in seconds: fast functions are called many times for one sample."""


def interleaved(
    functions: Mapping[str, Callable[[], object]], repeats: int = 15, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """The median time of one call of each, by `clock`: `time.process_time` counts what the processor does for this
    process alone, on whatever thread."""
    counts = {name: calls_for_a_sample(f) for name, f in functions.items()}
    samples: dict[str, list[float]] = {name: [] for name in functions}
    gc.collect()
    gc.disable()
    try:
        for _ in range(repeats):
            for name, f in functions.items():
                samples[name].append(sample(f, counts[name], clock))
    finally:
        gc.enable()
    return {name: statistics.median(times) for name, times in samples.items()}


def sample(f: Callable[[], object], count: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """The time of one call, from `count` calls."""
    begin = clock()
    for _ in range(count):
        f()
    return (clock() - begin) / count


def calls_for_a_sample(f: Callable[[], object]) -> int:
    f()  # whatever is made at the first call is made now
    count = 1
    while sample(f, count) * count < SHORTEST and count < 1_000_000:
        count *= 4
    return count
