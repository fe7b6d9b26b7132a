//! The words of the domain, shared by every crate: what is asked ([`Instruction`]), what the model may see
//! ([`ContextBundle`]), what a plugin proposes ([`Proposal`]), what will be written ([`EditSet`]), what a language
//! model is ([`LanguageModel`]), what a model folder holds ([`Manifest`]), what a user wants ([`Request`]) and
//! what is done in the background ([`Job`]).
//!
//! **Invariant:** no I/O, no async, no clock, no randomness, no environment. Everything here is plain data or a trait.

mod calibration;
mod cancel;
mod change;
mod config;
mod event_words;
mod evidence;
mod finding;
mod glob;
mod grammar;
mod hash;
mod hint;
mod instruction;
mod job;
mod limits;
mod manifest;
mod model;
mod names;
mod path;
mod renaming;
mod stats;
mod task;

pub use calibration::{CALIBRATION_FILE, Calibration, CurvePoint, Features, Fit, features};
pub use cancel::{Cancel, Cancelled, OnCancel};
pub use change::{
    Applicability, Change, Constraint, EditSet, FileChange, FileEdit, FileImage, MovedFile, NewFile, Proposal,
    TextEdit, TextRange,
};
pub use config::env_var;
pub use event_words::Tone;
pub use evidence::{Candidate, CheckKind, CheckOutcome, CheckReport, Diagnostic, Effort, Evidence};
pub use finding::{Finding, Severity, Verification};
pub use glob::check_glob;
pub use grammar::{Form, Free, Grammar, Likelihood};
pub use hash::ContentHash;
pub use hint::Hint;
pub use instruction::{
    Action, Answer, ContextBundle, ContextRequest, EDIT, EXPLAIN, Instruction, Outcome, REFACTOR, Snippet, Symbol,
};
pub use job::{
    FailureKind, HunkRef, Job, JobEvent, JobFailure, JobFile, JobFilter, JobHappening, JobId, JobProgress, JobResult,
    JobSpec, JobState, Schedule,
};
pub use limits::{
    MAX_CHOICES, MAX_GRAMMAR_BYTES, MAX_LOGPROBS, MAX_STOP_BYTES, MAX_STOPS, MAX_TEMPERATURE, REPETITION_PENALTIES,
};
pub use manifest::{
    CacheTensor, FileEntry, FimTokens, GraphInfo, MANIFEST_FILE, MANIFEST_FORMAT, Manifest, Pages, Recipe, SourceInfo,
};
pub use model::{
    FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel, Message, ModelInfo, Priority, Prompt,
    Role, Sampling, Timing, TokenEvent, TopLogprob, Usage, generate_at_once,
};
pub use names::{Meant, NameAnswer, NameQuestion, Spot};
pub use path::{PathError, RepoPath};
pub use renaming::{AskedRenaming, Renaming};
pub use stats::Stats;
pub use task::{
    Caller, ChosenFile, Consent, Decision, Delivery, Event, Landed, Level, Position, Previous, Request, ResultFile,
    Skipped, Stage, Task, TaskEvent, TaskResult, Verdict,
};
