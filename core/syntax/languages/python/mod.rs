use crate::language::{Docs, Spec, Tests, Visibility};

pub(crate) const SPEC: Spec = Spec {
    aliases: &["py", "python3"],
    extensions: &["py", "pyi", "pyw"],
    interpreters: &["python", "pypy"],
    line_comments: &["#"],
    block_comments: &[],
    directives: &[
        "# -*-",
        "# type:",
        "# noqa",
        "# pylint:",
        "# mypy:",
        "# pyright:",
        "# fmt:",
        "# pragma",
        "# ruff:",
        "# cython:",
        "# distutils:",
        "# coding",
    ],
    docs: Docs::Docstring,
    visibility: Visibility::Underscore,
    keywords: "False None True and as assert async await break class continue def del elif else except finally for from \
        global if import in is lambda nonlocal not or pass raise return try while with yield",
    tests: Tests { suffixes: &[], names: &["conftest.py"] },
    unique: &[(&["function", "class", "constant", "type"], "name")],
    tags: &[include_str!("tags.scm")],
    leads: &["decorator"],
    shells: &["decorated_definition", "expression_statement"],
    homes: &["module", "block"],
    ..Spec::new("python", || tree_sitter_python::LANGUAGE.into())
};
