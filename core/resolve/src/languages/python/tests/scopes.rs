//! Which declaration a name means.

use crate::tests::marked::check;
use deepcoder_syntax::Language;

fn all(texts: &[&str]) {
    for text in texts {
        check(Language::Python, text);
    }
}

/// Protects LEGB: a name means the one of the innermost function around it that has it, else the file's, else none.
#[test]
fn functions_see_what_is_around_them() {
    all(&[
        "⟦x⟧ = 1\ndef f():\n    return ⟦x⟧\n",
        "x = 1\ndef f():\n    ⟦x⟧ = 2\n    def g():\n        return ⟦x⟧\n    return ⟦x⟧\nprint(x)\n",
        "⟦x⟧ = 1\ndef f(⟦2:x⟧, y=⟦x⟧, *a: ⟦x⟧) -> ⟦x⟧:\n    ⟦2:x⟧ = ⟦2:x⟧ + 1\n    return lambda z=⟦2:x⟧: z + ⟦2:x⟧\n",
        "def f():\n    print(⟦x→outside⟧, ⟦len→outside⟧)\n",
        "def f():\n    def g():\n        return ⟦x⟧\n    ⟦x⟧ = 1\n    return g\n",
    ]);
}

/// Protects `global` and `nonlocal`, also for functions within those that say so.
#[test]
fn global_and_nonlocal_name_another_scope() {
    all(&[
        "⟦x⟧ = 1\ndef f():\n    global ⟦x⟧\n    ⟦x⟧ = 2\nprint(⟦x⟧)\n",
        "⟦x⟧ = 1\ndef f():\n    ⟦2:x⟧ = 2\n    def g():\n        nonlocal ⟦2:x⟧\n        ⟦2:x⟧ += 1\n        def h():\n            global ⟦x⟧\n            ⟦x⟧ = 2\n",
        "def f():\n    global ⟦made⟧\n    ⟦made⟧ = 1\ndef g():\n    return ⟦made⟧\n",
        "⟦x⟧ = 0\ndef f():\n    x = 1\n    def g():\n        global ⟦x⟧\n        def h():\n            return ⟦x⟧\n",
    ]);
}

/// Protects methods: the names of a class body are not seen in them, but in what the body itself evaluates.
#[test]
fn class_bodies_are_not_around_methods() {
    all(&[
        "⟦x⟧ = 1\nclass C:\n    ⟦2:x⟧ = 2\n    y = ⟦2:x⟧\n    def m(self, a=⟦2:x⟧):\n        return ⟦x⟧\n    z = lambda: ⟦x⟧\n",
        "⟦x⟧ = 1\nclass C:\n    y = [⟦x⟧ for i in range(⟦2:x⟧)]\n    ⟦2:x⟧ = 2\n".replace("⟦2:x⟧", "n").as_str(),
        "⟦x⟧ = []\nclass C:\n    ⟦2:x⟧ = [1]\n    a = [⟦x⟧ for i in ⟦2:x⟧ if ⟦x⟧ for j in ⟦x⟧]\n",
        "class C:\n    class ⟦D⟧:\n        pass\n    def f(self) -> ⟦D⟧:\n        pass\n",
    ]);
}

/// Protects names that a class or a file reads before it has them: they are another scope's, or the text does not tell whose.
#[test]
fn bodies_read_what_is_around_them_until_they_have_a_name() {
    all(&[
        "⟦x⟧ = 1\nclass C:\n    x = ⟦x⟧\n    y = x\n",
        "⟦x⟧ = 1\nclass C:\n    y = ⟦x⟧\n    x = 2\n",
        "x = 1\nclass C:\n    if y:\n        x = 2\n    z = ⟦x→several x#2 x#0 (SeveralDeclarations)⟧\n",
        "try:\n    ⟦unicode→outside⟧\nexcept NameError:\n    unicode = str\n".replace("unicode", "input").as_str(),
        "input = 1\nprint(⟦input→input#0⟧)\n",
        "if y:\n    input = 1\nprint(⟦input→several input#0 (SeveralDeclarations)⟧)\n",
        "class C:\n    for ⟦id⟧ in [1]:\n        print(⟦id⟧)\n",
    ]);
}

/// Protects comprehensions: their variables are theirs, the first iterable is not, and a walrus binds around them.
#[test]
fn comprehensions_have_scopes() {
    all(&[
        "⟦x⟧ = [1]\ny = [⟦2:x⟧ for ⟦2:x⟧ in ⟦x⟧ if ⟦2:x⟧]\n",
        "y = {⟦2:k⟧: ⟦3:v⟧ for ⟦2:k⟧, ⟦3:v⟧ in z for w in ⟦3:v⟧}\n",
        "def f(items):\n    [(⟦last⟧ := item) for item in items]\n    return ⟦last⟧\n",
        "x = 1\ndef f():\n    [[(⟦x⟧ := j) for j in i] for i in y]\n    return ⟦x⟧\n",
        "g = (⟦x⟧ async for ⟦x⟧, in z)\n",
        "f(⟦x⟧ for ⟦x⟧ in z)\n",
    ]);
}

/// Protects the targets of every statement that gives names values.
#[test]
fn statements_have_targets() {
    all(&[
        "for ⟦i⟧, (j, *⟦2:k⟧) in x:\n    ⟦i⟧, ⟦2:k⟧\nelse:\n    ⟦i⟧\n",
        "with a as ⟦b⟧, c as (d, ⟦2:e⟧):\n    ⟦b⟧, ⟦2:e⟧\n",
        "with (open(a) as ⟦b⟧, open(c) as d):\n    ⟦b⟧\n",
        "try:\n    pass\nexcept E as ⟦e⟧:\n    ⟦e⟧\n",
        "try:\n    pass\nexcept* (E, F) as ⟦e⟧:\n    ⟦e⟧\n",
        "⟦a⟧ = ⟦2:b⟧ = [⟦a⟧, ⟦2:b⟧]\n",
        "[⟦a⟧, (b, *c)], d.e, f[⟦a⟧] = x\n",
        "⟦a⟧: int\n⟦a⟧ += 1\ndel ⟦a⟧, (b, c)\n",
        "while ⟦a⟧ := f():\n    ⟦a⟧\n",
        "def f(⟦self⟧):\n    ⟦type→outside⟧(⟦self⟧).⟦y→writes member of self⟧ = ⟦2:z⟧\n⟦2:z⟧ = 1\n",
        "⟦a⟧ = a_ = 1\nprint(⟦a⟧, a_)\n",
        "if x:\n    def ⟦f⟧(): pass\nelse:\n    ⟦f⟧ = None\n⟦f⟧\n",
    ]);
}

/// Protects patterns: a name alone is a target, one with dots and one that is called is read.
#[test]
fn patterns_bind_names() {
    all(&[
        "match x:\n    case {\"k\": ⟦v⟧, **⟦2:rest⟧} if ⟦v⟧:\n        ⟦v⟧, ⟦2:rest⟧\n",
        "class ⟦C⟧: pass\nmatch x:\n    case ⟦C⟧(⟦2:a⟧, key=⟦3:b⟧) | ⟦C⟧(⟦2:a⟧, key=[⟦3:b⟧]) as ⟦4:c⟧:\n        ⟦2:a⟧, ⟦3:b⟧, ⟦4:c⟧\n",
        "class ⟦C⟧: pass\nmatch x:\n    case ⟦C⟧.A | [⟦C⟧.B, *_]:\n        pass\n    case ⟦_→nothing⟧:\n        pass\n    case [\"get\", *⟦2:ab⟧]:\n        ⟦2:ab⟧\n",
        "⟦match⟧ = 1\n⟦case→outside⟧\nprint(⟦match⟧)\n⟦2:type⟧ = ⟦2:type⟧\n"
            .replace("⟦2:type⟧ = ⟦2:type⟧", "⟦2:type⟧ = 1")
            .as_str(),
        "class C: pass\nmatch x:\n    case C(⟦key→member of instance of C⟧=1):\n        pass\n",
    ]);
}

/// Protects type parameters: they are seen in the definition, also in a class body's methods, and not outside.
#[test]
fn type_parameters_have_a_scope() {
    all(&[
        "T = 1\ndef f[⟦T⟧: int](x: ⟦T⟧, y=T) -> ⟦T⟧:\n    z: ⟦T⟧\n",
        "T = 1\nclass C[⟦T⟧](Base[⟦T⟧]):\n    x: ⟦T⟧\n    def m(self, y: ⟦T⟧): return ⟦T⟧\nT\n",
        "type A[⟦T⟧, *⟦2:Ts⟧, **⟦3:P⟧] = dict[⟦T⟧, tuple[*⟦2:Ts⟧], ⟦3:P⟧]\n",
        "type A[⟦T⟧ = int] = list[⟦T⟧]\n",
        "type ⟦A⟧ = list[⟦A⟧]\nx: ⟦A⟧\n",
        "class C:\n    class ⟦D⟧: pass\n    def m[T: ⟦D⟧](self, x: ⟦D⟧): pass\n",
    ]);
}

/// Protects text that is code in strings: annotations, format strings, lists of names.
#[test]
fn strings_can_be_code() {
    all(&[
        "class ⟦C⟧: pass\ndef f(x: \"⟦C⟧\", y: 'list[⟦C⟧ | None]') -> \"⟦C⟧.D\": pass\n",
        "class ⟦C⟧: pass\nx: list[\"⟦C⟧\"] = []\ny: Literal[\"C\"]\nz: Annotated[\"⟦C⟧\", \"C\"]\n",
        "class ⟦C⟧: pass\nx = cast(\"⟦C⟧\", y)\nprint(\"C\")\n",
        "⟦x⟧ = 1\nprint(f\"x {⟦x⟧!r:>{⟦x⟧}} {f'{⟦x⟧}'} {{x}}\")\n",
        "__all__ = [\"⟦f→exports f#1 Quoted⟧\"]\ndef f(): pass\n__all__ += (\"⟦g→exports g#2 Quoted⟧\",)\ndef g(): pass\n",
        "class ⟦C⟧: pass\nx: \"dict[str, '⟦C⟧']\"\n",
    ]);
}

/// Protects imports: what a name is elsewhere, and what it is here.
#[test]
fn imports_name_two_things() {
    all(&[
        "import ⟦a→imports module a First(\" as \"); declares a#0 Second(\" as \")⟧\n",
        "import ⟦a→imports module a; declares a#0 Fixed⟧.⟦b→imports module a.b⟧\na.⟦b→member of a⟧\n",
        "import ⟦a→imports module a⟧.⟦b→imports module a.b⟧ as ⟦c⟧\n⟦c⟧\n",
        "from ⟦a→imports module a⟧ import ⟦b→imports member of <a> First(\" as \"); declares b#0 Second(\" as \")⟧, c as ⟦d⟧\n⟦d⟧\n",
        "from ..⟦p→imports module ..p⟧.q import (⟦x→imports member of <..p.q>⟧ as y)\n",
        "from . import ⟦x⟧\n⟦x⟧\n",
    ]);
}

/// Protects private names: each class has its own.
#[test]
fn private_names_belong_to_their_class() {
    all(&[
        "__x = 1\nclass C:\n    ⟦__x⟧ = 2\n    y = ⟦__x⟧\n    def m(self): return ⟦__x→outside⟧\n"
            .replace("⟦__x⟧", "__x")
            .as_str(),
        "class C:\n    __x = 1\n    def m(self):\n        return self.⟦__x→member of instance of C⟧\n",
        "class C: pass\nC.⟦_C__x→member of C Fixed⟧\n",
    ]);
}
