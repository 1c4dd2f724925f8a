"""Functions that call functions: which a function needs, and how those of two programs become one.

In: functions by name. Out: the callees of one, in order; a program's functions under names that clash with none.

>>> callees(Function("f", (), Block((), (), ())), {})
[]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import replace

from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    Function,
    If,
    Parameter,
    Program,
    Statement,
    While,
    blocks_of,
    operands_of,
    walk,
)
from srcdiff.ir.text import to_text


def called_names(function: Function) -> list[str]:
    """The names of the functions that a function calls, in order."""
    return list(dict.fromkeys(s.function for s in walk(function.body) if isinstance(s, Call)))


def callees(main: Function, known: Mapping[str, Function]) -> list[Function] | None:
    """What a function calls, directly or not, callees first and without itself; None where one is not `known`."""
    order: list[Function] = []
    seen = {main.name}

    def visit(function: Function) -> bool:
        for name in called_names(function):
            if name in seen:
                continue
            seen.add(name)
            if name not in known or not visit(known[name]):
                return False
            order.append(known[name])
        return True

    return order if visit(main) else None


def united(known: Mapping[str, Function], program: Program, taken: Set[str]) -> list[Function]:
    """The functions of a program beside those that are `known`: one that is equal to a known one is that one, and what
    has a name that is known or `taken` gets another."""
    functions = {f.name: f for f in program.functions}
    shared = {name for name, f in functions.items() if name in known and same(known[name], f)}
    while True:
        # Only functions that call the same functions are the same.
        closed = {n for n in shared if all(c in shared for c in called_names(functions[n]) if c in functions)}
        if closed == shared:
            break
        shared = closed
    used = {*known, *taken, *functions}
    names: dict[str, str] = {}
    for name in functions:
        names[name] = name
        if name not in shared and (name in known or name in taken):
            names[name] = unique_name(name, used)
            used.add(names[name])
    renamed = {old: new for old, new in names.items() if old != new}
    return [
        known[name] if name in shared else replace(with_calls(function, renamed), name=names[name])
        for name, function in functions.items()
    ]


def unique_name(wanted: str, taken: Set[str]) -> str:
    """`wanted`, or the first of `wanted_1`, `wanted_2`... that is free.

    >>> unique_name("f_jvp", {"f", "f_jvp"})
    'f_jvp_1'
    """
    name, count = wanted, 0
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    return name


def opaque_results(function: Function) -> list[str]:
    """The opaque functions that a function calls and whose results it reads: another run may get others."""
    read = set(function.body.results)
    for s in walk(function.body):
        read.update(operands_of(s), *(b.results for b in blocks_of(s)))
    calls = (s for s in walk(function.body) if isinstance(s, Effect) and s.result in read)
    return [getattr(s.primitive, "title", "") for s in calls]


def same(a: Function, b: Function) -> bool:
    """Whether two functions differ in nothing but what they say of themselves."""
    return to_text(_plain(a)) == to_text(_plain(b))


def _plain(function: Function) -> Function:
    parameters = tuple(Parameter(p.value) for p in function.parameters)
    return replace(function, docstring=None, returns=None, parameters=parameters)


def with_calls(function: Function, renamed: Mapping[str, str]) -> Function:
    """The function with the functions that it calls renamed."""
    if not renamed:
        return function

    def block(old: Block) -> Block:
        return Block(old.parameters, tuple(map(statement, old.statements)), old.results)

    def statement(old: Statement) -> Statement:
        match old:
            case Call():
                return replace(old, function=renamed.get(old.function, old.function))
            case If():
                return replace(old, then=block(old.then), orelse=block(old.orelse))
            case For():
                return replace(old, body=block(old.body))
            case While():
                return replace(old, condition=block(old.condition), body=block(old.body))
            case Apply() | Effect():
                return old

    return replace(function, body=block(function.body))


def positional(function: Function) -> Function:
    """The function as helpers are called: every argument given, by position."""
    parameters = tuple(replace(p, default=None, keyword_only=False) for p in function.parameters)
    return replace(function, parameters=parameters)


def _without_names(text: str) -> str:
    """The text of a function with the sizes of arrays numbered, whatever they are called.

    >>> _without_names("%y: float64[x_0, n+1] = add %x: float64[x_0, 3]")
    '%y: float64[0, 1] = add %x: float64[0, =3]'
    """
    known: dict[str, str] = {}

    def size(word: str) -> str:
        return known.setdefault(word, str(len(known))) if word[:1].isalpha() or word[:1] == "_" else f"={word}"

    def array(found: re.Match[str]) -> str:
        return f"{found[1]}[{', '.join(map(size, found[2].split(', ')))}]"

    return re.sub(r"\b(array|bool|[a-z]+\d+)\[([^\[\]]*)\]", array, text)


def without_twins(program: Program, final: bool = False) -> Program:
    """The program with one function where several of one stem (`g_reverse`, `g_reverse_1`) have the same text.

    They come from passes that did not know of each other: a derivative in the user's text, and that of its caller. In a
    `final` program, which is printed and not differentiated any more, what the sizes of arrays are called is no
    difference.
    """
    found: dict[tuple[str, str], str] = {}
    replaced: dict[str, str] = {}
    names: dict[str, str] = {}
    functions: list[Function] = []
    for function in program.functions:
        function = with_calls(function, replaced)
        anonymous = replace(with_calls(function, {function.name: "itself"}), name="itself")
        text = to_text(_plain(anonymous))
        key = (re.sub(r"_\d+(?=_|$)", "", function.name), _without_names(text) if final else text)
        known = found.setdefault(key, function.name)
        if known == function.name or function.name == program.main.name:
            functions.append(function)
            continue
        replaced[function.name] = known
        names[known] = min(names.get(known, known), function.name, key=len)
    return Program(tuple(replace(with_calls(f, names), name=names.get(f.name, f.name)) for f in functions))
