//! Errors in files other than that of the request.

use super::SignatureError;
use crate::Refusal;
use crate::grammar::source::Source;
use deepcoder_types::{RepoPath, TextRange};

/// An error with its place, where it has one.
pub(super) struct Placed {
    pub(super) error: SignatureError,
    pub(super) place: Option<(RepoPath, TextRange)>,
    pub(super) refusal: Option<Box<Refusal>>,
}

impl Placed {
    pub(super) fn refusal(self, home: &Source<'_>, at: TextRange) -> Refusal {
        match (self.refusal, self.place) {
            (Some(refusal), _) => *refusal,
            (None, Some((path, at))) => Refusal::of(&self.error).at(&path, at),
            (None, None) => home.refuse(&self.error, at),
        }
    }
}

impl From<SignatureError> for Placed {
    fn from(error: SignatureError) -> Self {
        Self { error, place: None, refusal: None }
    }
}

pub(super) fn placed(error: SignatureError, source: &Source<'_>, at: TextRange) -> Placed {
    Placed { error, place: Some((source.path.clone(), at)), refusal: None }
}
