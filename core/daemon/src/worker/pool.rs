//! Starting workers, and not too often.

use super::link::WorkerModel;
use crate::server::resident;
use deepcoder_protocol::{ModelLoader, WorkerCommand, WorkerStatus};
use deepcoder_types::{Cancel, GenerateError, LanguageModel, ModelInfo};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The pause after the second death in a row; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A pause that a request waits out. Through a longer one it is told.
const WAITED_OUT: Duration = Duration::from_secs(1);

/// Loads each model into a process of its own, one at a time.
pub struct Workers {
    command: WorkerCommand,
    describe: Arc<dyn ModelLoader>,
    records: Arc<Records>,
}

impl Workers {
    /// Starts workers with `command`. `describe` describes a model without loading it.
    #[must_use]
    pub fn new(command: WorkerCommand, describe: Arc<dyn ModelLoader>) -> Self {
        Self { command, describe, records: Arc::default() }
    }
}

impl ModelLoader for Workers {
    fn load(&self, name: &str, cancel: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        // Typed, and quicker than a process that would only say the same.
        self.describe.describe(name)?;
        self.records.pause(cancel)?;
        Ok(Arc::new(WorkerModel::start(&self.command, name, cancel, &self.records)?))
    }

    fn describe(&self, name: &str) -> Result<ModelInfo, GenerateError> {
        self.describe.describe(name)
    }

    fn is_alive(&self) -> bool {
        self.records.lock().pid.is_some()
    }

    fn worker(&self) -> Option<WorkerStatus> {
        let records = self.records.lock();
        Some(WorkerStatus {
            pid: records.pid,
            memory: records.pid.and_then(|pid| resident(&pid.to_string())),
            deaths: records.deaths,
            last_death: records.last.clone(),
        })
    }
}

/// How the workers have done so far.
#[derive(Default)]
pub(super) struct Records(Mutex<Record>);

#[derive(Default)]
struct Record {
    pid: Option<u32>,
    deaths: u64,
    last: Option<String>,
    /// Deaths since a request was last answered.
    in_a_row: u32,
    died: Option<Instant>,
}

impl Records {
    pub(super) fn began(&self, pid: u32) {
        self.lock().pid = Some(pid);
    }

    /// The process `pid` is gone: died of `reason`, or was unloaded.
    pub(super) fn ended(&self, pid: u32, reason: Option<&str>) {
        let mut record = self.lock();
        // The next one may be there already.
        record.pid = record.pid.filter(|now| *now != pid);
        if let Some(reason) = reason {
            record.deaths += 1;
            record.last = Some(reason.to_owned());
            record.in_a_row = record.in_a_row.saturating_add(1);
            record.died = Some(Instant::now());
        }
    }

    /// A request was answered.
    pub(super) fn works(&self) {
        self.lock().in_a_row = 0;
    }

    /// Wait until another process may be started after one that died.
    fn pause(&self, cancel: &Cancel) -> Result<(), GenerateError> {
        let (left, in_a_row, last) = {
            let record = self.lock();
            let left = record.died.map(|at| pause_after(record.in_a_row).saturating_sub(at.elapsed()));
            (left.unwrap_or_default(), record.in_a_row, record.last.clone().unwrap_or_default())
        };
        if left > WAITED_OUT {
            let seconds = left.as_secs() + 1;
            let reason = format!("{last}; {in_a_row} times in a row, so that it is not started again for {seconds} s");
            return Err(GenerateError::Died { reason });
        }
        // A cancel ends the request where the process is started.
        _ = cancel.wait_timeout(left);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause_after(deaths_in_a_row: u32) -> Duration {
    match deaths_in_a_row.checked_sub(2) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_PAUSE.saturating_mul(1 << doublings.min(16)).min(LONGEST_PAUSE),
    }
}
