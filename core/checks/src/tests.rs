//! Checks in real repositories.

mod hostile;
mod reach;
mod runs;
mod suggest;
mod tools;

use crate::{Checks, Machine};
use deepcoder_pipeline::ProjectChecks as _;
use deepcoder_test_support::TestRepo;
use deepcoder_types::{Cancel, CheckOutcome, CheckReport, EditSet, FileChange, FileImage, RepoPath};
use deepcoder_workspace::Workspace;
use std::path::PathBuf;

/// A repository, with folders of its own.
pub(crate) struct Bench {
    pub(crate) repo: TestRepo,
    pub(crate) own: tempfile::TempDir,
    scratch_bytes: Option<u64>,
}

impl Bench {
    /// With `config` as its deepcoder.toml, and `files`.
    pub(crate) fn new(config: &str, files: &[(&str, &str)]) -> Self {
        let mut all: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        all.push(("deepcoder.toml", config.as_bytes()));
        Self { repo: TestRepo::new(&all), own: tempfile::tempdir().expect("a folder"), scratch_bytes: None }
    }

    /// With this check, which `/bin/sh check.sh` is.
    pub(crate) fn script(kind: &str, more: &str, script: &str, files: &[(&str, &str)]) -> Self {
        let config = format!("[check.c]\ncommand = [\"/bin/sh\", \"check.sh\"]\nkind = \"{kind}\"\n{more}");
        let mut all = files.to_vec();
        all.push(("check.sh", script));
        Self::new(&config, &all)
    }

    pub(crate) fn machine() -> Machine {
        Machine {
            path: ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from).to_vec(),
            home: None,
            virtual_env: None,
        }
    }

    pub(crate) fn open(&self, machine: Machine) -> Checks {
        let workspace = Workspace::open(self.repo.path()).expect("a work tree");
        let (state, cache) = (self.own.path().join("state"), self.own.path().join("cache"));
        let checks = Checks::open(&workspace, &state, &cache, machine).expect("it parses").expect("there are checks");
        match self.scratch_bytes {
            Some(bytes) => checks.with_scratch_bytes(bytes),
            None => checks,
        }
    }

    pub(crate) fn trusted(&self) -> Checks {
        let checks = self.open(Self::machine());
        checks.trust().expect("recorded");
        checks
    }

    /// The reports with these files in place.
    pub(crate) fn reports(&self, checks: &Checks, files: &[(&str, Option<&str>)]) -> Vec<CheckReport> {
        checks.run(&self.set(files), &Cancel::new())
    }

    /// The report of the only check.
    pub(crate) fn report(&self, files: &[(&str, Option<&str>)]) -> CheckReport {
        self.reports(&self.trusted(), files).pop().expect("a report")
    }

    fn set(&self, files: &[(&str, Option<&str>)]) -> EditSet {
        let image = |bytes: Vec<u8>| FileImage { bytes, mode: Some(0o644) };
        let change = |(path, text): &(&str, Option<&str>)| FileChange {
            path: RepoPath::new(*path).expect("a path"),
            old: std::fs::read(self.repo.join(path)).ok().map(image),
            new: text.map(|text| image(text.as_bytes().to_vec())),
        };
        EditSet { id: "set".to_owned(), title: String::new(), files: files.iter().map(change).collect() }
    }
}

pub(crate) fn reason(report: &CheckReport) -> &str {
    match &report.outcome {
        CheckOutcome::NotRun(reason) => reason,
        other => panic!("{other:?}: {report:?}"),
    }
}
