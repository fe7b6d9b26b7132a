//! Reading what the user types or pipes in, without being deaf to an interrupt.

use crate::failure::{Failure, Result};
use deepcoder_types::Cancel;
use std::io::Read;
use std::sync::mpsc::channel;

/// The most that is read: far more than a prompt may have, far less than memory.
const MAX_INPUT: u64 = 16 << 20;

/// Standard input.
pub(crate) struct Input {
    /// The stream.
    pub(crate) stdin: Option<Box<dyn Read + Send>>,
    /// Whether a person types.
    pub(crate) is_terminal: bool,
    /// Whether it is a pipe or a file.
    pub(crate) is_piped: bool,
}

impl Input {
    /// All of it, as text.
    pub(crate) fn all(&mut self, cancel: &Cancel) -> Result<String> {
        self.read(cancel, |stdin| {
            let mut text = String::new();
            let read = stdin.take(MAX_INPUT + 1).read_to_string(&mut text)?;
            if read as u64 > MAX_INPUT {
                return Err(std::io::Error::other(format!("more than {} MiB", MAX_INPUT >> 20)));
            }
            Ok(text)
        })
    }

    /// One line. Another call can read the rest.
    pub(crate) fn line(&mut self, cancel: &Cancel) -> Result<String> {
        self.read(cancel, |stdin| {
            let mut line = Vec::new();
            // Byte by byte: whatever a buffer had read ahead would be lost to the next call.
            let mut byte = [0];
            loop {
                match stdin.read(&mut byte)? {
                    // The terminal was closed: that is no answer.
                    0 if line.is_empty() => return Err(std::io::Error::other("it has ended")),
                    1 if byte != *b"\n" && line.len() < 4096 => line.push(byte[0]),
                    _ => break,
                }
            }
            Ok(String::from_utf8_lossy(&line).trim().to_owned())
        })
    }

    /// A thread reads, so that a read that never returns does not keep us from leaving.
    fn read(
        &mut self,
        cancel: &Cancel,
        read: impl FnOnce(&mut dyn Read) -> std::io::Result<String> + Send + 'static,
    ) -> Result<String> {
        let Some(mut stdin) = self.stdin.take() else {
            return Err(Failure::new("standard input was used already"));
        };
        let (sender, receiver) = channel();
        // When the receiver is gone, the process is about to end.
        let give_up = sender.clone();
        std::thread::spawn(move || _ = sender.send(Some((read(&mut *stdin), stdin))));
        let _waiting = cancel.on_cancel(move || give_up.send(None).unwrap_or_default());
        let Ok(Some((text, stdin))) = receiver.recv() else {
            return Err(Failure::new("nothing was read from standard input"));
        };
        self.stdin = Some(stdin);
        text.map_err(|e| Failure::io("cannot read standard input", &e))
    }
}
