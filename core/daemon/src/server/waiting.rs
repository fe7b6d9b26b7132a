//! The waiting requests of one priority. Clients take turns (round robin), whatever number of requests each has.

use super::budget::Held;
use super::sink::Sink;
use deepcoder_types::{GenerateRequest, Prompt};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// One request that needs the model.
pub(super) struct Job {
    /// The model's name.
    pub(super) model: String,
    pub(super) work: Work,
    /// Receives the events of its answer.
    pub(super) sink: Arc<Sink>,
    /// The client, for fairness between clients.
    pub(super) client: String,
    /// Whether interactive requests for another model interrupt it.
    pub(super) background: bool,
    /// The repository that is charged for the model's time.
    pub(super) repository: Option<PathBuf>,
    /// Tokens that its client received before an interruption: a second run does not send them again.
    pub(super) emitted: Vec<u32>,
    /// Its number in the order of arrival.
    pub(super) number: u64,
    /// Its share of the memory budget, if a client sent it.
    pub(super) _held: Option<Held>,
}

impl Job {
    /// An interactive request.
    pub(super) fn new(model: String, work: Work, sink: Arc<Sink>, client: String) -> Self {
        let (background, repository, emitted, number) = (false, None, Vec::new(), 0);
        Self { model, work, sink, client, background, repository, emitted, number, _held: None }
    }
}

pub(super) enum Work {
    Generate(Box<GenerateRequest>),
    Choose(Box<Prompt>, Vec<String>),
    Count(String),
    Info,
    Unload,
}

/// The waiting requests.
#[derive(Default)]
pub(super) struct Waiting {
    waiting: Vec<Job>,
    /// The number of the last turn of each client with requests here. A new client counts as just served.
    served: HashMap<String, u64>,
    turns: u64,
}

impl Waiting {
    pub(super) fn push(&mut self, job: Job) {
        self.served.entry(job.client.clone()).or_insert(self.turns);
        self.waiting.push(job);
    }

    /// The index of the next request for the loaded model `model`, of the clients that `may` start one. A request waits
    /// for an earlier request for another model, so that no model stays loaded for ever. Requests up to number
    /// `newest_at_load`, which were there when the model was loaded, do not: they would need a second load.
    pub(super) fn next_for(&self, model: &str, newest_at_load: u64, may: impl Fn(&str) -> bool) -> Option<usize> {
        let others = self.waiting.iter().filter(|job| job.model != model);
        let barrier = others.map(|job| job.number).min().unwrap_or(u64::MAX);
        let fits = |job: &Job| job.model == model && (job.number < barrier || job.number <= newest_at_load);
        let candidates = self.waiting.iter().enumerate().filter(|(_, job)| fits(job) && may(&job.client));
        candidates.min_by_key(|(_, job)| (self.served.get(&job.client), job.number)).map(|(at, _)| at)
    }

    /// The index of the oldest request.
    pub(super) fn first(&self) -> Option<usize> {
        (0..self.waiting.len()).min_by_key(|at| self.waiting[*at].number)
    }

    pub(super) fn get(&self, at: usize) -> &Job {
        &self.waiting[at]
    }

    /// Take out the request at `at`, which takes its client's turn.
    pub(super) fn take(&mut self, at: usize) -> Job {
        let job = self.waiting.swap_remove(at);
        self.turns += 1;
        self.served.insert(job.client.clone(), self.turns);
        self.forget();
        job
    }

    /// Take out the request of `sink`. It costs its client no turn.
    pub(super) fn remove(&mut self, sink: &Arc<Sink>) -> Option<Job> {
        let at = self.waiting.iter().position(|job| Arc::ptr_eq(&job.sink, sink))?;
        let job = self.waiting.swap_remove(at);
        self.forget();
        Some(job)
    }

    /// Take out all requests for the model `model`, or all.
    pub(super) fn extract(&mut self, model: Option<&str>) -> Vec<Job> {
        let matches = |job: &mut Job| model.is_none_or(|model| job.model == model);
        let taken = self.waiting.extract_if(.., matches).collect();
        self.forget();
        taken
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn wants(&self, model: &str) -> bool {
        self.waiting.iter().any(|job| job.model == model)
    }

    /// Drop the turns of all clients when no request waits: clients come and go.
    fn forget(&mut self) {
        if self.waiting.is_empty() {
            self.served.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_types::Cancel;

    fn job(number: u64, client: &str, model: &str) -> Job {
        let sink = Sink::local(Cancel::new(), std::sync::mpsc::channel().0);
        Job { number, ..Job::new(model.into(), Work::Info, sink, client.into()) }
    }

    /// The numbers of all requests for `model`, in the order in which they are taken.
    fn taken(waiting: &mut Waiting, model: &str, newest_at_load: u64) -> Vec<u64> {
        std::iter::from_fn(|| waiting.next_for(model, newest_at_load, |_| true).map(|at| waiting.take(at).number))
            .collect()
    }

    /// Protects a client with one request from one with many: clients take turns, and requests that were cancelled cost
    /// their client none.
    #[test]
    fn clients_take_turns() {
        let mut waiting = Waiting::default();
        (1..=4).for_each(|n| waiting.push(job(n, "busy", "m")));
        let first = waiting.next_for("m", 0, |_| true).expect("waits");
        assert_eq!(waiting.take(first).number, 1);
        waiting.push(job(5, "quick", "m"));
        waiting.push(job(6, "quick", "m"));
        let cancelled = job(7, "editor", "m");
        let sink = Arc::clone(&cancelled.sink);
        waiting.push(cancelled);
        assert_eq!(waiting.remove(&sink).map(|job| job.number), Some(7));
        waiting.push(job(8, "editor", "m"));
        assert_eq!(taken(&mut waiting, "m", 0), [2, 5, 8, 3, 6, 4]);
        assert!(waiting.served.is_empty(), "clients that have left are kept");
    }

    /// Protects requests for another model from waiting for ever, and all requests from a load for each of them: a
    /// request waits for an earlier one for another model, unless it was there at the last load.
    #[test]
    fn models_take_turns() {
        let mut waiting = Waiting::default();
        for (n, model) in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b"), (6, "a")] {
            waiting.push(job(n, "c", model));
        }
        assert_eq!(taken(&mut waiting, "a", 0), [1, 2]);
        assert_eq!(waiting.first().map(|at| waiting.get(at).number), Some(3));
        // `b` is loaded now, and one more request for it comes.
        waiting.push(job(7, "c", "b"));
        assert_eq!(taken(&mut waiting, "b", 6), [3, 5]);
        assert_eq!(taken(&mut waiting, "a", 7), [4, 6]);
        assert_eq!(taken(&mut waiting, "b", 7), [7]);
    }
}
