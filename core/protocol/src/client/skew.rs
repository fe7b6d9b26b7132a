//! Programs and daemons of different builds and protocols.

use super::{Client, ConnectError, PROMPT, ensure};
use crate::socket;
use serde::Deserialize;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;

/// The longest answer of a daemon of another protocol that is read.
const MAX_ANSWER: u64 = 1 << 20;

/// A connection to the daemon at `socket` for a program of the build `build`; `None` where none runs.
///
/// A daemon of another build is replaced when it is idle: it is ended here, and the caller starts a new one. One that is
/// busy with requests of users is used as it is, or is an error where it speaks another protocol.
pub fn running(socket: &Path, build: &str) -> Result<Option<Client>, ConnectError> {
    let mut client = match Client::connect_as(socket, build) {
        Ok(client) => client,
        Err(ConnectError::NotRunning { .. }) => return Ok(None),
        Err(ConnectError::Protocol { server, busy: false, .. }) if server.is_some() => {
            ensure::end(socket)?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if client.server().version != build && !client.server().busy && client.stop_if_idle() {
        return Ok(None);
    }
    if client.is_usable() { Ok(Some(client)) } else { Client::connect_as(socket, build).map(Some) }
}

/// A daemon of another protocol.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stranger {
    pub(super) version: Option<String>,
    /// Whether it is busy with requests of users.
    pub(super) busy: bool,
}

/// Ask the daemon at `socket`, which speaks `protocol`, how it is. It is greeted in its own protocol: `hello` and the
/// fields of `status` that this reads keep their form in all versions. One that does not say counts as busy.
pub(super) fn ask(socket: &Path, protocol: u32) -> Stranger {
    status(socket, protocol).unwrap_or(Stranger { version: None, busy: true })
}

fn status(socket: &Path, protocol: u32) -> io::Result<Stranger> {
    #[derive(Deserialize)]
    struct Line {
        event: Event,
    }
    #[derive(Deserialize)]
    struct Event {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        version: Option<String>,
        busy: bool,
        queued: u64,
        #[serde(default)]
        tasks: u64,
    }
    let mut stream = socket::connect(socket)?;
    stream.set_read_timeout(Some(PROMPT))?;
    stream.set_write_timeout(Some(PROMPT))?;
    let hello = format!("{{\"id\":1,\"do\":{{\"hello\":{{\"protocol\":{protocol},\"client\":\"deepcoder\"}}}}}}\n");
    stream.write_all(format!("{hello}{{\"id\":2,\"do\":\"status\"}}\n").as_bytes())?;
    for line in BufReader::new(stream.take(MAX_ANSWER)).lines() {
        if let Ok(Line { event: Event { status } }) = serde_json::from_str(&line?) {
            let busy = status.busy || status.queued > 0 || status.tasks > 0;
            return Ok(Stranger { version: status.version, busy });
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
