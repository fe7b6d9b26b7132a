use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"# Package.
name = "x # no"

[dependencies.a]
version = """
# no
""" # yes

[[bin]]
path = 'b'
"##;

/// Protects settings: tables and keys are found, and a `#` in a string is no comment.
#[test]
fn definitions_and_comments_are_found() {
    let definitions =
        ["key name", "section dependencies.a", "key dependencies.a.version", "section bin", "key bin.path"];
    describes(Language::Toml, TEXT, &definitions, &["# Package.", "# yes"]);
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::Toml, &["a/Cargo.toml", "Cargo.lock"], &["toml"], &["tests/a.toml"]);
}
