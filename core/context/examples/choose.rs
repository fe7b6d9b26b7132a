//! Which files does `choose` rank first? A line of standard input is a JSON object with `root`, `question` and `expected`
//! (paths, any of which is right); the answer is a line with the place of the best one, and the five best with the reasons.
#![expect(clippy::print_stdout, reason = "an example prints")]

use deepcoder_context::Context;
use deepcoder_types::Cancel;
use deepcoder_workspace::Workspace;
use serde::Deserialize;
use std::io::BufRead as _;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Question {
    root: PathBuf,
    question: String,
    expected: Vec<String>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = std::env::args().nth(1);
    let (mut all, mut first, mut three) = (0, 0, 0);
    for line in std::io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        let workspace = Workspace::open(&question.root)?;
        let workspace = match &cache {
            Some(folder) => workspace.with_cache(folder),
            None => workspace,
        };
        let started = std::time::Instant::now();
        let found = Context::new(&workspace).best(&question.question, 8, &Cancel::new())?.targets;
        let ms = started.elapsed().as_millis();
        let place = found.iter().position(|file| question.expected.iter().any(|path| file.path.as_str() == path));
        all += 1;
        first += u32::from(place == Some(0));
        three += u32::from(place.is_some_and(|place| place < 3));
        let place = place.map_or("-".to_owned(), |place| (place + 1).to_string());
        println!("{place} {ms} ms {:?} {:?}", question.question, question.expected);
        for file in found.iter().take(4) {
            println!("      {}: {}", file.path, file.reason);
        }
    }
    println!("{first} of {all} first, {three} in the first three");
    Ok(())
}
