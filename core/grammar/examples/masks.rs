//! Measures masks with the vocabulary of a model: `masks FOLDER [SCHEMA.json]` prints how long the masks of a random
//! answer take, in microseconds.
#![expect(clippy::print_stdout, reason = "an example prints")]

use deepcoder_grammar::{Compiler, Vocabulary};
use deepcoder_types::{Form, Free, Grammar};
use std::sync::Arc;
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

const TOKENS: usize = 151_936;
const ENDS: [u32; 2] = [151_645, 151_643];

const SCHEMA: &str = r##"{"type": "object", "properties": {
  "summary": {"type": "string", "maxLength": 200}, "severity": {"enum": ["low", "medium", "high", "critical"]},
  "files": {"type": "array", "minItems": 1, "maxItems": 20, "items": {"$ref": "#/$defs/file"}},
  "score": {"type": "number", "minimum": 0, "maximum": 1}, "fixed": {"type": "boolean"},
  "author": {"type": ["string", "null"]}, "when": {"type": "string", "format": "date-time"},
  "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,30}$"}}},
 "required": ["summary", "severity", "files", "score", "fixed", "author", "when", "tags"], "additionalProperties": false,
 "$defs": {"file": {"type": "object", "properties": {
   "path": {"type": "string", "pattern": "^[\\w./-]+$"}, "lines": {"type": "array", "items": {"type": "integer", "minimum": 1}},
   "kind": {"anyOf": [{"const": "added"}, {"const": "changed"}, {"const": "removed"}]}, "reason": {"type": "string"}},
   "required": ["path", "lines", "kind"], "additionalProperties": false}}}"##;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("a folder with a tokenizer.json is missing")?;
    let schema = arguments.next().map_or_else(|| Ok(SCHEMA.to_owned()), std::fs::read_to_string)?;
    let tokenizer = serde_json::from_slice(&std::fs::read(format!("{folder}/tokenizer.json"))?)?;
    let mut tokens = llguidance::token_bytes_from_tokenizer_json(&tokenizer)?;
    tokens.resize(TOKENS, Vec::new());
    let begin = Instant::now();
    let compiler = Compiler::new(Arc::new(Vocabulary::new(&tokens, |_| false, &ENDS, None)?));
    println!("the vocabulary is built in {:?}", begin.elapsed());
    let docstring = Free { start: 16, end: 16, regex: r#"[^"\\]*"#.into() };
    for (name, form) in [
        ("JSON", Form::Json(schema)),
        ("pattern", Form::Regex(r"[A-Z][a-z]{2,40}( \d{1,4}){1,3}".into())),
        ("free text", Form::Regex("(?s:.*)".into())),
        ("Lark", Form::Lark("start: sum\nsum: item (\"+\" item)*\nitem: /[0-9]+/ | \"(\" sum \")\"".into())),
        ("choice", Form::Choices((0..200).map(|i| format!("option number {i}")).collect())),
        ("scope", Form::Scope { text: "def f():\n    \"\"\"\"\"\"\n    return 1\n".into(), free: vec![docstring] }),
    ] {
        measure(name, &compiler, &Grammar::of(form))?;
    }
    Ok(())
}

fn measure(name: &str, compiler: &Compiler, grammar: &Grammar) -> Result<(), Failure> {
    let begin = Instant::now();
    let mut constraint = compiler.compile(grammar)?;
    let compiled = begin.elapsed();
    let mut random = 7_u64;
    let mut times = Vec::new();
    for _ in 0..300 {
        let mut logits: Vec<f32> = (0..TOKENS)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 48) as f32
            })
            .collect();
        let begin = Instant::now();
        constraint.mask(&mut logits)?;
        times.push(begin.elapsed());
        let best = (0..).zip(&logits).max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(id, _)| id);
        constraint.accept(best)?;
        if ENDS.contains(&best) {
            break;
        }
    }
    let sum: std::time::Duration = times.iter().sum();
    times.sort_unstable();
    let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
    let mean = sum / u32::try_from(times.len())?;
    println!(
        "{name}: compiled in {compiled:?}, {} masks, median {median:?}, mean {mean:?}, most {most:?}",
        times.len()
    );
    Ok(())
}
