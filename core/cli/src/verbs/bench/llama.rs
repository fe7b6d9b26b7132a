//! The same work in llama.cpp, by its own `llama-bench`.

use super::child;
use crate::failure::{Failure, Result};
use deepcoder_types::Cancel;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A `llama-bench` and the file that it measures.
pub(crate) struct LlamaBench {
    program: PathBuf,
    model: PathBuf,
    threads: usize,
}

/// One result, as `llama-bench -o json` has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Measured {
    /// Tokens of a prompt, or none.
    #[serde(rename = "n_prompt")]
    pub(crate) prompt: usize,
    /// Tokens produced one by one, or none.
    #[serde(rename = "n_gen")]
    pub(crate) generated: usize,
    /// Tokens in the cache before.
    #[serde(rename = "n_depth")]
    pub(crate) depth: usize,
    /// Tokens per second.
    #[serde(rename = "avg_ts")]
    pub(crate) tps: f64,
    /// Which llama.cpp it is.
    #[serde(default, rename = "build_commit")]
    pub(crate) build: String,
}

/// The measurements of one run of `llama-bench` at one depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) depth: usize,
    pub(crate) prompts: Vec<usize>,
    pub(crate) generate: usize,
}

impl LlamaBench {
    /// Checks that `program` is one before anything is done that takes long.
    pub(crate) fn new(program: &Path, model: &Path, threads: usize, cancel: &Cancel) -> Result<Self> {
        let said = child::run(Command::new(program).arg("--help"), cancel).map_err(|e| e.hint(HINT))?;
        if !said.out.contains("--n-depth") {
            return Err(Failure::new(format!("{} is not a llama-bench that knows -d", program.display())).hint(HINT));
        }
        Ok(Self { program: program.to_owned(), model: model.to_owned(), threads })
    }

    /// Measure `task` once, after the warm-up that `llama-bench` does itself.
    pub(crate) fn run(&self, task: &Task, cancel: &Cancel) -> Result<Vec<Measured>> {
        let mut command = Command::new(&self.program);
        command.arg("-m").arg(&self.model).args(["-o", "json", "-r", "1"]);
        command.args(["-t", &self.threads.to_string(), "-d", &task.depth.to_string()]);
        let prompts: Vec<String> = task.prompts.iter().map(usize::to_string).collect();
        command.arg("-p").arg(if prompts.is_empty() { "0".into() } else { prompts.join(",") });
        command.args(["-n", &task.generate.to_string()]);
        let said = child::run(&mut command, cancel)?;
        if !said.status.success() {
            return Err(Failure::new(format!("llama-bench failed: {}", said.complaint())));
        }
        parse(&said.out)
    }
}

const HINT: &str = "give the path of the llama-bench that llama.cpp's build makes";

fn parse(json: &str) -> Result<Vec<Measured>> {
    serde_json::from_str(json).map_err(|e| Failure::new(format!("the output of llama-bench cannot be parsed: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the comparison: what llama-bench prints is read as what it measured, and what is not JSON is said.
    #[test]
    fn results_are_told_apart() {
        let json = r#"[{"build_commit": "0c1e570", "model_type": "deepseek2 16B Q4_0", "n_prompt": 8, "n_gen": 0,
            "n_depth": 1024, "avg_ts": 33.25, "samples_ts": [33.25]},
            {"build_commit": "0c1e570", "n_prompt": 0, "n_gen": 32, "n_depth": 1024, "avg_ts": 17.5}]"#;
        let read = parse(json).unwrap();
        assert_eq!((read[0].prompt, read[0].generated, read[0].depth, read[0].tps), (8, 0, 1024, 33.25));
        assert_eq!((read[1].prompt, read[1].generated, read[1].build.as_str()), (0, 32, "0c1e570"));
        assert!(parse("error: failed to load model").unwrap_err().message.contains("cannot be parsed"));
    }
}
