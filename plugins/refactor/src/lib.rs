//! Refactorings: operations on the names of a tree.
//!
//! [`run`] takes a tree and a [`Request`] and gives [`Changes`] or a [`Refusal`]. Every operation is a module in
//! `operations`, and every result passes one gate, which has three answers: exact changes are safe, changes with
//! [`Doubt`]s wait for a person, and what would break the code is refused with the place and the reason.
//!
//! **Invariant:** pure functions of texts. No operation reads or writes a file, and none guesses: what the texts leave open
//! is a doubt.

mod carried;
mod changes;
mod codemods;
mod command;
pub mod editor;
mod effects;
mod find;
mod gate;
mod grammar;
mod names;
mod operations;
mod parameters;
mod paths;
mod plugin;
mod request;
#[cfg(test)]
mod tests;
mod title;
mod tree;

pub use changes::{ApplyError, Changes, Doubt};
pub use deepcoder_codemod::Source;
pub use gate::Verdict;
pub use parameters::{NewParameter, ParameterChange, Which};
pub use plugin::RefactorPlugin;
pub use request::{
    CodemodRequest, Collation, ImportStyle, Imports, Refusal, Request, Target, TypeOrder, VariableKind, Visibility,
};

use deepcoder_resolve::Project;

/// Do what is asked for, on the texts of a tree.
pub fn run(project: &Project<'_>, request: &Request) -> Result<Changes, Refusal> {
    let changes = gate::pass(project, operations::changes(project, request)?)?;
    // A rename and the move of a file compare all names of the tree themselves, with what has another name or another file.
    if !matches!(request, Request::Rename { .. } | Request::MoveFile { .. } | Request::Codemod(_)) {
        gate::keeps_meanings(project, &changes)?;
    }
    Ok(changes)
}
