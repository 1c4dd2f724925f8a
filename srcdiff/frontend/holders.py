"""Tuples, lists and dicts of a module that hold functions and never change, told from the text alone.

In: the tree of a module, a name and what it is assigned. Out: the nodes of its items, and its keys if it is a dict.

>>> tree = gast.parse("STEPS = [f, g]\\nfor step in STEPS:\\n    step(1.0)")
>>> [node.id for node in parts_of(tree, "STEPS", tree.body[0].value).items]
['f', 'g']
>>> changed = gast.parse("STEPS = [f, g]\\nSTEPS.append(h)")
>>> parts_of(changed, "STEPS", changed.body[0].value) is None
True
"""

from __future__ import annotations

from dataclasses import dataclass

import gast


@dataclass(frozen=True, eq=False)
class Parts:
    """The items of a display, as they are written, and the keys of a dict."""

    items: tuple[gast.AST, ...]
    keys: tuple[object, ...] | None = None


def parts_of(tree: gast.Module, name: str, value: gast.AST | None) -> Parts | None:
    """What the display that a name of the module is assigned holds; None if it may change, or is no display."""
    match value:
        case gast.List(elts=items) | gast.Tuple(elts=items):
            parts = Parts(tuple(items))
        case gast.Dict(keys=keys, values=items):
            known = tuple(k.value for k in keys if isinstance(k, gast.Constant))
            if len(set(known)) < len(items):
                return None
            parts = Parts(tuple(items), known)
        case _:
            return None
    fixed = isinstance(value, gast.Tuple) or not _is_changed(tree, name)
    return parts if parts.items and fixed else None


_READERS = frozenset(("enumerate", "zip", "reversed", "len", "list", "tuple", "sorted", "dict"))


def _is_changed(tree: gast.Module, name: str) -> bool:
    """Whether the text may change the list or dict of this name: any use but reading items, or looping over it."""
    reads: set[gast.AST] = set()
    for node in gast.walk(tree):
        match node:
            case gast.Subscript(value=inner, ctx=gast.Load()) | gast.For(iter=inner) | gast.comprehension(iter=inner):
                reads.add(inner)
            case gast.Call(func=gast.Name(id=reader), args=arguments) if reader in _READERS:
                reads.update(arguments)
            case gast.Attribute(value=inner, attr="get" | "items" | "keys" | "values"):
                reads.add(inner)
            case gast.Compare(comparators=compared):
                reads.update(compared)
    named = [n for n in gast.walk(tree) if isinstance(n, gast.Name) and n.id == name]
    return any(node not in reads and not isinstance(node.ctx, gast.Store) for node in named)
