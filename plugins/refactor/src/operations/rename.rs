//! Give what is named at the target another name.

use crate::{Changes, Refusal, Target};
use deepcoder_resolve::Project;

/// Every occurrence with the new name.
pub(crate) fn rename(_project: &Project<'_>, target: &Target, _new_name: &str) -> Result<Changes, Refusal> {
    Err(Refusal::new("there is no name here").at(&target.path, target.range))
}
