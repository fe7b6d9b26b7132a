//! The server: [`serve`] listens, [`connection`] serves one client, [`queue`] holds the requests, [`dispatch`] runs
//! them.

mod background;
mod budget;
mod calls;
mod connection;
mod dispatch;
mod lines;
mod queue;
mod services;
mod sink;
#[cfg(test)]
mod tests;
mod waiting;

use crate::memory::give_back_memory;
use crate::socket::{self, BindError};
use budget::Budget;
use calls::Calls;
use deepcoder_protocol::{Failure, Jobs, ModelLoader, Models, OnChange, PROTOCOL, Status, Tasks, Watching};
use deepcoder_types::{Cancel, Hint};
use queue::Queue;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UnixListener;
use tokio::runtime::Builder;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

/// How long the server accepts no connection after that failed.
const TICK: Duration = Duration::from_millis(100);

/// How long after the last client has gone its memory is given back: another one often follows at once.
const REST: Duration = Duration::from_millis(50);

/// How long clients have to take their last events when the server ends.
const FLUSH: Duration = Duration::from_secs(2);

/// How long a running step may take to end when the server ends.
const LAST_STEP: Duration = Duration::from_secs(5);

/// How long the services may take to say whether they have something to do, or to begin.
const MOMENT: Duration = Duration::from_secs(2);

/// Connections at a time.
const MAX_CLIENTS: usize = 256;

/// Settings of [`serve`].
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where to listen. Its folder is made with mode 0700, or must have it.
    pub socket: PathBuf,
    /// After this long without work the model is unloaded.
    pub idle: Duration,
    /// After this long without a model and without clients the server ends; `None` never.
    pub exit: Option<Duration>,
    /// End on SIGTERM, SIGINT and SIGHUP. Not for servers in a thread of a program that means something else by them.
    pub handle_signals: bool,
    /// The version that clients are told.
    pub version: String,
    /// Maximum number of interactive requests that run on the model at once; the others wait. A quarter as many
    /// background requests run.
    pub at_once: usize,
    /// The model of background work that names none; may be empty.
    pub model: String,
    /// How long a call about jobs or watched repositories may take, before its caller is told that it does not answer.
    pub call_limit: Duration,
}

impl ServeOptions {
    /// Five minutes, no end of its own, signals handled, this crate's version.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
            idle: Duration::from_secs(300),
            exit: None,
            handle_signals: true,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at_once: 64,
            model: String::new(),
            call_limit: Duration::from_secs(40),
        }
    }
}

/// The services that the server offers besides models.
#[derive(Clone, Default)]
pub struct Services {
    /// The background jobs.
    pub jobs: Option<Arc<dyn Jobs>>,
    /// The watched repositories.
    pub watching: Option<Arc<dyn Watching>>,
    /// The tasks: requests in flight.
    pub tasks: Option<Arc<dyn Tasks>>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another one answers at this socket.
    #[error("a daemon is already running at `{}`", socket.display())]
    AlreadyRunning {
        /// Where.
        socket: PathBuf,
    },
    /// Others could reach the socket.
    #[error("the folder `{}` is open to other users (mode {mode:o})", folder.display())]
    InsecureFolder {
        /// Which.
        folder: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Something else has the socket's name.
    #[error("`{}` exists and is not a socket", socket.display())]
    NotASocket {
        /// Where.
        socket: PathBuf,
    },
    /// The operating system refused.
    #[error("`{}`: {source}", socket.display())]
    Io {
        /// Where.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Hint for ServeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::AlreadyRunning { .. } => Some("`deepcoder status` shows it, `deepcoder stop` ends it".into()),
            Self::InsecureFolder { folder, .. } => Some(format!("chmod 700 {}", folder.display())),
            Self::NotASocket { .. } => Some("remove it, or choose another socket".into()),
            Self::Io { .. } => None,
        }
    }
}

/// The state that all tasks of a server share.
struct Shared {
    /// Also holds the model in memory, so that quick questions need not wait for a long answer.
    queue: Queue,
    started: Instant,
    served: AtomicU64,
    clients: Semaphore,
    /// For requests that are large.
    memory: Budget,
    stop: watch::Sender<bool>,
    /// Counts changes of jobs.
    changes: watch::Sender<u64>,
    options: ServeOptions,
    services: Services,
    /// Calls into the services.
    calls: Calls,
    /// A thread asks the services whether there is something to do.
    asking: Arc<AtomicBool>,
    /// For threads that follow a task or wait for it to land.
    waiters: Arc<Semaphore>,
    loader: Arc<dyn ModelLoader>,
}

impl Shared {
    /// How many clients there are.
    fn clients(&self) -> u64 {
        MAX_CLIENTS.saturating_sub(self.clients.available_permits()) as u64
    }

    /// Tasks that run.
    fn tasks(&self) -> usize {
        self.services.tasks.as_ref().map_or(0, |tasks| tasks.running())
    }

    /// Whether it works for a user. Background jobs do not count: they go on in the next daemon.
    fn is_busy(&self) -> bool {
        let load = self.queue.load();
        load.busy || load.waiting > 0 || self.tasks() > 0
    }

    /// Whether there is something to do without any client. The thread that asks also answers for the model, so that it
    /// waits only for a moment: services that do not answer now may have something to do.
    fn has_duties(&self) -> bool {
        if self.asking.swap(true, Ordering::SeqCst) {
            return true;
        }
        let (services, asking) = (self.services.clone(), Arc::clone(&self.asking));
        let (answer, answered) = std::sync::mpsc::channel();
        let ask = move || {
            let duties = catch_unwind(AssertUnwindSafe(|| duties(&services))).unwrap_or(true);
            asking.store(false, Ordering::SeqCst);
            answer.send(duties).unwrap_or_default();
        };
        let asked = std::thread::Builder::new().name("deepcoder-duties".into()).spawn(ask);
        asked.is_err() || answered.recv_timeout(MOMENT).unwrap_or(true)
    }

    fn status(&self) -> Status {
        let load = self.queue.load();
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        Status {
            pid: std::process::id(),
            version: self.options.version.clone(),
            protocol: PROTOCOL,
            uptime_ms: millis(self.started.elapsed()),
            model: self.queue.loaded().filter(|_| self.loader.is_alive()).map(|l| l.name),
            memory: resident("self"),
            worker: self.loader.worker(),
            served: self.served.load(Ordering::Relaxed),
            busy: load.busy,
            queued: load.waiting as u64,
            tasks: self.tasks() as u64,
            background_busy: load.background_busy,
            background_queued: load.background_waiting as u64,
            clients: self.clients(),
            idle_limit_ms: millis(self.options.idle),
            store: self.services.jobs.as_ref().and_then(|jobs| jobs.place()),
            hung: self.calls.hung(),
        }
    }
}

fn duties(services: &Services) -> bool {
    let jobs = services.jobs.as_ref().map(|jobs| jobs.counts());
    // A database that fails now may hold jobs.
    let jobs = jobs.is_some_and(|counts| counts.map_or(true, |c| c.waiting + c.queued + c.running > 0));
    let tasks = services.tasks.as_ref().is_some_and(|tasks| tasks.running() > 0);
    jobs || tasks || services.watching.as_ref().is_some_and(|watching| !watching.list().is_empty())
}

/// Listen and answer until `cancel` is set, a client asks to stop, or a signal comes. Blocks. When it returns, the
/// socket is gone and every request has got its last event.
pub fn serve(
    options: &ServeOptions,
    loader: Arc<dyn ModelLoader>,
    services: Services,
    cancel: &Cancel,
) -> Result<(), ServeError> {
    deepcoder_git::outlive_caller();
    let at = || options.socket.clone();
    let failed = |source| ServeError::Io { socket: at(), source };
    let (listener, bound) = socket::bind(&options.socket).map_err(|e| match e {
        BindError::InUse => ServeError::AlreadyRunning { socket: at() },
        BindError::InsecureFolder { path, mode } => ServeError::InsecureFolder { folder: path, mode },
        BindError::NotASocket => ServeError::NotASocket { socket: at() },
        BindError::Io(e) => failed(e),
    })?;
    listener.set_nonblocking(true).map_err(failed)?;
    let shared = Arc::new(Shared {
        queue: Queue::new(options.at_once),
        started: Instant::now(),
        served: AtomicU64::new(0),
        clients: Semaphore::new(MAX_CLIENTS),
        memory: Budget::new(budget::MOST),
        stop: watch::Sender::new(false),
        changes: watch::Sender::new(0),
        options: options.clone(),
        services,
        calls: Calls::new(options.call_limit),
        asking: Arc::default(),
        waiters: Arc::new(Semaphore::new(services::MOST_WAITERS)),
        loader: Arc::clone(&loader),
    });
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().thread_name("deepcoder-io").build();
    let runtime = runtime.map_err(failed)?;
    let (dispatched, done) = std::sync::mpsc::channel();
    let (server, models) = (Arc::clone(&shared), Arc::clone(&loader));
    let dispatch = move || {
        dispatch::dispatch(&server, models.as_ref());
        dispatched.send(()).unwrap_or_default();
    };
    std::thread::Builder::new().name("deepcoder-queue".into()).spawn(dispatch).map_err(failed)?;
    begin(&shared, &loader);
    let result = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        let result = accept(&shared, listener, &mut tasks, cancel).await;
        bound.unpublish();
        shared.stop.send_replace(true);
        // Jobs are given back before their model goes.
        let services = Arc::clone(&shared);
        timeout(LAST_STEP, tokio::task::spawn_blocking(move || end(&services))).await.map(drop).unwrap_or_default();
        shared.queue.stop();
        // Those that do not take their last events are cut off.
        timeout(FLUSH + LAST_STEP, async { while tasks.join_next().await.is_some() {} }).await.unwrap_or_default();
        result
    });
    shared.queue.stop();
    // A model that is still being loaded cannot be interrupted; the process need not wait for it.
    done.recv_timeout(LAST_STEP).unwrap_or_default();
    runtime.shutdown_timeout(Duration::from_millis(100));
    drop(bound);
    result.map_err(failed)
}

/// Start the services. One that cannot start reports that when it is called; the model stays usable.
fn begin(shared: &Arc<Shared>, loader: &Arc<dyn ModelLoader>) {
    let lender: Arc<dyn Models> = Arc::new(background::Lender::new(shared, Arc::clone(loader)));
    // Standard error is the log.
    let log = |failure: &Failure| writeln!(io::stderr(), "error: {failure}").unwrap_or_default();
    if let Some(tasks) = &shared.services.tasks {
        tasks.start(Arc::clone(&lender)).as_ref().err().into_iter().for_each(log);
    }
    let Some(jobs) = &shared.services.jobs else { return };
    let changes = shared.changes.clone();
    let on_change: OnChange = Arc::new(move || changes.send_modify(|count| *count = count.wrapping_add(1)));
    let started = jobs.start(Arc::clone(&lender), on_change);
    let watching = shared.services.watching.clone().filter(|_| started.is_ok());
    started.as_ref().err().into_iter().for_each(log);
    if let Some(watching) = watching {
        // A repository on a disk that does not answer must not keep the server from listening.
        let (jobs, (begun, done)) = (Arc::clone(jobs), std::sync::mpsc::channel());
        let begin = move || {
            watching.start(jobs, lender).as_ref().err().into_iter().for_each(log);
            begun.send(()).unwrap_or_default();
        };
        match std::thread::Builder::new().name("deepcoder-watch".into()).spawn(begin) {
            Ok(_) => done.recv_timeout(MOMENT).unwrap_or_default(),
            Err(error) => log(&Failure::Busy(error.to_string())),
        }
    }
}

/// Stop them: first what makes jobs, then what does them.
fn end(shared: &Shared) {
    if let Some(watching) = &shared.services.watching {
        watching.stop();
    }
    if let Some(tasks) = &shared.services.tasks {
        tasks.stop();
    }
    if let Some(jobs) = &shared.services.jobs {
        jobs.stop();
    }
}

async fn accept(
    shared: &Arc<Shared>,
    listener: std::os::unix::net::UnixListener,
    tasks: &mut JoinSet<()>,
    cancel: &Cancel,
) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let mut stop = shared.stop.subscribe();
    let mut signals = Signals::new(shared.options.handle_signals)?;
    let cancelled = Arc::new(Notify::new());
    let ring = Arc::clone(&cancelled);
    let _waiting = cancel.on_cancel(move || ring.notify_one());
    // When the last client will have been gone for a while.
    let mut alone = None;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let own = rustix::process::geteuid().as_raw();
                    if stream.peer_cred().is_ok_and(|peer| peer.uid() == own) {
                        tasks.spawn(connection::run(Arc::clone(shared), stream));
                    }
                }
                // No descriptors left, or the client is gone already: the others must not suffer.
                Err(_) => sleep(TICK).await,
            },
            Some(_) = tasks.join_next(), if !tasks.is_empty() => alone = Some(Instant::now() + REST),
            () = sleep_until(alone.unwrap_or_else(Instant::now).into()), if alone.is_some() && tasks.is_empty() => {
                alone = None;
                // The server does not wait for it.
                drop(tokio::task::spawn_blocking(give_back_memory));
            }
            () = cancelled.notified() => return Ok(()),
            () = signals.wait() => return Ok(()),
            _ = stop.changed() => return Ok(()),
        }
    }
}

struct Signals(Option<[tokio::signal::unix::Signal; 3]>);

impl Signals {
    fn new(wanted: bool) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let all = || {
            let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
            let [terminate, interrupt, hangup] = kinds.map(signal);
            Ok::<_, io::Error>([terminate?, interrupt?, hangup?])
        };
        Ok(Self(if wanted { Some(all()?) } else { None }))
    }

    async fn wait(&mut self) {
        match &mut self.0 {
            Some([terminate, interrupt, hangup]) => tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {}
            },
            None => std::future::pending().await,
        }
    }
}

/// Resident memory of a process, where the system tells.
pub(crate) fn resident(process: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}
