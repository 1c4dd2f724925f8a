"""`srcdiff mixture DATA.csv`: fit a Gaussian mixture to the columns of a file, print its table, draw it.

In: the arguments after `mixture`. Out: an exit status, 0 (done) or 2 (wrong usage, or data that cannot be read). The
table goes to stdout, warnings and progress to stderr, the picture into the file named by `--plot`.

>>> components_in("2"), list(components_in("1-4"))
(range(2, 3), [1, 2, 3, 4])
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from srcdiff.cli import DONE, REFUSED, UsageError
from srcdiff.mixture.parameters import COVARIANCE_TYPES
from srcdiff.mixture.selection import CRITERIA, Selection, select
from srcdiff.mixture.solvers import SOLVERS
from srcdiff.mixture.tables import Table, TableError, read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLES = """\
examples:
  srcdiff mixture faithful.csv --components 2 --covariance full --plot faithful.png
  srcdiff mixture faithful.csv --components 1-6 --covariance full,tied     choose by BIC, then show the chosen fit
  srcdiff mixture iris.csv --columns sepal_length,petal_length --components 3 --solver newton
"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="srcdiff mixture",
        description="Fit a Gaussian mixture to the columns of a CSV file; empty cells are values that are missing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", metavar="DATA.csv", help="values separated by commas, semicolons or tabs, with a header or without")
    add("--components", metavar="K", default="2", help="how many, or a range as in 1-6 to choose from; left out: 2")
    types = ", ".join(COVARIANCE_TYPES)
    add("--covariance", metavar="TYPE", default="full", help=f"{types}; several with commas to choose from")
    add("--solver", metavar="SOLVER", default="auto", choices=SOLVERS, help=f"one of {', '.join(SOLVERS)}")
    add("--criterion", default="bic", choices=CRITERIA, metavar="NAME", help="what chooses: bic, aic or icl; bic")
    add("--columns", metavar="A,B", help="the columns to fit, by name or by number from 1; left out: all")
    add("--weights", metavar="COLUMN", help="a column that says how much each row counts")
    add("--starts", metavar="N", type=int, default=10, help="how many starts, of which the best fit is kept; 10")
    add("--seed", metavar="N", type=int, default=0, help="of the starts; 0")
    add("--level", metavar="P", type=float, default=0.95, help="of the confidence intervals; 0.95")
    add("--plot", metavar="FILE", help="draw the fit into this file (png, pdf, svg); a choice into one beside it")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Carry out the command and return its exit status.

    Raises
    ------
    UsageError
        where it cannot be carried out.
    """
    try:
        options = make_parser().parse_args(arguments)
    except SystemExit as end:  # argparse has printed the help or the error
        return end.code if isinstance(end.code, int) else REFUSED
    components, types = components_in(options.components), types_in(options.covariance)
    require(options)
    table, weights = data_in(options)
    if len(table.values) < components[-1]:
        raise UsageError(f"{options.file} has {len(table.values)} rows, too few for {components[-1]} components")
    # What is wrong with a fit is a line for the reader; where in the program it was noticed is not.
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        try:
            model, selection = fitted(table, weights, components, types, options)
        except ValueError as error:
            raise UsageError(f"{options.file} cannot be fitted: {error}") from None
        summary = model.summary(level=options.level, names=table.names)
    print(f"{Path(options.file).name}: {len(table.values)} rows, {', '.join(table.names)}")
    if selection is not None:
        print(f"\n{selection}\n\nchosen by {options.criterion.upper()}:")
    print(summary)
    for text in dict.fromkeys(str(warning.message) for warning in noticed):
        print(f"srcdiff: warning: {text}", file=sys.stderr)
    if options.plot is not None:
        save(drawn(model, table, options), Path(options.plot))
        if selection is not None:
            save(selection.plot(), choice_beside(Path(options.plot)))
    return DONE


def choice_beside(plot: Path) -> Path:
    """Where the picture of the choice goes.

    >>> choice_beside(Path("pictures/fit.png")).as_posix()
    'pictures/fit-choice.png'
    """
    return plot.with_name(f"{plot.stem}-choice{plot.suffix}")


def components_in(text: str) -> range:
    """`2` or `1-6`."""
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise UsageError(f"--components takes a number or a range as in 1-6, not {text!r}")
    components = range(int(first), int(last or first) + 1)
    if not components or components[0] < 1:
        raise UsageError(f"--components takes numbers from 1 on, the smaller first, not {text!r}")
    return components


def types_in(text: str) -> tuple[str, ...]:
    """`full` or `full,tied`."""
    types = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in types:
        if name not in COVARIANCE_TYPES:
            raise UsageError(f"--covariance takes {', '.join(COVARIANCE_TYPES)}, not {name!r}")
    return types


def require(options: argparse.Namespace) -> None:
    """Whatever would fail after the fit fails before it."""
    if options.starts < 1:
        raise UsageError(f"--starts takes a number from 1 on, not {options.starts}")
    if not 0.0 < options.level < 1.0:
        raise UsageError(f"--level takes a probability between 0 and 1, not {options.level}")
    needed = {"sklearn": "mixture", "scipy": "mixture"} | ({"matplotlib": "plots"} if options.plot is not None else {})
    for package, extra in needed.items():
        if importlib.util.find_spec(package) is None:
            raise UsageError(f"this needs {package}: pip install 'srcdiff[{extra}]'")
    if options.plot is not None:
        from matplotlib.figure import Figure

        plot = Path(options.plot)
        formats = Figure().canvas.get_supported_filetypes()
        if plot.suffix[1:].lower() not in formats:
            raise UsageError(f"--plot takes the name of a file that ends in one of {', '.join(sorted(formats))}")
        if not plot.parent.is_dir():
            raise UsageError(f"there is no folder {plot.parent} for {plot.name}")
        if plot.exists() and Path(options.file).exists() and plot.samefile(options.file):
            raise UsageError(f"{plot} is the file to read, and would be overwritten")


def data_in(options: argparse.Namespace) -> tuple[Table, Any]:
    """The columns to fit, and the weights of the rows or None."""
    try:
        if options.columns is not None:
            columns = [name.strip() for name in options.columns.split(",")]
            table = read_table(Path(options.file), columns)
        else:
            table = read_table(Path(options.file))
        if options.weights is None:
            return table, None
        of_rows = read_table(Path(options.file), [options.weights])
    except TableError as error:
        raise UsageError(str(error)) from None
    weights = of_rows.values[:, 0]
    if not (weights >= 0.0).all() or not weights.any():
        raise UsageError(f"the weights in `{options.weights}` are numbers from 0 on, not all 0 and none missing")
    if options.columns is None:
        kept = [name for name in table.names if name != of_rows.names[0]]
        if not kept:
            raise UsageError(f"{options.file} has no column beside the weights")
        table = Table(tuple(kept), np.column_stack([table.column(name) for name in kept]))
    return table, weights


def fitted(
    table: Table, weights: Any, components: range, types: tuple[str, ...], options: argparse.Namespace
) -> tuple[Any, Selection | None]:
    """The mixture, and where there was a choice what it was chosen from."""
    from srcdiff.mixture.estimator import GaussianMixture

    common: dict[str, Any] = {"solver": options.solver, "n_init": options.starts, "random_state": options.seed}
    if len(components) == len(types) == 1:
        model = GaussianMixture(components[0], covariance_type=types[0], **common)
        return model.fit(table.values, sample_weight=weights), None
    selection = select(table.values, components, types, criterion=options.criterion, sample_weight=weights, **common)
    return selection.best, selection


def drawn(model: Any, table: Table, options: argparse.Namespace) -> Figure:
    """The picture of the fit."""
    from srcdiff.mixture.figures import overview
    from srcdiff.mixture.plots import Gaussians

    k = model.n_components
    title = f"{Path(options.file).name}: {k} component{'s' * (k > 1)}, {model.covariance_type} covariances"
    responsibilities = model.predict_proba(table.values)
    return overview(table.values, Gaussians.of_model(model), responsibilities, names=table.names, title=title)


def save(picture: Figure, path: Path) -> None:
    try:
        picture.savefig(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error}") from None
    print(f"srcdiff: wrote {path}", file=sys.stderr)
