"""The helper functions of generated code where named tuples and dataclasses occur.

In: the texts of `srcdiff.primitives.helpers`. Out: `WITH_RECORDS`, the same functions for records as well: each takes a
record as the tuple of its fields. Programs without records keep the shorter texts.

>>> print(WITH_RECORDS["copy_of"].splitlines()[2])
    if is_record(x):
"""

from __future__ import annotations

from srcdiff.primitives.helpers import HELPERS

_OWN: dict[str, str] = {
    "is_record": '''\
def is_record(x):
    """Whether x is a named tuple or a dataclass."""
    return hasattr(type(x), "_fields") or hasattr(type(x), "__dataclass_fields__")
''',
    "items_of": '''\
def items_of(x):
    """The fields of a named tuple or a dataclass, in order."""
    if isinstance(x, tuple):
        return tuple([item for item in x])
    return tuple([getattr(x, entry.name) for entry in dataclasses.fields(x)])
''',
    "record_like": '''\
def record_like(x, items):
    """A named tuple or dataclass of the class of x, with these items."""
    if isinstance(x, tuple):
        return type(x)(*items)
    names = [entry.name for entry in dataclasses.fields(x)]
    return type(x)(**dict(zip(names, items, strict=True)))
''',
}

_LEAF = "not isinstance({}, (dict, list, tuple))"
_FIRST: dict[str, list[tuple[str, str]]] = {
    "unbroadcast": [("x", "g")],
    "item_adjoint": [("x", "g")],
    "spread_item": [("x", "g")],
    "zeros_like": [("x", "record_like(x, zeros_like(items_of(x)))")],
    "accumulate": [("a) and b is not None", "record_like(a, accumulate(items_of(a), items_of(b)))")],
    "add_at": [("a", "record_like(a, add_at(items_of(a), index, value))")],
    "copy_of": [("x", "record_like(x, copy_of(items_of(x)))")],
    "entries": [("x", "entries(items_of(x))")],
    "count_numbers": [("x", "count_numbers(items_of(x))")],
    "count_directions": [("stack", "count_directions(items_of(stack))")],
    "direction_of": [("stack", "record_like(stack, direction_of(items_of(stack), k))")],
    "stack_of": [("like", "record_like(like, stack_of([items_of(i) for i in items], items_of(like)))")],
    "unit_directions": [("x", "record_like(x, unit_directions(items_of(x), first, count))")],
    "jacobian_columns": [
        ("dy", "record_like(dy, jacobian_columns(items_of(dy), x, first))"),
        (f"x) and {_LEAF.format('dy')}", "record_like(x, jacobian_columns(dy, items_of(x), first))"),
    ],
    "jacobian_rows": [
        ("y", "record_like(y, jacobian_rows(bx, items_of(y), first))"),
        (f"bx) and {_LEAF.format('y')}", "record_like(bx, jacobian_rows(items_of(bx), y, first))"),
    ],
}
"""What each does first, where it may be given a record: what that is (and a condition), and the outcome."""


def _with_records(name: str, text: str) -> str:
    head, docstring, body = text.split('"""', 2)
    first: list[str] = []
    for what, outcome in _FIRST[name]:
        record, _, condition = what.partition(")")
        first += [f"    if is_record({record}){condition}:", f"        return {outcome}"]
    return f'{head}"""{docstring}"""\n' + "\n".join(first) + body


WITH_RECORDS: dict[str, str] = {
    **_OWN,
    **{name: _with_records(name, text) if name in _FIRST else text for name, text in HELPERS.items()},
}
