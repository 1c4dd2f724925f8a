"""Tables of numbers from text files, with gaps where an entry is missing.

In: a file of comma-, semicolon- or tab-separated values, with a header or without. Out: a `Table`. Empty cells and the
usual words for "missing" (NA, NaN, null, ?) become NaN. What cannot be read is refused with its line.

>>> table = parsed(["length,width", "1.5,2", "NA,3"], "flowers.csv")
>>> table.names, table.values.tolist()
(('length', 'width'), [[1.5, 2.0], [nan, 3.0]])
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
DELIMITERS = (",", ";", "\t")


class TableError(ValueError):
    """The file is not a table of numbers; the message says where and why."""


@dataclass(frozen=True)
class Table:
    """Named columns of numbers: `values` is (n, d)."""

    names: tuple[str, ...]
    values: FloatArray

    def column(self, name: str) -> FloatArray:
        return self.values[:, self.names.index(name)]


def read_table(path: Path, columns: Sequence[str] | None = None) -> Table:
    """Read some columns of a file, all of them where `columns` is left out.

    Parameters
    ----------
    path
        The file, UTF-8.
    columns
        Names from the header, or numbers that count from 1; only these need hold numbers.

    Raises
    ------
    TableError
        where the file cannot be read, has no such column, or an entry is not a number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"cannot read {path}: {error}") from None
    return parsed(text.splitlines(), str(path), columns)


def parsed(lines: Iterable[str], path: str, columns: Sequence[str] | None = None) -> Table:
    """The table in these lines; see `read_table`."""
    lines = list(lines)
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise TableError(f"{path} is empty")
    # Where none of them occurs there is one column.
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        rows.extend((reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row)))
    except csv.Error as error:
        raise TableError(f"{path}:{reader.line_num}: {error}") from None
    width = len(rows[0][1])
    for line, row in rows:
        if len(row) != width:
            raise TableError(f"{path}:{line}: {len(row)} cells, where the first row has {width}")
    if all(is_number(cell) for cell in rows[0][1]):
        names = [f"column {j + 1}" for j in range(width)]
    else:
        names = [name or f"column {j + 1}" for j, name in enumerate(rows[0][1])]
        del rows[0]
    if not rows:
        raise TableError(f"{path} has a header and no rows")
    chosen = range(width) if columns is None else [position(name, names, path) for name in columns]
    values = np.empty((len(rows), len(chosen)))
    for i, (line, row) in enumerate(rows):
        for j, c in enumerate(chosen):
            if not is_number(row[c]):
                remedy = "" if columns is not None else "; choose the columns to read"
                raise TableError(f"{path}:{line}: `{row[c]}` in column `{names[c]}` is not a number{remedy}")
            values[i, j] = np.nan if row[c].lower() in MISSING else float(row[c])
    if np.isinf(values).any():
        i = int(np.argmax(np.isinf(values).any(axis=1)))
        raise TableError(f"{path}:{rows[i][0]}: an entry is infinite")
    return Table(tuple(names[c] for c in chosen), values)


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, or nothing.

    >>> [is_number(cell) for cell in ("1e-3", "NA", "setosa")]
    [True, True, False]
    """
    if cell.lower() in MISSING:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


def position(name: str, names: Sequence[str], path: str) -> int:
    """Which column is meant: by its name, else by its number from 1."""
    if name in names:
        return names.index(name)
    if name.isdecimal() and 1 <= int(name) <= len(names):
        return int(name) - 1
    raise TableError(f"{path} has no column `{name}`; its columns are {', '.join(names)}")
