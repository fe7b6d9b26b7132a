//! The waiting requests of one priority. Clients take turns, whatever number of requests each has.

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
    /// Where the answer goes.
    pub(super) sink: Arc<Sink>,
    /// Who asks: clients share the model fairly.
    pub(super) client: String,
    /// Whether it gives way to users' requests for another model.
    pub(super) background: bool,
    /// The repository that is charged for the model's time.
    pub(super) repository: Option<PathBuf>,
    /// Tokens that its client got before it was interrupted.
    pub(super) given: Vec<u32>,
    /// When it came, as a count of requests.
    pub(super) number: u64,
    /// The memory that it takes, where a client sent it.
    pub(super) _held: Option<Held>,
}

impl Job {
    /// A request of a user.
    pub(super) fn new(model: String, work: Work, sink: Arc<Sink>, client: String) -> Self {
        let (background, repository, given, number) = (false, None, Vec::new(), 0);
        Self { model, work, sink, client, background, repository, given, number, _held: None }
    }
}

pub(super) enum Work {
    Generate(Box<GenerateRequest>),
    Choose(Box<Prompt>, Vec<String>),
    Count(String),
    Info,
    Unload,
}

/// The requests.
#[derive(Default)]
pub(super) struct Waiting {
    waiting: Vec<Job>,
    /// When each client with requests here had its last turn: a count of turns. A new client counts as just served.
    served: HashMap<String, u64>,
    turns: u64,
}

impl Waiting {
    pub(super) fn push(&mut self, job: Job) {
        self.served.entry(job.client.clone()).or_insert(self.turns);
        self.waiting.push(job);
    }

    /// Where the next request for the loaded model `model` is, of the clients that `may` begin one. A request that came after one for another model waits for
    /// that one, so that no model is kept for ever. But a request up to number `present`, which was there when the
    /// model was loaded, needs no second load.
    pub(super) fn fits(&self, model: &str, present: u64, may: impl Fn(&str) -> bool) -> Option<usize> {
        let others = self.waiting.iter().filter(|job| job.model != model);
        let barrier = others.map(|job| job.number).min().unwrap_or(u64::MAX);
        let fits = |job: &Job| job.model == model && (job.number < barrier || job.number <= present);
        let candidates = self.waiting.iter().enumerate().filter(|(_, job)| fits(job) && may(&job.client));
        candidates.min_by_key(|(_, job)| (self.served.get(&job.client), job.number)).map(|(at, _)| at)
    }

    /// Where the request is that came first.
    pub(super) fn first(&self) -> Option<usize> {
        (0..self.waiting.len()).min_by_key(|at| self.waiting[*at].number)
    }

    pub(super) fn get(&self, at: usize) -> &Job {
        &self.waiting[at]
    }

    /// Take out the request at `at`: it is its client's turn.
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

    /// Clients come and go: nothing is kept of them while no request waits.
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
    fn taken(waiting: &mut Waiting, model: &str, present: u64) -> Vec<u64> {
        std::iter::from_fn(|| waiting.fits(model, present, |_| true).map(|at| waiting.take(at).number)).collect()
    }

    /// Protects a client with one request from one with many: clients take turns, and requests that were cancelled cost
    /// their client none.
    #[test]
    fn clients_take_turns() {
        let mut waiting = Waiting::default();
        (1..=4).for_each(|n| waiting.push(job(n, "busy", "m")));
        let first = waiting.fits("m", 0, |_| true).expect("waits");
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

    /// Protects those who want another model from waiting for ever, and everybody from loading a model for each
    /// request: whatever comes behind a request for another model waits for it, unless it was there at the last load.
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
