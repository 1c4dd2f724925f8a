"""Whole pictures of mixtures: a fit, its iterations, one Gaussian beside two, what is not certain about the means.

In: observations and `Gaussians`. Out: a matplotlib `Figure`, to be saved or shown. matplotlib (the extra `plots`)
is imported when the first picture is drawn.

>>> X = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0], [3.0, 4.0]])
>>> one = Gaussians(np.ones(1), X.mean(axis=0)[np.newaxis], np.cov(X.T, bias=True)[np.newaxis])
>>> len(overview(X, one, np.ones((4, 1))).axes)
1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from srcdiff.mixture import plots
from srcdiff.mixture.plots import FloatArray, Gaussians

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COLUMNS = 6
"""A matrix of pictures of more columns cannot be read."""


def figure(width: float, height: float) -> Figure:
    """An empty picture of that size in inches.

    Raises
    ------
    ModuleNotFoundError
        where matplotlib is missing, with the command that installs it.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("pictures need matplotlib: pip install 'srcdiff[plots]'", name=error.name) from None
    return Figure(figsize=(width, height), layout="constrained", dpi=150)


ELLIPSES = "ellipses hold " + " and ".join(f"{level:.0%}" for level in plots.LEVELS) + " of a component"


def headline(picture: Figure, title: str, note: str = "") -> None:
    """A line above the picture, and one that says what is drawn."""
    text = "\n".join(line for line in (title, note) if line)
    if text:
        picture.suptitle(text, fontsize=10, x=0.01, ha="left")


def named(names: Sequence[str] | None, d: int) -> Sequence[str]:
    return names if names is not None else [f"column {j}" for j in range(d)]


# -- a fit ------------------------------------------------------------------------------------------------------------


def overview(
    X: FloatArray,
    gaussians: Gaussians,
    responsibilities: FloatArray,
    *,
    names: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """A fitted mixture: curves for one column, ellipses for two, all pairs of the first six for more.

    Parameters
    ----------
    X
        Observations, shape (n, d); NaN where an entry is missing.
    gaussians
        The components.
    responsibilities
        Shape (n, K): with what probability each observation belongs to each component.
    names
        Of the columns.
    title
        A line above the picture.
    """
    d = min(X.shape[1], MOST_COLUMNS)
    labels = named(names, X.shape[1])
    if d == 1:
        picture = figure(7.0, 4.2)
        axes = picture.subplots()
        plots.curves(axes, X[:, 0], gaussians, numbers=True)
        axes.set_xlabel(labels[0])
        axes.set_ylabel("density")
        plots.quiet(axes)
        # A mark for each observation, under the curves.
        seen = ~np.isnan(X[:, 0])
        low = -0.03 * axes.get_ylim()[1]
        marks = plots.mixed(responsibilities[seen])
        axes.scatter(X[seen, 0], np.full(seen.sum(), low), c=marks, marker="|", s=30, linewidths=0.7)
        axes.set_ylim(bottom=2.0 * low)
    elif d == 2:
        picture = figure(7.0, 5.2)
        axes = picture.subplots()
        plane(axes, X, gaussians, responsibilities)
        plots.numbers(axes, gaussians)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
    else:
        picture = figure(2.0 * d + 0.6, 1.8 * d + 0.6)
        pairs(picture, X, gaussians, responsibilities, labels, d)
        if X.shape[1] > d:
            title += f" (columns 1 to {d} of {X.shape[1]})"
    headline(picture, title, ELLIPSES if d > 1 else "")
    return picture


def plane(
    axes: Axes,
    X: FloatArray,
    gaussians: Gaussians,
    responsibilities: FloatArray | None,
    window: Gaussians | None = None,
) -> None:
    """Observations and ellipses of two columns, in the window of these or of other components."""
    plots.observations(axes, X, responsibilities)
    plots.ellipses(axes, gaussians)
    plots.limits(axes, X, gaussians if window is None else window)
    plots.quiet(axes)


def pairs(
    picture: Figure, X: FloatArray, gaussians: Gaussians, responsibilities: FloatArray, labels: Sequence[str], d: int
) -> None:
    """Every pair of columns below the diagonal, each column alone on it."""
    grid: Any = picture.subplots(d, d, squeeze=False)
    for i in range(d):
        for j in range(d):
            axes = grid[i, j]
            if j > i:
                axes.remove()
                continue
            if i == j:
                plots.curves(axes, X[:, i], gaussians.columns([i]), numbers=True)
                plots.quiet(axes)
                axes.set_yticks([])
            else:
                plane(axes, X[:, [j, i]], gaussians.columns([j, i]), responsibilities)
            if i == d - 1:
                axes.set_xlabel(labels[j], fontsize=9)
            else:
                axes.set_xticklabels([])
            if j == 0 and i > 0:
                axes.set_ylabel(labels[i], fontsize=9)
            elif j != i:
                axes.set_yticklabels([])
    for j in range(d - 1):
        grid[j, j].set_xlim(grid[d - 1, j].get_xlim())
    grid[d - 1, d - 1].set_xlim(grid[d - 1, 0].get_ylim())
    picture.align_ylabels()


def sequence(
    X: FloatArray,
    states: Sequence[tuple[str, Gaussians, FloatArray]],
    *,
    names: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """The course of a fit: the data alone, then a panel for each state.

    Parameters
    ----------
    X
        Observations, shape (n, 2).
    states
        For each panel its caption, the components, and their responsibilities (n, K).
    names
        Of the columns.
    title
        A line above the picture.
    """
    across = 3
    down = -(-(len(states) + 1) // across)
    picture = figure(3.3 * across, 2.6 * down + 0.4)
    grid: Any = picture.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    panels = grid.ravel()
    plots.observations(panels[0], X)
    last = states[-1][1]
    plots.limits(panels[0], X, last)
    plots.quiet(panels[0])
    panels[0].set_title(f"the data, n = {len(X)}", fontsize=10, loc="left")
    for axes, (caption, gaussians, responsibilities) in zip(panels[1:], states, strict=False):
        plane(axes, X, gaussians, responsibilities, last)
        axes.set_title(caption, fontsize=10, loc="left")
    for axes in panels[len(states) + 1 :]:
        axes.remove()
    labels = named(names, 2)
    picture.supxlabel(labels[0], fontsize=10)
    picture.supylabel(labels[1], fontsize=10)
    headline(picture, title, ELLIPSES)
    return picture


def one_and_two(
    X: FloatArray,
    fits: Sequence[tuple[str, Gaussians, FloatArray]],
    *,
    names: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Fits of the same two columns side by side: of each its caption, components and responsibilities."""
    picture = figure(4.6 * len(fits), 4.2)
    grid: Any = picture.subplots(1, len(fits), sharex=True, sharey=True, squeeze=False)
    labels = named(names, 2)
    for axes, (caption, gaussians, responsibilities) in zip(grid[0], fits, strict=True):
        plane(axes, X, gaussians, responsibilities, fits[-1][1])
        axes.set_title(caption, fontsize=10, loc="left")
        axes.set_xlabel(labels[0])
    grid[0, 0].set_ylabel(labels[1])
    headline(picture, title, ELLIPSES)
    return picture


# -- what a fit is worth ----------------------------------------------------------------------------------------------


def uncertain_means(
    X: FloatArray,
    gaussians: Gaussians,
    responsibilities: FloatArray,
    covariances_of_means: FloatArray,
    *,
    level: float = 0.95,
    names: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """The components, and beside them each mean enlarged, with its standard errors and its region of confidence.

    Parameters
    ----------
    X
        Observations, shape (n, 2).
    gaussians, responsibilities
        The components and their responsibilities (n, K).
    covariances_of_means
        Shape (K, 2, 2): the covariance matrix of each estimated mean.
    level
        Of the region of confidence.
    names
        Of the columns.
    title
        A line above the picture.
    """
    k = len(gaussians.means)
    picture = figure(9.6, max(4.4, 2.3 * k))
    grid: Any = picture.add_gridspec(k, 2, width_ratios=[1.7, 1.0])
    labels = named(names, 2)
    whole = picture.add_subplot(grid[:, 0])
    plane(whole, X, gaussians, responsibilities)
    whole.set_xlabel(labels[0])
    whole.set_ylabel(labels[1])
    for c in range(k):
        axes = picture.add_subplot(grid[c, 1])
        mean, covariance, shade = gaussians.means[c], covariances_of_means[c], plots.colour(c)
        errors = np.sqrt(np.diag(covariance))
        region = plots.outline(mean, covariance, level)
        axes.fill(region[:, 0], region[:, 1], color=shade, alpha=0.15, linewidth=0)
        axes.plot(region[:, 0], region[:, 1], color=shade, linewidth=1.0)
        axes.errorbar(mean[0], mean[1], xerr=errors[0], yerr=errors[1], color=shade, capsize=3, linewidth=1.4)
        plots.cross(axes, mean, shade)
        axes.set_title(
            f"{labels[0]} {mean[0]:.3f} ± {errors[0]:.3f}\n{labels[1]} {mean[1]:.3f} ± {errors[1]:.3f}",
            fontsize=9,
            loc="left",
            color=shade,
        )
        axes.margins(0.15)
        axes.locator_params(nbins=5)
        plots.quiet(axes)
        # Where the enlarged window lies.
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        frame = [[left, right, right, left, left], [bottom, bottom, top, top, bottom]]
        whole.plot(*frame, color=plots.GREY, linewidth=0.8, zorder=6)
    headline(picture, title, f"{ELLIPSES}; each mean enlarged, with its {level:.0%} region of confidence")
    return picture
