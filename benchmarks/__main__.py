"""`python -m benchmarks`: measure, print a table, write it into benchmarks/results.md. No number here is a test.

`python -m benchmarks ten_programs beside_hand` measures these parts alone; the rows of the others stay as they are.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import srcdiff
from benchmarks import cases, mixtures, ten
from benchmarks.measure import interleaved
from benchmarks.memory import long_loops
from benchmarks.mixtures_memory import memory
from benchmarks.second_order import coloured, second_order
from srcdiff.compiler import transform_file
from srcdiff.derivative import Derivative
from srcdiff.mixture import likelihood

HERE = Path(__file__).parent
RESULTS = HERE / "results.md"
Row = tuple[str, str, str]


def milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.2f} ms"


def transform_times() -> list[Row]:
    """Time of a transformation after import, and how it and its output grow with the function."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:

        def made(name: str, text: str) -> Path:
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8")
            return path

        def gradient(path: Path) -> Callable[[], str]:
            return lambda: transform_file(path, modes=("gradient",))

        lecture = HERE.parent / "examples" / "function.py"
        mixture = Path(likelihood.__file__)
        wrt = ("logits", "means", "covariances")
        long = made("long.py", cases.structured(300))
        times = interleaved(
            {
                "the lecture's function, forward mode": lambda: transform_file(lecture, modes=("forward",)),
                "the lecture's function, gradient": gradient(lecture),
                "the mixture's likelihood, value_and_grad": lambda: transform_file(
                    mixture, function="full", modes=("value_and_grad",), wrt=wrt
                ),
                "a function of 300 lines, gradient": gradient(long),
            },
            repeats=5,
        )
        aims = ("under 10 ms", "under 10 ms", "", "")
        rows += [
            (f"transform: {name}", milliseconds(t), aim) for (name, t), aim in zip(times.items(), aims, strict=True)
        ]
        sizes = (100, 200, 400)
        paths = {n: made(f"straight{n}.py", cases.straight_line(n)) for n in sizes}
        grown = interleaved({str(n): gradient(paths[n]) for n in sizes}, repeats=5)
        lines = {n: transform_file(paths[n], modes=("gradient",)).count("\n") for n in sizes}
        for n in sizes:
            per = f"{1e3 * grown[str(n)] / n:.3f} ms and {lines[n] / n:.2f} lines a statement"
            rows.append((f"transform: {n} statements", f"{milliseconds(grown[str(n)])}, {per}", "linear"))
    return rows


def import_time() -> list[Row]:
    """`import srcdiff` on top of what it stands on, each in a fresh interpreter."""

    def started(statement: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", statement], check=True, env=environment)

    # As installed: with the bytecode that Python keeps of what it has imported once.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started("import srcdiff")()
    times = interleaved(
        {"below": started("import numpy, gast, astunparse"), "all": started("import srcdiff")}, repeats=11
    )
    alone = times["all"] - times["below"]
    return [("`import srcdiff`, on top of numpy, gast and astunparse", milliseconds(alone), "under 150 ms in all")]


def gradient_over_primal() -> list[Row]:
    """The cost of a gradient (with its value) over the cost of the function, as the problem grows."""
    rng = np.random.default_rng(0)
    rows: list[Row] = []

    def ratio(name: str, primal: Callable[[], object], gradient: Callable[[], object], aim: str) -> None:
        times = interleaved({"primal": primal, "gradient": gradient})
        value = f"{times['gradient'] / times['primal']:.2f} ({milliseconds(times['primal'])} primal)"
        rows.append((f"gradient / primal: {name}", value, aim))

    for n, d, k in ((1_000, 2, 2), (10_000, 4, 5), (10_000, 10, 25)):
        primal, gradient, arguments = mixtures.likelihood_and_gradient(n, d, k)
        ratio(
            f"mixture, n = {n}, d = {d}, K = {k}",
            lambda f=primal, a=arguments: f(*a),
            lambda g=gradient, a=arguments: g(*a),
            "at most 4",
        )
    scalar = srcdiff.grad(cases.scalar_loop, wrt=("x", "w"))
    for n in (100, 1_000, 10_000):
        ratio(
            f"scalar loop, {n} iterations",
            lambda n=n: cases.scalar_loop(0.3, 0.7, n),
            lambda n=n: scalar(0.3, 0.7, n),
            "at most 5",
        )
    elements = srcdiff.grad(cases.array_loop, wrt=("x", "w"))
    for n in (100, 1_000, 10_000):
        x = rng.uniform(0.0, 0.5, size=n)
        ratio(
            f"in-place array loop, {n} elements",
            lambda x=x: cases.array_loop(x.copy(), 0.1),
            lambda x=x: elements(x, 0.1),
            "at most 5",
        )
    steps = srcdiff.grad(cases.stencil, wrt="u")
    for n in (1_000, 10_000, 100_000):
        u = rng.normal(size=n)
        ratio(
            f"in-place stencil, {n} points, 20 steps",
            lambda u=u: cases.stencil(u.copy(), 0.2, 20),
            lambda u=u: steps(u, 0.2, 20),
            "at most 4",
        )
    return rows


def overhead() -> list[Row]:
    """What calling the object that `grad` returns costs over calling the generated function itself."""
    rows: list[Row] = []
    for name, f, aim in (
        ("annotated", cases.annotated, "0.2 µs"),
        ("not annotated", cases.not_annotated, "at most 1 µs"),
    ):
        g: Derivative = srcdiff.grad(f, wrt=("x", "y"))
        g(2.0, 3.0)
        times = interleaved({"face": lambda g=g: g(2.0, 3.0), "code": lambda c=g.generated: c(2.0, 3.0)}, repeats=25)
        value = f"{1e6 * (times['face'] - times['code']):.2f} µs on {1e6 * times['code']:.2f} µs"
        rows.append((f"overhead of `grad` a call: {name}", value, aim))
    return rows


def table(rows: list[Row]) -> str:
    head: Row = ("measured", "result", "aim")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(3)]

    def line(row: Row) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    rule = "| " + " | ".join("-" * width for width in widths) + " |"
    return "\n".join([line(head), rule, *map(line, rows)])


def rows_of(text: str) -> list[Row]:
    """The rows of a table that was written before."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(title, result, aim) for title, result, aim in cells]


def renewed(old: list[Row], new: list[Row]) -> list[Row]:
    """The old rows with the new ones in their places, and what is new at the end."""
    found = {row[0]: row for row in new}
    kept = [found.pop(row[0], row) for row in old]
    return [*kept, *found.values()]


def main(wanted: list[str]) -> None:
    rows: list[Row] = []
    first = (transform_times, import_time, overhead, gradient_over_primal, *ten.PARTS)
    parts = (*first, second_order, coloured, long_loops, *mixtures.PARTS, memory)
    unknown = set(wanted) - {part.__name__ for part in parts}
    if unknown:
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(p.__name__ for p in parts)}")
    for part in parts:
        if wanted and part.__name__ not in wanted:
            continue
        print(f"measuring: {part.__name__.replace('_', ' ')}", file=sys.stderr, flush=True)
        rows += part()
    where = f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, one thread"
    print(table(rows))
    if wanted and RESULTS.exists():
        rows = renewed(rows_of(RESULTS.read_text(encoding="utf-8")), rows)
    text = f"# Measurements\n\n`make bench` on {where}; medians of interleaved repeats.\n\n{table(rows)}\n"
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
