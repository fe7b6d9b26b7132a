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
use crate::session::{Halt, Ran};
use crate::step::{Ask, GROUP};
use deepcoder_types::{FinishReason, GenerateError, Priority};
use queue::Shares;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Maximum number of admitted sequences.
const TOGETHER: usize = 16;
/// Maximum number of these of one client, so that another client need not wait for the end of an answer.
const OF_ONE_CLIENT: usize = 12;
/// A sequence with more pending tokens is in prefill.
const SHORT: usize = 16;
/// Rows of all decoding sequences in a step, drafts included.
const DRAFTED: usize = 32;
/// Runs of fewer tokens end before a watching thread could interrupt them.
const WATCHED: usize = 48;

/// Work for the thread.
pub(crate) enum Command {
    /// Requests that are submitted together.
    Submit(Vec<Sequence>),
    /// A closure that runs on the backend between two steps.
    Alone(Box<dyn FnOnce(&mut Backend) + Send>),
    /// Wakes the thread: a request may have been cancelled.
    Look,
    /// Cancels all requests and ends the thread.
    Stop,
}

/// The handle of the thread; dropping it ends the thread.
pub(crate) struct Scheduler {
    commands: Sender<Command>,
    /// Interactive requests that the thread has not received yet: they interrupt a long background run.
    wanted: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Scheduler {
    pub(crate) fn start(backend: Backend, model: Arc<Model>) -> std::io::Result<Self> {
        let (commands, receiver) = channel();
        let wanted = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wanted);
        let thread = std::thread::Builder::new().name("deepcoder-steps".into());
        let thread = thread.spawn(move || Steps::new(backend, model, receiver, counter).run())?;
        Ok(Self { commands, wanted, thread: Some(thread) })
    }

    /// Send a command. An error if the thread has panicked.
    pub(crate) fn send(&self, command: Command) -> Result<(), GenerateError> {
        if let Command::Submit(sequences) = &command {
            let users = sequences.iter().filter(|s| s.priority == Priority::Interactive).count();
            self.wanted.fetch_add(users, Ordering::SeqCst);
        }
        self.commands.send(command).map_err(|_| gone())
    }

    /// A callback for [`deepcoder_types::Cancel::on_cancel`] that wakes the thread.
    pub(crate) fn waker(&self) -> impl FnOnce() + Send + 'static {
        let commands = self.commands.clone();
        move || commands.send(Command::Look).unwrap_or_default()
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
struct Steps {
    backend: Backend,
    model: Arc<Model>,
    commands: Receiver<Command>,
    wanted: Arc<AtomicUsize>,
    waiting: Vec<Sequence>,
    active: Vec<Sequence>,
    shares: Shares,
    numbers: u64,
    turns: u64,
    /// Only decoding until then: a chunk of a prompt took as long before. This bounds the delay of running answers.
    answers_until: Option<Instant>,
}

impl Steps {
    fn new(backend: Backend, model: Arc<Model>, commands: Receiver<Command>, wanted: Arc<AtomicUsize>) -> Self {
        Self {
            backend,
            model,
            commands,
            wanted,
            waiting: Vec::new(),
            active: Vec::new(),
            shares: Shares::default(),
            numbers: 0,
            turns: 0,
            answers_until: None,
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
                Some(Command::Alone(work)) => work(&mut self.backend),
                Some(Command::Look) => {}
                Some(Command::Stop) => return false,
                None => return !idle,
            }
        }
    }

    fn enqueue(&mut self, mut sequence: Sequence) {
        if sequence.priority == Priority::Interactive {
            self.wanted.fetch_sub(1, Ordering::SeqCst);
        }
        if let Err(error) = self.backend.fits(sequence.total) {
            return sequence.finish(Err(error));
        }
        if sequence.is_empty() {
            return sequence.finish(Ok(FinishReason::End));
        }
        self.numbers += 1;
        sequence.number = self.numbers;
        self.shares.join(&sequence.client);
        self.waiting.push(sequence);
    }

    fn drop_cancelled(&mut self) {
        let is_over = |sequence: &mut Sequence| sequence.abandoned || sequence.cancel.is_cancelled();
        let over: Vec<_> = self.waiting.extract_if(.., is_over).chain(self.active.extract_if(.., is_over)).collect();
        over.into_iter().for_each(|sequence| self.end(sequence, Ok(FinishReason::Cancelled)));
    }

    fn end(&mut self, mut sequence: Sequence, result: Result<FinishReason, GenerateError>) {
        if let Some(seat) = sequence.seat.take() {
            self.backend.close(seat, &sequence.tokens[..sequence.computed]);
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
        let order = |s: &Sequence| (s.priority == Priority::Background, shares.had(&s.client), s.number);
        self.waiting.sort_by_key(order);
        let mut at = 0;
        while at < self.waiting.len() {
            let next = &self.waiting[at];
            let users = next.priority == Priority::Interactive;
            // Beside an interactive sequence it would only hold memory.
            if !users && self.active.iter().any(|s| s.priority == Priority::Interactive) {
                return;
            }
            if self.of_client(&next.client) >= OF_ONE_CLIENT || self.is_read_by_another(next) {
                at += 1;
                continue;
            }
            let seated = if self.active.len() < TOGETHER { self.seat(at) } else { Ok(false) };
            match seated {
                Ok(true) => {}
                Err(error) => {
                    let sequence = self.waiting.remove(at);
                    self.end(sequence, Err(error));
                }
                // Stop at the first that does not fit: smaller requests behind it must not take its memory.
                Ok(false) if !(users && self.take_from_background()) => return,
                Ok(false) => {}
            }
        }
    }

    fn of_client(&self, client: &str) -> usize {
        self.active.iter().filter(|s| s.client == client).count()
    }

    /// Whether another sequence is computing a prefix of its prompt that is not cached yet: waiting for it is cheaper.
    fn is_read_by_another(&self, next: &Sequence) -> bool {
        let usable = next.usable();
        let known = self.backend.known(usable);
        self.active.iter().any(|other| {
            let alike = crate::prefix::tree::common(&other.tokens[..other.prompt], usable);
            // Only for more than a few tokens. An interactive request never waits for the background, which is paused.
            let waits = alike >= known.max(other.computed.min(alike)) + SHORT && other.computed < alike;
            waits && (next.priority == Priority::Background || other.priority == Priority::Interactive)
        })
    }

    /// Allocate the cache of the waiting sequence `at` and activate it. `false` if memory is short.
    fn seat(&mut self, at: usize) -> Result<bool, GenerateError> {
        let next = &self.waiting[at];
        let precious = next.priority == Priority::Interactive;
        let (usable, prompt) = (next.usable().len(), next.prompt);
        let ask = Ask { tokens: &next.tokens, usable, prompt, total: next.total, precious };
        let running = self.active.iter().filter_map(|s| Some((&s.tokens[..s.computed], s.seat.as_ref()?)));
        match self.backend.open(&ask, running)? {
            Some((seat, cached)) => {
                let mut sequence = self.waiting.remove(at);
                sequence.seat = Some(seat);
                sequence.begun(cached);
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
    fn take_from_background(&mut self) -> bool {
        let last = self.active.iter().rposition(|s| s.priority == Priority::Background);
        let Some(last) = last else { return false };
        let mut sequence = self.active.remove(last);
        if let Some(seat) = sequence.seat.take() {
            self.backend.close(seat, &sequence.tokens[..sequence.computed]);
        }
        sequence.begin_again();
        self.waiting.push(sequence);
        true
    }

    /// Choose the tokens of the next step: of all decoding sequences, and a chunk of one prompt.
    fn plan(&mut self) {
        let users = self.active.iter().any(|s| s.priority == Priority::Interactive);
        let priority = if users { Priority::Interactive } else { Priority::Background };
        let runs = |s: &Sequence| s.priority == priority;
        let reads = |s: &Sequence| s.pending() > SHORT;
        let answering = self.active.iter().filter(|s| runs(s) && !reads(s)).count();
        let shares = &self.shares;
        let order = |s: &Sequence| (shares.had(&s.client), s.number);
        let reading = self.active.iter().filter(|s| runs(s) && reads(s)).min_by_key(|s| order(s)).map(|s| s.number);
        let answers_first = answering > 0 && self.answers_until.is_some_and(|until| Instant::now() < until);
        let reading = reading.filter(|_| !answers_first);
        // Beside decoding sequences, and for the background, a small chunk: both bound the wait of an interactive
        // request.
        let whole = answering == 0 && users;
        let chunk = if whole { self.backend.chunk() } else { GROUP };
        let may_run = |s: &Sequence| runs(s) && (!reads(s) || Some(s.number) == reading);
        if self.backend.most_parts() == 1 {
            self.turns += 1;
            let next = self.active.iter_mut().filter(|s| may_run(s)).min_by_key(|s| (s.turn, s.number));
            if let Some(next) = next {
                next.turn = self.turns;
                next.plan(chunk, DRAFTED);
            }
            return;
        }
        let drafts = (DRAFTED / answering.max(1)).saturating_sub(1);
        for sequence in &mut self.active {
            if may_run(sequence) {
                sequence.plan(chunk, drafts);
            }
        }
    }

    /// Run the planned step and use its results.
    fn step(&mut self) {
        let planned = self.active.iter().filter_map(|s| s.part.as_ref());
        let tokens: usize = planned.map(|part| part.tokens.len()).sum();
        if tokens == 0 {
            return;
        }
        let cancels: Vec<_> = self.active.iter().filter(|s| s.part.is_some()).map(|s| s.cancel.clone()).collect();
        let background = self.active.iter().all(|s| s.priority == Priority::Background);
        let wanted = &self.wanted;
        let due = || {
            cancels.iter().all(deepcoder_types::Cancel::is_cancelled)
                || (background && wanted.load(Ordering::SeqCst) > 0)
        };
        let halt = (tokens >= WATCHED).then(|| Halt::when(&due, background));
        let begin = Instant::now();
        let parts = self.active.iter_mut().filter_map(|s| Some((s.part.as_ref()?, s.seat.as_mut()?)));
        let ran = self.backend.run(parts, halt);
        match ran {
            Ok(Ran::Done) => self.advance(),
            Ok(Ran::Halted) => self.active.iter_mut().for_each(|s| s.part = None),
            Err(error) => {
                let failed: Vec<_> = self.active.extract_if(.., |s| s.part.is_some()).collect();
                failed.into_iter().for_each(|sequence| self.end(sequence, Err(error.clone())));
            }
        }
        if tokens >= WATCHED {
            // Bounded, so that prompts go on after one slow step.
            self.answers_until = Some(Instant::now() + begin.elapsed().min(Duration::from_secs(5)));
        }
    }

    /// Choose tokens from the step's logits, and end the sequences that are done.
    fn advance(&mut self) {
        let mut row = 0;
        let mut over = Vec::new();
        for (at, sequence) in self.active.iter_mut().enumerate() {
            let Some(part) = &sequence.part else { continue };
            let (tokens, wanted) = (part.tokens.len(), part.wanted);
            self.shares.charge(&sequence.client, tokens);
            match sequence.advance(row, &mut self.backend, &self.model) {
                Ok(None) => {}
                Ok(Some(finish)) => over.push((at, Ok(finish))),
                Err(error) => over.push((at, Err(error))),
            }
            row += wanted;
            if let Some(seat) = &mut sequence.seat {
                self.backend.commit(seat, &sequence.tokens[..sequence.computed]);
            }
        }
        for (at, result) in over.into_iter().rev() {
            let sequence = self.active.remove(at);
            self.end(sequence, result);
        }
    }
}
