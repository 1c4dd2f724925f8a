"""Programs as text: files of this package and generated code, put together to run where srcdiff is not installed.

In: the name of a module, and generated code by name. Out: a `Program`, which is text alone, and `run`, which makes
functions of that text in whatever process it is called. Of the text, import statements that name this package find the
files that came along; all others find what is installed there, which has to be NumPy alone.

>>> program = packed("srcdiff.mixture.parameters")
>>> list(program.files)
['srcdiff.mixture.parameters']
>>> run(program, "covariances_shape", "full", 2, 3)
(2, 3, 3)
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = "srcdiff.mixture"


class Program(NamedTuple):
    """Files by the names of their modules, the one to start in, generated code by name, and a digest of all."""

    main: str
    files: dict[str, str]
    generated: dict[str, str]
    digest: str


def packed(main: str, generated: Mapping[str, str] | None = None) -> Program:
    """A module with everything that it imports from the package, and generated code.

    Raises
    ------
    ValueError
        where one of the modules needs srcdiff itself, and would not run without it.
    """
    files: dict[str, str] = {}
    left = [main]
    while left:
        name = left.pop()
        if name not in files:
            files[name] = text_of(name)
            left += imported(name, files[name])
    code = dict(generated or {})
    text = repr((main, sorted(files.items()), sorted(code.items())))
    return Program(main, files, code, hashlib.sha256(text.encode()).hexdigest()[:16])


@cache
def text_of(name: str) -> str:
    """The file of a module."""
    found = importlib.util.find_spec(name)
    assert found is not None and found.origin is not None
    return Path(found.origin).read_text(encoding="utf-8")


def imported(name: str, text: str) -> list[str]:
    """The modules of the package that a file imports.

    Raises
    ------
    ValueError
        where it imports another part of srcdiff.
    """
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            found += [f"{PACKAGE}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            found.append(str(node.module))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [str(node.module)]
            if any(n.split(".")[0] == "srcdiff" for n in names):
                raise ValueError(f"{name} line {node.lineno} imports {names[0]}: it cannot run without srcdiff")
    return found


def run(program: Program, function: str, *arguments: Any) -> Any:
    """Call a function of a program's main file; if there are generated functions, they are its first argument, by name.

    This function is sent to workers as it stands, so it holds all that it needs. What it makes of the text is kept in
    `sys.modules` under the program's digest, for each thread apart: no thread finds what another has half made.
    """
    import builtins
    import linecache
    import sys
    import threading
    import types

    main, files, generated, digest = program

    def module(name: str, text: str) -> types.ModuleType:
        full = f"srcdiff_program_{digest}.{threading.get_ident()}.{name}"
        if full not in sys.modules:
            made = types.ModuleType(full)
            made.__dict__["__builtins__"] = {**vars(builtins), "__import__": find}
            # Tracebacks and debuggers show the lines of the text.
            linecache.cache[f"<{full}>"] = (len(text), None, text.splitlines(True), f"<{full}>")
            sys.modules[full] = made
            exec(compile(text, f"<{full}>", "exec"), made.__dict__)
        return sys.modules[full]

    def find(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if name in files:
            return module(name, files[name])
        shipped = {n: f"{name}.{n}" for n in fromlist or () if f"{name}.{n}" in files}
        if shipped:
            return types.SimpleNamespace(**{n: module(path, files[path]) for n, path in shipped.items()})
        return builtins.__import__(name, globals, locals, fromlist, level)

    called = getattr(module(main, files[main]), function)
    if generated:
        made = {name: module(f"generated.{name}", text) for name, text in generated.items()}
        arguments = ({name: getattr(made[name], name) for name in generated}, *arguments)
    return called(*arguments)


def by_value(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function as if it belonged to no module, so that it is pickled with its code and not by its name."""
    namespace: dict[str, Any] = {"__name__": "srcdiff_sent"}
    exec("from __future__ import annotations\n" + inspect.getsource(function), namespace)
    made: Callable[..., Any] = namespace[function.__name__]
    return made
