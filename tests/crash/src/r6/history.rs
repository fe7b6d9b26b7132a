//! A history that is busy, damaged, cut short, or of a newer program. Git's refs hold what it held.

use super::{Case, End, judge};
use crate::child::{Doing, Trap};
use crate::options::Options;
use crate::scene::{NOW, Snapshot, random_set, snapshot};
use crate::settle::Round;
use crate::writer::Writer;
use fastrand::Rng;
use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

type Damage = fn(&Path, &mut Rng) -> std::io::Result<()>;

const DAMAGES: &[(&str, Damage)] = &[
    ("all of it overwritten", |path, _| std::fs::write(path, vec![0x5a; 40_000])),
    ("nothing in it", |path, _| std::fs::write(path, b"")),
    ("gone", |path, _| std::fs::remove_file(path)),
    ("its head overwritten", |path, _| overwrite(path, 0, &[0xff; 100])),
    ("one page overwritten", |path, rng| {
        let pages = std::fs::metadata(path)?.len() / 4096;
        overwrite(path, 4096 * rng.u64(1..pages.max(2)), &[0xa5; 4096])
    }),
    ("half of it cut off", |path, _| {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(file.metadata()?.len() / 2)
    }),
    ("a few bytes flipped", |path, rng| {
        for _ in 0..4 {
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            let at = rng.u64(..file.metadata()?.len().max(1));
            let mut byte = [0];
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut byte)?;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&[byte[0] ^ 0x10])?;
        }
        Ok(())
    }),
    ("a log of garbage", |path, _| std::fs::write(path.with_extension("db-wal"), vec![0x77; 9000])),
    ("a folder in its place", |path, _| {
        std::fs::remove_file(path)?;
        std::fs::create_dir(path)
    }),
];

fn overwrite(path: &Path, at: u64, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

pub(super) fn cases(options: &Options) -> Vec<(String, Case)> {
    let mut cases: Vec<(String, Case)> = Vec::new();
    if options.writer == Writer::Plain {
        return cases;
    }
    for (name, damage) in DAMAGES {
        for seed in 0..8 {
            let options = options.clone();
            cases.push((
                format!("history: {name}, {seed}"),
                Box::new(move |scratch| damaged(&options, scratch, *damage, seed)),
            ));
        }
    }
    for (name, held) in [("for a second", 1), ("for good", 15)] {
        let options = options.clone();
        cases.push((
            format!("history: busy {name}"),
            Box::new(move |scratch| busy(&options, scratch, Duration::from_secs(held))),
        ));
    }
    let options = options.clone();
    cases.push(("history: of a newer program".into(), Box::new(move |scratch| newer(&options, scratch))));
    cases
}

/// One set is applied, the history is damaged, and another one follows. No tree but the three that there were is ever
/// seen, and the first set's bytes can be had back from git.
fn damaged(options: &Options, scratch: &Path, damage: Damage, seed: u64) -> Result<End, String> {
    let round = Round::new(scratch, Doing::Apply, options.writer, seed, (3, 6));
    let (act, scene) = (&round.act, &round.scene);
    let tool = act.open(Trap::default()).map_err(|f| f.message)?;
    tool.apply(&scene.set, NOW).map_err(|f| f.message)?;
    drop(tool);
    let mut rng = Rng::with_seed(seed);
    damage(&act.state.join("history.db"), &mut rng).map_err(|e| e.to_string())?;
    let (second, last) = random_set(&mut rng, "second", &scene.after, 3);
    let known = |trees: &[&Snapshot]| {
        let now = snapshot(&act.repo);
        if trees.iter().any(|tree| **tree == now) { Ok(now) } else { Err("no tree that there ever was".to_owned()) }
    };
    let hinted = |f: crate::writer::Failure| match f.hint {
        Some(_) => Ok(End::Refused),
        None => Err(format!("no hint: {}", f.message)),
    };
    let tool = match act.open(Trap::default()) {
        Ok(tool) => tool,
        Err(failure) => {
            known(&[&scene.after])?;
            return hinted(failure);
        }
    };
    known(&[&scene.after])?;
    if let Err(failure) = tool.apply(&second, NOW + 1) {
        known(&[&scene.after])?;
        return hinted(failure);
    }
    known(&[&last])?;
    for (n, expected) in [(2, &scene.after), (3, &scene.before)] {
        if let Err(failure) = tool.undo(NOW + n) {
            known(&[&last, &scene.after])?;
            return hinted(failure);
        }
        known(&[expected])?;
    }
    Ok(End::Done)
}

/// Another process holds the locks of the database.
fn busy(options: &Options, scratch: &Path, time: Duration) -> Result<End, String> {
    let round = Round::new(scratch, Doing::Apply, options.writer, options.seed, (3, 3));
    let file = OpenOptions::new().read(true).write(true).open(round.act.state.join("history.db"));
    let file = file.map_err(|e| e.to_string())?;
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|e| e.to_string())?;
    let child = round.act.command().spawn().map_err(|e| e.to_string())?;
    std::thread::scope(|scope| {
        let output = scope.spawn(|| child.wait_with_output());
        let started = std::time::Instant::now();
        while started.elapsed() < time && !output.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(file);
        let output = output.join().map_err(|_| "the waiting")?.map_err(|e| e.to_string())?;
        judge(&round, &output)
    })
}

fn newer(options: &Options, scratch: &Path) -> Result<End, String> {
    let round = Round::new(scratch, Doing::Apply, options.writer, options.seed, (3, 3));
    let path = round.act.state.join("history.db");
    let sql = |sql: &str| {
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
        Command::new("python3").args(["-c", script]).arg(&path).arg(sql).status().is_ok_and(|s| s.success())
    };
    if !sql("INSERT INTO _sqlx_migrations VALUES (99, 'later', current_timestamp, 1, x'00', 0)") {
        return Ok(End::Missed);
    }
    let output = round.act.command().output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Err("it writes into what it does not know".into());
    }
    if !sql("DELETE FROM _sqlx_migrations WHERE version = 99") {
        return Err("the history of a newer program was moved".into());
    }
    judge(&round, &output)
}
