//! Change signature: parameters are added, taken away, put in another order or made one object, with the arguments of all calls.
//!
//! A call is changed where its name means the function beyond doubt. What else may call it, with which arguments, waits for a
//! person: a function that is passed on, arguments that are spread, an override, a decorator, code outside of the tree.

mod after;
mod aliases;
mod arguments;
mod calls;
mod caution;
mod family;
mod find;
mod lists;
mod object;
mod placed;
mod plan;
mod relist;
mod signature;

use crate::grammar::source::{Source, holds, range};
use crate::operations::rename;
use crate::parameters::{ParameterChange, Which};
use crate::{Changes, Refusal, Target, names};
use arguments::Trouble;
use calls::Site;
use deepcoder_resolve::{DeclarationId, Form, Occurrence, Project, Role};
use deepcoder_syntax::Language;
use deepcoder_types::{Hint, RepoPath, TextRange};
use family::Family;
use placed::{Placed, placed};
use plan::{Plan, Slot};
use relist::Edits;
use signature::{Definition, Kind, is_script};
use std::collections::BTreeMap;

/// Why a signature stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum SignatureError {
    #[error("there is no function here")]
    NoFunction,
    #[error("it is not certain which function `{0}` is")]
    Unknown(String),
    #[error("the function has no name of its own, so that its calls cannot be found")]
    NoName,
    #[error("the function is the value of something that can get another value or has a type of its own")]
    NotFixed,
    #[error("the parameters cannot be followed")]
    Parameters,
    #[error("`{0}` has several signatures")]
    Overloads(String),
    #[error("another definition of `{0}` has other parameters")]
    Differs(String),
    #[error("`{0}` is read and written like a field")]
    Accessor(String),
    #[error("`{0}` belongs to a trait")]
    OfTrait(String),
    #[error("there is no parameter `{0}`")]
    NoParameter(String),
    #[error("it is not said which parameter is meant")]
    WhichParameter,
    #[error("the parameter has no neighbour on that side")]
    NoNeighbour,
    #[error("a parameter is named twice")]
    Twice,
    #[error("a parameter gets another name in a request of its own")]
    Alone,
    #[error("`{0}` is a parameter already")]
    Taken(String),
    #[error("`{0}` is used")]
    Used(String),
    #[error("`{0}` has no default")]
    NoDefault(String),
    #[error("`{0}` would need a default, since a parameter before it has one")]
    NeedsDefault(String),
    #[error("`{0}` needs a type in {1}")]
    NoType(String, &'static str),
    #[error("`{0}` needs an argument, since the function is called")]
    NoValue(String),
    #[error("the parameters cannot stand in this order")]
    Order,
    #[error("an object is for at least two parameters")]
    Few,
    #[error("a comment stands between the parameters")]
    Comment,
    #[error("the language has no parameters of this kind")]
    Language,
    #[error("the arguments do not fit the parameters")]
    Arguments,
    #[error("`{0}` is used here, and not called")]
    NotCalled(String),
    #[error("`{0}` is not one expression")]
    NotOne(String),
    #[error("a function with a directive such as `use strict` can have plain parameters only")]
    Strict,
    #[error("a type names a parameter")]
    InTypes,
    #[error("`{0}` would be another name in the body")]
    Meaning(String),
}

impl Hint for SignatureError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoFunction | Self::NoName | Self::Unknown(_) => {
                "place the cursor on the name of a function: FILE:LINE:COLUMN".into()
            }
            Self::OfTrait(_) => "place the cursor on the function of the trait: FILE:LINE:COLUMN".into(),
            Self::NoType(name, _) => {
                format!("write: deepcoder refactor change-signature FUNCTION add '{name}: TYPE = VALUE'")
            }
            Self::NoValue(name) => format!("write: deepcoder refactor change-signature FUNCTION add '{name} = VALUE'"),
            Self::WhichParameter => "write: deepcoder refactor change-signature FUNCTION remove NAME".into(),
            Self::Alone => "write: deepcoder refactor rename FUNCTION.PARAMETER NEW_NAME".into(),
            _ => return None,
        })
    }
}

/// The name of the function that is meant, for titles.
pub(crate) fn name(project: &Project<'_>, target: &Target) -> Option<String> {
    let source = Source::of(project, target).ok()?;
    let (path, at) = find::find(project, &source, target.range).ok()?;
    let home = Source::of(project, &Target { path, range: at }).ok()?;
    Some(family::of(&home, signature::node_of(&home, at)?).ok()?.name)
}

/// The changes that give the function at the target other parameters.
pub(crate) fn change_signature(
    project: &Project<'_>,
    target: &Target,
    steps: &[ParameterChange],
) -> Result<Changes, Refusal> {
    let source = Source::of(project, target)?;
    let refuse = |error: SignatureError| source.refuse(&error, target.range);
    let (path, at) = find::find(project, &source, target.range).map_err(refuse)?;
    let home = Source::of(project, &Target { path, range: at })?;
    let node = signature::node_of(&home, at).ok_or_else(|| refuse(SignatureError::NoFunction))?;
    let own = Definition::of(&home, node).map_err(refuse)?;
    let touched = |p: &signature::Parameter| p.at.start <= target.range.start && target.range.start <= p.at.end;
    let at_target = own.parameters.iter().position(touched).filter(|_| home.path == target.path);
    if let [ParameterChange::Rename { which, name }] = steps {
        let found = own.parameters.iter().enumerate().position(|(at, p)| match which {
            Which::AtTarget => at_target == Some(at),
            Which::Name(name) => p.name == *name,
            Which::Index(index) => *index == at,
        });
        let at = found.and_then(|at| own.parameters[at].name_at);
        let range = at.ok_or_else(|| refuse(SignatureError::WhichParameter))?;
        return rename::rename(project, &Target { path: home.path.clone(), range }, name);
    }
    let mut plan = Plan::of(&own.parameters, steps, at_target).map_err(refuse)?;
    if plan.object && !is_script(home.language) {
        return Err(refuse(SignatureError::Language));
    }
    lists::ordered(&home, &own, &mut plan).map_err(refuse)?;
    let family = family::of(&home, node).map_err(refuse)?;
    let mut work = Work {
        project,
        plan,
        name: family.name.clone(),
        sources: BTreeMap::new(),
        occurrences: Vec::new(),
        doubts: Vec::new(),
    };
    work.imports(&home);
    work.read(&family, (&home, at))?;
    work.change(&family, (&home.path, at)).map_err(|error| error.refusal(&home, target.range))
}

/// The files that a change is about.
struct Work<'p> {
    project: &'p Project<'p>,
    plan: Plan,
    name: String,
    sources: BTreeMap<RepoPath, Source<'p>>,
    /// What names the function; whether calling it makes a value of a class.
    occurrences: Vec<(Occurrence, bool)>,
    doubts: Vec<(RepoPath, TextRange, String)>,
}

impl<'p> Work<'p> {
    /// Types of new parameters that are written with their package (Java) are imported.
    fn imports(&mut self, home: &Source<'p>) {
        let Plan { new, imports, .. } = &mut self.plan;
        for new in new.iter_mut().filter(|_| home.language == Language::Java) {
            new.of_type = new.of_type.as_deref().map(|of_type| after::simple(home, of_type, imports));
        }
    }

    /// Read every file that defines or names the function.
    fn read(&mut self, family: &Family, (home, at): (&Source<'p>, TextRange)) -> Result<(), Refusal> {
        let changes_list = !self.plan.slots.is_empty() || self.plan.normalise;
        if family.public && changes_list && !self.plan.normalise {
            let why = "code outside of this tree may call it, too";
            self.doubts.push((home.path.clone(), at_name(home, at), why.to_owned()));
        }
        let mut paths: Vec<(RepoPath, TextRange)> = vec![(home.path.clone(), at)];
        for (path, id) in &family.definitions {
            let declaration = self.project.declaration(&(path.clone(), *id));
            paths.extend(declaration.map(|d| (path.clone(), d.at)));
        }
        for (symbol, of_class) in &family.called {
            let found = self.project.occurrences(symbol);
            if let Some(why) = symbol.open {
                let why = format!("there may be other definitions of it: {}", rename::reason(why));
                self.doubts.push((home.path.clone(), at_name(home, at), why));
            }
            for (path, hazard) in found.hazards {
                self.doubts.push((path, hazard.at, "code here may use the function by its name".to_owned()));
            }
            let (aliased, unknown) = aliases::of(self.project, symbol, &found.found);
            let again = "it has another name here, and what calls it by that name is not followed";
            self.doubts.extend(unknown.into_iter().map(|place| (place.path, place.at, again.to_owned())));
            let found = found.found.into_iter().chain(aliased).collect::<Vec<_>>();
            paths.extend(found.iter().map(|o| (o.place.path.clone(), o.place.at)));
            self.occurrences.extend(found.into_iter().map(|occurrence| (occurrence, *of_class)));
        }
        for (path, range) in paths {
            if !self.sources.contains_key(&path) {
                let source = Source::of(self.project, &Target { path: path.clone(), range })?;
                self.sources.insert(path, source);
            }
        }
        Ok(())
    }

    /// The changes of all files.
    fn change(&self, family: &Family, (home, at): (&RepoPath, TextRange)) -> Result<Changes, Placed> {
        let mut changes = Changes::default();
        for (path, at, why) in &self.doubts {
            changes.doubt(path, *at, why.clone());
        }
        let definitions = self.definitions(family, (home, at))?;
        let Some((_, own)) = definitions.first() else { return Err(SignatureError::NoFunction.into()) };
        let mut edits: BTreeMap<&RepoPath, Edits> = BTreeMap::new();
        for (source, definition) in &definitions {
            let own_edits = edits.entry(&source.path).or_default();
            if definitions.len() > 1 {
                let why = format!("`{}` is defined in {} places, which all change", self.name, definitions.len());
                changes.doubt(&source.path, at_name(source, range(definition.node)), why);
            }
            for (at, why) in family::standing(source, definition.node, &self.name)? {
                changes.doubt(&source.path, at, why);
            }
            let texts = self.sources.values().map(|source| source.text.as_ref());
            for (at, why) in caution::of(source, definition, &self.plan, texts)? {
                changes.doubt(&source.path, at, why);
            }
            for new in &self.plan.new {
                let within = range(definition.node);
                names::check(source, &new.name, within).map_err(|error| Placed {
                    error: SignatureError::Taken(new.name.clone()),
                    place: None,
                    refusal: Some(Box::new(source.refuse(&error, within))),
                })?;
            }
            if self.plan.object {
                for at in object::parameters(source, definition, own_edits)? {
                    changes.doubt(&source.path, at, "the text does not tell the type of this default");
                }
            } else {
                lists::write(source, definition, &self.plan, own_edits)?;
            }
            after::other_overload(source, definition, &self.plan, &mut changes);
        }
        let mut gone: Vec<(&RepoPath, TextRange)> = Vec::new();
        for (source, site) in self.sites(&definitions, &mut changes)? {
            let own_edits = edits.entry(&source.path).or_default();
            let at = TextRange::new(range(site.node).start, site.inner.end);
            if self.plan.object {
                let count = own.parameters.iter().filter(|p| p.kind != Kind::This).count();
                let rest = own.parameters.iter().any(|p| p.kind == Kind::Rest);
                if site.spread || site.arguments.len() > count && !rest {
                    return Err(placed(SignatureError::Arguments, source, at));
                }
                object::arguments(source, own, &site, own_edits)?;
                continue;
            }
            if let Some(comment) = caution::comments(source, &site) {
                changes.doubt(&source.path, comment, "this comment may be about another argument");
            }
            let given = site.given(&own.parameters).filter(|_| !site.spread);
            let Some(given) = given else {
                let why =
                    if site.spread { "its arguments are spread" } else { "its arguments do not fit the parameters" };
                changes.doubt(&source.path, at, format!("this call stays as it is: {why}"));
                continue;
            };
            let default = |at: usize| own.parameters[at].default.map(|at| definitions[0].0.text_of(at).to_owned());
            match arguments::written(source, own_edits, &site, (&own.parameters, &given, &self.plan), &default) {
                Ok(written) => {
                    for (at, why) in written.doubts {
                        changes.doubt(&source.path, at, why);
                    }
                    gone.extend(written.gone.iter().map(|at| (&source.path, *at)));
                    let old: Vec<TextRange> = site.arguments.iter().map(|argument| argument.at).collect();
                    own_edits.relist(source, site.inner, &old, &written.items);
                    if let Some(word) = self.plan.new.iter().find_map(|new| after::free_name(new, source.language)) {
                        changes.doubt(&source.path, at, format!("`{word}` may mean something else here"));
                    }
                }
                Err(Trouble::Stays(why)) => {
                    changes.doubt(&source.path, at, format!("this call stays as it is: {why}"));
                }
                Err(Trouble::NoValue) => {
                    let name = self.plan.new.iter().find(|new| new.value.is_none() && new.default.is_none());
                    let name = name.map(|new| new.name.clone()).unwrap_or_default();
                    return Err(placed(SignatureError::NoValue(name), source, at));
                }
            }
        }
        for (source, definition) in &definitions {
            for removed in self.plan.removed(definition.parameters.len()) {
                let parameter = &definition.parameters[removed];
                if let Some(at) = used(source, parameter, &gone) {
                    return Err(placed(SignatureError::Used(parameter.name.clone()), source, at));
                }
                after::no_longer_told(source, parameter, &mut changes);
            }
        }
        for (path, edits) in edits {
            edits.all.into_iter().for_each(|(at, text)| changes.replace(path, at, text));
        }
        after::imports(&self.sources, &self.plan, home, &gone, &mut changes);
        after::unused_variables(&self.sources, &gone, &mut changes);
        for (source, definition) in &definitions {
            after::check(self.project, source, definition, &changes)?;
        }
        Ok(changes)
    }

    /// The definitions, that at the target first.
    fn definitions(
        &self,
        family: &Family,
        (home, at): (&RepoPath, TextRange),
    ) -> Result<Vec<(&Source<'p>, Definition<'_>)>, Placed> {
        let mut out: Vec<(&Source<'p>, Definition<'_>)> = Vec::new();
        let source = self.sources.get(home).ok_or(SignatureError::NoFunction)?;
        let node = signature::node_of(source, at).ok_or(SignatureError::NoFunction)?;
        out.push((source, Definition::of(source, node)?));
        // A method of an object names the member of a type.
        let of_objects = self.occurrences.iter().filter(|(o, _)| o.role != Role::Declares).filter_map(|(o, _)| {
            let node = signature::defined_at(self.sources.get(&o.place.path)?, o.place.at)?;
            Some((&o.place.path, Ok(node)))
        });
        let declared = family.definitions.iter().filter_map(|(path, id)| {
            let source = self.sources.get(path)?;
            let node = source.bindings.declaration(*id).and_then(|d| signature::of_declaration(source, d));
            Some((path, node.ok_or_else(|| SignatureError::Differs(self.name.clone()))))
        });
        for (path, node) in declared.chain(of_objects) {
            let Some(source) = self.sources.get(path) else { continue };
            let node = node?;
            family::overloads(source, node)?;
            if out.iter().any(|(other, definition)| other.path == *path && range(definition.node) == range(node)) {
                continue;
            }
            let definition = Definition::of(source, node)?;
            let own = &out[0].1.parameters;
            let alike = own.len() == definition.parameters.len()
                && own
                    .iter()
                    .zip(&definition.parameters)
                    .all(|(a, b)| a.kind == b.kind && (!self.plan.object || a.name == b.name));
            if !alike {
                return Err(placed(SignatureError::Differs(self.name.clone()), source, range(node)));
            }
            out.push((source, definition));
        }
        Ok(out)
    }

    /// The calls, inner ones first.
    fn sites(
        &self,
        definitions: &[(&Source<'p>, Definition<'_>)],
        changes: &mut Changes,
    ) -> Result<Vec<(&Source<'p>, Site<'_>)>, Placed> {
        let own = &definitions[0].1;
        let method = own.parameters.iter().any(|p| p.kind == Kind::Receiver);
        let by_class = |source: &Source<'_>, node| {
            signature::decorators(source, node).iter().any(|(name, _)| *name == "classmethod")
        };
        let class_method = by_class(definitions[0].0, own.node);
        let mut out: Vec<(&Source<'p>, Site<'_>)> = Vec::new();
        for (occurrence, of_class) in &self.occurrences {
            let place = &occurrence.place;
            let Some(source) = self.sources.get(&place.path) else { continue };
            let declares = matches!(occurrence.role, Role::Declares | Role::Imports | Role::Exports | Role::Writes);
            if declares && occurrence.form != Form::Quoted {
                if occurrence.role == Role::Writes {
                    changes.doubt(&place.path, place.at, format!("`{}` gets another value here", self.name));
                }
                continue;
            }
            let site = Site::named(source, place.at, method || *of_class);
            let Some(mut site) = site else {
                self.not_called(source, (occurrence, *of_class), own, changes, &mut out)?;
                continue;
            };
            site.bound |= method && (*of_class || class_method);
            if let Some(why) = occurrence.doubt {
                let why = format!("this may call another function: {}", rename::reason(why));
                changes.doubt(&place.path, place.at, why);
            }
            out.push((source, site));
        }
        out.sort_by_key(|(_, site)| range(site.node).end - range(site.node).start);
        out.dedup_by(|(a, x), (b, y)| a.path == b.path && x.inner == y.inner);
        Ok(out)
    }

    /// What names the function and does not call it.
    fn not_called<'s>(
        &self,
        source: &'s Source<'p>,
        (occurrence, of_class): (&Occurrence, bool),
        own: &Definition<'_>,
        changes: &mut Changes,
        out: &mut Vec<(&'s Source<'p>, Site<'s>)>,
    ) -> Result<(), Placed> {
        let at = occurrence.place.at;
        if source.node_at(at).is_some_and(|node| node.kind().contains("comment"))
            || aliases::exports(source, at)
            || signature::defined_at(source, at).is_some()
        {
            return Ok(());
        }
        if of_class {
            match calls::of_class(source, at) {
                calls::Use::Plain => return Ok(()),
                calls::Use::Above(sites) => {
                    out.extend(sites.into_iter().map(|site| (source, site)));
                    return Ok(());
                }
                calls::Use::Inherited => {
                    let why = "a class inherits this constructor, and what makes its values may need the change";
                    changes.doubt(&source.path, at, why);
                    return Ok(());
                }
                calls::Use::Value => {}
            }
        }
        if self.plan.object && occurrence.doubt.is_none() {
            return Err(placed(SignatureError::NotCalled(self.name.clone()), source, at));
        }
        // A definition names itself.
        if !holds(own.inner, at) {
            changes.doubt(
                &source.path,
                at,
                format!("`{}` is passed on here, and may be called with other arguments", self.name),
            );
        }
        Ok(())
    }
}

/// Where a definition is named.
fn at_name(source: &Source<'_>, function: TextRange) -> TextRange {
    let node = signature::node_of(source, function);
    node.and_then(|node| node.child_by_field_name("name")).map_or(function, range)
}

/// Where a parameter is used, apart from what goes with it.
fn used(source: &Source<'_>, parameter: &signature::Parameter, gone: &[(&RepoPath, TextRange)]) -> Option<TextRange> {
    let ids: Vec<DeclarationId> =
        source.bindings.ids().filter(|(_, d)| Some(d.at) == parameter.name_at).map(|(id, _)| id).collect();
    let means = |target: &deepcoder_resolve::Target| match target {
        deepcoder_resolve::Target::Declaration(id) => ids.contains(id),
        deepcoder_resolve::Target::Several(all, _) => all.iter().any(|id| ids.contains(id)),
        deepcoder_resolve::Target::Lookup { otherwise, .. } => {
            matches!(**otherwise, deepcoder_resolve::Target::Declaration(id) if ids.contains(&id))
        }
        _ => false,
    };
    let stays = |at: TextRange| !gone.iter().any(|(path, gone)| **path == source.path && holds(*gone, at));
    let uses = source.bindings.references.iter().filter(|r| !matches!(r.role, Role::Declares | Role::Keyword));
    if parameter.name.is_empty() || parameter.modified {
        return Some(parameter.at).filter(|_| source.text_of(parameter.at).contains(['{', '[']) || parameter.modified);
    }
    uses.into_iter().find(|r| means(&r.target) && stays(r.at)).map(|r| r.at)
}

/// The parameters that a change leaves, for those who ask.
impl Plan {
    /// How many arguments a call can have by position.
    fn count(&self, parameters: &[signature::Parameter]) -> usize {
        let counts = |slot: &&Slot| match slot {
            Slot::Old(at) => !matches!(parameters[*at].kind, Kind::Receiver | Kind::This | Kind::Mark),
            Slot::New(_) => true,
        };
        self.slots.iter().filter(counts).count()
    }
}
