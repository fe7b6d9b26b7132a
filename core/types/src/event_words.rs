//! The one wording of events, for every surface.

use crate::{Event, Level, Stage};

impl Stage {
    /// What goes on, for a line that is overwritten.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Load => "loading the model",
            Self::Context => "reading the repository",
            Self::Plugin => "thinking",
            Self::Verify => "checking",
            Self::Repair => "repairing",
            Self::Land => "applying",
        }
    }
}

impl Event {
    /// The lines of a log that tell of this event, each with how loud it is.
    #[must_use]
    pub fn lines(&self) -> Vec<(Level, String)> {
        let one = |level, line: String| vec![(level, line)];
        match self {
            Self::Stage(Stage::Repair) => {
                one(Level::Info, "the checks found something; asking the model once more".to_owned())
            }
            Self::Stage(_) | Self::Token(_) | Self::Progress { .. } => Vec::new(),
            Self::Targets(paths) => one(Level::Info, format!("no files named; chose {}", list(paths))),
            Self::Skipped { path, reason } => one(Level::Warn, format!("left out {path}: {reason}")),
            Self::Gathered { files, notes } => {
                let sees = (Level::Debug, format!("the model sees {}", list(files)));
                let notes = notes.iter().map(|note| (Level::Debug, note.clone()));
                std::iter::once(sees).filter(|_| !files.is_empty()).chain(notes).collect()
            }
            Self::Generating { call, max_tokens } => {
                one(Level::Debug, format!("call {call} of the model, at most {max_tokens} tokens"))
            }
            Self::Generated { usage, timing } => one(
                Level::Debug,
                format!(
                    "{} prompt tokens ({} cached), {} written ({} drafted), {:.0} ms to the first, {:.1} tokens/s",
                    usage.prompt_tokens,
                    usage.cached_tokens,
                    usage.completion_tokens,
                    usage.accepted_tokens,
                    timing.first_token_ms,
                    timing.decode_tps
                ),
            ),
            Self::Log { level, message } => one(*level, message.clone()),
        }
    }
}

fn list(paths: &[crate::RepoPath]) -> String {
    paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
