use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"{
  // a comment, as in settings
  "name": "x // no",
  "scripts": { "build": "a" },
  "list": [{ "id": 1 }]
}
"##;

/// Protects data: keys are found under those around them, and a comment mark in a string is none.
#[test]
fn definitions_and_comments_are_found() {
    let definitions = ["key name", "key scripts", "key scripts.build", "key list", "key list.id"];
    describes(Language::Json, TEXT, &definitions, &["// a comment, as in settings"]);
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::Json, &["a/package.json", "flake.lock"], &["jsonc"], &["tests/a.json"]);
    assert_eq!(crate::errors(Language::Json, "{\"a\": 1,}").len(), 1);
}
