"""What cannot be differentiated, collected over a whole pass so that all of it is reported at once.

In: operations that a derivative must pass through and cannot. Out: `Refused`, raised at the end of the pass, which the
compiler turns into located diagnostics.

>>> refusals = Refusals()
>>> refusals.add(Origin(3, 4, "y = g(x)"), "there is no derivative rule for `g`", "rewrite it")
>>> try:
...     refusals.raise_if_any()
... except Refused as error:
...     [(r.origin.line, r.message) for r in error.refusals]
[(3, 'there is no derivative rule for `g`')]
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from srcdiff.ad.effects import opaque_calls, second_run
from srcdiff.analysis.activity import useful_values, varied_values
from srcdiff.ir.core import Apply, Block, Effect, For, If, Origin, Program, Value, While, operands_of, walk
from srcdiff.ir.types import STR, is_differentiable
from srcdiff.primitives.custom import Custom
from srcdiff.primitives.rules import MissingRule, has_zero_derivative

REWRITE = "rewrite it with operations that have a rule, or keep it away from what is differentiated"
DOCUMENTED = "(docs/custom-rules.md)"
PUT_TOGETHER = frozenset(("stack_of", "direction_of", "jacobian_columns", "jacobian_rows"))
"""What puts a Jacobian together one direction at a time, where types do not allow a stack of them."""


@dataclass(frozen=True)
class Refusal:
    """One place: where, what and why, and what to write instead."""

    origin: Origin
    message: str
    remedy: str


class Refused(Exception):
    """A pass met something that it cannot differentiate."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__("; ".join(r.message for r in refusals))
        self.refusals = refusals


def refuse_second_runs(program: Program, why: str) -> None:
    """A program that is run several times calls no opaque function.

    Raises
    ------
    Refused
        where it does.
    """
    found = [Refusal(*second_run(effect, why)) for f in program.functions for effect in opaque_calls(f.body)]
    if found:
        raise Refused(tuple(found))


@dataclass
class Refusals:
    """Collects refusals, each once."""

    found: dict[Refusal, None] = field(default_factory=dict)

    def add(self, origin: Origin, message: str, remedy: str) -> None:
        self.found.setdefault(Refusal(origin.as_role("primal"), message, remedy))

    def missing(self, apply: Apply, error: MissingRule) -> None:
        """A primitive without a rule, or without one for this use."""
        if apply.primitive.name in PUT_TOGETHER:
            message = "a Jacobian or Hessian of a container, or of unknown rank, cannot be differentiated again"
            self.add(apply.origin, message, 'take it of an array whose rank is known: `x: Float[np.ndarray, "n"]`')
            return
        reason = f": {error.reason}" if error.reason else ""
        if isinstance(apply.primitive, Custom):
            title, remedy = apply.primitive.title, f"register one for it with `srcdiff.rule` {DOCUMENTED}"
            message = f"there is no derivative rule for `{title}`{reason}"
            if apply.primitive.has_rule:
                message = f"the derivative rule of `{title}` is not enough here{reason}"
                remedy = f"register what is missing, or correct the rule {DOCUMENTED}"
            self.add(apply.origin, message, remedy)
            return
        self.add(apply.origin, f"there is no derivative rule for `{apply.primitive.name}`{reason}", REWRITE)

    def opaque_results(self, body: Block, varied: Set[Value], wanted: Iterable[Value]) -> None:
        """Opaque functions between the parameters that vary and what is wanted: no derivative passes through them."""
        reached, made = set(varied), dict[Value, Effect]()
        while True:
            more = {
                s.result: s
                for s in walk(body)
                if isinstance(s, Effect)
                and s.result is not None
                and s.result not in reached
                and s.primitive is not None
                and not has_zero_derivative(s.primitive)
                and is_differentiable(s.result.type)
                and any(v in reached for v in s.operands)
            }
            if not more:
                break
            made.update(more)
            reached = varied_values(body, {*reached, *more})
        if not made:
            return
        through = useful_values(body, wanted, reached)
        for result, effect in made.items():
            if result in through:
                title = getattr(effect.primitive, "title", "it")
                message = f"a derivative would have to pass through `{title}`, which is opaque"
                remedy = (
                    "if what it returns counts as constant, declare that with `srcdiff.rule.non_differentiable`; if it "
                    f"only computes its result, register a rule in place of `opaque` {DOCUMENTED}"
                )
                self.add(effect.origin, message, remedy)

    def numbers_from_text(self, body: Block, varied: Set[Value]) -> None:
        """Numbers read from strings that were made of active values: the derivative would be lost silently."""
        text: set[Value] = set()
        size = -1
        while len(text) != size:
            size = len(text)
            for statement in walk(body):
                match statement:
                    case Apply(_, operands, result) if result.type == STR:
                        if any(v in varied or v in text for v in operands):
                            text.add(result)
                    case If(_, then, orelse, results):
                        for result, a, b in zip(results, then.results, orelse.results, strict=True):
                            if a in text or b in text:
                                text.add(result)
                    case For() | While():
                        for group in zip(
                            statement.results,
                            statement.carried_next,
                            statement.carried,
                            statement.initial,
                            strict=False,
                        ):
                            if any(v in text for v in group):
                                text.update((group[0], group[2]))
                    case _:
                        pass
        for statement in walk(body):
            reads = isinstance(statement, Apply) and statement.primitive.name in ("float", "int")
            if reads and operands_of(statement)[0] in text:
                message = "a number is read from text that was made of a value with a derivative, which would be lost"
                self.add(statement.origin, message, "compute with the numbers themselves")

    def raise_if_any(self) -> None:
        """Raise `Refused` if anything was collected."""
        if self.found:
            raise Refused(tuple(self.found))
