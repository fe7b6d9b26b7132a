//! Imports that an edit leaves without a use: the old text used the name, and the new one does not.

use crate::mechanical::without;
use crate::python::{Source, names};
use deepcoder_edit::split_bom;
use deepcoder_syntax::{Language, import_statements};
use deepcoder_types::RepoPath;
use std::collections::BTreeSet;

/// `new` without the imports of `old` that only `old` used; `None` where there are none, or where that cannot be known.
pub(crate) fn released(path: &RepoPath, old: &str, new: &str) -> Option<String> {
    match Language::of(path)? {
        Language::Python if !path.as_str().ends_with("__init__.py") && path.extension() != Some("pyi") => {
            python(old, new)
        }
        Language::Java => by_line(Language::Java, old, new, |line| {
            line.trim_start_matches("import").trim().trim_end_matches(';').rsplit('.').next()
        }),
        Language::Go => by_line(Language::Go, old, new, |line| {
            let (alias, module) = line.trim_start_matches("import").trim().split_once('"')?;
            match alias.trim() {
                "" => module.trim_end_matches('"').rsplit('/').next(),
                alias => Some(alias),
            }
        }),
        _ => None,
    }
}

fn python(old: &str, new: &str) -> Option<String> {
    let (bom, body) = split_bom(new);
    let (before, after) = (Source::new(split_bom(old).1), Source::new(body));
    let used = |source: &Source<'_>| -> BTreeSet<String> {
        let lines = (0..source.lines.len()).filter(|line| source.import(*line).is_none());
        lines.flat_map(|line| names(&source.quoted[source.lines[line].clone()])).map(|n| n.0.to_owned()).collect()
    };
    let (was, is) = (used(&before), used(&after));
    let had: BTreeSet<&str> = (0..before.lines.len()).map(|line| before.code_of(line)).collect();
    let mut out = body.to_owned();
    let mut changed = false;
    for line in (0..after.lines.len()).rev().filter(|line| after.indent(*line) == 0) {
        let range = after.lines[line].clone();
        let written = &body[range.clone()];
        let Some(items) = after.import(line).filter(|_| had.contains(after.code_of(line))) else { continue };
        let gone: Vec<_> = items.iter().filter(|i| was.contains(i.bound()) && !is.contains(i.bound())).collect();
        // Documentation may speak of it, and its examples may use it.
        let told = |name: &str| names(body).filter(|n| n.0 == name).count() > 1;
        if gone.is_empty() || written.contains(['#', '\\']) || gone.iter().any(|item| told(item.bound())) {
            continue;
        }
        let rest = if gone.len() == items.len() { String::new() } else { without(written, &gone)? };
        out.replace_range(range, &rest);
        changed = true;
    }
    changed.then(|| bom.to_owned() + &out)
}

/// The same for languages that import one thing in a line, whose name `name` reads from the line.
fn by_line(language: Language, old: &str, new: &str, name: impl Fn(&str) -> Option<&str>) -> Option<String> {
    let rest = |text: &str| {
        let mut rest = text.to_owned();
        import_statements(language, text).iter().rev().for_each(|range| rest.replace_range(range.as_range(), ""));
        rest
    };
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_')).map(str::to_owned).collect()
    };
    let (was, is) = (words(&rest(old)), words(&rest(new)));
    let mut out = new.to_owned();
    for statement in import_statements(language, new).iter().rev() {
        let lines = crate::units::whole_lines(new, *statement)?;
        let mut at = lines.start;
        let mut cuts = Vec::new();
        for line in new[lines].split_inclusive('\n') {
            let released = name(line.trim()).is_some_and(|name| was.contains(name) && !is.contains(name));
            if released && old.lines().any(|l| l.trim() == line.trim()) {
                cuts.push(at..at + line.len());
            }
            at += line.len();
        }
        cuts.into_iter().rev().for_each(|cut| out.replace_range(cut, ""));
    }
    (out != new).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, old: &str, new: &str) -> Option<String> {
        released(&RepoPath::new(name).expect("a path"), old, new)
    }

    /// Protects imports that the edit has nothing to do with: only those go whose last use the edit took.
    #[test]
    fn only_what_the_edit_leaves_unused_goes() {
        let old = "import os\nimport re\nfrom m import a, b\n\nx = re.sub(a, b, '')\n";
        let new = "import os\nimport re\nfrom m import a, b\n\nx = a\n";
        assert_eq!(text("a.py", old, new).as_deref(), Some("import os\nfrom m import a\n\nx = a\n"));
        assert_eq!(text("__init__.py", old, new), None);
        assert_eq!(text("a.py", old, &new.replace("x = a", "x = a  # re and b")), None);
        assert_eq!(text("a.py", old, old), None);
        let old = "package p\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\ts \"strings\"\n)\n\nfunc f() { fmt.Print(os.Args, s.ToUpper) }\n";
        let new = old.replace("fmt.Print(os.Args, s.ToUpper)", "s.ToLower()");
        assert_eq!(text("a.go", old, &new), Some(new.replace("\t\"fmt\"\n\t\"os\"\n", "")));
        let old = "import a.B;\nimport a.C;\n\nclass D {\n    B b;\n}\n";
        assert_eq!(
            text("D.java", old, &old.replace("B b", "int b")),
            Some("import a.C;\n\nclass D {\n    int b;\n}\n".into())
        );
    }
}
