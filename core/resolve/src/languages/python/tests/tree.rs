//! Names over several files: the marked ones are all that name what the first mark names.

use crate::{Memory, Project, Resolution};
use deepcoder_types::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Compares the occurrences of the first marked name with the marks; those with `?` before the name are in doubt.
#[track_caller]
fn check(files: &[(&str, &str)]) {
    let mut texts: BTreeMap<RepoPath, Arc<str>> = BTreeMap::new();
    let mut marks: BTreeSet<(String, u32, bool)> = BTreeSet::new();
    let mut first = None;
    for (name, marked) in files {
        let mut text = String::new();
        let mut rest = *marked;
        while let Some((before, after)) = rest.split_once('⟦') {
            let (mark, after) = after.split_once('⟧').expect("a mark ends");
            text.push_str(before);
            let word = mark.trim_start_matches('?');
            let start = text.len() as u32;
            marks.insert(((*name).to_owned(), start, word != mark));
            first = first.or(Some(((*name).to_owned(), start)));
            text.push_str(word);
            rest = after;
        }
        text.push_str(rest);
        texts.insert(RepoPath::new(*name).expect("a path"), Arc::from(text));
    }
    let memory = Memory::new(texts);
    let project = Project::new(&memory);
    let (name, offset) = first.expect("a mark");
    let names = project.names_at(&RepoPath::new(name).expect("a path"), offset);
    let symbol = names.into_iter().rev().find_map(|(_, resolution)| match resolution {
        Resolution::Exact(symbol) => Some(symbol),
        _ => None,
    });
    let symbol = symbol.expect("the first mark is exact");
    let occurrences = project.occurrences(&symbol).found;
    let found: BTreeSet<(String, u32, bool)> =
        occurrences.iter().map(|o| (o.place.path.to_string(), o.place.at.start, o.doubt.is_some())).collect();
    assert_eq!(found, marks, "{symbol:?} in {files:#?}");
}

/// Protects imports: a name is followed through modules, packages, stubs of paths and other names.
#[test]
fn imports_are_followed() {
    check(&[
        ("a.py", "def ⟦f⟧(): pass\n"),
        ("b.py", "from a import ⟦f⟧\n⟦f⟧()\n"),
        ("c.py", "from b import ⟦f⟧ as g\ng()\nf = 1\n"),
        ("d.py", "import a\nimport b as c\na.⟦f⟧, c.⟦f⟧, d.f\n"),
    ]);
    check(&[
        ("src/pkg/__init__.py", "from .inner import ⟦f⟧\n__all__ = [\"⟦f⟧\"]\n"),
        ("src/pkg/inner.py", "def ⟦f⟧(): pass\n"),
        ("src/pkg/sub/__init__.py", ""),
        ("src/pkg/sub/deep.py", "from ..inner import ⟦f⟧\nfrom ... import f\n"),
        ("src/pkg/sub/other.py", "from pkg import ⟦f⟧\nimport pkg.inner\npkg.inner.⟦f⟧()\n"),
        ("tests/test_f.py", "from pkg.inner import ⟦f⟧\n"),
    ]);
    check(&[("a.py", "⟦x⟧ = 1\n"), ("b.py", "from a import *\nprint(⟦x⟧)\n"), ("c.py", "x = 2\n")]);
    check(&[
        ("a.py", "try:\n    from b import f as ⟦g⟧\nexcept ImportError:\n    ⟦g⟧ = None\n⟦g⟧()\n"),
        ("b.py", "def f(): pass\n"),
    ]);
    check(&[
        ("c.py", "def ⟦f⟧(): pass\n"),
        ("a.py", "try:\n    from b import f\nexcept ImportError:\n    from c import ⟦f⟧\nf()\n"),
        ("b.py", "def f(): pass\n"),
    ]);
    check(&[
        ("space/deep/m.py", "def ⟦f⟧(): pass\n"),
        (
            "a.py",
            "import space.deep.m\nfrom space.deep import m\nfrom space import deep as d\nspace.deep.m.⟦f⟧, m.⟦f⟧, d.m.⟦f⟧\n",
        ),
    ]);
}

/// Protects members: they are found through constructors, annotations, results and bases, and doubt where nothing is known.
#[test]
fn members_are_found_where_values_are_known() {
    check(&[
        ("a.py", "class A:\n    def __init__(self):\n        self.⟦x⟧ = 1\n    def m(self): return self.⟦x⟧\n"),
        (
            "b.py",
            "import a\nv = a.A()\nv.⟦x⟧\ndef f(p: a.A, q): return p.⟦x⟧, q.⟦?x⟧\nclass B(a.A):\n    def n(self): self.⟦x⟧\n",
        ),
    ]);
    check(&[(
        "a.py",
        "class A:\n    def ⟦m⟧(self): pass\nclass B(A):\n    def ⟦m⟧(self): super().⟦m⟧()\nclass C:\n    def m(self): pass\nC().m()\nB().⟦m⟧()\n",
    )]);
    check(&[(
        "a.py",
        "class A:\n    @property\n    def ⟦p⟧(self): pass\n    @⟦p⟧.setter\n    def ⟦p⟧(self, v): pass\nA().⟦p⟧ = 1\n",
    )]);
    check(&[(
        "a.py",
        "class A:\n    def ⟦m⟧(self): pass\n    def __enter__(self): return self\nwith A() as a:\n    a.⟦m⟧()\n",
    )]);
}

/// Protects keyword arguments: they are found with the parameter, also where a type, a value or an unknown function is called.
#[test]
fn keywords_are_found_with_their_parameters() {
    check(&[
        ("a.py", "def f(⟦p⟧): return ⟦p⟧\nf(⟦p⟧=1)\n"),
        ("b.py", "from a import f as g\ng(⟦p⟧=2)\ndict(p=3)\nh(p=4)\n"),
    ]);
    check(&[
        ("a.py", "class A:\n    p = 1\n    def __init__(self, ⟦p⟧): self.p = ⟦p⟧\nclass B(A): pass\n"),
        ("b.py", "import a\na.A(⟦p⟧=1)\na.B(⟦p⟧=1)\na.A(1).p\n"),
    ]);
    check(&[("a.py", "@dataclass\nclass A:\n    ⟦p⟧: int\nA(⟦p⟧=1).⟦p⟧\n")]);
    check(&[(
        "a.py",
        "class A:\n    def m(self, ⟦p⟧): pass\ndef f(x):\n    x.m(⟦?p⟧=1)\n    x.n(p=1)\nA().m(⟦p⟧=2)\n",
    )]);
    check(&[("a.py", "class A:\n    def m(self, ⟦p⟧): pass\nclass B(A):\n    def m(self, p): pass\nA().m(⟦?p⟧=2)\n")]);
    check(&[("a.py", "class A:\n    def __call__(self, ⟦p⟧): pass\nA()(⟦p⟧=1)\n")]);
}
