"""Objects of classes that are no records: their attributes are read and never differentiated.

In: a value. Out: whether it is such an object, and its attributes by name.

>>> model = SimpleNamespace(w=2.0)
>>> is_object(model), attributes_of(model), is_object(2.0)
(True, {'w': 2.0}, False)
"""

from __future__ import annotations

import argparse
import functools
import sys
import sysconfig
from enum import Enum
from functools import lru_cache
from numbers import Number
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from srcdiff.ir.records import record_class

DEPTH = 3
"""How deep the attributes of objects of objects are looked at."""


def is_object(value: object) -> bool:
    """Whether this is an object of a class written in Python, whose attributes can be read."""
    cls = type(value)
    if isinstance(value, type | FunctionType | MethodType | ModuleType | Enum | functools.partial | BaseException):
        return False
    if cls is SimpleNamespace:
        return True
    if not cls.__flags__ & _HEAP or cls.__module__.split(".")[0] in _NOT_THE_USERS:
        return False
    if record_class(cls) is not None or isinstance(value, int | float | complex | str | bytes | list | tuple | dict):
        return False
    return not (is_array_like(cls) or issubclass(cls, Number) or hasattr(cls, "py_func"))


_HEAP = 1 << 9
_NOT_THE_USERS = frozenset(("srcdiff", "numpy", "builtins", "typing", "functools"))


def attributes_of(value: object) -> dict[str, Any]:
    """The attributes of an object, from its dict and its slots; none where the class reads them in a way of its own."""
    cls = type(value)
    if any(isinstance(vars(owner).get("__getattribute__"), FunctionType) for owner in cls.__mro__):
        return {}
    found = dict(getattr(value, "__dict__", {}))
    for owner in cls.__mro__:
        slots = vars(owner).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    return {n: v for n, v in found.items() if not isinstance(getattr(cls, n, None), property)}


def deeper(value: object, depth: int) -> int:
    """The depth of what an object at `depth` holds; what a library's object holds is not looked into further."""
    plain = isinstance(value, SimpleNamespace | argparse.Namespace)
    return depth + 1 if plain or not is_foreign(type(value).__module__) else DEPTH


@lru_cache(maxsize=256)
def is_foreign(module: str) -> bool:
    """Whether a module is of a library, whose functions and classes stay what they are."""
    file = str(getattr(sys.modules.get(module), "__file__", None) or "")
    folders = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    return module in sys.builtin_module_names or any(file.startswith(folder) for folder in folders if folder)


def is_array_like(cls: type) -> bool:
    return any(hasattr(cls, n) for n in ("__array__", "__array_interface__", "__array_namespace__", "toarray"))


def described(value: object) -> str:
    """An argument in a message: what it is, in the user's words.

    >>> described(np.ones((3, 2))), described(1.5), described(None)
    ('an array of shape (3, 2)', 'a float', 'None')
    """
    match value:
        case np.ndarray():
            return f"an array of shape {value.shape}"
        case None:
            return "None"
        case int() if type(value) is int:
            return "an int"
    return f"a {type(value).__name__}"
