"""docs/numpy.md lists what the table of primitives holds, no more and no less. `make golden` writes it anew."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from srcdiff.frontend.expressions import PROPERTIES
from srcdiff.frontend.spellings import RESPELLED
from srcdiff.frontend.subset import LOWERED, WRITERS
from srcdiff.primitives.keywords import OF_UFUNCS
from srcdiff.primitives.rules import has_zero_derivative
from srcdiff.primitives.table import ALIASES, METHODS, PREFIXES, TABLE, lookup

PAGE = Path(__file__).parents[1] / "docs" / "numpy.md"

HEAD = """\
# What has a rule

The functions, methods and attributes that can be used in a function that is differentiated, beside Python's own. A
function with a derivative has rules for both modes and every order; `docs/conventions.md` says what they give at kinks
and edges. Of the others the derivative is zero wherever there is one. All else of these libraries is refused by name,
with the line; `docs/custom-rules.md` shows how to register a rule for it. `tests/test_numpy_page.py` holds this page to
the table.
"""


def names_of(module: str) -> list[str]:
    """What is called by its own name in a module, as far as lowering knows it."""
    prefix = PREFIXES[module]
    own = {name.removeprefix(prefix) for name in TABLE if name.startswith(prefix)}
    known = own | set(ALIASES.get(module, {}))
    if module == "numpy":
        known |= RESPELLED | WRITERS | OF_UFUNCS | {name for place, name in LOWERED if place == module}
        known |= {"add.at", "subtract.at", "newaxis", "s_", "index_exp", "ix_", "r_", "c_", "gradient"}
    return sorted(n for n in known if re.fullmatch(r"[A-Za-z_][\w.]*", n) and not _nested(module, n))


def _nested(module: str, name: str) -> bool:
    """Whether a name is that of a module below: `linalg.solve` in `numpy`."""
    return any(other.startswith(f"{module}.") and name.startswith(other.rsplit(".", 1)[1] + ".") for other in PREFIXES)


def paragraph(names: list[str]) -> str:
    return textwrap.fill(", ".join(f"`{n}`" for n in names), 120, break_long_words=False, break_on_hyphens=False)


def page() -> str:
    parts = [HEAD]
    for module in PREFIXES:
        names = names_of(module)
        zero = [n for n in names if (p := lookup(module, n)) is not None and has_zero_derivative(p)]
        parts.append(f"## {module}\n\n{paragraph([n for n in names if n not in zero])}\n")
        if zero:
            parts.append(f"Without a derivative: {paragraph(zero)}\n".replace("derivative: `", "derivative:\n`", 1))
    methods = sorted(set(METHODS) - PROPERTIES)
    parts.append(f"## Methods of arrays\n\n{paragraph([f'.{m}()' for m in methods])}\n")
    parts.append("As statements of their own: `.fill()`, `.put()`, `.sort()`.\n")
    parts.append(f"Attributes: {', '.join(f'`.{a}`' for a in sorted(PROPERTIES | {'flat'}))}.\n")
    return "\n".join(parts)


def test_page(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
    assert PAGE.read_text(encoding="utf-8") == page(), "`make golden` writes the page anew"
