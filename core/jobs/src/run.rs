//! One job's run, with what it says on the way.

use crate::error::WorkError;
use deepcoder_edit::hunks;
use deepcoder_pipeline::{Event, Policy, Run, Stage};
use deepcoder_plugin_api::Level;
use deepcoder_protocol::Models;
use deepcoder_queue::{Lease, Queue};
use deepcoder_session::Repo;
use deepcoder_types::{Applicability, Cancel, Instruction, Job, JobFile, JobHappening, JobProgress, JobResult};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often progress is written down at most.
const PACE: Duration = Duration::from_millis(300);

/// Characters of a summary.
const SUMMARY: usize = 100;

/// Writes down what a run says.
pub(crate) struct Reporter<'a> {
    pub(crate) queue: &'a Queue,
    pub(crate) lease: &'a Lease,
    pub(crate) now_ms: &'a (dyn Fn() -> u64 + Send + Sync),
    progress: JobProgress,
    last: Option<Instant>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(queue: &'a Queue, lease: &'a Lease, now_ms: &'a (dyn Fn() -> u64 + Send + Sync)) -> Self {
        Self { queue, lease, now_ms, progress: JobProgress::default(), last: None }
    }

    pub(crate) fn log(&self, level: &str, message: impl Into<String>) {
        self.note(JobHappening::Log { level: level.into(), message: message.into() });
    }

    /// A new stage is worth telling at once.
    pub(crate) fn stage(&mut self, stage: impl Into<String>) {
        self.progress = JobProgress { stage: stage.into(), fraction: None, tokens: self.progress.tokens };
        self.tell();
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Stage(Stage::Load) => self.stage("loading the model"),
            Event::Stage(Stage::Context) => self.stage("reading"),
            Event::Stage(Stage::Plugin) => self.stage("writing"),
            Event::Stage(Stage::Verify) => self.stage("checking"),
            Event::Stage(Stage::Repair) => self.stage("writing again, with what the check found"),
            Event::Stage(Stage::Land) => self.stage("landing"),
            Event::Targets(paths) => {
                let names: Vec<String> = paths.iter().map(ToString::to_string).collect();
                self.log("info", format!("chose {}", names.join(", ")));
            }
            Event::Skipped { path, reason } => self.log("warn", format!("left out {path}: {reason}")),
            Event::Gathered { notes, .. } => notes.into_iter().for_each(|note| self.log("info", note)),
            Event::Generating { call, max_tokens } => {
                self.log("debug", format!("asks the model, the {call}. time, for at most {max_tokens} tokens"));
            }
            Event::Token(_) => {
                self.progress.tokens += 1;
                if self.last.is_none_or(|last| last.elapsed() >= PACE) {
                    self.tell();
                }
            }
            Event::Generated { usage, timing } => self.log(
                "debug",
                format!(
                    "{} tokens read ({} of them cached), {} written ({} of them drafted) in {:.1} s",
                    usage.prompt_tokens,
                    usage.cached_tokens,
                    usage.completion_tokens,
                    usage.accepted_tokens,
                    timing.total_ms / 1000.0
                ),
            ),
            Event::Progress { message, fraction } => {
                self.progress.stage = message;
                self.progress.fraction = fraction;
                self.tell();
            }
            Event::Log { level, message } => self.log(name(level), message),
        }
    }

    fn tell(&mut self) {
        self.last = Some(Instant::now());
        self.note(JobHappening::Progress(self.progress.clone()));
    }

    /// What cannot be written down is lost: the result is what counts, and whoever has lost the job is told by the keeper.
    fn note(&self, what: JobHappening) {
        _ = self.queue.note(self.lease, &[what], (self.now_ms)());
    }
}

const fn name(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
    }
}

/// Do everything that `job` asks for but write. `repository` is whose turn of the model it is.
pub(crate) fn run(
    repo: &Repo,
    job: &Job,
    models: &dyn Models,
    repository: &Path,
    cancel: &Cancel,
    reporter: &mut Reporter<'_>,
) -> Result<Run, WorkError> {
    let spec = &job.spec;
    let mut options = spec.options.clone();
    let new = options.as_object_mut().and_then(|options| options.remove("new"));
    let new = new.and_then(|new| new.as_bool()).unwrap_or(false);
    let targets = repo.targets(repo.workspace().root(), &spec.paths, new)?;
    let (targets, unreadable) = repo.readable(targets)?;
    unreadable.iter().for_each(|error| reporter.log("warn", format!("left out: {error}")));
    let mut policy = Policy::default();
    if !targets.is_empty() {
        policy = policy.writing_only(&targets);
    }
    let instruction = Instruction {
        id: job.id.0.clone(),
        verb: spec.kind.clone(),
        prompt: spec.prompt.clone(),
        targets,
        reads: Vec::new(),
        selection: None,
        options,
        seed: spec.seed,
    };
    let model = models.background(spec.model.as_deref(), repository)?;
    let mut run = repo.run(model, &instruction, policy, cancel, &mut |event| reporter.event(event))?;
    // The job is what is done once, however often it is tried.
    if let Some(set) = &mut run.edit_set {
        set.id = job.id.0.clone();
    }
    Ok(run)
}

/// What a run came to, for people.
pub(crate) fn result(run: &Run) -> JobResult {
    let files = run.edit_set.iter().flat_map(hunks::hunks).map(|file| JobFile {
        path: file.path,
        status: file.status.to_owned(),
        hunks: file.hunks,
    });
    let mut notes: Vec<String> =
        run.verification.iter().flat_map(|found| &found.findings).map(ToString::to_string).collect();
    // Every result says which parts were left out: the diff does not show it.
    let told = |line: &&str| run.applicability != Applicability::Safe || line.starts_with("left out");
    notes.extend(run.rationale.lines().filter(told).map(str::to_owned));
    notes.extend(run.record.skipped.iter().map(|skipped| format!("left out {}: {}", skipped.path, skipped.reason)));
    JobResult {
        summary: summary(run),
        diff: run.diff.clone(),
        files: files.collect(),
        answer: run.answer.as_ref().map(|answer| answer.text.clone()),
        verified: run.verified(),
        applicability: run.changes().then_some(run.applicability),
        notes,
        ..JobResult::default()
    }
}

fn summary(run: &Run) -> String {
    let text = match (&run.edit_set, &run.answer) {
        (Some(set), _) => &set.title,
        (None, Some(answer)) => answer.text.trim().lines().next().unwrap_or_default(),
        (None, None) => "nothing to change",
    };
    match text.char_indices().nth(SUMMARY) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}
