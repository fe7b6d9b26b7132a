use super::*;

fn tidy(old: &str, new: &str, instruction: &str) -> String {
    let path = RepoPath::new("a.py").expect("path");
    let text = tidied(&path, old, new, instruction).map_or_else(|| new.to_owned(), |t| t.text);
    let again = tidied(&path, old, &text, instruction).map_or_else(|| text.clone(), |t| t.text);
    assert_eq!(again, text, "what is tidied stays as it is");
    text
}

/// Protects modules from import lines between their functions, which come too late for what stands above them.
#[test]
fn imports_of_an_answer_go_to_those_of_the_file() {
    let old = "\"\"\"Doc.\"\"\"\n\nimport re\n\n\ndef f(x):\n    return re.sub('a', x)\n\n\nclass C:\n    def g(self):\n        return 1\n";
    let new = "\"\"\"Doc.\"\"\"\n\nimport re\n\n\nimport re\nimport os\nfrom typing import *\nfrom collections.abc import Iterable, Sized\n\ndef f(x: Iterable) -> List:\n    return re.sub('a', x)\n\n\nclass C:\n    from math import pi\n\n    def g(self):\n        return pi\n";
    let want = "\"\"\"Doc.\"\"\"\n\nimport re\nfrom collections.abc import Iterable\nfrom math import pi\nfrom typing import List\n\n\ndef f(x: Iterable) -> List:\n    return re.sub('a', x)\n\n\nclass C:\n    def g(self):\n        return pi\n";
    assert_eq!(tidy(old, new, "add type hints"), want);
    assert_eq!(tidy(&old.replace('\n', "\r\n"), &new.replace('\n', "\r\n"), "add hints"), want.replace('\n', "\r\n"));
}

/// Protects the top of a file: what stands there stays first, and lists of names grow in place.
#[test]
fn the_import_stands_where_imports_stand() {
    let (f, g) = ("def f(x):\n    return x\n", "def f(x: List):\n    return x\n");
    let add = |top: &str| tidy(&format!("{top}{f}"), &format!("{top}{g}"), "add hints");
    let line = "from typing import List\n";
    assert_eq!(add(""), format!("{line}\n\n{g}"));
    assert_eq!(
        add("\"\"\"Doc.\n\nimport this\n\"\"\"\n\n\n"),
        format!("\"\"\"Doc.\n\nimport this\n\"\"\"\n\n{line}\n\n{g}")
    );
    assert_eq!(
        add("\u{feff}#!/bin/sh\n# coding: utf-8\n"),
        format!("\u{feff}#!/bin/sh\n# coding: utf-8\n\n{line}\n\n{g}")
    );
    assert_eq!(add("# License\n\n\n"), format!("# License\n\n{line}\n\n{g}"));
    assert_eq!(
        add("from __future__ import annotations\n\n\n"),
        format!("from __future__ import annotations\n{line}\n\n{g}")
    );
    assert_eq!(add("from typing import Any  # yes\n\n\n"), format!("from typing import Any, List  # yes\n\n\n{g}"));
    assert_eq!(
        add("from typing import (\n    Any,\n)\nimport re\n\n\n"),
        format!("from typing import (\n    Any,\n)\nimport re\n{line}\n\n{g}")
    );
    let two = "from __future__ import annotations; import os\n";
    assert_eq!(add(&format!("{two}\n\n")), format!("{two}{line}\n\n{g}"));
    let fast = "try:\n    from _m import *\nexcept ImportError:\n    pass\n\n\n";
    assert_eq!(add(fast), format!("{line}\n{fast}{g}"));
    let (doc, answer) = ("\"\"\"Doc.\"\"\"\n", "from typing import Dict, List\n\n");
    let old = format!("{doc}\n\n{f}\n\n{f}");
    let new = format!("{doc}\n\n{answer}{g}\n\n{answer}{g}");
    let want = format!("{doc}\n{line}\n\n{g}\n\n{g}");
    assert_eq!(tidy(&old, &new, "add hints, with List and Dict"), want);
    let new = format!("{answer}{g}\n\n{answer}{g}").replace("Dict", "Any").replace("(x", "(y: Any, x");
    assert_eq!(tidy(&format!("{f}\n\n{f}"), &new, "add hints").matches("from typing import Any, List\n").count(), 1);
    let future = format!("import re\n\n\nfrom __future__ import annotations\n\n{f}");
    let want = format!("from __future__ import annotations\nimport re\n\n\n{f}");
    assert_eq!(tidy(&format!("import re\n\n\n{f}"), &future, "add hints"), want);
}

/// Protects what nobody asked to change: imports that were there, local ones, those that are asked for, and names that
/// only look like those of `typing`.
#[test]
fn everything_else_stays() {
    let same = |old: &str, new: &str, instruction: &str| assert_eq!(tidy(old, new, instruction), new);
    same("import os\n\nx = 1\nimport sys\n", "import os\n\nx = 2\nimport sys\n", "set two");
    same("import os\nx = 1\n", "import os\nimport sys\nx = 1\n", "import sys");
    same("x = 1\n", "x = List\n\"\"\"Dict\"\"\"  # Set\ny = m.Any\nfrom m import *\n", "import everything");
    same("class Set: pass\n", "class Set: pass\nx = Set()\n", "make a set");
    same("from m import *\nx = 1\n", "from m import *\nx: List = 1\n", "annotate x");
    same("x = List\n", "x = List\ny = 1\n", "set y");
    same("x = 'a'\n", "x = 'List'  # Dict\n\"\"\"Any\n\"\"\"\ny = m.Set\n", "set x");
    same("def f():\n    return 1\n", "def f():\n    import os\n    return os.sep\n", "return the separator");
    same(
        "sys.path.append('a')\nimport b\n\nb.f()\n",
        "sys.path.append('a')\nimport b\nimport c\n\nb.f(c.d)\n",
        "pass d",
    );
    same("def f(x):\n    pass\n", "from typing import List\n\n\ndef f(x: \"List\"):\n    pass\n", "annotate");
    same("import os\n\n\ndef f():\n    pass\n", "def f():\n    pass\n\n\nimport os\n", "add nothing");
}

/// Protects from names without an import: what a star stands for is found where it is known, and doubted otherwise.
#[test]
fn a_star_never_stays_and_never_hides_a_name() {
    let (old, new) = ("def f(x):\n    return x\n", "from collections import *\n\n\ndef f(x):\n    return Counter(x)\n");
    let want = "from collections import Counter\n\n\ndef f(x):\n    return Counter(x)\n";
    assert_eq!(tidy(old, new, "count, and import what is needed"), want);
    let path = RepoPath::new("a.py").expect("path");
    let math = "from math import *\n\n\ndef f(x):\n    return sqrt(x)\n";
    let doubt = |new: &str| tidied(&path, old, new, "roots").and_then(|t| t.doubt);
    assert!(doubt(math).is_some_and(|d| d.contains("math")));
    assert!(doubt(&math.replace("sqrt(x)", "x")).is_none());
    assert_eq!(tidy(old, math, "from math import *"), math);
    let moved = "from m import *\n";
    assert_eq!(tidy(&format!("{old}{moved}"), &format!("{moved}{old}"), "sort it"), format!("{moved}{old}"));
}
