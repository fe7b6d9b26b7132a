//! Runs a model folder from the command line, for work on the engine itself:
//! `generate LIBRARY FOLDER bench` or `generate LIBRARY FOLDER chat|text|fill|edit TEXT…`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use deepcoder_model::{BenchOptions, Engine, EngineOptions, runtime};
use deepcoder_types::{Cancel, GenerateRequest, LanguageModel as _, Message, Prompt};
use std::io::Write as _;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [library, folder, verb, rest @ ..] = args.as_slice() else {
        return Err(
            "usage: generate LIBRARY FOLDER bench | chat TEXT | text TEXT | fill PREFIX SUFFIX | edit FILE TEXT".into(),
        );
    };
    let search = runtime::RuntimeSearch { setting: Some(PathBuf::from(library)), ..Default::default() };
    let library = runtime::locate(&search)?;
    runtime::init(&library)?;
    eprintln!("{library:?} {:?}", runtime::providers(&library)?);
    let draft = !rest.iter().any(|a| a == "--no-draft");
    let spin = !rest.iter().any(|a| a == "--no-spin");
    let engine = Engine::load(&PathBuf::from(folder), &EngineOptions { draft, spin, ..Default::default() })?;
    let text = |i: usize| rest.get(i).cloned().unwrap_or_default();
    let mut request = match verb.as_str() {
        "bench" => {
            let mut what = BenchOptions::default();
            if rest.iter().any(|a| a == "--quick") {
                what = BenchOptions { decode: 32, contexts: vec![0], verify: vec![8], prefill: 64, ..what };
            }
            println!("{}", serde_json::to_string(&engine.bench(&what, &Cancel::new())?)?);
            return Ok(());
        }
        "perplexity" => {
            let source = std::fs::read_to_string(text(0))?;
            println!("{}", engine.perplexity(&source, 512, &Cancel::new())?);
            return Ok(());
        }
        "tokens" => {
            println!("{:?}", engine.tokenize(&std::fs::read_to_string(text(0))?)?);
            return Ok(());
        }
        "text" => GenerateRequest::greedy(Prompt::Text(text(0)), 64),
        "fill" => GenerateRequest::greedy(Prompt::Fill { prefix: text(0), suffix: text(1) }, 64),
        "edit" => {
            let file = std::fs::read_to_string(text(0))?;
            let ask = format!("{}\nRewrite this file, and change nothing else:\n```python\n{file}```\n", text(1));
            let messages = vec![Message::user(ask)];
            let mut request = GenerateRequest::greedy(Prompt::Chat { messages, prefill: "```python\n".into() }, 2000);
            request.draft = Some(file);
            request.stop = vec!["```".into()];
            request
        }
        _ => {
            let messages = vec![Message::user(text(0))];
            GenerateRequest::greedy(Prompt::Chat { messages, prefill: String::new() }, 256)
        }
    };
    if rest.iter().any(|a| a == "--hot") {
        request.sampling.temperature = 0.7;
    }
    for _ in 0..2 {
        let done = engine.generate(&request, &Cancel::new(), &mut |event| {
            print!("{}", event.text);
            let _ = std::io::stdout().flush();
        })?;
        println!();
        eprintln!("{:?} {:?} {:?}", done.finish, done.usage, done.timing);
    }
    Ok(())
}
