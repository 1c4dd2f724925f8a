"""Generated code as input: helper functions written into it are the primitives that they stand for.

In: a function of the user's module. Out: the name of the primitive whose helper it is, to the letter, or None.
"""

from __future__ import annotations

import gast

from srcdiff.frontend.names import FunctionSource
from srcdiff.primitives.helpers import HELPERS
from srcdiff.primitives.record_helpers import WITH_RECORDS


def helper_primitive(source: FunctionSource) -> str | None:
    """The primitive whose helper text this function is, so that generated code can be read back."""
    texts = [t[source.name].strip() for t in (HELPERS, WITH_RECORDS) if source.name in t]
    if not texts or not isinstance(source.node, gast.FunctionDef):
        return None
    lines = source.module.lines[source.node.lineno - 1 : source.node.end_lineno]
    if "\n".join(lines).strip() not in texts:
        return None
    return source.name
