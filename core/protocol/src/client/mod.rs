//! The blocking client. It needs no async runtime: one socket, one request at a time.

mod ensure;
mod error;
mod remote;
mod services;
mod skew;
mod tasks;
#[cfg(test)]
mod tests;

pub use ensure::{ensure, stop};
pub use error::{CallError, ConnectError, EnsureError};
pub use remote::RemoteModel;
pub use skew::running;
pub use tasks::{RemoteTasks, Start};

use crate::socket;
use crate::wire::{
    self, Body, Event, Failure, GRAMMARS, MAX_REQUEST, OLDEST, Op, PROTOCOL, Request, ServerInfo, Status,
};
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, Generation, Likelihood, ModelInfo, Prompt, Timing,
    TokenEvent, Usage,
};
use std::borrow::Cow;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a waiting call looks at its [`Cancel`].
const TICK: Duration = Duration::from_millis(25);

/// How long a server may take for what needs no model.
const PROMPT: Duration = Duration::from_secs(5);

/// How long a cancelled request may take to end before the connection is given up.
const LET_GO: Duration = Duration::from_secs(2);

/// A connection to a daemon.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    buffer: Vec<u8>,
    /// Bytes of `buffer` in which no line ends.
    scanned: usize,
    next_id: u64,
    server: ServerInfo,
    broken: bool,
    /// The server closed the connection.
    closed: bool,
    /// The server answered in a way that this version does not know.
    strange: bool,
}

impl Client {
    /// Connect to the daemon at `socket`.
    pub fn connect(socket: &Path) -> Result<Self, ConnectError> {
        Self::connect_as(socket, env!("CARGO_PKG_VERSION"))
    }

    /// As [`Client::connect`], for a program of the build `build`.
    pub fn connect_as(socket: &Path, build: &str) -> Result<Self, ConnectError> {
        let failed = |source| ConnectError::Io { socket: socket.to_owned(), source };
        let stream = socket::connect(socket).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ConnectError::NotRunning { socket: socket.to_owned() }
            }
            _ => failed(e),
        })?;
        if !socket::same_user(&stream).map_err(failed)? {
            return Err(ConnectError::Foreign { socket: socket.to_owned() });
        }
        stream.set_read_timeout(Some(TICK)).map_err(failed)?;
        stream.set_write_timeout(Some(PROMPT)).map_err(failed)?;
        let server = ServerInfo { protocol: 0, version: String::new(), pid: 0, busy: false };
        let (buffer, broken, closed, strange) = (Vec::new(), false, false, false);
        let mut client = Self { stream, buffer, scanned: 0, next_id: 1, server, broken, closed, strange };
        let hello =
            Op::Hello { protocol: PROTOCOL, oldest: Some(OLDEST), client: Cow::Owned(format!("deepcoder {build}")) };
        let other = |server: u32, version: Option<String>, busy: Option<bool>| {
            // A daemon of protocol 2 does not say whether it is busy.
            let asked = if busy.is_none() { skew::ask(socket, server) } else { skew::Stranger::default() };
            let (version, busy) = (version.or(asked.version), busy.unwrap_or(asked.busy));
            ConnectError::Protocol { server: Some(server), client: PROTOCOL, version, busy }
        };
        match client.call(hello, &Cancel::new(), Some(PROMPT), &mut |_| {}) {
            Ok(Body::Hello(server)) if !(OLDEST..=PROTOCOL).contains(&server.protocol) => {
                Err(other(server.protocol, Some(server.version), Some(server.busy)))
            }
            Ok(Body::Hello(server)) => {
                client.server = server;
                Ok(client)
            }
            Err(CallError::Refused(Failure::Protocol { server, version, busy, .. })) => {
                Err(other(server, version, busy))
            }
            Err(CallError::Refused(failure)) => Err(ConnectError::Refused(failure)),
            Err(CallError::Io(e)) => Err(failed(e)),
            // A server that was ending when we came: as good as none.
            Err(CallError::Lost(_)) if client.closed => Err(ConnectError::NotRunning { socket: socket.to_owned() }),
            Err(CallError::Lost(_)) if client.strange => {
                Err(ConnectError::Protocol { server: None, client: PROTOCOL, version: None, busy: true })
            }
            Ok(_) | Err(CallError::Lost(_) | CallError::Cancelled) => {
                Err(ConnectError::NoAnswer { socket: socket.to_owned() })
            }
        }
    }

    /// Who answers.
    #[must_use]
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// How the daemon is.
    pub fn status(&mut self) -> Result<Status, CallError> {
        match self.call(Op::Status, &Cancel::new(), Some(PROMPT), &mut |_| {})? {
            Body::Status(status) => Ok(*status),
            _ => Err(self.confused()),
        }
    }

    /// Ask it to end, and wait until it has let go of this connection. Running requests end with
    /// [`GenerateError::Unavailable`].
    pub fn stop(mut self) -> Result<(), CallError> {
        self.end(Op::Stop)
    }

    /// Ask it to end unless it is busy with requests of users; whether it does.
    pub(crate) fn stop_if_idle(&mut self) -> bool {
        self.end(Op::StopIfIdle).is_ok()
    }

    fn end(&mut self, op: Op<'_>) -> Result<(), CallError> {
        self.call(op, &Cancel::new(), Some(PROMPT), &mut |_| {})?;
        let deadline = Instant::now() + PROMPT;
        while Instant::now() < deadline {
            if self.read_event().is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Unload the model, once running and waiting requests are done.
    pub fn unload(&mut self, cancel: &Cancel) -> Result<(), CallError> {
        self.call(Op::Unload, cancel, None, &mut |_| {}).map(drop)
    }

    /// Describe the model `name`. Loads it.
    pub fn model_info(&mut self, name: &str, cancel: &Cancel) -> Result<ModelInfo, CallError> {
        match self.call(Op::ModelInfo { model: name.into() }, cancel, None, &mut |_| {})? {
            Body::Model(info) => Ok(info),
            _ => Err(self.confused()),
        }
    }

    /// How many tokens `text` has for the model `name`. Loads it.
    pub fn count_tokens(&mut self, name: &str, text: &str, cancel: &Cancel) -> Result<u32, CallError> {
        let op = Op::CountTokens { model: name.into(), text: text.into() };
        match self.call(op, cancel, None, &mut |_| {})? {
            Body::Count(count) => Ok(count),
            _ => Err(self.confused()),
        }
    }

    /// Generate with the model `name`. A cancelled call returns the text so far, as in the process.
    pub fn generate(
        &mut self,
        name: &str,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        // Before it is sent: JSON cannot carry infinities, so that the daemon could only say that it does not
        // understand.
        request.check()?;
        if request.grammar.is_some() {
            self.must_know_grammars()?;
        }
        let mut text = String::new();
        let mut tokens = 0u32;
        let op = Op::Generate { model: name.into(), request: Cow::Borrowed(request) };
        let result = self.call(op, cancel, None, &mut |part| {
            let Body::Token(token) = part else { return };
            text.push_str(&token.text);
            tokens = tokens.saturating_add(1);
            on_token(&token);
        });
        match result {
            Ok(Body::Done(generation)) => Ok(generation),
            Ok(_) => Err(self.confused().into()),
            // The daemon was in a long step and could not say it itself.
            Err(CallError::Cancelled) => Ok(Generation {
                text,
                finish: FinishReason::Cancelled,
                usage: Usage { completion_tokens: tokens, ..Usage::default() },
                timing: Timing::default(),
            }),
            Err(e) => Err(e.into()),
        }
    }

    /// How likely each option is as the answer to a prompt, by the model `name`.
    pub fn choose(
        &mut self,
        name: &str,
        prompt: &Prompt,
        options: &[String],
        cancel: &Cancel,
    ) -> Result<Vec<Likelihood>, GenerateError> {
        self.must_know_grammars()?;
        let op = Op::Choose { model: name.into(), prompt: Cow::Borrowed(prompt), options: Cow::Borrowed(options) };
        match self.call(op, cancel, None, &mut |_| {})? {
            Body::Likelihoods(options) => Ok(options),
            _ => Err(self.confused().into()),
        }
    }

    /// An error if the daemon's protocol has no grammars and no `choose`.
    fn must_know_grammars(&self) -> Result<(), GenerateError> {
        let ServerInfo { protocol, version, .. } = &self.server;
        if *protocol >= GRAMMARS {
            return Ok(());
        }
        Err(GenerateError::Load {
            message: format!(
                "the running daemon (version {version}) speaks protocol {protocol}, which has no grammars"
            ),
            hint: Some(error::REPLACE.into()),
        })
    }

    /// Whether the connection can be used again.
    pub(crate) fn is_usable(&self) -> bool {
        !self.broken
    }

    fn confused(&mut self) -> CallError {
        self.broken = true;
        CallError::Lost("it answered what was not asked".into())
    }

    fn ended(&mut self) -> CallError {
        self.closed = true;
        CallError::Lost("it ended the connection before the answer was complete".into())
    }

    /// Send `op` and wait for the event that ends it; those before it go to `on_part`. After an error other than a
    /// refusal the connection is unusable.
    fn call(
        &mut self,
        op: Op<'_>,
        cancel: &Cancel,
        limit: Option<Duration>,
        on_part: &mut dyn FnMut(Body),
    ) -> Result<Body, CallError> {
        let id = self.next_id;
        self.next_id += 1;
        let result = self.send(id, op).and_then(|()| self.wait(id, cancel, limit, on_part));
        self.broken |= matches!(result, Err(CallError::Lost(_) | CallError::Io(_) | CallError::Cancelled));
        result
    }

    fn send(&mut self, id: u64, op: Op<'_>) -> Result<(), CallError> {
        if self.broken {
            return Err(CallError::Lost("the connection is broken".into()));
        }
        // The connection is as good as before.
        let line = wire::line(&Request { id, op })
            .map_err(|e| CallError::Refused(Failure::Invalid(format!("the daemon cannot be told this: {e}"))))?;
        if line.len() > MAX_REQUEST {
            return Err(CallError::Refused(Failure::TooLarge { limit: MAX_REQUEST as u64 }));
        }
        match self.stream.write_all(&line) {
            // It may have said why before it closed.
            Err(e) if matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            Err(e) => Err(CallError::Io(e)),
            Ok(()) => Ok(()),
        }
    }

    fn wait(
        &mut self,
        id: u64,
        cancel: &Cancel,
        limit: Option<Duration>,
        on_part: &mut dyn FnMut(Body),
    ) -> Result<Body, CallError> {
        let start = Instant::now();
        let mut let_go = None;
        loop {
            if let_go.is_none() && cancel.is_cancelled() {
                let_go = Some(Instant::now() + LET_GO);
                let cancel_id = self.next_id;
                self.next_id += 1;
                self.send(cancel_id, Op::Cancel { target: id })?;
            }
            if let_go.is_some_and(|at| Instant::now() > at) {
                return Err(CallError::Cancelled);
            }
            if limit.is_some_and(|l| start.elapsed() > l) {
                return Err(CallError::Lost("it does not answer".into()));
            }
            let Some(Event { id: of, event }) = self.read_event()? else { continue };
            match event {
                Body::Error { kind: Failure::Cancelled, .. } if of == id => return Err(CallError::Cancelled),
                Body::Error { kind, .. } if of == id || of == 0 => return Err(CallError::Refused(kind)),
                part @ (Body::Token(_) | Body::JobEvent(_) | Body::TaskEvent(_)) if of == id => on_part(part),
                // A question has one answer, and this is it. Elsewhere it is one of several events.
                Body::Unknown if of == id && limit.is_some() => {
                    self.strange = true;
                    return Err(CallError::Lost("it answers in a way that this version does not know".into()));
                }
                Body::Unknown => {}
                body if of == id => return Ok(body),
                // A late event of an earlier request, or the answer to our cancel.
                _ => {}
            }
        }
    }

    /// The next event, or `None` when there is none within a tick.
    fn read_event(&mut self) -> Result<Option<Event>, CallError> {
        loop {
            if let Some(at) = self.buffer[self.scanned..].iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=self.scanned + at).collect();
                self.scanned = 0;
                return wire::read_event(&line)
                    .map(Some)
                    .map_err(|e| CallError::Lost(format!("it cannot be understood: {e}")));
            }
            self.scanned = self.buffer.len();
            let mut chunk = [0u8; 16 << 10];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(self.ended()),
                Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Err(self.ended()),
                Err(e) => return Err(CallError::Io(e)),
            }
        }
    }
}
