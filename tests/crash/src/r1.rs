//! R1: a process that is killed leaves a tree that is before or after, never between, once it is opened again.
//!
//! At every step, exhaustively: of an edit, of an undo, without `renameat2`, of giving up before and after the commit
//! point, and of recovery. And at random moments, for sets of 2 to 50 files.

mod program;

use crate::child::{Act, Doing, Trap};
use crate::options::Options;
use crate::report::Report;
use crate::settle::Round;
use crate::writer::Writer;
use deepcoder_apply::STEPS;
use fastrand::Rng;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

const FULL: u64 = 1000;

struct Suite<'a> {
    options: &'a Options,
    scratch: &'a Path,
    report: Report,
    slowest: Duration,
    /// Trees in which it was not done, and was.
    ends: [u64; 2],
}

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let scratch = options.scratch();
    let mut suite =
        Suite { options, scratch: scratch.path(), report: Report::new("r1"), slowest: Duration::ZERO, ends: [0; 2] };
    let rounds = options.rounds_or(FULL);
    // In a short run every so many-th step only.
    let stride = if rounds >= FULL { 1 } else { (400 / rounds.max(1)).max(1) };
    let mut named = BTreeSet::new();
    let at_steps = suite.at_steps(usize::try_from(stride).unwrap_or(1), &mut named);
    let mut moments = [0_u64; 3];
    for seed in options.seeds(FULL) {
        suite.at_random(seed, &mut moments);
    }
    let [applying, undoing, recovering] = moments;
    let by_program = program::kills(&mut suite, rounds / 5);
    let unnamed: Vec<_> = STEPS.iter().filter(|step| !named.contains(*step)).collect();
    if rounds >= FULL && options.writer == Writer::Ours && !unnamed.is_empty() {
        suite.report.lose(format!("no kill at {unnamed:?}"));
    }
    suite.report.tried = format!(
        "{at_steps} kills at {} named steps, {rounds} at random moments ({applying} applying, {undoing} undoing, \
         {recovering} recovering) of sets of 2–50 files; {} trees found before, {} after",
        named.len(),
        suite.ends[0],
        suite.ends[1]
    );
    let by_program = by_program.map_or_else(String::new, |n| format!("{n} kills of `deepcoder undo` itself; "));
    suite.report.note = format!("{by_program}slowest recovery {} ms", suite.slowest.as_millis());
    suite.report
}

impl Suite<'_> {
    fn round(&self, doing: Doing, seed: u64, files: (usize, usize)) -> Round {
        Round::new(self.scratch, doing, self.options.writer, seed, files)
    }

    /// Dies at every `stride`-th step of everything that there is. Returns how often.
    fn at_steps(&mut self, stride: usize, named: &mut BTreeSet<&'static str>) -> u64 {
        const FILES: (usize, usize) = (6, 6);
        let seed = self.options.seed;
        let plain = self.options.writer == Writer::Plain;
        let mut paths: Vec<(Doing, bool, usize)> = vec![(Doing::Apply, false, 0)];
        if !plain {
            paths.extend([(Doing::Undo, false, 0), (Doing::Apply, true, 0)]);
            // Failing there first, so that it dies while giving up.
            let steps = self.steps(&self.prepared(Doing::Apply, false, 0, FILES));
            for (name, nth) in [("temp-written", 1), ("committing", 0), ("exchanged", 2), ("published", 0)] {
                let at = steps.iter().enumerate().filter(|(_, step)| **step == name).nth(nth);
                paths.extend(at.map(|(at, _)| (Doing::Apply, false, at + 1)));
            }
            paths.extend([(Doing::Apply, true, steps.len() * 3 / 5)]);
        }
        let mut kills = 0;
        for (doing, plain_renames, fail_at) in paths {
            let steps = self.steps(&self.prepared(doing, plain_renames, fail_at, FILES));
            for die_at in (fail_at + 1..=steps.len()).step_by(stride) {
                let mut round = self.prepared(doing, plain_renames, fail_at, FILES);
                round.act.die_at = die_at;
                let step = steps[die_at - 1];
                named.insert(step);
                let what = format!("{doing:?} failing at {fail_at} and killed at {die_at} ({step}), seed {seed}");
                if self.run_child(&round.act).and_then(|status| status.signal()) != Some(9) {
                    self.report.lose(format!("{what}: did not die"));
                }
                kills += 1;
                self.settle(&round, false, &what);
            }
        }
        if !plain {
            kills += self.in_recovery(stride, named, FILES);
        }
        kills
    }

    /// Dies, and again at every step of the recovery from it, twice.
    fn in_recovery(&mut self, stride: usize, named: &mut BTreeSet<&'static str>, files: (usize, usize)) -> u64 {
        // Half staged; decided; half published, where recovery goes on; and, where a file is away from its place and the
        // others are there, where it goes back.
        let points = [
            ("temp-written", 2, false),
            ("committing", 0, false),
            ("exchanged", 2, false),
            ("published", 0, false),
            ("done", 0, false),
            ("moved-aside", 1, true),
        ];
        let mut kills = 0;
        for (name, skip, plain_renames) in points {
            let steps = self.steps(&self.prepared(Doing::Apply, plain_renames, 0, files));
            let Some((first, _)) = steps.iter().enumerate().filter(|(_, s)| **s == name).nth(skip) else { continue };
            let killed = |suite: &Self| {
                let mut round = suite.prepared(Doing::Apply, plain_renames, 0, files);
                round.act.die_at = first + 1;
                suite.run_child(&round.act);
                round.act.doing = Doing::Open;
                round.act.die_at = 0;
                round
            };
            // What recovery goes through.
            let round = killed(self);
            let trap = Trap::default();
            drop(round.act.open(trap.clone()));
            let recovery = trap.take_seen();
            for die_at in (1..=recovery.len()).step_by(stride) {
                let mut round = killed(self);
                named.insert(recovery[die_at - 1]);
                round.act.die_at = die_at;
                for _ in 0..2 {
                    self.run_child(&round.act);
                    kills += 1;
                }
                self.settle(&round, false, &format!("killed at {name} and again at {die_at} of the recovery"));
            }
        }
        kills
    }

    fn prepared(&self, doing: Doing, plain_renames: bool, fail_at: usize, files: (usize, usize)) -> Round {
        let mut round = self.round(doing, self.options.seed, files);
        round.act.plain_renames = plain_renames;
        round.act.fail_at = fail_at;
        round
    }

    /// The steps that it goes through.
    fn steps(&self, round: &Round) -> Vec<&'static str> {
        let Ok(tool) = round.act.open(Trap::default()) else { return Vec::new() };
        drop(tool);
        let trap = round.act.trap();
        // It may be told to fail.
        let _ = round.act.open(trap.clone()).and_then(|tool| round.act.act(&tool));
        trap.take_seen()
    }

    fn run_child(&self, act: &Act) -> Option<ExitStatus> {
        act.command().output().ok().map(|output| output.status)
    }

    /// Kills at a random moment.
    fn at_random(&mut self, seed: u64, moments: &mut [u64; 3]) {
        let mut rng = Rng::with_seed(seed);
        let plain = self.options.writer == Writer::Plain;
        let kind = if plain { 0 } else { [0, 0, 0, 1, 2][rng.usize(..5)] };
        let doing = if kind == 1 { Doing::Undo } else { Doing::Apply };
        let mut round = self.round(doing, seed, (2, 50));
        let what = format!("{doing:?} of seed {seed}");
        // How long it takes without being killed, so that the moments are spread over all of it.
        let twin = self.round(doing, seed, (2, 50));
        let started = Instant::now();
        let _ = twin.act.open(Trap::default()).and_then(|tool| twin.act.act(&tool));
        let span = started.elapsed().mul_f64(1.1);
        let mut child = round.act.command().spawn().expect("this program");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let _ = lines.read_line(&mut String::new());
        std::thread::sleep(span.mul_f64(rng.f64()));
        let done = kill(&mut child);
        if kind == 2 {
            round.act.doing = Doing::Open;
            for _ in 0..rng.u32(1..4) {
                let mut child = round.act.command().spawn().expect("this program");
                std::thread::sleep(Duration::from_micros(rng.u64(..30_000)));
                kill(&mut child);
            }
        }
        moments[kind] += 1;
        self.settle(&round, done, &what);
    }

    fn settle(&mut self, round: &Round, done: bool, what: &str) {
        match round.settle(done) {
            Ok(settled) => {
                self.slowest = self.slowest.max(settled.recovery);
                self.ends[usize::from(settled.finished)] += 1;
            }
            Err(lost) => self.report.lose(format!("{what}: {lost}")),
        }
    }
}

/// Kills `child`; returns whether it had come to its end.
fn kill(child: &mut Child) -> bool {
    let _ = child.kill();
    child.wait().is_ok_and(|status| status.success())
}
