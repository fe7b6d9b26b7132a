//! Starting a daemon on demand, and ending one of any version.

use super::{Client, ConnectError, EnsureError, PROMPT};
use crate::socket;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
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

/// How long a daemon may take to let go of its model and its files.
const LET_GO: Duration = Duration::from_secs(10);

/// End the daemon at `socket`, whatever version of the protocol it speaks; `false` when there was none. Returns when the
/// daemon has let go of its model and its files, or has had ten seconds for that.
pub fn stop(socket: &Path) -> Result<bool, ConnectError> {
    let before = identity(socket);
    let stopped = ask_to_stop(socket)?;
    if stopped {
        wait_for_end(socket, before);
    }
    Ok(stopped)
}

/// The daemon holds a lock beside its socket until the process with its model is gone, which writes to the cache of
/// prefixes until then.
fn wait_for_end(socket: &Path, before: Option<(u64, u64)>) {
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    let Ok(lock) = std::fs::File::open(path) else { return };
    let deadline = Instant::now() + LET_GO;
    let is_next = || identity(socket).is_some_and(|now| Some(now) != before);
    // Polls, because the system cannot wake a process that waits for a lock with a time limit.
    while flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
        && Instant::now() < deadline
        && !is_next()
    {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Tells the socket of one daemon from that of the next.
fn identity(socket: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(socket).ok().map(|meta| (meta.dev(), meta.ino()))
}

fn ask_to_stop(socket: &Path) -> Result<bool, ConnectError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Protects whoever deletes the folder or starts anew: `stop` returns when the daemon has let go, not when it says
    /// that it will.
    #[test]
    fn stop_waits_until_the_daemon_has_let_go() {
        let dir = tempfile::tempdir().expect("a folder");
        let socket = dir.path().join("daemon.sock");
        #[expect(clippy::disallowed_methods, reason = "a folder of the test's own")]
        let lock = std::fs::File::create(dir.path().join("daemon.sock.lock")).expect("a lock");
        flock(&lock, FlockOperation::NonBlockingLockExclusive).expect("locked");
        let listener = UnixListener::bind(&socket).expect("bound");
        let gone = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut client, _) = listener.accept().expect("a client");
                let mut line = [0; 8];
                client.read_exact(&mut line).expect("a line");
                drop(client);
                thread::sleep(Duration::from_millis(50));
                gone.store(true, Ordering::SeqCst);
                drop(lock);
            });
            let before = identity(&socket);
            assert!(end(&socket).expect("asked"));
            wait_for_end(&socket, before);
            assert!(gone.load(Ordering::SeqCst));
        });
    }
}
