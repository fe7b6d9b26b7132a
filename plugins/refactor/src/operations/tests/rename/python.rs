use super::answers;

/// Protects arguments by name: what a function passes on, a dictionary that is spread, a partial call.
#[test]
fn keywords() {
    answers(&[
        ("== a.py\ndef f(‸size=1): return size\nf(size=2)\n", "n", "safe f(n=2)"),
        ("== a.py\ndef f(‸size=1): return size\ndef g(**kw): return f(**kw)\ng(size=2)\n", "n", "review"),
        ("== a.py\ndef f(‸size=1): return size\noptions = {'size': 2}\nf(**options)\n", "n", "review"),
        ("== a.py\ndef f(‸size=1): return size\noptions = dict(size=2)\nf(**options)\n", "n", "review"),
        (
            "== a.py\nclass A:\n    def __init__(self, ‸size): self.s = size\nclass B(A):\n    def __init__(self, **kw): super().__init__(**kw)\nB(size=1)\n",
            "n",
            "review",
        ),
        (
            "== a.py\nclass A:\n    def __init__(self, ‸size): self.s = size\nclass B(A):\n    pass\nB(size=1)\n",
            "n",
            "safe B(n=1)",
        ),
        ("== a.py\nfrom functools import partial\ndef f(‸size): return size\ng = partial(f, size=1)\n", "n", "review"),
        (
            "== a.py\nclass A:\n    def m(self, ‸x): return x\nclass B(A):\n    def m(self, x): return x\ndef f(a: A): a.m(x=1)\n",
            "y",
            "review|safe def m(self, y): return y\nclass B(A):\n    def m(self, y)",
        ),
        ("== a.py\ndef f(‸x): return x\ng = f\ng(x=1)\n", "y", "safe g(y=1)"),
        ("== a.py\ndef f(‸x): return x\nfor g in [f]:\n    g(x=1)\n", "y", "review"),
        ("== a.py\ndef f(‸x): return x\ndef call(h): return h(x=1)\ncall(f)\n", "y", "review"),
        ("== a.py\ndef f(‸x): return '{x}'.format(x=x)\n", "y", "safe return '{x}'.format(x=y)"),
        ("== a.py\ndef f(‸x): return '{x}'.format(**locals())\n", "y", "review"),
        ("== a.py\ndef f(‸x): return f'{x} {x=}'\n", "y", "review|refused"),
    ]);
}

/// Protects fields: of data classes, named tuples, typed dictionaries, slots, properties, enumerations and patterns.
#[test]
fn fields() {
    answers(&[
        (
            "== a.py\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    ‸x: int = 0\np = P(x=1)\nprint(p.x)\n",
            "y",
            "safe p = P(y=1)\nprint(p.y)",
        ),
        (
            "== a.py\nfrom dataclasses import dataclass, replace, asdict\n@dataclass\nclass P:\n    ‸x: int = 0\np = replace(P(), x=2)\n",
            "y",
            "review",
        ),
        (
            "== a.py\nfrom dataclasses import dataclass, asdict\n@dataclass\nclass P:\n    ‸x: int = 0\nprint(asdict(P())['x'])\n",
            "y",
            "review",
        ),
        (
            "== a.py\nfrom typing import NamedTuple\nclass P(NamedTuple):\n    ‸x: int\np = P(x=1)._replace(x=2)\nprint(p.x, p._asdict()['x'])\n",
            "y",
            "review",
        ),
        (
            "== a.py\nfrom collections import namedtuple\nP = namedtuple('P', 'x y')\np = P(1, 2)\nprint(p.‸x)\n",
            "z",
            "review|refused",
        ),
        (
            "== a.py\nfrom typing import TypedDict\nclass D(TypedDict):\n    ‸key: int\nd: D = {'key': 1}\nprint(d['key'])\n",
            "k",
            "review",
        ),
        (
            "== a.py\nclass A:\n    __slots__ = ('x',)\n    def __init__(self): self.‸x = 1\n",
            "y",
            "safe __slots__ = ('y',)",
        ),
        (
            "== a.py\nclass A:\n    @property\n    def ‸x(self): return self._x\n    @x.setter\n    def x(self, v): self._x = v\na = A()\na.x = 2\n",
            "y",
            "safe @y.setter\n    def y(self, v): self._x = v\na = A()\na.y = 2",
        ),
        (
            "== a.py\nclass A:\n    def get(self): return 1\n    x = property(‸get)\n",
            "fetch",
            "safe x = property(fetch)",
        ),
        ("== a.py\nfrom enum import Enum\nclass C(Enum):\n    ‸RED = 1\nprint(C.RED, C['RED'])\n", "BLUE", "review"),
        ("== a.py\nfrom enum import Enum\nclass C(Enum):\n    ‸RED = 1\nprint(C.RED, C.RED.name)\n", "BLUE", "review"),
        (
            "== a.py\nclass A:\n    def __init__(self): self.‸x = 1\ndef f(a: A):\n    match a:\n        case A(x=1): return 2\n",
            "y",
            "safe case A(y=1)",
        ),
        (
            "== a.py\nclass A:\n    def __init__(self): self.x = 1\ndef f(a: A):\n    match a:\n        case A(‸x=1): return 2\n",
            "y",
            "refused pattern",
        ),
        ("== a.py\nclass A:\n    ‸x = 1\na = A()\nsetattr(a, 'x', 2)\n", "y", "review"),
        ("== a.py\nclass A:\n    ‸x = 1\ndef f(a, n): return getattr(a, n)\nf(A(), 'x')\n", "y", "review"),
        ("== a.py\nclass A:\n    ‸x = 1\n== b.py\ndef f(a, n): return getattr(a, n)\nf(None, 'x')\n", "y", "review"),
        ("== a.py\nclass A:\n    ‸x = 1\nprint(A.__dict__['x'])\n", "y", "review"),
        (
            "== a.py\nclass A:\n    def __getattr__(self, n): return 1\n    def ‸m(self): return self.k\n",
            "k",
            "review|refused",
        ),
    ]);
}

/// Protects methods: of bases that are not there, by protocols, through `super`, on values of unknown types.
#[test]
fn methods() {
    answers(&[
        (
            "== a.py\nclass A:\n    def ‸m(self): pass\nclass B(A):\n    def n(self): super().m()\n",
            "k",
            "safe super().k()",
        ),
        (
            "== a.py\nclass A:\n    def ‸m(self): pass\nclass B(A):\n    def m(self): super().m()\n",
            "k",
            "safe def k(self): super().k()",
        ),
        (
            "== a.py\nclass A:\n    def ‸m(self): pass\nclass M:\n    def m(self): pass\nclass B(A, M): pass\nB().m()\n",
            "k",
            "safe|review B().k()",
        ),
        (
            "== a.py\nclass M:\n    def ‸m(self): pass\nclass A:\n    def m(self): super().m()\nclass B(A, M): pass\n",
            "k",
            "review|refused",
        ),
        ("== a.py\nclass M:\n    def n(self): return self.m()\nclass A(M):\n    def ‸m(self): pass\n", "k", "review"),
        ("== a.py\nimport threading\nclass A(threading.Thread):\n    def ‸run(self): pass\n", "go", "review"),
        (
            "== a.py\nfrom typing import Protocol\nclass P(Protocol):\n    def m(self): ...\nclass A:\n    def ‸m(self): pass\ndef f(p: P): p.m()\nf(A())\n",
            "k",
            "review",
        ),
        ("== a.py\nclass A:\n    def ‸m(self): pass\ndef f(a): a.m()\n", "k", "review"),
        ("== a.py\nclass A:\n    def ‸m(self): pass\nfor a in [A()]:\n    a.m()\n", "k", "review"),
        (
            "== a.py\nclass A:\n    def ‸m(self): pass\nclass B:\n    def m(self): pass\na = A()\nif a:\n    a = B()\na.m()\n",
            "k",
            "review",
        ),
        ("== a.py\nimport unittest\nclass T(unittest.TestCase):\n    def ‸test_x(self): pass\n", "other", "review"),
        ("== test_a.py\ndef ‸test_x(): pass\n", "other", "review"),
        (
            "== test_a.py\nimport pytest\n@pytest.fixture\ndef ‸thing(): return 1\ndef test_x(thing): assert thing\n",
            "other",
            "review",
        ),
        ("== a.py\nclass A:\n    def ‸__len__(self): return 1\n", "size", "refused"),
        ("== a.py\nimport ast\nclass V(ast.NodeVisitor):\n    def ‸visit_Name(self, n): pass\n", "other", "review"),
    ]);
}

/// Protects modules: their names in strings, imports of all names, names that the importer gives away.
#[test]
fn modules() {
    answers(&[
        ("== a.py\ndef ‸f(): pass\n== b.py\nfrom a import *\nf()\n", "g", "safe|review from a import *\ng()"),
        (
            "== a.py\n__all__ = ['f']\ndef ‸f(): pass\n== b.py\nfrom a import *\nf()\n",
            "g",
            "safe __all__ = ['g']\ndef g(): pass\n== b.py\nfrom a import *\ng()",
        ),
        ("== a.py\ndef ‸f(): pass\n== b.py\nfrom a import f as g\ng()\n", "h", "safe from a import h as g\ng()"),
        ("== a.py\ndef ‸f(): pass\n== b.py\nfrom unittest import mock\nmock.patch('a.f')\n", "g", "review"),
        ("== a.py\ndef ‸f(): pass\n== b.py\nimport a\nprint(vars(a))\n", "g", "review"),
        ("== a.py\ndef ‸f(): pass\n== b.py\nimport a\nfor n in dir(a): print(getattr(a, n))\n", "g", "review"),
        (
            "== a.py\ndef ‸f(): pass\n== b.py\nimport importlib\nm = importlib.import_module('a')\nm.f()\n",
            "g",
            "review",
        ),
        ("== a.py\ndef ‸f(): pass\ndef __getattr__(n): return 1\n== b.py\nimport a\na.g\n", "g", "review|refused"),
        (
            "== a.py\n‸x = 1\ndef f():\n    global x\n    x = 2\n== b.py\nimport a\na.x = 3\n",
            "y",
            "safe global y\n    y = 2\n== b.py\nimport a\na.y = 3",
        ),
        ("== a.py\n‸x = 1\ndef f():\n    return globals()['x']\n", "y", "review"),
        (
            "== a.py\nimport os\n‸x = 1\nif os.name:\n    from b import *\nprint(x)\n== b.py\nx = 2\n",
            "y",
            "review|refused",
        ),
        ("== a.py\nimport ‸json\njson.dumps(1)\n", "j", "review import json as j\nj.dumps(1)"),
        ("== a.py\nimport json as ‸j\nj.dumps(1)\n", "k", "safe import json as k\nk.dumps(1)"),
        ("== a.py\nimport ‸os.path\nos.path.join()\n", "o", "review|refused"),
        ("== a.py\nimport ‸os\nimport os.path\nos.path.join()\n", "o", "review|refused"),
        ("== pyproject.toml\n[project.scripts]\ncmd = \"a:main\"\n== a.py\ndef ‸main(): pass\n", "run", "review"),
        (
            "== setup.cfg\n[options.entry_points]\nconsole_scripts =\n    cmd = a:main\n== a.py\ndef ‸main(): pass\n",
            "run",
            "review",
        ),
        ("== a.py\ndef f():\n    '''\n    >>> g(1)\n    '''\ndef ‸g(x): return x\n", "h", "review"),
        ("== a.py\nfrom typing import NewType\n‸Id = NewType('Id', int)\n", "Key", "review"),
        ("== a.py\ndef ‸f(): return 1\nassert 'f() failed' != f\n", "g", "review"),
        ("== docs/index.rst\n>>> from a import g\n>>> g(1)\n== a.py\ndef ‸g(x): return x\n", "h", "safe"),
    ]);
}
