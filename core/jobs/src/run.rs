//! One job's run, with what it says on the way.

use crate::error::WorkError;
use deepcoder_app::{Repo, Resolved, files_of, notes_of, resolve, summary_of};
use deepcoder_pipeline::{NoModel, Run, needs_no_model};
use deepcoder_protocol::Models;
use deepcoder_queue::{Lease, Queue};
use deepcoder_types::{Cancel, Event, Job, JobHappening, JobProgress, JobResult, LanguageModel, Request};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often progress is written down at most.
const PACE: Duration = Duration::from_millis(300);

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
        match &event {
            Event::Stage(stage) => self.stage(stage.label()),
            Event::Token(_) => {
                self.progress.tokens += 1;
                if self.last.is_none_or(|last| last.elapsed() >= PACE) {
                    self.tell();
                }
            }
            Event::Progress { message, fraction } => {
                self.progress.stage.clone_from(message);
                self.progress.fraction = *fraction;
                self.tell();
            }
            _ => {}
        }
        event.lines().into_iter().for_each(|(tone, line)| self.log(tone.level(), line));
    }

    fn tell(&mut self) {
        self.last = Some(Instant::now());
        self.note(JobHappening::Progress(self.progress.clone()));
    }

    /// Errors are dropped: only the result counts, and the heartbeat tells a worker that has lost the job.
    fn note(&self, what: JobHappening) {
        _ = self.queue.note(self.lease, &[what], (self.now_ms)());
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
    let Resolved { instruction, policy, unreadable } = resolve(repo, &request_of(repo, job), &job.id.0)?;
    unreadable.iter().for_each(|error| reporter.log("warn", format!("left out: {error}")));
    let model: Arc<dyn LanguageModel> = match needs_no_model(&job.spec.kind, &job.spec.options) {
        true => Arc::new(NoModel::default()),
        false => models.background(job.spec.model.as_deref(), repository)?,
    };
    let mut run = repo.run(model, &instruction, policy, job.spec.effort, cancel, &mut |event| reporter.event(event))?;
    // The job is what is done once, however often it is tried.
    if let Some(set) = &mut run.edit_set {
        set.id = job.id.0.clone();
    }
    Ok(run)
}

/// The request of a job, in the tree that it works in.
fn request_of(repo: &Repo, job: &Job) -> Request {
    let spec = &job.spec;
    let mut params = spec.options.as_object().cloned().unwrap_or_default();
    let new = params.remove("new").and_then(|new| new.as_bool()).unwrap_or(false);
    Request {
        verb: spec.kind.clone(),
        prompt: spec.prompt.clone(),
        directory: repo.workspace().root().to_owned(),
        paths: spec.paths.clone(),
        new_files: new,
        params,
        model: spec.model.clone(),
        seed: spec.seed,
        effort: spec.effort,
        delivery: spec.delivery.clone(),
        origin: spec.origin.clone(),
        ..Request::default()
    }
}

/// The result of a run, for people.
pub(crate) fn result(run: &Run) -> JobResult {
    JobResult {
        summary: summary_of(run),
        diff: run.diff.clone(),
        files: files_of(run),
        answer: run.answer.as_ref().map(|answer| answer.text.clone()),
        verified: run.verified(),
        applicability: run.changes().then_some(run.applicability),
        notes: notes_of(run),
        ..JobResult::default()
    }
}
