//! Hooks in real repositories. The forms of a commit that only git can make are in `tests/crash`.

mod commits;
mod model;
mod scripts;

use crate::{Job, ModelSource, NoSteps, Report, Surroundings};
use deepcoder_test_support::TestRepo;
use deepcoder_types::Cancel;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

/// A repository, with a state folder of its own.
struct Bench {
    repo: TestRepo,
    state: tempfile::TempDir,
}

const FIXES: &str = "[[hook.action]]\nuse = \"trailing-space\"\n[[hook.action]]\nuse = \"final-newline\"\n\
                     [[hook.action]]\nuse = \"refuse-secrets\"\n";

impl Bench {
    /// With `config` as its deepcoder.toml, and `files`.
    fn new(config: &str, files: &[(&str, &[u8])]) -> Self {
        let mut all = files.to_vec();
        all.push(("deepcoder.toml", config.as_bytes()));
        Self { repo: TestRepo::new(&all), state: tempfile::tempdir().expect("a folder") }
    }

    fn around(&self) -> Surroundings {
        Surroundings {
            cwd: self.repo.path().to_owned(),
            in_hook: false,
            index_file: None,
            state_dir: self.state.path().to_owned(),
            now_ms: 1_700_000_000_000,
            cancel: Cancel::new(),
            model: no_model(),
            deadline: None,
            strict: false,
            steps: Arc::new(NoSteps),
        }
    }

    fn run(&self, job: &Job) -> Report {
        crate::run(job, &self.around()).expect("the hook runs")
    }

    fn staged(&self) -> Report {
        self.run(&Job::Staged)
    }

    /// Write and stage.
    fn stage(&self, path: &str, bytes: &[u8]) {
        self.repo.write(path, bytes);
        self.repo.git(&["add", "--", path]);
    }

    fn in_index(&self, path: &str) -> String {
        self.repo.git(&["cat-file", "blob", &format!(":{path}")])
    }

    fn files(names: &[&str]) -> Job {
        Job::Files(names.iter().map(OsString::from).collect())
    }
}

fn no_model() -> ModelSource {
    Arc::new(|_| Err("there is no model in this test".into()))
}

fn short() -> Duration {
    Duration::from_millis(300)
}
