//! The imports at the top of a Python file in the usual order: `__future__`, the standard library, other packages, the
//! project's own, relative ones; within each group first `import`, then `from`, each by name.

use crate::python::Source;
use deepcoder_edit::{LineEnding, split_bom};
use deepcoder_syntax::{Language, is_python_standard, parses};
use deepcoder_types::RepoPath;

/// One import with the comments above it.
struct Entry {
    group: u8,
    from: bool,
    module: String,
    text: String,
}

/// The text with its imports sorted; `None` where it is no Python or its imports are mixed with other code.
pub(super) fn sorted(path: &RepoPath, text: &str, is_own: &dyn Fn(&str) -> bool) -> Option<String> {
    if Language::of(path) != Some(Language::Python) || parses(Language::Python, text) != Some(true) {
        return None;
    }
    let (bom, body) = split_bom(text);
    let source = Source::new(body);
    let top = |line: &usize| source.indent(*line) == 0 && source.import(*line).is_some();
    let count = source.lines.len();
    // Several on one line.
    if (0..count).any(|line| source.imports(line) && source.import(line).is_none()) {
        return None;
    }
    let Some(import) = (0..count).find(top) else { return Some(text.to_owned()) };
    let block = |line: &usize| source.code_of(*line).is_empty() || top(line);
    let last = (import..count).take_while(block).filter(top).last()?;
    // Comments right above the first import are about it, and move with it, unless they begin the file: there a licence
    // cannot be told from a comment about an import.
    let is_comment = |line: &usize| source.code_of(*line).is_empty() && !source.is_blank(*line);
    let commented = (0..import).rev().take_while(is_comment).last().unwrap_or(import);
    let begins = commented == 0
        && (0..import).skip_while(|line| is_header(*line, &body[source.lines[*line].clone()])).count() > 0;
    let first = if commented == 0 { import } else { commented };
    // Imports further down may stand there for a reason; one that another statement parts from these does.
    let range = source.lines[first].start..source.lines[last].end;
    let raw = &body[range.clone()];
    if raw.contains("isort:") || raw.contains("fmt: off") || raw.contains(';') {
        return None;
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut above = String::new();
    for line in first..=last {
        let written = &body[source.lines[line].clone()];
        let Some(items) = source.import(line) else {
            if source.is_blank(line) && !above.is_empty() {
                // A comment by itself belongs to no import.
                return None;
            }
            if !source.is_blank(line) {
                above.push_str(written);
            }
            continue;
        };
        let item = items.first()?;
        let module = item.module.clone().unwrap_or_else(|| item.name.clone());
        let group = match module.as_str() {
            "__future__" => 0,
            relative if relative.starts_with('.') => 4,
            module if is_python_standard(module) => 1,
            module if is_own(module) => 3,
            _ => 2,
        };
        let ended = if written.ends_with('\n') { "" } else { LineEnding::dominant(body).as_str() };
        let text = std::mem::take(&mut above) + written + ended;
        entries.push(Entry { group, from: item.module.is_some(), module, text });
    }
    // More dots are further away and come first.
    let dots = |module: &str| module.chars().take_while(|c| *c == '.').count();
    // Who asks for an order asks for nothing to go: an import that stands there twice stays twice.
    let before = entries.first().map(|entry| entry.text.clone());
    entries.sort_by_key(|e| {
        (e.group, e.from, std::cmp::Reverse(dots(&e.module)), e.module.to_lowercase(), e.module.clone())
    });
    // A comment that begins the file stays where it is; an import that it may be about must not leave it.
    if begins && entries.first().map(|entry| &entry.text) != before.as_ref() {
        return None;
    }
    let ending = LineEnding::dominant(body).as_str();
    let mut out = String::new();
    let mut group = None;
    for entry in &entries {
        if group.is_some_and(|group| group != entry.group) {
            out.push_str(ending);
        }
        group = Some(entry.group);
        out.push_str(&entry.text);
    }
    if !raw.ends_with('\n') {
        out.truncate(out.trim_end().len());
    }
    Some([bom, &body[..range.start], &out, &body[range.end..]].concat())
}

/// Whether a line of a file is its shebang or its encoding, which only count in the first two lines.
fn is_header(line: usize, text: &str) -> bool {
    line == 0 && text.starts_with("#!") || line < 2 && (text.contains("coding:") || text.contains("coding="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(text: &str) -> Option<String> {
        sorted(&RepoPath::new("a.py").expect("a path"), text, &|module| module == "own")
    }

    /// Protects the order of imports, and what stands around them.
    #[test]
    fn imports_are_sorted_in_groups() {
        let text = "\"\"\"Doc.\"\"\"\n\nimport requests\nfrom . import b\nfrom .. import a\nimport sys\n# why\nimport os  # os\nfrom \
                    own import x\nfrom os import (\n    path,\n)\nfrom __future__ import annotations\n\n\ndef f():\n    import \
                    abc\n";
        let new = "\"\"\"Doc.\"\"\"\n\nfrom __future__ import annotations\n\n# why\nimport os  # os\nimport sys\nfrom os import \
                   (\n    path,\n)\n\nimport requests\n\nfrom own import x\n\nfrom .. import a\nfrom . import b\n\n\ndef \
                   f():\n    import abc\n";
        assert_eq!(sort(text).as_deref(), Some(new));
        assert_eq!(sort(new).as_deref(), Some(new));
        assert_eq!(sort("x = 1\n").as_deref(), Some("x = 1\n"));
        assert_eq!(sort("import b; import a\n"), None);
        assert_eq!(sort("import b\n# alone\n\nimport a\n"), None);
        assert_eq!(sort("import b\r\nimport abc").as_deref(), Some("import abc\r\n\r\nimport b"));
    }

    /// Protects each byte that is no import: a comment stays with the import below it, also the first one, and nothing goes.
    #[test]
    fn nothing_is_lost_and_comments_stay_with_their_import() {
        let text = "\"\"\"Doc.\"\"\"\n\n# needs the network\nimport sys\nimport os\nimport sys\n";
        let new = "\"\"\"Doc.\"\"\"\n\nimport os\n# needs the network\nimport sys\nimport sys\n";
        assert_eq!(sort(text).as_deref(), Some(new));
        assert_eq!(sort(new).as_deref(), Some(new));
        // A comment apart from the import is about the file.
        let licence = "# Licence\n\nimport sys\nimport os\n";
        assert_eq!(sort(licence).as_deref(), Some("# Licence\n\nimport os\nimport sys\n"));
        let script = "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\nimport sys\nimport os\n";
        assert_eq!(sort(script), Some(script.replace("import sys\nimport os\n", "import os\nimport sys\n")));
        // One that begins the file may be about either.
        assert_eq!(sort("# why\nimport sys\nimport os\n"), None);
        assert_eq!(sort("# why\nimport os\nimport sys\n").as_deref(), Some("# why\nimport os\nimport sys\n"));
    }
}
