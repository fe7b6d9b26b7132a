//! R10: the model's process dies, of everything that a process can die of, while it works for many people and in the
//! background at once. The daemon stays up, every request is answered to the letter or by how the process died, and the
//! next one has a new process.

use crate::daemon::{Daemon, Holds, as_pid, ask, counted};
use crate::options::Options;
use crate::report::Report;
use crate::writer::Writer;
use deepcoder_protocol::client::Client;
use deepcoder_types::{Cancel, FinishReason, GenerateError, Priority};
use fastrand::Rng;
use rustix::process::{Signal, kill_process, test_kill_process};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const FULL: u64 = 200;

/// Who wants the model all the time.
const USERS: usize = 16;
const JOBS: usize = 4;

/// How long the daemon may take to say how it is, and how long until a request is answered again.
const PROMPT: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(15);

/// What the process dies of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// A signal from outside: as the system does when memory runs out, and as bugs do.
    Signal(Signal),
    /// No answer any more.
    Stopped,
    /// Killed, and its successor as soon as it is there.
    Twice,
    /// A request does it: takes all memory, recurses without end, aborts, exits, panics.
    Word(&'static str),
}

const WAYS: &[Way] = &[
    Way::Word("gobble"),
    Way::Signal(Signal::KILL),
    Way::Word("overflow"),
    Way::Signal(Signal::SEGV),
    Way::Word("abort"),
    Way::Signal(Signal::ABORT),
    Way::Word("gobble"),
    Way::Word("exit"),
    Way::Twice,
    Way::Word("panic"),
    Way::Signal(Signal::BUS),
    Way::Stopped,
];

impl Way {
    /// What those who had a request there are told.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Signal(Signal::SEGV | Signal::BUS) => &["crashed (signal 11)", "crashed (signal 7)"],
            Self::Signal(Signal::ABORT) | Self::Word("gobble" | "overflow" | "abort") => &["aborted (signal 6)"],
            Self::Signal(_) | Self::Twice => &["killed by signal 9"],
            Self::Stopped => &["it hung"],
            Self::Word("exit") => &["exit code 7"],
            // To the request that did it, and to the others.
            Self::Word(_) => &["panicked: as asked", "aborted (signal 6)"],
        }
    }
}

/// What those who want the model have seen.
#[derive(Default)]
struct Seen {
    over: AtomicBool,
    users: AtomicU64,
    jobs: AtomicU64,
    /// The most requests that ran at once.
    most: AtomicU64,
    /// Reasons of deaths that are not yet judged.
    deaths: Mutex<Vec<String>>,
    wrong: Mutex<Vec<String>>,
}

impl Seen {
    fn answered(&self, priority: Priority) -> &AtomicU64 {
        match priority {
            Priority::Interactive => &self.users,
            Priority::Background => &self.jobs,
        }
    }

    fn wrong(&self, what: String) {
        self.wrong.lock().expect("no thread panics in between").push(what);
    }

    fn take(from: &Mutex<Vec<String>>) -> Vec<String> {
        std::mem::take(&mut *from.lock().expect("no thread panics in between"))
    }
}

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let mut report = Report::new("r10");
    if options.writer == Writer::NoSync {
        return report.skip("nothing is synced here");
    }
    let scratch = options.scratch();
    let mut daemon = Daemon::start(scratch.path(), options.writer);
    let (socket, seen) = (daemon.socket.clone(), Seen::default());
    let (mut done, mut slowest, mut told) = (0, Duration::ZERO, 0);
    let before = thread::scope(|scope| {
        for n in 0..USERS + JOBS {
            let (seen, socket) = (&seen, &socket);
            let priority = if n < USERS { Priority::Interactive } else { Priority::Background };
            scope.spawn(move || want(socket, n as u64, priority, seen));
        }
        let before = again(&seen).ok().and_then(|()| Holds::of(daemon.pid()));
        for (seed, way) in options.seeds(FULL).zip(WAYS.iter().cycle()) {
            let result = death(*way, &daemon, &mut Rng::with_seed(seed), &seen);
            let gone = !daemon.is_alive();
            match result {
                Ok(round) => {
                    slowest = slowest.max(round.status);
                    told += round.told;
                }
                Err(what) => report.lose(format!("{way:?} (seed {seed}): {what}")),
            }
            if gone {
                report.lose(format!("{way:?} (seed {seed}): the daemon is gone"));
                break;
            }
            done += 1;
        }
        seen.over.store(true, Ordering::SeqCst);
        before
    });
    let most = seen.most.load(Ordering::SeqCst);
    if most < 2 && report.is_good() {
        report.lose("no two requests ran at once".into());
    }
    if report.is_good() {
        end(&mut daemon, before, &mut report);
    }
    report.tried = format!(
        "{done} deaths of the model's process (memory, signals, crashes, hangs); {} requests of users and {} in the \
         background, up to {most} at once, answered to the letter, {told} told how it died",
        seen.users.into_inner(),
        seen.jobs.into_inner()
    );
    report.note = format!("the daemon said how it is within {} ms", slowest.as_millis());
    report
}

struct Round {
    told: usize,
    status: Duration,
}

/// One death, and how it is told.
fn death(way: Way, daemon: &Daemon, rng: &mut Rng, seen: &Seen) -> Result<Round, String> {
    again(seen)?;
    drop(Seen::take(&seen.deaths));
    thread::sleep(Duration::from_micros(rng.u64(..20_000)));
    let (status, _) = daemon.status()?;
    // Where there is no other process, the model's is the daemon's.
    let deaths = status.worker.as_ref().map_or(0, |worker| worker.deaths);
    let pid = status.worker.map_or(Some(daemon.pid()), |worker| worker.pid);
    match (way, pid) {
        (Way::Word(word), _) => poison(&daemon.socket, way, word)?,
        (Way::Stopped, Some(pid)) => send(pid, Signal::STOP),
        // The first of a kind that was not a fault is let pass by Rust's own handler.
        (Way::Signal(signal), Some(pid)) => (0..2).for_each(|_| {
            send(pid, signal);
            thread::sleep(Duration::from_millis(2));
        }),
        (Way::Twice, Some(pid)) => {
            send(pid, Signal::KILL);
            let until = Instant::now() + AGAIN;
            while Instant::now() < until {
                let next = daemon.status()?.0.worker.and_then(|worker| worker.pid);
                if let Some(next) = next.filter(|next| *next != pid) {
                    send(next, Signal::KILL);
                    break;
                }
            }
        }
        (_, None) => {}
    }
    let start = Instant::now();
    let (status, took) = loop {
        let (status, took) = daemon.status()?;
        if status.worker.as_ref().is_some_and(|worker| worker.deaths > deaths) {
            break (status, took);
        }
        if start.elapsed() > AGAIN || pid.is_none() {
            return Err(format!("no process has died: {status:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    };
    if took > PROMPT {
        return Err(format!("the daemon took {} ms to say how it is", took.as_millis()));
    }
    again(seen)?;
    let last = status.worker.and_then(|worker| worker.last_death).unwrap_or_default();
    let mut reasons = Seen::take(&seen.deaths);
    let told = reasons.len();
    reasons.push(last);
    if let Some(other) = reasons.iter().find(|reason| !way.words().iter().any(|words| reason.contains(words))) {
        return Err(format!("it was told to have died so: {other:?}"));
    }
    let wrong = Seen::take(&seen.wrong);
    if wrong.is_empty() { Ok(Round { told, status: took }) } else { Err(wrong.join("; ")) }
}

/// The request that does it, and what it is told.
fn poison(socket: &Path, way: Way, word: &str) -> Result<(), String> {
    let mut client = Client::connect(socket).map_err(|e| e.to_string())?;
    let result = client.generate("m", &ask(word, 1, Priority::Interactive), &Cancel::new(), &mut |_| {});
    let said = match result {
        Err(GenerateError::Died { reason }) => reason,
        Err(GenerateError::Engine(message)) => message,
        other => return Err(format!("it came to {other:?}")),
    };
    if way.words().iter().any(|words| said.contains(words)) { Ok(()) } else { Err(format!("it was told {said:?}")) }
}

fn send(pid: u32, signal: Signal) {
    // It may have died of the first.
    let _ = as_pid(pid).map(|pid| kill_process(pid, signal));
}

/// Wait until a user and a job have been answered once more.
fn again(seen: &Seen) -> Result<(), String> {
    let (users, jobs) = (seen.users.load(Ordering::SeqCst), seen.jobs.load(Ordering::SeqCst));
    let start = Instant::now();
    while seen.users.load(Ordering::SeqCst) == users || seen.jobs.load(Ordering::SeqCst) == jobs {
        if start.elapsed() > AGAIN {
            let wrong = Seen::take(&seen.wrong);
            return Err(format!("no request was answered for {} s: {}", AGAIN.as_secs(), wrong.join("; ")));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Ask all the time, and look at every answer.
fn want(socket: &Path, n: u64, priority: Priority, seen: &Seen) {
    let mut rng = Rng::with_seed(n);
    let mut client = None;
    while !seen.over.load(Ordering::SeqCst) {
        let connection = match client.take().map_or_else(|| Client::connect(socket), Ok) {
            Ok(connection) => client.insert(connection),
            Err(e) => {
                seen.wrong(format!("it cannot connect: {e}"));
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        let tokens = rng.u32(1..60);
        let result = connection.generate("m", &ask("", tokens, priority), &Cancel::new(), &mut |_| {});
        match result {
            Ok(done) if done.text == counted(tokens) && done.finish == FinishReason::Length => {
                seen.most.fetch_max(done.usage.cached_tokens.into(), Ordering::SeqCst);
                seen.answered(priority).fetch_add(1, Ordering::SeqCst);
            }
            Err(GenerateError::Died { reason }) => {
                seen.deaths.lock().expect("no thread panics in between").push(reason);
            }
            other => {
                seen.wrong(format!("{tokens} tokens came to {other:?}"));
                client = None;
                thread::sleep(Duration::from_millis(10));
            }
        }
        // People, and not a bench: the background has its moments.
        let most = if priority == Priority::Interactive { 60 } else { 5 };
        thread::sleep(Duration::from_millis(rng.u64(..most)));
    }
}

/// Nothing is left behind: no file, and, once the daemon is stopped, no process.
fn end(daemon: &mut Daemon, before: Option<Holds>, report: &mut Report) {
    thread::sleep(Duration::from_millis(200));
    let after = Holds::of(daemon.pid());
    if let (Some(before), Some(after)) = (before, after)
        && (after.files > before.files + 2 || after.threads > before.threads + 8)
    {
        report.lose(format!("the daemon holds {after:?}, and held {before:?}"));
    }
    let worker = daemon.status().ok().and_then(|(status, _)| status.worker?.pid);
    let stopped = Client::connect(&daemon.socket).is_ok_and(|client| client.stop().is_ok());
    let start = Instant::now();
    while daemon.is_alive() && start.elapsed() < AGAIN {
        thread::sleep(Duration::from_millis(5));
    }
    if !stopped || daemon.is_alive() {
        report.lose("the daemon does not stop".into());
    } else if worker.and_then(as_pid).is_some_and(|pid| test_kill_process(pid).is_ok()) {
        report.lose("the model's process outlives the daemon".into());
    }
}
