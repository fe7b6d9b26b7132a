//! Opening a tree again after something has happened, and looking at it.

use crate::child::{Act, Doing, Trap};
use crate::scene::{NOW, Scene, differences, make_repository, snapshot};
use crate::writer::Writer;
use std::path::Path;
use std::time::{Duration, Instant};

/// Recovery may not take longer.
const MOST_RECOVERY: Duration = Duration::from_secs(2);

/// A repository, a state folder, and what is to be done there.
pub(crate) struct Round {
    _dir: tempfile::TempDir,
    pub(crate) act: Act,
    pub(crate) scene: Scene,
}

/// How it was found.
pub(crate) struct Settled {
    /// What was to be done is done.
    pub(crate) finished: bool,
    pub(crate) recovery: Duration,
}

impl Round {
    /// A tree, in a folder below `parent`, where `doing` is about to be done.
    pub(crate) fn new(parent: &Path, doing: Doing, writer: Writer, seed: u64, (least, most): (usize, usize)) -> Self {
        let dir = tempfile::tempdir_in(parent).expect("a folder");
        let (repo, state) = (dir.path().join("repo"), dir.path().join("state"));
        let mut act = Act { seed, least, most, ..Act::new(doing, &repo, &state, writer) };
        let scene = act.scene();
        make_repository(&repo, &scene.before);
        if writer != Writer::Plain {
            let tool = act.open(Trap::default()).ok().expect("a tree that can be opened");
            if doing == Doing::Undo {
                assert!(tool.apply(&scene.set, NOW).is_ok(), "the set of seed {seed} cannot be applied");
                act.now = NOW + 5;
            }
        }
        Self { _dir: dir, act, scene }
    }

    /// Opens the tree again. It is before or after, and it goes on from there: what is applied can be taken back, to the
    /// byte; what is not can be applied. `done`: it had been said to be done.
    pub(crate) fn settle(&self, done: bool) -> Result<Settled, String> {
        let Self { act, scene, .. } = self;
        let started = Instant::now();
        let tool = act.open(Trap::default()).map_err(|f| format!("cannot be opened: {}", f.message))?;
        let recovery = started.elapsed();
        if recovery > MOST_RECOVERY {
            return Err(format!("recovery took {recovery:?}"));
        }
        let now = snapshot(&act.repo);
        let applied = now == scene.after;
        if !applied && now != scene.before {
            let (a, b) = (differences(&now, &scene.before), differences(&now, &scene.after));
            return Err(format!("between: before but {a}; after but {b}"));
        }
        // Of an undo the end is the beginning.
        let finished = applied != (act.doing == Doing::Undo || act.now != NOW);
        if done && !finished {
            return Err("was said to be done, and is not".into());
        }
        if act.writer != Writer::Plain {
            let (next, expected) = if applied {
                (tool.undo(NOW + 10), &scene.before)
            } else {
                (tool.apply(&scene.set, NOW + 10), &scene.after)
            };
            next.map_err(|f| format!("then: {}", f.message))?;
            let now = snapshot(&act.repo);
            if now != *expected {
                return Err(format!("then: {}", differences(&now, expected)));
            }
        }
        Ok(Settled { finished, recovery })
    }
}
