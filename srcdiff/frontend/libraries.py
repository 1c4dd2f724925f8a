"""The libraries that are known by name, and where modules lie.

In: names of modules, import statements, the path of a file. Out: whether the functions of a module are known by name,
how the user spells what is imported, and the packages around a file.

>>> in_library("numpy.linalg"), in_library("mymodel"), is_submodule("scipy", "special"), is_submodule("numpy", "sin")
(True, False, True, False)
"""

from __future__ import annotations

from pathlib import Path

import gast

from srcdiff.frontend.names import External, ModuleRef, Resolution

_STANDARD = ("math", "cmath", "builtins", "typing", "functools", "itertools", "dataclasses", "collections", "enum")
LIBRARIES = ("numpy", "scipy", "jaxtyping", "srcdiff", *_STANDARD)
# Functions of ours that are known by name; what else is in the package is read like a user's module.
OUR_FACES = ("srcdiff", "srcdiff.api", "srcdiff.checks", "srcdiff.rule")


def is_library(known: ModuleRef | External) -> bool:
    """Whether a module, or what is imported from it, belongs to a library whose functions we know by name."""
    return in_library(known.name if isinstance(known, ModuleRef) else known.module)


def in_library(module: str) -> bool:
    """Whether a module belongs to a library whose functions we know by name."""
    first = module.split(".")[0]
    return module in OUR_FACES if first == "srcdiff" else first in LIBRARIES


def is_ours(known: Resolution | None) -> bool:
    """Whether this is one of srcdiff's own functions."""
    return isinstance(known, External) and known.module.split(".")[0] == "srcdiff"


def is_submodule(module: str, attribute: str) -> bool:
    """Whether `from module import attribute` imports a module of the libraries we know."""
    known = {
        ("numpy", "linalg"),
        ("scipy", "special"),
        ("scipy", "linalg"),
        ("scipy", "stats"),
        ("numpy", "random"),
        ("srcdiff", "api"),
        ("srcdiff", "rule"),
    }
    return (module, attribute) in known


def record_imports(
    statement: gast.Import | gast.ImportFrom, modules: dict[str, str], names: dict[tuple[str, str], str]
) -> None:
    """Note how an import statement spells what it imports."""
    if isinstance(statement, gast.Import):
        for alias in statement.names:
            modules[alias.name] = alias.asname or alias.name
        return
    source = "." * (statement.level or 0) + (statement.module or "")
    for alias in statement.names:
        if alias.name == "*":
            continue
        if is_submodule(source, alias.name):
            modules[f"{source}.{alias.name}"] = alias.asname or alias.name
        else:
            names[source, alias.name] = alias.asname or alias.name


def packages_around(path: Path) -> dict[str, Path]:
    """The packages around a file by name, and the folder of each: a package is a folder with an `__init__.py`."""
    found = {}
    for folder in path.resolve().parents:
        if not (folder / "__init__.py").is_file():
            break
        found[folder.name] = folder.parent
    return found
