//! A clock that is set back or forward by a day between one operation and the next.

use super::{Case, End};
use crate::child::{Doing, Trap};
use crate::options::Options;
use crate::scene::{NOW, Snapshot, differences, random_set, snapshot};
use crate::settle::Round;
use crate::writer::Writer;
use fastrand::Rng;
use std::path::Path;

const DAY: i64 = 86_400_000;

pub(super) fn cases(options: &Options) -> Vec<(String, Case)> {
    let steps = [-DAY, 0, DAY];
    let all = (0..27).map(|n| [steps[n % 3], steps[n / 3 % 3], steps[n / 9]]);
    all.map(|days| {
        let options = options.clone();
        let name = format!("a clock that moves by {:?} days", days.map(|d| d / DAY));
        (name, Box::new(move |scratch: &Path| three_sets(&options, scratch, days)) as Case)
    })
    .collect()
}

/// Three sets, each at its time, and all of them taken back at yet another.
fn three_sets(options: &Options, scratch: &Path, days: [i64; 3]) -> Result<End, String> {
    if options.writer == Writer::Plain {
        return Ok(End::Missed);
    }
    let Round { act, scene, .. } = &Round::new(scratch, Doing::Apply, options.writer, options.seed, (3, 3));
    let mut rng = Rng::with_seed(options.seed);
    let mut trees: Vec<Snapshot> = vec![scene.before.clone()];
    let mut now = NOW.cast_signed();
    for (n, day) in (0..).zip(days) {
        now += day;
        let tool = act.open(Trap::default()).map_err(|f| f.message)?;
        let tree = trees.last().ok_or("no tree")?;
        let (set, after) = random_set(&mut rng, &format!("c{n}"), tree, 4);
        tool.apply(&set, (now + n).cast_unsigned()).map_err(|f| format!("set {n}: {}", f.message))?;
        trees.push(after);
    }
    trees.pop();
    while let Some(expected) = trees.pop() {
        now += days[trees.len()];
        let tool = act.open(Trap::default()).map_err(|f| f.message)?;
        tool.undo(now.cast_unsigned()).map_err(|f| format!("undo to {}: {}", trees.len(), f.message))?;
        let found = snapshot(&act.repo);
        if found != expected {
            return Err(format!("undo to {}: {}", trees.len(), differences(&found, &expected)));
        }
    }
    Ok(End::Done)
}
