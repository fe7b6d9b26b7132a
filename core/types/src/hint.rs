//! Hints: the next step after an error.

/// Errors that reach a user say what to do next. The command line prints it on a line that starts with `hint:`.
pub trait Hint: std::error::Error {
    /// One sentence, lower case, without a full stop; `None` where there is nothing useful to say.
    fn hint(&self) -> Option<String> {
        None
    }
}
