//! Actions that the model fixes. What it writes counts only when it is verified and does nothing but what was asked.

use crate::config::{Action, Kind};
use crate::lines::{added, lines};
use crate::text::{Found, Subject, check, program, undocumented};
use deepcoder_pipeline::{Pipeline, Policy, RunOptions};
use deepcoder_syntax::{Language, parses};
use deepcoder_types::{Applicability, Cancel, Hint as _, Instruction, LanguageModel, RepoPath};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often a waiting hook looks whether it was cancelled.
const TICK: Duration = Duration::from_millis(20);

/// Gets a model ready; an error says why there is none.
pub type ModelSource = Arc<dyn Fn(&Cancel) -> Result<Arc<dyn LanguageModel>, String> + Send + Sync>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The model was still being loaded.
    NotReady,
    /// It was still writing.
    Late,
    /// It failed, or what it wrote is not to be used.
    Failed(String),
}

/// Asks the model, until the time of the hook is over.
pub(crate) struct Asker {
    source: ModelSource,
    model: Option<Result<Arc<dyn LanguageModel>, NoAnswer>>,
    deadline: Instant,
    cancel: Cancel,
}

impl Asker {
    pub(crate) fn new(source: ModelSource, deadline: Instant, cancel: Cancel) -> Self {
        Self { source, model: None, deadline, cancel }
    }

    /// What `action` makes of `subject`; `None` when there is nothing for it to do.
    pub(crate) fn fix(&mut self, action: &Action, subject: Subject<'_>) -> Result<Option<String>, NoAnswer> {
        let Ok(text) = std::str::from_utf8(subject.new) else { return Ok(None) };
        let found = check(action.kind, subject);
        if text.is_empty() || crate::text::is_binary(subject.new) || (action.kind != Kind::Edit && found.is_empty()) {
            return Ok(None);
        }
        let prompt = prompt(action, subject, &found);
        let answer = self.ask(prompt, subject.path.clone(), text.to_owned())?;
        match answer.filter(|answer| answer != text) {
            None => Ok(None),
            Some(answer) if accepted(action.kind, subject, text, &answer) => Ok(Some(answer)),
            Some(_) => Err(NoAnswer::Failed("the model changed more than it was asked to".into())),
        }
    }

    fn ask(&mut self, prompt: String, path: RepoPath, text: String) -> Result<Option<String>, NoAnswer> {
        let model = match &self.model {
            Some(model) => model.clone()?,
            None => {
                let source = Arc::clone(&self.source);
                let model = self.in_time(move |cancel| source(cancel));
                let model = model.unwrap_or(Err(NoAnswer::NotReady));
                self.model.insert(model).clone()?
            }
        };
        let run = self.in_time(move |cancel| {
            let instruction = Instruction {
                id: format!("hook-{path}"),
                verb: "edit".into(),
                prompt,
                targets: vec![path.clone()],
                reads: Vec::new(),
                selection: None,
                options: serde_json::json!({}),
                seed: 0,
            };
            let pipeline = Pipeline::on_text(path.clone(), text, model);
            let pipeline = pipeline.with_policy(Policy::default().writing_only(&[path]));
            let told = |e: &dyn std::fmt::Display| e.to_string();
            let run = pipeline.run(&instruction, &RunOptions::default(), cancel, &mut |_| {}).map_err(|e| {
                let hint = e.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!("{e}{hint}")
            })?;
            run.require_verified().map_err(|e| told(&e))?;
            if run.changes() && run.applicability != Applicability::Safe {
                return Err("a person should look at what the model wrote".to_owned());
            }
            let new = run.edit_set.and_then(|set| set.files.into_iter().next()).and_then(|file| file.new);
            new.map(|image| String::from_utf8(image.bytes)).transpose().map_err(|e| told(&e))
        });
        run.unwrap_or(Err(NoAnswer::Late))
    }

    /// Do `work` on a thread that is left to itself when the time is over. `None`: it was.
    fn in_time<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cancel) -> Result<T, String> + Send + 'static,
    ) -> Option<Result<T, NoAnswer>> {
        let inner = Cancel::new();
        let (send, receive) = channel();
        let theirs = inner.clone();
        if Instant::now() >= self.deadline || self.cancel.is_cancelled() {
            return None;
        }
        // The process ends soon after; until then the thread holds nothing that others wait for.
        std::thread::spawn(move || _ = send.send(work(&theirs)));
        loop {
            match receive.recv_timeout(TICK) {
                Ok(result) => return Some(result.map_err(NoAnswer::Failed)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Some(Err(NoAnswer::Failed("asking the model ended with a defect".into())));
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() >= self.deadline || self.cancel.is_cancelled() => {
                    inner.cancel();
                    return None;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn prompt(action: &Action, subject: Subject<'_>, found: &[Found]) -> String {
    let lines = || {
        let lines: Vec<_> = found.iter().filter_map(|(line, _)| line.map(|l| l.to_string())).collect();
        lines.join(", ")
    };
    match action.kind {
        Kind::Document => {
            let names: Vec<_> = undocumented(subject).into_iter().map(|(_, name)| format!("`{name}`")).collect();
            let what = match program(subject) {
                Some((Language::Python, _)) => "docstring",
                _ => "doc comment",
            };
            format!("add a short {what} to {}; change nothing else", names.join(", "))
        }
        Kind::TranslateComments => {
            format!("translate the comments in these lines to {}: {}; change nothing else", action.text, lines())
        }
        Kind::Fix => {
            let found: Vec<_> =
                found.iter().map(|(line, what)| format!("line {}: {what}", line.unwrap_or(1))).collect();
            format!("fix this and change nothing else: {}", found.join("; "))
        }
        _ => action.text.clone(),
    }
}

/// Whether `new` does what was asked, and nothing else that matters.
fn accepted(kind: Kind, subject: Subject<'_>, old: &str, new: &str) -> bool {
    let after = Subject { new: new.as_bytes(), ..subject };
    let language = Language::of(subject.path);
    match (kind, language) {
        (Kind::Document, Some(language)) => {
            let adds_words = if language == Language::Python {
                only_adds_docstrings(old, new)
            } else {
                crate::comments::same_code(language, old, new)
            };
            adds_words && undocumented(after).len() < undocumented(subject).len()
        }
        (Kind::TranslateComments, Some(language)) => crate::comments::same_code(language, old, new),
        (Kind::Fix, Some(language)) => parses(language, new) == Some(true),
        (Kind::Edit, _) => true,
        _ => false,
    }
}

/// Every line that was there is there, in order, and what was added are strings of their own and comments.
fn only_adds_docstrings(old: &str, new: &str) -> bool {
    let is_new = added(Some(old.as_bytes()), new.as_bytes());
    let all = lines(new.as_bytes());
    let kept: Vec<&[u8]> = all.iter().zip(&is_new).filter(|(_, is_new)| !**is_new).map(|(line, _)| *line).collect();
    if kept != lines(old.as_bytes()) {
        return false;
    }
    let runs = is_new.iter().zip(&all).collect::<Vec<_>>();
    runs.chunk_by(|a, b| a.0 == b.0).filter(|run| *run[0].0).all(|run| {
        let text: Vec<u8> = run.iter().flat_map(|(_, line)| line.iter().copied()).collect();
        let text = String::from_utf8_lossy(&text);
        let text = text.trim();
        let string = |mark: &str| text.len() >= 2 * mark.len() && text.starts_with(mark) && text.ends_with(mark);
        text.is_empty() || text.starts_with('#') || string("\"\"\"") || string("'''")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'a>(path: &'a RepoPath, new: &'a str) -> Subject<'a> {
        Subject { path, old: None, new: new.as_bytes() }
    }

    /// Protects commits from a model that does more than it was asked: documenting adds words, translating changes
    /// comments, and nothing else of a file.
    #[test]
    fn only_what_was_asked_is_accepted() {
        let (py, rs) = (RepoPath::new("a.py").expect("a path"), RepoPath::new("a.rs").expect("a path"));
        let old = "def f(a):\n    return a\n";
        let documented = "def f(a):\n    \"\"\"Give it back.\"\"\"\n    return a\n";
        assert!(accepted(Kind::Document, subject(&py, old), old, documented));
        let code = "def f(a):\n    \"\"\"Give it back.\"\"\"\n    return a + 1\n";
        assert!(!accepted(Kind::Document, subject(&py, old), old, code));
        let import = format!("import os\n{documented}");
        assert!(!accepted(Kind::Document, subject(&py, old), old, &import));
        let old = "pub fn f() {} // да, так\n";
        assert!(accepted(Kind::Document, subject(&rs, old), old, "/// Does nothing.\npub fn f() {} // да, так\n"));
        assert!(!accepted(Kind::Document, subject(&rs, old), old, "/// Does nothing.\npub fn g() {} // да, так\n"));
        assert!(accepted(Kind::TranslateComments, subject(&rs, old), old, "pub fn f() {} // yes, so\n"));
        assert!(!accepted(Kind::TranslateComments, subject(&rs, old), old, "fn f() {} // yes, so\n"));
        assert!(accepted(Kind::Fix, subject(&py, "def f(:\n"), "def f(:\n", "def f():\n    pass\n"));
        assert!(!accepted(Kind::Fix, subject(&py, "def f(:\n"), "def f(:\n", "def g(:\n"));
    }
}
