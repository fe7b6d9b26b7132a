//! Names followed from file to file.
//!
//! A name means a declaration of its file, what an import takes from another one, or a member of what stands before the
//! dot. What stands there is followed through constructors, annotations, results and bases as far as the texts tell
//! ([`Known`]); where they do not, every member of that name is a candidate and the doubt says why.

mod below;
mod entities;
mod expansion;
mod family;
mod keywords;
mod lookup;
mod memo;
mod reflection;
pub(crate) mod units;
mod witness;

use crate::bindings::{Bindings, DeclarationId, Form, Hazard, Known, Members, Reference, Role, Target, Why};
use crate::languages::rules;
use crate::{Declaration, Files, Overlay, in_parallel};
use deepcoder_syntax::Language;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

pub use witness::{Heard, Witness};

/// A declaration of the tree.
pub type Global = (RepoPath, DeclarationId);

/// A text in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub path: RepoPath,
    /// Its text.
    pub at: TextRange,
}

/// What a name means over the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// This symbol, beyond doubt.
    Exact(Symbol),
    /// One of these.
    Candidates(Vec<Symbol>, Why),
    /// Nothing in the tree declares it.
    Unresolved,
    /// Only running the program would tell.
    Dynamic(Why),
}

/// The declarations that have one name together: a method with those that override it, the parts of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Sorted, never empty.
    pub declarations: Vec<Global>,
    /// Why there may be more of them (a base outside of the tree, an interface that is fulfilled without saying so).
    pub open: Option<Why>,
}

/// One place where a symbol is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Where.
    pub place: Place,
    /// What it does there.
    pub role: Role,
    /// How another name is written there.
    pub form: Form,
    /// Why it may mean something else; `None`: it does not.
    pub doubt: Option<Why>,
}

/// Every place that names a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Occurrences {
    /// In the order of the files and texts.
    pub found: Vec<Occurrence>,
    /// What may reach the symbol by its name without naming it.
    pub hazards: Vec<(RepoPath, Hazard)>,
    /// What a second source has said about doubts.
    pub heard: Option<Heard>,
}

/// What a reference means before families are joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Meaning {
    pub(crate) declarations: Vec<Global>,
    pub(crate) doubt: Option<Why>,
}

impl Meaning {
    pub(crate) fn exact(declarations: Vec<Global>) -> Self {
        Self { declarations, doubt: None }
    }

    pub(crate) fn doubtful(declarations: Vec<Global>, why: Why) -> Self {
        Self { declarations, doubt: Some(why) }
    }
}

/// Whether names of one file can mean declarations of the other, by their languages.
pub(crate) fn related(one: &RepoPath, other: &RepoPath) -> bool {
    let languages = Language::program(one).zip(Language::program(other));
    languages.is_some_and(|(one, other)| one == other || one.is_related(other))
}

/// A tree whose names can be followed. Files are read and bound when they are asked for, once.
pub struct Project<'f> {
    files: &'f dyn Files,
    bound: Mutex<BTreeMap<RepoPath, Option<Arc<Bindings>>>>,
    memo: memo::Memo,
    /// The tree before changes: it knows the names of the files that have not changed.
    before: Option<(&'f Project<'f>, &'f Overlay<'f>)>,
    witness: Option<&'f dyn Witness>,
    units: units::Units,
}

impl<'f> Project<'f> {
    /// The tree of these files.
    #[must_use]
    pub fn new(files: &'f dyn Files) -> Self {
        Self {
            files,
            bound: Mutex::default(),
            memo: memo::Memo::default(),
            before: None,
            witness: None,
            units: units::Units::default(),
        }
    }

    /// The same, with a second source for what the texts leave open.
    #[must_use]
    pub fn with_witness(self, witness: &'f dyn Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The tree after changes of this one.
    #[must_use]
    pub fn after(&'f self, changed: &'f Overlay<'f>) -> Self {
        Self { before: Some((self, changed)), ..Self::new(changed) }
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &'f dyn Files {
        self.files
    }

    /// The names of a file; `None` where its language has no rules, or it cannot be parsed.
    #[must_use]
    pub fn bindings(&self, path: &RepoPath) -> Option<Arc<Bindings>> {
        if let Some((before, _)) = self.before.filter(|(_, changed)| !changed.changes(path)) {
            return before.bindings(path);
        }
        if let Some(known) = self.bound.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return known.clone();
        }
        let bound =
            Language::program(path).and_then(|language| crate::bind(language, &self.files.text(path)?)).map(Arc::new);
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), bound.clone());
        bound
    }

    /// Binds files on every core, where they are many: each is asked for afterwards.
    pub fn bind_ahead<'p>(&self, paths: impl IntoIterator<Item = &'p RepoPath>) {
        let paths: Vec<&RepoPath> = paths.into_iter().collect();
        in_parallel(&paths, |path| drop(self.bindings(path)));
    }

    /// A declaration of the tree.
    #[must_use]
    pub fn declaration(&self, global: &Global) -> Option<Declaration> {
        self.bindings(&global.0)?.declaration(global.1).cloned()
    }

    /// What the names at an offset mean: none where there is no name, two where one text stands for two names.
    #[must_use]
    pub fn names_at(&self, path: &RepoPath, offset: u32) -> Vec<(Reference, Resolution)> {
        let Some(bindings) = self.bindings(path) else { return Vec::new() };
        // Where one name ends and another one begins, the one that begins is meant.
        let inside = |r: &&Reference| r.at.start <= offset && offset < r.at.end;
        let mut found: Vec<Reference> = bindings.at(offset).filter(inside).cloned().collect();
        if found.is_empty() {
            found = bindings.at(offset).cloned().collect();
        }
        found.into_iter().map(|reference| (self.resolve(path, &reference), reference)).map(|(a, b)| (b, a)).collect()
    }

    /// What a reference of a file means.
    #[must_use]
    pub fn resolve(&self, path: &RepoPath, reference: &Reference) -> Resolution {
        if let Target::Dynamic(why) = reference.target {
            return Resolution::Dynamic(why);
        }
        if let Target::Declaration(id) = reference.target
            && self.has_own_name(path, id)
        {
            let declarations = vec![(path.clone(), id)];
            return Resolution::Exact(Symbol { name: reference.name.clone(), declarations, open: None });
        }
        let meaning = self.meaning(path, reference);
        let mut symbols: Vec<Symbol> = Vec::new();
        for global in &meaning.declarations {
            if !symbols.iter().any(|symbol| symbol.declarations.contains(global)) {
                symbols.push(self.symbol(global));
            }
        }
        match (symbols.len(), meaning.doubt) {
            (0, _) => Resolution::Unresolved,
            (1, None) => Resolution::Exact(symbols.remove(0)),
            (_, doubt) => Resolution::Candidates(symbols, doubt.unwrap_or(Why::SeveralDeclarations)),
        }
    }

    /// Where a reference's declarations are named, those that are only possible too.
    #[must_use]
    pub fn meant(&self, path: &RepoPath, reference: &Reference) -> Vec<Place> {
        let meaning = self.meaning(path, reference);
        let place =
            |(path, id): &Global| Some(Place { path: path.clone(), at: self.bindings(path)?.declaration(*id)?.at });
        meaning.declarations.iter().filter_map(place).collect()
    }

    /// Everything that names the symbol.
    #[must_use]
    pub fn occurrences(&self, symbol: &Symbol) -> Occurrences {
        let mut out = Occurrences::default();
        let wanted: BTreeSet<&Global> = symbol.declarations.iter().collect();
        let mut paths: BTreeSet<RepoPath> = self.files.mentions(&symbol.name).into_iter().collect();
        paths.retain(|path| symbol.declarations.iter().any(|(declared, _)| related(path, declared)));
        paths.extend(symbol.declarations.iter().map(|(path, _)| path.clone()));
        self.bind_ahead(&paths);
        for path in paths {
            let Some(bindings) = self.bindings(&path) else { continue };
            let before = out.found.len();
            let rules = Language::program(&path).and_then(rules);
            let guessed = rules.is_some_and(|rules| {
                symbol.declarations.iter().any(|(declared, _)| !rules.linked(self.files, &path, declared))
            });
            let guessed = guessed.then_some(Why::OutsideTree);
            for reference in bindings.references.iter().filter(|r| r.name == symbol.name) {
                let mut meaning = self.direct(&path, reference);
                if !meaning.declarations.iter().any(|global| wanted.contains(global)) {
                    meaning = self.meaning(&path, reference);
                }
                let hits = meaning.declarations.iter().filter(|global| wanted.contains(global)).count();
                if hits == 0 {
                    continue;
                }
                let partly = (hits < meaning.declarations.len()).then_some(Why::SeveralDeclarations);
                out.found.push(Occurrence {
                    place: Place { path: path.clone(), at: reference.at },
                    role: reference.role,
                    form: reference.form,
                    doubt: meaning.doubt.or(partly).or(guessed),
                });
            }
            let here = out.found.len() > before;
            let hazards = self.reaching(&path, &bindings, symbol, here);
            out.hazards.extend(hazards.into_iter().filter(|(path, hazard)| self.can_reach(symbol, path, hazard)));
        }
        self.reflected(symbol, &mut out);
        self.named_in_texts(symbol, &mut out);
        self.settle(symbol, &mut out);
        out
    }

    /// The files that an import's module stands for, seen from a file; empty where it is not of the tree.
    #[must_use]
    pub fn module_files(&self, from: &RepoPath, module: &str) -> Vec<RepoPath> {
        let rules = Language::program(from).and_then(rules);
        rules.map(|rules| rules.module_files(self.files, from, module)).unwrap_or_default()
    }

    /// What a reference means, before the declarations that share its name are joined.
    pub(crate) fn meaning(&self, path: &RepoPath, reference: &Reference) -> Meaning {
        let meaning = self.direct(path, reference);
        if matches!(reference.target, Target::Lookup { .. }) {
            return meaning;
        }
        // An import without another name is what it imports.
        let mut out = Meaning { declarations: Vec::new(), doubt: meaning.doubt };
        for global in meaning.declarations {
            for origin in self.origin(global) {
                if !out.declarations.contains(&origin) {
                    out.declarations.push(origin);
                }
            }
        }
        out
    }

    /// What a reference means when names are compared before and after an edit: where an import can get a name of its own,
    /// it is compared apart from what it imports.
    pub(crate) fn compared(&self, path: &RepoPath, reference: &Reference) -> Meaning {
        let apart = Language::program(path).and_then(rules).is_some_and(|rules| rules.imports_have_own_names());
        if apart { self.direct(path, reference) } else { self.meaning(path, reference) }
    }

    /// What a reference means, imports not followed.
    fn direct(&self, path: &RepoPath, reference: &Reference) -> Meaning {
        let meaning = self.unexpanded(path, reference);
        if self.includes(path) { self.in_arguments(path, reference, meaning) } else { meaning }
    }

    /// What a reference means where no macro takes it as an argument.
    fn unexpanded(&self, path: &RepoPath, reference: &Reference) -> Meaning {
        let own = |ids: &[DeclarationId]| -> Vec<Global> { ids.iter().map(|id| (path.clone(), *id)).collect() };
        match &reference.target {
            Target::Declaration(id) => Meaning::exact(own(&[*id])),
            Target::Several(ids, why) => Meaning::doubtful(own(ids), *why),
            Target::Member(known) if reference.role == Role::Keyword && !self.constructors(path).is_empty() => {
                self.keyword(path, known, &reference.name)
            }
            Target::Member(known) => self.member(path, known, &reference.name, Members::Any),
            Target::Lookup { of, members, otherwise } => self.looked_up(path, reference, of, *members, otherwise),
            // A file's name is no declaration.
            Target::Module(_) => Meaning::default(),
            Target::Outside => self.outside(path, reference.scope, &reference.name),
            Target::Expanded => self.expanded(path, &reference.name),
            Target::Dynamic(why) => Meaning::doubtful(Vec::new(), *why),
        }
    }

    /// Whether a declaration is an import that can be renamed in its file alone (`import { a as b }`).
    fn has_own_name(&self, path: &RepoPath, id: DeclarationId) -> bool {
        let apart = Language::program(path).and_then(rules).is_some_and(|rules| rules.imports_have_own_names());
        let import = |declaration: &Declaration| declaration.import.is_some();
        apart && self.declaration(&(path.clone(), id)).as_ref().is_some_and(import)
    }

    /// The member of the first that has one of this name, or else what the name means without them.
    fn looked_up(
        &self,
        path: &RepoPath,
        reference: &Reference,
        of: &[Known],
        members: Members,
        otherwise: &Target,
    ) -> Meaning {
        let mut doubt = None;
        for known in of {
            let (found, open) = self.members(&self.evaluate(path, known, 0), &reference.name, members);
            doubt = doubt.or(open);
            if !found.is_empty() {
                return Meaning { declarations: found, doubt };
            }
        }
        let plain = Reference { target: otherwise.clone(), ..reference.clone() };
        let mut meaning = self.meaning(path, &plain);
        if *otherwise == Target::Outside {
            meaning.declarations = self.fitting(meaning.declarations, members);
        }
        // A class that this text does not see may come next.
        let python = Language::program(path) == Some(Language::Python);
        if (doubt.is_some() || python && meaning.doubt.is_some()) && meaning.declarations.is_empty() {
            meaning.declarations = self.fitting(self.anywhere(path, &reference.name), members);
        }
        meaning.doubt = meaning.doubt.or(doubt);
        meaning
    }

    /// What an import under the same name stands for, as far as it is in the tree; any other declaration is itself.
    pub(super) fn origin(&self, global: Global) -> Vec<Global> {
        let mut seen: BTreeSet<Global> = BTreeSet::new();
        let out = self.origin_beyond(global, &mut seen);
        // A circle of imports declares nothing.
        if out.is_empty() { seen.into_iter().take(1).collect() } else { out }
    }

    /// The same without the declarations that were seen: an import may name a type by the import itself.
    pub(super) fn origin_beyond(&self, global: Global, seen: &mut BTreeSet<Global>) -> Vec<Global> {
        let mut at = vec![global];
        let mut out = Vec::new();
        while let Some(global) = at.pop() {
            if !seen.insert(global.clone()) {
                continue;
            }
            let taken = self.declaration(&global).and_then(|declaration| {
                let import = declaration.import?;
                let name = import.name.as_deref().filter(|name| *name == declaration.name || *name == "default")?;
                let mut found = self.exported(&self.modules(&global.0, &import.module), name);
                if name != declaration.name {
                    // What has no name of its own outside is called as it is inside.
                    found.retain(|of| self.declaration(of).is_some_and(|of| of.name == declaration.name));
                }
                if found.is_empty() && name == declaration.name {
                    found = self.members_of_type(&global.0, &import.module, name, seen);
                }
                (!found.is_empty()).then_some(found)
            });
            match taken {
                Some(found) => at.extend(found),
                None => out.push(global),
            }
        }
        out.sort();
        out
    }

    /// Whether the file of a declaration is named after it.
    #[must_use]
    pub fn names_file(&self, global: &Global) -> bool {
        let rules = Language::program(&global.0).and_then(rules);
        let declaration = self.declaration(global);
        rules.zip(declaration).is_some_and(|(rules, declaration)| rules.names_file(&global.0, &declaration))
    }

    /// Whether the tree says that two files are of one program.
    #[must_use]
    pub fn is_linked(&self, one: &RepoPath, other: &RepoPath) -> bool {
        Language::program(one).and_then(rules).is_none_or(|rules| rules.linked(self.files, one, other))
    }

    /// The other files of a file's package.
    #[must_use]
    pub fn siblings(&self, path: &RepoPath) -> Vec<RepoPath> {
        self.package_files(path).iter().filter(|other| *other != path).cloned().collect()
    }

    /// The name that the package of a path has, seen from a file, where it is in the tree (Go).
    #[must_use]
    pub fn package_of(&self, path: &RepoPath, module: &str) -> Option<String> {
        let (file, _) = self.modules(path, module).into_iter().next()?;
        Some(self.bindings(&file)?.package.clone())
    }

    /// The files that get other paths when a declaration gets this name.
    #[must_use]
    pub fn moved(&self, global: &Global, new: &str) -> Vec<(RepoPath, RepoPath)> {
        let rules = Language::program(&global.0).and_then(rules);
        let declaration = self.declaration(global);
        let moved = |(rules, declaration): (&dyn crate::languages::Rules, Declaration)| {
            rules.moved(self.files, &global.0, &declaration, new)
        };
        rules.zip(declaration).map(moved).unwrap_or_default()
    }

    /// Whether types of this file fulfil interfaces without saying so.
    pub(crate) fn structural(&self, path: &RepoPath) -> bool {
        Language::program(path).and_then(rules).is_some_and(|rules| rules.structural())
    }
}
