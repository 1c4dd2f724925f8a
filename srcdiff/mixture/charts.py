"""Charts of fits: the log-likelihood against the iteration for several solvers, and criteria of choice.

In: what the fits recorded. Out: a matplotlib `Figure`.

>>> picture = ascents({"EM": [-3.0, -2.0, -1.9], "Newton": [-3.0, -1.9]})
>>> [axes.get_ylabel() for axes in picture.axes]
['log-likelihood', 'log-likelihood still to gain']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from srcdiff.mixture import plots
from srcdiff.mixture.figures import figure, headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AGREEMENT = 1e-10
"""A smaller distance to the optimum is rounding: it is drawn as this."""


def ascents(
    histories: Mapping[str, Sequence[float]],
    *,
    best: float | None = None,
    title: str = "",
    tolerance: float = 1e-8,
    last: int | None = None,
) -> Figure:
    """The log-likelihood against the iteration for several solvers, and beside it what each has still to gain.

    Parameters
    ----------
    histories
        For each solver the log-likelihood at the start and after each iteration.
    best
        The optimum; left out, the highest value that any solver reached.
    title
        A line above the picture.
    tolerance
        A fit this near to its optimum has converged; a line marks it.
    last
        The last iteration that is shown; left out, somewhat beyond the end of the slowest solver but one.
    """
    picture = figure(9.6, 4.0)
    left, right = picture.subplots(1, 2)
    top = max(max(h) for h in histories.values()) if best is None else best
    lowest = min(h[0] for h in histories.values())
    ends = sorted(len(h) - 1 for h in histories.values())
    if last is None:
        last = ends[-1] if len(ends) == 1 else min(ends[-1], int(1.5 * ends[-2]) + 5)
    for number, (name, history) in enumerate(histories.items()):
        values = np.asarray(history, dtype=float)
        steps = np.arange(len(values))
        style: dict[str, Any] = {
            "color": plots.colour(number),
            "linewidth": 1.4,
            "marker": ("o", "s", "^", "D", "v", "P")[number % 6],
            "markersize": 4,
            "markevery": max(1, min(len(values), last) // 25),
        }
        left.plot(steps, values, label=f"{name}: {len(values) - 1}", **style)
        right.plot(steps, np.maximum(top - values, AGREEMENT), **style)
    left.axhline(top, color=plots.LIGHT, linewidth=0.8, zorder=1)
    left.set_ylim(lowest - 0.05 * (top - lowest), top + 0.05 * (top - lowest))
    left.set_ylabel("log-likelihood")
    left.legend(frameon=False, fontsize=9, title="iterations made", title_fontsize=9, loc="lower right")
    right.set_yscale("log")
    right.set_ylabel("log-likelihood still to gain")
    right.axhline(tolerance, color=plots.LIGHT, linewidth=0.8, zorder=1)
    right.text(0.99, tolerance, "converged", transform=right.get_yaxis_transform(), ha="right", va="top", **small())
    for axes in (left, right):
        axes.set_xlim(-0.03 * last, 1.03 * last)
        axes.set_xlabel("iteration")
        plots.quiet(axes)
    headline(picture, title)
    return picture


def criteria(
    values: Mapping[str, Mapping[int, float]], *, criterion: str = "BIC", title: str = "", close: float = 10.0
) -> Figure:
    """A criterion of choice against the number of components, all of it and beside that the neighbourhood of the best.

    Parameters
    ----------
    values
        For each covariance type the criterion of each number of components; NaN where there is no fit.
    criterion
        Its name.
    title
        A line above the picture.
    close
        Models that are not worse than the best by more than this lie in the shaded band.

    Raises
    ------
    ValueError
        where no value is finite.
    """
    found = [(h, name, count) for name, line in values.items() for count, h in line.items() if np.isfinite(h)]
    if not found:
        raise ValueError(f"there is no {criterion} to draw: no model was fitted")
    height, name, count = min(found)
    picture = figure(9.6, 4.2)
    whole, near = picture.subplots(1, 2)
    for axes in (whole, near):
        for number, (label, line) in enumerate(values.items()):
            counts = sorted(line)
            heights = [line[c] for c in counts]
            style: dict[str, Any] = {"color": plots.colour(number), "marker": "osD^"[number % 4], "markersize": 4}
            axes.plot(counts, heights, linewidth=1.4, label=label, **style)
        axes.axhspan(height, height + close, color="#EEEEEE", zorder=0, linewidth=0)
        axes.plot(count, height, marker="o", markersize=12, markerfacecolor="none", markeredgecolor=plots.GREY)
        axes.set_xticks(sorted({c for line in values.values() for c in line}))
        axes.set_xlabel("components")
        plots.quiet(axes)
    whole.set_ylabel(f"{criterion} (lower is better)")
    whole.legend(frameon=False, fontsize=9)
    near.set_title("near the best", fontsize=10, loc="left")
    near.set_ylim(height - 2.0 * close, height + 12.0 * close)
    text = f"{name}, {count} components: {height:.1f}"
    near.annotate(text, (count, height), xytext=(0, -18), textcoords="offset points", ha="center", **small())
    near.text(0.99, height + close, f"within {close:g}", transform=near.get_yaxis_transform(), ha="right", **small())
    headline(picture, title)
    return picture


def small() -> dict[str, Any]:
    """How remarks are written."""
    return {"fontsize": 8, "color": plots.GREY}
