"""Which variables are read later, and how a list of statements can end: two questions about syntax trees.

In: a function's tree. Out: `Liveness` (for each `if` and loop the names read after it, for each loop the names read at
its head), and `exits`, the ways in which statements can end.

>>> import gast
>>> tree = gast.parse("for i in xs:\\n    t = i\\n    if t: break\\n    s = s + t\\nreturn_ = s").body
>>> sorted(exits(tree[0].body)), sorted(Liveness(tree, frozenset()).head[tree[0]])
(['break', 'fall'], ['s'])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import gast

Names = frozenset[str]
NOTHING: Names = frozenset()
FALL, BREAK, CONTINUE, RETURN, RAISE = "fall", "break", "continue", "return", "raise"
JUMPS = frozenset((BREAK, CONTINUE, RETURN))


def exits(statements: Sequence[gast.AST]) -> frozenset[str]:
    """The ways in which the statements can end: `fall` is reaching their end."""
    found: set[str] = set()
    for statement in statements:
        ways = _exits(statement)
        found |= ways - {FALL}
        if FALL not in ways:
            return frozenset(found)
    return frozenset(found | {FALL})


def _exits(statement: gast.AST) -> frozenset[str]:
    match statement:
        case gast.Return():
            return frozenset((RETURN,))
        case gast.Break():
            return frozenset((BREAK,))
        case gast.Continue():
            return frozenset((CONTINUE,))
        case gast.Raise():
            return frozenset((RAISE,))
        case gast.If(body=body, orelse=orelse):
            return exits(body) | exits(orelse)
        case gast.For(body=body, orelse=orelse):
            return ((exits(body) - {BREAK, CONTINUE}) | {FALL}) if not orelse else _with_else(body, orelse)
        case gast.While(test=test, body=body, orelse=orelse):
            endless = isinstance(test, gast.Constant) and bool(test.value)
            if endless:
                inner = exits(body)
                return (inner - {BREAK, CONTINUE, FALL}) | ({FALL} if BREAK in inner else set())
            return ((exits(body) - {BREAK, CONTINUE}) | {FALL}) if not orelse else _with_else(body, orelse)
    return frozenset((FALL,))


def _with_else(body: Sequence[gast.AST], orelse: Sequence[gast.AST]) -> frozenset[str]:
    inner = exits(body)
    after = exits(orelse)
    return (inner - {BREAK, CONTINUE, FALL}) | after | ({FALL} if BREAK in inner else frozenset())


def assigned(statements: Iterable[gast.AST]) -> list[str]:
    """The names that the statements bind, in order, not those of inner functions and comprehensions."""
    names: dict[str, None] = {}
    for statement in statements:
        _assigned(statement, names)
    return list(names)


def _assigned(node: gast.AST, names: dict[str, None]) -> None:
    match node:
        case gast.FunctionDef(name=name):
            names.setdefault(name)
        case gast.Lambda() | gast.ListComp() | gast.DictComp() | gast.SetComp() | gast.GeneratorExp():
            pass
        case gast.Global(names=declared) | gast.Nonlocal(names=declared):
            # Refused; until then they are variables like any other.
            names.update(dict.fromkeys(declared))
        case gast.Import(names=aliases) | gast.ImportFrom(names=aliases):
            for alias in aliases:
                names.setdefault(alias.asname or alias.name.split(".")[0])
        case gast.Name(id=name, ctx=gast.Store() | gast.Del()):
            names.setdefault(name)
        case _:
            for child in gast.iter_child_nodes(node):
                _assigned(child, names)


@lru_cache(maxsize=256)
def local_names(node: gast.FunctionDef | gast.Lambda) -> Names:
    """The local variables of a function: its parameters and every name it binds."""
    spec = node.args
    starred = [a for a in (spec.vararg, spec.kwarg) if a is not None]
    parameters = [a.id for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *starred)]
    body = node.body if isinstance(node, gast.FunctionDef) else []
    return frozenset((*parameters, *assigned(body)))


def read_names(node: gast.AST) -> Names:
    """The names an expression reads, without those that its own comprehensions and lambdas bind."""
    match node:
        case gast.Name(id=name, ctx=gast.Load()):
            return frozenset((name,))
        case gast.ListComp() | gast.DictComp() | gast.SetComp() | gast.GeneratorExp():
            inner = _read_children(node)
            bound = {n.id for g in node.generators for n in gast.walk(g.target) if isinstance(n, gast.Name)}
            # What the first `for` goes over is read outside.
            return (inner - bound) | read_names(node.generators[0].iter)
        case gast.Lambda() | gast.FunctionDef():
            # So are the defaults.
            defaults = [d for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None]
            return (_read_children(node) - local_names(node)).union(*map(read_names, defaults))
    return _read_children(node)


def _read_children(node: gast.AST) -> Names:
    names: set[str] = set()
    for child in gast.iter_child_nodes(node):
        names |= read_names(child)
    return frozenset(names)


def captured_names(statements: Iterable[gast.AST]) -> Names:
    """The names that inner functions and lambdas read: they may be read whenever those are called."""
    names: set[str] = set()
    for statement in statements:
        for node in gast.walk(statement):
            if isinstance(node, gast.Lambda | gast.FunctionDef):
                names |= read_names(node)
    return frozenset(names)


@lru_cache(maxsize=256)
def writes(node: gast.AST) -> bool:
    """Whether a function may write into an array, as far as its own text says."""
    return any(
        isinstance(n, gast.AugAssign)
        or (isinstance(n, gast.Subscript | gast.Attribute) and isinstance(n.ctx, gast.Store))
        or (isinstance(n, gast.Call) and any(k.arg == "out" for k in n.keywords))
        or (isinstance(n, gast.Expr) and isinstance(n.value, gast.Call))
        for n in gast.walk(node)
    )


class Liveness:
    """`after[statement]`: the names read after an `if` or a loop; `head[loop]`: those read from the loop's head on."""

    def __init__(self, body: Sequence[gast.AST], always: Names) -> None:
        self.after: dict[gast.AST, Names] = {}
        self.head: dict[gast.AST, Names] = {}
        self._always = always | captured_names(body)
        self._list(body, self._always, NOTHING, NOTHING)

    def _list(self, statements: Sequence[gast.AST], live: Names, on_break: Names, on_continue: Names) -> Names:
        for statement in reversed(statements):
            live = self._statement(statement, live, on_break, on_continue) | self._always
        return live

    def _statement(self, statement: gast.AST, live: Names, on_break: Names, on_continue: Names) -> Names:
        match statement:
            case gast.Return():
                return read_names(statement)
            case gast.Raise():
                return read_names(statement)
            case gast.Break():
                return on_break
            case gast.Continue():
                return on_continue
            case gast.If(test=test, body=body, orelse=orelse):
                self.after[statement] = live
                then = self._list(body, live, on_break, on_continue)
                other = self._list(orelse, live, on_break, on_continue)
                return read_names(test) | then | other
            case gast.For(target=target, iter=iterable, body=body, orelse=orelse):
                head = self._loop(
                    statement,
                    self._list(orelse, live, on_break, on_continue),
                    live,
                    NOTHING,
                    frozenset(assigned([target])),
                )
                return read_names(iterable) | head
            case gast.While(test=test, body=body, orelse=orelse):
                return self._loop(
                    statement, self._list(orelse, live, on_break, on_continue), live, read_names(test), NOTHING
                )
            case gast.AugAssign(target=gast.Name(id=name)):
                return live | {name} | read_names(statement.value)
            case gast.FunctionDef(name=name):
                return (live - {name}) | read_names(statement)
            case gast.Assign() | gast.AnnAssign() | gast.Delete():
                return (live - frozenset(assigned([statement]))) | read_names(statement)
        return live | read_names(statement)

    def _loop(self, loop: gast.AST, orelse: Names, live: Names, test: Names, targets: Names) -> Names:
        head = orelse | live | test
        while True:
            grown = head | (self._list(loop.body, head, live, head) - targets)
            if grown == head:
                break
            head = grown
        self.after[loop] = live
        self.head[loop] = head
        return head
