//! What drafts save where an answer repeats most of a file: whole-file edits of the files in tests/bench/copy_edit, with
//! drafts and without.
//!
//!     cargo bench -p deepcoder-model -- LIBRARY MODEL_FOLDER [--rounds N] [--only NAME]
#![expect(clippy::print_stdout, reason = "a report")]

use deepcoder_model::{Engine, EngineOptions, runtime};
use deepcoder_types::{Cancel, GenerateRequest, Generation, LanguageModel as _, Message, Prompt};
use std::path::{Path, PathBuf};

type Failed = Box<dyn std::error::Error>;

/// The files, their languages, and small edits of them.
const EDITS: &[(&str, &str, &str)] = &[
    ("slug.py", "python", "Change the maximum length of slugs to 100."),
    (
        "cart.js",
        "javascript",
        "Make applyCoupon throw a CartError with the code 'COUPON' if there are three coupons already.",
    ),
    ("scheduler.js", "javascript", "Rename the method summary of Scheduler to counts."),
    (
        "inventory.py",
        "python",
        "Add a method is_empty to Inventory that returns whether the level of every product is zero.",
    ),
];

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let option = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let [library, folder, ..] = args.as_slice() else {
        return Err("usage: LIBRARY MODEL_FOLDER [--rounds N] [--only NAME]".into());
    };
    let rounds = option("--rounds").map_or(Ok(1), |n| n.parse::<usize>())?.max(1);
    let library = runtime::locate(&runtime::RuntimeSearch { setting: Some(library.into()), ..Default::default() })?;
    runtime::init(&library)?;
    let load = |draft| Engine::load(Path::new(folder), &EngineOptions { draft, ..EngineOptions::default() });
    let (plain, drafting) = (load(false)?, load(true)?);
    println!("{}, {rounds} rounds, tokens per second", plain.info().name);
    let head = ["file", "lines", "tokens", "copied", "plain", "drafts", "ratio", "drafted", "accepted"];
    row(&head.map(str::to_owned));
    for (name, language, instruction) in EDITS {
        if option("--only").is_some_and(|only| only != name) {
            continue;
        }
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bench/copy_edit")).join(name);
        let file = std::fs::read_to_string(path)?;
        let request = request(&plain, &file, language, instruction)?;
        let (mut slow, mut fast) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            slow.push(plain.generate(&request, &Cancel::new(), &mut |_| {})?);
            fast.push(drafting.generate(&request, &Cancel::new(), &mut |_| {})?);
        }
        let answer = fast.first().ok_or("no round")?;
        if slow.iter().chain(&fast).any(|other| other.text != answer.text) {
            return Err(format!("{name}: the answers with and without drafts differ").into());
        }
        let (usage, without, with) = (answer.usage, median(&slow), median(&fast));
        row(&[
            (*name).to_owned(),
            file.lines().count().to_string(),
            usage.completion_tokens.to_string(),
            format!("{} %", copied(&file, &answer.text)),
            format!("{without:.1}"),
            format!("{with:.1}"),
            format!("{:.2}", with / without),
            usage.drafted_tokens.to_string(),
            usage.accepted_tokens.to_string(),
        ]);
    }
    Ok(())
}

/// What the product asks for where it wants a whole file: the answer begins as the file's block of code.
fn request(engine: &Engine, file: &str, language: &str, instruction: &str) -> Result<GenerateRequest, Failed> {
    let ask = format!("{instruction}\nAnswer with the whole file and change nothing else:\n```{language}\n{file}```\n");
    let prompt = Prompt::Chat { messages: vec![Message::user(ask)], prefill: format!("```{language}\n") };
    let most = engine.count_tokens(file)? * 5 / 4 + 200;
    let mut request = GenerateRequest::greedy(prompt, most);
    request.draft = Some(file.to_owned());
    request.stop = vec!["\n```".into()];
    Ok(request)
}

/// Of a hundred lines of the answer, those that are in the file.
fn copied(file: &str, answer: &str) -> usize {
    let lines: std::collections::HashSet<&str> = file.lines().collect();
    let same = answer.lines().filter(|line| lines.contains(line)).count();
    same * 100 / answer.lines().count().max(1)
}

fn median(runs: &[Generation]) -> f64 {
    let mut rates: Vec<f64> = runs.iter().map(|run| run.timing.decode_tps).collect();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(0.0)
}

fn row(cells: &[String; 9]) {
    let [name, rest @ ..] = cells;
    let rest: String = rest.iter().map(|cell| format!("{cell:>9}")).collect();
    println!("{name:16}{rest}");
}
