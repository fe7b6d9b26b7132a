//! Imports that a model brings along. Asked for one function, it writes the imports of that function above it, or uses
//! names of `typing` without any: such lines belong to the imports of the file.

mod header;
mod released;

pub(crate) use released::released;

use crate::guard::{mentions, names as is_named};
use crate::python::{Item, Source, names};
use deepcoder_edit::{LineEnding, edits_between, split_bom};
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use std::collections::BTreeSet;
use std::ops::Range;

/// Names that mean what `typing` means by them wherever they are used and not defined.
const TYPING: [&str; 38] = [
    "Any",
    "AnyStr",
    "AsyncIterable",
    "AsyncIterator",
    "Awaitable",
    "BinaryIO",
    "Callable",
    "ClassVar",
    "Collection",
    "Coroutine",
    "DefaultDict",
    "Deque",
    "Dict",
    "Final",
    "FrozenSet",
    "Generator",
    "Generic",
    "Hashable",
    "IO",
    "Iterable",
    "Iterator",
    "List",
    "Literal",
    "Mapping",
    "MutableMapping",
    "MutableSequence",
    "MutableSet",
    "NamedTuple",
    "NoReturn",
    "Optional",
    "Protocol",
    "Sequence",
    "Set",
    "TextIO",
    "Tuple",
    "Type",
    "TypedDict",
    "Union",
];
/// The names of a star import of `collections`.
const COLLECTIONS: [&str; 6] = ["ChainMap", "Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"];
/// Modules that models import from for annotations.
const OF_ANNOTATIONS: [&str; 4] = ["typing", "collections", "collections.abc", "__future__"];
/// A list of names is not made longer than this.
const WIDTH: usize = 100;

/// A text with its imports in place.
pub(crate) struct Tidied {
    /// All of it.
    pub text: String,
    /// A note on imports that were left out.
    pub note: Option<String>,
    /// Why a person should look at it first.
    pub doubt: Option<String>,
}

/// `new` with the imports that it adds to `old` where the imports of the file are; `None` where nothing is to be done.
#[must_use]
pub(crate) fn tidied(path: &RepoPath, old: &str, new: &str, instruction: &str) -> Option<Tidied> {
    if Language::of(path) != Some(Language::Python) {
        return None;
    }
    let (bom, new_body) = split_bom(new);
    let old_body = split_bom(old).1;
    let (before, after) = (Source::new(old_body), Source::new(new_body));
    let asked = mentions(instruction, &["import"]);
    let star_asked = asked && (instruction.contains('*') || mentions(instruction, &["star", "wildcard", "everything"]));
    let added = added(&before, &after);
    let mut plan = Plan::default();
    let others: Vec<Item> = items(&after, |line| !added.contains(&line));
    let defined = top_level(&after);
    let used: BTreeSet<&str> = used(&after);
    let earlier = items(&before, |_| true);
    let exports = path.as_str().ends_with("__init__.py") || path.extension() == Some("pyi");
    let mut settled: Vec<Item> = Vec::new();
    for &line in &added {
        let items = after.import(line).unwrap_or_default();
        let of_annotations = items.iter().all(|i| i.module.as_deref().is_some_and(|m| OF_ANNOTATIONS.contains(&m)));
        let misplaced = !in_place(&after, &added, line);
        let star = items.iter().any(|item| item.name == "*");
        if asked && !(of_annotations && misplaced) && (!star || star_asked) {
            continue;
        }
        let source = &after.text[after.lines[line].clone()];
        let wanted = |item: &Item| {
            let bound = item.bound();
            if others.iter().any(|o| o == item) {
                return false;
            }
            if item.name == "*" {
                return star_asked || earlier.contains(item);
            }
            let submodule = item.module.is_none() && item.alias.is_none() && item.name.contains('.');
            let taken = others.iter().any(|o| o.bound() == bound) || defined.contains(bound);
            if misplaced && taken && !submodule {
                return false;
            }
            asked
                || exports
                || item.module.as_deref() == Some("__future__")
                || used.contains(bound)
                || earlier.contains(item)
                || source.contains("noqa")
                || (!of_annotations && is_named(instruction, bound))
        };
        let (keep, drop): (Vec<Item>, Vec<Item>) = items.into_iter().partition(wanted);
        if drop.is_empty() && !misplaced {
            settled.extend(keep);
            continue;
        }
        if let Some(star) = drop.iter().find(|item| item.name == "*" && !others.contains(item)) {
            let module = star.module.clone().unwrap_or_default();
            plan.note = Some(format!("`from {module} import *`, which the model added, is left out"));
            plan.stars.push(module);
        }
        plan.lines.push(line);
        for item in keep {
            if !plan.insert.contains(&item) {
                plan.insert.push(item);
            }
        }
    }
    plan.insert.retain(|item| !settled.contains(item));
    for name in missing(&before, &after, &plan, &TYPING) {
        plan.insert.push(Item { module: Some("typing".to_owned()), name: name.to_owned(), alias: None });
    }
    if plan.stars.iter().any(|module| module == "collections") {
        for name in missing(&before, &after, &plan, &COLLECTIONS) {
            plan.insert.push(Item { module: Some("collections".to_owned()), name: name.to_owned(), alias: None });
        }
    }
    if plan.lines.is_empty() && plan.insert.is_empty() {
        return None;
    }
    // The names of another module's star are not known here.
    let unknown = plan.stars.iter().find(|module| !OF_ANNOTATIONS.contains(&module.as_str()));
    let doubt = unknown.filter(|_| calls_unknown(&before, &after, &plan)).map(|module| {
        format!("the new code may use names of `{module}` that are not imported: `from {module} import *` is left out")
    });
    let ending = LineEnding::dominant(if old_body.is_empty() { new_body } else { old_body });
    let mut body = new_body.to_owned();
    for cut in cuts(&after, &plan.lines).into_iter().rev() {
        body.replace_range(cut, "");
    }
    for item in &plan.insert {
        insert(&mut body, item, ending.as_str());
    }
    Some(Tidied { text: bom.to_owned() + &body, note: plan.note, doubt })
}

#[derive(Default)]
struct Plan {
    lines: Vec<usize>,
    insert: Vec<Item>,
    note: Option<String>,
    /// Modules whose star imports are left out.
    stars: Vec<String>,
}

/// The ranges of lines that are taken out, with as many of the empty lines around them as came with them.
fn cuts(source: &Source<'_>, lines: &[usize]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for &line in lines {
        match groups.last_mut() {
            Some(group) if (group.end..line).all(|l| source.is_blank(l)) => group.end = line + 1,
            _ => groups.push(line..line + 1),
        }
    }
    let cut = |group: Range<usize>| {
        let before = (0..group.start).rev().take_while(|l| source.is_blank(*l)).count();
        let after = (group.end..source.lines.len()).take_while(|l| source.is_blank(*l)).count();
        // A comment, a decorator and the head of a block belong to what follows them.
        let held = |code: &str| code.is_empty() || code.ends_with(':') || code.starts_with('@');
        let first = before == group.start || (before == 0 && held(source.code_of(group.start - 1)));
        let end = group.end + if first { after } else { after.min(before) };
        source.lines[group.start].start..source.lines[end - 1].end
    };
    groups.into_iter().map(cut).collect()
}

/// The lines with imports that `after` has and `before` has not, of those that can be taken out.
fn added(before: &Source<'_>, after: &Source<'_>) -> Vec<usize> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let (mut grown, mut shrunk) = (0, 0);
    for edit in edits_between(before.text, after.text) {
        let range = edit.range.as_range();
        let start = range.start + grown - shrunk;
        ranges.push(start..start + edit.replacement.len());
        grown += edit.replacement.len();
        shrunk += range.len();
    }
    let same = |source: &Source<'_>, code: &str| (0..source.lines.len()).filter(|l| source.code_of(*l) == code).count();
    let is_new = |line: &usize| {
        let own = &after.lines[*line];
        let code = after.code_of(*line);
        ranges.iter().any(|r| r.start < own.end && own.start < r.end) && same(after, code) > same(before, code)
    };
    (0..after.lines.len())
        .filter(|line| after.import(*line).is_some() && !after.code_of(*line).contains(';'))
        .filter(is_new)
        .filter(|line| can_go(after, *line))
        .collect()
}

/// Whether a block stays one without the line. Imports within a function are its own matter, but for the star that is an
/// error there.
fn can_go(source: &Source<'_>, line: usize) -> bool {
    let indent = source.indent(line);
    if indent == 0 {
        return true;
    }
    let has_code = |l: &usize| !source.code_of(*l).is_empty();
    let beside = |l: Option<usize>| l.is_some_and(|l| source.indent(l) == indent && source.import(l).is_none());
    let next = (line + 1..source.lines.len()).filter(has_code).find(|l| source.import(*l).is_none());
    let outer = (0..line).rev().filter(has_code).find(|l| source.indent(*l) < indent).map(|l| source.code_of(l));
    let star = source.import(line).is_some_and(|items| items.iter().any(|i| i.name == "*"));
    let opens = |word: &str| outer.is_some_and(|code| code.starts_with(word));
    (opens("class ") || (star && (opens("def ") || opens("async def ")))) && beside(next)
}

/// Whether an added import stands where one would look for it: with imports that were there before, or else, where there
/// are none, at the top.
fn in_place(source: &Source<'_>, added: &[usize], line: usize) -> bool {
    let header = header(source);
    let old = |l: usize| source.import(l).is_some() && source.indent(l) == 0 && !added.contains(&l);
    if source.indent(line) > 0 {
        return false;
    }
    if is_future(source, line) {
        return header.contains(&line) && (0..line).all(|l| source.import(l).is_none() || is_future(source, l));
    }
    // One empty line parts groups of imports.
    let near = |l: usize, next: usize| {
        (source.import(l).is_some() && source.indent(l) == 0) || (source.is_blank(l) && !source.is_blank(next))
    };
    let above = (0..line).rev().take_while(|l| near(*l, l + 1)).any(old);
    let below = (line + 1..source.lines.len()).take_while(|l| near(*l, l - 1)).any(old);
    if above || below {
        return true;
    }
    let over = (0..line).rev().find(|l| source.import(*l).is_none());
    let is_top = over.is_none_or(|l| source.is_blank(l) || source.is_string(l) || source.text.starts_with("#!"));
    let apart = line > 1 && source.is_blank(line - 1) && source.is_blank(line - 2);
    header.contains(&line) && is_top && !apart && !header.into_iter().any(old)
}

fn is_future(source: &Source<'_>, line: usize) -> bool {
    source.import(line).is_some_and(|all| all.iter().any(|item| item.module.as_deref() == Some("__future__")))
}

/// The lines before the first code that is no import.
fn header(source: &Source<'_>) -> Range<usize> {
    let mut first = true;
    let end = (0..source.lines.len()).find(|line| {
        if source.code_of(*line).is_empty() {
            return false;
        }
        let part = source.indent(*line) == 0 && (source.imports(*line) || (first && source.is_string(*line)));
        first = false;
        !part
    });
    0..end.unwrap_or(source.lines.len())
}

fn items(source: &Source<'_>, of: impl Fn(usize) -> bool) -> Vec<Item> {
    (0..source.lines.len())
        .filter(|l| source.indent(*l) == 0 && of(*l))
        .filter_map(|l| source.import(l))
        .flatten()
        .collect()
}

/// Names that code, or a string that may be an annotation, uses.
fn used<'s>(source: &'s Source<'_>) -> BTreeSet<&'s str> {
    let imports = (0..source.lines.len()).filter(|l| source.import(*l).is_none());
    imports.flat_map(|l| names(&source.quoted[source.lines[l].clone()])).filter(|n| n.1).map(|n| n.0).collect()
}

/// Names that the module itself defines.
fn top_level<'s>(source: &'s Source<'_>) -> BTreeSet<&'s str> {
    let lines = (0..source.lines.len()).filter(|l| source.indent(*l) == 0).map(|l| source.code_of(l));
    lines
        .filter_map(|code| {
            let mut words = names(code);
            let (first, _, rest) = words.next()?;
            match first {
                "def" | "class" => words.next().map(|w| w.0),
                "async" => words.nth(1).map(|w| w.0),
                _ => assigned(rest).then_some(first),
            }
        })
        .collect()
}

fn assigned(rest: &str) -> bool {
    let rest = rest.trim_start();
    (rest.starts_with('=') && !rest.starts_with("==")) || rest.starts_with(':')
}

/// Whether the new code calls something that neither the old code speaks of nor the new one defines or imports.
fn calls_unknown(before: &Source<'_>, after: &Source<'_>, plan: &Plan) -> bool {
    let known: BTreeSet<&str> = names(&before.code).map(|n| n.0).collect();
    let called = names(&after.code).filter(|(_, free, rest)| *free && rest.starts_with('('));
    let called: Vec<&str> = called.map(|n| n.0).filter(|name| !known.contains(name)).collect();
    let defined = top_level(after);
    missing(before, after, plan, &called).iter().any(|name| !defined.contains(name))
}

/// Those of some names that the new code uses and nothing binds.
fn missing<'s>(before: &Source<'_>, after: &'s Source<'_>, plan: &Plan, of: &[&str]) -> Vec<&'s str> {
    // Imports within functions and conditions bind as well; what is taken out does not.
    let kept = (0..after.lines.len()).filter(|l| !plan.lines.contains(l)).filter_map(|l| after.import(l)).flatten();
    let kept: Vec<Item> = kept.chain(plan.insert.iter().cloned()).collect();
    // A star at the top may bind anything; one in a condition takes fast versions of what the module has anyway.
    if items(after, |line| !plan.lines.contains(&line)).iter().any(|item| item.name == "*") {
        return Vec::new();
    }
    let mut bound: BTreeSet<&str> = kept.iter().map(Item::bound).collect();
    let mut last = "";
    for (name, _, rest) in names(&after.code) {
        let rest = rest.trim_start();
        if (rest.starts_with('=') && !rest.starts_with("==")) || ["def", "class", "as", "for"].contains(&last) {
            bound.insert(name);
        }
        last = name;
    }
    let count = |source: &Source<'_>, name: &str| in_code(source).filter(|n| n.1 && n.0 == name).count();
    let imported = items(before, |_| true);
    let new = |name: &str| count(after, name) > count(before, name) || imported.iter().any(|item| item.bound() == name);
    let free = of.iter().filter(|name| !bound.contains(**name) && new(name));
    free.filter_map(|name| in_code(after).find(|n| n.1 && n.0 == *name).map(|n| n.0)).collect()
}

/// The names in code that is no import.
fn in_code<'s>(source: &'s Source<'_>) -> impl Iterator<Item = (&'s str, bool, &'s str)> {
    let lines = (0..source.lines.len()).filter(|l| source.import(*l).is_none());
    lines.flat_map(|l| names(&source.code[source.lines[l].clone()]))
}

/// Put an import where the imports of the file are.
fn insert(body: &mut String, item: &Item, ending: &str) {
    let text = body.clone();
    let source = Source::new(&text);
    let header = header(&source);
    let future = item.module.as_deref() == Some("__future__");
    // Names are added to a list of the same module that stands on one line.
    if item.module.is_some() {
        for line in header.clone() {
            let range = source.lines[line].clone();
            let code = &source.code[range.clone()];
            let same =
                source.import(line).is_some_and(|all| all.iter().all(|i| i.module == item.module && i.name != "*"));
            let flat = !code.contains(['(', '\\', ';']) && code.trim_end().len() + item.written().len() + 2 <= WIDTH;
            if same && flat {
                let at = range.start + code.trim_end().len();
                body.insert_str(at, &format!(", {}", item.written()));
                return;
            }
        }
    }
    let line = match &item.module {
        Some(module) => format!("from {module} import {}", item.written()),
        None => format!("import {}", item.written()),
    };
    let last = header.clone().rev().find(|l| source.imports(*l) && (!future || is_future(&source, *l)));
    let mut top = header.clone().take_while(|l| !source.imports(*l));
    let docstring = top.clone().find(|l| source.is_string(*l));
    // A comment at the top that an empty line follows is about the file and not about what comes first in it.
    let comment = top.clone().find(|l| source.is_blank(*l)).filter(|l| *l > 0);
    let shebang = top.by_ref().take_while(|l| {
        let text = &source.text[source.lines[*l].clone()];
        text.starts_with("#!") || (*l < 2 && text.starts_with('#') && text.contains("coding"))
    });
    let after = last.or(docstring).or_else(|| comment.map(|l| l - 1)).or_else(|| shebang.last());
    let at = after.map_or(0, |l| source.lines[l].end);
    let rest = &body[at..];
    let mut text = String::new();
    if at > 0 && !body[..at].ends_with('\n') {
        text.push_str(ending);
    }
    if at > 0 && last.is_none() {
        text.push_str(ending);
    }
    text.push_str(&line);
    text.push_str(ending);
    let next_is_import = after.map_or(0, |l| l + 1) < header.end && source.import(after.map_or(0, |l| l + 1)).is_some();
    let next_is_blank = rest.lines().next().is_none_or(|l| l.trim().is_empty());
    if !next_is_import && !next_is_blank && last.is_none() {
        let definition = ["def ", "class ", "async ", "@"].iter().any(|word| rest.starts_with(word));
        text.push_str(&ending.repeat(if definition { 2 } else { 1 }));
    }
    body.insert_str(at, &text);
}

/// `text` with lines that import something where its imports are. Lines that it has are left out.
pub(crate) fn with(path: &RepoPath, text: &str, lines: &[String]) -> String {
    header::with(path, text, lines)
}

#[cfg(test)]
mod tests;
