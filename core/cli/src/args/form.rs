//! The options of structured output.

use clap::Args;
use std::path::PathBuf;

/// A grammar for the answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Structured output")]
pub(crate) struct FormArgs {
    /// Answer with JSON that is valid under the JSON schema in FILE (references within it only)
    #[arg(long, value_name = "FILE", group = "form")]
    pub(crate) schema: Option<PathBuf>,
    /// Answer with a text that R matches as a whole (Rust's regex syntax, without look-around)
    #[arg(long, value_name = "R", group = "form", allow_hyphen_values = true)]
    pub(crate) regex: Option<String>,
    /// Answer with one of these texts (repeatable)
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', group = "form", allow_hyphen_values = true)]
    pub(crate) choices: Vec<String>,
    /// Answer with a text of the Lark grammar in FILE, whose first rule is `start`
    #[arg(long, value_name = "FILE", group = "form")]
    pub(crate) grammar: Option<PathBuf>,
    /// Answer freely until TEXT has appeared; the grammar begins after it
    #[arg(long, value_name = "TEXT", requires = "form", allow_hyphen_values = true)]
    pub(crate) after: Option<String>,
}
