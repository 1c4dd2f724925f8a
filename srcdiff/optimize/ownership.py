"""Who owns the memory behind a value? Places of allocation, and which of them a value can reach.

In: statements, one at a time. Out: for each value its `Reach`: the *sites* whose memory it may be (`top`) and those
that lie below it in a container (`inner`). A site is a statement that makes a fresh object; a parameter, a global and
"some view" are sites that the function does not own.

An object that an earlier iteration of a loop made at a site is not the one that this iteration makes there: at a loop's
end the sites of its body are renamed to their *old* ones (see `Sites.old`).

>>> sites = Sites()
>>> here = sites.fresh("a statement", None)
>>> sites.owned(here), sites.owned(VIEW)
(True, False)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from srcdiff.ir.core import Apply, For, Value, While
from srcdiff.ir.types import Array, Dict, List, Opaque, Tuple, is_mutable
from srcdiff.primitives.custom import Custom

Site = int
SiteSet = frozenset[Site]
Loop = For | While

NONE: SiteSet = frozenset()
VIEW: Site = 0
"""Memory seen through a view: the shape differs, it may be read-only, its elements may overlap."""
FOREIGN: Site = 1
"""Memory of the caller or of the user's module."""


class Reach(NamedTuple):
    """The sites whose memory a value may be, and those that it may lead to when it is a container."""

    top: SiteSet = NONE
    inner: SiteSet = NONE

    @property
    def all(self) -> SiteSet:
        return self.top | self.inner

    def __or__(self, other: Reach) -> Reach:
        return Reach(self.top | other.top, self.inner | other.inner)


NOTHING = Reach()


def join(parts: Iterable[Reach]) -> Reach:
    """What any of the parts can reach."""
    top, inner = NONE, NONE
    for part in parts:
        top, inner = top | part.top, inner | part.inner
    return Reach(top, inner)


class Sites:
    """The sites of one function, each made once and then known by its key."""

    def __init__(self) -> None:
        self._keys: dict[object, Site] = {}
        self._owned: list[bool] = [False, False]
        self._base: list[Site] = [VIEW, FOREIGN]
        self._loops: list[tuple[Loop, ...]] = [(), ()]
        """The loops around the allocation, outermost first."""

    def fresh(self, key: object, around: tuple[Loop, ...] | None, owned: bool = True) -> Site:
        """The site called `key`, inside of the loops `around`."""
        known = self._keys.get(key)
        if known is not None:
            return known
        return self._add(key, around or (), owned, None)

    def _add(self, key: object, around: tuple[Loop, ...], owned: bool, base: Site | None) -> Site:
        site = len(self._owned)
        self._keys[key] = site
        self._owned.append(owned)
        self._base.append(site if base is None else base)
        self._loops.append(around)
        return site

    def owned(self, site: Site) -> bool:
        return self._owned[site]

    def old(self, reach: Reach, loop: Loop) -> Reach:
        """The reach as the next iteration of `loop` sees it: what the body made is now what it made before."""
        return Reach(self._old(reach.top, loop), self._old(reach.inner, loop))

    def _old(self, sites: SiteSet, loop: Loop) -> SiteSet:
        if not any(loop in self._loops[s] for s in sites):
            return sites
        return frozenset(self._old_site(s, loop) if loop in self._loops[s] else s for s in sites)

    def _old_site(self, site: Site, loop: Loop) -> Site:
        base = self._base[site]
        key = ("old", loop, base)
        known = self._keys.get(key)
        if known is not None:
            return known
        # What an earlier iteration left behind belongs to the loops around this one.
        around = self._loops[base]
        return self._add(key, around[: around.index(loop)], self._owned[base], base)


_CHOOSES = frozenset({"min", "max", "sum"})
"""Python's own functions over containers, which may return one of the elements."""
_DISPLAYS = frozenset({"make_tuple", "make_list", "make_dict"})
"""What holds its operands and nothing else."""
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "floor_divide", "mod", "power", "matmul", "negative"})


def result_reach(apply: Apply, operands: Sequence[Reach], sites: Sites, around: tuple[Loop, ...]) -> Reach:
    """What the result of a primitive can reach; an update's is that of a pure one (see `updated_reach`)."""
    kind = apply.result.type
    if not is_mutable(kind):
        return NOTHING
    name = apply.primitive.name
    if name == "identity":
        return operands[0]
    if name == "index_get":
        if isinstance(apply.operands[0].type, List) and is_slice(apply.operands[1]):
            # A slice of a list is a list of its own.
            return Reach(frozenset({sites.fresh((apply.result, "top"), around)}), operands[0].inner)
        return _element(apply, operands[0])
    given = join(operands).all
    if isinstance(apply.primitive, Custom):
        # It may be an operand, or something that the function keeps for its next call.
        return Reach(join(operands).top | {VIEW}, given | {VIEW})
    if apply.primitive.views:
        seen = join(operands[i] for i in apply.primitive.views if i < len(operands))
        return Reach(seen.top | {VIEW}, seen.inner if isinstance(kind, Array) else given | {VIEW})
    made = frozenset({sites.fresh((apply.result, "top"), around)})
    below = NONE if isinstance(kind, Array) else frozenset({sites.fresh((apply.result, "inner"), around)})
    if name in ("copy", "zeros_like"):
        return Reach(made, below)
    if name in _CHOOSES:
        return Reach(made | given | {VIEW}, given | below)
    if isinstance(kind, Array):
        return Reach(made)
    if name == "accumulate":
        # Of two containers one may be handed on as it is where the other is all zero.
        either = join(operands)
        return Reach(made | either.top, either.inner | below)
    if not isinstance(kind, List | Tuple | Dict) and (name in _ARITHMETIC or name.startswith(("np.", "math."))):
        # The numbers of an array refer to nothing; a sum of lists holds the elements of both.
        return Reach(made, join(operands).inner | below)
    if name in _DISPLAYS:
        return Reach(made, given)
    if name == "multiply" and isinstance(kind, List):
        return Reach(made, join(operands).inner)
    # A container: its elements may be the operands, their elements or, of an array, views of it.
    return Reach(made, given | below | ({VIEW} if given else NONE))


def updated_reach(apply: Apply, base: Reach, operands: Sequence[Reach]) -> Reach:
    """What the result of an update can reach, if it overwrites an object that reaches `base`."""
    position = apply.primitive.updates or 0
    if isinstance(apply.operands[position].type, Array):
        return base
    stored = join(r for i, r in enumerate(operands) if i != position)
    return Reach(base.top, base.inner | stored.all)


def copied_reach(apply: Apply, sites: Sites, around: tuple[Loop, ...]) -> Reach:
    """What a copy made for this update can reach: nothing that existed before."""
    made = frozenset({sites.fresh((apply.result, "top"), around)})
    inner = (apply.result, "inner")
    return Reach(made, NONE if isinstance(apply.result.type, Array) else frozenset({sites.fresh(inner, around)}))


def is_slice(index: Value) -> bool:
    return isinstance(index.type, Opaque) and index.type.name == "slice"


def _element(apply: Apply, base: Reach) -> Reach:
    match apply.operands[0].type:
        case Array():
            return Reach(base.top | {VIEW}, base.inner)
        case List() | Tuple() | Dict():
            return Reach(base.inner, base.inner)
        case _:
            return Reach(base.all | {VIEW}, base.inner)
