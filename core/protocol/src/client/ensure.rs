//! Starting a daemon on demand, and ending one of any version.

use super::{Client, ConnectError, EnsureError, PROMPT};
use crate::socket;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

/// Connect to the daemon at `socket`; where there is none, let `spawn` start one and wait until it answers, at most
/// `timeout`, or until its process has failed. Two callers that do this at once end up at one daemon: a process that ends
/// well leaves the socket to another one.
pub fn ensure(
    socket: &Path,
    spawn: &mut dyn FnMut() -> io::Result<Option<Child>>,
    timeout: Duration,
) -> Result<Client, EnsureError> {
    match Client::connect(socket) {
        Err(ConnectError::NotRunning { .. }) => {}
        other => return Ok(other?),
    }
    let mut child = spawn().map_err(EnsureError::Spawn)?;
    let start = Instant::now();
    loop {
        match Client::connect(socket) {
            Err(ConnectError::NotRunning { .. }) if start.elapsed() < timeout => {
                let ended = child.as_mut().and_then(|child| child.try_wait().ok().flatten());
                if let Some(status) = ended.filter(|status| !status.success()) {
                    return Err(EnsureError::Ended { said: status.to_string(), hint: None });
                }
                thread::sleep(Duration::from_millis(5));
            }
            Err(ConnectError::NotRunning { .. }) => {
                return Err(EnsureError::Timeout { socket: socket.to_owned(), after: timeout });
            }
            other => return Ok(other?),
        }
    }
}

/// End the daemon at `socket`, whatever version of the protocol it speaks; `false` when there was none.
pub fn stop(socket: &Path) -> Result<bool, ConnectError> {
    match Client::connect(socket) {
        Err(ConnectError::NotRunning { .. }) => return Ok(false),
        Ok(client) => {
            let ended = client.stop();
            return ended.map(|()| true).map_err(|_| ConnectError::NoAnswer { socket: socket.to_owned() });
        }
        Err(ConnectError::Protocol { .. } | ConnectError::Refused(_)) => {}
        Err(e) => return Err(e),
    }
    end(socket)
}

/// End the daemon at `socket` without a greeting.
pub(super) fn end(socket: &Path) -> Result<bool, ConnectError> {
    // This one line is understood by every version, without a greeting.
    let failed = |source| ConnectError::Io { socket: socket.to_owned(), source };
    let mut stream = socket::connect(socket).map_err(failed)?;
    stream.set_read_timeout(Some(PROMPT)).map_err(failed)?;
    stream.write_all(b"{\"id\":1,\"do\":\"stop\"}\n").map_err(failed)?;
    // It closes the connection when it ends; what it says until then does not matter.
    let mut rest = Vec::new();
    match stream.take(1 << 20).read_to_end(&mut rest) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(ConnectError::NoAnswer { socket: socket.to_owned() }),
        _ => Ok(true),
    }
}
