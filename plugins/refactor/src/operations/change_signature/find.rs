//! From a target to the function that is meant.

use super::SignatureError;
use super::calls::Site;
use super::signature::{FUNCTIONS, constructor, of_declaration};
use crate::grammar::source::{Source, range};
use deepcoder_resolve::{Project, Resolution, Role};
use deepcoder_types::{RepoPath, TextRange};

/// The function of a target: its file and its text.
pub(super) fn find(
    project: &Project<'_>,
    source: &Source<'_>,
    selection: TextRange,
) -> Result<(RepoPath, TextRange), SignatureError> {
    let here = source.node_at(selection).ok_or(SignatureError::NoFunction)?;
    for (reference, resolution) in project.names_at(&source.path, selection.start) {
        if selection.start < selection.end && reference.at.end > selection.end {
            continue;
        }
        let Resolution::Exact(symbol) = resolution else {
            if matches!(reference.role, Role::Reads) && Site::named(source, reference.at, false).is_some() {
                return Err(SignatureError::Unknown(reference.name));
            }
            continue;
        };
        for global in &symbol.declarations {
            let Some(declaration) = project.declaration(global) else { continue };
            let own = crate::Target { path: global.0.clone(), range: declaration.at };
            let Ok(other) = Source::of(project, &own) else { continue };
            let found = of_declaration(&other, &declaration).map(range).or_else(|| constructor(&other, &declaration));
            if let Some(found) = found {
                // The one at the target, where it has its name with others.
                let at_target = symbol.declarations.iter().any(|(path, id)| {
                    *path == source.path
                        && project.declaration(&(path.clone(), *id)).is_some_and(|d| d.at == reference.at)
                });
                if !at_target || declaration.at == reference.at && global.0 == source.path {
                    return Ok((global.0.clone(), found));
                }
            }
        }
    }
    let mut at = Some(here);
    while let Some(node) = at {
        if FUNCTIONS.contains(&node.kind()) {
            let body = node.child_by_field_name("body").map(range);
            let inside = body.is_some_and(|body| body.start < selection.start && selection.start < body.end);
            return if inside { Err(SignatureError::NoFunction) } else { Ok((source.path.clone(), range(node))) };
        }
        at = node.parent();
    }
    Err(SignatureError::NoFunction)
}
