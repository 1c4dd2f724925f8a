"""Small programs in the language of the front end, each with the arguments to run it on.

In: nothing. Out: `PROGRAMS`, name -> (text, list of argument tuples). Every text defines `f`; its imports are added.
"""

from __future__ import annotations

import numpy as np

HEADER = "import math\nimport numpy as np\nfrom math import sin, cos, exp\n"

V = np.array([1.0, -2.0, 3.5])
W = np.array([0.5, 1.5, -1.0])
A = np.arange(6.0).reshape(2, 3) + 0.5

PROGRAMS: dict[str, tuple[str, list[tuple[object, ...]]]] = {
    "lecture": (
        """
def f(x1, x2):
    w3 = x1 * x2
    w4 = sin(x1)
    w5 = w3 + w4
    return w5
""",
        [(2.0, 3.0)],
    ),
    "no_return": (
        """
def f(x):
    y = x
""",
        [(1.0,)],
    ),
    "bare_return": (
        """
def f(x):
    if x > 0:
        return
    return x
""",
        [(1.0,), (-1.0,)],
    ),
    "literals": (
        """
def f(x):
    a = 1e-3
    b = -2
    c = 1_000
    return a * x + b - c
""",
        [(2.0,)],
    ),
    "constants_kept": (
        """
def f(x):
    n = 3
    s = 0.0
    for i in range(n):
        s += x
    return s
""",
        [(2.0,)],
    ),
    "chained_assignment": (
        """
def f(x):
    a = b = x * 2
    a = a + 1
    return a, b
""",
        [(2.0,)],
    ),
    "swap": (
        """
def f(a, b):
    for i in range(5):
        a, b = b, a + b
    return a, b
""",
        [(1.0, 2.0)],
    ),
    "tuple_unpacking": (
        """
def f(t):
    (a, b), c = t
    return a * b + c
""",
        [(((1.0, 2.0), 3.0),)],
    ),
    "annotated": (
        """
def f(x: float) -> float:
    y: float = x * x
    z: int
    return y
""",
        [(3.0,)],
    ),
    "if_else": (
        """
def f(x):
    if x > 1:
        y = x
    else:
        y = -x
    return y
""",
        [(2.0,), (0.5,)],
    ),
    "elif": (
        """
def f(x):
    if x > 2:
        y = 1.0
    elif x > 1:
        y = x
    elif x > 0:
        y = x * x
    else:
        y = 0.0
    return y * x
""",
        [(3.0,), (1.5,), (0.5,), (-1.0,)],
    ),
    "one_sided": (
        """
def f(x):
    y = x
    if x > 1:
        y = x * x
        z = 2.0
    return y
""",
        [(2.0,), (0.5,)],
    ),
    "early_return": (
        """
def f(x):
    if x > 1:
        return x
    y = x * 2
    return y + 1
""",
        [(2.0,), (0.5,)],
    ),
    "early_returns": (
        """
def f(x):
    if x > 1:
        if x > 2:
            return x
        y = 3.0
    else:
        y = x
    y = y * 2
    if y < 0:
        return -y
    return y + 1
""",
        [(3.0,), (1.5,), (0.5,), (-2.0,)],
    ),
    "both_return": (
        """
def f(x):
    if x > 1:
        return x
    else:
        return -x
""",
        [(2.0,), (0.5,)],
    ),
    "raise_path": (
        """
def f(x):
    if x < 0:
        raise ValueError('negative')
    y = math.sqrt(x)
    return y
""",
        [(4.0,), (-1.0,)],
    ),
    "raise_else": (
        """
def f(x):
    if x > 0:
        y = x
    elif x == 0:
        y = 1.0
    else:
        raise ValueError(f'bad {x:.2f}')
    return y
""",
        [(4.0,), (0.0,), (-1.0,)],
    ),
    "assertion": (
        """
def f(x):
    assert x > 0, 'positive'
    return x
""",
        [(1.0,), (-1.0,)],
    ),
    "printing": (
        """
def f(x):
    print('x', x, sep='=')
    return x
""",
        [(1.0,)],
    ),
    "conditional_expression": (
        """
def f(x):
    y = x if x > 0 else -x
    return y
""",
        [(2.0,), (-2.0,)],
    ),
    "nested_conditional": (
        """
def f(x):
    return 1.0 if x > 1 else (x if x > 0 else 0.0)
""",
        [(2.0,), (0.5,), (-1.0,)],
    ),
    "and_or": (
        """
def f(x, y):
    if x > 0 and y > 0 or not x < 5:
        return x * y
    return x or y
""",
        [(1.0, 2.0), (-1.0, 2.0), (6.0, -1.0), (0.0, -3.0)],
    ),
    "and_value": (
        """
def f(x, y):
    z = x and y
    return z
""",
        [(0.0, 2.0), (1.0, 2.0)],
    ),
    "chained_comparison": (
        """
def f(x):
    if 0 < x <= 1 < 2:
        return x
    return -x
""",
        [(0.5,), (2.0,), (-1.0,)],
    ),
    "chained_as_value": (
        """
def f(a, b, c):
    t = a < b < c
    return t, a < b != c
""",
        [(1, 2, 3), (3, 2, 1), (1, 2, 2)],
    ),
    "range_forms": (
        """
def f(x, n):
    s = 0.0
    for i in range(n):
        s += x * i
    for i in range(2, n):
        s -= i
    for i in range(n, 0, -2):
        s = s * 0.5 + i
    return s
""",
        [(2.0, 5), (1.0, 0)],
    ),
    "loop_variable_after": (
        """
def f(n):
    i = -1
    for i in range(n):
        pass
    return i
""",
        [(3,), (0,)],
    ),
    "loop_variable_reassigned": (
        """
def f(n):
    s = 0
    for i in range(n):
        i = i * 2
        s += i
    return s, i
""",
        [(3,)],
    ),
    "over_list": (
        """
def f(xs):
    s = 0.0
    for v in xs:
        s += v * v
    return s
""",
        [([1.0, 2.0, 3.0],), ([],)],
    ),
    "over_array": (
        """
def f(x: np.ndarray):
    s = 0.0
    for v in x:
        s += v * v
    return s
""",
        [(V,)],
    ),
    "over_rows": (
        """
def f(a):
    s = 0.0
    for row in a:
        for v in row:
            s += v
    return s
""",
        [(A,)],
    ),
    "over_tuple": (
        """
def f(x, y):
    s = 1.0
    for v in (x, y, 3.0):
        s *= v
    return s
""",
        [(2.0, 4.0)],
    ),
    "enumerated": (
        """
def f(xs):
    s = 0.0
    for i, v in enumerate(xs):
        s += i * v
    for k, v in enumerate(xs, 1):
        s += k * v
    return s
""",
        [([1.0, 2.0, 4.0],)],
    ),
    "zipped": (
        """
def f(xs, ys):
    s = 0.0
    for a, b in zip(xs, ys):
        s += a * b
    return s
""",
        [([1.0, 2.0, 4.0], [1.0, 3.0])],
    ),
    "enumerate_zip": (
        """
def f(xs, ys):
    s = 0.0
    for i, (a, b) in enumerate(zip(xs, ys)):
        s += i * a * b
    return s
""",
        [([1.0, 2.0, 4.0], [1.0, 3.0, 5.0])],
    ),
    "zip_range": (
        """
def f(xs):
    s = 0.0
    for k, v in zip(range(5, 9), xs):
        s += k * v
    return s
""",
        [([1.0, 2.0, 4.0],)],
    ),
    "reversed_list": (
        """
def f(xs):
    s = 0.0
    for v in reversed(xs):
        s = s * 2 + v
    return s
""",
        [([1.0, 2.0],)],
    ),
    "reversed_range": (
        """
def f(n):
    s = 0
    for i in reversed(range(n)):
        s = s * 2 + i
    return s
""",
        [(4,)],
    ),
    "dict_loop": (
        """
def f(d):
    s = 0.0
    for k in d:
        s += d[k]
    for k, v in d.items():
        s = s * 2 + v
    for v in d.values():
        s -= v
    for k in d.keys():
        s += d[k]
    return s
""",
        [({"a": 1.0, "b": 2.0},)],
    ),
    "break_": (
        """
def f(xs):
    s = 0.0
    for v in xs:
        if v < 0:
            break
        s += v
    return s
""",
        [([1.0, 2.0, -1.0, 5.0],), ([1.0],), ([],)],
    ),
    "continue_": (
        """
def f(xs):
    s = 0.0
    for v in xs:
        if v < 0:
            continue
        s += v
    return s
""",
        [([1.0, 2.0, -1.0, 5.0],), ([],)],
    ),
    "break_continue": (
        """
def f(xs):
    s = 0.0
    for v in xs:
        if v < 0:
            if v < -5:
                break
            s += 1
            continue
        elif v > 10:
            s -= 3
            break
        s += v
    return s
""",
        [([1.0, 2.0, -1.0, 5.0],), ([1.0, -7.0, 3.0],), ([20.0, 1.0],)],
    ),
    "mixed_jump": (
        """
def f(xs):
    s = 0.0
    for v in xs:
        if v > 1:
            s += 1
            if v > 3:
                break
        else:
            s -= 1
        s += v
    return s
""",
        [([1.0, 2.0, 5.0, 7.0],), ([0.0],)],
    ),
    "for_else": (
        """
def f(xs):
    for v in xs:
        if v < 0:
            y = v
            break
    else:
        y = 10.0
    return y
""",
        [([1.0, -2.0, 3.0],), ([1.0],), ([],)],
    ),
    "for_else_plain": (
        """
def f(xs):
    s = 0.0
    for v in xs:
        s += v
    else:
        s *= 2
    return s
""",
        [([1.0],)],
    ),
    "while_": (
        """
def f(x):
    n = 0
    while x > 1:
        x = x / 2
        n += 1
    return x, n
""",
        [(20.0,), (0.5,)],
    ),
    "while_break": (
        """
def f(x):
    while True:
        x = x * 0.5
        if x < 1:
            break
    return x
""",
        [(20.0,), (0.5,)],
    ),
    "while_return": (
        """
def f(x):
    n = 0
    while True:
        x = x * 0.5
        n += 1
        if x < 1:
            return x, n
""",
        [(20.0,), (0.5,)],
    ),
    "while_else": (
        """
def f(x):
    n = 0
    while n < 5:
        n += 1
        if x * n > 7:
            r = 1.0
            break
    else:
        r = 2.0
    return r, n
""",
        [(1.0,), (3.0,)],
    ),
    "newton": (
        """
def f(a):
    x = a
    for i in range(50):
        step = (x * x - a) / (2 * x)
        x = x - step
        if abs(step) < 1e-12:
            break
    return x
""",
        [(2.0,), (9.0,)],
    ),
    "return_in_loop": (
        """
def f(xs, t):
    s = 0.0
    for v in xs:
        s += v
        if s > t:
            return s * 2
    return -s
""",
        [([1.0, 2.0, 3.0], 2.5), ([1.0], 2.5), ([], 1.0)],
    ),
    "return_in_nested_loop": (
        """
def f(a, t):
    s = 0.0
    for row in a:
        for v in row:
            if v > t:
                return s
            s += v
        s *= 2
    s += 100
    return s
""",
        [(A, 3.0), (A, 100.0), (A, 0.0)],
    ),
    "break_in_nested_loop": (
        """
def f(n):
    s = 0
    for i in range(n):
        for j in range(n):
            if j > i:
                break
            s += i * j
        else:
            s += 1000
        if s > 20:
            break
    return s, i
""",
        [(3,), (8,)],
    ),
    "continue_outer_else": (
        """
def f(n):
    s = 0
    for i in range(n):
        for j in range(i):
            if j == 2:
                break
        else:
            continue
        s += i
    return s
""",
        [(2,), (6,)],
    ),
    "return_in_while_in_for": (
        """
def f(xs):
    for v in xs:
        while v > 1:
            v = v / 3
            if v < 0.4:
                return v
    return 0.0
""",
        [([1.0, 2.0, 10.0],), ([1.0],), ([4.0],)],
    ),
    "jump_after_loop": (
        """
def f(xs):
    for v in xs:
        for w in xs:
            if v * w > 6:
                return v, w
        if v > 2:
            continue
        v += 1
    return None
""",
        [([1.0, 2.0, 3.0],), ([1.0],)],
    ),
    "defined_in_loop": (
        """
def f(n):
    for i in range(n):
        t = i * 2
        u = t + 1
    return u
""",
        [(3,)],
    ),
    "int_to_float": (
        """
def f(xs):
    s = 0
    for v in xs:
        s = s + v
    return s
""",
        [([1.0, 2.0],), ([],)],
    ),
    "none_then_value": (
        """
def f(xs):
    best = None
    for v in xs:
        if best is None or v > best:
            best = v
    return best
""",
        [([1.0, 3.0, 2.0],), ([],)],
    ),
    "helper": (
        """
def g(a, b=2.0, *, c=1.0):
    return a * b + c
def f(x):
    return g(x) + g(x, 3.0) + g(b=x, a=1.0, c=x)
""",
        [(2.0,)],
    ),
    "helper_chain": (
        """
def h(a):
    return sin(a)
def g(a):
    t = h(a) * a
    return t, a
def f(x):
    u, v = g(x)
    w = g(u)
    return u * v + w[0]
""",
        [(2.0,)],
    ),
    "recursion": (
        """
def f(x, n):
    if n == 0:
        return 1.0
    return x * f(x, n - 1)
""",
        [(2.0, 5), (3.0, 0)],
    ),
    "recursive_helper": (
        """
def g(x: float, n: int):
    if n <= 1:
        return x
    return g(x, n - 1) + g(x * 0.5, n - 2)
def f(x: float):
    return g(x, 6)
""",
        [(2.0,)],
    ),
    "mutual_recursion": (
        """
def even(x, n):
    if n == 0:
        return x
    return odd(x + 1, n - 1)
def odd(x, n):
    if n == 0:
        return -x
    return even(x * 2, n - 1)
def f(x):
    return even(x, 5)
""",
        [(2.0,)],
    ),
    "closure": (
        """
def f(x):
    a = x * 2
    def g(y):
        return a * y
    a = 3.0
    return g(x) + g(1.0)
""",
        [(2.0,)],
    ),
    "lambda_": (
        """
def f(x):
    g = lambda t, k=2.0: t * k + x
    return g(x) * g(1.0, 5.0)
""",
        [(2.0,)],
    ),
    "function_argument": (
        """
def twice(g, v):
    return g(g(v))
def f(x):
    return twice(lambda t: t * x, x) + twice(np.sin, x) + twice(h, x)
def h(t):
    return t - 1
""",
        [(2.0,)],
    ),
    "function_value": (
        """
def f(x):
    g = np.tanh
    h = g
    return h(x)
""",
        [(2.0,)],
    ),
    "returned_closure": (
        """
def make(a):
    b = a * a
    def g(t):
        if t > b:
            return t
        return b
    return g
def f(x):
    g = make(x)
    h = make(3.0)
    return g(1.0) + h(x)
""",
        [(2.0,), (0.5,)],
    ),
    "closure_in_loop": (
        """
def f(x):
    s = 0.0
    def g(t):
        return t * s + x
    for i in range(3):
        s = s + g(1.0)
    return s
""",
        [(2.0,)],
    ),
    "early_return_inlined": (
        """
def g(h, t):
    if t > 1:
        return h(t)
    for i in range(5):
        t = t + 0.5
        if t > 1.2:
            return t
    return t * 2
def f(x):
    s = 0.0
    for i in range(3):
        s += g(lambda v: v * x, x * i)
    return s
""",
        [(2.0,), (0.1,), (-3.0,)],
    ),
    "append": (
        """
def f(x):
    ys = []
    for i in range(4):
        ys.append(x * i)
    return ys
""",
        [(2.0,)],
    ),
    "append_pop": (
        """
def f(x):
    tape = []
    s = x
    for i in range(4):
        tape.append((s, i))
        s = s * 2
    for i in range(4):
        t, k = tape.pop()
        s = s - t * k
    return s, tape
""",
        [(2.0,)],
    ),
    "tape_reversed": (
        """
def f(x):
    tape = []
    for i in range(3):
        tape.append((x, i))
        x = x * x
    s = 0.0
    for a, k in reversed(tape):
        s = s * 2 + a * k
    return s
""",
        [(1.5,)],
    ),
    "list_ops": (
        """
def f(x):
    l = [x, 2.0]
    l = l + [x * x]
    l += [1.0]
    l.extend([5.0, x])
    z = [0.0] * 3
    z[1] = x
    l[0] += 4.0
    return l, z, len(l), l[-1], l[1:3]
""",
        [(2.0,)],
    ),
    "pop_front": (
        """
def f(x):
    l = [x, 2.0, 3.0]
    a = l.pop(0)
    b = l.pop()
    return a, b, l
""",
        [(5.0,)],
    ),
    "comprehension": (
        """
def f(xs):
    ys = [v * v for v in xs]
    return ys
""",
        [([1.0, 2.0],), ([],)],
    ),
    "comprehension_range": (
        """
def f(x, n):
    return sum([x ** i for i in range(n)])
""",
        [(2.0, 4)],
    ),
    "comprehension_if": (
        """
def f(xs):
    return [v * v for v in xs if v > 0 if v < 5]
""",
        [([1.0, -2.0, 7.0, 3.0],)],
    ),
    "comprehension_two": (
        """
def f(xs, ys):
    return [a * b for a in xs for b in ys if a != b]
""",
        [([1.0, 2.0], [2.0, 3.0])],
    ),
    "comprehension_nested": (
        """
def f(xs):
    return [[a * b for b in xs] for a in xs]
""",
        [([1.0, 2.0],)],
    ),
    "comprehension_zip": (
        """
def f(xs, ys):
    return [a - b for a, b in zip(xs, ys)]
""",
        [([1.0, 2.0], [2.0, 5.0])],
    ),
    "comprehension_shadow": (
        """
def f(x):
    i = 10.0
    ys = [i * x for i in range(3)]
    return i, ys
""",
        [(2.0,)],
    ),
    "generator_sum": (
        """
def f(xs):
    return sum(v * 2 for v in xs) + max(v for v in xs)
""",
        [([1.0, 2.0],)],
    ),
    "dict_comprehension": (
        """
def f(xs):
    return {i: v * 2 for i, v in enumerate(xs)}
""",
        [([1.0, 2.0],)],
    ),
    "dicts": (
        """
def f(d):
    d2 = {'a': d['a'] * 2, 'c': 1.0}
    d2['b'] = d['b']
    d2['a'] += 3.0
    return d2, d.get('z', 5.0), d.get('a'), 'b' in d2, dict(q=1.0)
""",
        [({"a": 1.0, "b": 2.0},)],
    ),
    "dict_in_loop": (
        """
def f(x):
    d = {'s': 0.0, 'n': 0}
    for i in range(4):
        d['s'] += x * i
        d['n'] = d['n'] + 1
    return d
""",
        [(2.0,)],
    ),
    "nested_containers": (
        """
def f(p):
    w, (b, c) = p['w'], p['bc']
    l = [[w, b], [c]]
    l[0][1] = 7.0
    return l, {'l': [c]}
""",
        [({"w": 1.0, "bc": (2.0, 3.0)},)],
    ),
    "fstrings": (
        """
def f(x):
    s = f'{x:.3f} and {x!r:>8} {{}}'
    print(s)
    return x
""",
        [(2.0,)],
    ),
    "module_constants": (
        """
N = 3
TAU = 2 * math.pi
def f(x):
    return x * TAU + N
""",
        [(2.0,)],
    ),
    "builtins": (
        """
def f(x, y):
    return abs(x) + min(x, y) * max(x, y, 1.0) + int(x) + float(3) + round(x) + len([x]) + bool(x)
""",
        [(2.3, -1.0)],
    ),
    "default_none": (
        """
def g(x, scale=None):
    if scale is None:
        scale = 2.0
    return x * scale
def f(x):
    return g(x) + g(x, 5.0)
""",
        [(3.0,)],
    ),
    "flag_default": (
        """
def f(x, square=True):
    if square:
        return x * x
    return x
""",
        [(3.0, True), (3.0, False)],
    ),
    "local_import": (
        """
def f(x):
    from math import tan
    import math as m
    return tan(x) + m.sqrt(x)
""",
        [(0.5,)],
    ),
    "isinstance_": (
        """
def f(x: float):
    if isinstance(x, (int, float)):
        return x
    return 0.0
""",
        [(2.0,)],
    ),
    "array_write": (
        """
def f(x: np.ndarray):
    y = np.zeros(3)
    for i in range(3):
        y[i] = x[i] * 2
        y[i] += 1.0
    return y
""",
        [(V,)],
    ),
    "write_parameter": (
        """
def f(x: np.ndarray):
    x[0] = 10.0
    x[1:] *= 2
    return x.sum()
""",
        [(V,)],
    ),
    "alias_array": (
        """
def f(x: np.ndarray):
    y = x
    y += 1
    y[0] = 7.0
    return x, y
""",
        [(V,)],
    ),
    "alias_number": (
        """
def f(x: float):
    y = x
    y += 1
    return x, y
""",
        [(2.0,)],
    ),
    "view_exact": (
        """
def f(a: np.ndarray):
    v = a[1:]
    a[1] = 50.0
    s = v[0]
    v[1] = 3.0
    w = v[:1]
    w[0] = 9.0
    return a, v, s, w
""",
        [(V,)],
    ),
    "row_view": (
        """
def f(a):
    row = a[1]
    row[0] = 5.0
    a[1, 1] = 6.0
    row += 1.0
    return a, row
""",
        [(A,)],
    ),
    "rows_in_loop": (
        """
def f(a):
    for row in a:
        row[0] = row[1] * 2
        row *= 3.0
    return a
""",
        [(A,)],
    ),
    "element_of_list": (
        """
def f(x):
    l = [np.zeros(2), np.ones(2)]
    v = l[0]
    v[1] = x
    l[1][0] = 7.0
    l[0] = np.full(2, 3.0)
    return l, v
""",
        [(2.0,)],
    ),
    "element_pop": (
        """
def f(x):
    l = [np.zeros(2), np.ones(2)]
    v = l[-1]
    l.pop()
    return l, v * x
""",
        [(2.0,)],
    ),
    "list_alias": (
        """
def f(x):
    l = [x]
    m = l
    m.append(2.0)
    l[0] = 5.0
    return l, m
""",
        [(3.0,)],
    ),
    "list_copy": (
        """
def f(x):
    l = [x, 1.0]
    m = l.copy()
    n = list(l)
    o = l[:]
    l[0] = 5.0
    return l, m, n, o
""",
        [(3.0,)],
    ),
    "array_copy": (
        """
def f(x: np.ndarray):
    y = x.copy()
    x[0] = 9.0
    z = np.array(y)
    y[1] = 4.0
    return x, y, z
""",
        [(V,)],
    ),
    "mutating_helper": (
        """
def fill(x, v):
    for i in range(len(x)):
        x[i] = v * i
def f(x: np.ndarray, v: float):
    fill(x, v)
    y = x[1:]
    fill(y, 10.0)
    return x
""",
        [(V, 2.0)],
    ),
    "helper_returns_parameter": (
        """
def same(x):
    return x
def f(x: np.ndarray):
    y = same(x)
    return y * 2
""",
        [(V,)],
    ),
    "conditional_write": (
        """
def f(x: np.ndarray):
    y = x.copy()
    if x[0] > 0:
        y[0] = 100.0
    else:
        y = x * 2
    y[1] = 5.0
    return y
""",
        [(V,), (-V,)],
    ),
    "write_in_while": (
        """
def f(x: np.ndarray):
    i = 0
    while i < len(x) and x[i] != 3.5:
        x[i] = x[i] * x[i]
        i += 1
    return x, i
""",
        [(V,)],
    ),
    "rebinding_in_loop": (
        """
def f(x: np.ndarray):
    y = x
    for i in range(3):
        y = y * 2
        y[i] = 1.0
    return x, y
""",
        [(V,)],
    ),
    "trajectory": (
        """
def f(x: np.ndarray):
    out = []
    for i in range(3):
        out.append(x)
        x = x * 0.5
    return out
""",
        [(V,)],
    ),
    "snapshot": (
        """
def f(x: np.ndarray):
    out = []
    for i in range(3):
        x[i] = 7.0
        out.append(x.copy())
    return out
""",
        [(V,)],
    ),
    "slices": (
        """
def f(a):
    return a[:, 1:], a[0], a[..., -1], a[None, 0], a[1, ::2], a[[1, 0]], a[a > 2]
""",
        [(A,)],
    ),
    "fancy_is_copy": (
        """
def f(a: np.ndarray):
    b = a[[0, 1]]
    a[0] = 50.0
    b[1] = 3.0
    return a, b
""",
        [(V,)],
    ),
    "methods": (
        """
def f(a):
    return a.sum(axis=0), a.T, a.reshape(3, 2), a.reshape((6,)), a.mean(), a.shape[0], a.max(axis=1, keepdims=True)
""",
        [(A,)],
    ),
    "transpose_read": (
        """
def f(a: np.ndarray):
    b = a.T
    return (b @ a).sum()
""",
        [(A,)],
    ),
    "matrix": (
        """
def f(a: np.ndarray, x: np.ndarray):
    y = a @ x
    y += 1.0
    return y @ y, np.dot(a, x)
""",
        [(A, V)],
    ),
    "known_axis": (
        """
def f(a: np.ndarray):
    axis = 0
    k = True
    return np.sum(a, axis=axis, keepdims=k)
""",
        [(A,)],
    ),
    "int_array_update": (
        """
def f(x: np.ndarray):
    c = np.zeros(3, dtype=int)
    c[1] += 2
    c += 1
    return c * x
""",
        [(V,)],
    ),
    "add_at": (
        """
def f(x: np.ndarray):
    b = np.zeros(3)
    np.add.at(b, [0, 0, 2], x)
    return b
""",
        [(V,)],
    ),
    "fill_method": (
        """
def f(x: np.ndarray):
    x.fill(2.0)
    return x
""",
        [(V,)],
    ),
    "shadowed_builtin": (
        """
def f(x):
    sum = x * 2
    len = sum + 1
    return len
""",
        [(2.0,)],
    ),
    "power_forms": (
        """
def f(x):
    return x ** 2 + x ** 0.5 + 2 ** x + (-x) ** 2 // 1 % 7
""",
        [(2.5,)],
    ),
    "sections": (
        """
def f(x):
    y = 0.0
    for i in range(3):
        if i == 1:
            for j in range(2):
                y += x * j
                if y > 3:
                    return y
        elif i == 2:
            continue
        y += 1
    return y
""",
        [(2.0,), (10.0,)],
    ),
    "loop_tuple_state": (
        """
def f(x):
    state = (x, 1.0)
    for i in range(3):
        a, b = state
        state = (a * b, b + 1)
    return state
""",
        [(2.0,)],
    ),
    "string_index": (
        """
def f(p):
    key = 'w'
    return p[key] * 2
""",
        [({"w": 3.0},)],
    ),
    "condition_is_list": (
        """
def f(x):
    stack = [x, 2.0]
    s = 0.0
    while stack:
        s = s * 3 + stack.pop()
    return s
""",
        [(1.0,)],
    ),
    "semicolons": (
        """
def f(x1, x2): w3 = x1 * x2; w4 = sin(x1); return w3 + w4
""",
        [(1.0, 2.0)],
    ),
    "cholesky": (
        """
def f(a: np.ndarray):
    n = a.shape[0]
    l = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= l[i, k] * l[j, k]
            if i == j:
                l[i, j] = math.sqrt(s)
            else:
                l[i, j] = s / l[j, j]
    return l
""",
        [(np.array([[4.0, 1.0], [1.0, 3.0]]),)],
    ),
}
