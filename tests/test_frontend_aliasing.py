"""Objects with several names: the same as Python, or refused; never something else."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from srcdiff.diagnostics import TransformError
from srcdiff.frontend import live
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.interpret import interpret
from srcdiff.ir.verify import verify
from tests.test_frontend_programs import same

V = np.array([1.0, -2.0, 3.5])
A = np.arange(6.0).reshape(2, 3)

EXACT: dict[str, tuple[str, tuple[Any, ...]]] = {
    "nested_fn_args": (
        """
def ap(g,*a):
    return g(*a)
def f(x):
    return ap(np.sin,x)
""",
        (1.0,),
    ),
    "multi": (
        """
def f(x):
    l=[x*1, x*2]
    l[0] = y = l[1]
    return l, y
""",
        (V,),
    ),
    "copyloop": (
        """
def f(u):
    for t in range(2):
        new = u.copy()
        for i in range(1,3):
            new[i] = u[i]+u[i-1]
        u = new
    return u
""",
        (V,),
    ),
    "closure_append": (
        """
def f(x):
    l=[]
    def add(v):
        l.append(v*x)
    for i in range(3):
        add(i)
    return l
""",
        (2.0,),
    ),
    "closure_write": (
        """
def f(x):
    def g(i):
        x[i] = x[i]*2
        return x[i]
    a = g(0) + g(1)
    return a, x
""",
        (V,),
    ),
    "same_twice": (
        """
def h(a,b):
    a[0] = 5.0
    return b[0] + a[1]
def f(x):
    return h(x,x), x
""",
        (V,),
    ),
    "slice_helper_ok": (
        """
def h(a):
    return a[1:]
def f(x):
    y = h(x).copy()
    x[1] = 9.0
    return y, x
""",
        (V,),
    ),
    "list_of_arrays": (
        """
def f(x):
    l=[np.zeros(3) for _ in range(2)]
    l[0][1] = x[0]
    l[1] += 1.0
    l[0] *= 2
    return l
""",
        (V,),
    ),
    "dict_share": (
        """
def f(x):
    d={'x': x}
    d['x'][0]=7.0
    return d
""",
        (V,),
    ),
    "while_view": (
        """
def f(a):
    v=a[0]
    i=0
    while i<3:
        a[0,i]=v[i]*2
        v[i]+=1.0
        i+=1
    return a, v
""",
        (A,),
    ),
    "swap_rows": (
        """
def f(a):
    a[0], a[1] = a[1].copy(), a[0].copy()
    return a
""",
        (A,),
    ),
    "swap_rows_bad": (
        """
def f(a):
    a[0], a[1] = a[1], a[0]
    return a
""",
        (A,),
    ),
    "swap_items": (
        """
def f(x):
    x[0], x[1] = x[1], x[0]
    return x
""",
        (V,),
    ),
    "swap_list": (
        """
def f(a,b):
    l=[a,b]
    l[0], l[1] = l[1], l[0]
    return l
""",
        (1.0, 2.0),
    ),
    "swap_arrays_in_list": (
        """
def f(x):
    l=[x*1, x*2]
    l[0], l[1] = l[1], l[0]
    return l
""",
        (V,),
    ),
    "default_shadow": (
        """
K=2
def g(x, k=K):
    return x*k
def f(x):
    K = 5
    return g(x)*K
""",
        (2.0,),
    ),
    "param_named_like_helper": (
        """
def g(x):
    return x
def f(g):
    return g*2
""",
        (2.0,),
    ),
    "ifexp_alias": (
        """
def f(x):
    y = x if x[0] > 0 else x.copy()
    y[0] = 100.0
    return y
""",
        (V,),
    ),
    "return_two_alias": (
        """
def f(x):
    y = x
    x = x + 1
    y[0] = 3.0
    return x, y
""",
        (V,),
    ),
    "aug_in_branch": (
        """
def f(x, c):
    y = x
    if c > 0:
        y += 1
    return x
""",
        (V, 1.0),
    ),
    "pop_in_expr": (
        """
def f(x):
    l=[x,2.0,3.0]
    return l.pop() - l.pop()*l[0], l
""",
        (5.0,),
    ),
    "dict_update_in_loop": (
        """
def f(x):
    d={}
    for i in range(3):
        d[i]=x*i
    s=0.0
    for k,v in d.items():
        s+=k*v
    return s,d
""",
        (2.0,),
    ),
    "string_build": (
        """
def f(x):
    s='a'
    s += 'b'
    d={'ab':x}
    return d[s]
""",
        (2.0,),
    ),
    "loop_str": (
        """
def f(d):
    s=0.0
    for k in ['a','b']:
        s += d[k]
    return s
""",
        ({"a": 1.0, "b": 2.0},),
    ),
    "empty_loop_array": (
        """
def f(x):
    for v in x:
        y = v
    return x
""",
        (V,),
    ),
    "min_of_list": (
        """
def f(x):
    return min([x,2.0]) + max((x,3.0))
""",
        (2.5,),
    ),
    "neg_slices": (
        """
def f(x):
    x[::-1][0] = 5.0
    return x
""",
        (V,),
    ),
    "mask": (
        """
def f(x):
    x[x<0] = 0.0
    x[x>2] *= 3
    return x
""",
        (V,),
    ),
    "row_of_row": (
        """
def f(a):
    r=a[1]
    q=r[1:]
    q[0]=9.0
    r[2]=8.0
    return a,r,q
""",
        (A,),
    ),
    "chain_assign_sub": (
        """
def f(x):
    x[0] = y = x[1]*2
    return x,y
""",
        (V,),
    ),
}

REFUSED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "rot": (
        """
def f(x):
    l=[x*1, x*2, x*3]
    l[0], l[1], l[2] = l[2], l[0], l[1]
    l[0][0]=9.0
    return l
""",
        (V,),
    ),
    "slice_helper": (
        """
def h(a):
    return a[1:]
def f(x):
    y = h(x)
    x[1] = 9.0
    return y
""",
        (V,),
    ),
    "helper_store_part": (
        """
def h(a):
    return a[1:]
def f(x):
    h(x)[0] = 9.0
    return x
""",
        (V,),
    ),
    "tuple_share": (
        """
def f(x):
    t=(x, 1.0)
    a, b = t
    a[0]=7.0
    return t[0], x, a
""",
        (V,),
    ),
    "dict_share2": (
        """
def f(x):
    d={'x': x}
    d['x'][0]=7.0
    return d, x
""",
        (V,),
    ),
    "buffers": (
        """
def f(x):
    old=x.copy()
    new=x.copy()
    for k in range(3):
        for i in range(1,len(x)):
            new[i]=old[i-1]*2
        old, new = new, old
    return old, new
""",
        (V,),
    ),
    "ifexp_alias_bad": (
        """
def f(x):
    y = x if x[0] > 0 else x.copy()
    y[0] = 100.0
    return y, x
""",
        (V,),
    ),
    "T_write": (
        """
def f(a):
    a.T[0] = 5.0
    return a
""",
        (A,),
    ),
}


def lowered(text: str, arguments: tuple[Any, ...]) -> Any:
    module = Module.from_text("import math\nimport numpy as np\n" + text, "aliasing.py")
    parameters = module.functions["f"].parameters
    return lower(module, "f", {p: live.type_of_value(v) for p, v in zip(parameters, arguments, strict=True)})


@pytest.mark.parametrize("name", EXACT)
def test_exact(name: str) -> None:
    text, arguments = EXACT[name]
    namespace: dict[str, Any] = {}
    exec("import math\nimport numpy as np\n" + text, namespace)
    program = lowered(text, arguments)
    assert verify(program) == []
    expected = namespace["f"](*copy.deepcopy(arguments))
    assert same(expected, interpret(program, copy.deepcopy(arguments)))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(TransformError):
        lowered(*REFUSED[name])
