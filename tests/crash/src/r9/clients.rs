//! What 64 clients do at the same time.

use crate::daemon::{LONG, ask, counted};
use deepcoder_protocol::client::Client;
use deepcoder_protocol::{MAX_REQUEST, PROTOCOL};
use deepcoder_types::{Cancel, FinishReason, GenerateError, Generation, Priority};
use fastrand::Rng;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub(super) const CLIENTS: usize = 64;

/// The size of what is far too large.
const HUGE: usize = 100_000_000;

/// How long one may have to wait for its turn behind all the others.
const TURN: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Default)]
pub(super) struct Counts {
    answered: AtomicU64,
    left: AtomicU64,
    /// Cancelled while they waited, before their first token, and behind it.
    waiting: AtomicU64,
    prefill: AtomicU64,
    decode: AtomicU64,
    slow: AtomicU64,
    huge: AtomicU64,
    /// Microseconds of the slowest cancel.
    slowest: AtomicU64,
    /// The most requests that ran at once.
    most: AtomicU64,
}

impl Counts {
    pub(super) fn slowest(&self) -> Option<Duration> {
        let slowest = self.slowest.load(Ordering::Relaxed);
        (slowest > 0).then(|| Duration::from_micros(slowest))
    }

    pub(super) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }

    pub(super) fn line(&self) -> String {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (answered, left, slow, huge) = (of(&self.answered), of(&self.left), of(&self.slow), of(&self.huge));
        let (waiting, prefill, decode) = (of(&self.waiting), of(&self.prefill), of(&self.decode));
        let cancelled = waiting + prefill + decode;
        format!(
            "{} requests, up to {} at once, {left} left in the middle, {cancelled} cancelled ({waiting} waiting, {prefill} \
             before the first token, {decode} behind it, the slowest in {} ms), {slow} read slowly or not at all, {huge} of \
             100 MB",
            answered + left + slow + huge + cancelled,
            self.most(),
            self.slowest().unwrap_or_default().as_millis()
        )
    }

    fn answered(&self, done: &Generation) {
        self.add(&self.answered);
        self.most.fetch_max(done.usage.cached_tokens.into(), Ordering::Relaxed);
    }

    /// A request that was cancelled at `since` has ended as `done`.
    fn cancelled(&self, done: &Generation, since: Instant) {
        self.add(match (done.usage.cached_tokens, done.text.is_empty()) {
            (0, _) => &self.waiting,
            (_, true) => &self.prefill,
            (_, false) => &self.decode,
        });
        let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.slowest.fetch_max(micros, Ordering::Relaxed);
    }

    fn add(&self, count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// All of them, for a while. What went wrong.
pub(super) fn round(socket: &Path, seed: u64, length: Duration, counts: &Counts) -> Vec<String> {
    let (wrong, until) = (Mutex::new(Vec::new()), Instant::now() + length);
    thread::scope(|scope| {
        for n in 0..CLIENTS {
            let wrong = &wrong;
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed.wrapping_mul(1000).wrapping_add(n as u64));
                let mut act = || -> Result<(), String> {
                    if n == 0 {
                        huge(socket, counts)?;
                    }
                    while Instant::now() < until {
                        one(socket, &mut rng, counts)?;
                    }
                    Ok(())
                };
                if let Err(what) = act() {
                    wrong.lock().expect("no thread panics in between").push(format!("client {n}: {what}"));
                }
            });
        }
    });
    wrong.into_inner().expect("no thread panics in between")
}

fn one(socket: &Path, rng: &mut Rng, counts: &Counts) -> Result<(), String> {
    match rng.u32(..100) {
        0..20 => leave(socket, rng, counts),
        20..25 => cancel(socket, "", Some(rng.u64(..10)), counts),
        25..30 => cancel(socket, LONG, Some(rng.u64(..10)), counts),
        30..40 => cancel(socket, "", None, counts),
        40..44 => slow(socket, rng.u64(1..4), counts),
        44 => slow(socket, 0, counts),
        45..50 => background(socket, rng, counts),
        _ => ordinary(socket, rng, counts),
    }
}

fn connect(socket: &Path) -> Result<Client, String> {
    Client::connect(socket).map_err(|e| format!("it cannot connect: {e}"))
}

/// Several requests on one connection, which are answered to the letter.
fn ordinary(socket: &Path, rng: &mut Rng, counts: &Counts) -> Result<(), String> {
    let mut client = connect(socket)?;
    for _ in 0..rng.u32(1..4) {
        let tokens = rng.u32(1..40);
        let request = ask("", tokens, Priority::Interactive);
        let done = client.generate("m", &request, &Cancel::new(), &mut |_| {}).map_err(|e| e.to_string())?;
        if done.text != counted(tokens) || done.finish != FinishReason::Length {
            return Err(format!("{tokens} tokens came as {:?}", done.text));
        }
        if client.count_tokens("m", "four", &Cancel::new()).ok() != Some(4) {
            return Err("four bytes are not counted as 4".into());
        }
        counts.answered(&done);
    }
    Ok(())
}

/// In the background, behind all others, and for so long only.
fn background(socket: &Path, rng: &mut Rng, counts: &Counts) -> Result<(), String> {
    let request = ask("", rng.u32(1..100), Priority::Background);
    let (cancel, start) = (Cancel::new(), Instant::now());
    let patience = Duration::from_millis(rng.u64(1..300));
    let mut client = connect(socket)?;
    thread::scope(|scope| {
        let (over, end) = std::sync::mpsc::channel::<()>();
        let cancel = &cancel;
        scope.spawn(move || {
            let _ = end.recv_timeout(patience);
            cancel.cancel();
        });
        let done = client.generate("m", &request, cancel, &mut |_| {}).map_err(|e| e.to_string());
        drop(over);
        match done? {
            done if done.finish == FinishReason::Cancelled => counts.cancelled(&done, start + patience),
            done => counts.answered(&done),
        }
        Ok(())
    })
}

/// Cancel while it waits for its turn or its prompt is read, or at its first token.
fn cancel(socket: &Path, prompt: &str, after_ms: Option<u64>, counts: &Counts) -> Result<(), String> {
    let (cancel, at) = (Cancel::new(), Mutex::new(None));
    let now = || {
        cancel.cancel();
        at.lock().expect("no thread panics in between").get_or_insert_with(Instant::now);
    };
    let mut client = connect(socket)?;
    let request = ask(prompt, 100_000, Priority::Interactive);
    let done = thread::scope(|scope| {
        if let Some(ms) = after_ms {
            let now = &now;
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(ms));
                now();
            });
        }
        client.generate("m", &request, &cancel, &mut |_| {
            if after_ms.is_none() {
                now();
            }
        })
    });
    let at = at.into_inner().expect("no thread panics in between");
    match (done, at) {
        (Ok(done), Some(at)) if done.finish == FinishReason::Cancelled => {
            counts.cancelled(&done, at);
            Ok(())
        }
        (done, _) => Err(format!("cancelled, it came to {done:?}")),
    }
}

/// A connection without a library.
struct Raw(BufReader<UnixStream>);

impl Raw {
    fn open(socket: &Path) -> Result<Self, String> {
        let failed = |e: std::io::Error| format!("it cannot connect: {e}");
        let stream = UnixStream::connect(socket).map_err(failed)?;
        stream.set_read_timeout(Some(TURN)).map_err(failed)?;
        stream.set_write_timeout(Some(TURN)).map_err(failed)?;
        let mut raw = Self(BufReader::new(stream));
        raw.say(&format!("{{\"id\":1,\"do\":{{\"hello\":{{\"protocol\":{PROTOCOL},\"client\":\"raw\"}}}}}}\n"))?;
        raw.expect("\"hello\"")?;
        Ok(raw)
    }

    fn say(&mut self, text: &str) -> Result<(), String> {
        self.0.get_mut().write_all(text.as_bytes()).map_err(|e| format!("it does not read: {e}"))
    }

    fn generate(&mut self, id: u64, tokens: u32) -> Result<(), String> {
        self.say(&format!(
            "{{\"id\":{id},\"do\":{{\"generate\":{{\"model\":\"m\",\"request\":{{\"prompt\":{{\"text\":\"\"}},\"sampling\":\
             {{\"temperature\":0.0,\"top_k\":0,\"top_p\":1.0,\"min_p\":0.0,\"repetition_penalty\":1.0,\"seed\":0}},\
             \"max_tokens\":{tokens},\"stop\":[],\"logprobs\":null,\"draft\":null}}}}}}}}\n"
        ))
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.0.read_line(&mut line).map_err(|e| format!("no answer in {TURN:?}: {e}"))?;
        Ok(line)
    }

    fn expect(&mut self, part: &str) -> Result<(), String> {
        let line = self.line()?;
        if line.contains(part) { Ok(()) } else { Err(format!("not {part} but {line:?}")) }
    }
}

/// Go away in the middle of an answer, or before it.
fn leave(socket: &Path, rng: &mut Rng, counts: &Counts) -> Result<(), String> {
    let mut raw = Raw::open(socket)?;
    raw.generate(2, 100_000)?;
    for _ in 0..rng.u32(..8) {
        raw.expect("\"token\"")?;
    }
    counts.add(&counts.left);
    Ok(())
}

/// Read with pauses, or nothing at all.
fn slow(socket: &Path, pause_ms: u64, counts: &Counts) -> Result<(), String> {
    let mut raw = Raw::open(socket)?;
    counts.add(&counts.slow);
    if pause_ms == 0 {
        raw.generate(2, 100_000)?;
        thread::sleep(Duration::from_millis(300));
        return Ok(());
    }
    raw.generate(2, 30)?;
    for id in 0..30 {
        raw.expect(&format!("\"id\":{id},"))?;
        thread::sleep(Duration::from_millis(pause_ms));
    }
    raw.expect("\"done\"")
}

/// A line that is far too long is refused, and the connection is as good as before. Our own client does not even send
/// it.
fn huge(socket: &Path, counts: &Counts) -> Result<(), String> {
    let mut raw = Raw::open(socket)?;
    let chunk = "x".repeat(1_000_000);
    for _ in 0..HUGE / chunk.len() {
        raw.say(&chunk)?;
    }
    raw.say("\n{\"id\":3,\"do\":\"status\"}\n")?;
    raw.expect("\"too-large\"")?;
    raw.expect("\"uptime_ms\"")?;
    let request = ask(&"x".repeat(MAX_REQUEST), 1, Priority::Interactive);
    let refused = connect(socket)?.generate("m", &request, &Cancel::new(), &mut |_| {});
    counts.add(&counts.huge);
    match refused {
        Err(GenerateError::Invalid(_)) => Ok(()),
        other => Err(format!("what is too large came to {other:?}")),
    }
}
