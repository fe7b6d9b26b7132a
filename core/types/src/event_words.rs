//! The one wording of events, for every surface.

use crate::{Event, Level, Stage};

/// Who a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// For a curious user.
    Detail,
    /// For every user.
    Note,
    /// For every user, and something is off.
    Warning,
}

impl Tone {
    /// As the level of a log.
    #[must_use]
    pub const fn level(self) -> &'static str {
        match self {
            Self::Detail => "debug",
            Self::Note => "info",
            Self::Warning => "warn",
        }
    }
}

impl Stage {
    /// The current stage, for a line that is overwritten.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Load => "loading the model",
            Self::Context => "reading the repository",
            Self::Plugin => "thinking",
            Self::Verify => "checking",
            Self::Check => "running the checks of the project",
            Self::Repair => "repairing",
            Self::Land => "applying",
        }
    }
}

impl Event {
    /// The lines that tell a user who waits of this event.
    #[must_use]
    pub fn progress(&self) -> Vec<String> {
        match self {
            Self::Stage(stage) => vec![stage.label().to_owned()],
            Self::Progress { message, .. } => vec![message.clone()],
            event => event.lines().into_iter().filter(|(tone, _)| *tone > Tone::Detail).map(|(_, line)| line).collect(),
        }
    }

    /// The lines of a log that tell of this event, each with whom it is for.
    #[must_use]
    pub fn lines(&self) -> Vec<(Tone, String)> {
        let one = |level, line: String| vec![(level, line)];
        match self {
            Self::Stage(Stage::Repair) => {
                one(Tone::Note, "the checks found something; asking the model once more".to_owned())
            }
            Self::Stage(_) | Self::Token(_) | Self::Progress { .. } => Vec::new(),
            Self::Targets(chosen) => {
                let line = |file: &crate::ChosenFile| match file.reason.as_str() {
                    "" => (Tone::Note, format!("no files named; chose {}", file.path)),
                    reason => (Tone::Note, format!("no files named; chose {}: {reason}", file.path)),
                };
                chosen.iter().map(line).collect()
            }
            Self::Skipped { path, reason } => one(Tone::Warning, format!("left out {path}: {reason}")),
            Self::Gathered { files, notes } => {
                let sees = (Tone::Detail, format!("the model sees {}", list(files)));
                let notes = notes.iter().map(|note| (Tone::Detail, note.clone()));
                std::iter::once(sees).filter(|_| !files.is_empty()).chain(notes).collect()
            }
            Self::Generating { call, max_tokens } => {
                one(Tone::Detail, format!("call {call} of the model, at most {max_tokens} tokens"))
            }
            Self::Generated { usage, timing } => one(
                Tone::Detail,
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
            Self::Log { level: Level::Warn, message } => one(Tone::Warning, message.clone()),
            Self::Log { message, .. } => one(Tone::Detail, message.clone()),
        }
    }
}

fn list(paths: &[crate::RepoPath]) -> String {
    paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
