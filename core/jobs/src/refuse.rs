//! Refusals, as clients see them.

use deepcoder_protocol::{Failure, Refusal};

pub(crate) fn refused(reason: Refusal, message: String, hint: Option<String>) -> Failure {
    Failure::Refused { reason, message, hint }
}

pub(crate) fn invalid<T>(message: &str, hint: &str) -> Result<T, Failure> {
    Err(refused(Refusal::Invalid, message.to_owned(), Some(hint.to_owned())))
}
