//! The checks that a repository configures, with the programs of this user.

use deepcoder_checks::{Checks, Machine, file::ConfigError};
use deepcoder_profile::{Profile, Vars};
use deepcoder_types::env_var;
use deepcoder_workspace::Workspace;
use std::path::PathBuf;

/// Where checks find their programs, their trust and their copies.
#[derive(Debug, Clone)]
pub struct CheckPlace {
    state: PathBuf,
    cache: PathBuf,
    machine: Machine,
}

impl CheckPlace {
    /// As `profile` says.
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        let folders = profile.folders();
        Self { state: folders.state.clone(), cache: folders.checks.clone(), machine: machine(profile.vars()) }
    }

    /// The programs of this user.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The checks of `workspace`; `None` where it configures none.
    pub fn open(&self, workspace: &Workspace) -> Result<Option<Checks>, ConfigError> {
        Checks::open(workspace, &self.state, &self.cache, self.machine.clone())
    }
}

fn machine(vars: &Vars) -> Machine {
    let path = vars.get(env_var::PATH).map(std::env::split_paths).into_iter().flatten();
    Machine {
        // A relative directory would be one of the repository.
        path: path.filter(|folder| folder.is_absolute()).collect(),
        home: vars.folder(env_var::USER_HOME),
        virtual_env: vars.folder(env_var::VIRTUAL_ENV),
    }
}
