"""How a user's file spells what it imports, so that generated code spells it the same way.

>>> style = Imports(modules={"numpy": "np"}, names={("math", "sin"): "sin"})
>>> style.modules["numpy"], style.names["math", "sin"]
('np', 'sin')
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Imports:
    """`modules` maps a module's full name to its local alias (``import numpy as np``); `names` maps (module, attribute)
    to a local name (``from math import sin``)."""

    modules: dict[str, str] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
