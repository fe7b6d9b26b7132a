//! Named points in the order of the writes, where tests make it fail or die.

use deepcoder_types::Hint;
use rustix::process::{Signal, getpid, kill_process};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Is told of every step before the next thing happens. An error counts as a failure of the system at that point.
pub trait Steps: Send + Sync {
    /// The work has come to `step`, one of [`STEPS`].
    fn at(&self, step: &'static str) -> io::Result<()>;

    /// Whether to do without `renameat2`, as on file systems that lack it.
    fn plain_renames(&self) -> bool {
        false
    }

    /// Whether to do without `openat2`, as on old kernels and in sandboxes that do not let it pass.
    fn plain_opens(&self) -> bool {
        false
    }
}

/// Every step: those of an edit in their order, then those of giving up, then those of recovery.
pub const STEPS: &[&str] = &[
    "planned",
    "pack-written",
    "pack-synced",
    "ref-synced",
    "saved",
    "prepared",
    "folder-made",
    "stage",
    "temp-written",
    "staged",
    "checked",
    "committing",
    "exchange",
    "moved-aside",
    "exchanged",
    "published",
    "folders-synced",
    "done",
    "clear",
    "drop-folder",
    "cleared",
    "abort",
    "abort-cleared",
    "revert",
    "reverted",
    "reverted-cleared",
    "recover",
    "roll-forward",
    "roll-back",
    "recovered",
];

/// Lets everything pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSteps;

impl Steps for NoSteps {
    fn at(&self, _: &'static str) -> io::Result<()> {
        Ok(())
    }
}

/// Does one thing at one step, as a line of text says: `STEP[:N]=WHAT` with the how many-th time the step is come to, and
/// `kill` (the process dies at once), `stop` (it stops, and goes on when it is sent SIGCONT), or the number of an error
/// that the system then seems to give, such as `28` for a full disk.
#[derive(Debug)]
pub struct StepScript {
    step: String,
    nth: u32,
    what: What,
    seen: AtomicU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Kill,
    Stop,
    Fail(i32),
}

/// A line for [`StepScript`] makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not say what to do at which step")]
pub struct ScriptError(String);

impl Hint for ScriptError {
    fn hint(&self) -> Option<String> {
        Some("it is STEP=kill, STEP=stop or STEP=ERRNO, and STEP:N for the N-th time".into())
    }
}

impl std::str::FromStr for StepScript {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let error = || ScriptError(text.to_owned());
        let (place, what) = text.split_once('=').ok_or_else(error)?;
        let (step, nth) = place.split_once(':').unwrap_or((place, "1"));
        if !STEPS.contains(&step) {
            return Err(error());
        }
        let what = match what {
            "kill" => What::Kill,
            "stop" => What::Stop,
            number => What::Fail(number.parse().map_err(|_| error())?),
        };
        let nth = nth.parse().map_err(|_| error())?;
        Ok(Self { step: step.to_owned(), nth, what, seen: AtomicU32::new(0) })
    }
}

impl<T: Steps + ?Sized> Steps for Arc<T> {
    fn at(&self, step: &'static str) -> io::Result<()> {
        (**self).at(step)
    }

    fn plain_renames(&self) -> bool {
        (**self).plain_renames()
    }

    fn plain_opens(&self) -> bool {
        (**self).plain_opens()
    }
}

impl Steps for StepScript {
    fn at(&self, step: &'static str) -> io::Result<()> {
        if step != self.step || self.seen.fetch_add(1, Ordering::SeqCst) + 1 != self.nth {
            return Ok(());
        }
        match self.what {
            What::Kill => Ok(kill_process(getpid(), Signal::KILL)?),
            What::Stop => Ok(kill_process(getpid(), Signal::STOP)?),
            What::Fail(errno) => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}
