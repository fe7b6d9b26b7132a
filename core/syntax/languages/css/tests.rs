use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"@import url("base.css");
/* The page. */
body > .main { color: red; content: "/* no */"; }
@media print { #top { display: none; } }
@keyframes spin { from { top: 0 } to { top: 1px } }
"##;

/// Protects style sheets: rules under their selectors, and a comment mark in a string is none.
#[test]
fn definitions_and_comments_are_found() {
    let definitions = ["rule body > .main", "rule #top", "rule spin"];
    describes(Language::Css, TEXT, &definitions, &["/* The page. */"]);
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::Css, &["a/site.css"], &["css"], &["tests/site.css"]);
}
