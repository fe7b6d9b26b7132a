//! A request, and the task that carries it out.
//!
//! A [`Request`] says what is wanted, whichever surface it comes from. A *task* is a request in flight: it has numbered
//! [`TaskEvent`]s and ends as a [`TaskResult`] or a failure. A *job* is a task in the queue ([`crate::Job`]).
//!
//! The application layer carries tasks out. `Tasks` (in `core/protocol`) is its interface, implemented in the process by
//! the application itself and over the socket by the client:
//!
//! - `submit(request) -> Task` returns at once, with the task running.
//! - `follow(id, after, cancel, on_event) -> Task` passes on every event behind number `after` and returns the task once it
//!   no longer runs; `cancel` ends the following and not the task.
//! - `get(id)`, `list(repository)`: an id may be any prefix that names one task only; newest first.
//! - `cancel(id)` ends it within one step of the model.
//! - `decide(id, decision)` lands or rejects a result that waits.
//! - `content(id) -> bytes` is the result with the bytes of its files, for a client that lands it with its own environment
//!   (a commit runs the user's hooks) or shows a file.

use crate::{
    Answer, Applicability, Effort, Evidence, Finding, HunkRef, JobFailure, JobFile, JobState, RepoPath, Stats, Timing,
    Usage, Verification,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where a result goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Nowhere: it is shown and not kept.
    Show,
    /// It is kept until a person accepts or rejects it.
    #[default]
    Review,
    /// It is written into the work tree.
    Apply,
    /// It is written into the work tree and committed there, by the user's git with the user's hooks.
    Commit {
        /// A branch to make for it; otherwise the one that HEAD is on, or one named like the work tree.
        branch: Option<String>,
        /// A work tree to make for it, at this absolute path; otherwise the user's.
        worktree: Option<PathBuf>,
    },
    /// It is committed on this branch, which is made where it does not exist. The work tree is not touched: the task
    /// sees the committed files.
    Branch(String),
    /// As with a branch of the directory's name, in a work tree that is made at this absolute path and left there.
    Worktree(PathBuf),
}

/// The consent of the user beyond the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Consent {
    /// A person has looked at the result, or wants it without a look: a result that needs a review lands.
    pub reviewed: bool,
    /// A result with errors lands; the history says so.
    pub unverified: bool,
    /// Files that steer tools, hooks or agents may change.
    pub protected: bool,
}

/// A line and a column, both from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// From 1. The empty line after a final newline counts.
    pub line: usize,
    /// From 1, in characters. One past the last character is a position.
    pub column: usize,
}

/// A result that the request continues from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// The task that made it.
    pub task: String,
    /// The user's criticism of it; empty to try again with the request's seed.
    pub feedback: String,
}

/// The state of a calling process. A daemon in which it differs leaves the request to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The permission bits that new files do not get.
    pub umask: u32,
    /// Device and inode of [`Request::directory`]: in another mount namespace the path may name another directory.
    pub directory: (u64, u64),
}

/// A request, the same from every surface.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The verb of a plugin: `edit`, `explain`, …
    pub verb: String,
    /// The instruction or question. Empty for verbs about a position.
    pub prompt: String,
    /// The directory that [`Request::paths`] are relative to; the work tree is the one that it is in.
    pub directory: PathBuf,
    /// Files, directories and globs as typed; the first may end in `:START-END` or `:LINE`. Empty: the files are chosen.
    pub paths: Vec<String>,
    /// Files that the model may see and does not change, as typed.
    pub reads: Vec<String>,
    /// Whether a path that does not exist is a file to be made.
    pub new_files: bool,
    /// Where in the first path, for verbs about a position.
    pub position: Option<Position>,
    /// Texts that take the place of files' contents: unsaved buffers of an editor, by path as typed. A buffer need not
    /// be in a repository.
    pub buffers: BTreeMap<String, String>,
    /// Parameters of the verb, as its manifest lists them.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// The model; `None` is that of the settings.
    pub model: Option<String>,
    /// The seed for sampling: the same seed, model and files give the same bytes.
    pub seed: u64,
    /// How much work it is worth; `None` is that of the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Where the result goes.
    pub delivery: Delivery,
    /// Where an accepted result goes, where [`Request::delivery`] is [`Delivery::Review`]; `None` is the work tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Delivery>,
    /// The consent of the user beyond the default.
    pub consent: Consent,
    /// The state of the calling process that matters, where another process may carry the request out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// The result that this continues from.
    pub previous: Option<Previous>,
    /// Which surface asks, in one word: `cli`, `python`, `editor`.
    pub origin: String,
}

/// A stage of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The model is loaded.
    Load,
    /// The plugin says what it needs, and that is read.
    Context,
    /// The plugin works, which is mostly the model's time.
    Plugin,
    /// The proposal becomes byte images, and these are checked.
    Verify,
    /// The project's own checks run on a copy.
    Check,
    /// The plugin works again, with the findings.
    Repair,
    /// The result lands.
    Land,
}

/// How loud a line of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// For debugging a plugin.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is off.
    Warn,
}

/// A file that was chosen where the user named none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenFile {
    /// The file.
    pub path: RepoPath,
    /// Why, in one line: the words that its path, its definitions or its text has.
    pub reason: String,
}

/// Something that happened in a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A stage begins.
    Stage(Stage),
    /// No files were named, and these were chosen.
    Targets(Vec<ChosenFile>),
    /// This target gets no change; the others go on.
    Skipped {
        /// The file.
        path: RepoPath,
        /// Why, in one line.
        reason: String,
    },
    /// The context was gathered.
    Gathered {
        /// The files, each once.
        files: Vec<RepoPath>,
        /// The parts that were left out, and why.
        notes: Vec<String>,
    },
    /// The model is asked.
    Generating {
        /// The number of the call in this task, from 1.
        call: u32,
        /// The most tokens that it may answer.
        max_tokens: u32,
    },
    /// The model wrote a token.
    Token(String),
    /// The model has answered.
    Generated {
        /// Tokens counted.
        usage: Usage,
        /// Times.
        timing: Timing,
    },
    /// The plugin says how far it is.
    Progress {
        /// In words.
        message: String,
        /// In `0..=1`, where it is known.
        fraction: Option<f32>,
    },
    /// A line for the log, of the plugin or of deepcoder.
    Log {
        /// How loud.
        level: Level,
        /// What.
        message: String,
    },
}

/// An event of a task. The events of one task are numbered from 1 without gaps, and kept as long as the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskEvent {
    /// Its number.
    pub seq: u64,
    /// The event.
    pub event: Event,
}

/// The decision on a result, by the user or by the rule for results without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It lands, whole or with these hunks only.
    Accept {
        /// `None` is all of them.
        #[serde(default)]
        hunks: Option<Vec<HunkRef>>,
        /// The user's consent.
        #[serde(default)]
        consent: Consent,
        /// Where it goes instead of where the request said.
        #[serde(default)]
        delivery: Option<Delivery>,
    },
    /// Nothing lands, and the result is forgotten.
    Reject,
}

impl Decision {
    /// All of it lands, with this consent.
    #[must_use]
    pub const fn accept(consent: Consent) -> Self {
        Self::Accept { hunks: None, consent, delivery: None }
    }

    /// These hunks land, with this consent.
    #[must_use]
    pub const fn accept_hunks(hunks: Vec<HunkRef>, consent: Consent) -> Self {
        Self::Accept { hunks: Some(hunks), consent, delivery: None }
    }
}

impl Consent {
    /// A person has looked at it.
    pub const REVIEWED: Self = Self { reviewed: true, unverified: false, protected: false };
}

/// Whether a result may land: the one rule for every surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There is nothing to land: no change, or an answer in words.
    Nothing,
    /// It lands.
    Lands,
    /// A part lands; these files wait for a person.
    LandsInPart(Vec<RepoPath>),
    /// It is shown only, as the request wants it.
    Shown,
    /// It waits for a person, for these reasons.
    Held(Vec<String>),
    /// It does not land, for these reasons.
    Refused(Vec<String>),
}

/// Where a result has landed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Landed {
    /// The edit in the history of the work tree.
    pub edit: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// The branch of the commit.
    pub branch: Option<String>,
    /// The work tree that was made for it.
    pub worktree: Option<PathBuf>,
    /// Files of the commit that the user's hooks changed.
    pub by_hooks: Vec<RepoPath>,
    /// The files that were written.
    pub files: Vec<RepoPath>,
}

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultFile {
    /// Path, status and number of hunks.
    #[serde(flatten)]
    pub file: JobFile,
    /// SHA-256 of the bytes before, where there were any.
    pub old_sha256: Option<String>,
    /// SHA-256 of the bytes after, where there are any.
    pub new_sha256: Option<String>,
}

/// A target without a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The file.
    pub path: RepoPath,
    /// Why, in one line.
    pub reason: String,
    /// A hint for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The result of a task, without the bytes of its files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The id that the edit has in the history once it lands; `None` where nothing would change.
    pub id: Option<String>,
    /// One line; empty where nothing would change.
    pub title: String,
    /// A unified diff that `git apply` accepts; empty where nothing would change.
    pub diff: String,
    /// The files.
    pub files: Vec<ResultFile>,
    /// The findings of the checks; `None` where there was nothing to check.
    pub verification: Option<Verification>,
    /// How far the plugin and the checks trust it.
    pub applicability: Applicability,
    /// The plugin's reasons and doubts, in lines. May be empty.
    pub rationale: String,
    /// Whether it is a part of what the model proposed.
    pub partial: bool,
    /// An answer in words.
    pub answer: Option<Answer>,
    /// The files that it is about.
    pub targets: Vec<RepoPath>,
    /// The files that were chosen where none was named, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<ChosenFile>,
    /// Targets without a change while others changed.
    pub skipped: Vec<Skipped>,
    /// The model's name.
    pub model: String,
    /// The seed.
    pub seed: u64,
    /// Its use of the model.
    pub stats: Stats,
    /// What it rests on; absent where no model was asked and nothing was checked.
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
    /// Whether it may land.
    pub verdict: Verdict,
    /// Where it has landed.
    pub landed: Option<Landed>,
}

impl TaskResult {
    /// Whether it would change anything.
    #[must_use]
    pub const fn changes(&self) -> bool {
        self.id.is_some()
    }

    /// The findings of the checks.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.verification.iter().flat_map(|verification| &verification.findings)
    }
}

/// A request in flight, or one that has ended and is still known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its name.
    pub id: String,
    /// The request, without its buffers.
    pub request: Request,
    /// The canonical root of the work tree; `None` for a buffer that is in none.
    pub repository: Option<PathBuf>,
    /// `running`, `review` (the result waits for a decision), `done`, `rejected`, `failed` or `cancelled`.
    pub state: JobState,
    /// When it began, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it ended.
    pub finished_ms: Option<u64>,
    /// The number of its last event.
    pub events: u64,
    /// The result.
    pub result: Option<TaskResult>,
    /// Why it failed.
    pub failure: Option<JobFailure>,
}
