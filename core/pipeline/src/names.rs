//! Language servers, as the pipeline asks them.

use deepcoder_types::{Cancel, NameAnswer, NameQuestion, RepoPath};

/// The language servers that are installed.
pub trait NameServers: Send + Sync {
    /// The answer of the server for the language of the question; `None` where there is none, or it does not answer in time.
    /// `text` gives the files as they are in this run.
    fn ask(
        &self,
        question: &NameQuestion,
        text: &(dyn Fn(&RepoPath) -> Option<String> + Sync),
        cancel: &Cancel,
    ) -> Option<NameAnswer>;
}
