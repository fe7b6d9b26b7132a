//! Tells the names that nothing binds in each of the files given, as if each were an edit from empty: a measure of false
//! alarms on code that is known to be right.
#![expect(clippy::print_stdout, reason = "an example prints")]

use deepcoder_syntax::{Language, free_names};
use deepcoder_types::RepoPath;
use std::io::Read;

fn main() -> std::io::Result<()> {
    let mut list = String::new();
    std::io::stdin().read_to_string(&mut list)?;
    let (mut files, mut judged, mut alarms) = (0, 0, 0);
    for file in list.lines() {
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        let Some(language) = RepoPath::new(file.trim_start_matches('/')).ok().and_then(|p| Language::of(&p)) else {
            continue;
        };
        files += 1;
        let Some(free) = free_names(language, &text) else { continue };
        judged += 1;
        for name in &free {
            alarms += 1;
            println!("{file}:{}: {}", name.line, name.name);
        }
    }
    println!("{files} files, {judged} judged, {alarms} names");
    Ok(())
}
