use super::{extract, function, inline, table};

/// Protects programs from an extraction that computes something else, or at another time: before its statement an expression
/// is what it was, or a person is asked.
#[test]
fn an_expression_gets_a_name_before_its_statement() {
    table(
        "a.py",
        extract("v", false),
        &[
            ("def f(a):\n    return g(« a * 2 », a)\n", "def f(a):\n    v = a * 2\n    return g( v , a)\n"),
            ("def f(a):\n    if a: return «a + 1»\n", "def f(a):\n    if a: v = a + 1; return v\n"),
            ("x = 1; y = «x + 2»\n", "x = 1; v = x + 2; y = v\n"),
            ("def f(a=«2 * 3»):\n    pass\n", "v = 2 * 3\ndef f(a=v):\n    pass\n"),
            ("@d(«1 + 2»)\ndef f():\n    pass\n", "v = 1 + 2\n@d(v)\ndef f():\n    pass\n"),
            ("r = (1 +\n     («2 +\n      3»))\n", "v = 2 + 3\nr = (1 +\n     (v))\n"),
            ("r = f(a, b ‸+ c)\n", "v = b + c\nr = f(a, v)\n"),
            ("r = f\"{«a + b»}\"\n", "v = a + b\nr = f\"{v}\"\n"),
            ("a[«i + 1»] = 2\n", "v = i + 1\na[v] = 2\n"),
            ("for i in «range(3)»:\n    pass\n", "v = range(3)\nfor i in v:\n    pass\n"),
            ("r = [i for i in «a.b»]\n", "v = a.b\nr = [i for i in v]\n"),
            ("while i < «10»:\n    i += 1\n", "v = 10\nwhile i < v:\n    i += 1\n"),
            // Doubtful: evaluated at another time, or in more cases.
            ("while i < «n + 1»:\n    i += 1\n", "?v = n + 1\nwhile i < v:\n    i += 1\n"),
            ("r = a and «a.b»\n", "?v = a.b\nr = a and v\n"),
            ("r = f(g(), «h()»)\n", "?v = h()\nr = f(g(), v)\n"),
            ("r = lambda: «a.b»\n", "?v = a.b\nr = lambda: v\n"),
            ("if a:\n    pass\nelif «b()»:\n    pass\n", "?v = b()\nif a:\n    pass\nelif v:\n    pass\n"),
            ("class A:\n    x = «1 + 2»\n", "?class A:\n    v = 1 + 2\n    x = v\n"),
            // Refused.
            ("r = [«i + 1» for i in a]\n", "!`i` would mean something else"),
            ("r = lambda i: «i + 1»\n", "!`i` would mean something else"),
            ("r = 1 + «2 + 3»\n", "!cuts an expression"),
            ("«x» = 1\n", "!gives a value to `x`"),
            ("f(«x»=1)\n", "!names a parameter"),
            ("r = a.«b»\n", "!names a member"),
            ("def f(a: «int»):\n    pass\n", "!it is a type"),
            ("«f(1)»\n", "!whole statement"),
            ("«if a»:\n    pass\n", "!cuts an expression"),
            ("r = «(n := 3)»\n", "!gives a value to `n`"),
            ("v = 1\nr = «2 + 3»\n", "!`v` is taken in line 1"),
            ("match a:\n    case «1»:\n        pass\n", "!it is a pattern"),
        ],
    );
}

/// Protects programs from one name for two values: other occurrences follow only where nothing between them writes what
/// they read, and what stays is shown to a person.
#[test]
fn the_same_expressions_follow_until_something_is_written() {
    table(
        "a.py",
        extract("v", true),
        &[
            ("a = 1\nb = «1»\n", "v = 1\na = v\nb = v\n"),
            (
                "def f(a, b):\n    x = «a + b»\n    y = a  +  b\n    a = 2\n    z = a + b\n",
                "?def f(a, b):\n    v = a + b\n    x = v\n    y = v\n    a = 2\n    z = a + b\n",
            ),
            (
                "def f(a):\n    x = «a.b»\n    y = a.b\n    g()\n    z = a.b\n",
                "?def f(a):\n    v = a.b\n    x = v\n    y = v\n    g()\n    z = a.b\n",
            ),
            ("def f():\n    x = «g()»\n    y = g()\n", "?def f():\n    v = g()\n    x = v\n    y = g()\n"),
            (
                "def f(a):\n    x = «a + 1»\n    while x:\n        y = a + 1\n        a = y\n",
                "?def f(a):\n    v = a + 1\n    x = v\n    while x:\n        y = a + 1\n        a = y\n",
            ),
            (
                "def f(a):\n    x = «a + 1»\n    return lambda a: a + 1\n",
                "def f(a):\n    v = a + 1\n    x = v\n    return lambda a: a + 1\n",
            ),
        ],
    );
}

/// Protects programs from a value that is not the one the name had: it must be the same at every use.
#[test]
fn a_value_takes_the_place_of_its_name() {
    table(
        "a.py",
        inline,
        &[
            ("def f(a):\n    ‸b = a + 1\n    return b * 2\n", "def f(a):\n    return (a + 1) * 2\n"),
            (
                "def f(a):\n    b: int = a + 1  # note\n    return g(‸b)\n",
                "def f(a):\n    # note\n    return g(a + 1)\n",
            ),
            ("‸b = 1\nc = b.real\n", "c = (1).real\n"),
            ("‸b = -1\nc = b ** 2\n", "c = (-1) ** 2\n"),
            ("‸b = 1, 2\nc = f(b)\n", "c = f((1, 2))\n"),
            ("‸b = 1; c = b\n", "c = 1\n"),
            ("c = 1; ‸b = 2\nd = b\n", "c = 1\nd = 2\n"),
            ("if a:\n    ‸b = 1\n", "if a:\n    pass\n"),
            ("‸b = f()\nc = b\n", "c = f()\n"),
            ("‸b = (1 +\n     2)\nc = b\n", "c = (1 +\n     2)\n"),
            ("‸b = 1\nc = f\"{b}\"\n", "c = f\"{1}\"\n"),
            // Doubtful.
            ("‸b = f()\ng()\nc = b\n", "?g()\nc = f()\n"),
            ("‸b = a.x\ng()\nc = b\n", "?g()\nc = a.x\n"),
            ("‸b = f()\n", "?"),
            ("def f(a):\n    ‸b = a\n    return lambda: b\n", "?def f(a):\n    return lambda: a\n"),
            // Refused.
            ("a = 1\n‸b = a\na = 2\nc = b\n", "!changes before it is used"),
            ("‸b = f()\nc = b + b\n", "!more than once"),
            ("‸b = []\nb.append(1)\nc = b\n", "!made more than once"),
            ("‸b = 1\nb += 1\n", "!several places"),
            ("‸b = 1\nb = 2\n", "!several places"),
            ("def f(‸b):\n    return b\n", "!no variable"),
            ("for ‸b in a:\n    c = b\n", "!statement of its own"),
            ("import ‸b\nb.c()\n", "!no variable"),
            ("a, ‸b = c\nd = b\n", "!statement of its own"),
            ("if a:\n    ‸b = 1\nc = b\n", "!may not have this value"),
            ("def f():\n    return b\n‸b = 1\n", "!may not have this value"),
            ("class A:\n    ‸b = 1\n    c = b\n", "!no variable"),
            ("a = 1\ndef f():\n    ‸b = a\n    def g(a):\n        return b\n", "!`a` would mean something else"),
            ("‸b = 'x'\nc = f'{b}'\n", "!cannot be replaced here"),
            ("‸b = 1\nc = f'{b=}'\n", "!cannot be replaced here"),
            ("def f(a):\n    ‸b = a + 1\n    while b:\n        a = b\n", "!changes before it is used"),
            ("with a as ‸b:\n    c = b\n", "!statement of its own"),
            ("‸b = 1\ndel b\n", "!"),
        ],
    );
}

/// Protects programs from code that sees other values in a function of its own: what it reads goes in, what is read after
/// it comes out, and what cannot be taken along is refused.
#[test]
fn statements_become_a_function() {
    table(
        "a.py",
        function("g"),
        &[
            (
                "def f(a):\n    «b = a + 1\n    c = b * 2»\n    return c\n",
                "def f(a):\n    c = g(a)\n    return c\n\ndef g(a):\n    b = a + 1\n    c = b * 2\n    return c\n",
            ),
            (
                "def f(a):\n    return («a + 1») * 2\n",
                "def f(a):\n    return (g(a)) * 2\n\ndef g(a):\n    return a + 1\n",
            ),
            (
                "class A:\n    def f(self, x):\n        «self.y = x»\n        return x\n",
                "class A:\n    def f(self, x):\n        self.g(x)\n        return x\n\n    def g(self, x):\n        self.y = x\n",
            ),
            (
                "def f(a):\n    for i in a:\n        «h(i)»\n",
                "def f(a):\n    for i in a:\n        g(i)\n\ndef g(i):\n    h(i)\n",
            ),
            (
                "def f(n):\n    t = 0\n    while n:\n        «t += n\n        n -= 1»\n    return t\n",
                "def f(n):\n    t = 0\n    while n:\n        t, n = g(n, t)\n    return t\n\ndef g(n, t):\n    t += n\n    n -= 1\n    return t, n\n",
            ),
            (
                "def f(a):\n    «b = a\n    return b»\n",
                "def f(a):\n    return g(a)\n\ndef g(a):\n    b = a\n    return b\n",
            ),
            (
                "def f():\n    «a = \"\"\"x\n    y\"\"\"\n    if a:\n        h(a)»\n",
                "def f():\n    g()\n\ndef g():\n    a = \"\"\"x\n    y\"\"\"\n    if a:\n        h(a)\n",
            ),
            (
                "def f(a):\n    b = 0\n    «if a:\n        b = 1»\n    return b\n",
                "def f(a):\n    b = 0\n    b = g(a, b)\n    return b\n\ndef g(a, b):\n    if a:\n        b = 1\n    return b\n",
            ),
            // Refused.
            ("def f(a):\n    «if a:\n        return 1»\n    return 2\n", "!returns in some cases only"),
            ("def f(a):\n    for i in a:\n        «if i:\n            break»\n", "!leaves a loop"),
            ("def f(a):\n    «yield a»\n", "!holds `yield`"),
            ("def f():\n    global a\n    «a = 1»\n", "!variable of another function"),
            (
                "def f():\n    a = 0\n    def h():\n        nonlocal a\n        «a = 1»\n",
                "!variable of another function",
            ),
            (
                "def f(a):\n    «if a:\n        b = 1»\n    return b\n",
                "?def f(a):\n    b = g(a)\n    return b\n\ndef g(a):\n    if a:\n        b = 1\n    return b\n",
            ),
            ("def f(a):\n    «a = 1»\n    return lambda: a\n", "!used in a function inside"),
            ("def f(a):\n    b = «a + 1\n    c = b»\n", "!neither whole statements"),
            ("def f(a):\n    «del a»\n", "!holds `del`"),
            ("def f(a):\n    «b = a»\n    return g(b)\n", "!`g` is taken"),
        ],
    );
}
