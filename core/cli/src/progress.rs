//! Progress on standard error: drawn on a terminal, silent elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(100);

/// A line that says what is going on. Without a terminal it does nothing.
pub(crate) struct Progress {
    bar: ProgressBar,
    tokens: u32,
    since: Option<Instant>,
    label: String,
}

impl Progress {
    /// A spinner, if `animate`.
    pub(crate) fn spinner(animate: bool, label: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, target(animate));
        bar.set_style(style("{spinner:.cyan} {wide_msg}"));
        bar.set_message(label.to_owned());
        if animate {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, tokens: 0, since: None, label: label.to_owned() }
    }

    /// A bar over bytes, if `animate`.
    pub(crate) fn bytes(animate: bool, label: &str, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), target(animate));
        bar.set_style(style(
            "{msg:30!} {bar:24.cyan} {binary_bytes:>10}/{binary_total_bytes:<10} {binary_bytes_per_sec:>12} {eta:>4}",
        ));
        bar.set_message(label.to_owned());
        Self { bar, tokens: 0, since: None, label: label.to_owned() }
    }

    /// A bar over things, if `animate`.
    pub(crate) fn count(animate: bool, label: &str, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), target(animate));
        bar.set_style(style("{msg:30!} {bar:24.cyan} {pos:>5}/{len:<5} {eta:>4}"));
        bar.set_message(label.to_owned());
        if animate {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, tokens: 0, since: None, label: label.to_owned() }
    }

    /// The current stage.
    pub(crate) fn label(&mut self, label: &str) {
        if self.label != label {
            label.clone_into(&mut self.label);
            self.bar.set_message(self.label.clone());
        }
    }

    /// The current stage, from a caller that only shares it.
    pub(crate) fn message(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// How much of how much is done.
    pub(crate) fn position(&self, done: u64, total: u64) {
        if self.bar.length() != Some(total) {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }

    /// The model wrote a token.
    pub(crate) fn token(&mut self) {
        self.tokens += 1;
        let since = *self.since.get_or_insert_with(Instant::now);
        let seconds = since.elapsed().as_secs_f64();
        let rate = if self.tokens > 1 && seconds > 0.0 { f64::from(self.tokens - 1) / seconds } else { 0.0 };
        self.bar.set_message(format!("{}  {} tokens · {rate:.0} tok/s", self.label, self.tokens));
    }

    /// Run `say` with the line out of the way.
    pub(crate) fn suspend<T>(&self, say: impl FnOnce() -> T) -> T {
        self.bar.suspend(say)
    }

    /// Take the line away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn target(animate: bool) -> ProgressDrawTarget {
    if animate { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

fn style(template: &str) -> ProgressStyle {
    // The templates above are constants; a wrong one shows as the default style.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─")
}
