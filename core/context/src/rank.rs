//! Which files a prompt is about.

use crate::related::{identifiers, stem};
use crate::{Context, GatherError};
use deepcoder_index::{Found, Hit, Term};
use deepcoder_syntax::{Language, is_test, symbols};
use deepcoder_types::{Cancel, RepoPath};
use std::collections::HashSet;

/// The best files are read once more, for what they define.
const REREAD: usize = 20;

/// How much the name of one definition counts, beside the words of the file.
const UNIT: f64 = 3.0;

/// So many terms of a prompt count.
const MAX_TERMS: usize = 64;

/// A reason has so many words of each kind.
const MAX_WORDS: usize = 3;

/// BM25's usual constants (Robertson & Zaragoza 2009).
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// A word in the path, or in the name of a definition, counts as much as this many in the text.
const IN_PATH: f64 = 3.0;
const DEFINED: f64 = 4.0;

/// A word of the file's own name counts so much more, however often the text has it; shared among the words of the name.
const IN_NAME: f64 = 2.0;

/// A file that has all words of the prompt gets so much more than one that has the same words again and again.
const COVERED: f64 = 1.0;

/// Folders of what is beside the program.
const ASIDE: [&str; 8] = ["example", "examples", "demo", "samples", "scripts", "benchmarks", "bench", "docs"];

/// A term that is an identifier (`parse_config`, `parseConfig`) says more than a word.
const IDENTIFIER: f64 = 3.0;

/// Edits are mostly asked for in programs.
const PROSE: f64 = 0.5;

/// The prompt has the path of the file, or the dotted name of the module.
const NAMED: f64 = 1000.0;

/// The file defines an identifier that the prompt names: a definition beats any number of mentions.
const DEFINES: f64 = 200.0;

/// A header declares what another file defines.
const DECLARED: f64 = 0.5;

/// The prompt has the file's name without its extension beside a word such as "module".
const MODULE: f64 = 100.0;

/// Tests mention everything that they test; they are meant where the prompt says so.
const TEST: f64 = 0.2;

/// Words of every instruction, and of every program.
const COMMON: &str = " the and for with that this from into every all each any add remove change make use used using \
    function functions method methods class classes file files code type types hint hints test tests return returns \
    should must when where which what not are was has have can its it's write rewrite fix update implement support \
    please also only new one two new some more than then them they their our your you but out off via per let \
    convert replace rename create delete move ";

/// Words of many instructions that a program may be about all the same.
const VERBS: &str =
    " remove rename replace create delete move convert write update return returns file files class type ";

/// The weight of such a word: it decides where nothing else does.
const SAID_OFTEN: f64 = 0.1;

/// A file with its score, and why it has it.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    pub(crate) path: RepoPath,
    pub(crate) score: f64,
    pub(crate) reason: String,
}

impl Context<'_> {
    /// The visible files that `prompt` is most likely about, best first, at most `limit`: by words of their paths, names
    /// that they define, and their text (BM25). Hidden, generated and lock files only where the prompt has their path.
    pub fn find_targets(&self, prompt: &str, limit: usize, cancel: &Cancel) -> Result<Vec<RepoPath>, GatherError> {
        Ok(self.rank(prompt, limit, cancel)?.into_iter().map(|r| r.path).collect())
    }

    pub(crate) fn rank(&self, prompt: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Ranked>, GatherError> {
        let query = Query::of(prompt);
        if query.asked.is_empty() {
            return Ok(Vec::new());
        }
        let terms: Vec<Term> = query.asked.iter().map(|asked| asked.term).collect();
        let quiet = |_, _| {};
        let files = deepcoder_index::search(self.tree, &terms, self.progress.unwrap_or(&quiet), cancel)?;
        let (mut ranked, rarity) = query.scored(prompt, files);
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
        ranked.truncate(limit.max(REREAD));
        self.reread((&query, &rarity), &mut ranked, cancel)?;
        ranked.truncate(limit);
        Ok(ranked)
    }

    /// Orders the best files anew, by what their definitions are called: the index knows words, and a parser definitions.
    fn reread(
        &self,
        (query, rarity): (&Query, &[f64]),
        ranked: &mut [Ranked],
        cancel: &Cancel,
    ) -> Result<(), GatherError> {
        let top = ranked.first().map_or(0.0, |best| best.score);
        if top >= DEFINES {
            return Ok(());
        }
        for found in ranked.iter_mut().take(REREAD) {
            cancel.check()?;
            let Some(language) = Language::program(&found.path) else { continue };
            let Ok(file) = self.tree.read_text(&found.path) else { continue };
            let own: Vec<_> = symbols(language, &file.text)
                .into_iter()
                .filter(|symbol| !matches!(symbol.kind, "variable" | "field"))
                .collect();
            // The index does not know the definitions of a language without a word for them, such as C.
            let meant: HashSet<&str> =
                own.iter().map(|symbol| symbol.name.as_str()).filter(|name| query.meant.contains(*name)).collect();
            found.score += query.here(&found.path) * DEFINES * count(meant.len());
            let best = own
                .iter()
                .map(|symbol| (query.covers(rarity, &symbol.qualified), &symbol.qualified))
                .max_by(|a, b| a.0.0.total_cmp(&b.0.0));
            if let Some(((worth, words), name)) = best.filter(|((worth, _), _)| *worth > 0.0) {
                let factor = if is_test(&found.path) && !query.tests_meant { TEST } else { 1.0 };
                found.score += UNIT * worth * factor;
                if words > 1 && !found.reason.contains("defines `") {
                    found.reason = format!("defines `{name}`; {}", found.reason);
                }
            }
        }
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
        Ok(())
    }
}

/// A term of a prompt.
struct Asked {
    term: Term,
    /// As the prompt has it.
    text: String,
    weight: f64,
    /// A name, where a file has it whole.
    is_name: bool,
}

/// The terms of a prompt.
struct Query {
    asked: Vec<Asked>,
    /// Identifiers that the prompt writes as such.
    meant: HashSet<String>,
    tests_meant: bool,
    headers_meant: bool,
}

impl Query {
    fn of(prompt: &str) -> Self {
        let meant: HashSet<String> = identifiers(prompt).into_iter().collect();
        let mut query = Self { asked: Vec::new(), meant, tests_meant: false, headers_meant: false };
        let mut seen: HashSet<Term> = HashSet::new();
        for word in prompt.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()) {
            let parts: Vec<&str> = deepcoder_index::parts_of(word).collect();
            let lower = word.to_lowercase();
            query.tests_meant |= matches!(lower.as_str(), "test" | "tests" | "spec" | "specs")
                || (parts.len() > 1 && lower.contains("test"));
            query.headers_meant |= ["header", "headers", "declaration", "declarations", "prototype", "prototypes"]
                .contains(&lower.as_str());
            // The name that a module's member has: `bank.transfer`.
            if parts.len() > 1 || query.meant.contains(word) || prompt.contains(&format!(".{word}")) {
                let term = Term::name(word);
                if query.asked.len() < MAX_TERMS && seen.insert(term) {
                    query.asked.push(Asked { term, text: word.to_owned(), weight: IDENTIFIER, is_name: true });
                }
            }
            for part in parts {
                let lower = part.to_lowercase();
                let weight = if COMMON.contains(&format!(" {lower} ")) { 0.0 } else { 1.0 };
                let weight = if VERBS.contains(&format!(" {lower} ")) { SAID_OFTEN } else { weight };
                let term = Term::word(part);
                if part.chars().count() >= 3 && weight > 0.0 && query.asked.len() < MAX_TERMS && seen.insert(term) {
                    query.asked.push(Asked { term, text: lower, weight, is_name: false });
                }
            }
        }
        query
    }

    /// How much a definition in a file counts.
    fn here(&self, path: &RepoPath) -> f64 {
        match path.extension() {
            Some("h" | "hh" | "hpp" | "hxx") if self.headers_meant => 1.0 / DECLARED,
            Some("h" | "hh" | "hpp" | "hxx") => DECLARED,
            _ => 1.0,
        }
    }

    /// The files that have a score, and how much each term says.
    fn scored(&self, prompt: &str, files: Vec<Found>) -> (Vec<Ranked>, Vec<f64>) {
        let total = count(files.len()).max(1.0);
        let average = files.iter().map(length).sum::<f64>() / total;
        let rarity: Vec<f64> = self
            .asked
            .iter()
            .enumerate()
            .map(|(at, asked)| {
                let with = files.iter().filter(|file| file.hits.get(at).is_some_and(|hit| *hit != Hit::default()));
                let with = count(with.count());
                asked.weight * (1.0 + (total - with + 0.5) / (with + 0.5)).ln()
            })
            .collect();
        (files.into_iter().filter_map(|file| self.score(prompt, file, average, &rarity)).collect(), rarity)
    }

    fn score(&self, prompt: &str, file: Found, average: f64, rarity: &[f64]) -> Option<Ranked> {
        let named = names_path(prompt, &file.path);
        if !named && (is_unsuited(&file.path) || file.generated) {
            return None;
        }
        let norm = K1 * (1.0 - B + B * length(&file) / average);
        let mut parts: Vec<(f64, &Asked, Hit)> = Vec::new();
        let mut defines: HashSet<&str> = HashSet::new();
        let own: HashSet<Term> =
            deepcoder_index::parts_of(stem(&file.path)).flat_map(parts_of_kebab).map(Term::word).collect();
        for ((asked, hit), idf) in self.asked.iter().zip(&file.hits).zip(rarity) {
            let tf = f64::from(hit.text) + IN_PATH * f64::from(hit.path) + DEFINED * f64::from(hit.defined);
            let name = if own.contains(&asked.term) { IN_NAME / count(own.len()) } else { 0.0 };
            if tf > 0.0 {
                parts.push((idf * (name + tf * (K1 + 1.0) / (tf + norm)), asked, *hit));
            }
            if asked.is_name && hit.defined > 0 {
                defines.insert(&asked.text);
            }
        }
        let member = names_module(prompt, &file.path, &defines);
        let mut meant: Vec<&str> = defines.iter().copied().filter(|name| self.meant.contains(*name)).collect();
        meant.sort_unstable();
        let called = calls_module(prompt, &file.path);
        let mut score = parts.iter().map(|(part, ..)| part).sum::<f64>();
        let share = parts.iter().map(|(_, asked, _)| asked.weight).sum::<f64>()
            / self.asked.iter().map(|asked| asked.weight).sum::<f64>().max(1.0);
        score *= 1.0 + COVERED * share;
        if !self.asked.iter().any(|asked| ASIDE.contains(&asked.text.as_str())) && is_aside(&file.path) {
            score *= PROSE;
        }
        if matches!(file.path.extension(), None | Some("md" | "rst" | "txt" | "adoc")) {
            score *= PROSE;
        }
        score += if named || member { NAMED } else { 0.0 } + self.here(&file.path) * DEFINES * count(meant.len());
        score += if called { MODULE } else { 0.0 };
        if !self.tests_meant && !named && is_test(&file.path) {
            score *= TEST;
        }
        if score <= 0.0 {
            return None;
        }
        let reason = if named {
            "the instruction names it".to_owned()
        } else if member || called {
            "the instruction names the module".to_owned()
        } else {
            because(&meant, parts)
        };
        Some(Ranked { path: file.path, score, reason })
    }

    /// How much the name of a definition says of the prompt: the worth of the words that they share, more where the name
    /// has no others and where it has many of the prompt's; and how many these are.
    fn covers(&self, rarity: &[f64], qualified: &str) -> (f64, usize) {
        let own: HashSet<Term> = qualified.split('.').flat_map(deepcoder_index::parts_of).map(Term::word).collect();
        let words = self.asked.iter().zip(rarity).filter(|(asked, _)| !asked.is_name);
        let (mut all, mut has, mut worth) = (0usize, 0usize, 0.0f64);
        for (asked, rarity) in words {
            all += 1;
            if own.contains(&asked.term) {
                has += 1;
                worth += rarity;
            }
        }
        let (of_prompt, of_name) = (count(has) / count(all).max(1.0), count(has) / count(own.len()).max(1.0));
        (worth * of_prompt * (0.5 + 0.5 * of_name), has)
    }
}

/// Why a file has its score, in one line.
fn because(meant: &[&str], mut parts: Vec<(f64, &Asked, Hit)>) -> String {
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let words = |is: &dyn Fn(&Hit) -> bool| -> Vec<String> {
        let told = parts.iter().filter(|(_, asked, hit)| is(hit) && !meant.contains(&asked.text.as_str()));
        told.take(MAX_WORDS).map(|(_, asked, _)| format!("`{}`", asked.text)).collect()
    };
    let mut said: Vec<String> = Vec::new();
    if !meant.is_empty() {
        let names: Vec<String> = meant.iter().map(|name| format!("`{name}`")).collect();
        said.push(format!("defines {}", names.join(", ")));
    }
    for (found, what) in [
        (words(&|hit| hit.path > 0), "its path has"),
        (words(&|hit| hit.path == 0 && hit.defined > 0), "it defines names with"),
        (words(&|hit| hit.path == 0 && hit.defined == 0), "its text has"),
    ] {
        if !found.is_empty() {
            said.push(format!("{what} {}", found.join(", ")));
        }
    }
    said.join("; ")
}

fn is_aside(path: &RepoPath) -> bool {
    path.as_str().split('/').rev().skip(1).any(|folder| ASIDE.contains(&folder))
}

fn parts_of_kebab(part: &str) -> impl Iterator<Item = &str> {
    part.split('-')
}

fn length(file: &Found) -> f64 {
    20.0 + f64::from(file.length)
}

/// Whether `prompt` names the file: its whole path or the end of it, or its name where that has an extension.
pub(crate) fn names_path(prompt: &str, path: &RepoPath) -> bool {
    words(prompt).map(|word| word.trim_start_matches("./")).any(|word| {
        word == path.as_str()
            || (word.contains('/') && path.as_str().ends_with(&format!("/{word}")))
            || (path.extension().is_some() && word == path.file_name())
    })
}

/// Words of a prompt, with dots and the signs of paths inside them.
fn words(prompt: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
    prompt.split(move |c: char| !is_part(c)).map(|w| w.trim_end_matches('.')).filter(|w| !w.is_empty())
}

/// Whether `prompt` has the dotted name of a module (`shop.cart`), or of something that it defines (`bank.transfer`).
fn names_module(prompt: &str, path: &RepoPath, defines: &HashSet<&str>) -> bool {
    let bare =
        path.as_str().strip_suffix(&format!(".{}", path.extension().unwrap_or_default())).unwrap_or(path.as_str());
    words(prompt).filter(|word| word.contains('.') && !word.contains('/')).any(|word| {
        let slashed = word.replace('.', "/");
        let module = bare == slashed || bare.ends_with(&format!("/{slashed}"));
        let member = word
            .rsplit_once('.')
            .is_some_and(|(of, name)| of.rsplit('.').next() == Some(stem(path)) && defines.contains(name));
        module || member
    })
}

/// Whether `prompt` calls the file by its bare name: "the cart module", "module cart", "cart file".
fn calls_module(prompt: &str, path: &RepoPath) -> bool {
    const KINDS: [&str; 6] = ["module", "file", "script", "package", "component", "header"];
    let bare = stem(path).to_lowercase();
    let all: Vec<String> = words(prompt).map(str::to_lowercase).collect();
    bare.len() > 1
        && all.windows(2).any(|pair| {
            (pair[0] == bare && KINDS.contains(&pair[1].as_str()))
                || (pair[1] == bare && KINDS.contains(&pair[0].as_str()))
        })
}

/// Files that no instruction means unless it has their path: hidden ones, locks, and what programs write.
pub(crate) fn is_unsuited(path: &RepoPath) -> bool {
    const LOCKS: [&str; 12] = [
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lockb",
        "Cargo.lock",
        "poetry.lock",
        "uv.lock",
        "Pipfile.lock",
        "Gemfile.lock",
        "composer.lock",
        "go.sum",
    ];
    const FOLDERS: [&str; 8] =
        ["node_modules", "vendor", "third_party", "dist", "build", "target", "__pycache__", "generated"];
    const ENDS: [&str; 10] =
        [".min.js", ".min.css", ".map", ".lock", "_pb2.py", "_pb2_grpc.py", ".pb.go", ".g.dart", ".snap", ".bundle.js"];
    let name = path.file_name();
    let mut folders = path.as_str().split('/').rev().skip(1);
    path.as_str().split('/').any(|part| part.starts_with('.'))
        || LOCKS.contains(&name)
        || ENDS.iter().any(|end| name.ends_with(end))
        || folders.any(|folder| FOLDERS.contains(&folder))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of files and bytes, far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
