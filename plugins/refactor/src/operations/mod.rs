//! One module for each operation, all of one shape: `fn(&Project, &Target, …) -> Result<Changes, Refusal>`. An operation
//! says where the text does not tell whether it is right ([`Changes::doubt`](crate::Changes::doubt)), and leaves it to the gate
//! to check the result.

pub(crate) mod change_signature;
mod codemod;
pub(crate) mod convert;
mod extract_function;
mod extract_variable;
pub(crate) mod inline_function;
mod inline_variable;
mod move_symbol;
mod organise_imports;
pub(crate) mod rename;
#[cfg(test)]
mod tests;

use crate::{Changes, Refusal, Request};
use deepcoder_resolve::Project;

/// The changes before the gate.
pub(crate) fn changes(project: &Project<'_>, request: &Request) -> Result<Changes, Refusal> {
    match request {
        Request::Rename { target, new_name } => rename::rename(project, target, new_name),
        Request::ExtractVariable { target, name, all, kind } => {
            extract_variable::extract_variable(project, target, name.as_deref(), *all, *kind)
        }
        Request::ExtractFunction { target, name, visibility, method } => {
            extract_function::extract_function(project, target, name.as_deref(), *visibility, *method)
        }
        Request::Codemod(request) => codemod::codemod(project, request),
        Request::InlineFunction { target, all } => inline_function::inline_function(project, target, *all),
        Request::InlineVariable { target } => inline_variable::inline_variable(project, target),
        Request::Move { target, to, qualified } => move_symbol::move_symbol(project, target, to.as_ref(), *qualified),
        Request::MoveFile { path, to } => move_symbol::move_file(project, path, to),
        Request::ChangeSignature { target, changes } => change_signature::change_signature(project, target, changes),
        Request::Convert { target, kind } => convert::convert(project, target, kind),
        Request::OrganiseImports { target, work, style } => {
            organise_imports::organise_imports(project, target, work, style)
        }
    }
}
