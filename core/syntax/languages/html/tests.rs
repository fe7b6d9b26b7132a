use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"<!DOCTYPE html>
<html>
<!-- The page. -->
<body id="top">
  <p class="a" id='intro'>Hello &amp; <!-- in --> bye</p>
  <script>const a = "<!-- no -->";</script>
</body>
</html>
"##;

/// Protects HTML: elements with an `id` are found, and a comment mark in a script is none.
#[test]
fn definitions_and_comments_are_found() {
    let definitions = ["element top", "element top.intro"];
    describes(Language::Html, TEXT, &definitions, &["<!-- The page. -->", "<!-- in -->"]);
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::Html, &["a/index.html", "x.htm"], &["html"], &["tests/index.html"]);
}
