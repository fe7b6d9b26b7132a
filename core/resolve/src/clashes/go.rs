//! Which declarations cannot have one name.

use super::{Clash, clash, elsewhere, siblings};
use crate::languages::package_name;
use crate::{
    Bindings, Declaration, DeclarationKind as Kind, Global, Known, Project, Reference, ScopeId, ScopeKind, Space,
    Symbol, Target,
};
use deepcoder_types::RepoPath;

const FILE: ScopeId = ScopeId(0);

pub(super) fn clashes(project: &Project<'_>, at: (&RepoPath, &Reference), symbol: &Symbol, new: &str) -> Vec<Clash> {
    let mut found = Vec::new();
    if is_field(project, at) {
        let of = symbol.declarations.iter().filter(|global| is_type(project, global));
        found.extend(of.filter_map(|of| elsewhere(project, of, "the field is this embedded type")));
    }
    for global in &symbol.declarations {
        let (Some(bindings), Some(own)) = (project.bindings(&global.0), project.declaration(global)) else { continue };
        let label = own.space == Space::Label;
        for (id, other) in bindings.ids() {
            if other.name == new && other.scope == own.scope && (other.space == Space::Label) == label {
                found.extend(clash(project, &(global.0.clone(), id), true, "the block has this name already"));
            }
        }
        if own.scope == FILE {
            package(project, global, &own, new, &mut found);
        }
        let scope = bindings.scope(own.scope).filter(|scope| scope.kind == ScopeKind::Class);
        let types = match scope.map(|scope| (&scope.of, scope.owner)) {
            Some((Some(of), _)) => project.types_of(&global.0, of),
            Some((None, Some(owner))) => vec![(global.0.clone(), owner)],
            _ => Vec::new(),
        };
        for member in types.iter().flat_map(|of| project.own_members(of, new)) {
            found.extend(clash(project, &member, true, "the type has this name already"));
        }
        if matches!(own.kind, Kind::Function | Kind::Class | Kind::Interface | Kind::Method | Kind::TypeAlias) {
            found.extend(example(project, global, &own));
        }
        if own.kind == Kind::Import && own.import.as_ref().is_some_and(|import| package_name(&import.module) == new) {
            found.extend(clash(project, global, false, "the package has this name without an alias"));
        }
    }
    found
}

/// Whether a name is that of a field: after a dot, and of no package.
fn is_field(project: &Project<'_>, (path, reference): (&RepoPath, &Reference)) -> bool {
    let text = project.files().text(path);
    let before = text.as_deref().and_then(|text| text.get(..reference.at.start as usize)).unwrap_or("");
    let of_package = match &reference.target {
        Target::Member(Known::Itself(id)) => {
            project.declaration(&(path.clone(), *id)).is_some_and(|d| d.kind == Kind::Import)
        }
        _ => false,
    };
    before.trim_end().ends_with('.') && !of_package
}

fn is_type(project: &Project<'_>, global: &Global) -> bool {
    project.declaration(global).is_some_and(|d| matches!(d.kind, Kind::Class | Kind::Interface | Kind::TypeAlias))
}

/// A package has a name once, and no file of it imports something under it.
fn package(project: &Project<'_>, global: &Global, own: &Declaration, new: &str, found: &mut Vec<Clash>) {
    for path in siblings(project, &global.0) {
        let Some(theirs) = project.bindings(&path) else { continue };
        for (id, other) in theirs.ids().filter(|(_, other)| other.scope == FILE && other.name == new) {
            if own.kind != Kind::Import || other.kind != Kind::Import {
                found.extend(clash(project, &(path.clone(), id), true, "the package has this name already"));
            }
        }
    }
}

/// A function that shows how to use a declaration is named after it.
fn example(project: &Project<'_>, global: &Global, own: &Declaration) -> Option<Clash> {
    let folder =
        |path: &RepoPath| path.as_str().rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let home = folder(&global.0);
    let tests =
        project.files().paths().iter().filter(|path| path.as_str().ends_with("_test.go") && folder(path) == home);
    tests.into_iter().find_map(|path| {
        let bindings = project.bindings(path)?;
        let named = |d: &Declaration| {
            let of = d.name.strip_prefix("Example").unwrap_or("");
            d.kind == Kind::Function && of.split('_').take(2).any(|part| part == own.name)
        };
        let (id, _) = bindings.ids().find(|(_, d)| named(d))?;
        clash(project, &(path.clone(), id), false, "this example is named after it")
    })
}

/// The receiver of a method: its parameter before the name, with the class scope of the method.
fn receiver<'b>(bindings: &'b Bindings, own: &Declaration) -> Option<&'b crate::Scope> {
    let function = bindings.scope(own.scope)?;
    let class = bindings.scope(function.parent?).filter(|class| class.of.is_some())?;
    let name = bindings.declaration(function.owner?)?.at.start;
    (own.kind == Kind::Parameter && own.at.end <= name).then_some(class)
}

/// The receivers of the other methods of the type, where a declaration is the receiver of one.
#[must_use]
pub fn receivers(project: &Project<'_>, global: &Global) -> Vec<Global> {
    let (Some(bindings), Some(own)) = (project.bindings(&global.0), project.declaration(global)) else {
        return Vec::new();
    };
    let of = receiver(&bindings, &own).and_then(|class| class.of.as_ref());
    let Some(types) = of.map(|of| project.types_of(&global.0, of)) else { return Vec::new() };
    let mut found = Vec::new();
    for path in siblings(project, &global.0).into_iter().chain([global.0.clone()]) {
        let Some(theirs) = project.bindings(&path) else { continue };
        for (id, declared) in theirs.ids() {
            let of = receiver(&theirs, declared).and_then(|class| class.of.as_ref());
            let same = of.is_some_and(|of| project.types_of(&path, of).iter().any(|of| types.contains(of)));
            if same && (&path, id) != (&global.0, global.1) {
                found.push((path.clone(), id));
            }
        }
    }
    found
}
