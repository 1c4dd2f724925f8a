"""Markers of loops: how the adjoint of a loop is made where that is not the plain way.

Out: `Checkpoint` and `FixedPoint`, which print as the words of a directive.

>>> str(Checkpoint(5)), str(FixedPoint(iterations=50))
('checkpoint(5)', 'fixed_point(iterations=50)')
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Checkpoint:
    """A loop whose reverse sweep keeps at most `snapshots` states of it, and computes the others again."""

    snapshots: int

    def __str__(self) -> str:
        return f"checkpoint({self.snapshots})"


@dataclass(frozen=True)
class FixedPoint:
    """A loop that converges: its adjoint is taken at the solution, by an iteration of its own.

    That iteration ends when the adjoint changes by no more than `tolerance` times its size, and fails after
    `iterations` steps.
    """

    tolerance: float = 1e-13
    iterations: int = 10_000

    def __str__(self) -> str:
        given = []
        if self.tolerance != FixedPoint.tolerance:
            given.append(f"tolerance={self.tolerance!r}")
        if self.iterations != FixedPoint.iterations:
            given.append(f"iterations={self.iterations}")
        return f"fixed_point({', '.join(given)})" if given else "fixed_point"


Marker = Checkpoint | FixedPoint
"""What the user asks of the adjoint of a loop; as a string, what stands in the comment."""
