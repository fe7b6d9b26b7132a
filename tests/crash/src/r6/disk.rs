//! A disk that fills up, at every 4 KiB, with the tree or with the history on it; and one that cannot be written.

use super::{Case, judge};
use crate::child::Doing;
use crate::mount::{Memory, allowed};
use crate::options::Options;
use crate::settle::Round;

const FILES: (usize, usize) = (5, 5);
/// All of what an edit writes.
const MOST_KIB: u64 = 400;

#[derive(Clone, Copy, Debug)]
enum On {
    Tree,
    History,
    Both,
}

pub(super) fn cases(options: &Options) -> Result<Vec<(String, Case)>, String> {
    allowed()?;
    let mut cases: Vec<(String, Case)> = Vec::new();
    for on in [On::Tree, On::History, On::Both] {
        let free = (0..MOST_KIB).step_by(4).map(Some);
        for free in free.chain([None]) {
            let options = options.clone();
            let name = free.map_or("read-only".into(), |kib| format!("{kib} KiB left"));
            cases.push((
                format!("{name} for {on:?}"),
                Box::new(move |scratch| {
                    let dir = tempfile::tempdir_in(scratch).map_err(|e| e.to_string())?;
                    let disk = Memory::mount(&dir.path().join("small"), 8 << 10)?;
                    let mut round = Round::new(disk.path(), Doing::Apply, options.writer, options.seed, FILES);
                    let elsewhere = dir.path().join("elsewhere");
                    let moved = match on {
                        On::Tree => Some(&mut round.act.state),
                        On::History => Some(&mut round.act.repo),
                        On::Both => None,
                    };
                    if let Some(place) = moved {
                        crate::mount::tool("cp", &["-a".as_ref(), place.as_os_str(), elsewhere.as_os_str()])?;
                        *place = elsewhere;
                    }
                    match free {
                        Some(kib) => disk.fill(kib).map_err(|e| e.to_string())?,
                        None => disk.read_only(true)?,
                    }
                    let output = round.act.command().output().map_err(|e| e.to_string())?;
                    disk.read_only(false)?;
                    disk.empty();
                    judge(&round, &output)
                }),
            ));
        }
    }
    Ok(cases)
}
