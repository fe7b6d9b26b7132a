//! Java: imports of one name each, of all names of a package, and of static members. Blank lines part groups, as the file has
//! them; static imports stay before or behind the others.

use super::sorted::{Entry, put};
use super::{ImportsError, children, has_word, remove_statements};
use crate::grammar::source::{Source, range};
use crate::request::Imports;
use crate::{Changes, Refusal};
use deepcoder_resolve::{Role, Target};
use deepcoder_syntax::{Language, Node, comments};
use deepcoder_types::TextRange;
use std::collections::BTreeSet;

/// One import.
struct Line {
    at: TextRange,
    is_static: bool,
    /// `a.b.C`; of `a.b.*` the part before the star.
    path: String,
    star: bool,
}

impl Line {
    fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }

    fn qualifier(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(before, _)| before)
    }
}

pub(super) fn organise(source: &Source<'_>, work: &Imports, changes: &mut Changes) -> Result<(), Refusal> {
    if matches!(work, Imports::Add(_) | Imports::Merge | Imports::Split) {
        return Err(source.refuse(&ImportsError::Language("Java"), TextRange::new(0, 0)));
    }
    let lines: Vec<Line> =
        children(source.tree.root_node(), &["import_declaration"]).into_iter().map(|node| line(source, node)).collect();
    let mut gone = vec![false; lines.len()];
    if let Imports::All | Imports::Unused(_) = work {
        let only: &[String] = if let Imports::Unused(only) = work { only } else { &[] };
        unused(source, &lines, only, &mut gone);
    }
    if !matches!(work, Imports::Unused(_)) {
        repeated(source, &lines, &mut gone);
    }
    if matches!(work, Imports::Unused(_) | Imports::Repeated) {
        let gone: Vec<TextRange> = lines.iter().zip(gone).filter(|(_, gone)| *gone).map(|(line, _)| line.at).collect();
        remove_statements(source, &gone, changes);
        return Ok(());
    }
    sort(source, &lines, &gone, changes)
}

fn line(source: &Source<'_>, node: Node<'_>) -> Line {
    let mut cursor = node.walk();
    let kinds: Vec<&str> = node.children(&mut cursor).map(|child| child.kind()).collect();
    let path = children(node, &["scoped_identifier", "identifier"]);
    let path = path.first().map(|path| source.text_of(range(*path)).split_whitespace().collect()).unwrap_or_default();
    Line { at: range(node), is_static: kinds.contains(&"static"), path, star: kinds.contains(&"asterisk") }
}

fn unused(source: &Source<'_>, lines: &[Line], only: &[String], gone: &mut [bool]) {
    let code = code(source, lines);
    let open = unknown(source, lines);
    for (line, gone) in lines.iter().zip(gone) {
        if !only.is_empty() && !only.iter().any(|name| name == line.name() || *name == line.path) {
            continue;
        }
        let of_package = !line.is_static && !line.star && line.qualifier() == source.bindings.package;
        *gone = if line.star {
            let own = own_names(source, line);
            let of_it = |name: &&String| own.as_ref().is_none_or(|own| own.contains(*name));
            let fits = |name: &&String| line.is_static || name.starts_with(|c: char| c.is_uppercase());
            !open.iter().filter(of_it).any(|name| fits(&name))
        } else {
            !has_word(&code, line.name()) || of_package && !line.qualifier().is_empty()
        };
    }
}

/// The file without imports, plain comments and what stands behind a dot.
fn code(source: &Source<'_>, lines: &[Line]) -> String {
    let mut text = source.text.to_string();
    let plain = comments(Language::Java, &source.text);
    let plain = plain.into_iter().filter(|at| !source.text_of(*at).starts_with("/**"));
    for at in plain.chain(lines.iter().map(|line| line.at)) {
        if text.get(at.as_range()).is_some() {
            text.replace_range(at.as_range(), &" ".repeat((at.end - at.start) as usize));
        }
    }
    let mut out = String::new();
    let mut word = String::new();
    let mut dotted = false;
    for c in text.chars().chain([' ']) {
        if c.is_alphanumeric() || c == '_' || c == '$' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            out.push_str(if dotted { "" } else { &word });
            word.clear();
            dotted = false;
        }
        if c == '.' {
            dotted = true;
        } else if !c.is_whitespace() {
            dotted = false;
        }
        out.push(if c.is_whitespace() { ' ' } else { c });
    }
    out
}

/// The names that neither the file nor its package nor an import of one name declares.
fn unknown(source: &Source<'_>, lines: &[Line]) -> BTreeSet<String> {
    let named: BTreeSet<&str> = lines.iter().filter(|line| !line.star).map(Line::name).collect();
    let imports = |at: TextRange| lines.iter().any(|line| line.at.start <= at.start && at.end <= line.at.end);
    let outside = |target: &Target| match target {
        Target::Outside => true,
        Target::Lookup { otherwise, .. } => matches!(**otherwise, Target::Outside | Target::Member(_)),
        Target::Several(..) | Target::Dynamic(_) | Target::Expanded => true,
        Target::Declaration(_) | Target::Member(_) | Target::Module(_) => false,
    };
    let free = source.bindings.references.iter().filter(|r| {
        r.role != Role::Declares && outside(&r.target) && !imports(r.at) && !named.contains(r.name.as_str())
    });
    free.map(|r| r.name.clone()).collect()
}

/// The names that an import of all names can give, where what it names is in the tree.
fn own_names(source: &Source<'_>, line: &Line) -> Option<BTreeSet<String>> {
    let files = source.project.module_files(&source.path, &line.path);
    if files.is_empty() {
        return None;
    }
    let mut out = BTreeSet::new();
    for file in files {
        // Of a type, what it inherits counts as well, and may come from anywhere.
        let bindings = source.project.bindings(&file)?;
        if bindings.package != line.path && bindings.declarations.iter().any(|d| !d.bases.is_empty()) {
            return None;
        }
        out.extend(bindings.declarations.iter().map(|d| d.name.clone()));
    }
    Some(out)
}

/// Marks imports that another one makes needless.
fn repeated(source: &Source<'_>, lines: &[Line], gone: &mut [bool]) {
    let stars: Vec<&Line> = lines.iter().zip(gone.iter()).filter(|(l, g)| l.star && !**g).map(|(l, _)| l).collect();
    let mut seen = BTreeSet::new();
    for (line, gone) in lines.iter().zip(gone) {
        if *gone {
            continue;
        }
        let of_kind: Vec<&&Line> = stars.iter().filter(|star| star.is_static == line.is_static).collect();
        let covered = !line.star
            && matches!(of_kind.as_slice(), [star] if star.path == line.qualifier())
            && source.project.files().mentions(line.name()).iter().all(|path| {
                let here = source.project.bindings(path).filter(|b| b.package == source.bindings.package);
                here.is_none_or(|b| b.declarations.iter().all(|d| d.name != line.name() || d.import.is_some()))
            });
        *gone = covered || !seen.insert((line.is_static, &line.path, line.star));
    }
}

fn sort(source: &Source<'_>, lines: &[Line], gone: &[bool], changes: &mut Changes) -> Result<(), Refusal> {
    let statics_first = lines.first().is_some_and(|line| line.is_static);
    let mut groups: Vec<Vec<Entry<(bool, String, bool)>>> = Vec::new();
    let mut end = None;
    for (line, gone) in lines.iter().zip(gone) {
        let between = end.map(|end| source.text_of(TextRange::new(end, line.at.start)));
        end = Some(line.at.end);
        let entry = Entry {
            at: line.at,
            key: (line.is_static != statics_first, line.path.clone(), line.star),
            group: 0,
            text: (!*gone).then(|| source.text_of(line.at).to_owned()),
            names: Vec::new(),
        };
        let beside = between.is_some_and(|between| {
            let lines: Vec<&str> = between.split('\n').collect();
            lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default().iter().all(|line| !line.trim().is_empty())
        });
        match groups.last_mut().filter(|_| beside) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    groups.into_iter().try_for_each(|group| put(source, group, false, changes))
}
