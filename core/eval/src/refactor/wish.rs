//! What a case asks for, in one form for every tool.

mod convert;
mod imports;
mod signature;

use super::case::{Case, Texts, relative};
use deepcoder_plugin_refactor::{CodemodRequest, Request, Source, Target, VariableKind, Visibility};
use deepcoder_resolve::{DeclarationKind, Memory, Project};
use deepcoder_syntax::Language;
use deepcoder_types::{RepoPath, TextRange};
use serde::Serialize;
use serde_json::Value;

/// What a case asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub(crate) struct Wish {
    /// The operation.
    pub(crate) operation: String,
    /// The file and the bytes that it is about.
    pub(crate) at: Option<(RepoPath, TextRange)>,
    /// The new name.
    pub(crate) name: Option<String>,
    /// Whether it is about every such place.
    pub(crate) all: bool,
    /// Where to: a file, or the form that something is to have.
    pub(crate) to: Option<String>,
    /// Who may use what is new (Java).
    pub(crate) visibility: Option<String>,
    /// Whether a method is wanted (Go).
    pub(crate) method: bool,
    /// How many scopes outwards (TypeScript).
    pub(crate) scope: Option<u32>,
    /// The tool's own name of the operation.
    pub(crate) tool: Option<String>,
    /// Parameters that only one operation has.
    pub(crate) change: Option<Value>,
    /// A codemod, where it is one of patterns.
    #[serde(skip)]
    pub(crate) codemod: Option<CodemodRequest>,
    /// Why no operation of ours does this.
    pub(crate) beyond: Option<&'static str>,
}

impl Wish {
    /// What `case` asks for.
    pub(crate) fn of(case: &Case) -> Self {
        let params = &case.params;
        let text = |key: &str| params.get(key).and_then(Value::as_str).map(str::to_owned);
        let flag = |key: &str| params.get(key).and_then(Value::as_bool);
        let tool = case.tool_operation.as_deref().unwrap_or_default();
        let mut wish = Self { operation: case.operation.clone(), at: place(case), ..Self::default() };
        match case.operation.as_str() {
            "rename" => {
                wish.name = text("new_name");
                wish.beyond = rename_beyond(case);
                if text("recipe").is_some() {
                    wish.by_recipe(case);
                }
            }
            "extract-variable" | "extract-constant" | "extract-function" | "extract-type" => {
                wish.name = text("name");
                wish.all = flag("similar").or(flag("replace_all")).unwrap_or(tool.ends_with("-all"));
                wish.scope = text("action").and_then(|action| action.rsplit('_').next()?.parse().ok());
                let others = ["convert_closure_to_fn", "extract_expressions_from_format_string"];
                wish.beyond = others.contains(&tool).then_some("another operation of this name");
                wish.to = text("label").or_else(|| text("kind"));
                let global = text("description").is_some_and(|text| text.ends_with("constant in global scope"));
                if global && wish.scope.is_some_and(|scope| scope > 0) {
                    wish.to = Some("global scope".to_owned());
                }
                wish.visibility = text("visibility");
                wish.method = tool.ends_with("extract.method");
                if flag("final") == Some(true) {
                    wish.beyond = Some("a modifier of the variable");
                }
                if flag("global_") == Some(true) {
                    wish.to = Some("global".to_owned());
                }
            }
            "inline-variable" | "inline-function" => {
                let only = flag("only_current") == Some(true) || flag("remove") == Some(false);
                // A cursor on a call means that call, but for rope.
                let one = ["inline_call", "InlineMethod"].contains(&tool) && case.language != "python";
                wish.all = !only && !one && !tool.starts_with("refactor.inline");
            }
            "move" => {
                wish.tool = case.tool_operation.clone();
                let dest = params.get("dest").and_then(|dest| dest.get("path")).and_then(Value::as_str);
                wish.to = text("target_file").or_else(|| dest.map(str::to_owned));
                let module = text("dest").map(|module| format!("{}.py", module.replace('.', "/")));
                wish.to = wish.to.or(module);
            }
            "organise-imports" => {
                wish.to = Some(tool.to_owned());
                wish.change = Some(params.clone());
                wish.at = wish.at.or_else(|| imports::file(case));
            }
            "codemod" => {
                wish.change = Some(params.clone());
                wish.codemod = codemod(case, &mut wish.beyond);
            }
            "change-signature" => {
                wish.tool = case.tool_operation.clone();
                wish.change = Some(params.clone());
                wish.beyond = signature::beyond(case);
                wish.at = wish.at.or_else(|| signature::place(case));
            }
            _ => {
                wish.tool = case.tool_operation.clone();
                wish.to = text("action").or_else(|| text("label")).or_else(|| Some(tool.to_owned()));
            }
        }
        wish
    }

    /// The same for the operation that does it; `None` where there is none yet.
    pub(crate) fn request(&self) -> Option<Request> {
        if self.beyond.is_some() {
            return None;
        }
        let target = || self.at.clone().map(|(path, range)| Target { path, range });
        match self.operation.as_str() {
            "rename" => Some(Request::Rename { target: target()?, new_name: self.name.clone()? }),
            "extract-variable" => {
                let kind = match (self.to.as_deref(), self.scope) {
                    (None | Some("Extract into variable"), None | Some(0)) => VariableKind::Variable,
                    (Some("Extract into constant" | "global scope"), _) => VariableKind::Constant,
                    (Some("Extract into static"), _) => VariableKind::Static,
                    _ => return None,
                };
                let name = self.name.clone();
                Some(Request::ExtractVariable { target: target()?, name, all: self.all, kind })
            }
            "extract-function" if !self.all && self.to.is_none() => {
                let visibility = self.visibility.as_deref().and_then(|word| match word {
                    "public" => Some(Visibility::Public),
                    "protected" => Some(Visibility::Protected),
                    "private" => Some(Visibility::Private),
                    _ => None,
                });
                Some(Request::ExtractFunction {
                    target: target()?,
                    name: self.name.clone(),
                    visibility,
                    method: self.method,
                })
            }
            "codemod" => Some(Request::Codemod(Box::new(self.codemod.clone()?))),
            "inline-function" => Some(Request::InlineFunction { target: target()?, all: self.all }),
            "move" => self.moved(target()),
            "organise-imports" => {
                let (work, style) = imports::work(self.to.as_deref()?, self.change.as_ref()?)?;
                Some(Request::OrganiseImports { target: target()?, work, style })
            }
            "change-signature" => {
                let changes = signature::steps(self.tool.as_deref()?, self.change.as_ref()?)?;
                Some(Request::ChangeSignature { target: target()?, changes })
            }
            "inline-variable" if self.all => Some(Request::InlineVariable { target: target()? }),
            _ => {
                let kind = convert::kind(self.tool.as_deref()?, self.to.as_deref()?)?;
                Some(Request::Convert { target: target()?, kind: kind.to_owned() })
            }
        }
    }

    /// A move, by the tool's own name of it.
    fn moved(&self, target: Option<Target>) -> Option<Request> {
        let tool = self.tool.as_deref()?;
        let to = self.to.as_deref().and_then(|to| relative(to).ok());
        match tool {
            "moveToFile" | "moveToNewFile" | "refactor.extract.toNewFile" | "move_module_to_file" => {
                Some(Request::Move { target: target?, to, qualified: false })
            }
            // rope names the new module wherever it is used, unless a project says otherwise.
            "MoveGlobal" => Some(Request::Move { target: target?, to, qualified: true }),
            "MoveModule" => {
                let Target { path, .. } = target?;
                let folder = Some(self.to.as_deref()?).filter(|folder| !folder.is_empty());
                let to = folder.map_or(path.file_name().to_owned(), |folder| format!("{folder}/{}", path.file_name()));
                Some(Request::MoveFile { to: relative(&to).ok()?, path })
            }
            "ModuleToPackage" => {
                let Target { path, .. } = target?;
                let to = format!("{}/__init__.py", path.as_str().strip_suffix(".py")?);
                Some(Request::MoveFile { to: relative(&to).ok()?, path })
            }
            _ => None,
        }
    }

    /// OpenRewrite names what it is about: `com.abc.B singleArg(String)`, `a.Old`.
    fn by_recipe(&mut self, case: &Case) {
        let args: Vec<&str> = case.params["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let (recipe, [from, to, ..]) = (case.params["recipe"].as_str().unwrap_or_default(), args.as_slice()) else {
            self.beyond = Some("it has no arguments");
            return;
        };
        // A recipe that moves the uses of a library to other names leaves the declarations as they are: that is a migration.
        let ignores_definition = case.params["args"].get(2).and_then(Value::as_bool) == Some(true);
        if recipe == "ChangeMethodName" || recipe == "ChangeType" && ignores_definition {
            self.beyond = Some("the uses only, and not the declaration");
        }
        let found = match recipe {
            "ChangeMethodName" => from.split_once([' ', '#']).and_then(|(of, method)| {
                let (name, parameters) = method.split_once('(')?;
                let count = parameters.trim_end_matches(')').split(',').filter(|p| !p.trim().is_empty()).count();
                member(&case.before, of, name, u32::try_from(count).ok()?)
            }),
            "ChangeType" => {
                let (of, name) = split(from);
                let (there, _) = split(to);
                (of == there).then(|| member(&case.before, of, name, 0)).flatten()
            }
            _ => None,
        };
        match found {
            Some(at) => (self.at, self.name) = (Some(at), Some(split(to).1.to_owned())),
            None => self.beyond = Some("what is renamed is not declared in the tree, or moves to another package"),
        }
    }
}

/// A codemod in the syntax of the tool, where ours has the same meaning.
fn codemod(case: &Case, beyond: &mut Option<&'static str>) -> Option<CodemodRequest> {
    let params = &case.params;
    let text = |key: &str| params.get(key).and_then(Value::as_str).map(str::to_owned);
    let source = match (text("dialect").as_deref(), text("pattern"), text("goal")) {
        (Some("comby"), ..) => {
            Source::Template { template: text("match")?, replacement: text("rewrite")?, condition: text("rule") }
        }
        (Some("ast-grep"), ..) => Source::Rules(text("rule")?),
        (_, Some(pattern), Some(goal)) => {
            if params.get("args").is_some() || params.get("imports").is_some() {
                *beyond = Some("types of variables, or imports that come along");
                return None;
            }
            Source::Pattern { pattern: ropes(&pattern)?, replacement: ropes(&goal)?, condition: None }
        }
        _ => {
            *beyond = Some("a transformation of its own, without a pattern");
            return None;
        }
    };
    let first = params.get("first_only").and_then(Value::as_bool) == Some(true);
    Some(CodemodRequest {
        source,
        language: Language::from_name(&case.language),
        files: case.before.keys().map(ToString::to_string).collect(),
        most: first.then_some(1),
        learned: false,
    })
}

/// rope's `${a}` as `$A`; `None` where two names would become one.
fn ropes(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text.trim_end_matches('\n');
    while let Some(start) = rest.find("${") {
        let end = rest[start..].find('}')? + start;
        let name = &rest[start + 2..end];
        if name.chars().any(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')) {
            return None;
        }
        out.push_str(&rest[..start]);
        out.push('$');
        out.push_str(&name.to_ascii_uppercase());
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Some(out)
}

/// Options of a tool that ask for more or less than a rename of what the name means.
fn rename_beyond(case: &Case) -> Option<&'static str> {
    let params = &case.params;
    let on = |value: &Value| value.as_bool() == Some(true) || value.as_str() == Some("true");
    let option = |key: &str| params.get("options").and_then(|options| options.get(key)).is_some_and(on);
    if option("findInComments") || option("findInStrings") || params.get("docs").is_some_and(on) {
        return Some("words in comments and strings, too");
    }
    let some = params.get("resources").and_then(Value::as_array).map(Vec::len);
    if some.is_some_and(|some| some < case.before.len()) {
        return Some("in some files only");
    }
    if params.get("old_name").is_some() {
        return Some("a name of another package");
    }
    // Eclipse's tests have this option in their names only.
    if case.id.starts_with("jdt/") && case.id.contains("elegate") {
        return Some("the old name stays as a deprecated delegate");
    }
    let whole = case.at.as_ref().is_some_and(|at| at.start.is_none());
    whole.then_some("a module by its file")
}

/// The place of the request; rope counts characters in its arguments.
fn place(case: &Case) -> Option<(RepoPath, TextRange)> {
    if let Some((at, Some(file))) = case.at.as_ref().map(|at| (at, &at.file)) {
        let start = at.start.unwrap_or(0);
        return Some((file.clone(), TextRange::new(start, at.end.unwrap_or(start).max(start))));
    }
    let args = case.params.get("args")?.as_array()?;
    let path = relative(args.iter().find_map(|arg| arg.get("path")?.as_str())?).ok()?;
    let text = case.before.get(&path)?;
    let offsets: Vec<u32> = args
        .iter()
        .filter_map(Value::as_u64)
        .filter_map(|at| {
            u32::try_from(text.chars().take(usize::try_from(at).ok()?).map(char::len_utf8).sum::<usize>()).ok()
        })
        .collect();
    let start = *offsets.first()?;
    Some((path, TextRange::new(start, offsets.get(1).copied().unwrap_or(start).max(start))))
}

/// `a.b.C` as `a.b` and `C`.
fn split(qualified: &str) -> (&str, &str) {
    let name = qualified.rsplit(['.', '$']).next().unwrap_or(qualified);
    (qualified[..qualified.len() - name.len()].trim_end_matches(['.', '$']), name)
}

/// The declaration of `name` in what `of` names: a package or a type.
fn member(before: &Texts, of: &str, name: &str, parameters: u32) -> Option<(RepoPath, TextRange)> {
    let files = Memory::new(before.clone());
    let project = Project::new(&files);
    let mut found = Vec::new();
    for path in before.keys() {
        let Some(bindings) = project.bindings(path) else { continue };
        for (_, declaration) in bindings.ids().filter(|(_, d)| d.name == name && d.kind != DeclarationKind::Import) {
            let mut around = vec![];
            let mut scope = bindings.scope(declaration.scope);
            while let Some(at) = scope {
                around.extend(at.owner.and_then(|owner| bindings.declaration(owner)).map(|d| d.name.as_str()));
                scope = at.parent.and_then(|parent| bindings.scope(parent));
            }
            around.extend(Some(bindings.package.as_str()).filter(|package| !package.is_empty()));
            around.reverse();
            let fits = declaration.parameters.is_none_or(|count| count == parameters);
            if around.join(".") == of.replace('$', ".") && fits {
                found.push((path.clone(), declaration.at));
            }
        }
    }
    Some(found).filter(|found| found.len() == 1)?.pop()
}
