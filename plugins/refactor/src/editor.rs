//! Refactorings as an editor asks for them: positions in, edits out.
//!
//! A language server needs no more than these functions: [`prepare_rename`], [`rename`], [`code_actions`] and [`resolve`].
//! Texts that are not saved yet come as an [`Overlay`](deepcoder_resolve::Overlay) over the tree. Lines and characters count
//! from 0, characters in UTF-16 code units, as the Language Server Protocol counts them.

use crate::operations::convert;
use crate::operations::rename::symbol_at;
use crate::title::{name_at, title};
use crate::{Changes, Doubt, Refusal, Request, Target, Verdict, run};
use deepcoder_resolve::{Files, Place, Project};
use deepcoder_types::{Action, RepoPath, TextRange};

pub use deepcoder_edit::utf16::{Lined, Position, Span};

/// A text in the place of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanEdit {
    /// Its place, in bytes.
    pub range: TextRange,
    /// Its place, in lines and characters.
    pub span: Span,
    /// The text that comes there.
    pub text: String,
}

/// Edits of a tree, to be made in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkspaceEdit {
    /// Edits of files by the paths that these have before, in order, all of them of the text before.
    pub edits: Vec<(RepoPath, Vec<SpanEdit>)>,
    /// Files that are new, with their texts.
    pub created: Vec<(RepoPath, String)>,
    /// Files that get another path.
    pub renamed: Vec<(RepoPath, RepoPath)>,
}

/// What a refactoring comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refactored {
    /// What it does, for a history of edits.
    pub title: String,
    /// The edits.
    pub edit: WorkspaceEdit,
    /// The places that a person should look at first. Without any the edits are safe.
    pub doubts: Vec<(Doubt, Span)>,
}

impl Refactored {
    /// What may become of the edits.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.doubts.is_empty() { Verdict::Safe } else { Verdict::NeedsReview }
    }
}

/// A name that can be given another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamable {
    /// Its place, in bytes.
    pub range: TextRange,
    /// Its place, in lines and characters.
    pub span: Span,
    /// The name as it is written there.
    pub placeholder: String,
}

/// An operation that is possible, for a menu; [`resolve`] makes its edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeAction {
    /// What the menu says.
    pub title: String,
    /// Its kind, as the Language Server Protocol names them: `refactor.extract.variable`.
    pub kind: &'static str,
    /// Whether a person should look at the result first.
    pub verdict: Verdict,
    /// What it stands for.
    pub request: Request,
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The target of a request at a part of a file; `None` where there is no such text.
#[must_use]
pub fn target(files: &dyn Files, path: &RepoPath, span: Span) -> Option<Target> {
    let text = files.text(path)?;
    let lined = Lined::new(&text);
    let start = lined.byte(span.start);
    Some(Target { path: path.clone(), range: TextRange::new(start, lined.byte(span.end).max(start)) })
}

/// The name at a cursor, where it can be renamed.
pub fn prepare_rename(project: &Project<'_>, target: &Target) -> Result<Renamable, Refusal> {
    let (reference, ..) = symbol_at(project, target)?;
    let text = project.files().text(&target.path).unwrap_or_default();
    let placeholder = text.get(reference.at.as_range()).unwrap_or(&reference.name).to_owned();
    Ok(Renamable { range: reference.at, span: Lined::new(&text).span(reference.at), placeholder })
}

/// The edits that give the name at a cursor another one.
pub fn rename(project: &Project<'_>, target: &Target, new_name: &str) -> Result<Refactored, Refusal> {
    refactored(project, &Request::Rename { target: target.clone(), new_name: new_name.to_owned() })
}

/// The operations that are possible at a selection. A rename is none of them: editors ask for the new name first.
#[must_use]
pub fn code_actions(project: &Project<'_>, target: &Target) -> Vec<CodeAction> {
    let requests = every(project, target);
    let possible = |request: Request| {
        let changes = run(project, &request).ok().filter(|changes| !changes.is_empty())?;
        let title = title(project, &request);
        Some(CodeAction { title, kind: request.kind(), verdict: changes.verdict(), request })
    };
    requests.into_iter().filter(|r| !matches!(r, Request::Rename { .. })).filter_map(possible).collect()
}

/// The edits of an action, of the texts as they are now.
pub fn resolve(project: &Project<'_>, action: &CodeAction) -> Result<Refactored, Refusal> {
    refactored(project, &action.request)
}

/// What each operation would do at a target, or why it cannot; of rewrites only those that apply.
#[must_use]
pub fn actions(project: &Project<'_>, target: &Target) -> Vec<Action> {
    every(project, target).iter().map(|request| action(project, request)).collect()
}

/// What a request would do, or why it cannot.
pub(crate) fn action(project: &Project<'_>, request: &Request) -> Action {
    let mut action = Action {
        operation: match request {
            Request::Convert { kind, .. } => format!("{} {kind}", request.operation()),
            _ => request.operation().to_owned(),
        },
        title: title(project, request),
        kind: request.kind().to_owned(),
        ..Action::default()
    };
    match run(project, request) {
        Ok(changes) if !changes.is_empty() => {
            action.places = offset(changes.edits.values().map(Vec::len).sum());
            action.files = offset(changes.edits.len());
            action.doubts = offset(changes.doubts.len());
        }
        Ok(_) => action.refused = Some("it changes nothing".to_owned()),
        Err(refusal) => action.refused = Some(refusal.message),
    }
    action
}

/// The operations at a target, and the rewrites that apply there.
fn every(project: &Project<'_>, target: &Target) -> Vec<Request> {
    let mut requests = Request::all_at(target, &name_at(project, target));
    requests.extend(rewrites(project, target));
    requests
}

/// The rewrites that apply at a target.
pub(crate) fn rewrites(project: &Project<'_>, target: &Target) -> Vec<Request> {
    let request = |kind: &convert::Kind| Request::Convert { target: target.clone(), kind: kind.name.to_owned() };
    convert::kinds_at(project, target).into_iter().map(request).collect()
}

fn refactored(project: &Project<'_>, request: &Request) -> Result<Refactored, Refusal> {
    let title = title(project, request);
    let changes = run(project, request)?;
    let spot = |doubt: &Doubt| Lined::new(&text_of(project, &doubt.place)).span(doubt.place.at);
    let doubts = changes.doubts.iter().map(|doubt| (doubt.clone(), spot(doubt))).collect();
    Ok(Refactored { title, edit: workspace_edit(project.files(), changes), doubts })
}

fn text_of(project: &Project<'_>, place: &Place) -> std::sync::Arc<str> {
    project.files().text(&place.path).unwrap_or_default()
}

/// Changes with their places in lines and characters.
#[must_use]
pub fn workspace_edit(files: &dyn Files, changes: Changes) -> WorkspaceEdit {
    let of_file = |(path, edits): (RepoPath, Vec<(TextRange, String)>)| {
        let before = files.text(&path).unwrap_or_default();
        let lined = Lined::new(&before);
        let edit = |(range, text)| SpanEdit { range, span: lined.span(range), text };
        let edits = edits.into_iter().map(edit).collect();
        (path, edits)
    };
    WorkspaceEdit {
        edits: changes.edits.into_iter().map(of_file).collect(),
        created: changes.created.into_iter().collect(),
        renamed: changes.renamed,
    }
}

#[cfg(test)]
mod tests;
