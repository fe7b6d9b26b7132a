//! What may reach a symbol by its name without naming it.

use super::entities::{Entities, Entity};
use super::{Global, Occurrences, Project, Symbol};
use crate::bindings::{Bindings, DeclarationKind, Hazard, HazardKind, Known, ScopeId, ScopeKind, Target};
use deepcoder_syntax::Language;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeSet;

/// Endings of files that people read and no program does.
const PROSE: &[&str] =
    &["md", "rst", "txt", "adoc", "css", "scss", "less", "svg", "lock", "log", "patch", "diff", "csv"];

/// Parts of the paths of packages of Go that write fields under their names, or read them.
const ENCODERS: &[&str] = &[
    "json",
    "xml",
    "yaml",
    "toml",
    "gob",
    "bson",
    "mapstructure",
    "csv",
    "sql",
    "orm",
    "config",
    "flag",
    "msgpack",
    "cbor",
];

/// Endings of files with code of JavaScript in them.
const PAGES: &[&str] =
    &["vue", "svelte", "astro", "mdx", "html", "htm", "xhtml", "ejs", "hbs", "erb", "php", "jsp", "cshtml", "pug"];

/// Words that reach the variables of the function that they stand in (Python).
const LOCALS: &[&str] = &["locals", "vars", "dir", "eval", "exec"];

impl Project<'_> {
    /// The hazards of a file that can reach a symbol; `here`: the file names it.
    pub(super) fn reaching(
        &self,
        path: &RepoPath,
        bindings: &Bindings,
        symbol: &Symbol,
        here: bool,
    ) -> Vec<(RepoPath, Hazard)> {
        let text = self.files.text(path);
        let said = |at: TextRange| text.as_deref().and_then(|text| text.get(at.as_range())).unwrap_or("");
        let local = symbol.declarations.iter().all(|global| self.is_local(global));
        let is = |kind: DeclarationKind| {
            symbol.declarations.iter().any(|global| self.declaration(global).is_some_and(|d| d.kind == kind))
        };
        let given = is(DeclarationKind::Parameter) || is(DeclarationKind::Field);
        let mut strays = None;
        let reaches = |hazard: &&Hazard| match (&hazard.name, hazard.kind) {
            (Some(name), HazardKind::Keywords) => *name == symbol.name && given,
            (Some(name), HazardKind::Eval) => *name == symbol.name && !local,
            (Some(name), _) => *name == symbol.name,
            (None, HazardKind::Reflection) if local => here && LOCALS.contains(&said(hazard.at)),
            // A name that is looked up at run time may be any string or keyword of the file.
            (None, HazardKind::Reflection) => {
                here || *strays.get_or_insert_with(|| self.strays(path, bindings, &symbol.name))
            }
            (None, _) => here,
        };
        bindings.hazards.iter().filter(reaches).map(|hazard| (path.clone(), hazard.clone())).collect()
    }

    /// Whether a declaration can be named in its function only.
    fn is_local(&self, (path, id): &Global) -> bool {
        let Some(bindings) = self.bindings(path) else { return false };
        let mut scope = bindings.declaration(*id).and_then(|declaration| bindings.scope(declaration.scope));
        while let Some(at) = scope {
            match at.kind {
                ScopeKind::Function | ScopeKind::Comprehension => return true,
                ScopeKind::Block | ScopeKind::TypeParameters => {}
                ScopeKind::Class | ScopeKind::File | ScopeKind::Module => return false,
            }
            scope = at.parent.and_then(|parent| bindings.scope(parent));
        }
        false
    }

    /// Whether a file has the word where it means nothing of the tree: in a string, as a key.
    fn strays(&self, path: &RepoPath, bindings: &Bindings, name: &str) -> bool {
        let Some(text) = self.files.text(path) else { return false };
        let of_name = |c: char| c == '_' || c.is_alphanumeric();
        let named = || bindings.references.iter().filter(|r| r.name == name);
        let lost: BTreeSet<u32> =
            named().filter(|r| self.meaning(path, r).declarations.is_empty()).map(|r| r.at.start).collect();
        let meant: BTreeSet<u32> = named().map(|r| r.at.start).filter(|at| !lost.contains(at)).collect();
        text.match_indices(name).any(|(at, _)| {
            let whole = !text[..at].ends_with(of_name) && !text[at + name.len()..].starts_with(of_name);
            whole && !u32::try_from(at).is_ok_and(|at| meant.contains(&at))
        })
    }

    /// Files that look through all names of the symbol's module (`vars(module)`).
    pub(super) fn reflected(&self, symbol: &Symbol, out: &mut Occurrences) {
        for (home, id) in &symbol.declarations {
            let of_module = self.declaration(&(home.clone(), *id)).is_some_and(|d| d.scope == ScopeId(0));
            if !of_module || Language::program(home) != Some(Language::Python) {
                continue;
            }
            let stem = home.file_name().trim_end_matches(".py").trim_end_matches(".pyi");
            let folder = home.as_str().rsplit('/').nth(1).unwrap_or("");
            let word = if stem == "__init__" { folder } else { stem };
            for path in self.files.mentions(word) {
                let Some(bindings) = self.bindings(&path) else { continue };
                let text = self.files.text(&path);
                let before = |at: u32| text.as_deref().and_then(|text| text.get(..at as usize)).unwrap_or("");
                let mentions = text.as_deref().is_some_and(|text| text.contains(&symbol.name));
                for hazard in bindings.hazards.iter().filter(|h| h.kind == HazardKind::Reflection) {
                    if let Some(name) = &hazard.name {
                        // `import_module("package.module")`
                        let line = before(hazard.at.start).rsplit('\n').next().unwrap_or("");
                        let imports = line.contains("import_module(") || line.contains("__import__(");
                        let found = (path.clone(), hazard.clone());
                        if mentions && name == word && imports && !out.hazards.contains(&found) {
                            out.hazards.push(found);
                        }
                        continue;
                    }
                    let all = self.looked_through(&path, &bindings, hazard);
                    let of_home = |entity: &Entity| matches!(entity, Entity::Module((path, _)) if path == home);
                    let found = (path.clone(), hazard.clone());
                    if all.found.iter().any(of_home) && !out.hazards.contains(&found) {
                        out.hazards.push(found);
                    }
                }
            }
        }
    }

    /// Texts that look a name up when the program runs: the string of a constant of an enumeration, qualified names in files that
    /// are no code.
    pub(super) fn named_in_texts(&self, symbol: &Symbol, out: &mut Occurrences) {
        let first = symbol.declarations.first();
        let Some((home, declared)) = first.and_then(|global| Some((&global.0, self.declaration(global)?))) else {
            return;
        };
        if Language::program(home) == Some(Language::Python) {
            self.named_by_strings(home, &declared, out);
        }
        let local = symbol.declarations.iter().all(|global| self.is_local(global));
        if local
            || matches!(declared.kind, DeclarationKind::Parameter | DeclarationKind::Label | DeclarationKind::Import)
        {
            return;
        }
        let name = symbol.name.as_str();
        let script = Language::program(home).is_some_and(|language| language.is_related(Language::JavaScript));
        let owner =
            self.bindings(home).and_then(|b| b.declaration(b.scope(declared.scope)?.owner?).map(|d| d.name.clone()));
        let own_type = owner.clone();
        let enumeration = owner.filter(|_| declared.kind == DeclarationKind::EnumMember);
        for path in self.files.mentions(name) {
            let Some(text) = self.files.text(&path) else { continue };
            let program = Language::program(&path).is_some();
            let dynamic = own_type.is_some() && self.looks_up_by_strings(home, &path);
            let ending = path.as_str().rsplit('.').next().unwrap_or("");
            if program && enumeration.is_none() && !dynamic || PROSE.contains(&ending) {
                continue;
            }
            let pages = PAGES.contains(&ending) && script;
            let bindings = self.bindings(&path).filter(|_| program);
            let named =
                |start: u32| bindings.as_ref().is_some_and(|b| b.references.iter().any(|r| r.at.start == start));
            for (start, _) in text.match_indices(name) {
                let (before, after) = (&text[..start], &text[start + name.len()..]);
                let whole = |c: char| c == '_' || c.is_alphanumeric();
                if before.ends_with(whole) || after.starts_with(whole) {
                    continue;
                }
                let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                let quoted = before.ends_with(['"', '\'', '`']) && after.starts_with(['"', '\'', '`']);
                let found = match (program, &enumeration) {
                    (true, _) if dynamic => quoted && !named(offset(start)),
                    (true, Some(owner)) => quoted && text.contains(owner.as_str()),
                    (true, None) => false,
                    // A notebook is code, and so is what pages hold.
                    _ => before.ends_with(['.', ':', '#']) || ending == "ipynb" || pages,
                };
                if found {
                    let at = TextRange::new(offset(start), offset(start + name.len()));
                    out.hazards.push((path.clone(), Hazard { at, kind: HazardKind::Reflection, name: None }));
                    break;
                }
            }
        }
        if let (true, Some(owner)) = (declared.kind == DeclarationKind::Field && declared.public, &own_type) {
            self.encoded(home, &declared, owner, out);
        }
        let exported = declared.scope == ScopeId(0) && script;
        if exported {
            self.imported_elsewhere(home, name, out);
        }
        let Some(owner) = enumeration.filter(|_| Language::program(home) == Some(Language::Java)) else { return };
        let call = format!("{owner}.valueOf(");
        for path in self.files.mentions(&owner) {
            let at = self.files.text(&path).and_then(|text| u32::try_from(text.find(&call)?).ok());
            if let Some(start) = at {
                let at = TextRange::new(start, start + u32::try_from(call.len()).unwrap_or(0));
                out.hazards.push((path, Hazard { at, kind: HazardKind::Reflection, name: None }));
            }
        }
    }

    /// Strings of the file that are the name (`T = NewType("T", int)`), or call the function: what it is called there is seen at
    /// run time (`__name__`, tracebacks, pickles). A person who prints it from elsewhere means the word.
    fn named_by_strings(&self, home: &RepoPath, declared: &crate::Declaration, out: &mut Occurrences) {
        use DeclarationKind::{Class, Function, Variable};
        let (Some(text), Some(bindings)) = (self.files.text(home), self.bindings(home)) else { return };
        let called = matches!(declared.kind, Class | Function);
        if !called && (declared.kind != Variable || declared.scope != ScopeId(0)) {
            return;
        }
        let name = declared.name.as_str();
        for (start, _) in text.match_indices(name) {
            let (before, after) = (&text[..start], &text[start + name.len()..]);
            let quoted = before.ends_with(['"', '\'']) && after.starts_with(['"', '\'']);
            let line = before.rsplit('\n').next().unwrap_or("");
            let inside = ['"', '\''].iter().any(|quote| line.matches(*quote).count() % 2 == 1);
            let whole = !before.ends_with(|c: char| c == '_' || c.is_alphanumeric());
            let code = called && inside && whole && after.starts_with('(') && !line.trim_start().starts_with('#');
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let known = bindings.references.iter().any(|r| r.at.start == offset(start));
            // Of a variable only what makes its value is told the name.
            let told = called || line.trim_start().starts_with(name);
            if (quoted && told || code) && !known {
                let at = TextRange::new(offset(start), offset(start + name.len()));
                out.hazards.push((home.clone(), Hazard { at, kind: HazardKind::Reflection, name: None }));
                return;
            }
        }
    }

    /// Packages of Go that write the names of fields, in files that name the type: a field whose tag gives no name has its own.
    fn encoded(&self, home: &RepoPath, field: &crate::Declaration, owner: &str, out: &mut Occurrences) {
        let text = self.files.text(home);
        let extent = text.as_deref().and_then(|text| text.get(field.extent.as_range())).unwrap_or("");
        let tag = extent.split_once('`').map_or("", |(_, tag)| tag);
        let tagged = tag.contains(":\"") && !tag.contains(":\",") && !tag.contains(":\"\"");
        if Language::program(home) != Some(Language::Go) {
            return;
        }
        let home_of_type = std::iter::once(home.clone());
        for path in home_of_type.chain(self.files.mentions(owner)) {
            let Some(bindings) = self.bindings(&path) else { continue };
            let import = bindings.declarations.iter().find(|d| {
                let module = d.import.as_ref().map_or("", |import| import.module.as_str());
                let by_tag = ENCODERS.iter().any(|name| module.contains(name)) && !tagged;
                by_tag || module == "reflect" || module.ends_with("/template")
            });
            let tag = (!tag.is_empty() && !tagged).then_some((home.clone(), field.at));
            let found = import.map(|d| (path.clone(), d.extent)).or(tag);
            if let Some((path, at)) = found {
                out.hazards.push((path, Hazard { at, kind: HazardKind::Reflection, name: None }));
                return;
            }
        }
    }

    /// Whether strings of one file can be looked up as names of the other one: the languages have members by name.
    fn looks_up_by_strings(&self, home: &RepoPath, path: &RepoPath) -> bool {
        let (Some(own), Some(other)) = (Language::program(home), Language::program(path)) else { return false };
        let dynamic = own == Language::Python || own.is_related(Language::JavaScript);
        dynamic && (own == other || own.is_related(other))
    }

    /// Imports that only the run time follows (`import("./a").then(a => a.f)`, `jest.mock("./a", …)`), of the name of a package
    /// of the tree, or of a global of a script.
    fn imported_elsewhere(&self, home: &RepoPath, name: &str, out: &mut Occurrences) {
        let stem = home.file_name().split('.').next().unwrap_or("");
        let folder = home.as_str().rsplit('/').nth(1).unwrap_or("");
        let module = if stem == "index" && !folder.is_empty() { folder } else { stem };
        let manifests = self.files.paths().iter().filter(|path| path.file_name() == "package.json");
        let packages: Vec<String> = manifests
            .filter_map(|path| {
                let text = self.files.text(path)?;
                let (_, rest) = text.split_once("\"name\"")?;
                Some(rest.split('"').nth(1)?.to_owned())
            })
            .collect();
        for path in self.files.mentions(name) {
            let (Some(bindings), Some(text)) = (self.bindings(&path), self.files.text(&path)) else { continue };
            if !self.looks_up_by_strings(home, &path) {
                continue;
            }
            let window = ["window", "self", "globalThis", "global"];
            let global = bindings.references.iter().find(|r| {
                r.name == name
                    && text.get(..r.at.start as usize).is_some_and(|before| {
                        window.iter().any(|word| before.strip_suffix('.').is_some_and(|b| b.ends_with(word)))
                    })
            });
            let taken = bindings.declarations.iter().find(|d| {
                let import = d.import.as_ref().filter(|import| import.name.as_deref() == Some(name));
                import.is_some_and(|import| {
                    let of = |package: &String| import.module.strip_prefix(package.as_str());
                    packages.iter().filter_map(of).any(|rest| rest.is_empty() || rest.starts_with('/'))
                        && self.modules(&path, &import.module).is_empty()
                })
            });
            let late = ["import(", "require(", "mock(", "unmock(", "importActual(", "requireActual("]
                .iter()
                .flat_map(|word| text.match_indices(word).map(|(at, word)| (at + word.len(), at)))
                .find(|(inside, _)| {
                    let line = text.get(*inside..).and_then(|rest| rest.split([')', ',', '\n']).next()).unwrap_or("");
                    let last = line.trim().trim_matches(['"', '\'', '`']).rsplit('/').next().unwrap_or("");
                    last.split('.').next() == Some(module) || last.is_empty() || last == "." || last == ".."
                });
            let late = late.filter(|_| self.strays(&path, &bindings, name)).and_then(|(_, at)| u32::try_from(at).ok());
            let at = global.map(|r| r.at).or(taken.map(|d| d.at)).or(late.map(|at| TextRange::new(at, at)));
            if let Some(at) = at {
                out.hazards.push((path.clone(), Hazard { at, kind: HazardKind::Reflection, name: None }));
            }
        }
    }

    /// What `vars(x)`, `dir(x)` and `x.__dict__` look through.
    fn looked_through(&self, path: &RepoPath, bindings: &Bindings, hazard: &Hazard) -> Entities {
        let text = self.files.text(path);
        let after = text.as_deref().and_then(|text| text.get(hazard.at.end as usize..)).unwrap_or("");
        let before = text.as_deref().and_then(|text| text.get(..hazard.at.start as usize)).unwrap_or("");
        let end = match after.strip_prefix('(').and_then(|inside| inside.find([')', ','])) {
            Some(length) => hazard.at.end.saturating_add(u32::try_from(length).unwrap_or(0) + 1),
            None if before.ends_with('.') => hazard.at.start.saturating_sub(1),
            None => return Entities::default(),
        };
        let Some(last) = bindings.references.iter().find(|r| r.at.end == end) else { return Entities::default() };
        let known = match &last.target {
            Target::Declaration(id) => Known::Itself(*id),
            Target::Member(of) => Known::Member(Box::new(of.clone()), last.name.clone()),
            _ => return Entities::default(),
        };
        self.evaluate(path, &known, 0)
    }
}
