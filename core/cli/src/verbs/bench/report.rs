//! The report of a bench of a shape.

use super::machine::Machine;
use crate::console::Console;
use crate::failure::Result;
use crate::time;
use serde::Serialize;

/// Everything, as `--json` has it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ShapeReport {
    pub(crate) shape: &'static str,
    pub(crate) parameters: u64,
    pub(crate) gguf_bytes: u64,
    /// Bytes of weights that one token reads.
    pub(crate) bytes_per_token: u64,
    /// Bytes of cache that each earlier token adds to that.
    pub(crate) cache_bytes_per_token: u64,
    pub(crate) machine: Machine,
    pub(crate) threads: usize,
    /// Bytes per second that these threads read from memory.
    pub(crate) read_bandwidth: f64,
    pub(crate) rounds: usize,
    /// Milliseconds of the fastest load: the page cache was warm.
    pub(crate) load_ms: f64,
    /// For each length of context, where the system says it.
    pub(crate) peak_rss: Vec<Peak>,
    /// llama.cpp's commit, where it was measured.
    pub(crate) llama_cpp: Option<String>,
    pub(crate) work: Vec<Row>,
}

/// The most memory that a process took: mapped weights, cache and all else.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Peak {
    pub(crate) context: usize,
    /// The most of all rounds.
    pub(crate) mib: f64,
}

/// The measured quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Work {
    Prefill,
    Decode,
    Verify,
}

/// One piece of work.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) work: Work,
    /// Tokens in the cache before.
    pub(crate) context: usize,
    pub(crate) tokens: usize,
    pub(crate) deepcoder: Rates,
    pub(crate) llama_cpp: Option<Rates>,
    /// How many times llama.cpp's rate ours is.
    pub(crate) ratio: Option<f64>,
}

/// Tokens per second.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Rates {
    /// The median of the rounds.
    pub(crate) tps: f64,
    pub(crate) rounds: Vec<f64>,
    /// For single steps: which part of the time would be needed to read weights and cache once.
    pub(crate) floor: Option<f64>,
}

impl Row {
    pub(crate) fn new(work: Work, context: usize, tokens: usize) -> Self {
        Self { work, context, tokens, deepcoder: Rates::default(), llama_cpp: None, ratio: None }
    }

    /// Medians, ratio and floors. `seconds` is what reading takes for one token.
    pub(crate) fn finish(&mut self, seconds: f64) {
        let single = self.work == Work::Decode;
        for rates in [Some(&mut self.deepcoder), self.llama_cpp.as_mut()].into_iter().flatten() {
            rates.tps = median(&rates.rounds);
            rates.floor = single.then_some(rates.tps * seconds);
        }
        self.ratio = self.llama_cpp.as_ref().map(|theirs| self.deepcoder.tps / theirs.tps);
    }

    fn label(&self) -> String {
        let behind = format!("at {}", self.context);
        match self.work {
            Work::Prefill => format!("prefill of {} {behind}", self.tokens),
            Work::Decode => format!("decode {behind}"),
            Work::Verify => format!("check of {} drafted {behind}", self.tokens),
        }
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = sorted.len() / 2;
    match sorted.get(at) {
        None => f64::NAN,
        Some(upper) if sorted.len() % 2 == 1 => *upper,
        Some(upper) => f64::midpoint(sorted[at - 1], *upper),
    }
}

impl ShapeReport {
    pub(crate) fn show(&self, console: &mut Console) -> Result<()> {
        if console.json {
            return console.json(self);
        }
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let per_token = self.bytes_per_token as f64;
        console.heading(&format!("{}, random weights, {} threads", self.shape, self.threads))?;
        console.line(&self.machine.title())?;
        console.line(&format!(
            "reads {:.1} GB/s; a token reads {:.2} GB: at most {:.1} tok/s",
            self.read_bandwidth / 1e9,
            per_token / 1e9,
            self.read_bandwidth / per_token
        ))?;
        console.line(&format!("load {:.1} s", self.load_ms / 1e3))?;
        let peaks: Vec<String> = self.peak_rss.iter().map(|p| format!("{:.0} MiB at {}", p.mib, p.context)).collect();
        if !peaks.is_empty() {
            let weights = time::bytes(self.gguf_bytes);
            console.line(&format!("peak memory {}, {weights} of it weights", peaks.join(", ")))?;
        }
        let theirs = self.llama_cpp.as_ref().map(|commit| format!("llama.cpp {commit}"));
        let mut head = format!("{:32}{:>14}{:>8}", "tokens per second", "deepcoder", "floor");
        if let Some(theirs) = &theirs {
            head.push_str(&format!("{theirs:>20}{:>8}{:>9}", "floor", "ratio"));
        }
        console.line("")?;
        console.line(&head)?;
        for row in &self.work {
            let mut line = format!("{:32}{:>14.1}{:>8}", row.label(), row.deepcoder.tps, percent(row.deepcoder.floor));
            if let (Some(theirs), Some(ratio)) = (&row.llama_cpp, row.ratio) {
                line.push_str(&format!("{:>20.1}{:>8}{ratio:>8.2}×", theirs.tps, percent(theirs.floor)));
            }
            console.line(&line)?;
        }
        Ok(())
    }
}

fn percent(part: Option<f64>) -> String {
    part.map_or_else(String::new, |part| format!("{:.0} %", part * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the numbers that are published: the middle of the rounds, ours over theirs, and the part of the floor.
    #[test]
    fn a_row_is_the_middle_of_its_rounds() {
        let rates = |rounds: &[f64]| Rates { rounds: rounds.to_vec(), ..Rates::default() };
        let mut row = Row::new(Work::Decode, 0, 32);
        row.deepcoder = rates(&[30.0, 10.0, 20.0]);
        row.llama_cpp = Some(rates(&[4.0, 16.0]));
        row.finish(0.04);
        assert_eq!((row.deepcoder.tps, row.deepcoder.floor), (20.0, Some(0.8)));
        assert_eq!((row.llama_cpp.as_ref().unwrap().tps, row.ratio), (10.0, Some(2.0)));
        let mut prefill = Row::new(Work::Prefill, 0, 512);
        prefill.deepcoder = rates(&[100.0]);
        prefill.finish(0.04);
        assert_eq!((prefill.deepcoder.floor, prefill.ratio), (None, None), "prompts are not bound by reading");
    }
}
