//! Requests in a few words.

use crate::operations::change_signature;
use crate::operations::convert;
use crate::{Request, Target, VariableKind, codemods};
use deepcoder_resolve::Project;

/// What a request does, for a list of edits or a menu.
pub(crate) fn title(project: &Project<'_>, request: &Request) -> String {
    match request {
        Request::Rename { target, new_name } => format!("rename {} to {new_name}", name_at(project, target)),
        Request::ExtractVariable { name, kind, .. } => {
            let what = if *kind == VariableKind::Variable { "variable" } else { "constant" };
            name.as_ref().map_or_else(|| format!("extract a {what}"), |name| format!("extract the {what} {name}"))
        }
        Request::ExtractFunction { name: Some(name), .. } => format!("extract the function {name}"),
        Request::ExtractFunction { name: None, .. } => "extract a function".to_owned(),
        Request::Codemod(request) => codemods::title(request),
        Request::InlineVariable { target } | Request::InlineFunction { target, .. } => {
            format!("inline {}", name_at(project, target))
        }
        Request::Move { target, to: Some(to), .. } => format!("move {} to {to}", name_at(project, target)),
        Request::Move { target, to: None, .. } => format!("move {} to a new file", name_at(project, target)),
        Request::MoveFile { path, to } => format!("move {path} to {to}"),
        Request::ChangeSignature { target, .. } => {
            let name = change_signature::name(project, target).unwrap_or_else(|| name_at(project, target));
            format!("change the signature of {name}")
        }
        Request::Convert { kind, .. } => convert::kind(kind).map_or(kind.as_str(), |known| known.title).to_owned(),
        Request::OrganiseImports { target, .. } => format!("organise the imports of {}", target.path),
    }
}

/// The name at a place, as the language compares names.
pub(crate) fn name_at(project: &Project<'_>, target: &Target) -> String {
    let names = project.names_at(&target.path, target.range.start);
    names.into_iter().next().map(|(reference, _)| reference.name).unwrap_or_default()
}
