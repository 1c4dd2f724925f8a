"""The body of a fixed-point loop at its solution.

In: a loop ``z = F(z, theta)`` that has converged, which of its results a derivative is asked of, and what varies. Out:
a `Solution`: one more evaluation of the body, which starts from the results of the loop and in which the loop goes on;
and which values of the state take part.

A value of the state takes part (*wanted*) when a derivative is asked of it or it influences one that takes part, and
when it depends on what the loop reads from outside. It is *iterated* when the body reads it: counters, norms of
residuals and the iterate before the last need no iteration. A value that the body hands on as it is stays what it was
before the loop.

Christianson, "Reverse accumulation and attractive fixed points", 1994; Griewank and Walther, "Evaluating derivatives",
2008, chapter 15.

>>> Solution.__name__
'Solution'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from srcdiff.ad.effects import opaque_calls, second_run, silent_block
from srcdiff.ad.exits import NeverHappens, settled
from srcdiff.ad.refusals import Refusals
from srcdiff.analysis.activity import is_undefined, useful_values, varied_values
from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Apply, Block, For, If, Value, While, blocks_of, free_values, is_atom, walk
from srcdiff.ir.substitution import refresh
from srcdiff.ir.types import List, is_differentiable

UNMARKED = "take the sum outside of the loop, or remove the marker"
_SAME = frozenset({"identity", "copy"})
_GROWING = frozenset({"append", "drop_last", "add", "multiply"})


@dataclass(frozen=True)
class Solution:
    """`block` has no parameters and computes the state that follows `state`; `active` are its values with a derivative,
    and those of the state and from outside that it reads. The results at positions `through` are the initial values;
    those in `stands_for` are those at another position, where the loop was left in its midst."""

    block: Block
    state: tuple[Value, ...]
    active: set[Value]
    wanted: list[int]
    iterated: list[int]
    through: set[int]
    stands_for: dict[int, int]
    copies: Mapping[Value, Value]
    """For the values of the loop's body those of the block."""

    @property
    def captured(self) -> list[Value]:
        """The values from outside that a derivative passes to."""
        state = {v for i, v in enumerate(self.state) if i not in self.through}
        return [v for v in free_values(self.block) if v in self.active and v not in state]

    def copied(self) -> Solution:
        """The same with an evaluation of its own."""
        block = refresh(self.block)
        again = _pairs(self.block, block)
        copies = {v: again.get(c, c) for v, c in self.copies.items()}
        return replace(self, block=block, active={again.get(v, v) for v in self.active}, copies=copies)


def at_solution(loop: While, asked: Iterable[int], varied: set[Value], refusals: Refusals) -> Solution | None:
    """The evaluation of the body at the solution; None where that was refused.

    Parameters
    ----------
    asked
        The positions of the results that a derivative is asked of.
    varied
        The values of the function that a derivative may pass through.
    """
    asked = list(asked)
    count = len(loop.initial)
    body, stands_for = loop.body, dict[int, int]()
    following = loop.carried_next
    left: dict[int, bool] = {}
    if loop.stop is not None:
        try:
            body = settled(loop.body, loop.stop, stops=False)
        except NeverHappens:
            message = "this fixed-point loop is always left in its first iteration"
            refusals.add(loop.origin, message, "remove the marker, or the loop")
            return None
        following = body.results[1 : 1 + count]
        left, stands_for = _left(loop, settled(loop.body, loop.stop, stops=True), body)
    made = {s.result: s for s in walk(body) if isinstance(s, Apply)}
    through = {i for i in range(count) if _plain(following[i], made) is loop.carried[i]}
    state = tuple(loop.initial[i] if i in through else loop.results[i] for i in range(count))
    for effect in opaque_calls(Block((), body.statements, following)):
        refusals.add(*second_run(effect, "the derivative of the fixed point"))
    bare = silent_block(Block((), body.statements, following))
    block = refresh(bare, dict(zip(loop.carried, state, strict=True)))
    copies = _pairs(bare, block)
    may_vary = {copies.get(v, v) for v in varied} - set(loop.results)
    wanted, iterated, active = _taking_part(block, state, through, {stands_for.get(i, i) for i in asked}, may_vary)
    solution = Solution(block, state, active, wanted, iterated, through, stands_for, copies)
    return solution if _is_possible(loop, solution, asked, left, refusals) else None


def _plain(value: Value, made: Mapping[Value, Apply | If]) -> Value:
    """What a value is a copy of."""
    while isinstance(apply := made.get(value), Apply) and apply.primitive.name in _SAME:
        value = apply.operands[0]
    return value


def _pairs(block: Block, copy: Block) -> dict[Value, Value]:
    """From the values that a block defines to those of its copy."""
    found: dict[Value, Value] = dict(zip(block.parameters, copy.parameters, strict=True))
    for s, t in zip(block.statements, copy.statements, strict=True):
        found.update(zip(s.results, t.results, strict=True))
        for a, b in zip(blocks_of(s), blocks_of(t), strict=True):
            found.update(_pairs(a, b))
    return found


# -- what takes part
# -----------------------------------------------------------------------------------------------------------


def _taking_part(
    block: Block, state: tuple[Value, ...], through: set[int], asked: set[int], may_vary: set[Value]
) -> tuple[list[int], list[int], set[Value]]:
    """The positions that are wanted, those of them that are iterated, and the active values."""
    position = {v: i for i, v in enumerate(state) if i not in through and is_differentiable(v.type)}
    varying = {v for v in free_values(block) if v in may_vary and v not in position}
    while True:
        varied = varied_values(block, varying)
        more = {v for v, i in position.items() if block.results[i] in varied}
        if more <= varying:
            break
        varying |= more
    varied &= may_vary | position.keys()
    wanted = {i for i in asked if state[i] in varied and i not in through}
    while True:
        active = useful_values(block, [block.results[i] for i in wanted], varied)
        read = {position[v] for v in active if v in position}
        if read <= wanted:
            break
        wanted |= read
    return sorted(wanted), sorted(read), active


# -- how the loop is left
# ------------------------------------------------------------------------------------------------------


def _left(loop: While, leaving: Block, going: Block) -> tuple[dict[int, bool], dict[int, int]]:
    """For each position whether the loop, where it stops, is left with the old or the new iterate; and of what it
    returns from its midst, the position that this is an iterate of."""
    count = len(loop.initial)
    made = {r: s for s in walk(leaving) if isinstance(s, Apply | If) for r in s.results}
    new = {s.result: s for s in walk(going) if isinstance(s, Apply)}
    following = [_plain(v, new) for v in going.results[1 : 1 + count]]
    iterates = [{loop.carried[i], following[i]} for i in range(count)]

    def is_iterate(value: Value, of: int) -> bool:
        value = _plain(value, made)
        if value in iterates[of] or _is_empty(value):
            return True
        match made.get(value):
            case If(_, then, orelse, results):
                at = results.index(value)
                return is_iterate(then.results[at], of) and is_iterate(orelse.results[at], of)
            case _:
                return False

    left: dict[int, bool] = {}
    stands_for: dict[int, int] = {}
    for i in range(count):
        value = leaving.results[1 + i]
        left[i] = is_iterate(value, i)
        if _is_empty(following[i]) and _is_empty(loop.initial[i]):
            others = (j for j in range(count) if not _is_empty(following[j]) and is_iterate(value, j))
            found = next(others, None)
            left[i] = found is not None
            if found is not None:
                stands_for[i] = found
    return left, stands_for


def _is_empty(value: Value) -> bool:
    """Whether a variable holds nothing, or None, which is how generated code writes that down."""
    return is_undefined(value) or is_constant(value, None)


# -- refusals
# ------------------------------------------------------------------------------------------------------------------


def _is_possible(
    loop: While, solution: Solution, asked: list[int], left: Mapping[int, bool], refusals: Refusals
) -> bool:
    before = len(refusals.found)
    read = set(free_values(solution.block))
    for i, value in enumerate(loop.results[: len(loop.initial)]):
        matters = i in asked or (solution.state[i] in read and is_differentiable(value.type))
        if matters and not left.get(i, True):
            name = f"`{value.name}`" if value.name else "what is returned"
            message = f"where this fixed-point loop is left, {name} is no iterate of the loop"
            refusals.add(loop.origin, message, "leave the loop by `break`, and compute what follows from it after it")
    made = {s.result: s for s in walk(solution.block) if isinstance(s, Apply)}
    for i in solution.iterated:
        name = loop.results[i].name or "a value"
        if isinstance(loop.results[i].type, List) and _grows(solution.block, solution.state[i]):
            message = f"the list `{name}` changes its length in a fixed-point loop, which then has no solution"
            refusals.add(loop.origin, message, "fill the list in a loop of its own, or remove the marker")
        elif _accumulates(solution, i, made):
            message = f"`{name}` is summed up over the iterations of a fixed-point loop, and does not converge"
            refusals.add(made[_plain(solution.block.results[i], made)].origin, message, UNMARKED)
    return len(refusals.found) == before


def _accumulates(solution: Solution, position: int, made: Mapping[Value, Apply]) -> bool:
    """Whether a value of the state is itself and something that does not depend on it."""
    own = solution.state[position]
    apply = made.get(_plain(solution.block.results[position], made))
    if apply is None or apply.primitive.name not in ("add", "subtract", "accumulate"):
        return False
    a, b = (_plain(v, made) for v in apply.operands)
    if a is own:
        other = b
    elif b is own and apply.primitive.name != "subtract":
        other = a
    else:
        return False
    return is_atom(other) or own not in _influences(solution, other)


def _influences(solution: Solution, value: Value) -> set[Value]:
    """The values of the state that a value of the block depends on, at once or in later iterations."""
    position = {solution.state[i]: i for i in solution.wanted}
    found: set[Value] = set()
    pending = [value]
    while pending:
        value = pending.pop()
        for v in useful_values(solution.block, [value], solution.active | {value}):
            if v in position and v not in found:
                found.add(v)
                pending.append(solution.block.results[position[v]])
    return found


def _grows(block: Block, state: Value) -> bool:
    """Whether a list of the state gets another length in the body."""
    lists = {state}
    for s in walk(block):
        match s:
            case Apply(primitive, operands, result) if operands and isinstance(result.type, List):
                if any(v in lists for v in operands):
                    if primitive.name in _GROWING:
                        return True
                    lists.add(result)
            case For() | While():
                for initial, carried, result in zip(s.initial, s.carried, s.results, strict=False):
                    if initial in lists:
                        lists.update((carried, result))
            case If(_, then, orelse, results):
                for a, b, result in zip(then.results, orelse.results, results, strict=True):
                    if a in lists or b in lists:
                        lists.add(result)
            case _:
                pass
    return False
