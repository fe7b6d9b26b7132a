use std::io::Read;
use textkit::stats::summarize;

fn main() {
    let mut text = String::new();
    if std::io::stdin().read_to_string(&mut text).is_err() {
        eprintln!("standard input is not text");
        std::process::exit(1);
    }
    let summary = summarize(&text);
    println!("{} words, {} lines", summary.words, summary.lines);
}
