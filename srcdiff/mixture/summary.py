"""The summary of a fit: a table of estimates with standard errors and intervals.

In: the `Information` at a fit, and what the solver reported. Out: text.

>>> from srcdiff.mixture.objective import Objective
>>> from srcdiff.mixture.parameters import Parameters
>>> X = np.array([[-1.0], [1.0], [3.0], [5.0]])
>>> top = Information(Objective(X, "diag"), Parameters(np.zeros(1), np.array([[2.0]]), np.array([[5.0]])))
>>> print(summary(top, names=["length"]))
Gaussian mixture: 1 component, diag covariances, 2 free parameters, 4 samples
log-likelihood -8.8946, BIC 20.5618, AIC 21.7893
maximum: gradient per sample 0.0e+00, Hessian negative definite, EM's rate 0.000, 0.0e+00 of log-likelihood to gain
<BLANKLINE>
                      estimate  std. error  95% interval
component 0
  mean of length          2.00        1.12  -0.19   4.19
  variance of length      5.00        3.54   1.25  19.99
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.certificate import certificate
from srcdiff.mixture.information import Information, InformationWarning, Kind

FloatArray = npt.NDArray[np.float64]

MANY = 4
"""Of more columns the covariances of two are left out of the table."""


def summary(
    information: Information,
    *,
    level: float = 0.95,
    kind: Kind = "observed",
    names: Sequence[str] | None = None,
    report: str = "",
) -> str:
    """Estimates, standard errors and confidence intervals as text.

    Parameters
    ----------
    level
        The level of the intervals.
    kind
        ``"observed"`` or ``"sandwich"``, as for `Information.covariance`.
    names
        What the columns of the data are called.
    report
        A further line for the head, of what the solver did.

    Raises
    ------
    ValueError
        where the level is not between 0 and 1, or there are not as many names as columns.
    """
    there, objective = information.there, information.function.objective
    if names is None:
        names = [f"x{j}" for j in range(there.dimensions)]
    if len(names) != there.dimensions:
        raise ValueError(f"{there.dimensions} columns have {there.dimensions} names, not {len(names)}")
    with warnings.catch_warnings():
        # They stand in the text.
        warnings.simplefilter("ignore", InformationWarning)
        sections = sections_of(information, level, kind, names)
    value, total = objective.value(information.parameters), objective.total_weight
    plural = "" if there.components == 1 else "s"
    weighted = "" if total == objective.n else f" of total weight {total:g}"
    bic, aic = there.size * np.log(total) - 2.0 * value, 2.0 * (there.size - value)
    lines = [
        f"Gaussian mixture: {there.components} component{plural}, {there.covariance_type} covariances, "
        f"{there.size} free parameters, {objective.n} samples{weighted}",
        f"log-likelihood {value:.4f}, BIC {bic:.4f}, AIC {aic:.4f}",
        *([report] if report else []),
        str(certificate(information)),
        "",
        *table(sections, level, "std. error" if kind == "observed" else "robust s.e."),
    ]
    if there.dimensions > MANY and there.matrices:
        lines.append("(covariances of two columns are not shown)")
    lines += [f"Caution: {text}" for text in information.doubts]
    return "\n".join(lines)


Row = tuple[str, float, float, FloatArray]
Section = tuple[str, list[Row]]


def sections_of(information: Information, level: float, kind: Kind, names: Sequence[str]) -> list[Section]:
    """The rows of each component, and of what all share: name, estimate, standard error, interval."""
    there, p = information.there, information.parameters
    errors, intervals = information.standard_errors(kind), information.intervals(level, kind)

    def spreads(index: tuple[int, ...]) -> list[Row]:
        """The covariances of one component, or the common ones."""
        estimate, error = p.covariances[index], errors.covariances[index]
        interval = intervals.covariances[index]
        if there.covariance_type == "spherical":
            return [("variance", float(estimate), float(error), interval)]
        if there.covariance_type == "diag":
            return [(f"variance of {n}", estimate[j], error[j], interval[j]) for j, n in enumerate(names)]
        rows = [(f"variance of {n}", estimate[j, j], error[j, j], interval[j, j]) for j, n in enumerate(names)]
        if there.dimensions <= MANY:
            pairs = [(a, b) for a in range(there.dimensions) for b in range(a)]
            rows += [
                (f"covariance of {names[b]}, {names[a]}", estimate[a, b], error[a, b], interval[a, b]) for a, b in pairs
            ]
        return rows

    sections: list[Section] = []
    for k in range(there.components):
        rows: list[Row] = []
        if there.components > 1:
            rows.append(("weight", p.weights[k], errors.weights[k], intervals.weights[k]))
        rows += [
            (f"mean of {name}", p.means[k, j], errors.means[k, j], intervals.means[k, j])
            for j, name in enumerate(names)
        ]
        if there.covariance_type != "tied":
            rows += spreads((k,))
        sections.append((f"component {k}", rows))
    if there.covariance_type == "tied":
        sections.append(("all components", spreads(())))
    return sections


def table(sections: list[Section], level: float, error: str) -> list[str]:
    """The sections in aligned columns."""
    cells = [["", "estimate", error, "", ""]]
    for title, rows in sections:
        cells.append([title, "", "", "", ""])
        for name, estimate, deviation, (low, high) in rows:
            numbers = [written(number, deviation) for number in (estimate, deviation, low, high)]
            cells.append([f"  {name}", *numbers])
    widths = [max(len(row[column]) for row in cells) for column in range(5)]
    head = f"{100 * level:g}% interval"
    widths[3] = max(widths[3], len(head) - widths[4] - 2)
    lines = [
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{text:>{width}}" for text, width in zip(row[1:], widths[1:], strict=True))
        for row in cells
    ]
    lines[0] = lines[0][: -len(head)] + head
    return [line.rstrip() for line in lines]


def written(number: float, deviation: float) -> str:
    """A number with as many decimals as its standard error needs to have three digits."""
    if np.isnan(number):
        return "-"
    if not 0.0 < deviation < np.inf:
        return f"{number:.5g}"
    decimals = max(0, 2 - int(np.floor(np.log10(deviation))))
    return f"{number:.{decimals}f}" if decimals <= 9 and abs(number) < 1e9 else f"{number:.4e}"
