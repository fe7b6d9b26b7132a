//! Events from the system that the watcher has not looked at yet.

use super::stamp::Stamp;
use notify::event::Flag;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// More paths than this, and looking at everything is cheaper.
const MOST: usize = 50_000;

/// Filled by the thread that reads the system's queue, which must never wait for long: the queue overflows meanwhile.
#[derive(Default)]
pub(crate) struct Inbox {
    news: Mutex<News>,
    arrived: Condvar,
}

/// The events that have arrived.
#[derive(Default)]
pub(crate) struct News {
    /// Something happened there.
    pub(crate) paths: HashSet<PathBuf>,
    /// Something changed at an unknown place, so that everything is compared.
    pub(crate) lost: bool,
    /// When the first of it arrived, and the last.
    pub(crate) span: Option<(Instant, Instant)>,
    /// Who wants to know what is known.
    pub(crate) asked: Vec<Sender<Vec<(String, Stamp)>>>,
    stop: bool,
}

impl News {
    /// Add what came later.
    pub(crate) fn extend(&mut self, later: Self) {
        self.paths.extend(later.paths);
        self.lost |= later.lost;
        self.span = match (self.span, later.span) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (mine, theirs) => mine.or(theirs),
        };
    }

    fn note(&mut self) {
        let now = Instant::now();
        self.span = Some((self.span.map_or(now, |(first, _)| first), now));
    }
}

impl Inbox {
    /// Take in what the system said.
    pub(crate) fn push(&self, event: notify::Result<notify::Event>) {
        let mut news = self.lock();
        match event {
            Ok(event) if event.flag() != Some(Flag::Rescan) => {
                if !news.lost {
                    news.paths.extend(event.paths);
                }
                if news.paths.len() > MOST {
                    news.lost = true;
                }
            }
            // The queue overflowed, or could not be read: no path is said.
            _ => news.lost = true,
        }
        if news.lost {
            news.paths = HashSet::new();
        }
        news.note();
        self.arrived.notify_all();
    }

    /// As if events had been lost.
    pub(crate) fn lose(&self) {
        let mut news = self.lock();
        news.lost = true;
        news.note();
        self.arrived.notify_all();
    }

    /// Ask what is known.
    pub(crate) fn ask(&self) -> Receiver<Vec<(String, Stamp)>> {
        let (answer, answers) = channel();
        self.lock().asked.push(answer);
        self.arrived.notify_all();
        answers
    }

    /// Wake the waiting thread, and end its waiting for good.
    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.arrived.notify_all();
    }

    /// Wait until `until`; without it for as long as nothing has arrived, and until `at_rest` at most. `None` after
    /// [`Inbox::stop`].
    pub(crate) fn take(&self, until: Option<Instant>, at_rest: Instant) -> Option<News> {
        let mut news = self.lock();
        loop {
            if news.stop {
                // The watcher ends and answers no more questions.
                news.asked.clear();
                return None;
            }
            if !news.asked.is_empty() {
                return Some(std::mem::take(&mut *news));
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            news = match left {
                // Events of one save come one by one, and one wake-up is enough for all of them.
                Some(left) if !left.is_zero() => {
                    self.arrived
                        .wait_timeout_while(news, left, |news| !news.stop && news.asked.is_empty())
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None if news.span.is_none() && at_rest > Instant::now() => {
                    let left = at_rest.saturating_duration_since(Instant::now());
                    self.arrived.wait_timeout(news, left).unwrap_or_else(PoisonError::into_inner).0
                }
                _ => return Some(std::mem::take(&mut *news)),
            };
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
