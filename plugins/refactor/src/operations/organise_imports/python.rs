//! Python: `__future__`, the standard library, other packages, the project's own, relative ones; within each group first
//! `import`, then `from`, each by name.

use super::sorted::{Entry, put};
use super::{ImportsError, children, declared_at, has_word, is_used, looks_names_up, remove_statements, without};
use crate::grammar::source::{Source, range, walk};
use crate::request::Imports;
use crate::{Changes, Refusal};
use deepcoder_resolve::{Known, Reference, Role, Target};
use deepcoder_syntax::{Language, Node, comments, is_python_standard};
use deepcoder_types::TextRange;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Modules of the standard library that do something when they are imported.
const DOING: [&str; 4] = ["readline", "rlcompleter", "antigravity", "this"];
/// Longer lines are not made of several.
const MAX_LINE: usize = 88;

/// One name that an import gives to the file.
struct Item {
    at: TextRange,
    /// The module, or the name in it.
    name: String,
    alias: Option<String>,
    /// Where it is declared.
    declares: TextRange,
}

impl Item {
    fn bound(&self) -> &str {
        self.alias.as_deref().unwrap_or_else(|| self.name.split('.').next().unwrap_or_default())
    }
}

/// One statement at the top of the file.
struct Statement<'t> {
    node: Node<'t>,
    /// `m` of `from m import x`.
    module: Option<String>,
    items: Vec<Item>,
    star: bool,
}

/// `#` comments that tell tools to leave an import alone.
const DIRECTIVES: [&str; 6] = ["noqa", "type: ignore", "pylint:", "isort:", "fmt:", "nosort"];

pub(super) fn organise(source: &Source<'_>, work: &Imports, changes: &mut Changes) -> Result<(), Refusal> {
    let statements = statements(source);
    match work {
        Imports::Add(text) => return add(source, &statements, text, changes),
        Imports::Merge | Imports::Split => {
            return Err(source.refuse(&ImportsError::Language("Python"), TextRange::new(0, 0)));
        }
        _ => {}
    }
    let mut gone: Vec<Vec<bool>> = statements.iter().map(|s| vec![false; s.items.len()]).collect();
    if matches!(work, Imports::All | Imports::Unused(_)) {
        let only: &[String] = if let Imports::Unused(only) = work { only } else { &[] };
        unused(source, &statements, only, &mut gone, changes);
    }
    if matches!(work, Imports::All | Imports::Sort | Imports::Repeated) {
        let before = gone.clone();
        repeated(&statements, &mut gone);
        for ((statement, gone), before) in statements.iter().zip(&gone).zip(&before) {
            if *work != Imports::All && gone != before && !gone.iter().all(|gone| *gone) {
                let why = "several imports share some of their names, and others could stand in lines of their own";
                changes.doubt(&source.path, range(statement.node), why);
            }
        }
    }
    if matches!(work, Imports::All | Imports::Sort)
        && let Some(block) = block(source, &statements)
    {
        sort(source, (&statements[block.clone()], &gone[block.clone()]), *work == Imports::All, changes)?;
        let rest = (0..statements.len()).filter(|at| !block.contains(at));
        for at in rest {
            take(source, &statements[at..=at], &gone[at..=at], changes);
        }
        return Ok(());
    }
    take(source, &statements, &gone, changes);
    Ok(())
}

/// Takes names away where they stand.
fn take(source: &Source<'_>, statements: &[Statement<'_>], gone: &[Vec<bool>], changes: &mut Changes) {
    let mut whole = Vec::new();
    for (statement, gone) in statements.iter().zip(gone) {
        if !gone.is_empty() && gone.iter().all(|gone| *gone) {
            whole.push(range(statement.node));
            continue;
        }
        let items: Vec<TextRange> = statement.items.iter().map(|item| item.at).collect();
        for at in without(source, &items, gone) {
            changes.remove(&source.path, at);
        }
    }
    remove_statements(source, &whole, changes);
}

fn statements<'t>(source: &'t Source<'_>) -> Vec<Statement<'t>> {
    let kinds = ["import_statement", "import_from_statement", "future_import_statement"];
    children(source.tree.root_node(), &kinds).into_iter().map(|node| statement(source, node)).collect()
}

fn statement<'t>(source: &Source<'_>, node: Node<'t>) -> Statement<'t> {
    let squeezed = |node: Node<'_>| source.text_of(range(node)).split_whitespace().collect::<String>();
    let path = node.child_by_field_name("module_name");
    let module = match node.kind() {
        "import_from_statement" => path.map(squeezed),
        "future_import_statement" => Some("__future__".to_owned()),
        _ => None,
    };
    let mut items = Vec::new();
    for part in children(node, &["dotted_name", "aliased_import"]).into_iter().filter(|part| Some(*part) != path) {
        let alias = part.child_by_field_name("alias");
        let name = part.child_by_field_name("name").unwrap_or(part);
        let declares = alias.or_else(|| name.named_child(0)).unwrap_or(name);
        let alias = alias.map(squeezed);
        items.push(Item { at: range(part), name: squeezed(name), alias, declares: range(declares) });
    }
    Statement { node, module, items, star: !children(node, &["wildcard_import"]).is_empty() }
}

/// Marks the names that nothing uses.
fn unused(
    source: &Source<'_>,
    statements: &[Statement<'_>],
    only: &[String],
    gone: &mut [Vec<bool>],
    changes: &mut Changes,
) {
    // What these import is there for others.
    let for_others = source.path.file_name() == "__init__.py" || source.path.extension() == Some("pyi");
    if for_others || looks_names_up(source) {
        return;
    }
    let Some(listed) = listed(source) else { return };
    let prose = examples(source);
    let chains = chains(source, statements);
    for (statement, gone) in statements.iter().zip(gone) {
        if statement.module.as_deref() == Some("__future__") || is_directed(source, range(statement.node), true) {
            continue;
        }
        for (item, gone) in statement.items.iter().zip(gone) {
            let bound = item.bound();
            let chosen = only.is_empty() || only.iter().any(|name| name == bound || *name == item.name);
            let used = match chains.get(&item.declares) {
                Some(used) => *used,
                None => declared_at(source, item.declares).is_none_or(|id| is_used(source, id)),
            };
            let kept = used
                || item.alias.as_deref() == Some(&item.name)
                || listed.contains(bound)
                || has_word(&prose, bound)
                || is_directed(source, item.at, false)
                || used_elsewhere(source, bound);
            if !chosen || kept {
                continue;
            }
            if may_do_something(statement, item) && only.is_empty() {
                let why = "nothing uses this import, and it may be there for what the module does when it is imported";
                changes.doubt(&source.path, item.at, why);
            }
            *gone = true;
        }
    }
}

/// Whether an import may be there for what the module does: only the standard library is known not to.
fn may_do_something(statement: &Statement<'_>, item: &Item) -> bool {
    match &statement.module {
        Some(module) => module.chars().all(|c| c == '.'),
        None => !is_python_standard(&item.name) || DOING.contains(&item.name.as_str()),
    }
}

/// Whether a comment in these lines, or above them, tells tools to leave them alone.
fn is_directed(source: &Source<'_>, at: TextRange, above: bool) -> bool {
    let mut start = source.line_start(at.start);
    if above && start > 0 {
        let line = source.line_start(start - 1);
        if source.text_of(TextRange::new(line, start)).trim_start().starts_with('#') {
            start = line;
        }
    }
    let first = TextRange::new(start, source.line_end(if above { at.start } else { at.end }));
    let said = source.text_of(first).split_once('#').map(|(_, comment)| comment);
    said.is_some_and(|said| DIRECTIVES.iter().any(|directive| said.contains(directive)))
}

/// The strings that `__all__` may list; `None` where it cannot be read.
fn listed(source: &Source<'_>) -> Option<BTreeSet<String>> {
    let mut out = BTreeSet::new();
    let mut open = false;
    let all = source.bindings.references.iter().filter(|r| r.name == "__all__");
    for reference in all {
        let statement = source.node_at(reference.at).and_then(|node| source.statement(node));
        let Some(statement) = statement else { continue };
        walk(statement, |node| {
            let text = source.text_of(range(node));
            match node.kind() {
                "string_content" => drop(out.insert(text.to_owned())),
                "identifier" if text != "__all__" => open = true,
                _ => {}
            }
            true
        });
    }
    (!open).then_some(out)
}

/// The examples of docstrings, which run as tests, and the types in comments.
fn examples(source: &Source<'_>) -> String {
    let lines = source.text.lines().map(str::trim_start);
    let mut out: String = lines.filter(|l| l.starts_with(">>>") || l.starts_with("...")).collect::<Vec<_>>().join("\n");
    for comment in comments(Language::Python, &source.text) {
        let text = source.text_of(comment);
        if text.trim_start_matches(['#', ' ']).starts_with("type:") {
            out.push('\n');
            out.push_str(text);
        }
    }
    out
}

/// Whether `import a.b` is used, for each root `a` that several imports share: by its own path, or where no other fits.
fn chains(source: &Source<'_>, statements: &[Statement<'_>]) -> std::collections::BTreeMap<TextRange, bool> {
    let mut out = std::collections::BTreeMap::new();
    let plain = |s: &&Statement<'_>| s.module.is_none();
    let items: Vec<&Item> =
        statements.iter().filter(plain).flat_map(|s| &s.items).filter(|i| i.alias.is_none()).collect();
    let roots: BTreeSet<&str> = items.iter().map(|item| item.bound()).collect();
    for root in roots {
        let of_root: Vec<&&Item> = items.iter().filter(|item| item.bound() == root).collect();
        let ids: BTreeSet<_> = of_root.iter().filter_map(|item| declared_at(source, item.declares)).collect();
        if of_root.len() < 2 || ids.is_empty() {
            continue;
        }
        let mut used = vec![false; of_root.len()];
        for reference in &source.bindings.references {
            let Target::Declaration(id) = reference.target else { continue };
            if !ids.contains(&id) || matches!(reference.role, Role::Declares | Role::Imports) {
                continue;
            }
            let path = chain(source, reference);
            let within = |item: &Item| path == item.name || path.starts_with(&format!("{}.", item.name));
            let longest = of_root.iter().filter(|item| within(item)).map(|item| item.name.len()).max();
            for (item, used) in of_root.iter().zip(&mut used) {
                let below = item.name.starts_with(&format!("{path}."));
                *used |= below || longest.is_none_or(|longest| within(item) && item.name.len() == longest);
            }
        }
        out.extend(of_root.iter().zip(used).map(|(item, used)| (item.declares, used)));
    }
    out
}

/// `a.b.c` around the name `a`.
fn chain(source: &Source<'_>, reference: &Reference) -> String {
    let mut node = source.node_at(reference.at);
    let mut out = reference.name.clone();
    while let Some(parent) = node.and_then(|node| node.parent()) {
        let own = parent.kind() == "attribute" && parent.child_by_field_name("object") == node;
        let Some(member) = parent.child_by_field_name("attribute").filter(|_| own) else { break };
        out.push('.');
        out.push_str(source.text_of(range(member)));
        node = Some(parent);
    }
    out
}

/// Whether another file may take the name from this one.
fn used_elsewhere(source: &Source<'_>, name: &str) -> bool {
    let stem = source.path.file_name().split('.').next().unwrap_or_default();
    let of_this = |module: &str| module.trim_end_matches('.').rsplit('.').next() == Some(stem);
    source.project.files().mentions(name).iter().filter(|path| **path != source.path).any(|path| {
        if Language::program(path) != Some(Language::Python) {
            return false;
        }
        let Some(bindings) = source.project.bindings(path) else { return true };
        let imports = |import: &deepcoder_resolve::Import| {
            of_this(&import.module) || import.name.as_deref() == Some(stem) || import.module == stem
        };
        let knows = bindings.declarations.iter().filter_map(|d| d.import.as_ref()).any(imports)
            || bindings.wildcards.iter().any(|(_, import)| of_this(&import.module))
            || bindings.references.iter().any(|r| r.name == stem && r.role == Role::Imports);
        let takes = bindings.references.iter().any(|r| {
            r.name == name
                && match &r.target {
                    Target::Member(Known::Unknown) => false,
                    Target::Member(_) | Target::Outside => true,
                    _ => r.role == Role::Imports,
                }
        });
        knows && takes
    })
}

/// Marks names that an earlier statement imports alike.
fn repeated(statements: &[Statement<'_>], gone: &mut [Vec<bool>]) {
    let mut seen = BTreeSet::new();
    for (statement, gone) in statements.iter().zip(gone) {
        for (item, gone) in statement.items.iter().zip(gone) {
            if !*gone && !seen.insert((&statement.module, &item.name, &item.alias)) {
                *gone = true;
            }
        }
    }
}

/// The statements that can be sorted: those at the top, up to the first other code.
fn block(source: &Source<'_>, statements: &[Statement<'_>]) -> Option<std::ops::Range<usize>> {
    let next = |node: Node<'_>| {
        let mut at = node.next_sibling();
        while at.is_some_and(|at| at.is_extra() || at.kind() == ";") {
            at = at.and_then(|at| at.next_sibling());
        }
        at.map(|at| at.id())
    };
    let mut end = 0;
    while end + 1 < statements.len() && next(statements[end].node) == Some(statements[end + 1].node.id()) {
        end += 1;
    }
    let (first, last) = (statements.first()?, statements.get(end)?);
    let text = source.text_of(TextRange::new(range(first.node).start, range(last.node).end));
    let told = ["isort:", "fmt: off", "noqa: E402", ";", "\\"].iter().any(|word| text.contains(word));
    let begins = statements[..=end].iter().all(|s| source.begins_line(range(s.node).start));
    (!told && begins).then_some(0..end + 1)
}

fn sort(
    source: &Source<'_>,
    (statements, gone): (&[Statement<'_>], &[Vec<bool>]),
    all: bool,
    changes: &mut Changes,
) -> Result<(), Refusal> {
    let mut entries: Vec<Entry<_>> = Vec::new();
    let mut stars = false;
    // Some write each name in a line of its own.
    let merged = all && statements.iter().any(|s| s.module.is_some() && s.items.len() > 1);
    for (statement, gone) in statements.iter().zip(gone) {
        let at = range(statement.node);
        let all_gone = !gone.is_empty() && gone.iter().all(|gone| *gone);
        let items: Vec<TextRange> = statement.items.iter().map(|item| item.at).collect();
        let mut text = source.text_of(at).to_owned();
        for cut in without(source, &items, gone).iter().rev() {
            text.replace_range((cut.start - at.start) as usize..(cut.end - at.start) as usize, "");
        }
        let module = statement.module.clone().or_else(|| statement.items.first().map(|item| item.name.clone()));
        let module = module.unwrap_or_default();
        let kept = statement.items.iter().zip(gone).filter(|(_, gone)| !**gone).map(|(item, _)| item);
        let whole = |item: &Item| format!("{:?}.{}", statement.module, item.name.split('.').next().unwrap_or_default());
        let aliased = |item: &Item| format!("{:?}.{}", statement.module, item.name);
        let names = kept
            .map(|i| {
                (
                    i.bound().to_owned(),
                    if i.alias.is_some() || statement.module.is_some() { aliased(i) } else { whole(i) },
                )
            })
            .collect();
        let text = (!all_gone).then_some(text);
        stars |= statement.star;
        let dots = module.chars().take_while(|c| *c == '.').count();
        let key = (statement.module.is_some(), Reverse(dots), module.to_lowercase(), module.clone());
        let entry = Entry { at, key, group: group(source, &module), text, names };
        match entries.iter_mut().find(|other| merged && merges(source, other, &entry, statement)) {
            Some(other) => {
                join(other, &entry);
                entries.push(Entry { text: None, ..entry });
            }
            None => entries.push(entry),
        }
    }
    let before = changes.edits.len();
    put(source, entries, true, changes)?;
    if stars && changes.edits.len() > before {
        let at = statements.first().map_or(TextRange::new(0, 0), |s| range(s.node));
        changes.doubt(
            &source.path,
            at,
            "an import of all names comes before or after others, and the later one counts",
        );
    }
    Ok(())
}

type Key = (bool, Reverse<usize>, String, String);

/// Whether two imports from one module can be one: both are one line without a comment.
fn merges(source: &Source<'_>, one: &Entry<Key>, other: &Entry<Key>, statement: &Statement<'_>) -> bool {
    let plain = |entry: &Entry<Key>| {
        let line = source.text_of(TextRange::new(entry.at.start, source.line_end(entry.at.end)));
        entry.text.as_deref().is_some_and(|text| !text.contains(['(', '\n', '*'])) && !line.contains(['#', '\\'])
    };
    let joined = one.text.as_ref().map_or(0, String::len) + other.text.as_ref().map_or(0, String::len);
    statement.module.is_some() && one.key == other.key && plain(one) && plain(other) && joined <= MAX_LINE
}

fn join(one: &mut Entry<Key>, other: &Entry<Key>) {
    let names = other.text.as_deref().and_then(|text| text.split_once(" import ")).map(|(_, names)| names.trim());
    if let (Some(text), Some(names)) = (&mut one.text, names) {
        text.push_str(", ");
        text.push_str(names);
    }
    one.names.extend(other.names.iter().cloned());
}

/// The group of a module.
fn group(source: &Source<'_>, module: &str) -> u8 {
    match module {
        "__future__" => 0,
        relative if relative.starts_with('.') => 4,
        module if is_python_standard(module) => 1,
        module => {
            let first = module.split('.').next().unwrap_or_default();
            let own = !source.project.module_files(&source.path, first).is_empty();
            if own { 3 } else { 2 }
        }
    }
}

/// Adds one import, where the file does not have it yet.
fn add(source: &Source<'_>, statements: &[Statement<'_>], text: &str, changes: &mut Changes) -> Result<(), Refusal> {
    let wrong = || source.refuse(&ImportsError::NotAnImport(text.trim().to_owned()), TextRange::new(0, 0));
    let tree =
        deepcoder_syntax::tree(Language::Python, text).filter(|t| !t.root_node().has_error()).ok_or_else(wrong)?;
    let node =
        tree.root_node().named_child(0).filter(|_| tree.root_node().named_child_count() == 1).ok_or_else(wrong)?;
    let said = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default().to_owned();
    let module = node.child_by_field_name("module_name").map(said);
    let parts = children(node, &["dotted_name", "aliased_import"]);
    let names: Vec<String> =
        parts.iter().filter(|p| Some(**p) != node.child_by_field_name("module_name")).map(|part| said(*part)).collect();
    let [name] = names.as_slice() else { return Err(wrong()) };
    if !matches!(node.kind(), "import_statement" | "import_from_statement") {
        return Err(wrong());
    }
    let written = |item: &Item| source.text_of(item.at) == name.as_str();
    let same = statements.iter().filter(|s| s.module == module);
    if same.clone().any(|s| s.items.iter().any(written) || s.star) {
        return Ok(());
    }
    let bound = name.rsplit(" as ").next().unwrap_or(name);
    let bound = if module.is_none() { bound.split('.').next().unwrap_or(bound) } else { bound };
    let taken = |d: &&deepcoder_resolve::Declaration| {
        d.name == bound && d.scope == deepcoder_resolve::ScopeId(0) && (d.import.is_none() || module.is_some())
    };
    if let Some(other) = source.bindings.declarations.iter().find(taken) {
        return Err(source.refuse(&ImportsError::Taken(bound.to_owned()), other.at));
    }
    // A name more of a module that is imported from already.
    let list = same.filter(|s| s.module.is_some()).find_map(|s| s.items.last());
    if let Some(last) = list {
        changes.insert(&source.path, last.at.end, format!(", {name}"));
        return Ok(());
    }
    let line = text.trim();
    if let Some(last) = statements.iter().rfind(|s| s.module.as_deref() != Some("__future__")).or(statements.last()) {
        let end = source.line_end(range(last.node).end);
        let ended = source.text_of(TextRange::new(0, end)).ends_with('\n');
        changes.insert(&source.path, end, if ended { format!("{line}\n") } else { format!("\n{line}\n") });
        return Ok(());
    }
    let at = top(source);
    let blank = if source.text.trim().is_empty() { "" } else { "\n\n" };
    changes.insert(&source.path, at, format!("{line}\n{blank}"));
    Ok(())
}

/// Where a first import goes: behind the module's documentation and the comments at its top.
pub(in crate::operations) fn top(source: &Source<'_>) -> u32 {
    let mut cursor = source.tree.root_node().walk();
    let mut at = 0;
    for child in source.tree.root_node().children(&mut cursor) {
        let doc = child.kind() == "expression_statement" && child.named_child(0).is_some_and(|s| s.kind() == "string");
        let here = range(child);
        // A comment right above a definition is about it.
        let next = source.text_of(TextRange::new(source.line_end(here.end), source.text.len().try_into().unwrap_or(0)));
        let apart = next.is_empty() || next.starts_with(['\n', '\r']) || here.start == 0;
        if doc || child.kind() == "comment" && apart {
            at = source.line_end(here.end);
        } else {
            break;
        }
    }
    at
}
