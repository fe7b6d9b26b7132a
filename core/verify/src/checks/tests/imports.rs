use super::{NONE, findings};

/// The finding on a file `app/main.py` of a project with these other files.
fn python(instruction: &str, tree: &[(&str, &str)], text: &str) -> Vec<String> {
    let mut all = vec![("app/__init__.py", ""), ("app/main.py", "import os\n"), ("README.md", "x\n")];
    all.extend(tree);
    findings(instruction, &all, &[("app/main.py", Some(text))])
}

/// Protects from modules that the model made up.
#[test]
fn python_imports_are_looked_up() {
    let util = ("app/util.py", "LIMIT = 1\n\n\ndef f():\n    pass\n");
    for (text, said) in [
        (
            "import numpy\nnumpy\n",
            "imports `numpy`, which no module of the project, no manifest and no standard library provides",
        ),
        ("from .errors import E\nE\n", "imports `.errors`, and the project has no such module"),
        ("from app.errors import E\nE\n", "imports `app.errors`, and the project has no such module"),
        ("from .util import g\ng\n", "imports `g` from `.util`, and `app/util.py` does not define that"),
        ("from app.util import f, g\nf, g\n", "imports `g` from `app.util`, and `app/util.py` does not define that"),
        ("from util import g\ng\n", "imports `g` from `util`, and `app/util.py` does not define that"),
        ("from .main import x\nx\n", "imports `.main`, which is this file itself"),
        ("from main import x\nx\n", "imports `main`, which is this file itself"),
        ("from . import other\nother\n", "imports `other` from `.`, and `app/__init__.py` does not define that"),
    ] {
        assert_eq!(python("change it", &[util], text), [format!("R app/main.py: line 1 {said}")], "{text}");
    }
}

/// Protects from false alarms: each of these may be there.
#[test]
fn python_imports_that_may_work() {
    let none: &[(&str, &str)] = &[];
    let util = ("app/util.py", "import json\n\n\ndef f():\n    pass\n");
    for (tree, text) in [
        (&[util][..], "from .util import f, json\nf, json\n"),
        (&[util], "from . import util\nimport app.util\nfrom app import util as u\nutil, app, u\n"),
        (&[util], "import util\nutil\n"),
        (none, "import os.path, xml.etree.ElementTree as e, distutils\nos, e, distutils\n"),
        (none, "try:\n    import numpy\nexcept ImportError:\n    numpy = None\n"),
        (
            &[("requirements.txt", "numpy==1.0\npython-dateutil\nPillow\nscikit-learn\n")],
            "import numpy, dateutil, PIL, sklearn\nnumpy, dateutil, PIL, sklearn\n",
        ),
        (
            &[("pyproject.toml", "[project]\ndependencies = [\"flask_cors>=1\", \"PyYAML\"]\n")],
            "import flask_cors, yaml\nflask_cors, yaml\n",
        ),
        (&[("app/other.py", "import numpy as np\nfrom yaml import x\n")], "import numpy, yaml\nnumpy, yaml\n"),
        (&[("app/lazy.py", "def __getattr__(n): pass\n")], "from .lazy import x\nx\n"),
        (&[("app/star.py", "from os import *\n")], "from .star import x\nx\n"),
        (&[("app/sub/a.py", "")], "from .sub import a\nfrom . import sub\na, sub\n"),
        (none, "from . import _version\nfrom ._version import version\nfrom .a_pb2 import M\n_version, version, M\n"),
        (&[("lib/tool/__init__.py", "")], "import tool\ntool\n"),
    ] {
        assert_eq!(python("change it", tree, text), NONE, "{text}");
    }
    assert_eq!(python("use numpy for it", none, "import numpy\nnumpy\n"), NONE);
    let before = [("a.py", "import numpy\n"), ("b.md", "x\n")];
    assert_eq!(findings("x", &before, &[("a.py", Some("from numpy import array\narray\n"))]).len(), 0);
    // A file that the same edit adds counts as present.
    let both = [
        ("app/errors.py", Some("class E(Exception):\n    pass\n")),
        ("app/main.py", Some("from .errors import E\nE\n")),
    ];
    assert_eq!(findings("x", &[("app/main.py", "import os\n"), ("b.md", "x\n")], &both), NONE);
    // A single text may import anything.
    assert_eq!(findings("x", &[("a.py", "")], &[("a.py", Some("import numpy\nnumpy\n"))]), NONE);
}

/// Protects the same in scripts, Go and Rust.
#[test]
fn other_imports_are_looked_up() {
    let package = ("package.json", "{\"dependencies\": {\"react\": \"1\", \"@a/b\": \"1\"}}");
    let module = ("go.mod", "module x.org/m\n\ngo 1.22\n\nrequire (\n\tgithub.com/a/b v1.0.0\n)\n");
    let cargo = ("Cargo.toml", "[dependencies]\nserde-json = \"1\"\n");
    let util = ("src/util.ts", "export const f = 1;\nexport default f;\n");
    let tree = [
        package,
        module,
        cargo,
        util,
        ("src/index.js", "module.exports.x = 1;\n"),
        ("pkg/p/p.go", "package p\n"),
        ("src/m.rs", ""),
    ];
    let said = |name: &str, text: &str| findings("change it", &tree, &[(name, Some(text))]);
    for (name, text, message) in [
        ("src/a.ts", "import x from './missing';\n", "imports `./missing`, and the project has no such file"),
        (
            "src/a.ts",
            "import { g } from './util';\n",
            "imports `g` from `./util`, and `src/util.ts` does not export that",
        ),
        (
            "src/a.ts",
            "import x from 'lodash/map';\n",
            "imports `lodash`, which no package.json names and Node does not have",
        ),
        (
            "src/a.js",
            "const x = require('@a/c');\n",
            "imports `@a/c`, which no package.json names and Node does not have",
        ),
        (
            "a.go",
            "package a\n\nimport \"github.com/x/y\"\n",
            "imports `github.com/x/y`, which go.mod and the standard library do not have",
        ),
        ("a.go", "package a\n\nimport \"x.org/m/q\"\n", "imports `x.org/m/q`, and the project has no such package"),
        ("src/a.rs", "use rand::Rng;\n", "uses the crate `rand`, which no Cargo.toml names"),
    ] {
        let found = said(name, text);
        assert!(found.len() == 1 && found[0].ends_with(message), "{name}: {text}: {found:?}");
    }
    for (name, text) in [
        ("src/a.ts", "import f, { f as g } from './util.js';\nimport * as u from './util';\nimport './a.css';\n"),
        (
            "src/a.ts",
            "import x from 'react/jsx';\nimport fs from 'node:fs/promises';\nimport p from 'path';\nimport b from '@a/b/c';\n",
        ),
        ("src/a.ts", "import x from '@/a';\nimport y from '~/b';\nimport z from '.';\nimport { w } from './index';\n"),
        ("a.go", "package a\n\nimport (\n\t\"net/http\"\n\t\"github.com/a/b/c\"\n\t\"x.org/m/pkg/p\"\n\t\"C\"\n)\n"),
        (
            "src/a.rs",
            "mod n { pub fn f() {} }\nuse n::f;\nuse serde_json::Value;\nuse std::fmt;\nuse m::x;\nuse fmt::Display;\n",
        ),
    ] {
        assert_eq!(said(name, text), NONE, "{name}: {text}");
    }
}
