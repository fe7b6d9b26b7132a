//! One module for each operation, all of one shape: `fn(&Project, &Target, …) -> Result<Changes, Refusal>`. An operation
//! says where the text does not tell whether it is right ([`Changes::doubt`](crate::Changes::doubt)), and leaves it to the gate
//! to check the result.

mod rename;

use crate::{Changes, Refusal, Request};
use deepcoder_resolve::Project;

/// The changes before the gate.
pub(crate) fn changes(project: &Project<'_>, request: &Request) -> Result<Changes, Refusal> {
    match request {
        Request::Rename { target, new_name } => rename::rename(project, target, new_name),
    }
}
