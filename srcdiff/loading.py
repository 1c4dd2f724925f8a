"""From generated text to a function that can be called, traced and stepped through.

In: the text of a module and the objects that it refers to without importing them. Out: the function of the given
name. The text is put into `linecache` under a name made of the function's and a digest of the text, so that
tracebacks, `pdb`, `inspect.getsource` and profilers show the generated lines.

>>> double = load("def double(x):\\n    return 2 * x\\n", "double", {})
>>> double(4)
8
>>> import inspect
>>> inspect.getsource(double)
'def double(x):\\n    return 2 * x\\n'
"""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable, Mapping
from typing import Any


def digest(text: str) -> str:
    """The first twelve hexadecimal digits of the SHA-256 of the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def load(source: str, name: str, captured: Mapping[str, object]) -> Callable[..., Any]:
    """Run the generated module and return its function `name`."""
    filename = f"<srcdiff {name} {digest(source)}>"
    # The third field None keeps linecache.checkcache from looking for the file on disk.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": f"srcdiff.generated.{name}", **captured}
    exec(compile(source, filename, "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function
