use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"# Settings.
name: "x # no"
jobs:
  build: a#b # yes
  steps:
    - run: |
        # no
"##;

/// Protects settings: keys are found under those around them, and a `#` in a string or a word is no comment.
#[test]
fn definitions_and_comments_are_found() {
    let definitions = ["key name", "key jobs", "key jobs.build", "key jobs.steps", "key jobs.steps.run"];
    describes(Language::Yaml, TEXT, &definitions, &["# Settings.", "# yes"]);
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::Yaml, &["a/ci.yml", "x.yaml"], &["yml"], &["tests/a.yml"]);
}

/// Protects the process: so many open blocks overflow a buffer of the grammar's scanner, which ends the process.
#[test]
fn many_open_blocks_are_not_parsed() {
    let steps = |count: usize| (0..count).map(|n| format!("{}- \n", " ".repeat(n))).collect::<String>();
    for text in ["- ".repeat(300), "? ".repeat(300), steps(300)] {
        assert_eq!(crate::parses(Language::Yaml, &text), None);
    }
    let flat: String = (0..500).map(|n| format!("k{n}:\n- a: 1\n  b: 2\n")).collect();
    assert_eq!(crate::parses(Language::Yaml, &flat), Some(true));
}
