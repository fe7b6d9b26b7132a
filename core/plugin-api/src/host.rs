//! The functions that a plugin may call.

use crate::PluginError;
use deepcoder_types::{
    GenerateRequest, Generation, Level, Likelihood, ModelInfo, NameAnswer, NameQuestion, Prompt, RepoPath, Snippet,
    Symbol, TokenEvent,
};

/// Everything that a plugin may ask of the program. Each call is checked against the plugin's capabilities and limits.
/// There is nothing here that writes.
pub trait Host: Send + Sync {
    /// The model that [`Host::generate`] uses.
    fn model(&self) -> Result<ModelInfo, PluginError>;

    /// How many tokens a text has.
    fn count_tokens(&self, text: &str) -> Result<u32, PluginError>;

    /// Let the model write. `on_token` may show progress; a cancelled call returns [`crate::ErrorCode::Cancelled`].
    fn generate(
        &self,
        request: &GenerateRequest,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, PluginError>;

    /// How likely each option is as the answer to a prompt, in the order of the options. Counts as one call.
    fn choose(&self, prompt: &Prompt, options: &[String]) -> Result<Vec<Likelihood>, PluginError>;

    /// A whole file, if the plugin may read it and it is UTF-8 text under the cap. Text that looks like a secret is for
    /// plugins only that cannot ask the model.
    fn read_file(&self, path: &RepoPath) -> Result<Snippet, PluginError>;

    /// Visible files that match, sorted, at most `limit`.
    fn list_files(&self, glob: &str, limit: u32) -> Result<Vec<RepoPath>, PluginError>;

    /// Lines that match a regular expression (linear time: no look-around, no back-references).
    fn search_text(&self, pattern: &str, glob: &str, limit: u32) -> Result<Vec<Snippet>, PluginError>;

    /// The files that hold `word` as a word, sorted, and those that cannot be read, which may hold it.
    fn files_with(&self, word: &str) -> Result<Vec<RepoPath>, PluginError>;

    /// Definitions whose name contains `query`, exact names first.
    fn search_symbols(&self, query: &str, limit: u32) -> Result<Vec<Symbol>, PluginError>;

    /// What a language server knows of a name whose occurrences the texts do not all decide; `None` where none is installed,
    /// or none answers in time.
    fn ask_about_names(&self, question: &NameQuestion) -> Result<Option<NameAnswer>, PluginError>;

    /// Run a check that the workspace defines; returns what it printed.
    fn run_check(&self, id: &str) -> Result<String, PluginError>;

    /// Whether the user has cancelled. Long loops ask.
    fn cancelled(&self) -> bool;

    /// Tell the user how far the work is; `fraction` in `0..=1` where it is known.
    fn progress(&self, message: &str, fraction: Option<f32>);

    /// Write to the log.
    fn log(&self, level: Level, message: &str);
}
