//! Why the application does not do something, as its callers are told.

use crate::TaskError;
use deepcoder_protocol::{Failure, Refusal};
use deepcoder_types::{JobFailure, Request};

pub(crate) fn refused(error: &TaskError) -> Failure {
    let JobFailure { message, hint, .. } = error.failure();
    Failure::Refused { reason: error.refusal(), message, hint }
}

/// The request is left to its caller.
pub(crate) fn elsewhere(request: &Request) -> Failure {
    let directory = request.directory.display();
    Failure::Refused {
        reason: Refusal::Unsupported,
        message: format!("the daemon sees another {directory}, or makes files with another umask"),
        hint: Some("--no-daemon carries it out in your process".into()),
    }
}

pub(crate) fn unknown(id: &str) -> Failure {
    let hint = Some("`deepcoder tasks` lists the tasks".to_owned());
    Failure::Refused { reason: Refusal::NotFound, message: format!("there is no task {id}"), hint }
}

pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".into())
}
