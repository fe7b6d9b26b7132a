//! CPython's own compiler as the judge: for every reference of its standard library, the scope that gives it its meaning.

use crate::{Bindings, Reference, Role, ScopeId, ScopeKind, Target, bind};
use deepcoder_syntax::{Language, python_builtin};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::process::{Command, Stdio};

const SCRIPT: &str = include_str!("symbols.py");

/// Names that the compiler makes up.
const MADE: &[&str] = &["__class__", "__classdict__", "__conditional_annotations__", ".0", "__classcell__"];

/// Runs the script.
fn python(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("python3")
        .args(["-I", "-c", SCRIPT])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed: its compiler is what this test compares with");
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("python3 ends");
    writer.join().expect("the writer ends").expect("python3 reads");
    assert!(output.status.success(), "python3 fails");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A scope of the compiler's.
struct Theirs {
    parent: Option<usize>,
    kind: String,
    line: usize,
    name: String,
    /// Each name with the scope that gives it its meaning.
    names: BTreeMap<String, Option<usize>>,
}

#[derive(Default)]
struct Score {
    files: usize,
    references: usize,
    agree: usize,
    doubtful: usize,
    wrong: Vec<String>,
    /// Files that the grammar does not understand as a whole, with what is wrong in them.
    unparsed: Vec<(String, usize)>,
}

impl Score {
    fn share(&self) -> f64 {
        100.0 * self.agree as f64 / self.references.max(1) as f64
    }
}

fn parse(block: &str) -> (String, Vec<Theirs>) {
    let mut lines = block.lines();
    let path = lines.next().expect("a path").to_owned();
    let mut scopes: Vec<Theirs> = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["S", _, parent, kind @ .., line, name] => scopes.push(Theirs {
                parent: parent.parse().ok(),
                kind: kind.join(" "),
                line: line.parse().expect("a line"),
                name: (*name).to_owned(),
                names: BTreeMap::new(),
            }),
            ["N", scope, home, name] => {
                let scope: usize = scope.parse().expect("a scope");
                scopes[scope].names.insert((*name).to_owned(), home.parse().ok());
            }
            _ => panic!("{line}"),
        }
    }
    (path, scopes)
}

/// Ours for each scope of theirs: those of the same parent, kind, name and line, in their order; where several are alike,
/// the one with the same names.
fn pair(bindings: &Bindings, text: &str, theirs: &[Theirs]) -> HashMap<usize, ScopeId> {
    let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |offset: u32| starts.partition_point(|at| *at < offset as usize) + 1;
    let mut names: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); bindings.scopes.len()];
    for found in
        bindings.references.iter().filter(|found| !matches!(found.target, Target::Member(_) | Target::Module(_)))
    {
        names[found.scope.0 as usize].insert(&found.name);
    }
    let mut children: BTreeMap<ScopeId, Vec<ScopeId>> = BTreeMap::new();
    for (index, scope) in (0..).zip(&bindings.scopes) {
        if let Some(parent) = scope.parent {
            children.entry(parent).or_default().push(ScopeId(index));
        }
    }
    let mut taken: BTreeSet<ScopeId> = BTreeSet::new();
    let mut pairs = HashMap::from([(0, ScopeId(0))]);
    for (index, scope) in theirs.iter().enumerate().skip(1) {
        let Some(parent) = scope.parent.and_then(|parent| pairs.get(&parent)) else { continue };
        let mut alike: Vec<ScopeId> = Vec::new();
        for id in children.get(parent).into_iter().flatten().filter(|id| !taken.contains(id)) {
            let ours = &bindings.scopes[id.0 as usize];
            let owner = ours.owner.map(|id| bindings.declarations[id.0 as usize].name.as_str());
            let same = match (scope.kind.as_str(), ours.kind) {
                ("class", ScopeKind::Class) => owner.is_none_or(|owner| owner.ends_with(&scope.name)),
                ("function", ScopeKind::Function) if scope.name == "lambda" => ours.owner.is_none(),
                ("function", ScopeKind::Function) => owner.is_some_and(|owner| owner.ends_with(&scope.name)),
                ("function", ScopeKind::Comprehension) => scope.name.ends_with("comp") || scope.name == "genexpr",
                (other, ScopeKind::TypeParameters) => !matches!(other, "class" | "function"),
                _ => false,
            };
            // A class's scope is its body, and a function's begins at its parameters.
            let from = line(ours.range.start);
            let near = match ours.kind {
                ScopeKind::Comprehension => from == scope.line,
                _ => {
                    let named = ours.owner.is_some();
                    from >= scope.line && named || from == scope.line
                }
            };
            if same && near {
                alike.push(*id);
            }
        }
        alike.sort_by_key(|id| bindings.scopes[id.0 as usize].range.start);
        let wanted: BTreeSet<&str> =
            scope.names.keys().map(String::as_str).filter(|name| !MADE.contains(name)).collect();
        let nearest = alike.first().map(|id| line(bindings.scopes[id.0 as usize].range.start));
        let exact = alike.iter().find(|id| {
            Some(line(bindings.scopes[id.0 as usize].range.start)) == nearest && names[id.0 as usize] == wanted
        });
        if let Some(id) = exact.or(alike.first()) {
            taken.insert(*id);
            pairs.insert(index, *id);
        }
    }
    pairs
}

fn judge(block: &str, score: &mut Score) {
    let (path, theirs) = parse(block);
    let Ok(text) = std::fs::read_to_string(&path) else { return };
    let Some(bindings) = bind(Language::Python, &text) else { return };
    crate::tests::marked::consistent(&bindings, &text);
    score.files += 1;
    let before = score.wrong.len();
    let pairs = pair(&bindings, &text, &theirs);
    let back: HashMap<ScopeId, usize> = pairs.iter().map(|(theirs, ours)| (*ours, *theirs)).collect();
    let tree = deepcoder_syntax::tree(Language::Python, &text).expect("it is bound");
    let node = |found: &Reference| {
        let (start, end) = (found.at.start as usize, found.at.end as usize);
        tree.root_node().descendant_for_byte_range(start, end)
    };
    let in_string =
        |found: &Reference| node(found).is_some_and(|node| matches!(node.kind(), "string_content" | "string"));
    // Attributes are in no table.
    let attribute = |found: &Reference| {
        let parent = node(found).and_then(|node| node.parent()).filter(|parent| parent.kind() == "attribute");
        parent
            .and_then(|parent| parent.child_by_field_name("attribute"))
            .is_some_and(|name| name.start_byte() == found.at.start as usize)
    };
    let postponed = text.contains("from __future__ import annotations");
    let mut seen: BTreeSet<(usize, &str)> = BTreeSet::new();
    for found in &bindings.references {
        let member = matches!(found.target, Target::Member(_) | Target::Module(_));
        if member || attribute(found) || in_string(found) || MADE.contains(&found.name.as_str()) {
            continue;
        }
        score.references += 1;
        let line = text[..found.at.start as usize].matches('\n').count() + 1;
        let theirs_at = back.get(&found.scope);
        let expected = theirs_at.and_then(|scope| theirs[*scope].names.get(&found.name).map(|home| (*scope, *home)));
        let Some((scope, home)) = expected else {
            // Annotations that are not evaluated are in no table.
            if postponed {
                score.references -= 1;
            } else {
                score.wrong.push(format!("{path}:{line} {}: not in their table ({theirs_at:?})", found.name));
            }
            continue;
        };
        seen.insert((scope, found.name.as_str()));
        let home = home.and_then(|home| pairs.get(&home).copied());
        let later = |kind: ScopeKind| {
            let own = home.is_some_and(|home| bindings.scopes[home.0 as usize].kind == kind && home == found.scope);
            own && found.role == Role::Reads
        };
        let of = |id: &crate::DeclarationId| bindings.declarations[id.0 as usize].scope;
        let agrees = match &found.target {
            Target::Declaration(id) => {
                Some(of(id)) == home
                    || later(ScopeKind::Class)
                        && bindings
                            .declarations
                            .iter()
                            .any(|d| Some(d.scope) == home && d.name == found.name && d.extent.end > found.at.start)
            }
            Target::Several(ids, _) => {
                score.doubtful += 1;
                ids.iter().any(|id| Some(of(id)) == home)
            }
            Target::Outside => {
                let nowhere = !bindings.declarations.iter().any(|d| Some(d.scope) == home && d.name == found.name);
                home == Some(ScopeId(0)) && (nowhere || python_builtin(&found.name).is_some())
                    || later(ScopeKind::Class)
            }
            _ => false,
        };
        if agrees {
            score.agree += 1;
        } else {
            score.wrong.push(format!("{path}:{line} {}: {:?}, expected in {home:?}", found.name, found.target));
        }
    }
    // What they know and we do not see, but for what a scope only passes on to others within it.
    for (index, scope) in theirs.iter().enumerate() {
        for (name, home) in scope.names.iter().filter(|(name, _)| !MADE.contains(&name.as_str())) {
            let home = home.and_then(|home| pairs.get(&home).copied());
            let passed = (index == 0 || home != Some(ScopeId(0)))
                && home != pairs.get(&index).copied().filter(|_| index > 0)
                && bindings.declarations.iter().any(|d| Some(d.scope) == home && d.name == *name);
            // A function says that it is the file's, and nothing gives it a value.
            let unset =
                index == 0 && bindings.references.iter().any(|r| r.name == *name && r.target == Target::Outside);
            // A walrus binds around the comprehension that it is in.
            let walrus = pairs.get(&index).is_some_and(|ours| {
                bindings.scopes[ours.0 as usize].kind == ScopeKind::Comprehension
                    && text.contains(&format!("{name} :="))
            });
            if !passed && !unset && !walrus && !seen.contains(&(index, name.as_str())) {
                score.references += 1;
                score.wrong.push(format!("{path}:{} {}.{name} is not seen", scope.line, scope.name));
            }
        }
    }
    if tree.root_node().has_error() {
        score.unparsed.push((path, score.wrong.len() - before));
    }
}

/// Judges every file whose number is a multiple.
fn library(every: usize) -> Score {
    let list = python(&["list"], "");
    let files: Vec<&str> = list.lines().step_by(every).collect();
    let told = python(&[], &files.join("\n"));
    let mut score = Score::default();
    for block in told.split("F /").skip(1) {
        judge(&format!("/{block}"), &mut score);
    }
    eprintln!("not understood as a whole, with what is wrong there: {:?}", score.unparsed);
    eprintln!(
        "{} files, {} references, {} agree ({:.4} %), {} of them in doubt",
        score.files,
        score.references,
        score.agree,
        score.share(),
        score.doubtful
    );
    score
}

/// Protects the scopes: what a name means is what CPython's compiler says, in a sample of the standard library.
#[test]
fn a_sample_of_the_library_means_what_the_compiler_says() {
    let score = library(40);
    assert!(score.files > 10, "the library is there");
    assert!(score.share() >= 99.9, "{:.3} %:\n{}", score.share(), score.wrong.join("\n"));
}

/// Protects the same, in all of it.
#[test]
#[ignore = "takes minutes without optimisation: run it after a change of the binder"]
fn the_library_means_what_the_compiler_says() {
    let score = library(1);
    let parsed = |line: &&String| !score.unparsed.iter().any(|(path, _)| line.starts_with(&format!("{path}:")));
    let wrong: Vec<&String> = score.wrong.iter().filter(parsed).collect();
    assert!(wrong.is_empty(), "in files that are understood: {wrong:#?}");
    assert!(score.share() >= 99.9, "{:.4} %", score.share());
}
