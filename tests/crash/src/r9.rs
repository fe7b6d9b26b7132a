//! R9: no leak. 64 clients for minutes: some leave in the middle, some read slowly or not at all, some cancel, some
//! send what is far too large. The model works for many of them at once. Between the rounds there are no clients, and
//! the daemon and the model's process must hold what they held before; and a client that cancels or leaves has freed
//! the model at once.

mod clients;

use crate::daemon::{Daemon, Holds};
use crate::options::Options;
use crate::report::Report;
use crate::trend::Trend;
use crate::writer::Writer;
use clients::{CLIENTS, Counts, round};
use std::time::{Duration, Instant};

/// Rounds of the full number: twenty minutes. What an allocator holds at rest grows like a logarithm at first, and
/// after ten still by more than a leak might.
const FULL: u64 = 480;
const ROUND: Duration = Duration::from_secs(2);

/// How long a request may hold the model after its client cancels or leaves.
const FREED: Duration = Duration::from_secs(1);

/// What memory may grow by in an hour.
const GATE: f64 = 1e6;

/// A run of seconds is still warming up: what it may grow by. A run of minutes has no such excuse.
const SLACK: f64 = 6e6;
const MINUTES: f64 = 300.0;

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let mut report = Report::new("r9");
    if options.writer == Writer::NoSync {
        return report.skip("nothing is synced here");
    }
    let scratch = options.scratch();
    let mut daemon = Daemon::start(scratch.path(), options.writer);
    let counts = Counts::default();
    let (start, mut samples) = (Instant::now(), Vec::new());
    for (n, seed) in options.seeds(FULL).enumerate() {
        for what in round(&daemon.socket, seed, ROUND, &counts) {
            report.lose(format!("round {n}: {what}"));
        }
        if !daemon.is_alive() {
            report.lose(format!("round {n}: the daemon is gone"));
            break;
        }
        match quiet(&daemon) {
            Ok(sample) => samples.push((start.elapsed().as_secs_f64(), sample)),
            Err(what) => report.lose(format!("round {n}: {what}")),
        }
    }
    report.tried = format!("{CLIENTS} clients for {} s: {}", start.elapsed().as_secs(), counts.line());
    if let Some(slowest) = counts.slowest().filter(|slowest| *slowest > FREED) {
        report.lose(format!("a cancel took {} ms", slowest.as_millis()));
    }
    if counts.most() < 2 {
        report.lose("no two requests ran at once".into());
    }
    judge(&samples, &mut report);
    report
}

/// What is held between two rounds: by the daemon, and by the model's process where that is another one.
struct Sample {
    daemon: Holds,
    worker: Option<Holds>,
}

/// Wait until all clients are gone, which must not take long.
fn quiet(daemon: &Daemon) -> Result<Sample, String> {
    let start = Instant::now();
    let status = loop {
        let (status, _) = daemon.status()?;
        if !status.busy && status.queued == 0 && !status.background_busy && status.clients <= 1 {
            break status;
        }
        if start.elapsed() > FREED {
            return Err(format!("{:?} after the last client has left: {status:?}", start.elapsed()));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    // Threads that have nothing to do end after a while; those that end at once are to be gone.
    std::thread::sleep(Duration::from_millis(200));
    let worker = status.worker.and_then(|worker| worker.pid).and_then(Holds::of);
    Ok(Sample { daemon: Holds::of(daemon.pid()).ok_or("the daemon is gone")?, worker })
}

fn judge(samples: &[(f64, Sample)], report: &mut Report) {
    let mut notes = Vec::new();
    let daemon: Vec<_> = samples.iter().map(|(at, sample)| (*at, sample.daemon)).collect();
    let worker: Vec<_> = samples.iter().filter_map(|(at, sample)| Some((*at, sample.worker?))).collect();
    for (who, held) in [("the daemon", daemon), ("the model's process", worker)] {
        let (Some((_, first)), Some((_, last))) = (held.get(held.len() / 4), held.last()) else { continue };
        if last.files > first.files + 2 {
            report.lose(format!("{who} had {} files open and has {}", first.files, last.files));
        }
        #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
        let memory: Vec<_> = held.iter().map(|(at, held)| (*at, held.memory as f64)).collect();
        let Some(trend) = Trend::of(&memory) else { continue };
        let seconds = memory.last().map_or(0.0, |(at, _)| *at);
        let slack = if seconds < MINUTES { SLACK } else { 0.0 };
        let text = format!("{:+.2} ± {:.2} MB/h", trend.slope / 1e6, trend.error / 1e6);
        if trend.is_above(GATE, slack) {
            report.lose(format!("the memory of {who} grows by {text}"));
        } else if seconds >= MINUTES && !trend.is_below(GATE) {
            report.lose(format!("it cannot be said whether the memory of {who} grows: {text}"));
        }
        notes.push(format!(
            "{who}: {:.1} MB, {text}, files {} → {}, threads {} → {}",
            memory.last().map_or(0.0, |(_, bytes)| bytes / 1e6),
            first.files,
            last.files,
            first.threads,
            last.threads
        ));
    }
    report.note = notes.join("; ");
}
