"""The comment above the forward sweep, which says how many states it keeps of its loops.

In: a function. Out: "forward sweep", or "forward sweep, keeping at most 5 states and the last": the last is the one
before the last step of a loop, with which the reverse sweep begins.

>>> from srcdiff.ir.core import Block
>>> forward_title(Function("f", (), Block((), (), ())))
'forward sweep'
"""

from __future__ import annotations

from srcdiff.ir.core import Apply, Constant, Function, walk


def forward_title(function: Function) -> str:
    """The comment above the forward sweep of the function."""
    made = {s.result: s for s in walk(function.body) if isinstance(s, Apply)}
    limits: set[int] = set()
    last = False
    for statement in made.values():
        if statement.primitive.name == "next_snapshot":
            free = made.get(statement.operands[2])
            if free is not None and isinstance(free.operands[0], Constant):
                limits.add(free.operands[0].value)
                last = last or statement.origin.role == "primal"
    if not limits:
        return "forward sweep"
    counts = " or ".join(map(str, sorted(limits)))
    return f"forward sweep, keeping at most {counts} state{'s' * (limits != {1})}{' and the last' * last}"
