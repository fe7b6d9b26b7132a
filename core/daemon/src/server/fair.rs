//! The waiting background requests: one line for each repository. The lines take turns by the model's time that they
//! used.

use super::queue::Job;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The lines.
#[derive(Default)]
pub(super) struct Lines {
    lines: HashMap<PathBuf, Line>,
    /// The time of the line that was served last. A new line begins there, so that it cannot save up time that it did
    /// not use.
    now: Duration,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    /// The time that the line has used, and that it has let pass while it was empty.
    turn: Duration,
    /// The time that it has used.
    used: Duration,
}

impl Lines {
    /// Put `job` at the end of its repository's line.
    pub(super) fn push(&mut self, repository: &Path, job: Job) {
        self.line(repository).jobs.push_back(job);
    }

    /// Put a job that was interrupted at the front again.
    pub(super) fn put_back(&mut self, repository: &Path, job: Job) {
        self.line(repository).jobs.push_front(job);
    }

    /// The next job of those whose model `fits`: of the repository that has used the model least.
    pub(super) fn take(&mut self, fits: impl Fn(&str) -> bool) -> Option<(PathBuf, Job)> {
        let candidates =
            self.lines.iter_mut().filter(|(_, line)| line.jobs.front().is_some_and(|job| fits(&job.model)));
        // The path as well, so that nothing rests on the order of a hash table.
        let (repository, line) = candidates.min_by(|a, b| (a.1.turn, a.0).cmp(&(b.1.turn, b.0)))?;
        self.now = self.now.max(line.turn);
        line.jobs.pop_front().map(|job| (repository.clone(), job))
    }

    /// Note that the model has worked for a repository.
    pub(super) fn charge(&mut self, repository: &Path, time: Duration) {
        let line = self.lines.entry(repository.to_owned()).or_default();
        line.turn += time;
        line.used += time;
    }

    /// How long the model has worked for a repository.
    pub(super) fn used(&self, repository: &Path) -> Duration {
        self.lines.get(repository).map_or(Duration::ZERO, |line| line.used)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.lines.values().map(|line| line.jobs.len()).sum()
    }

    /// Take out those that match.
    pub(super) fn extract(&mut self, matches: impl Fn(&Job) -> bool) -> Vec<Job> {
        let mut out = Vec::new();
        for line in self.lines.values_mut() {
            let (taken, kept) = std::mem::take(&mut line.jobs).into_iter().partition::<VecDeque<_>, _>(&matches);
            line.jobs = kept;
            out.extend(taken);
        }
        out
    }

    fn line(&mut self, repository: &Path) -> &mut Line {
        let now = self.now;
        let line = self.lines.entry(repository.to_owned()).or_default();
        if line.jobs.is_empty() {
            line.turn = line.turn.max(now);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::Work;
    use super::super::sink::Sink;
    use super::*;
    use deepcoder_types::Cancel;

    fn job(model: &str) -> Job {
        let sink = Sink::local(Cancel::new(), std::sync::mpsc::channel().0);
        Job { model: model.into(), work: Work::Info, sink, repository: None, emitted: Vec::new(), _held: None }
    }

    /// Protects small repositories from a busy one: turns go by the time that was used, not by the number of requests,
    /// and a repository that was away has saved nothing up.
    #[test]
    fn turns_go_by_time() {
        let (a, b, late) = (Path::new("/a"), Path::new("/b"), Path::new("/late"));
        let mut lines = Lines::default();
        for _ in 0..20 {
            lines.push(a, job("m"));
            lines.push(b, job("m"));
        }
        let mut served = Vec::new();
        for _ in 0..8 {
            let (repository, _) = lines.take(|_| true).expect("waits");
            let seconds = if repository == a { 3 } else { 1 };
            lines.charge(&repository, Duration::from_secs(seconds));
            served.push(repository);
        }
        assert_eq!(served.iter().filter(|r| *r == a).count(), 2, "{served:?}");
        assert_eq!((lines.used(a).as_secs(), lines.used(b).as_secs()), (6, 6));
        (0..20).for_each(|_| lines.push(late, job("m")));
        let mut of_late = 0;
        for _ in 0..9 {
            let (repository, _) = lines.take(|_| true).expect("waits");
            lines.charge(&repository, Duration::from_secs(1));
            of_late += usize::from(repository == late);
        }
        assert!((3..=4).contains(&of_late), "{of_late} of 9 for the one that came late");
    }

    /// Protects the model in memory: only what fits is taken, in the order of its line.
    #[test]
    fn only_what_fits_is_taken() {
        let mut lines = Lines::default();
        lines.push(Path::new("/a"), job("other"));
        lines.push(Path::new("/b"), job("m"));
        assert_eq!(lines.take(|model| model == "m").map(|(r, _)| r), Some(PathBuf::from("/b")));
        assert!(lines.take(|model| model == "m").is_none());
        assert_eq!(lines.extract(|job| job.model == "other").len(), 1);
        assert_eq!(lines.len(), 0);
    }
}
