"""What `make demo` shows: the lecture's function and its derivatives, and a mixture fitted with a generated gradient.

Everything printed is made while you watch: no derivative below was written by a person.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from srcdiff.compiler import transform_file
from srcdiff.mixture import fit, load_old_faithful, log_likelihood
from srcdiff.mixture.fit import value_and_gradient

HERE = Path(__file__).parent
COLOUR = sys.stdout.isatty()


def paint(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def title(text: str) -> None:
    print()
    print(paint(text, "1"))
    print(paint("-" * len(text), "2"))


def show(source: str) -> None:
    """Code, comments dimmed."""
    for line in source.strip().splitlines():
        print("  " + (paint(line, "2") if line.lstrip().startswith("#") else line))


def lecture() -> None:
    title("1. The lecture's function (examples/function.py)")
    show((HERE / "function.py").read_text(encoding="utf-8"))
    for number, mode, words in (
        (2, "forward", "forward mode: each statement, followed by its derivative"),
        (3, "gradient", "reverse mode: the statements' adjoints, last to first"),
    ):
        begin = time.perf_counter()
        text = transform_file(
            HERE / "function.py", modes=(mode,), command=f"srcdiff transform examples/function.py --mode {mode}"
        )
        spent = time.perf_counter() - begin
        title(f"{number}. {words} ({1000 * spent:.1f} ms)")
        show(text)


def mixture() -> None:
    X = load_old_faithful()
    title("4. The gradient of a Gaussian mixture's log-likelihood, generated from srcdiff/mixture/likelihood.py")
    logits, means, factors = np.zeros(2), X[:2].copy(), np.tile(np.diag(1.0 / X.std(axis=0)), (2, 1, 1))
    value, gradient = value_and_gradient(logits, means, factors, X)
    show(value_and_gradient.source)

    title("5. The same gradient against divided differences")
    worst = 0.0
    for position, name in enumerate(("logits", "means", "factors")):
        point = [logits, means, factors]
        for index in np.ndindex(point[position].shape):
            h = 1e-5 * max(1.0, abs(point[position][index]))
            ends = []
            for sign in (1.0, -1.0):
                moved = [p.copy() for p in point]
                moved[position][index] += sign * h
                ends.append(log_likelihood(*moved, X))
            difference = (ends[0] - ends[1]) / (2.0 * h)
            found = gradient[position][index]
            worst = max(worst, abs(found - difference) / max(1.0, abs(difference)))
            if index[-1] == 0 and not any(index[1:]):
                label = f"d/d {name}[{', '.join(map(str, index))}]"
                print(f"  {label:22}{found:22.12f}   divided differences {difference:22.12f}")
    print(f"  log-likelihood {value:.6f}; largest relative difference over all parameters {worst:.1e}")

    title("6. Two kinds of eruptions: Old Faithful, fitted by L-BFGS-B with that gradient")
    history: list[float] = []
    begin = time.perf_counter()
    found = fit(X, 2, watch=lambda count, height: history.append(height))
    spent = time.perf_counter() - begin
    for count in sorted({1, 2, 4, 8, 16, len(history)}):
        if count <= len(history):
            print(f"  gradient {count:3d}   log-likelihood {history[count - 1]:16.8f}")
    for k, (weight, mean, covariance) in enumerate(zip(found.weights, found.means, found.covariances, strict=True)):
        spread = np.sqrt(np.diag(covariance))
        correlation = covariance[0, 1] / (spread[0] * spread[1])
        print(
            f"  component {k + 1}: {weight:6.1%} of the eruptions, {mean[0]:.2f} ± {spread[0]:.2f} minutes long, "
            f"the next after {mean[1]:.1f} ± {spread[1]:.1f}, correlation {correlation:.2f}"
        )
    print(f"  {found.evaluations} gradients in {1000 * spent:.0f} ms; log-likelihood {found.log_likelihood:.10f}")


def main() -> None:
    print(paint("srcdiff: numeric Python in, readable derivative Python out", "1"))
    lecture()
    mixture()
    print()


if __name__ == "__main__":
    main()
