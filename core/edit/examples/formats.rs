//! Applies replies to texts, for comparisons with other programs: JSON lines `{"format", "text", "reply"}` on standard
//! input, `{"text"}` or `{"error"}` for each on standard output. `tests/oracle/formats.py` is what asks.

use deepcoder_edit::formats::envelope::{self, FileOp};
use deepcoder_edit::formats::{FormatError, patch, search_replace};
use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};

fn applied(format: &str, text: &str, reply: &str) -> Result<String, FormatError> {
    match format {
        "diff" => {
            let hunks: Vec<_> = patch::parse(reply)?.into_iter().flat_map(|f| f.hunks).collect();
            patch::apply(text, &hunks).map(|a| a.text)
        }
        "patch" => {
            let mut all = Vec::new();
            for op in envelope::parse(reply)? {
                if let FileOp::Update { chunks, .. } = op {
                    all.extend(chunks);
                }
            }
            envelope::apply(text, &all).map(|a| a.text)
        }
        _ => search_replace::apply(text, &search_replace::parse(reply)?).map(|a| a.text),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let field = |name: &str| case[name].as_str().unwrap_or_default();
        let answer = match applied(field("format"), field("text"), field("reply")) {
            Ok(text) => json!({ "text": text }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}
