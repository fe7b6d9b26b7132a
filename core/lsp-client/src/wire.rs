//! Messages of the Language Server Protocol: a header with their length, and JSON.

use serde_json::Value;
use std::io::{self, BufRead, Read as _, Write};

/// A longer message is none of ours.
const MAX_MESSAGE: usize = 64 << 20;

/// A longer line of a header is none.
const MAX_HEADER: u64 = 4096;

/// Writes a message.
pub(crate) fn write(out: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(out, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    out.flush()
}

/// The next message; an error at the end of the stream and for what is no message.
pub(crate) fn read(input: &mut impl BufRead) -> io::Result<Value> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        io::Read::take(&mut *input, MAX_HEADER).read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let length = length.filter(|length| *length <= MAX_MESSAGE).ok_or(io::ErrorKind::InvalidData)?;
    let mut body = Vec::new();
    let got = io::Read::take(&mut *input, length as u64).read_to_end(&mut body)?;
    if got < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&body).map_err(|_| io::ErrorKind::InvalidData.into())
}
