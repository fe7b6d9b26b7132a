//! Output of a program, capped.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::mpsc::Sender;

/// The output of a program: only the beginning and the end, where it is larger than the cap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captured {
    /// The bytes kept.
    pub bytes: Vec<u8>,
    /// How many bytes were dropped from the middle.
    pub dropped: u64,
    /// Where in `bytes` they are missing.
    pub gap_at: usize,
}

impl Captured {
    /// As text for people; a gap is marked on a line of its own.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (head, tail) = self.bytes.split_at(self.gap_at.min(self.bytes.len()));
        if self.dropped == 0 {
            return String::from_utf8_lossy(&self.bytes).into_owned();
        }
        let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
        format!("{head}\n[{} bytes left out]\n{tail}", self.dropped)
    }
}

/// Read `pipe` to its end and keep at most `cap` bytes: reading on keeps the program from blocking, and a test runner
/// says what matters at its end.
pub(super) fn drain(pipe: Option<impl Read>, cap: usize, closed: &Sender<()>) -> Captured {
    let mut head = Vec::new();
    let mut tail: VecDeque<u8> = VecDeque::new();
    let mut dropped = 0u64;
    let (head_cap, tail_cap) = (cap - cap / 2, cap / 2);
    if let Some(mut pipe) = pipe {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = match pipe.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => &chunk[..count],
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let (first, rest) = read.split_at(read.len().min(head_cap - head.len()));
            head.extend_from_slice(first);
            tail.extend(rest);
            let excess = tail.len().saturating_sub(tail_cap);
            tail.drain(..excess);
            dropped += excess as u64;
        }
    }
    // The send fails once the run is over, which does not matter.
    _ = closed.send(());
    let gap_at = head.len();
    head.extend(tail);
    Captured { bytes: head, dropped, gap_at }
}
