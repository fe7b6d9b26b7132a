//! Lines of bounded length from a stream.

use crate::wire::MAX_REQUEST;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole line, without its end.
    Whole(Vec<u8>),
    /// A line that is longer than it may be. It is skipped, and what follows it is read.
    TooLong,
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
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), scanned: 0, skipping: false }
    }

    pub(super) async fn next(&mut self) -> io::Result<Line> {
        loop {
            if let Some(at) = self.buffer[self.scanned..].iter().position(|b| *b == b'\n') {
                let end = self.scanned + at;
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                self.scanned = 0;
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                if self.buffer.is_empty() {
                    // One long request must not keep its memory for the life of the connection.
                    self.buffer.shrink_to(64 << 10);
                }
                return Ok(if line.len() > MAX_REQUEST { Line::TooLong } else { Line::Whole(line) });
            }
            self.scanned = self.buffer.len();
            if self.skipping {
                self.buffer.clear();
                self.scanned = 0;
            } else if self.buffer.len() > MAX_REQUEST {
                self.buffer = Vec::new();
                self.scanned = 0;
                self.skipping = true;
                return Ok(Line::TooLong);
            }
            self.buffer.reserve(64 << 10);
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                let half = !self.buffer.is_empty() && !self.skipping;
                self.buffer.clear();
                self.scanned = 0;
                return Ok(if half { Line::Half } else { Line::End });
            }
        }
    }
}
