//! Following a job: a thread of its own for each, over restarts of the daemon.

use crate::wait::receive;
use deepcoder_profile::{ClientError, Profile};
use deepcoder_protocol::Failure;
use deepcoder_protocol::client::{CallError, Client};
use deepcoder_types::{Cancel, Hint, Job, JobEvent, JobHappening, JobState};
use pyo3::prelude::*;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Events that are asked for at a time.
const PAGE: u32 = 1000;

/// How long a daemon that was ended may take until another one is there.
const RETURN: Duration = Duration::from_secs(10);

/// How often the daemon may vanish without having told anything in between.
const LOSSES: u32 = 5;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallFailed {
    /// There is no daemon to ask.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It refuses, or is gone.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Hint for CallFailed {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Client(e) => e.hint(),
            Self::Call(e) => e.hint(),
        }
    }
}

/// The messages of the following thread.
pub(crate) enum Step {
    Event(JobEvent),
    End(Box<Result<Job, CallFailed>>),
}

/// A job that is followed until nothing more happens to it by itself. Dropping it ends the following, not the job.
pub(crate) struct Follow {
    steps: Mutex<Receiver<Step>>,
    pub(crate) cancel: Cancel,
}

impl Follow {
    /// Follow the job `id` from behind event `after`. `notify` is called, on another thread, after each step.
    pub(crate) fn start(
        profile: Arc<Profile>,
        id: String,
        after: u64,
        cancel: Cancel,
        notify: Option<Py<PyAny>>,
    ) -> Self {
        let (send, steps) = channel();
        let stop = cancel.clone();
        std::thread::spawn(move || {
            let teller = Teller { send, notify };
            let end = until_settled(&profile, &id, after, &stop, &teller);
            teller.tell(Step::End(Box::new(end)));
        });
        Self { steps: Mutex::new(steps), cancel }
    }

    /// The next step, waited for until `deadline`; `None` when it passed or no more can come. The caller must have
    /// detached from the interpreter.
    pub(crate) fn next(&self, deadline: Option<Instant>) -> PyResult<Option<Step>> {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(deadline) = deadline else { return receive(&steps, &self.cancel) };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match steps.recv_timeout(left.min(crate::wait::POLL)) {
                Ok(step) => return Ok(Some(step)),
                Err(RecvTimeoutError::Timeout) if !left.is_zero() => {
                    Python::attach(|py| py.check_signals()).inspect_err(|_| self.cancel.cancel())?;
                }
                Err(_) => return Ok(None),
            }
        }
    }

    /// The next step, if it is there.
    pub(crate) fn ready(&self) -> Option<Step> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

struct Teller {
    send: Sender<Step>,
    notify: Option<Py<PyAny>>,
}

impl Teller {
    /// `false` when the receiver is gone.
    fn tell(&self, step: Step) -> bool {
        if self.send.send(step).is_err() {
            return false;
        }
        let Some(notify) = &self.notify else { return true };
        // An interpreter that is ending cannot be notified.
        Python::try_attach(|py| {
            notify.call0(py).map(drop).unwrap_or_else(|error| error.write_unraisable(py, Some(notify.bind(py))));
        })
        .is_some()
    }
}

/// Whether nothing more happens to a job by itself: it is over, waits for a decision, or is a template.
pub(crate) fn is_settled(state: JobState) -> bool {
    state.is_over() || matches!(state, JobState::Review | JobState::Scheduled)
}

fn until_settled(profile: &Profile, id: &str, after: u64, cancel: &Cancel, teller: &Teller) -> Result<Job, CallFailed> {
    let mut seen = after;
    let mut losses = 0;
    let mut stopped = false;
    loop {
        if cancel.is_cancelled() {
            return Err(CallError::Cancelled.into());
        }
        let before = seen;
        let found = connect(profile, stopped, cancel).and_then(|client| once(client, id, &mut seen, cancel, teller));
        losses = if seen == before { losses + 1 } else { 0 };
        match found {
            Ok(Some(job)) => return Ok(job),
            Ok(None) => losses = 0,
            Err(CallFailed::Call(CallError::Refused(Failure::Stopping))) if losses < LOSSES => stopped = true,
            Err(CallFailed::Call(CallError::Lost(_) | CallError::Io(_))) if losses < LOSSES => stopped = false,
            Err(error) => return Err(error),
        }
    }
}

/// One connection's worth of following; `None` when the job has to be looked at again.
fn once(
    mut client: Client,
    id: &str,
    seen: &mut u64,
    cancel: &Cancel,
    teller: &Teller,
) -> Result<Option<Job>, CallFailed> {
    let job = client.job(id)?;
    if is_settled(job.state) {
        // The job before its events: those that led to this state are all there.
        loop {
            let events = client.events(&job.id.0, *seen, PAGE)?;
            if events.is_empty() {
                return Ok(Some(job));
            }
            for event in events {
                *seen = event.seq;
                if !teller.tell(Step::Event(event)) {
                    return Err(CallError::Cancelled.into());
                }
            }
        }
    }
    let inner = cancel.child();
    let mut look_again = false;
    let followed = client.follow(&job.id.0, *seen, &inner, &mut |event| {
        *seen = event.seq;
        let settled = matches!(event.what, JobHappening::State { to, .. } if is_settled(to) && !to.is_over());
        look_again |= settled;
        if !teller.tell(Step::Event(event)) || settled {
            inner.cancel();
        }
    });
    match followed {
        Ok(job) => Ok(Some(job)),
        Err(CallError::Cancelled) if look_again && !cancel.is_cancelled() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A daemon that was told to stop is not started again by those who followed; one that died is.
fn connect(profile: &Profile, stopped: bool, cancel: &Cancel) -> Result<Client, CallFailed> {
    if !stopped {
        return Ok(profile.client()?);
    }
    let deadline = Instant::now() + RETURN;
    loop {
        match Client::connect(&profile.folders().socket) {
            Ok(client) => return Ok(client),
            Err(_) if cancel.is_cancelled() => return Err(CallError::Cancelled.into()),
            Err(_) if Instant::now() > deadline => return Err(CallError::Refused(Failure::Stopping).into()),
            Err(_) => _ = cancel.wait_timeout(Duration::from_millis(100)),
        }
    }
}
