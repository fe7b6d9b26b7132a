use deepcoder_types::GenerateError;

/// Why a grammar cannot be compiled, or an answer cannot continue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// It is wrong or not supported.
    #[error("{0}")]
    Invalid(String),
    /// It exceeds a limit, when it is compiled or at some token.
    #[error("it is too complex: {0}")]
    TooComplex(String),
    /// No token of the vocabulary continues the answer.
    #[error("no token of the model continues the answer in this form")]
    Stuck,
    /// The caller passed a token that is not allowed here.
    #[error("token {0} is not allowed here")]
    Refused(u32),
    /// The library failed.
    #[error("its parser failed: {0}")]
    Failed(String),
}

impl From<GrammarError> for GenerateError {
    fn from(error: GrammarError) -> Self {
        Self::Grammar(error.to_string())
    }
}
