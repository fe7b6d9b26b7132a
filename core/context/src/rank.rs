//! Which files a prompt is about.

use crate::related::{identifiers, stem};
use crate::{Context, GatherError};
use deepcoder_syntax::{is_generated, is_test};
use deepcoder_types::{Cancel, RepoPath};
use regex::{Regex, RegexBuilder};
use std::collections::{HashMap, HashSet};

/// Larger files are ranked by their path alone: what people edit is smaller, and what is generated is larger.
const MAX_RANKED: usize = 512 << 10;

/// BM25's usual constants (Robertson & Zaragoza 2009).
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// A word in the path, or in the name of a definition, counts as much as this many in the text.
const IN_PATH: f64 = 3.0;
const DEFINED: f64 = 4.0;

/// A term that is an identifier (`parse_config`, `parseConfig`) says more than a word.
const IDENTIFIER: f64 = 3.0;

/// Edits are mostly asked for in programs.
const PROSE: f64 = 0.5;

/// The prompt has the path of the file, or the dotted name of the module.
const NAMED: f64 = 1000.0;

/// The file defines an identifier that the prompt names: a definition beats any number of mentions.
const DEFINES: f64 = 200.0;

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

/// A file with its score.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    pub(crate) path: RepoPath,
    pub(crate) score: f64,
}

struct Document {
    path: RepoPath,
    length: f64,
    /// Weighted occurrences of every term.
    hits: Vec<f64>,
    /// The bonus for being named in the prompt.
    bonus: f64,
    is_test: bool,
}

impl Context<'_> {
    /// The visible files that `prompt` is most likely about, best first, at most `limit`: by words of their paths, names
    /// that they define, and their text (BM25). Hidden, generated and lock files only where the prompt has their path.
    pub fn find_targets(&self, prompt: &str, limit: usize, cancel: &Cancel) -> Result<Vec<RepoPath>, GatherError> {
        Ok(self.rank(prompt, limit, cancel)?.into_iter().map(|r| r.path).collect())
    }

    pub(crate) fn rank(&self, prompt: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Ranked>, GatherError> {
        let terms = terms(prompt);
        let index: HashMap<&str, usize> = terms.iter().enumerate().map(|(i, t)| (t.as_str(), i)).collect();
        let weights: Vec<f64> = terms.iter().map(|t| if is_identifier(t, prompt) { IDENTIFIER } else { 1.0 }).collect();
        let meant: HashSet<String> = identifiers(prompt).into_iter().collect();
        let tests_meant = terms.iter().chain(&meant).any(|t| t.contains("test") || t.contains("spec"))
            || words(prompt).any(|w| matches!(w, "test" | "tests" | "Test" | "Tests"));
        let (Some(any), Some(defined)) = (matcher("", &terms), matcher(DEFINING, &terms)) else {
            return Ok(Vec::new());
        };
        let mut documents = Vec::new();
        for path in self.tree.files()? {
            cancel.check()?;
            let named = names_path(prompt, &path);
            if !named && is_unsuited(&path) {
                continue;
            }
            let text = self.tree.read_text(&path).map(|f| f.text).unwrap_or_default();
            if !named && is_generated(&text) {
                continue;
            }
            let text = if text.len() > MAX_RANKED { "" } else { text.as_str() };
            let mut hits = vec![0.0; terms.len()];
            let mut defines: HashSet<&str> = HashSet::new();
            let mut tally = |regex: &Regex, text: &str, weight: f64| {
                for captures in regex.captures_iter(text) {
                    let Some(found) = captures.name("term") else { continue };
                    let Some(&term) = index.get(found.as_str().to_lowercase().as_str()) else { continue };
                    // Words match inside identifiers, but `handler_7` is not in `handler_77`.
                    if weights[term] <= 1.0 || is_whole(text, found.range()) {
                        hits[term] += weight;
                    }
                }
            };
            tally(&any, path.as_str(), IN_PATH);
            if any.is_match(text) {
                tally(&any, text, 1.0);
                tally(&defined, text, DEFINED);
                let whole = |found: &regex::Match<'_>| is_whole(text, found.range());
                defines.extend(
                    defined.captures_iter(text).filter_map(|c| c.name("term")).filter(whole).map(|m| m.as_str()),
                );
            }
            let mut bonus = if named || names_module(prompt, &path, &defines) { NAMED } else { 0.0 };
            bonus += DEFINES * count(defines.iter().filter(|name| meant.contains(**name)).count());
            if calls_module(prompt, &path) {
                bonus += MODULE;
            }
            let is_test = !tests_meant && !named && is_test(&path);
            documents.push(Document { path, length: 1.0 + count(text.len()) / 100.0, hits, bonus, is_test });
        }
        Ok(best(documents, &weights, limit))
    }
}

fn best(documents: Vec<Document>, weights: &[f64], limit: usize) -> Vec<Ranked> {
    let total = count(documents.len()).max(1.0);
    let average = documents.iter().map(|d| d.length).sum::<f64>() / total;
    let rarity: Vec<f64> = weights
        .iter()
        .enumerate()
        .map(|(term, weight)| {
            let with = count(documents.iter().filter(|d| d.hits[term] > 0.0).count());
            weight * (1.0 + (total - with + 0.5) / (with + 0.5)).ln()
        })
        .collect();
    let mut ranked: Vec<Ranked> = documents
        .into_iter()
        .filter_map(|document| {
            let norm = K1 * (1.0 - B + B * document.length / average);
            let parts = document.hits.iter().zip(&rarity).map(|(&tf, idf)| idf * tf * (K1 + 1.0) / (tf + norm));
            let prose = matches!(document.path.extension(), None | Some("md" | "rst" | "txt" | "adoc"));
            let score = parts.sum::<f64>() * if prose { PROSE } else { 1.0 } + document.bonus;
            let score = if document.is_test { score * TEST } else { score };
            (score > 0.0).then_some(Ranked { path: document.path, score })
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
    ranked.truncate(limit);
    ranked
}

/// The words before the name of a definition in some language.
const DEFINING: &str = r"\b(?:def|fn|func|function|class|struct|enum|trait|interface|type|impl|mod|module|const|let|var)\s+(?:\([^)\n]{0,80}\)\s*)?[A-Za-z0-9_]{0,40}?";

fn matcher(before: &str, terms: &[String]) -> Option<Regex> {
    if terms.is_empty() {
        return None;
    }
    // Longest first: an alternation takes the first that matches.
    let mut sorted: Vec<String> = terms.iter().map(|t| regex::escape(t)).collect();
    sorted.sort_by_key(|t| std::cmp::Reverse(t.len()));
    RegexBuilder::new(&format!("{before}(?P<term>{})", sorted.join("|"))).case_insensitive(true).build().ok()
}

/// The words worth looking for: identifiers and their parts, in lower case, each once.
fn terms(prompt: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    let mut add = |word: &str| {
        let word = word.to_lowercase();
        let common = COMMON.contains(&format!(" {word} "));
        if word.chars().count() >= 3 && !common && out.len() < 64 && seen.insert(word.clone()) {
            out.push(word);
        }
    };
    for word in prompt.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
        add(word);
        if word.contains('_') {
            word.split('_').for_each(&mut add);
        }
    }
    out
}

fn is_whole(text: &str, range: std::ops::Range<usize>) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    !text[..range.start].ends_with(part) && !text[range.end..].starts_with(part)
}

/// Whether a term (in lower case) is written in the prompt as only identifiers are.
fn is_identifier(term: &str, prompt: &str) -> bool {
    let inner_upper = |word: &str| word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase);
    term.contains('_')
        || prompt
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .any(|word| inner_upper(word) && word.to_lowercase() == term)
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
