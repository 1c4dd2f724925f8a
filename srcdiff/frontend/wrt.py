"""What `wrt` means among the parameters of a function.

In: the names of the parameters and what was asked for. Out: positions, and what is wrong with what to do about it.

>>> positions_in("f", ["x", "n", "y"], ("y", 0))
([2, 0], [])
>>> positions_in("f", ["x"], ["z"])
([], [('`f` has no parameter `z`', 'its parameters are x')])
"""

from __future__ import annotations

from collections.abc import Sequence

GIVE = 'give the index or the name of a parameter, or a tuple of these: wrt=0, wrt="x", wrt=("x", "y")'
"""What to do where `wrt` is something else."""


def positions_in(title: str, names: Sequence[str], wrt: Sequence[int | str]) -> tuple[list[int], list[tuple[str, str]]]:
    """The positions of the parameters in `wrt` of the function called `title`.

    Returns
    -------
    tuple
        ``(positions, problems)``; a problem is a message and a remedy.
    """
    positions: list[int] = []
    problems: list[tuple[str, str]] = []
    for one in wrt:
        if isinstance(one, str) and one not in names:
            problems.append((f"`{title}` has no parameter `{one}`", f"its parameters are {', '.join(names) or 'none'}"))
            continue
        if isinstance(one, int) and not -len(names) <= one < len(names):
            count = f"{len(names)} parameter{'s' * (len(names) != 1)}"
            problems.append((f"`{title}` has no parameter number {one}", f"it has {count}, counted from 0"))
            continue
        position = names.index(one) if isinstance(one, str) else one % len(names)
        if position in positions:
            named = f"parameter `{names[position]}` of `{title}` is named twice in wrt"
            problems.append((named, "name each parameter once"))
        positions.append(position)
    return positions, problems
