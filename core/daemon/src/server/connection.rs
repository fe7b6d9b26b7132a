//! One client.

use super::calls::MOST_OF_A_CLIENT;
use super::lines::{Line, Lines};
use super::sink::{PATIENCE, Sink};
use super::waiting::{Job, Work};
use super::{FLUSH, Shared, dispatch, services};
use deepcoder_protocol::wire::{self, Body, Event, Failure, MAX_REQUEST, OLDEST, Op, PROTOCOL, Request, ServerInfo};
use deepcoder_types::{GenerateRequest, MAX_CHOICES, Priority};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;

/// How long a client may take to say hello.
const GREETING: Duration = Duration::from_secs(10);

/// Events that wait for a client to read them. One that lets this many pile up is not reading.
const BACKLOG: usize = 4096;

/// Unanswered requests of one client.
const MAX_IN_FLIGHT: u64 = 64;

/// Speak with one client until it leaves or the server ends.
pub(super) async fn run(shared: Arc<Shared>, stream: UnixStream) {
    // A process is one client, however many connections it has.
    let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
    let name = pid.map_or_else(String::new, |pid| format!("process {pid}"));
    let (reader, writer) = stream.into_split();
    let (events, outgoing) = channel(BACKLOG);
    let give_up = Arc::new(Notify::new());
    let mut writing = tokio::spawn(write(writer, outgoing));
    let mut client = Client {
        stop: shared.stop.subscribe(),
        shared,
        name,
        events,
        give_up: Arc::clone(&give_up),
        requests: HashMap::new(),
        in_flight: Arc::new(AtomicU64::new(0)),
        calls: Arc::new(Semaphore::new(MOST_OF_A_CLIENT)),
        greeted: false,
    };
    let permit_of = Arc::clone(&client.shared);
    let Ok(_permit) = permit_of.clients.try_acquire() else {
        client.say(0, Body::error(Failure::Busy("too many clients".into()))).await;
        drop(client);
        timeout(FLUSH, &mut writing).await.map(drop).unwrap_or_else(|_| writing.abort());
        return;
    };
    let ended = tokio::select! {
        ended = client.listen(Lines::new(reader, &permit_of.memory)) => ended,
        () = give_up.notified() => Ended::Broken,
        // Writing ends first only where the client is gone.
        _ = &mut writing => Ended::Broken,
    };
    if !matches!(ended, Ended::Stopping) {
        client.leave();
    }
    // The writer ends once the last sender is gone: ours here, those of running requests with their last event.
    drop(client);
    let flushed = match ended {
        Ended::Broken => false,
        Ended::Left | Ended::Stopping => writing.is_finished() || timeout(FLUSH, &mut writing).await.is_ok(),
    };
    if !flushed {
        writing.abort();
    }
}

enum Ended {
    /// The client closed the connection, or was told to go.
    Left,
    /// The client does not read, or the connection failed.
    Broken,
    /// The server ends.
    Stopping,
}

struct Client {
    shared: Arc<Shared>,
    /// The client, for fairness between clients.
    name: String,
    events: Sender<Event>,
    give_up: Arc<Notify>,
    requests: HashMap<u64, Arc<Sink>>,
    in_flight: Arc<AtomicU64>,
    /// Permits of its calls into the services.
    calls: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
    greeted: bool,
}

impl Client {
    async fn listen(&mut self, mut lines: Lines<tokio::net::unix::OwnedReadHalf>) -> Ended {
        loop {
            let mut stop = self.stop.clone();
            let limit = if self.greeted { Duration::MAX } else { GREETING };
            let line = tokio::select! {
                line = timeout(limit, lines.next()) => line,
                _ = stop.wait_for(|stop| *stop) => return Ended::Stopping,
            };
            let go_on = match line {
                Ok(Ok(Line::Whole(line))) => self.request(&line).await,
                Ok(Ok(Line::TooLong)) => {
                    self.say(0, Body::error(Failure::TooLarge { limit: MAX_REQUEST as u64 })).await;
                    self.greeted
                }
                Ok(Ok(Line::NoRoom)) => {
                    self.say(0, Body::error(full())).await;
                    self.greeted
                }
                Ok(Ok(Line::Slow)) => {
                    self.say(0, Body::error(Failure::BadRequest("the line did not end in time".into()))).await;
                    false
                }
                Ok(Ok(Line::Half)) => {
                    self.say(0, Body::error(Failure::BadRequest("the line has no end".into()))).await;
                    false
                }
                Ok(Ok(Line::End)) => false,
                Ok(Err(_)) => return Ended::Broken,
                Err(_) => {
                    self.say(0, Body::error(Failure::BadRequest("no hello in time".into()))).await;
                    false
                }
            };
            if !go_on {
                return Ended::Left;
            }
        }
    }

    /// Answer one line; `false` ends the connection.
    async fn request(&mut self, line: &[u8]) -> bool {
        let Request { id, op } = match serde_json::from_slice::<Request<'static>>(line) {
            Ok(request) => request,
            Err(e) => {
                // An operation of a later version still gets its answer under its own id.
                let id = wire::id_of(line);
                self.say(id, Body::error(Failure::BadRequest(e.to_string()))).await;
                return self.greeted;
            }
        };
        match op {
            Op::Hello { protocol, oldest, .. } => {
                let (version, busy) = (self.shared.options.version.clone(), self.shared.is_busy());
                let theirs = (oldest.unwrap_or(protocol), protocol);
                let Some(common) = wire::common((OLDEST, PROTOCOL), theirs) else {
                    let (version, busy) = (Some(version), Some(busy));
                    let failure = Failure::Protocol { server: PROTOCOL, client: protocol, version, busy };
                    self.say(id, Body::error(failure)).await;
                    return false;
                };
                self.greeted = true;
                let info = ServerInfo { protocol: common, version, pid: std::process::id(), busy };
                self.say(id, Body::Hello(info)).await;
            }
            // Also without a greeting: a client of another protocol must be able to stop this daemon.
            Op::Stop => {
                self.say(id, Body::Ok).await;
                self.shared.stop.send_replace(true);
            }
            _ if !self.greeted => {
                self.say(id, Body::error(Failure::BadRequest("the first request must be hello".into()))).await;
                return false;
            }
            Op::StopIfIdle if self.shared.is_busy() => {
                self.say(id, Body::error(Failure::Busy("it works for a user".into()))).await;
            }
            Op::StopIfIdle => {
                self.say(id, Body::Ok).await;
                self.shared.stop.send_replace(true);
            }
            Op::Status => self.say(id, Body::Status(Box::new(self.shared.status()))).await,
            Op::Cancel { target } => {
                self.cancel(target).await;
                self.say(id, Body::Ok).await;
            }
            Op::Generate { model, request } => {
                let request = GenerateRequest { client: self.name.clone(), ..request.into_owned() };
                // Refused here: behind the door the request would wait for its turn, and load a model.
                if let Err(error) = request.check() {
                    self.say(id, Body::error(error)).await;
                    return true;
                }
                let background = request.priority == Priority::Background;
                self.enqueue(id, model, Work::Generate(Box::new(request)), line.len(), background).await;
            }
            Op::Choose { options, .. } if options.is_empty() || options.len() > MAX_CHOICES => {
                let message = format!("there are {} options, and 1 to {MAX_CHOICES} can be given", options.len());
                self.say(id, Body::error(Failure::Invalid(message))).await;
            }
            Op::Choose { model, prompt, options } => {
                let work = Work::Choose(Box::new(prompt.into_owned()), options.into_owned());
                self.enqueue(id, model, work, line.len(), false).await;
            }
            Op::CountTokens { model, text } => match self.shared.queue.loaded().filter(|l| l.name == model) {
                // Not behind a long answer: counting does not need the model's state.
                Some(loaded) => {
                    if let Some(sink) = self.sink(id).await {
                        let Some(held) = self.shared.memory.take(line.len()) else {
                            sink.finish_soon(Body::error(full())).await;
                            return true;
                        };
                        let (shared, client, text) = (Arc::clone(&self.shared), self.name.clone(), text.into_owned());
                        tokio::task::spawn_blocking(move || match dispatch::count(loaded.model.as_ref(), &text) {
                            // It was unloaded at this moment, or has died just before it was asked.
                            Body::Error { kind: Failure::Died { .. }, .. } => {
                                let job = Job::new(loaded.name, Work::Count(text), Arc::clone(&sink), client);
                                if let Err(refusal) = shared.queue.push(Job { _held: Some(held), ..job }) {
                                    sink.finish_blocking(Body::error(refusal));
                                }
                            }
                            body => sink.finish_blocking(body),
                        });
                    }
                }
                None => self.enqueue(id, model, Work::Count(text.into_owned()), line.len(), false).await,
            },
            Op::ModelInfo { model } => match self.shared.queue.loaded().filter(|l| l.name == model) {
                Some(loaded) => self.say(id, Body::Model(loaded.model.info().clone())).await,
                None => self.enqueue(id, model, Work::Info, 0, false).await,
            },
            Op::Jobs(op) => {
                if let Some(sink) = self.sink(id).await {
                    tokio::spawn(services::jobs(Arc::clone(&self.shared), Arc::clone(&self.calls), op, sink));
                }
            }
            Op::Watching(op) => {
                if let Some(sink) = self.sink(id).await {
                    tokio::spawn(services::watching(Arc::clone(&self.shared), Arc::clone(&self.calls), op, sink));
                }
            }
            Op::Task(op) => {
                if let Some(sink) = self.sink(id).await {
                    tokio::spawn(services::tasks(Arc::clone(&self.shared), Arc::clone(&self.calls), op, sink));
                }
            }
            Op::Unload => self.enqueue(id, "".into(), Work::Unload, 0, false).await,
        }
        true
    }

    /// `bytes` is what the request takes until it is answered.
    async fn enqueue(&mut self, id: u64, model: Cow<'_, str>, work: Work, bytes: usize, background: bool) {
        let Some(sink) = self.sink(id).await else { return };
        let Some(held) = self.shared.memory.take(bytes) else { return sink.finish_soon(Body::error(full())).await };
        let job = Job::new(model.into_owned(), work, Arc::clone(&sink), self.name.clone());
        if let Err(refusal) = self.shared.queue.push(Job { background, _held: Some(held), ..job }) {
            sink.finish_soon(Body::error(refusal)).await;
        }
    }

    /// A sink for a new request, unless it must be refused.
    async fn sink(&mut self, id: u64) -> Option<Arc<Sink>> {
        self.requests.retain(|_, sink| !sink.is_finished());
        if id == 0 || self.requests.contains_key(&id) {
            self.say(id, Body::error(Failure::BadRequest(format!("the id {id} is taken")))).await;
            return None;
        }
        if self.in_flight.load(Ordering::SeqCst) >= MAX_IN_FLIGHT {
            self.say(id, Body::error(Failure::Busy(format!("{MAX_IN_FLIGHT} requests of this client wait already"))))
                .await;
            return None;
        }
        let sink = Sink::new(id, self.events.clone(), Arc::clone(&self.give_up), Arc::clone(&self.in_flight));
        self.requests.insert(id, Arc::clone(&sink));
        Some(sink)
    }

    async fn cancel(&mut self, target: u64) {
        let Some(sink) = self.requests.remove(&target) else { return };
        sink.cancel().cancel();
        // A running request ends by itself within a step.
        if let Some(job) = self.shared.queue.remove(&sink) {
            sink.finish_soon(dispatch::cancelled(&job.work)).await;
        }
    }

    /// The client is gone: cancels its requests.
    fn leave(&mut self) {
        for sink in std::mem::take(&mut self.requests).into_values() {
            sink.cancel().cancel();
            drop(self.shared.queue.remove(&sink));
        }
    }

    async fn say(&self, id: u64, event: Body) {
        if !matches!(timeout(PATIENCE, self.events.send(Event { id, event })).await, Ok(Ok(()))) {
            self.give_up.notify_one();
        }
    }
}

fn full() -> Failure {
    Failure::Busy("large requests of all clients take the memory that there is for them".into())
}

/// Send events as they come. Those that came together go out in one write.
async fn write(mut writer: OwnedWriteHalf, mut events: Receiver<Event>) {
    let mut bytes = Vec::new();
    while let Some(event) = events.recv().await {
        bytes.clear();
        let mut next = Some(event);
        while let Some(event) = next {
            bytes.extend(wire::event_line(event.id, event.event));
            next = if bytes.len() < 64 << 10 { events.try_recv().ok() } else { None };
        }
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The client sees the end only after the last event.
    writer.shutdown().await.unwrap_or_default();
}
