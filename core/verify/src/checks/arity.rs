//! Calls whose arguments do not fit the function that they call.

use super::imports::home;
use super::{Context, File};
use crate::policy::Finding;
use deepcoder_syntax::{Call, Callable, Calls, Language, calls, imports};
use deepcoder_types::RepoPath;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// At most this many files are asked whether they call what has other parameters now.
const MAX_ASKED: usize = 1_000;

/// At most this many calls of a file are told.
const MOST: usize = 5;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let (before, after) = (Texts::new(context, When::Before), Texts::new(context, When::After));
    let mut changed: BTreeSet<String> = BTreeSet::new();
    for file in context.files.iter().filter(|file| file.sound()) {
        let Some(language) = file.language.filter(|language| has_calls(*language)) else { continue };
        let known: BTreeSet<String> =
            wrong(context, language, file.path, &before).into_iter().map(|w| w.what).collect();
        let new = wrong(context, language, file.path, &after).into_iter().filter(|w| !known.contains(&w.what));
        for Wrong { line, what, .. } in new.take(MOST) {
            findings.push(Finding::review(file.path, format!("line {line} {what}")));
        }
        changed.extend(resigned(language, file));
    }
    if !changed.is_empty() {
        elsewhere(context, &changed, (&before, &after), findings);
    }
}

fn has_calls(language: Language) -> bool {
    language == Language::Python || language.is_script()
}

/// The functions of a file that take other arguments than before.
fn resigned(language: Language, file: &File<'_>) -> Vec<String> {
    let read = |text: Option<&str>| text.and_then(|text| calls(language, text)).unwrap_or_default().callables;
    let old = read(file.old);
    let other = |new: &Callable| old.iter().any(|old| old.name == new.name && old != new);
    read(file.new).into_iter().filter(other).map(|callable| callable.name).collect()
}

/// Calls in files that the edit leaves as they are.
fn elsewhere(
    context: &Context<'_>,
    changed: &BTreeSet<String>,
    (before, after): (&Texts<'_, '_>, &Texts<'_, '_>),
    findings: &mut Vec<Finding>,
) {
    let others = context.tree.files().iter().filter(|path| !context.tree.in_set(path));
    for path in others.filter(|path| Language::program(path).is_some_and(has_calls)).take(MAX_ASKED) {
        let Some(language) = Language::program(path) else { continue };
        let Some(text) = context.tree.text(path) else { continue };
        if !changed.iter().any(|name| text.contains(name.as_str())) {
            continue;
        }
        let known: BTreeSet<String> = wrong(context, language, path, before).into_iter().map(|w| w.what).collect();
        let new = wrong(context, language, path, after).into_iter().find(|w| !known.contains(&w.what));
        if let Some(Wrong { line, what, home }) = new {
            findings.push(Finding::review(&home, format!("line {line} of `{path}`, which stays as it is, {what}")));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Before,
    After,
}

/// The functions and calls of files, before or after the edit.
struct Texts<'c, 'a> {
    context: &'c Context<'a>,
    when: When,
    read: RefCell<HashMap<RepoPath, Option<Rc<Calls>>>>,
}

impl<'c, 'a> Texts<'c, 'a> {
    fn new(context: &'c Context<'a>, when: When) -> Self {
        Self { context, when, read: RefCell::default() }
    }

    fn text(&self, path: &RepoPath) -> Option<Rc<str>> {
        if self.when == When::Before
            && let Some(file) = self.context.files.iter().find(|file| file.path == path)
        {
            return file.old.map(Rc::from);
        }
        self.context.tree.text(path)
    }

    fn calls(&self, path: &RepoPath) -> Option<Rc<Calls>> {
        if let Some(known) = self.read.borrow().get(path) {
            return known.clone();
        }
        let found = Language::program(path)
            .zip(self.text(path))
            .and_then(|(language, text)| calls(language, &text))
            .map(Rc::new);
        self.read.borrow_mut().insert(path.clone(), found.clone());
        found
    }
}

/// A call that does not fit.
struct Wrong {
    line: u32,
    what: String,
    /// The file that defines what is called.
    home: RepoPath,
}

fn wrong(context: &Context<'_>, language: Language, path: &RepoPath, texts: &Texts<'_, '_>) -> Vec<Wrong> {
    let Some(own) = texts.calls(path) else { return Vec::new() };
    let Some(text) = texts.text(path) else { return Vec::new() };
    let imported = imports(language, &text);
    let mut found = Vec::new();
    for call in &own.calls {
        let of = |calls: &Calls| calls.callables.iter().find(|c| c.name == call.name).cloned();
        let defined = of(&own).map(|callable| (callable, path.clone())).or_else(|| {
            let import = imported.iter().find(|import| import.names.contains(&call.name))?;
            let home = home(context, language, path, &import.module)?;
            Some((of(texts.calls(&home)?.as_ref())?, home))
        });
        let Some((callable, home)) = defined else { continue };
        if let Some(what) = misfit(language, call, &callable) {
            found.push(Wrong { line: call.line, what, home });
        }
    }
    found
}

/// Why a call does not fit.
fn misfit(language: Language, call: &Call, callable: &Callable) -> Option<String> {
    let name = &call.name;
    let takes = callable.positional.len();
    if call.positional > takes && !callable.rest {
        let many =
            if call.positional == 1 { "an argument".to_owned() } else { format!("{} arguments", call.positional) };
        let takes = if takes == 0 { "none".to_owned() } else { takes.to_string() };
        return Some(format!("calls `{name}` with {many}, and it takes {takes}"));
    }
    let all = || callable.positional.iter().chain(&callable.named);
    if let Some(unknown) = call.named.iter().find(|named| !callable.names && !all().any(|p| p.name == **named)) {
        return Some(format!("calls `{name}` with `{unknown}`, which it does not take"));
    }
    // JavaScript gives what is missing a value.
    if language == Language::JavaScript {
        return None;
    }
    let by_place = callable.positional.iter().skip(call.positional);
    let missing = by_place.chain(&callable.named).find(|p| p.required && !call.named.contains(&p.name))?;
    Some(format!("calls `{name}` without `{}`", missing.name))
}
