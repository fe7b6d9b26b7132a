//! Tests of binders as texts with marks.
//!
//! - `⟦x⟧` is one declaration with all of its occurrences: the marked names mean it, and no other occurrence of its name does.
//! - `⟦2:x⟧` is the same of a second declaration, and so on.
//! - `⟦x→meaning⟧` is an occurrence with the meaning that [`meaning`] writes (`member of instance of A`); several in one place
//!   are joined by `; `, and no reference at all is `nothing`.
//!
//! ```text
//! check(Language::Python, "⟦x⟧ = 1\ndef f(⟦2:x⟧): return ⟦2:x⟧\nprint(⟦x⟧, ⟦y→outside⟧)");
//! ```

use crate::{Bindings, DeclarationId, Form, Known, Members, Reference, Role, Target, bind};
use deepcoder_syntax::Language;
use std::collections::{BTreeMap, BTreeSet};

/// A text without its marks.
struct Marked {
    text: String,
    groups: BTreeMap<u32, BTreeSet<(u32, u32)>>,
    meanings: Vec<((u32, u32), String)>,
}

fn read(marked: &str) -> Marked {
    let mut read = Marked { text: String::new(), groups: BTreeMap::new(), meanings: Vec::new() };
    let mut rest = marked;
    while let Some((before, after)) = rest.split_once('⟦') {
        let (mark, after) = after.split_once('⟧').expect("a mark ends");
        read.text.push_str(before);
        let start = read.text.len() as u32;
        let (name, meaning) = mark.split_once('→').map_or((mark, None), |(name, meaning)| (name, Some(meaning)));
        let (group, name) =
            name.split_once(':').and_then(|(group, name)| Some((group.parse().ok()?, name))).unwrap_or((1, name));
        read.text.push_str(name);
        let at = (start, read.text.len() as u32);
        match meaning {
            Some(meaning) => read.meanings.push((at, meaning.to_owned())),
            None => _ = read.groups.entry(group).or_default().insert(at),
        }
        rest = after;
    }
    read.text.push_str(rest);
    read
}

/// Binds a text and compares what its names mean with its marks.
#[track_caller]
pub(crate) fn check(language: Language, marked: &str) {
    let Marked { text, groups, meanings } = read(marked);
    let bindings = bind(language, &text).expect("the text is bound");
    consistent(&bindings, &text);
    for (group, marks) in groups {
        let first = *marks.first().expect("no group is empty");
        let declared: BTreeSet<DeclarationId> = references(&bindings, first).filter_map(declaration).collect();
        // Where one text stands for two names, the group is the declaration that all of its marks have.
        let all = |id: &DeclarationId| {
            marks.iter().all(|mark| references(&bindings, *mark).any(|r| declaration(r) == Some(*id)))
        };
        let Some(id) = declared.iter().find(|id| all(id)) else {
            let seen: Vec<String> = marks.iter().map(|mark| line(&bindings, &text, *mark)).collect();
            panic!("group {group} is not one declaration:\n{}\nin\n{text}", seen.join("\n"));
        };
        let found: BTreeSet<(u32, u32)> = bindings
            .references
            .iter()
            .filter(|r| declaration(r) == Some(*id))
            .map(|r| (r.at.start, r.at.end))
            .collect();
        let more: Vec<String> = found.difference(&marks).map(|at| line(&bindings, &text, *at)).collect();
        assert!(more.is_empty(), "group {group} has other occurrences:\n{}\nin\n{text}", more.join("\n"));
    }
    for (at, expected) in meanings {
        let found: Vec<String> = references(&bindings, at).map(|r| meaning(&bindings, r)).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join("; ") };
        assert_eq!(found, expected, "{}\nin\n{text}", line(&bindings, &text, at));
    }
}

fn references(bindings: &Bindings, at: (u32, u32)) -> impl Iterator<Item = &Reference> {
    bindings.references.iter().filter(move |r| (r.at.start, r.at.end) == at)
}

fn declaration(reference: &Reference) -> Option<DeclarationId> {
    match reference.target {
        Target::Declaration(id) => Some(id),
        _ => None,
    }
}

/// A place with what it means.
fn line(bindings: &Bindings, text: &str, at: (u32, u32)) -> String {
    let before = &text[..at.0 as usize];
    let number = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
    let found: Vec<String> = references(bindings, at).map(|r| meaning(bindings, r)).collect();
    format!("{number}:{column} {}: {}", &text[at.0 as usize..at.1 as usize], found.join("; "))
}

/// What a reference means: its role (but for `Reads`), its target, and its form (but for `Plain`).
pub(crate) fn meaning(bindings: &Bindings, reference: &Reference) -> String {
    let name = |id: &DeclarationId| format!("{}#{}", bindings.declarations[id.0 as usize].name, id.0);
    let target = match &reference.target {
        Target::Declaration(id) => name(id),
        Target::Several(ids, why) => {
            format!("several {} ({why:?})", ids.iter().map(name).collect::<Vec<_>>().join(" "))
        }
        Target::Member(known) => format!("member of {}", value(bindings, known)),
        Target::Lookup { of, members, otherwise } => {
            let of: Vec<String> = of.iter().map(|one| value(bindings, one)).collect();
            let members = match members {
                Members::Any => "member".to_owned(),
                Members::Values => "value".to_owned(),
                Members::Types => "type".to_owned(),
                Members::Methods(None) => "method".to_owned(),
                Members::Methods(Some(arguments)) => format!("method/{arguments}"),
            };
            let rest =
                Reference { target: (**otherwise).clone(), role: Role::Reads, form: Form::Plain, ..reference.clone() };
            format!("{members} of {}, else {}", of.join(", "), meaning(bindings, &rest))
        }
        Target::Module(path) => format!("module {path}"),
        Target::Outside => "outside".to_owned(),
        Target::Expanded => "expanded".to_owned(),
        Target::Dynamic(why) => format!("dynamic ({why:?})"),
    };
    let role = match reference.role {
        Role::Reads => String::new(),
        role => format!("{role:?} ").to_lowercase(),
    };
    match reference.form {
        Form::Plain => format!("{role}{target}"),
        form => format!("{role}{target} {form:?}"),
    }
}

/// What is known of a value: `A`, `instance of A`, `a.b`, `f()`, `a[]`, `a | b`, `<module>`, `'str'`, `?`.
pub(crate) fn value(bindings: &Bindings, known: &Known) -> String {
    match known {
        Known::Unknown => "?".to_owned(),
        Known::Itself(id) => bindings.declarations[id.0 as usize].name.clone(),
        Known::Instance(of) => format!("instance of {}", value(bindings, of)),
        Known::Member(of, name) => format!("{}.{name}", value(bindings, of)),
        Known::Called(of) => format!("{}()", value(bindings, of)),
        Known::Element(of) => format!("{}[]", value(bindings, of)),
        Known::Either(all) => all.iter().map(|one| value(bindings, one)).collect::<Vec<_>>().join(" | "),
        Known::Module(path) => format!("<{path}>"),
        Known::Builtin(name) => format!("'{name}'"),
        Known::Outside(name) => format!("^{name}"),
        Known::Tuple(all) => format!("({})", all.iter().map(|one| value(bindings, one)).collect::<Vec<_>>().join(", ")),
        Known::Part(of, index) => format!("{}.{index}", value(bindings, of)),
    }
}

/// The declarations of a text, one a line in the order of the text: `kind name: value`, and `(bases)` where there are any.
pub(crate) fn declarations(language: Language, text: &str) -> Vec<String> {
    let bindings = bind(language, text).expect("the text is bound");
    consistent(&bindings, text);
    let mut lines = Vec::new();
    for found in &bindings.declarations {
        let mut line = format!("{:?} {}", found.kind, found.name);
        if let Some(import) = &found.import {
            line += &format!(" from {}", import.module);
            line += &import.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        }
        if !found.bases.is_empty() {
            let bases: Vec<String> = found.bases.iter().map(|base| value(&bindings, base)).collect();
            line += &format!(" ({})", bases.join(", "));
        }
        if found.value != Known::Unknown {
            line += &format!(": {}", value(&bindings, &found.value));
        }
        lines.push(line);
    }
    lines
}

/// What holds of every file's bindings, whatever its text is.
#[track_caller]
pub(crate) fn consistent(bindings: &Bindings, text: &str) {
    let scopes = bindings.scopes.len() as u32;
    for (index, scope) in bindings.scopes.iter().enumerate() {
        assert!(scope.parent.is_none_or(|parent| (parent.0 as usize) < index), "scope {index} comes after its parent");
        assert_eq!(scope.parent.is_none(), index == 0, "the first scope is the file's");
        assert!(text.get(scope.range.as_range()).is_some(), "scope {index} is a part of the text");
    }
    for found in &bindings.declarations {
        assert!(found.scope.0 < scopes && text.get(found.at.as_range()).is_some(), "{found:?}");
        assert!(text.get(found.extent.as_range()).is_some(), "{found:?}");
    }
    assert!(
        bindings.declarations.is_sorted_by_key(|found| found.at.start),
        "declarations are in the order of the text"
    );
    assert!(bindings.references.is_sorted_by_key(|found| found.at.start), "references are in the order of the text");
    for found in &bindings.references {
        assert!(found.scope.0 < scopes && text.get(found.at.as_range()).is_some(), "{found:?}");
        if let Target::Declaration(id) = found.target {
            let declared = bindings.declaration(id).expect("the declaration is there");
            let elsewhere = matches!(found.role, Role::Imports | Role::Exports);
            assert!(elsewhere || declared.name == found.name, "a name means a declaration of the same name: {found:?}");
        }
    }
    for pair in bindings.references.windows(2) {
        let twice = pair[0].at == pair[1].at && matches!(pair[1].form, Form::Second(_) | Form::Fixed);
        assert!(twice || pair[0].at.end <= pair[1].at.start, "one reference for a text: {pair:?}");
    }
}
