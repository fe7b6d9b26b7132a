//! Files that are compiled together (C): declarations of several files that are one, and what a name of another file means.
//!
//! Two files are together where a third one, or one of them, includes both. A name of the file scope is looked up in all
//! files that are together with its own, which is at least what a compiler sees; so more may be found than is meant, and
//! then there are several candidates.

use super::{Global, Meaning, Project, Symbol};
use crate::bindings::{Declaration, DeclarationKind, Hazard, ScopeId, ScopeKind, Space, Why};
use crate::languages::c::macros::{Paste, Scan, has_word, makes, scan};
use crate::languages::c::modules::{beside, ends, tail};
use crate::languages::rules;
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Endings of files that are compiled with C and are not read here.
const OTHERS: &[&str] = &[
    "asm", "cu", "cuh", "def", "exp", "f", "f90", "go", "i", "in", "ino", "l", "ld", "lds", "ll", "m", "map", "mm",
    "pxd", "pyx", "re", "rl", "rs", "s", "sym", "tcc", "tpp", "txx", "ver", "xs", "y", "yy",
];

type Up = Arc<BTreeSet<RepoPath>>;
type Named = Arc<Vec<(Global, Declaration)>>;

/// What is known of the files that include each other.
#[derive(Default)]
pub(super) struct Units {
    graph: OnceLock<Graph>,
    up: Mutex<BTreeMap<RepoPath, Up>>,
    groups: Mutex<BTreeMap<Global, Arc<Group>>>,
    named: Mutex<HashMap<String, Named>>,
}

#[derive(Default)]
struct Graph {
    /// The files that include a file.
    includers: HashMap<RepoPath, BTreeSet<RepoPath>>,
    /// Files with an inclusion in quotes that is not found, or that may mean several files.
    unsure: BTreeSet<RepoPath>,
    pastes: Vec<Paste>,
}

/// Declarations of the file scope that are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) declarations: Vec<Global>,
    pub(super) open: Option<Why>,
}

impl Project<'_> {
    /// Whether files like this one are compiled together with those that they include.
    pub(crate) fn includes(&self, path: &RepoPath) -> bool {
        Language::program(path).and_then(rules).is_some_and(|rules| rules.includes())
    }

    fn graph(&self) -> &Graph {
        self.units.graph.get_or_init(|| {
            let paths = self.files.paths();
            let mut by_name: HashMap<&str, Vec<&RepoPath>> = HashMap::new();
            for path in paths {
                by_name.entry(path.file_name()).or_default().push(path);
            }
            let mut graph = Graph::default();
            for path in paths.iter().filter(|path| self.includes(path)) {
                let Some(text) = self.files.text(path) else { continue };
                let Scan { includes, computed, pastes } = scan(&text);
                if computed {
                    graph.unsure.insert(path.clone());
                }
                for paste in pastes {
                    if !graph.pastes.contains(&paste) {
                        graph.pastes.push(paste);
                    }
                }
                for include in includes {
                    let next = beside(path, &include).filter(|path| self.files.exists(path));
                    let found: Vec<RepoPath> = next.map(|path| vec![path]).unwrap_or_else(|| {
                        let Some(tail) = tail(&include) else { return Vec::new() };
                        let name = tail.rsplit('/').next().unwrap_or(&tail);
                        let all = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
                        all.iter().filter(|path| ends(path, &tail)).map(|path| (*path).clone()).collect()
                    });
                    if found.len() > 1 || found.is_empty() && include.starts_with('"') {
                        graph.unsure.insert(path.clone());
                    }
                    for file in found {
                        graph.includers.entry(file).or_default().insert(path.clone());
                    }
                }
            }
            graph
        })
    }

    /// The file and all that include it.
    fn up(&self, path: &RepoPath) -> Up {
        if let Some(known) = self.units.up.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return known.clone();
        }
        let graph = self.graph();
        let mut seen = BTreeSet::from([path.clone()]);
        let mut left = vec![path];
        while let Some(next) = left.pop() {
            for includer in graph.includers.get(next).into_iter().flatten() {
                if seen.insert(includer.clone()) {
                    left.push(includer);
                }
            }
        }
        let up = Arc::new(seen);
        self.units.up.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), up.clone());
        up
    }

    /// Whether no file of C++ is compiled with this one.
    pub(super) fn only_c(&self, path: &RepoPath) -> bool {
        self.up(path).iter().all(|path| matches!(path.extension(), Some("c" | "h")))
    }

    /// Whether some file is compiled with both.
    pub(crate) fn together(&self, one: &RepoPath, other: &RepoPath) -> bool {
        one == other || !self.up(one).is_disjoint(&self.up(other))
    }

    /// The namespaces that a declaration of the file scope is in; `None` for one of another scope.
    fn namespaces(&self, path: &RepoPath, declaration: &Declaration) -> Option<Vec<String>> {
        let bindings = self.bindings(path)?;
        let mut names = Vec::new();
        let mut scope = bindings.scope(declaration.scope)?;
        loop {
            match scope.kind {
                ScopeKind::File => return Some(names),
                ScopeKind::Module => names.push(bindings.declaration(scope.owner?)?.name.clone()),
                _ => return None,
            }
            scope = bindings.scope(scope.parent?)?;
        }
    }

    /// Every declaration of a name in files that this test lets through.
    pub(crate) fn everywhere(&self, name: &str, test: impl Fn(&RepoPath) -> bool) -> Vec<(Global, Declaration)> {
        let known = self.units.named.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let all = known.unwrap_or_else(|| {
            let mut found = Vec::new();
            for path in self.files.mentions(name).into_iter().filter(|path| self.includes(path)) {
                let Some(bindings) = self.bindings(&path) else { continue };
                let named = bindings.ids().filter(|(_, d)| d.name == name);
                found.extend(named.map(|(id, d)| ((path.clone(), id), d.clone())));
            }
            let found = Arc::new(found);
            let mut named = self.units.named.lock().unwrap_or_else(PoisonError::into_inner);
            named.insert(name.to_owned(), found.clone());
            found
        });
        all.iter().filter(|((path, _), _)| test(path)).cloned().collect()
    }

    /// Those of the file scope.
    pub(crate) fn linkable(&self, all: Vec<(Global, Declaration)>) -> Vec<(Global, Declaration, Vec<String>)> {
        let one = |(global, d): (Global, Declaration)| {
            let namespaces = self.namespaces(&global.0, &d)?;
            Some((global, d, namespaces))
        };
        all.into_iter().filter_map(one).collect()
    }

    /// The declarations that are one with a declaration of the file scope; none for another one.
    pub(super) fn group(&self, global: &Global) -> Arc<Group> {
        if let Some(known) = self.units.groups.lock().unwrap_or_else(PoisonError::into_inner).get(global) {
            return known.clone();
        }
        let group = Arc::new(self.grouped(global).unwrap_or_default());
        let mut groups = self.units.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.insert(global.clone(), group.clone());
        group
    }

    fn grouped(&self, global: &Global) -> Option<Group> {
        let own = self.declaration(global)?;
        let namespaces = self.namespaces(&global.0, &own)?;
        if own.name.is_empty() {
            return None;
        }
        let mut others = self.linkable(self.everywhere(&own.name, |_| true));
        others.retain(|(_, d, around)| d.space == own.space && *around == namespaces);
        let mut group = self.component(global, &mut others);
        let mut open = None;
        if is_external(&own) || group.iter().any(|global| self.declaration(global).as_ref().is_some_and(is_external)) {
            others.retain(|(_, d, _)| is_external(d));
            let mut defined = usize::from(self.defines(&group));
            while let Some((next, _, _)) = others.first() {
                let next = next.clone();
                let more = self.component(&next, &mut others);
                let defines = self.defines(&more);
                // What nobody defines there is defined here, or the other way round.
                if !defines || defined == 0 {
                    group.extend(more);
                }
                defined += usize::from(defines);
            }
            open = match defined {
                0 => Some(Why::OutsideTree),
                1 => None,
                _ => Some(Why::SeveralDeclarations),
            };
        } else if !others.is_empty() && !(matches!(own.kind, DeclarationKind::Function | DeclarationKind::Variable)) {
            let unsure = &self.graph().unsure;
            let involved = others.iter().map(|(global, _, _)| global).chain(&group);
            open = involved.map(|(path, _)| path).any(|path| unsure.contains(path)).then_some(Why::OutsideTree);
        }
        group.sort();
        Some(Group { declarations: group, open })
    }

    /// Those of the others that are together with a declaration, or with one that is.
    fn component(&self, global: &Global, others: &mut Vec<(Global, Declaration, Vec<String>)>) -> Vec<Global> {
        let mut found = vec![global.clone()];
        others.retain(|(other, _, _)| other != global);
        let mut next = 0;
        while let Some(one) = found.get(next).cloned() {
            next += 1;
            others.retain(|(other, _, _)| {
                let joined = self.together(&one.0, &other.0);
                if joined {
                    found.push(other.clone());
                }
                !joined
            });
        }
        found
    }

    /// Whether one of these is a definition and no mere declaration.
    fn defines(&self, group: &[Global]) -> bool {
        group.iter().any(|global| {
            let (Some(d), Some(text)) = (self.declaration(global), self.files.text(&global.0)) else { return false };
            let extent = text.get(d.extent.as_range()).unwrap_or("").trim_end();
            let before = text.get(d.extent.start as usize..d.at.start as usize).unwrap_or("");
            match d.kind {
                DeclarationKind::Function => extent.ends_with('}'),
                _ => !before.split_whitespace().any(|word| word == "extern"),
            }
        })
    }

    /// The other declarations of a type or a namespace, with itself.
    pub(crate) fn same_type(&self, of: &Global) -> Vec<Global> {
        if !self.includes(&of.0) {
            return vec![of.clone()];
        }
        let group = self.group(of);
        if group.declarations.is_empty() { vec![of.clone()] } else { group.declarations.clone() }
    }

    /// A type of which no file of the tree says what is in it.
    pub(super) fn opaque(&self, of: &Global) -> Option<Why> {
        if !self.includes(&of.0) {
            return None;
        }
        let has_body = |(path, id): &Global| {
            self.bindings(path).is_some_and(|b| {
                b.scopes.iter().any(|scope| scope.kind == ScopeKind::Class && scope.owner == Some(*id))
            })
        };
        let class = self.declaration(of).is_some_and(|d| d.kind == DeclarationKind::Class);
        (class && !self.same_type(of).iter().any(has_body)).then_some(Why::OutsideTree)
    }

    /// A type whose values are not what they look like: what stands for an element or for what it points to is its own.
    pub(super) fn has_operators(&self, of: &Global) -> Option<Why> {
        if Language::program(&of.0) != Some(Language::Cpp) {
            return None;
        }
        (!self.inherited(of, "operator", crate::Members::Any).0.is_empty()).then_some(Why::UnknownReceiver)
    }

    /// A name that its file does not declare.
    pub(super) fn included(&self, path: &RepoPath, name: &str) -> Meaning {
        let cpp = Language::program(path) == Some(Language::Cpp);
        let mut all = self.linkable(self.everywhere(name, |_| true));
        all.retain(|(_, d, _)| cpp || d.space != Space::Tag);
        let (seen, far): (Vec<_>, Vec<_>) = all.into_iter().partition(|(global, _, _)| self.together(path, &global.0));
        let globals = |found: &[(Global, Declaration, Vec<String>)]| -> Vec<Global> {
            found.iter().map(|(global, _, _)| global.clone()).collect()
        };
        let (outer, inner): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(_, _, around)| around.is_empty());
        // In C++ a name stands for a value before it stands for a type.
        let values: Vec<_> = outer.iter().filter(|(_, d, _)| d.space != Space::Tag).cloned().collect();
        let outer = if values.is_empty() { outer } else { values };
        match (outer.is_empty(), inner.is_empty()) {
            (false, true) => Meaning::exact(globals(&outer)),
            (_, false) => {
                Meaning::doubtful(globals(&outer).into_iter().chain(globals(&inner)).collect(), Why::Wildcard)
            }
            (true, true) => {
                let unsure = self.graph().unsure.contains(path);
                let included = |path: &RepoPath| self.graph().includers.contains_key(path);
                let possible = |(global, d, _): &(Global, Declaration, Vec<String>)| {
                    is_external(d) || unsure && included(&global.0)
                };
                let far: Vec<_> = far.into_iter().filter(possible).collect();
                Meaning::doubtful(globals(&far), Why::OutsideTree)
            }
        }
    }

    /// The symbol of a declaration that is no member.
    pub(super) fn unit_symbol(&self, global: &Global, name: String) -> Symbol {
        let group = self.group(global);
        let declarations =
            if group.declarations.is_empty() { vec![global.clone()] } else { group.declarations.clone() };
        let open = group.open.or_else(|| self.made(global, &name));
        Symbol { name, declarations, open }
    }

    /// Why a name may stand in more places than those that name it: a macro has it or makes it, or a file in another
    /// language uses it.
    pub(super) fn made(&self, global: &Global, name: &str) -> Option<Why> {
        if !self.includes(&global.0) {
            return None;
        }
        let own = self.declaration(global)?;
        let is_macro = own.space == Space::Macro;
        let clash = |(other, d): &(Global, Declaration)| {
            (d.space == Space::Macro) != is_macro && self.together(&global.0, &other.0)
        };
        if self.everywhere(name, |_| true).iter().any(clash) {
            return Some(Why::Macro);
        }
        if self.pasted(name) {
            return Some(Why::Macro);
        }
        // A text that is included and that no grammar reads.
        let unread = |path: &RepoPath| {
            self.graph().includers.contains_key(path)
                && !self.includes(path)
                && self.files.text(path).is_some_and(|text| has_word(&text, name))
        };
        if self.files.mentions(name).iter().any(unread) {
            return Some(Why::Macro);
        }
        // A call may mean a function of the namespace that its arguments are from.
        let elsewhere = |(other, d, around): &(Global, Declaration, Vec<String>)| {
            d.kind == DeclarationKind::Function
                && self.together(&global.0, &other.0)
                && self.namespaces(&global.0, &own).is_some_and(|own| own != *around)
        };
        if own.kind == DeclarationKind::Function && self.linkable(self.everywhere(name, |_| true)).iter().any(elsewhere)
        {
            return Some(Why::SeveralDeclarations);
        }
        let visible = own.public && self.namespaces(&global.0, &own).is_some();
        let other = |path: &RepoPath| {
            path.extension().is_some_and(|ending| OTHERS.contains(&ending.to_ascii_lowercase().as_str()))
                && self.files.text(path).is_some_and(|text| has_word(&text, name))
        };
        if visible && self.files.mentions(name).iter().any(other) {
            return Some(Why::OutsideTree);
        }
        // A member that is defined outside of what it belongs to, which is not found.
        let elsewhere = |(other, d): &(Global, Declaration)| {
            self.bindings(&other.0)
                .and_then(|b| b.scope(d.scope).and_then(|scope| scope.of.clone()))
                .is_some_and(|of| self.types_of(&other.0, &of).is_empty())
        };
        self.everywhere(name, |_| true).iter().any(elsewhere).then_some(Why::SeveralDeclarations)
    }

    /// Whether a macro can put a name together from words of the tree.
    pub(crate) fn pasted(&self, name: &str) -> bool {
        let has = |path: &RepoPath, part: &str| {
            self.includes(path) && self.files.text(path).is_some_and(|text| has_word(&text, part))
        };
        let mut exists = |part: &str| {
            part.bytes().all(|byte| byte.is_ascii_digit())
                || self.files.mentions(part).iter().any(|path| has(path, part))
        };
        self.graph().pastes.iter().any(|paste| makes(paste, name, &mut exists))
    }

    /// Whether a hazard in a file can concern the symbol: what is local to a function or a file is not named elsewhere.
    pub(super) fn can_reach(&self, symbol: &Symbol, path: &RepoPath, hazard: &Hazard) -> bool {
        if !self.includes(path) {
            return true;
        }
        symbol.declarations.iter().any(|global| {
            let (Some(bindings), Some(own)) = (self.bindings(&global.0), self.declaration(global)) else { return true };
            match outermost(&bindings, own.scope) {
                Some(function) => {
                    global.0 == *path && function.start <= hazard.at.end && hazard.at.start <= function.end
                }
                None => is_external(&own) || self.together(&global.0, path),
            }
        })
    }
}

/// The text of the function that a scope is in.
fn outermost(bindings: &crate::Bindings, scope: ScopeId) -> Option<deepcoder_types::TextRange> {
    let mut found = None;
    let mut next = Some(scope);
    let mut class = false;
    while let Some(scope) = next.and_then(|id| bindings.scope(id)) {
        match scope.kind {
            ScopeKind::Function => found = Some(scope.range),
            ScopeKind::Block if found.is_none() => found = Some(scope.range),
            // A type in a function has members of its own, which are not told apart here.
            ScopeKind::Class if found.is_none() => class = true,
            _ => {}
        }
        next = scope.parent;
    }
    found.filter(|_| !class)
}

/// Whether other files of a program mean the same by this name without including a declaration of it.
pub(crate) fn is_external(d: &Declaration) -> bool {
    d.public && matches!(d.kind, DeclarationKind::Function | DeclarationKind::Variable)
}
