"""How far a fit has come, shown while it runs.

In: the tolerance of the fit, and what each iteration reports. Out: a bar on a terminal, or lines in a file.

Nobody knows how many iterations are left, but the gains of the iterations fall roughly geometrically until they reach
the tolerance: the bar shows how much of that way, in digits, is done. It never goes back.

>>> import sys
>>> with Progress(tol=1e-8, interval=2, detail=1, file=sys.stdout) as progress:
...     report = progress.start(0)
...     for iteration, value in enumerate([-100.0, -20.0, -10.0, -9.99]):
...         report(iteration, value, None)
start 1
  iteration 2: log-likelihood -10.000000, 9 %
  iteration 3: log-likelihood -9.990000, 39 %
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import IO

WIDTH = 24
OFTEN = 0.1
"""Seconds between two pictures of the bar."""


class Progress:
    """A bar, redrawn in place, or lines where the output is no terminal.

    Parameters
    ----------
    tol
        The gain at which the fit ends.
    interval
        How many iterations lie between two lines.
    detail
        2 for the gain and the time of each iteration too.
    file
        Where to show it: standard error, unless said.
    """

    def __init__(self, tol: float, interval: int, detail: int, file: IO[str] | None = None) -> None:
        self.tol = max(tol, 1e-12)
        self.interval = interval
        self.detail = detail
        self.file = sys.stderr if file is None else file
        self.inplace = self.file.isatty()
        self._last = ""
        self._shown = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def start(self, number: int) -> Callable[[int, float, object], None]:
        """What a fit from the start of this number reports its iterations to, with value and parameters."""
        self._end()
        self.file.write(f"start {number + 1}\n")
        way = Way(self.tol)
        begun = drawn = time.monotonic()

        def report(iteration: int, value: float, parameters: object) -> None:
            nonlocal drawn
            done = way.after(value)
            self._last = f"  iteration {iteration}: log-likelihood {value:.6f}"
            now = time.monotonic()
            if self.detail > 1 and iteration:
                self._last += f", gained {way.gain:.1e}, {1e3 * (now - begun) / iteration:.1f} ms an iteration"
            if self.inplace:
                full = round(WIDTH * done)
                self._last = f"[{'#' * full}{'.' * (WIDTH - full)}] {100 * done:3.0f} %{self._last}"
                if now - drawn >= OFTEN:
                    drawn = now
                    self._show()
            else:
                self._last += f", {100 * done:.0f} %"
                if iteration and iteration % self.interval == 0:
                    self._show()

        return report

    def _show(self) -> None:
        self._shown = self._last
        self.file.write(f"\r{self._last}\x1b[K" if self.inplace else f"{self._last}\n")
        self.file.flush()

    def _end(self) -> None:
        """The last iteration is always shown."""
        if self._last and self._last != self._shown:
            self._show()
        if self._last and self.inplace:
            self.file.write("\n")
        self._last = self._shown = ""


class Way:
    """How much of the way from the first gain down to the tolerance is done, in digits.

    >>> way = Way(1e-4)
    >>> [round(way.after(value), 6) for value in (0.0, 1.0, 1.01)]
    [0.0, 0.0, 0.5]
    """

    def __init__(self, tol: float) -> None:
        self.tol = tol
        self.gain = math.nan
        self._value: float | None = None
        self._first: float | None = None
        self._done = 0.0

    def after(self, value: float) -> float:
        """The part that is done after an iteration that led to this value."""
        if self._value is not None:
            self.gain = value - self._value
            if self._first is None and self.gain > self.tol:
                self._first = self.gain
            if self._first is not None:
                left = max(self.gain, self.tol)
                done = math.log(self._first / left) / math.log(self._first / self.tol)
                self._done = min(max(self._done, done), 1.0)
        self._value = value
        return self._done
