//! Continuous batching (Yu et al. 2022, Orca): one thread runs the model in steps, each of which computes tokens of
//! several sequences, because a step for eight costs little more than a step for one. A step may combine decoding with
//! a chunk of one prompt (chunked prefill; Agrawal et al. 2024, Sarathi-Serve). The composition of a step changes when
//! a token comes, never which token it is.
//!
//! Interactive requests run before the background, which pauses and keeps its cache while an interactive one runs. If
//! these need its memory, the scheduler preempts it: it keeps its tokens and computes them again later. Among requests
//! of one priority, the client with the fewest computed tokens goes first ([`queue`]).

mod queue;
#[cfg(test)]
mod tests;

use crate::backend::Backend;
use crate::model::Model;
use crate::sequence::Sequence;
use crate::session::{Interrupt, RunOutcome};
use crate::step::{PREFILL_GROUP, SlotRequest};
use deepcoder_types::{FinishReason, GenerateError, Priority};
use queue::FairShares;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Maximum number of admitted sequences.
const MAX_RUNNING: usize = 16;
/// Maximum number of these of one client, so that another client need not wait for the end of an answer.
const MAX_PER_CLIENT: usize = 12;
/// A sequence with more pending tokens is in prefill.
const MAX_DECODE_TOKENS: usize = 16;
/// Rows of all decoding sequences in a step, drafts included.
const MAX_DECODE_ROWS: usize = 32;
/// Runs of fewer tokens end before a watching thread could interrupt them.
const MIN_INTERRUPTIBLE: usize = 48;

/// Work for the thread.
pub(crate) enum Command {
    /// Requests that are submitted together.
    Submit(Vec<Sequence>),
    /// A closure that runs on the backend between two steps.
    Exclusive(Box<dyn FnOnce(&mut Backend) + Send>),
    /// Wakes the thread: a request may have been cancelled.
    Wake,
    /// Cancels all requests and ends the thread.
    Stop,
}

/// The handle of the thread; dropping it ends the thread.
pub(crate) struct Scheduler {
    commands: Sender<Command>,
    /// Interactive requests that the thread has not received yet: they interrupt a long background run.
    unseen_interactive: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Scheduler {
    pub(crate) fn start(backend: Backend, model: Arc<Model>) -> std::io::Result<Self> {
        let (commands, receiver) = channel();
        let unseen_interactive = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&unseen_interactive);
        let thread = std::thread::Builder::new().name("deepcoder-steps".into());
        let thread = thread.spawn(move || StepLoop::new(backend, model, receiver, counter).run())?;
        Ok(Self { commands, unseen_interactive, thread: Some(thread) })
    }

    /// Send a command. An error if the thread has panicked.
    pub(crate) fn send(&self, command: Command) -> Result<(), GenerateError> {
        if let Command::Submit(sequences) = &command {
            let users = sequences.iter().filter(|s| s.priority == Priority::Interactive).count();
            self.unseen_interactive.fetch_add(users, Ordering::SeqCst);
        }
        self.commands.send(command).map_err(|_| gone())
    }

    /// A callback for [`deepcoder_types::Cancel::on_cancel`] that wakes the thread.
    pub(crate) fn waker(&self) -> impl FnOnce() + Send + 'static {
        let commands = self.commands.clone();
        move || commands.send(Command::Wake).unwrap_or_default()
    }
}

/// The error of every request once the thread has panicked.
pub(crate) fn gone() -> GenerateError {
    GenerateError::Died { reason: "the thread that computes is gone".into() }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.commands.send(Command::Stop).unwrap_or_default();
        // `join` fails if the thread has panicked, which the callers know already.
        _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The thread's own state.
struct StepLoop {
    backend: Backend,
    model: Arc<Model>,
    commands: Receiver<Command>,
    unseen_interactive: Arc<AtomicUsize>,
    waiting: Vec<Sequence>,
    active: Vec<Sequence>,
    shares: FairShares,
    last_number: u64,
    turns: u64,
    /// Only decoding until then: a chunk of a prompt took as long before. This bounds the delay of running answers.
    decode_only_until: Option<Instant>,
}

impl StepLoop {
    fn new(
        backend: Backend,
        model: Arc<Model>,
        commands: Receiver<Command>,
        unseen_interactive: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            backend,
            model,
            commands,
            unseen_interactive,
            waiting: Vec::new(),
            active: Vec::new(),
            shares: FairShares::default(),
            last_number: 0,
            turns: 0,
            decode_only_until: None,
        }
    }

    fn run(mut self) {
        while self.listen() {
            self.drop_cancelled();
            self.admit();
            self.plan();
            self.step();
        }
        for sequence in self.waiting.drain(..).chain(self.active.drain(..)) {
            sequence.finish(Ok(FinishReason::Cancelled));
        }
    }

    /// Receive all pending commands; wait for one if there is no work. `false` ends the thread.
    fn listen(&mut self) -> bool {
        loop {
            let idle = self.waiting.is_empty() && self.active.is_empty();
            let command = if idle { self.commands.recv().ok() } else { self.commands.try_recv().ok() };
            match command {
                Some(Command::Submit(sequences)) => sequences.into_iter().for_each(|s| self.enqueue(s)),
                Some(Command::Exclusive(work)) => work(&mut self.backend),
                Some(Command::Wake) => {}
                Some(Command::Stop) => return false,
                None => return !idle,
            }
        }
    }

    fn enqueue(&mut self, mut sequence: Sequence) {
        if sequence.priority == Priority::Interactive {
            self.unseen_interactive.fetch_sub(1, Ordering::SeqCst);
        }
        if let Err(error) = self.backend.fits(sequence.total) {
            return sequence.finish(Err(error));
        }
        if sequence.is_empty() {
            return sequence.finish(Ok(FinishReason::End));
        }
        self.last_number += 1;
        sequence.number = self.last_number;
        self.shares.join(&sequence.client);
        self.waiting.push(sequence);
    }

    fn drop_cancelled(&mut self) {
        let is_over = |sequence: &mut Sequence| sequence.abandoned || sequence.cancel.is_cancelled();
        let over: Vec<_> = self.waiting.extract_if(.., is_over).chain(self.active.extract_if(.., is_over)).collect();
        over.into_iter().for_each(|sequence| self.end(sequence, Ok(FinishReason::Cancelled)));
    }

    fn end(&mut self, mut sequence: Sequence, result: Result<FinishReason, GenerateError>) {
        if let Some(slot) = sequence.slot.take() {
            self.backend.free(slot, &sequence.tokens[..sequence.computed]);
        }
        self.shares.leave(&sequence.client);
        sequence.finish(result);
    }

    /// Admit waiting requests while there is memory for them.
    fn admit(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let shares = &self.shares;
        let order = |s: &Sequence| (s.priority == Priority::Background, shares.served(&s.client), s.number);
        self.waiting.sort_by_key(order);
        let mut at = 0;
        while at < self.waiting.len() {
            let next = &self.waiting[at];
            let users = next.priority == Priority::Interactive;
            // Beside an interactive sequence it would only hold memory.
            if !users && self.active.iter().any(|s| s.priority == Priority::Interactive) {
                return;
            }
            if self.of_client(&next.client) >= MAX_PER_CLIENT || self.is_prefilled_by_another(next) {
                at += 1;
                continue;
            }
            let admitted = if self.active.len() < MAX_RUNNING { self.allocate(at) } else { Ok(false) };
            match admitted {
                Ok(true) => {}
                Err(error) => {
                    let sequence = self.waiting.remove(at);
                    self.end(sequence, Err(error));
                }
                // Stop at the first that does not fit: smaller requests behind it must not take its memory.
                Ok(false) if !(users && self.preempt_background()) => return,
                Ok(false) => {}
            }
        }
    }

    fn of_client(&self, client: &str) -> usize {
        self.active.iter().filter(|s| s.client == client).count()
    }

    /// Whether another sequence is computing a prefix of its prompt that is not cached yet: waiting for it is cheaper.
    fn is_prefilled_by_another(&self, next: &Sequence) -> bool {
        let usable = next.usable();
        let known = self.backend.cached_len(usable);
        self.active.iter().any(|other| {
            let alike = crate::prefix::tree::common(&other.tokens[..other.prompt], usable);
            // Only for more than a few tokens. An interactive request never waits for the background, which is paused.
            let waits = alike >= known.max(other.computed.min(alike)) + MAX_DECODE_TOKENS && other.computed < alike;
            waits && (next.priority == Priority::Background || other.priority == Priority::Interactive)
        })
    }

    /// Allocate the cache of the waiting sequence `at` and activate it. `false` if memory is short.
    fn allocate(&mut self, at: usize) -> Result<bool, GenerateError> {
        let next = &self.waiting[at];
        let interactive = next.priority == Priority::Interactive;
        let (usable, prompt) = (next.usable().len(), next.prompt);
        let request = SlotRequest { tokens: &next.tokens, usable, prompt, total: next.total, interactive };
        let running = self.active.iter().filter_map(|s| Some((&s.tokens[..s.computed], s.slot.as_ref()?)));
        match self.backend.allocate(&request, running)? {
            Some((slot, cached)) => {
                let mut sequence = self.waiting.remove(at);
                sequence.slot = Some(slot);
                sequence.admit(cached);
                self.active.push(sequence);
                Ok(true)
            }
            None if self.active.is_empty() => {
                Err(GenerateError::Engine("its cache does not fit beside what is kept".into()))
            }
            None => Ok(false),
        }
    }

    /// Preempt the last background sequence: release its memory and queue it again. `false` if there is none.
    fn preempt_background(&mut self) -> bool {
        let last = self.active.iter().rposition(|s| s.priority == Priority::Background);
        let Some(last) = last else { return false };
        let mut sequence = self.active.remove(last);
        if let Some(slot) = sequence.slot.take() {
            self.backend.free(slot, &sequence.tokens[..sequence.computed]);
        }
        sequence.preempt();
        self.waiting.push(sequence);
        true
    }

    /// Choose the tokens of the next step: of all decoding sequences, and a chunk of one prompt.
    fn plan(&mut self) {
        let users = self.active.iter().any(|s| s.priority == Priority::Interactive);
        let priority = if users { Priority::Interactive } else { Priority::Background };
        let runs = |s: &Sequence| s.priority == priority;
        let is_prefill = |s: &Sequence| s.pending() > MAX_DECODE_TOKENS;
        let decoding = self.active.iter().filter(|s| runs(s) && !is_prefill(s)).count();
        let shares = &self.shares;
        let order = |s: &Sequence| (shares.served(&s.client), s.number);
        let prefilling =
            self.active.iter().filter(|s| runs(s) && is_prefill(s)).min_by_key(|s| order(s)).map(|s| s.number);
        let decode_first = decoding > 0 && self.decode_only_until.is_some_and(|until| Instant::now() < until);
        let prefilling = prefilling.filter(|_| !decode_first);
        // Beside decoding sequences, and for the background, a small chunk: both bound the wait of an interactive
        // request.
        let alone = decoding == 0 && users;
        let chunk = if alone { self.backend.chunk() } else { PREFILL_GROUP };
        let may_run = |s: &Sequence| runs(s) && (!is_prefill(s) || Some(s.number) == prefilling);
        if self.backend.max_sequences() == 1 {
            self.turns += 1;
            let next = self.active.iter_mut().filter(|s| may_run(s)).min_by_key(|s| (s.turn, s.number));
            if let Some(next) = next {
                next.turn = self.turns;
                next.plan(chunk, MAX_DECODE_ROWS);
            }
            return;
        }
        let drafts = (MAX_DECODE_ROWS / decoding.max(1)).saturating_sub(1);
        for sequence in &mut self.active {
            if may_run(sequence) {
                sequence.plan(chunk, drafts);
            }
        }
    }

    /// Run the planned step and use its results.
    fn step(&mut self) {
        let planned = self.active.iter().filter_map(|s| s.step_tokens.as_ref());
        let tokens: usize = planned.map(|part| part.tokens.len()).sum();
        if tokens == 0 {
            return;
        }
        let cancels: Vec<_> =
            self.active.iter().filter(|s| s.step_tokens.is_some()).map(|s| s.cancel.clone()).collect();
        let background = self.active.iter().all(|s| s.priority == Priority::Background);
        let unseen = &self.unseen_interactive;
        let due = || {
            cancels.iter().all(deepcoder_types::Cancel::is_cancelled)
                || (background && unseen.load(Ordering::SeqCst) > 0)
        };
        let interrupt = (tokens >= MIN_INTERRUPTIBLE).then(|| Interrupt::when(&due, background));
        let begin = Instant::now();
        let parts = self.active.iter_mut().filter_map(|s| Some((s.step_tokens.as_ref()?, s.slot.as_mut()?)));
        let outcome = self.backend.run(parts, interrupt);
        match outcome {
            Ok(RunOutcome::Done) => self.advance(),
            Ok(RunOutcome::Interrupted) => self.active.iter_mut().for_each(|s| s.step_tokens = None),
            Err(error) => {
                let failed: Vec<_> = self.active.extract_if(.., |s| s.step_tokens.is_some()).collect();
                failed.into_iter().for_each(|sequence| self.end(sequence, Err(error.clone())));
            }
        }
        if tokens >= MIN_INTERRUPTIBLE {
            // Bounded, so that prompts go on after one slow step.
            self.decode_only_until = Some(Instant::now() + begin.elapsed().min(Duration::from_secs(5)));
        }
    }

    /// Choose tokens from the step's logits, and end the sequences that are done.
    fn advance(&mut self) {
        let mut row = 0;
        let mut over = Vec::new();
        for (at, sequence) in self.active.iter_mut().enumerate() {
            let Some(part) = &sequence.step_tokens else { continue };
            let (tokens, wanted) = (part.tokens.len(), part.wanted);
            self.shares.charge(&sequence.client, tokens);
            match sequence.advance(row, &mut self.backend, &self.model) {
                Ok(None) => {}
                Ok(Some(finish)) => over.push((at, Ok(finish))),
                Err(error) => over.push((at, Err(error))),
            }
            row += wanted;
            if let Some(slot) = &mut sequence.slot {
                self.backend.commit(slot, &sequence.tokens[..sequence.computed]);
            }
        }
        for (at, result) in over.into_iter().rev() {
            let sequence = self.active.remove(at);
            self.end(sequence, result);
        }
    }
}
