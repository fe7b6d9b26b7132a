//! The rules of one ignore file. A few are compiled together. Of many, each is compiled when a path holds the letters that
//! it asks for: a file of a megabyte must not cost a minute.

use deepcoder_types::check_glob;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// More rules than this are not compiled together.
const FEW: usize = 1000;

/// The rules of one file.
#[derive(Debug)]
pub(crate) enum Globs {
    Together(Gitignore),
    ByLetters(ByLetters),
}

impl Globs {
    /// The rules of `text`; `None` where it has none.
    pub(crate) fn parse(text: &str, ignore_case: bool) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let few = text.lines().nth(FEW).is_none();
        let together = if few { compile(text.lines(), ignore_case) } else { None };
        // Odd ones may be too much together. None may be lost to the others, or what it hides is seen.
        together.map(Self::Together).or_else(|| ByLetters::new(text, ignore_case).map(Self::ByLetters))
    }

    /// Whether a path is hidden; nothing where no rule is about it.
    pub(crate) fn hides(&self, path: &str, is_dir: bool) -> Option<bool> {
        match self {
            Self::Together(rules) => ask(rules, path, is_dir),
            Self::ByLetters(rules) => rules.hides(path, is_dir),
        }
    }
}

fn compile<'a>(lines: impl Iterator<Item = &'a str>, ignore_case: bool) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    builder.case_insensitive(ignore_case).ok()?;
    // A line that would end at the end of the stack hides nothing.
    for line in lines.filter(|line| check_glob(line).is_ok()) {
        // A line that is not a glob hides nothing in git either.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok().filter(|rules| !rules.is_empty())
}

fn ask(rules: &Gitignore, path: &str, is_dir: bool) -> Option<bool> {
    match rules.matched(Path::new(path), is_dir) {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    }
}

/// Rules by the letters that a path needs to be meant by them.
#[derive(Debug)]
pub(crate) struct ByLetters {
    lines: Vec<Rule>,
    /// Rules by the end of their letters.
    by_end: HashMap<Vec<u8>, Vec<usize>>,
    /// Rules that any path may be meant by.
    any: Vec<usize>,
    ignore_case: bool,
    compiled: Mutex<HashMap<usize, Arc<Option<Gitignore>>>>,
}

/// One rule.
#[derive(Debug)]
struct Rule {
    line: String,
    /// Letters that a path has to have.
    letters: Vec<u8>,
}

/// How many of the last letters rules are found by.
const END: usize = 4;

impl ByLetters {
    fn new(text: &str, ignore_case: bool) -> Option<Self> {
        // The last one counts. One that says the same, or the opposite, of the same paths before it is never asked.
        let mut seen = HashSet::new();
        let mut lines = Vec::new();
        for line in text.lines().rev().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            if seen.insert(line.strip_prefix('!').unwrap_or(line)) {
                let mut letters = required(line, ignore_case).into_bytes();
                if ignore_case {
                    letters.make_ascii_lowercase();
                }
                lines.push(Rule { line: line.to_owned(), letters });
            }
        }
        if lines.is_empty() {
            return None;
        }
        lines.reverse();
        let (mut any, mut by_end) = (Vec::new(), HashMap::<_, Vec<usize>>::new());
        for (number, Rule { letters, .. }) in lines.iter().enumerate() {
            match letters.len() {
                0 => any.push(number),
                n => by_end.entry(letters[n.saturating_sub(END)..].to_vec()).or_default().push(number),
            }
        }
        Some(Self { lines, by_end, any, ignore_case, compiled: Mutex::default() })
    }

    fn hides(&self, path: &str, is_dir: bool) -> Option<bool> {
        let lower = if self.ignore_case { path.to_ascii_lowercase() } else { path.to_owned() };
        let bytes = lower.as_bytes();
        let mut rules = self.any.clone();
        for length in 1..=END {
            let known =
                bytes.windows(length).enumerate().filter_map(|(at, end)| Some((at + length, self.by_end.get(end)?)));
            for (end, some) in known {
                let here = |number: &&usize| {
                    self.lines.get(**number).is_some_and(|rule| bytes[..end].ends_with(&rule.letters))
                };
                rules.extend(some.iter().filter(here));
            }
        }
        rules.sort_unstable();
        rules.dedup();
        rules
            .into_iter()
            .rev()
            .find_map(|number| self.rule(number).as_ref().as_ref().and_then(|r| ask(r, path, is_dir)))
    }

    fn rule(&self, number: usize) -> Arc<Option<Gitignore>> {
        let mut compiled = self.compiled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let rule = compiled.entry(number).or_insert_with(|| {
            Arc::new(compile(self.lines.get(number).map(|rule| rule.line.as_str()).into_iter(), self.ignore_case))
        });
        Arc::clone(rule)
    }
}

/// The longest run of letters that a path needs to be meant by a rule; empty where it has no letters of its own.
fn required(line: &str, ignore_case: bool) -> String {
    let (mut runs, mut run) = (Vec::new(), String::new());
    let mut alternatives = 0usize;
    let mut class = false;
    let mut letters = line.strip_prefix('!').unwrap_or(line).trim_end().chars();
    while let Some(letter) = letters.next() {
        let fold = ignore_case && !letter.is_ascii();
        match letter {
            // A class ends at its first bracket. One that comes first would be a part of it: the rest is left out then.
            ']' if class => class = false,
            _ if class => continue,
            '[' => class = true,
            '{' => alternatives += 1,
            '}' => alternatives = alternatives.saturating_sub(1),
            '\\' => _ = letters.next(),
            '*' | '?' | '/' => {}
            _ if alternatives > 0 || fold => {}
            _ => {
                run.push(letter);
                continue;
            }
        }
        runs.push(std::mem::take(&mut run));
    }
    runs.push(run);
    // A class that does not end as it seems to could hold any of them.
    if line.contains("[]") || line.contains("[!]") || line.contains("[^]") {
        return String::new();
    }
    runs.into_iter().max_by_key(String::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what is hidden: of many rules each means what it means among a few.
    #[test]
    fn many_rules_mean_what_few_mean() {
        let rules = [
            "*.log",
            "!keep.log",
            "/build/",
            "doc/*.txt",
            "**/cache",
            "a/**/b",
            "[ab]*.o",
            "x?z",
            "\\#odd",
            "\\!odd",
            "tmp*",
            "!tmp1",
            "tmp1/",
            "{one,two}.rs",
            "*",
            "!*/",
            "!*.rs",
            "c[!d]e",
            "[]]x",
            "sp\\ ace",
            "trail ",
            "d/e/f",
            "é*",
            "*.log",
        ];
        let paths = [
            "a.log",
            "keep.log",
            "build",
            "build/x",
            "doc/a.txt",
            "doc/b/a.txt",
            "x/cache",
            "cache",
            "a/b",
            "a/x/y/b",
            "a1.o",
            "c.o",
            "xyz",
            "#odd",
            "!odd",
            "tmp1",
            "tmp2",
            "one.rs",
            "three.rs",
            "cde",
            "cfe",
            "]x",
            "sp ace",
            "trail",
            "d/e/f",
            "é1",
            "É1",
            "KEEP.LOG",
            "Build",
        ];
        // Every beginning of the list, so that each rule is the last one for some path.
        for ignore_case in [false, true] {
            for most in 1..=rules.len() {
                let text = rules[..most].join("\n");
                let few = compile(text.lines(), ignore_case);
                let many = ByLetters::new(&text, ignore_case).expect("rules");
                for path in paths {
                    for is_dir in [false, true] {
                        let expected = few.as_ref().and_then(|few| ask(few, path, is_dir));
                        assert_eq!(many.hides(path, is_dir), expected, "{path} {is_dir} {text}");
                    }
                }
            }
        }
    }

    proptest::proptest! {
        /// The same for adversarial rules.
        #[test]
        fn strange_rules_mean_the_same(
            rules in proptest::collection::vec("!?/?([ab*?/.\\\\{},\\[\\]!-]){1,8}/?", 1..12),
            paths in proptest::collection::vec("[ab.]{1,3}(/[ab.]{1,3}){0,2}", 1..6),
        ) {
            let text = rules.join("\n");
            let few = compile(text.lines(), false);
            let many = ByLetters::new(&text, false);
            for path in &paths {
                let expected = few.as_ref().and_then(|few| ask(few, path, false));
                proptest::prop_assert_eq!(many.as_ref().and_then(|many| many.hides(path, false)), expected, "{} {}", path, text);
            }
        }
    }

    /// Protects from waiting: a megabyte of rules, of any kind, is read and asked in about a second at most (in a build
    /// without optimisation in ten).
    #[test]
    fn a_megabyte_of_rules_is_read_at_once() {
        let kinds: [fn(usize) -> String; 6] = [
            |n| format!("name{n}"),
            |n| format!("/dir{n}/sub/file{n}.txt"),
            |n| format!("*na{n}me*"),
            |n| format!("[a-z]{n}x[0-9].o?"),
            |n| format!("a{n}/**/b*{n}"),
            |n| format!("{}*", char::from(b'a' + u8::try_from(n % 26).unwrap_or(0))),
        ];
        for kind in kinds {
            let mut text = String::new();
            for n in 0.. {
                text.push_str(&kind(n));
                text.push('\n');
                if text.len() >= 1 << 20 {
                    break;
                }
            }
            let started = std::time::Instant::now();
            let rules = Globs::parse(&text, false).expect("rules");
            let hidden = (0..1000).filter(|n| rules.hides(&format!("src/x{n}/1foo.rs"), false) == Some(true)).count();
            assert!(started.elapsed().as_secs() < 10, "{:?} {}: {hidden}", started.elapsed(), &text[..20]);
        }
    }
}
