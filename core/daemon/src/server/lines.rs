//! Lines of bounded length from a stream.

use super::budget::{Budget, Held};
use deepcoder_protocol::wire::MAX_REQUEST;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{Instant, timeout_at};

/// How long a line may take from its first byte to its last: a client that stops in the middle does not keep the memory.
const LINE: Duration = Duration::from_secs(60);

/// Bytes that are read at a time.
const STEP: usize = 64 << 10;

/// The line that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole line, without its end.
    Whole(Vec<u8>),
    /// A line that is longer than it may be. It is skipped, and what follows it is read.
    TooLong,
    /// Large lines of other clients take the memory that this one needs. It is skipped, and what follows it is read.
    NoRoom,
    /// The line took too long.
    Slow,
    /// The stream ended in the middle of a line.
    Half,
    /// The stream ended.
    End,
}

/// Reads lines. [`Lines::next`] may be dropped at any await without losing a byte.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    scanned: usize,
    skipping: bool,
    held: Held,
    /// When the first bytes of the line came that has no end yet.
    begun: Option<Instant>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, memory: &Budget) -> Self {
        Self { reader, buffer: Vec::new(), scanned: 0, skipping: false, held: memory.nothing(), begun: None }
    }

    pub(super) async fn next(&mut self) -> io::Result<Line> {
        loop {
            if let Some(at) = self.buffer[self.scanned..].iter().position(|b| *b == b'\n') {
                let end = self.scanned + at;
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                self.scanned = 0;
                self.begun = (!self.buffer.is_empty()).then(Instant::now);
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                if self.buffer.is_empty() {
                    // One long request must not keep its memory for the life of the connection.
                    self.buffer.shrink_to(STEP);
                }
                self.held.resize(self.buffer.capacity());
                return Ok(if line.len() > MAX_REQUEST { Line::TooLong } else { Line::Whole(line) });
            }
            self.scanned = self.buffer.len();
            if self.skipping {
                self.buffer.clear();
                self.scanned = 0;
            } else if self.buffer.len() > MAX_REQUEST {
                self.skip();
                return Ok(Line::TooLong);
            }
            self.buffer.reserve(STEP);
            if !self.held.resize(self.buffer.capacity()) {
                self.skip();
                return Ok(Line::NoRoom);
            }
            let reading = self.reader.read_buf(&mut self.buffer);
            let read = match self.begun {
                None => reading.await?,
                Some(begun) => match timeout_at(begun + LINE, reading).await {
                    Ok(read) => read?,
                    Err(_) => return Ok(Line::Slow),
                },
            };
            if read > 0 {
                self.begun.get_or_insert_with(Instant::now);
            } else {
                let half = !self.buffer.is_empty() && !self.skipping;
                self.buffer.clear();
                self.scanned = 0;
                return Ok(if half { Line::Half } else { Line::End });
            }
        }
    }

    /// Forgets the line so far, and what is to come of it.
    fn skip(&mut self) {
        self.buffer = Vec::new();
        self.scanned = 0;
        self.skipping = true;
        self.held.resize(0);
    }
}
