//! Standard output and standard error: who gets colours, who gets exact bytes, and what a closed pipe means.

use crate::args::ColorChoice;
use crate::failure::{Failure, Result};
use crate::sanitise::{self, for_terminal};
use anstyle::{AnsiColor, Style};
use deepcoder_profile::Vars;
use deepcoder_types::env_var;
use serde::Serialize;
use std::io::Write;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const HUNK: Style = AnsiColor::Cyan.on_default();
const BOLD: Style = Style::new().bold();

/// The version of the fields that JSON has: a field that goes or means something else makes a new one.
const SCHEMA: u32 = 1;

/// How much to say on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loudness {
    /// Errors only.
    Quiet,
    /// For every user.
    Normal,
    /// For users who ask for details.
    Verbose,
    /// Everything.
    Debug,
}

/// One of the two streams.
struct Stream {
    to: Box<dyn Write + Send>,
    terminal: bool,
    colour: bool,
    closed: bool,
}

impl Stream {
    /// A reader that went away is no error: the rest is dropped.
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.closed {
            return Ok(());
        }
        match self.to.write_all(bytes).and_then(|()| self.to.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            done => done,
        }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// `text` from a model or a repository.
    fn foreign(&self, text: &str) -> String {
        if self.terminal { for_terminal(text) } else { text.to_owned() }
    }
}

/// Both streams.
pub(crate) struct Console {
    out: Stream,
    err: Stream,
    /// How much to say.
    pub(crate) loudness: Loudness,
    /// Whether standard output carries JSON.
    pub(crate) json: bool,
}

/// The two streams of an invocation and whether a person reads them.
pub(crate) struct Streams {
    pub(crate) out: Box<dyn Write + Send>,
    pub(crate) out_is_terminal: bool,
    pub(crate) err: Box<dyn Write + Send>,
    pub(crate) err_is_terminal: bool,
}

impl Console {
    /// A console on `streams`.
    pub(crate) fn new(streams: Streams, vars: &Vars) -> Self {
        let plain = plain_wanted(vars);
        let stream = |to, terminal: bool| Stream { to, terminal, colour: terminal && !plain, closed: false };
        Self {
            out: stream(streams.out, streams.out_is_terminal),
            err: stream(streams.err, streams.err_is_terminal),
            loudness: Loudness::Normal,
            json: false,
        }
    }

    /// The value of `--color`.
    pub(crate) fn set_color(&mut self, choice: ColorChoice) {
        for stream in [&mut self.out, &mut self.err] {
            match choice {
                ColorChoice::Auto => {}
                ColorChoice::Always => stream.colour = true,
                ColorChoice::Never => stream.colour = false,
            }
        }
    }

    /// Whether progress bars and counters may be drawn.
    pub(crate) fn can_animate(&self, vars: &Vars) -> bool {
        self.err.terminal && self.loudness > Loudness::Quiet && vars.text(env_var::TERM).as_deref() != Some("dumb")
    }

    /// Whether a person reads standard output as it is written.
    pub(crate) const fn streams_live(&self) -> bool {
        self.out.terminal && !self.json
    }

    /// clap's text for a message, in colours where they are wanted.
    pub(crate) fn clap_text(&self, error: &clap::Error) -> String {
        let stream = if error.use_stderr() { &self.err } else { &self.out };
        if stream.colour { error.render().ansi().to_string() } else { error.render().to_string() }
    }

    /// Text of our own with its own colours on standard output.
    pub(crate) fn raw(&mut self, text: &str) -> Result<()> {
        self.put_out(text)
    }

    /// Whether the reader of standard output has gone.
    pub(crate) const fn out_closed(&self) -> bool {
        self.out.closed
    }

    /// Our own words on standard output, with a line end. It is one line and harmless, whatever names stand in it.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.put_out(&format!("{}\n", sanitise::line(text)))
    }

    /// A heading on standard output; one line.
    pub(crate) fn heading(&mut self, text: &str) -> Result<()> {
        let text = self.out.paint(BOLD, &sanitise::line(text));
        self.put_out(&format!("{text}\n"))
    }

    /// Text from a model or a repository on standard output: exact in a pipe, harmless on a terminal.
    pub(crate) fn print(&mut self, text: &str) -> Result<()> {
        let text = self.out.foreign(text);
        self.put_out(&text)
    }

    /// Bytes of a file on standard output: exact in a pipe, harmless on a terminal.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if self.out.terminal {
            return self.print(&String::from_utf8_lossy(bytes));
        }
        self.put_out_bytes(bytes)
    }

    /// A value as JSON on standard output. An object says first which version of docs/reference/json.md describes it.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let mut text =
            serde_json::to_string(value).map_err(|e| Failure::new(format!("the result is not valid JSON: {e}")))?;
        if let Some(fields) = text.strip_prefix('{') {
            let comma = if fields == "}" { "" } else { "," };
            text = format!("{{\"schema\":{SCHEMA}{comma}{fields}");
        }
        text.push('\n');
        self.put_out(&text)
    }

    /// A unified diff on standard output, in colours where they are wanted.
    pub(crate) fn diff(&mut self, diff: &str) -> Result<()> {
        if !self.out.colour {
            return self.print(diff);
        }
        let mut painted = String::with_capacity(diff.len() * 2);
        let mut in_hunk = false;
        for line in diff.split_inclusive('\n') {
            in_hunk = !line.starts_with("diff --git ") && (in_hunk || line.starts_with("@@"));
            let style = match line.as_bytes().first() {
                Some(b'+') if in_hunk => ADDED,
                Some(b'-') if in_hunk => REMOVED,
                Some(b'@') => HUNK,
                _ if !in_hunk => BOLD,
                _ => Style::new(),
            };
            let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
            painted.push_str(&self.out.paint(style, &for_terminal(text.strip_suffix('\r').unwrap_or(text))));
            painted.push_str(end);
        }
        self.put_out(&painted)
    }

    /// The progress of the command, on standard error.
    pub(crate) fn note(&mut self, text: &str) {
        self.say(Loudness::Normal, &for_terminal(text));
    }

    /// Details for the curious, on standard error.
    pub(crate) fn detail(&mut self, text: &str) {
        self.say(Loudness::Verbose, &for_terminal(text));
    }

    /// Something that the user should know.
    pub(crate) fn warn(&mut self, text: &str) {
        let label = self.err.paint(WARNING, "warning");
        self.say(Loudness::Normal, &format!("{label}: {}", for_terminal(text)));
    }

    /// A hint at the next step.
    pub(crate) fn hint(&mut self, text: &str) {
        let label = self.err.paint(HINT, "hint");
        self.say(Loudness::Normal, &format!("{label}: {}", for_terminal(text)));
    }

    /// Why the command failed: on standard error, and as JSON on standard output where that was asked for.
    pub(crate) fn failure(&mut self, failure: &Failure, code: u8) {
        if self.json {
            let error = serde_json::json!({
                "error": { "message": failure.message, "hint": failure.hint, "exit_code": code }
            });
            // The exit code says it as well; there is nothing to be done about a broken standard output here.
            let _ = self.json(&error);
        }
        let label = self.err.paint(ERROR, "error");
        self.say(Loudness::Quiet, &format!("{label}: {}", for_terminal(&failure.message)));
        if let Some(hint) = &failure.hint {
            let label = self.err.paint(HINT, "hint");
            self.say(Loudness::Quiet, &format!("{label}: {}", for_terminal(hint)));
        }
    }

    /// A question on standard error, without a line end.
    pub(crate) fn ask(&mut self, text: &str) {
        // An error here shows again at the answer.
        let _ = self.err.put(text.as_bytes());
    }

    fn say(&mut self, loudness: Loudness, text: &str) {
        if loudness <= self.loudness {
            // Further lines are indented, so that nothing that is told of can speak for us.
            let text = text.trim_end().replace('\n', "\n  ");
            // Nothing can be told to a user whose standard error is broken.
            let _ = self.err.put(format!("{text}\n").as_bytes());
        }
    }

    fn put_out(&mut self, text: &str) -> Result<()> {
        self.put_out_bytes(text.as_bytes())
    }

    fn put_out_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.put(bytes).map_err(|e| Failure::io("cannot write to standard output", &e))
    }
}

/// Whether the user has switched colours off for all programs.
fn plain_wanted(vars: &Vars) -> bool {
    vars.get(env_var::NO_COLOR).is_some_and(|v| !v.is_empty()) || vars.text(env_var::TERM).as_deref() == Some("dumb")
}
