//! `cargo run -p deepcoder-export --example import -- SOURCE DEST [--exact | --native | --bits N [--block N]]`

use deepcoder_export::{ImportOptions, import};
use deepcoder_types::{Cancel, Hint as _};
use std::path::Path;
use std::process::ExitCode;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |flag: &str| args.iter().position(|a| a == flag).and_then(|i| args.get(i + 1)?.parse().ok());
    let [source, dest, ..] = &args[..] else {
        eprintln!("usage: import SOURCE DEST [--exact | --native | --bits N [--block N]]");
        return ExitCode::from(2);
    };
    let options = ImportOptions {
        name: Path::new(dest).file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
        bits: number("--bits"),
        block: number("--block"),
        exact: args.iter().any(|a| a == "--exact"),
        portable: args.iter().any(|a| a == "--portable"),
        license: None,
    };
    match import(Path::new(source), Path::new(dest), &options, &mut |_| {}, &Cancel::new()) {
        Ok(manifest) => {
            for (kind, how) in &manifest.recipe.mapping {
                println!("{kind}: {how}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}
