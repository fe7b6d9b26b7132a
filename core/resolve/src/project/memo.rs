//! What was found out about a tree once.

use super::lookup::Module;
use super::{Global, Project};
use crate::bindings::{DeclarationKind, ScopeKind};
use crate::languages::{GLOBAL, GLOBAL_MODULE, rules};
use crate::{DeclarationId, ScopeId};
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

/// The scope of a file.
const FILE: ScopeId = ScopeId(0);

/// Declarations of one name, by what they belong to.
type ByOwner = BTreeMap<Global, Vec<Global>>;

/// A folder, and the package that its files are part of.
type Package = (String, String);

/// Answers that are asked for again and again, by what was asked.
#[derive(Default)]
pub(super) struct Memo {
    modules: Table<(RepoPath, String), Vec<Module>>,
    packages: Table<Package, Vec<RepoPath>>,
    package_names: Table<Package, HashMap<String, Vec<Global>>>,
    globals: Table<(Language, String), Vec<Global>>,
    anywhere: Table<(Language, String), Vec<Global>>,
    members: Table<(Language, String), ByOwner>,
}

/// One kind of answer.
struct Table<K, V> {
    known: Mutex<HashMap<K, Arc<V>>>,
    /// Those that a thread is about to find out: an answer that needs itself is empty.
    begun: Mutex<Vec<(ThreadId, K)>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { known: Mutex::default(), begun: Mutex::default() }
    }
}

impl<K: Hash + Eq + Clone, V: Default> Table<K, V> {
    fn get(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(known);
        }
        let own = (std::thread::current().id(), key);
        {
            let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            if begun.contains(&own) {
                return Arc::default();
            }
            begun.push(own.clone());
        }
        let made = Arc::new(make());
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != own);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(own.1).or_insert(made))
    }
}

impl Project<'_> {
    /// The scopes of the module that a file means by these words.
    pub(crate) fn modules(&self, from: &RepoPath, module: &str) -> Vec<Module> {
        let key = (from.clone(), module.to_owned());
        self.memo.modules.get(key, || self.find_modules(from, module)).as_ref().clone()
    }

    /// What the other files of a file's package declare under a name.
    pub(super) fn of_package(&self, path: &RepoPath, name: &str) -> Vec<Global> {
        let Some(bindings) = self.bindings(path) else { return Vec::new() };
        let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
        let key = (folder.to_owned(), bindings.package.clone());
        let names = self.memo.package_names.get(key, || {
            let mut names: HashMap<String, Vec<Global>> = HashMap::new();
            for sibling in self.package_files(path).iter() {
                let Some(theirs) = self.bindings(sibling).filter(|theirs| theirs.package == bindings.package) else {
                    continue;
                };
                for name in super::lookup::names_of(&theirs, FILE) {
                    let found = super::lookup::declared(&theirs, FILE, name);
                    let entry = names.entry(name.to_owned()).or_default();
                    entry.extend(found.into_iter().map(|id| (sibling.clone(), id)));
                }
            }
            names
        });
        let found = names.get(name).map(Vec::as_slice).unwrap_or_default();
        found.iter().filter(|(other, _)| other != path).cloned().collect()
    }

    /// The files of a file's package, itself too.
    pub(crate) fn package_files(&self, path: &RepoPath) -> Arc<Vec<RepoPath>> {
        let rules = Language::program(path).and_then(rules);
        let Some((rules, bindings)) = rules.zip(self.bindings(path)) else { return Arc::default() };
        let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
        self.memo.packages.get((folder.to_owned(), bindings.package.clone()), || {
            let mut files = rules.siblings(self.files, path, &bindings);
            if !files.is_empty() {
                files.push(path.clone());
                files.sort();
            }
            files
        })
    }

    /// What files that are no modules declare under a name for all.
    pub(super) fn globals(&self, from: &RepoPath, name: &str) -> Arc<Vec<Global>> {
        let Some(own) = Language::program(from) else { return Arc::default() };
        self.memo.globals.get((own, name.to_owned()), || {
            let mut found = Vec::new();
            for path in self.related_files(own, name) {
                let Some(theirs) = self.bindings(&path) else { continue };
                let mut scopes = if theirs.package == GLOBAL { vec![FILE] } else { Vec::new() };
                let is_global = |(_, d): &(DeclarationId, &crate::Declaration)| d.name == GLOBAL_MODULE;
                let modules: Vec<_> = theirs.ids().filter(is_global).map(|(id, _)| id).collect();
                let inner = modules.into_iter().flat_map(|id| self.inner_modules(&(path.clone(), id)));
                scopes.extend(inner.map(|(_, scope)| scope));
                for scope in scopes {
                    let here = super::lookup::declared(&theirs, scope, name);
                    found.extend(here.into_iter().map(|id| (path.clone(), id)));
                }
            }
            found
        })
    }

    /// The files of a family of languages that hold a name, bound already.
    fn related_files(&self, own: Language, name: &str) -> Vec<RepoPath> {
        let mut paths = self.files.mentions(name);
        paths.retain(|path| Language::program(path).is_some_and(|theirs| theirs == own || theirs.is_related(own)));
        self.bind_ahead(&paths);
        paths
    }

    /// Every member of this name in files of the same family of languages, whatever it belongs to.
    pub(crate) fn anywhere(&self, path: &RepoPath, name: &str) -> Vec<Global> {
        let Some(own) = self.bindings(path).map(|own| own.language) else { return Vec::new() };
        let embeds = rules(own).is_some_and(|rules| rules.embeds());
        let found = self.memo.anywhere.get((own, name.to_owned()), || {
            let mut found = Vec::new();
            for path in self.related_files(own, name) {
                let Some(bindings) = self.bindings(&path) else { continue };
                let member = |d: &crate::Declaration| {
                    let class = |scope: &crate::Scope| scope.kind == ScopeKind::Class;
                    // An embedded type is a member by its own name.
                    let embedded = embeds
                        && matches!(
                            d.kind,
                            DeclarationKind::Class | DeclarationKind::Interface | DeclarationKind::TypeAlias
                        );
                    d.name == name && (embedded || bindings.scope(d.scope).is_some_and(class))
                };
                found.extend(bindings.ids().filter(|(_, d)| member(d)).map(|(id, _)| (path.clone(), id)));
            }
            found
        });
        found.as_ref().clone()
    }

    /// What bodies that say which type they belong to (`impl T`, a Go receiver) declare under a name for a type.
    pub(super) fn members_elsewhere(&self, of: &Global, name: &str) -> Vec<Global> {
        let Some(own) = Language::program(&of.0) else { return Vec::new() };
        let all = self.memo.members.get((own, name.to_owned()), || {
            let mut found = ByOwner::new();
            for path in self.related_files(own, name) {
                let Some(bindings) = self.bindings(&path) else { continue };
                for (id, declaration) in bindings.ids().filter(|(_, d)| d.name == name) {
                    let Some(scope) = bindings.scope(declaration.scope) else { continue };
                    let Some(known) = scope.of.as_ref().filter(|_| scope.kind == ScopeKind::Class) else { continue };
                    for owner in self.types_of(&path, known) {
                        found.entry(owner).or_default().push((path.clone(), id));
                    }
                }
            }
            found
        });
        all.get(of).cloned().unwrap_or_default()
    }
}
