"""Drawing a mixture on the axes of a picture: observations, components, what is not certain about them.

In: matplotlib axes, observations, and `Gaussians` (weights, means and covariance matrices, whatever the covariance type
of the fit was). Out: what is drawn. Whole pictures are put together in `srcdiff.mixture.figures`.

Nothing here touches matplotlib's global state. An observation has the colours of the components mixed in the
proportions of its responsibilities, so that one of which the mixture is not certain is seen to be between them.

>>> p = Gaussians(np.ones(1), np.zeros((1, 2)), np.array([[[4.0, 0.0], [0.0, 1.0]]]))
>>> np.ptp(outline(p.means[0], p.covariances[0], 0.5), axis=0).round(3).tolist()
[4.71, 2.355]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.parameters import Parameters, full_covariances

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F5539", "#6A3D9A")
"""Readers who see fewer colours tell them apart too (the first six: Okabe and Ito 2008); the ninth is the first."""

MOST_POINTS = 4000
GREY, LIGHT = "#4D4D4D", "#B3B3B3"
LEVELS = (0.5, 0.95)
"""The ellipses of a component hold these shares of its probability."""


@dataclass(frozen=True)
class Gaussians:
    """The components of a mixture, with a covariance matrix each.

    Attributes
    ----------
    weights
        Shape (K,).
    means
        Shape (K, d).
    covariances
        Shape (K, d, d).
    """

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    @classmethod
    def of(cls, parameters: Parameters, covariance_type: str) -> Gaussians:
        """From parameters of any covariance type.

        >>> p = Parameters(np.zeros(2), np.zeros((2, 1)), np.array([4.0, 9.0]))
        >>> Gaussians.of(p, "spherical").covariances.tolist()
        [[[4.0]], [[9.0]]]
        """
        return cls(parameters.weights, parameters.means, full_covariances(parameters, covariance_type))

    @classmethod
    def of_model(cls, model: Any) -> Gaussians:
        """From a fitted estimator."""
        parameters = Parameters.from_weights(model.weights_, model.means_, model.covariances_)
        return cls.of(parameters, model.covariance_type)

    def order(self) -> npt.NDArray[np.intp]:
        """The components by their means in the first column: with it, colours mean the same in several pictures."""
        order: npt.NDArray[np.intp] = np.argsort(self.means[:, 0], kind="stable")
        return order

    def taken(self, order: npt.NDArray[np.intp]) -> Gaussians:
        """The components in another order."""
        return Gaussians(self.weights[order], self.means[order], self.covariances[order])

    def columns(self, chosen: Sequence[int]) -> Gaussians:
        """The marginal mixture of some columns of the data."""
        index = np.asarray(chosen)
        return Gaussians(self.weights, self.means[:, index], self.covariances[:, index[:, np.newaxis], index])

    def density(self, grid: FloatArray) -> FloatArray:
        """The weighted densities of the components of a mixture of one column: a row each, shape (K, len(grid))."""
        variances = self.covariances[:, 0, :]
        heights = self.weights[:, np.newaxis] / np.sqrt(2.0 * np.pi * variances)
        density: FloatArray = heights * np.exp(-0.5 * (grid - self.means) ** 2 / variances)
        return density


def colour(component: int) -> str:
    """The colour of a component."""
    return COLOURS[component % len(COLOURS)]


def mixed(responsibilities: FloatArray) -> FloatArray:
    """The colours (n, 3) of observations, mixed in the proportions of their responsibilities (n, K).

    >>> mixed(np.array([[1.0, 0.0], [0.0, 1.0]])).round(2).tolist()
    [[0.0, 0.45, 0.7], [0.84, 0.37, 0.0]]
    """
    pure = [[int(c[i : i + 2], 16) / 255.0 for i in (1, 3, 5)] for c in map(colour, range(responsibilities.shape[1]))]
    blend: FloatArray = np.clip(responsibilities @ np.array(pure), 0.0, 1.0)
    return blend


def outline(mean: FloatArray, covariance: FloatArray, level: float, points: int = 121) -> FloatArray:
    """The ellipse that holds a share `level` of a Gaussian in the plane: its points, shape (points, 2)."""
    values, axes = np.linalg.eigh(covariance)
    # The squared distance in the plane is exponential with mean 2.
    radius = np.sqrt(-2.0 * np.log1p(-level))
    angle = np.linspace(0.0, 2.0 * np.pi, points)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    ellipse: FloatArray = mean + radius * (circle * np.sqrt(np.maximum(values, 0.0))) @ axes.T
    return ellipse


def observations(axes: Axes, X: FloatArray, responsibilities: FloatArray | None = None) -> None:
    """Points of two columns, in the mixed colours of their components, or grey; rows with a gap are left out.

    Of more than `MOST_POINTS` an even selection is drawn: more would be one blot.
    """
    complete = np.flatnonzero(~np.isnan(X).any(axis=1))
    shown = complete[:: -(-len(complete) // MOST_POINTS) or 1]
    # The more points, the smaller and the fainter.
    size = float(np.clip(5000.0 / max(len(shown), 1), 2.0, 20.0))
    axes.scatter(
        X[shown, 0],
        X[shown, 1],
        s=size,
        c=LIGHT if responsibilities is None else mixed(responsibilities[shown]),
        alpha=0.75 if len(shown) < 2000 else 0.45,
        linewidths=0,
        zorder=2,
        rasterized=len(shown) > 2000,
    )


def ellipses(
    axes: Axes, gaussians: Gaussians, levels: Sequence[float] = LEVELS, *, colours: Sequence[str] | None = None
) -> None:
    """The components in the plane: an ellipse for each level, the outermost thinnest, and a cross at the mean."""
    from matplotlib.patheffects import withStroke

    for k, (mean, covariance) in enumerate(zip(gaussians.means, gaussians.covariances, strict=True)):
        shade = colour(k) if colours is None else colours[k]
        for number, level in enumerate(sorted(levels)):
            path = outline(mean, covariance, level)
            width = 1.8 - 0.6 * number
            # A white rim, so that the line is seen on points of its own colour.
            rim = [withStroke(linewidth=width + 1.2, foreground="white", alpha=0.7)]
            axes.plot(path[:, 0], path[:, 1], color=shade, linewidth=width, path_effects=rim, zorder=3)
        cross(axes, mean, shade)


def cross(axes: Axes, place: FloatArray, shade: str) -> None:
    """A mean: a cross with a white rim, which is seen on points of its own colour."""
    axes.plot(*place, marker="P", markersize=9, color=shade, markeredgecolor="white", markeredgewidth=1.0, zorder=5)


def numbers(axes: Axes, gaussians: Gaussians) -> None:
    """The number of each component beside its mean, as tables of the fit count them."""
    for k, mean in enumerate(gaussians.means):
        note = axes.annotate(
            str(k), (mean[0], mean[1]), xytext=(6, 5), textcoords="offset points", color=colour(k), zorder=6
        )
        note.set(fontsize=9, fontweight="bold")
        note.set_bbox({"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.7, "linewidth": 0})


def curves(axes: Axes, x: FloatArray, gaussians: Gaussians, *, numbers: bool = False) -> None:
    """One column: its histogram, the weighted density of each component (with its number), and their sum."""
    x = x[~np.isnan(x)]
    count = bins(x)
    axes.hist(x, bins=count, density=True, color="#E3E3E3", edgecolor="white", linewidth=0.5 if count <= 30 else 0.0)
    size = np.ptp(x) or 1.0
    grid = np.linspace(x.min() - 0.3 * size, x.max() + 0.3 * size, 600)
    densities = gaussians.density(grid)
    for k, height in enumerate(densities):
        axes.plot(grid, height, color=colour(k), linewidth=1.6)
        if numbers:
            top = int(np.argmax(height))
            note = axes.annotate(str(k), (grid[top], height[top]), xytext=(0, 3), textcoords="offset points")
            note.set(color=colour(k), fontsize=9, fontweight="bold", ha="center")
    if len(densities) > 1:
        axes.plot(grid, densities.sum(axis=0), color=GREY, linewidth=1.0, linestyle="--")
    axes.set_xlim(x.min() - 0.08 * size, x.max() + 0.08 * size)
    axes.set_ylim(bottom=0.0)


def bins(x: FloatArray) -> int:
    """How many bars a histogram has: at least ten, at most sixty (Freedman and Diaconis 1981 in between).

    >>> bins(np.arange(1000.0))
    10
    """
    quarter, three = np.percentile(x, [25.0, 75.0])
    width = 2.0 * (three - quarter) / len(x) ** (1.0 / 3.0)
    return int(np.clip(np.ceil(np.ptp(x) / width), 10, 60)) if width > 0 else 10


def limits(axes: Axes, X: FloatArray, gaussians: Gaussians | None = None) -> None:
    """The window: the observations with a margin, and the outer ellipses as far as they stay near them."""
    low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    size = np.where(high > low, high - low, 1.0)
    left, right = low - 0.07 * size, high + 0.07 * size
    if gaussians is not None:
        # An ellipse reaches as far along an axis as its radius times the standard deviation there.
        deviations = np.sqrt(np.diagonal(gaussians.covariances, axis1=1, axis2=2))
        reach = np.sqrt(-2.0 * np.log1p(-max(LEVELS))) * deviations
        left = np.maximum(np.minimum(left, (gaussians.means - reach).min(axis=0) - 0.02 * size), low - 0.25 * size)
        right = np.minimum(np.maximum(right, (gaussians.means + reach).max(axis=0) + 0.02 * size), high + 0.25 * size)
    axes.set_xlim(float(left[0]), float(right[0]))
    axes.set_ylim(float(left[1]), float(right[1]))


def quiet(axes: Axes) -> None:
    """No frame where it carries nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, color=GREY, labelcolor=GREY)
