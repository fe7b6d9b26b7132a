//! R7: watching converges. Whatever programs do to a tree, however many events the system loses and however few watches it
//! gives, some seconds after quiet the watcher knows what a fresh scan finds, and has told all that leads there: somebody
//! who reads the files that were told, and nothing else, has every file as it is.

mod git;
mod plain;
mod storm;
mod watcher;

pub(crate) use watcher::{WatchAct, act};

use crate::options::Options;
use crate::report::Report;
use crate::writer::Writer;
use fastrand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Six of each kind.
const FULL: u64 = 48;

/// A short run has a smaller tree.
const FILES_PER_ROUND: u64 = 1_000;
const FILES: u64 = 200_000;

/// It must know after this.
const MOST: Duration = Duration::from_secs(10);

/// Those who write at the same time.
const WRITERS: usize = 3;

/// What is against the watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Against {
    /// The speed of those who write.
    Speed,
    /// It sleeps while the queue overflows.
    Sleep,
    /// Git goes to and fro.
    Git,
    /// There are watches for a few folders only.
    Watches,
    /// There is no queue at all.
    Instances,
    /// There are no descriptors for a queue.
    Descriptors,
    /// All descriptors are taken in the middle of it.
    Hog,
    /// The watches run out in the middle of it, by new folders.
    Growth,
}

const KINDS: &[Against] = &[
    Against::Speed,
    Against::Sleep,
    Against::Git,
    Against::Watches,
    Against::Instances,
    Against::Descriptors,
    Against::Hog,
    Against::Growth,
];

/// What came of a round.
struct Converged {
    took: Duration,
    rescans: u64,
    /// Files that were said to be gone and stood there, or stood there again.
    slandered: u64,
}

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let scratch = options.scratch();
    let mut report = Report::new("r7");
    let rounds = options.rounds_or(FULL);
    let files = if rounds >= FULL { FILES } else { rounds * FILES_PER_ROUND };
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let root = scratch.path().join("tree");
    storm::make(&root, files);
    git::branches(&root);
    let namespaces = Command::new("unshare").args(["--user", "--map-root-user", "true"]).output();
    let namespaces = namespaces.is_ok_and(|output| output.status.success());
    let (mut rescans, mut slowest, mut left_out) = (0, Duration::ZERO, 0);
    for (round, seed) in options.seeds(FULL).enumerate() {
        let against = KINDS[round % KINDS.len()];
        let limited = matches!(against, Against::Watches | Against::Instances | Against::Growth);
        if limited && !namespaces {
            left_out += 1;
            continue;
        }
        match (Round { root: &root, files, against, writer: options.writer }).run(&mut Rng::with_seed(seed)) {
            Ok(converged) => {
                rescans += converged.rescans;
                slowest = slowest.max(converged.took);
            }
            Err(what) => report.lose(format!("round {round}, seed {seed} ({against:?}): {what}")),
        }
    }
    report.tried = format!(
        "{rounds} storms in a tree of {files} files at first, by speed, overflow, git, and limits of watches, instances and \
         descriptors; all looked at again {rescans} times"
    );
    report.note = format!("slowest {:.1} s after quiet", slowest.as_secs_f64());
    if left_out > 0 {
        report.note.push_str(&format!("; {left_out} left out, since there are no user namespaces"));
    }
    report
}

struct Round<'a> {
    root: &'a Path,
    files: usize,
    against: Against,
    writer: Writer,
}

impl Round<'_> {
    fn run(&self, rng: &mut Rng) -> Result<Converged, String> {
        // What a killed git left the last time is cleared away, as people do.
        let _ = std::fs::remove_file(self.root.join(".git/index.lock"));
        let mut watcher = Watcher::start(self)?;
        watcher.expect("ready", self.trouble_at_start())?;
        match self.against {
            Against::Sleep => {
                watcher.signal(Signal::STOP);
                storm::overflow(self.root);
                self.storm(rng);
                watcher.signal(Signal::CONT);
            }
            Against::Hog => {
                watcher.ask("hog")?;
                std::fs::write(self.root.join("d0/e0/g2/f0.py"), "saved").map_err(|e| e.to_string())?;
                std::fs::create_dir_all(self.root.join("d0/e0/g2/hog")).map_err(|e| e.to_string())?;
                std::thread::sleep(Duration::from_secs(1));
                watcher.ask("feed")?;
                if watcher.settle()?.slandered > 0 && self.writer != Writer::Plain {
                    return Err("files that nobody could look at were said to be gone".into());
                }
                self.storm(rng);
            }
            Against::Growth => {
                watcher.ask("enough")?;
                self.storm(rng);
            }
            _ => self.storm(rng),
        }
        let mut converged = watcher.settle()?;
        if self.writer == Writer::Plain {
            return Ok(converged);
        }
        if self.against == Against::Sleep && converged.rescans == 0 {
            return Err("the queue overflowed, and nothing was looked at again".into());
        }
        // As the message advises.
        let better = match self.against {
            Against::Watches | Against::Growth => "watches 10000000",
            Against::Instances => "instances 1000",
            Against::Descriptors => "retry",
            _ => return Ok(converged),
        };
        watcher.send(better);
        watcher.expect("retried", None)?;
        self.storm(rng);
        let again = watcher.settle()?;
        converged.took = converged.took.max(again.took);
        converged.rescans += again.rescans;
        Ok(converged)
    }

    /// Several write, and git works where it is its turn.
    fn storm(&self, rng: &mut Rng) {
        let actions = (self.files / 20).clamp(300, 4_000);
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                let mut worker = storm::Worker { root: self.root, files: self.files, rng: rng.fork() };
                scope.spawn(move || worker.work(actions));
            }
            if self.against == Against::Git {
                let times = rng.usize(2..6);
                git::work(self.root, rng, times);
            }
        });
    }

    /// What the watcher must say for the user, when it has to do without events.
    fn trouble_at_start(&self) -> Option<&'static str> {
        if self.writer == Writer::Plain {
            return None;
        }
        match self.against {
            Against::Watches => Some("fs.inotify.max_user_watches"),
            Against::Instances => Some("fs.inotify.max_user_instances"),
            Against::Descriptors => Some("ulimit -n"),
            _ => None,
        }
    }
}

/// The watcher, in a process of its own. It ends with its input.
struct Watcher {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    plain: bool,
}

impl Watcher {
    fn start(round: &Round<'_>) -> Result<Self, String> {
        let exe = std::env::current_exe().map_err(|e| e.to_string())?;
        let limit = match round.against {
            Against::Watches => Some(("watches", round.files / 40)),
            Against::Instances => Some(("instances", 0)),
            // Limits can be changed later in a namespace only.
            Against::Growth => Some(("watches", 10_000_000)),
            _ => None,
        };
        let mut command = match limit {
            None => Command::new(exe),
            Some((what, most)) => {
                let mut command = Command::new("unshare");
                let script = "echo $0 > /proc/sys/user/max_inotify_$1 && shift && exec \"$@\"";
                command.args(["--user", "--map-root-user", "sh", "-c", script, &most.to_string(), what]).arg(exe);
                command
            }
        };
        command.args(["watch", "--writer", round.writer.as_arg(), "--root"]).arg(round.root);
        if round.against == Against::Descriptors {
            // A queue takes three, and looking at a folder two.
            command.args(["--descriptors", "1"]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".into());
        };
        Ok(Self { child, input, output: BufReader::new(output), plain: round.writer == Writer::Plain })
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            // A child that has died is found out by what it does not say.
            _ = kill_process(pid, signal);
        }
    }

    fn send(&mut self, line: &str) {
        _ = writeln!(self.input, "{line}");
    }

    fn ask(&mut self, line: &str) -> Result<String, String> {
        self.send(line);
        self.line()
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(1..) => Ok(line.trim_end().to_owned()),
            _ => Err(format!("the watcher died: {:?}", self.child.wait())),
        }
    }

    /// It says how it watches: by events and without a word, or by polling, with what the user can do about it.
    fn expect(&mut self, word: &str, trouble: Option<&str>) -> Result<(), String> {
        let line = self.line()?;
        let good = match trouble {
            None => self.plain || line == format!("{word} events"),
            Some(advice) => line.starts_with(&format!("{word} polling")) && line.contains(advice),
        };
        if good { Ok(()) } else { Err(format!("it says `{line}`")) }
    }

    fn settle(&mut self) -> Result<Converged, String> {
        let line = self.ask("settle")?;
        let Some(numbers) = line.strip_prefix("settled ") else { return Err(line) };
        let numbers: Vec<u64> = numbers.split(' ').filter_map(|n| n.parse().ok()).collect();
        let &[took, _, rescans, slandered] = &numbers[..] else { return Err(line) };
        let took = Duration::from_millis(took);
        if took > MOST {
            return Err(format!("it took {:.1} s after quiet", took.as_secs_f64()));
        }
        Ok(Converged { took, rescans, slandered })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.signal(Signal::CONT);
        _ = self.child.kill().and_then(|()| self.child.wait());
    }
}
