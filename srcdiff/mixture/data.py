"""The eruptions of Old Faithful: how long each lasted and how long one waited for the next, in minutes.

Out: an array of 272 rows and two columns. The data are R's `faithful` (Azzalini and Bowman 1990).

>>> load_old_faithful()[0]
array([ 3.6, 79. ])
"""

from __future__ import annotations

from importlib import resources

import numpy as np
import numpy.typing as npt


def load_old_faithful() -> npt.NDArray[np.float64]:
    """The 272 eruptions: duration and waiting time to the next."""
    file = resources.files("srcdiff.mixture") / "data" / "old_faithful.csv"
    with file.open(encoding="utf-8") as lines:
        data: npt.NDArray[np.float64] = np.loadtxt(lines, delimiter=",", skiprows=1)
    return data
