"""What `make demo` shows: the lecture's function and its derivatives, and Old Faithful fitted with generated ones.

Everything printed is made while you watch: no derivative below was written by a person.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import old_faithful

from srcdiff.compiler import transform_file
from srcdiff.mixture import GaussianMixture, Objective, Parameters, likelihood

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
    X = old_faithful.X
    title("4. The sum over the data in a Gaussian mixture's likelihood, and its gradient: EM's E step, generated")
    file = Path(likelihood.__file__)
    command = "srcdiff transform srcdiff/mixture/likelihood.py -f mixture_sum --mode gradient --wrt coefficients"
    show(transform_file(file, function="mixture_sum", modes=("gradient",), wrt="coefficients", command=command))

    title("5. The gradient of the whole likelihood against divided differences")
    objective, p = Objective(X), old_faithful.start()
    value, gradient = objective.value_and_gradient(p)
    worst = 0.0
    for name in ("logits", "means", "covariances"):
        for index in np.ndindex(getattr(p, name).shape):
            difference = divided(objective, p, name, index)
            found = getattr(gradient, name)[index]
            worst = max(worst, abs(found - difference) / max(1.0, abs(difference)))
            if not any(index[1:]):
                label = f"d/d {name}[{', '.join(map(str, index))}]"
                print(f"  {label:22}{found:22.12f}   divided differences {difference:22.12f}")
    print(f"  log-likelihood {value:.6f}; largest relative difference over all parameters {worst:.1e}")

    title("6. Two kinds of eruptions: Old Faithful, fitted with that gradient")
    begin = time.perf_counter()
    model = GaussianMixture(2, random_state=0).fit(X)
    spent = time.perf_counter() - begin
    for line in model.summary(names=("duration", "waiting")).splitlines():
        print(f"  {line}".rstrip())
    print(f"  fitted in {1000 * spent:.0f} ms")

    title("7. The same in pictures")
    old_faithful.draw(old_faithful.FOLDER)


def divided(objective: Objective, p: Parameters, name: str, index: tuple[int, ...]) -> float:
    """The central difference of the likelihood in one entry of a parameter."""
    h = 1e-5 * max(1.0, abs(getattr(p, name)[index]))
    ends = []
    for sign in (1.0, -1.0):
        moved = getattr(p, name).copy()
        moved[index] += sign * h
        ends.append(objective.value(replace(p, **{name: moved})))
    return (ends[0] - ends[1]) / (2.0 * h)


def main() -> None:
    print(paint("srcdiff: numeric Python in, readable derivative Python out", "1"))
    lecture()
    mixture()
    print()


if __name__ == "__main__":
    main()
