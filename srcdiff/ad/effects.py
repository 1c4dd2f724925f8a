"""What statements do besides computing, where they are run a second time.

In: a block of the user's function that a derivative runs again. Out: the block without its effects: what it prints
was printed, what it asserts held, what it might have raised it did not. A function that is called keeps its effects;
`acting` says which do, and may not be called again.

>>> from srcdiff.ir.core import constant
>>> silent_block(Block((), (Effect("print", (constant("hello"),)),), ())).statements
()
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    If,
    Origin,
    Program,
    Statement,
    While,
    assert_never,
    walk,
)


def opaque_calls(block: Block) -> list[Effect]:
    """The calls of opaque functions in a block, inner blocks included, those of its helpers not."""
    return [s for s in walk(block) if isinstance(s, Effect) and s.kind == "call"]


def second_run(effect: Effect, why: str) -> tuple[Origin, str, str]:
    """Place, message and remedy for the call of an opaque function that would be run again."""
    title = getattr(effect.primitive, "title", "it")
    remedy = "call it before, outside of this, and pass what it returns as a parameter"
    return effect.origin, f"`{title}` is opaque, so that each of its calls runs once, and {why} runs it again", remedy


def silent_block(block: Block) -> Block:
    """The block without effects, inner blocks included, and without branches that did nothing else."""
    statements = tuple(_silent(s) for s in block.statements if not isinstance(s, Effect))
    return Block(block.parameters, tuple(s for s in statements if not _is_empty(s)), block.results)


def _is_empty(statement: Statement) -> bool:
    return isinstance(statement, If) and not (
        statement.results or statement.then.statements or statement.orelse.statements
    )


def _silent(statement: Statement) -> Statement:
    match statement:
        case If():
            return replace(statement, then=silent_block(statement.then), orelse=silent_block(statement.orelse))
        case For():
            return replace(statement, body=silent_block(statement.body))
        case While():
            return replace(statement, condition=silent_block(statement.condition), body=silent_block(statement.body))
        case Apply() | Call() | Effect():
            return statement
        case _:
            assert_never(statement)


def acting(program: Program) -> dict[str, str]:
    """The functions of the program that print or call opaque functions, themselves or in what they call, and which."""
    found: dict[str, str] = {}
    size = -1
    while len(found) != size:
        size = len(found)
        for function in program.functions:
            for s in walk(function.body):
                act = _ACTS.get(s.kind) if isinstance(s, Effect) else None
                if isinstance(s, Call):
                    act = found.get(s.function)
                if act is not None:
                    found.setdefault(function.name, act)
    return found


_ACTS = {"print": "prints", "call": "calls an opaque function"}
