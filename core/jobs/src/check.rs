//! Checks a job before it is stored: one that cannot succeed is refused while the user can still be told.

use deepcoder_app::Takes;
use deepcoder_apply::check_free_branch;
use deepcoder_protocol::{Failure, Refusal};
use deepcoder_types::{Cancel, Delivery, Hint, JobSpec, Schedule};
use deepcoder_workspace::Workspace;
use globset::GlobBuilder;

use crate::refuse::{invalid, refused};
use crate::schedule;

/// The most attempts of a job, and its longest time.
const MOST_ATTEMPTS: u32 = 100;
const LONGEST_MS: u64 = 7 * 24 * 3600 * 1000;

/// The most bytes of a prompt, and the most paths.
const MAX_PROMPT: usize = 1 << 20;
const MAX_PATHS: usize = 10_000;

/// `spec` as it is kept: with the canonical root of its repository.
pub(crate) fn check(mut spec: JobSpec, now_ms: u64) -> Result<JobSpec, Failure> {
    let Some(verb) = deepcoder_pipeline::verb(&spec.kind) else {
        let message = format!("no plugin serves the verb `{}`", spec.kind);
        let mut verbs: Vec<String> = deepcoder_pipeline::verbs().into_iter().map(|verb| verb.manifest.name).collect();
        verbs.sort();
        return Err(refused(Refusal::NotFound, message, Some(format!("the verbs are {}", verbs.join(", ")))));
    };
    let takes = verb.manifest.takes;
    if takes == Takes::Position {
        return invalid(
            &format!("`{}` needs a place in a file, which a job does not have", spec.kind),
            &format!("`deepcoder {} FILE:LINE:COLUMN` does it at once", spec.kind),
        );
    }
    if matches!(takes, Takes::Words | Takes::Command) && spec.prompt.trim().is_empty() {
        return invalid("the instruction is empty", "say what to do, such as \"add type hints to every function\"");
    }
    if spec.prompt.len() > MAX_PROMPT || spec.paths.len() > MAX_PATHS {
        return invalid(
            "the instruction is longer than 1 MiB, or has more than 10,000 paths",
            "name folders or globs instead of files",
        );
    }
    if spec.max_attempts == 0 || spec.max_attempts > MOST_ATTEMPTS {
        return invalid(&format!("{} attempts cannot be made", spec.max_attempts), "ask for 1 to 100");
    }
    if spec.timeout_ms.is_some_and(|limit| limit == 0 || limit > LONGEST_MS) {
        return invalid("no job can have that much time, or none at all", "give it a second to a week");
    }
    if !spec.options.is_object() {
        return invalid("the options are not an object", "give them as KEY=VALUE");
    }
    let mut options = spec.options.clone();
    // Jobs read this option themselves.
    _ = options.as_object_mut().and_then(|options| options.remove("new"));
    if let Err(error) = deepcoder_pipeline::check_options(&spec.kind, &options) {
        return Err(refused(Refusal::Invalid, error.to_string(), error.hint()));
    }
    for path in &spec.paths {
        if let Err(why) = deepcoder_types::check_glob(path) {
            return invalid(&format!("a path is not a glob: {why}"), "quote globs, such as 'src/**/*.py'");
        }
        if let Err(error) = GlobBuilder::new(path).literal_separator(true).build() {
            return invalid(&format!("`{path}` is not a glob: {}", error.kind()), "quote globs, such as 'src/**/*.py'");
        }
    }
    let workspace = Workspace::open(&spec.repository)
        .map_err(|error| refused(Refusal::NotFound, error.to_string(), error.hint()))?;
    spec.repository = workspace.root().to_owned();
    schedule::check(&spec.schedule, now_ms)?;
    delivery(&workspace, &spec)?;
    Ok(spec)
}

fn delivery(workspace: &Workspace, spec: &JobSpec) -> Result<(), Failure> {
    let branch = match &spec.delivery {
        Delivery::Review | Delivery::Apply => return Ok(()),
        Delivery::Show | Delivery::Commit { .. } => {
            return invalid(
                "a job cannot deliver its result that way",
                "`deepcoder jobs add` takes --apply, --branch or --worktree",
            );
        }
        Delivery::Branch(branch) => branch.clone(),
        Delivery::Worktree(path) => {
            if !path.is_absolute() {
                return invalid("the path of the work tree is not absolute", "give a path that begins with /");
            }
            if path.exists() && spec.schedule == Schedule::Now {
                return invalid(
                    &format!("there is something in {} already", path.display()),
                    "name a folder that does not exist",
                );
            }
            branch_of(path)
                .ok_or_else(|| refused(Refusal::Invalid, "the path of the work tree has no name".into(), None))?
        }
    };
    check_free_branch(workspace, &branch, &Cancel::new())
        .map_err(|error| refused(Refusal::Invalid, error.to_string(), error.hint()))
}

/// The branch of a work tree: named like its folder.
pub(crate) fn branch_of(path: &std::path::Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}
