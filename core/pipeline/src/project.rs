//! The checks of the project, as the pipeline asks for them.

use deepcoder_types::{Cancel, CheckReport, EditSet};

/// The checks that a project has configured and the user trusts. They run on a copy of the tree.
pub trait ProjectChecks: Send + Sync {
    /// The reports of the checks on the tree with `set` in place, compared with the tree without it; empty where there
    /// are none. Their results on the tree as it is are computed once.
    fn run(&self, set: &EditSet, cancel: &Cancel) -> Vec<CheckReport>;
}
