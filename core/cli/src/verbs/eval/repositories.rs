//! The repositories of tasks on the disk, so that their checks run as those of a user who trusts them.

use crate::context::Invocation;
use crate::failure::{Failure, Result};
use deepcoder_app::CheckPlace;
use deepcoder_checks::file::CONFIG_FILE;
use deepcoder_checks::{Checks, Machine, suggest};
use deepcoder_eval::edits::{Files, Judge, Task};
use deepcoder_git::Git;
use deepcoder_pipeline::ProjectChecks;
use deepcoder_types::Cancel;
use deepcoder_workspace::Workspace;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

/// The checks of the repositories of some tasks, by their files. Tasks of one repository share its results before an edit.
pub(super) struct Repositories<'t>(BTreeMap<&'t Files, Option<Repository>>);

/// A repository in a directory of its own, which goes with it.
struct Repository {
    checks: Checks,
    _directory: TempDir,
}

impl<'t> Repositories<'t> {
    /// The repositories of those of `tasks` that are about one. Their hidden tests are no part of them.
    pub(super) fn of(tasks: &'t [Task], invocation: &Invocation) -> Result<Self> {
        let mut all = BTreeMap::new();
        let machine = CheckPlace::new(&invocation.profile).machine().clone();
        let scratch = invocation.profile.folders().state.join("scratch");
        for task in tasks.iter().filter(|task| matches!(task.judge, Judge::Tree { .. })) {
            if !all.contains_key(&task.files) {
                let repository = Repository::make(&task.files, &scratch, &machine, &invocation.cancel)?;
                all.insert(&task.files, repository);
            }
        }
        Ok(Self(all))
    }

    /// Whether any repository has checks.
    pub(super) fn have_checks(&self) -> bool {
        self.0.values().any(Option::is_some)
    }

    /// The checks of the repository with these files.
    pub(super) fn checks(&self, files: &Files) -> Option<&dyn ProjectChecks> {
        self.0.get(files)?.as_ref().map(|repository| &repository.checks as &dyn ProjectChecks)
    }
}

impl Repository {
    /// `None` where nothing is configured and nothing that is installed fits.
    #[expect(clippy::disallowed_methods, reason = "writes to a temporary directory of deepcoder's own")]
    fn make(files: &Files, scratch: &Path, machine: &Machine, cancel: &Cancel) -> Result<Option<Self>> {
        let failed = |e: &std::io::Error| Failure::io("cannot make a repository for the checks", e);
        let directory = tempfile::Builder::new().prefix("edits-").tempdir_in(scratch).map_err(|e| failed(&e))?;
        let root = directory.path().join("repository");
        let write = |path: &Path, bytes: &[u8]| {
            std::fs::create_dir_all(path.parent().unwrap_or(path)).and_then(|()| std::fs::write(path, bytes))
        };
        for (path, bytes) in files {
            write(&root.join(path.as_str()), bytes).map_err(|e| failed(&e))?;
        }
        let mut git = Git::new(&root).quiet();
        git.args(["init", "-q", "--template="]);
        let output = deepcoder_git::run(git, &[], cancel).map_err(|e| failed(&e))?;
        if !output.status.success() {
            return Err(Failure::new(format!("cannot make a repository for the checks: {}", output.reason())));
        }
        let workspace = Workspace::open(&root)?;
        let (state, cache) = (directory.path().join("state"), directory.path().join("cache"));
        let open = || Checks::open(&workspace, &state, &cache, machine.clone());
        let mut checks = open()?;
        if checks.is_none() {
            let config = root.join(CONFIG_FILE);
            let mut text = std::fs::read_to_string(&config).unwrap_or_default();
            for suggestion in suggest(&workspace, machine)?.iter().filter(|suggestion| suggestion.installed) {
                text.push('\n');
                text.push_str(&suggestion.toml());
            }
            write(&config, text.as_bytes()).map_err(|e| failed(&e))?;
            checks = open()?;
        }
        let Some(checks) = checks else { return Ok(None) };
        checks.trust()?;
        Ok(Some(Self { checks, _directory: directory }))
    }
}
