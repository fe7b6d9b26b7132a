//! The writer thread: it writes pages, records their use and evicts them, with the lowest priority.

use super::page::{PageKey, counted};
use super::{Limits, Shared};
use rustix::io::Errno;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Maximum number of uses in the queue, and of pages whose last recorded use is remembered.
const MOST_KEYS: usize = 1 << 14;
/// After this many written bytes the thread scans the directory again: other processes may write to it.
const SWEEP: u64 = 64 << 20;
/// The use of a page is recorded at most this often.
const TOUCH: Duration = Duration::from_secs(super::folder::HOUR.unsigned_abs());
/// Pages take at most one part in this many of the disk space that is free or theirs.
const SHARE: u64 = 10;

#[derive(Debug)]
enum Work {
    Write(PageKey, Vec<u8>),
    Touch(PageKey),
}

/// The queue between the engine and the thread.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    work: VecDeque<Work>,
    /// Bytes of the queued pages.
    bytes: usize,
    touches: usize,
    /// When writing resumes after an error.
    paused: Option<Instant>,
    /// When the thread ends, even with work left.
    close: Option<Instant>,
    /// Whether the thread is working, for tests.
    busy: bool,
}

impl State {
    fn accepts(&self, bytes: usize, limits: &Limits) -> bool {
        let paused = self.paused.is_some_and(|until| Instant::now() < until);
        let room = self.bytes == 0 || self.bytes.saturating_add(bytes) <= limits.queue;
        !paused && room && self.close.is_none()
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn accepts(&self, bytes: usize, limits: &Limits) -> bool {
        self.lock().accepts(bytes, limits)
    }

    pub(super) fn put(&self, key: PageKey, page: Vec<u8>, limits: &Limits) {
        let mut state = self.lock();
        if state.accepts(page.len(), limits) {
            state.bytes += page.len();
            state.work.push_back(Work::Write(key, page));
            self.wake.notify_all();
        }
    }

    pub(super) fn touch(&self, key: &PageKey) {
        let mut state = self.lock();
        if state.touches < MOST_KEYS {
            state.touches += 1;
            state.work.push_back(Work::Touch(*key));
            self.wake.notify_all();
        }
    }

    /// End the thread when the queue is empty, or after `drain`.
    pub(super) fn close(&self, drain: Duration) {
        self.lock().close = Some(Instant::now() + drain);
        self.wake.notify_all();
    }

    /// Wait for work. `None` ends the thread.
    fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            state.busy = false;
            self.wake.notify_all();
            if state.close.is_some_and(|until| state.work.is_empty() || Instant::now() > until) {
                return None;
            }
            if let Some(work) = state.work.pop_front() {
                match &work {
                    Work::Write(_, page) => state.bytes -= page.len(),
                    Work::Touch(_) => state.touches -= 1,
                }
                state.busy = true;
                return Some(work);
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Pause writing, and drop the queued pages.
    fn pause(&self, pause: Duration) {
        let mut state = self.lock();
        state.paused = Some(Instant::now() + pause);
        state.work.retain(|work| matches!(work, Work::Touch(_)));
        state.bytes = 0;
    }

    /// Length of the queue.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().work.len()
    }

    /// Wait until the queue is empty and the thread idle.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        let mut state = self.lock();
        while state.busy || !state.work.is_empty() {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The handle of the thread.
#[derive(Debug)]
pub(super) struct Writer(JoinHandle<()>);

impl Writer {
    /// Start the thread, which scans the directory first.
    pub(super) fn start(shared: Arc<Shared>, probe: PageKey, warn: Box<dyn Fn(String) + Send>) -> io::Result<Self> {
        shared.queue.lock().busy = true;
        let thread = Thread { shared, probe, warn, warned: Vec::new(), room: 0, touched: HashMap::new() };
        std::thread::Builder::new().name("prefix-cache".into()).spawn(|| thread.run()).map(Self)
    }

    pub(super) fn join(self) {
        // A panic of the thread costs only pages on the disk.
        _ = self.0.join();
    }
}

struct Thread {
    shared: Arc<Shared>,
    /// Names the file that gives the file system's time.
    probe: PageKey,
    warn: Box<dyn Fn(String) + Send>,
    warned: Vec<String>,
    /// Bytes that may be written before the next scan.
    room: u64,
    /// When a page's use was last recorded.
    touched: HashMap<PageKey, Instant>,
}

impl Thread {
    fn run(mut self) {
        lower_priority();
        if let Err(error) = self.sweep() {
            self.pause(&error);
        }
        while let Some(work) = self.shared.queue.next() {
            match work {
                Work::Touch(key) => self.touch(key),
                Work::Write(key, page) => {
                    if let Err(error) = self.write(&key, &page) {
                        self.pause(&error);
                    }
                }
            }
        }
    }

    fn touch(&mut self, key: PageKey) {
        let now = Instant::now();
        if self.touched.get(&key).is_some_and(|then| now.duration_since(*then) < TOUCH) {
            return;
        }
        self.shared.folder.touch(&key);
        if self.touched.len() >= MOST_KEYS {
            self.touched.clear();
        }
        self.touched.insert(key, now);
    }

    fn write(&mut self, key: &PageKey, page: &[u8]) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        if shared.folder.has(key) {
            self.touch(*key);
            return Ok(());
        }
        let bytes = counted(shared.format.file_len());
        if self.room < bytes {
            self.sweep()?;
        }
        if self.room < bytes {
            return Err(io::Error::other(
                "a page is larger than a tenth of the room on the disk, or than `prefix_cache_mib`",
            ));
        }
        shared.folder.write(&shared.format, key, page)?;
        self.room = self.room.saturating_sub(bytes);
        self.touched.insert(*key, Instant::now());
        Ok(())
    }

    /// Scan the directory, evict pages beyond the limit, and make room for new ones.
    fn sweep(&mut self) -> io::Result<()> {
        self.room = 0;
        let folder = &self.shared.folder;
        let mut scan = folder.scan(&self.probe)?;
        let limit = limit(self.shared.limits.cap, folder.free()?, scan.usage.bytes);
        let page = counted(self.shared.format.file_len());
        // A tenth of the limit at least, so that scans are rare.
        if scan.usage.bytes.saturating_add(page) > limit {
            folder.evict(&mut scan, limit.saturating_sub(page.max(limit / 10)));
        }
        scan.now?;
        self.room = limit.saturating_sub(scan.usage.bytes).min(SWEEP);
        Ok(())
    }

    /// Pause writing after an error, such as a full disk; reading goes on.
    fn pause(&mut self, error: &io::Error) {
        self.shared.queue.pause(self.shared.limits.pause);
        // A full disk: the user needs the space more than this cache does.
        let full = [Errno::NOSPC, Errno::DQUOT].map(|full| Some(full.raw_os_error()));
        if full.contains(&error.raw_os_error()) {
            _ = self.sweep();
        }
        let warning = format!("the prefix cache is only read for a while: {error}");
        if !self.warned.contains(&warning) && self.warned.len() < 16 {
            (self.warn)(warning.clone());
            self.warned.push(warning);
        }
    }
}

/// Maximum number of bytes of all pages, where they take `here` bytes and `free` bytes of the disk are free.
pub(super) fn limit(cap: u64, free: u64, here: u64) -> u64 {
    cap.min(free.saturating_add(here) / SHARE)
}

/// Writing must not slow down the engine or other programs.
fn lower_priority() {
    // On Linux the priority is the thread's own; elsewhere it would be the whole process's.
    #[cfg(target_os = "linux")]
    {
        _ = rustix::process::nice(19);
    }
}
