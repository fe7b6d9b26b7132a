//! What a suite has to say in the end.

use std::time::Instant;

/// The result of one suite.
pub(crate) struct Report {
    suite: &'static str,
    started: Instant,
    /// What was tried.
    pub(crate) tried: String,
    /// What was lost, one line each.
    pub(crate) lost: Vec<String>,
    /// What else was measured.
    pub(crate) note: String,
    skipped: Option<String>,
}

impl Report {
    pub(crate) fn new(suite: &'static str) -> Self {
        let (tried, note) = (String::new(), String::new());
        Self { suite, started: Instant::now(), tried, lost: Vec::new(), note, skipped: None }
    }

    /// It cannot be run here.
    pub(crate) fn skip(mut self, why: impl Into<String>) -> Self {
        self.skipped = Some(why.into());
        self
    }

    /// Something was lost: said at once, since it may be hours until the end.
    pub(crate) fn lose(&mut self, what: String) {
        if self.lost.len() < 20 {
            eprintln!("{}: lost: {what}", self.suite);
        }
        self.lost.push(what);
    }

    /// The last line.
    pub(crate) fn line(&self) -> String {
        if let Some(why) = &self.skipped {
            return format!("{}: skipped: {why}", self.suite);
        }
        let note = if self.note.is_empty() { String::new() } else { format!("; {}", self.note) };
        let seconds = self.started.elapsed().as_secs_f64();
        format!("{}: {}: {} lost{note}; {seconds:.0} s", self.suite, self.tried, self.lost.len())
    }

    pub(crate) fn is_good(&self) -> bool {
        self.lost.is_empty()
    }
}
