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
    let Some(first) = (0..count).find(top) else { return Some(text.to_owned()) };
    let block = |line: &usize| source.code_of(*line).is_empty() || top(line);
    let last = (first..count).take_while(block).filter(top).last()?;
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
    entries.sort_by_key(|e| {
        (e.group, e.from, std::cmp::Reverse(dots(&e.module)), e.module.to_lowercase(), e.module.clone())
    });
    entries.dedup_by(|a, b| a.text == b.text);
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
}
