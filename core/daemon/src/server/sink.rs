//! Where the events of one request go.

use deepcoder_protocol::wire::{Body, Event};
use deepcoder_types::{Cancel, TokenEvent};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

/// How long a request waits for a client that reads too slowly, before its connection is closed.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How long a follower may read nothing at all. It gets more time than a client, because no other request waits for it.
const FOLLOWER: Duration = Duration::from_secs(30);

/// The events of one request. The sending thread occupies capacity of the model, so it waits for a client only briefly.
pub(super) struct Sink {
    out: Out,
    cancel: Cancel,
    /// Set by the one thread that sends the last event.
    finished: AtomicBool,
    /// Wakes the task that waits for the end of the request.
    over: Arc<Notify>,
}

enum Out {
    Client {
        id: u64,
        events: Sender<Event>,
        /// Closes the connection of a client that does not read.
        give_up: Arc<Notify>,
        /// Requests of the connection that have no last event yet.
        in_flight: Arc<AtomicU64>,
    },
    /// A thread of this process.
    Local(std::sync::mpsc::Sender<Body>),
}

impl Sink {
    /// For the request `id`; counts in `in_flight` until it is finished.
    pub(super) fn new(id: u64, events: Sender<Event>, give_up: Arc<Notify>, in_flight: Arc<AtomicU64>) -> Arc<Self> {
        in_flight.fetch_add(1, Ordering::SeqCst);
        Self::to(Out::Client { id, events, give_up, in_flight }, Cancel::new())
    }

    /// For a thread of this process; `cancel` ends the request.
    pub(super) fn local(cancel: Cancel, events: std::sync::mpsc::Sender<Body>) -> Arc<Self> {
        Self::to(Out::Local(events), cancel)
    }

    fn to(out: Out, cancel: Cancel) -> Arc<Self> {
        Arc::new(Self { out, cancel, finished: AtomicBool::new(false), over: Arc::default() })
    }

    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Returns when the client has left or does not want the answer. One task may wait at a time.
    pub(super) async fn gone(&self) {
        let over = Arc::clone(&self.over);
        let _waiting = self.cancel.on_cancel(move || over.notify_one());
        while !self.cancel.is_cancelled() && !self.is_finished() {
            self.over.notified().await;
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst)
    }

    /// A token. A client that has gone, or does not read, ends the generation.
    /// Blocks; not for async tasks.
    pub(super) fn token(&self, token: &TokenEvent) {
        if !self.is_finished() && !self.cancel.is_cancelled() {
            self.wait_for_room();
            self.send(Body::Token(token.clone()));
        }
    }

    /// One of several events, for async tasks: waits for a client that is behind, for as long as it reads at all.
    /// `false` once the client is gone.
    pub(super) async fn part(&self, body: Body) -> bool {
        if self.is_finished() || self.cancel.is_cancelled() {
            return false;
        }
        let Out::Client { id, events, give_up, .. } = &self.out else {
            self.send(body);
            return true;
        };
        let Ok(Ok(room)) = timeout(FOLLOWER, events.reserve()).await else {
            self.cancel.cancel();
            give_up.notify_one();
            return false;
        };
        room.send(Event { id: *id, event: body.finite() });
        true
    }

    /// [`Sink::finish`] for async tasks.
    pub(super) async fn finish_soon(&self, body: Body) {
        if !self.is_finished() {
            if let Out::Client { events, .. } = &self.out {
                // The permit goes back at once: it only tells that there is room.
                timeout(PATIENCE, events.reserve()).await.map(drop).unwrap_or_default();
            }
            self.finish(body);
        }
    }

    /// [`Sink::finish`] for threads.
    pub(super) fn finish_blocking(&self, body: Body) {
        if !self.is_finished() {
            self.wait_for_room();
            self.finish(body);
        }
    }

    fn wait_for_room(&self) {
        let Out::Client { events, .. } = &self.out else { return };
        let start = Instant::now();
        while events.capacity() == 0 && !events.is_closed() && start.elapsed() < PATIENCE {
            // A channel of tasks has no wait of a thread with an end. This is rare: the client does not read.
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The last event. Only the first call has an effect. Does not wait.
    pub(super) fn finish(&self, body: Body) {
        if !self.finished.swap(true, Ordering::SeqCst) {
            if let Out::Client { in_flight, .. } = &self.out {
                in_flight.fetch_sub(1, Ordering::SeqCst);
            }
            self.send(body);
            self.over.notify_one();
        }
    }

    fn send(&self, body: Body) {
        match &self.out {
            Out::Client { id, events, give_up, .. } => match events.try_send(Event { id: *id, event: body.finite() }) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    self.cancel.cancel();
                    give_up.notify_one();
                }
                Err(TrySendError::Closed(_)) => self.cancel.cancel(),
            },
            Out::Local(events) => events.send(body).unwrap_or_else(|_| self.cancel.cancel()),
        }
    }
}
