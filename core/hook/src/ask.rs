//! Actions that the model fixes. A result counts only when it is verified and does nothing else than the action asks
//! for.

use crate::comments::{runs_the_same, same_code};
use crate::config::{Action, Kind};
use crate::merge::{added, changes, lines};
use crate::text::{Found, Subject, check, program, undocumented};
use deepcoder_pipeline::{Pipeline, Policy, RunOptions, unattended_text};
use deepcoder_syntax::{Docs, Kept, Language, parses, symbols, tokens};
use deepcoder_types::{Cancel, EDIT, Hint as _, Instruction, LanguageModel, RepoPath};
use deepcoder_verify::broken_data;
use deepcoder_workspace::{Overlay, Tree};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

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

    /// The fix of `action` for `subject`, a file of `tree`; `None` when there is nothing for it to do.
    pub(crate) fn fix(
        &mut self,
        action: &Action,
        subject: Subject<'_>,
        tree: &Arc<dyn Tree>,
    ) -> Result<Option<String>, NoAnswer> {
        let Ok(text) = std::str::from_utf8(subject.new) else { return Ok(None) };
        let found = check(action.kind, subject);
        if text.is_empty() || crate::text::is_binary(subject.new) || (action.kind != Kind::Edit && found.is_empty()) {
            return Ok(None);
        }
        let prompt = prompt(action, subject, &found);
        let answer = self.ask(prompt, subject.path.clone(), text.to_owned(), Arc::clone(tree))?;
        match answer.filter(|answer| answer != text) {
            None => Ok(None),
            Some(answer) => match accepted(action.kind, subject, text, &answer) {
                Some(answer) => Ok(Some(answer).filter(|answer| answer != text)),
                None => Err(NoAnswer::Failed("the model changed more than it was asked to".into())),
            },
        }
    }

    fn ask(
        &mut self,
        prompt: String,
        path: RepoPath,
        text: String,
        tree: Arc<dyn Tree>,
    ) -> Result<Option<String>, NoAnswer> {
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
                verb: EDIT.into(),
                prompt,
                targets: vec![path.clone()],
                reads: Vec::new(),
                selection: None,
                options: serde_json::json!({}),
                seed: 0,
            };
            // As earlier actions left it.
            let mut tree = Overlay::new(tree);
            tree.write(&path, text).map_err(|e| e.to_string())?;
            // The model sees this file only, which keeps within the deadline. Verification sees them all.
            let policy = Policy::default().writing_only(&[path]);
            let policy = Policy { read: policy.write.clone(), ..policy };
            let pipeline = Pipeline::new(&tree, model).with_policy(policy);
            let run = pipeline.run(&instruction, &RunOptions::default(), cancel, &mut |_| {}).map_err(|e| {
                let hint = e.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!("{e}{hint}")
            })?;
            unattended_text(run)
        });
        run.unwrap_or(Err(NoAnswer::Late))
    }

    /// Do `work` on a thread that is left to itself when the time is over. `None`: it was.
    fn in_time<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cancel) -> Result<T, String> + Send + 'static,
    ) -> Option<Result<T, NoAnswer>> {
        let inner = self.cancel.child();
        let theirs = inner.clone();
        if Instant::now() >= self.deadline || self.cancel.is_cancelled() {
            return None;
        }
        // The process ends soon after; until then the thread holds nothing that others wait for.
        let (send, receive) = channel();
        let give_up = send.clone();
        let _waiting = self.cancel.on_cancel(move || give_up.send(None).unwrap_or_default());
        std::thread::spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&theirs)));
            send.send(Some(result.unwrap_or_else(|_| Err("asking the model ended with a defect".into()))))
        });
        let left = self.deadline.saturating_duration_since(Instant::now());
        let result = receive.recv_timeout(left).ok().flatten();
        if result.is_none() {
            inner.cancel();
        }
        result.map(|result| result.map_err(NoAnswer::Failed))
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
            let docstring = program(subject).is_some_and(|(language, _)| language.docs() == Docs::Docstring);
            let what = if docstring { "docstring" } else { "doc comment" };
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

/// The part of `new` that was asked for; `None` where `new` also does something else that matters.
fn accepted(kind: Kind, subject: Subject<'_>, old: &str, new: &str) -> Option<String> {
    let language = program(subject).map(|(language, _)| language);
    match (kind, language) {
        (Kind::Document, Some(language)) => documented(language, subject, old, new),
        (Kind::TranslateComments, Some(language)) => translated(language, subject, old, new),
        (Kind::Fix, Some(language)) => (parses(language, new) == Some(true)).then(|| new.to_owned()),
        // As after an empty file, of which nothing excuses a template.
        (Kind::Fix, None) => broken_data(subject.path, Some(""), new).is_none().then(|| new.to_owned()),
        (Kind::Edit, _) => Some(new.to_owned()),
        _ => None,
    }
}

/// The text with the words that were added to functions of this commit. Every line that was there is there, in order;
/// what the model says about other functions is left out.
fn documented(language: Language, subject: Subject<'_>, old: &str, new: &str) -> Option<String> {
    let is_new = added(Some(old.as_bytes()), new.as_bytes());
    let all = lines(new.as_bytes());
    let kept: Vec<&[u8]> = all.iter().zip(&is_new).filter(|(_, is_new)| !**is_new).map(|(line, _)| *line).collect();
    if kept != lines(old.as_bytes()) || !runs_the_same(language, old, new) {
        return None;
    }
    let bare = undocumented(subject);
    let places = word_places(language, new, &bare.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>());
    let wanted = |at: usize| places.iter().any(|place| place.contains(&at));
    let some = all.iter().zip(&is_new).enumerate().filter(|(at, (_, is_new))| !**is_new || wanted(*at));
    let text: Vec<u8> = some.flat_map(|(_, (line, _))| line.iter().copied()).collect();
    let text = String::from_utf8(text).ok()?;
    let after = Subject { new: text.as_bytes(), ..subject };
    (runs_the_same(language, old, &text) && undocumented(after).len() < bare.len()).then_some(text)
}

/// The lines of `text`, from 0, where the words about the functions `names` stand: above them, or at the head of their
/// bodies.
fn word_places(language: Language, text: &str, names: &[&str]) -> Vec<Range<usize>> {
    let line = |at: u32| text.as_bytes().iter().take(at as usize).filter(|b| **b == b'\n').count();
    let code = tokens(language, text, Kept::Code).map(|tokens| tokens.code).unwrap_or_default();
    let wanted = symbols(language, text).into_iter().filter(|s| names.contains(&s.qualified.as_str()));
    wanted
        .map(|symbol| {
            if language.docs() != Docs::Docstring {
                return line(symbol.range.start)..line(symbol.signature_start);
            }
            let body = code.iter().filter(|t| t.range.start >= symbol.signature_end && t.range.start < t.range.end);
            let mut body = body.skip_while(|t| text.get(t.range.as_range()) == Some(":"));
            let first = body.next().map_or(symbol.range.end, |token| token.range.start.min(symbol.range.end));
            line(symbol.signature_end) + 1..line(first)
        })
        .collect()
}

/// The text with the comments translated that this commit adds. Others are as they were, whatever the model made of them.
fn translated(language: Language, subject: Subject<'_>, old: &str, new: &str) -> Option<String> {
    let wanted = crate::comments::foreign(subject);
    let (before, after) = (lines(old.as_bytes()), lines(new.as_bytes()));
    let mut text = Vec::new();
    let mut at = 0;
    for (from, to) in changes(&before, &after) {
        text.extend(before.get(at..from.start)?.iter().flat_map(|line| *line));
        let asked = !from.is_empty() && from.clone().all(|line| wanted.contains(&(line + 1)));
        let chosen = if asked { after.get(to)? } else { before.get(from.clone())? };
        text.extend(chosen.iter().flat_map(|line| *line));
        at = from.end;
    }
    text.extend(before.get(at..)?.iter().flat_map(|line| *line));
    let text = String::from_utf8(text).ok()?;
    (same_code(language, old, new) && same_code(language, old, &text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'a>(path: &'a RepoPath, new: &'a str) -> Subject<'a> {
        Subject::plain(path, None, new.as_bytes())
    }

    fn subject_of<'a>(path: &'a RepoPath, committed: &'a str, new: &'a str) -> Subject<'a> {
        Subject::plain(path, Some(committed.as_bytes()), new.as_bytes())
    }

    /// Protects commits from a model that does more than it was asked: documenting adds words, translating changes
    /// comments, and nothing else of a file.
    #[test]
    fn only_what_was_asked_is_accepted() {
        let (py, rs) = (RepoPath::new("a.py").expect("a path"), RepoPath::new("a.rs").expect("a path"));
        let takes = |kind, subject, old, new: &str| accepted(kind, subject, old, new).as_deref() == Some(new);
        let old = "def f(a):\n    return a\n";
        let documented = "def f(a):\n    \"\"\"Give it back.\"\"\"\n    return a\n";
        assert!(takes(Kind::Document, subject(&py, old), old, documented));
        let code = "def f(a):\n    \"\"\"Give it back.\"\"\"\n    return a + 1\n";
        assert!(!takes(Kind::Document, subject(&py, old), old, code));
        let import = format!("import os\n{documented}");
        assert!(!takes(Kind::Document, subject(&py, old), old, &import));
        for hidden in ["# Why\n    import os", "\"\"\"a\"\"\"; run(); \"\"\"b\"\"\"", "f\"\"\"{run()}\"\"\""] {
            let hidden = documented.replace("\"\"\"Give it back.\"\"\"", hidden);
            assert_eq!(accepted(Kind::Document, subject(&py, old), old, &hidden), None, "{hidden}");
        }
        let old = "pub fn f() {} // да, так\n";
        let above = format!("/// Does nothing.\n{old}");
        assert!(takes(Kind::Document, subject(&rs, old), old, &above));
        assert!(!takes(Kind::Document, subject(&rs, old), old, &above.replace("fn f", "fn g")));
        assert!(takes(Kind::TranslateComments, subject(&rs, old), old, "pub fn f() {} // yes, so\n"));
        assert!(!takes(Kind::TranslateComments, subject(&rs, old), old, "fn f() {} // yes, so\n"));
        assert!(takes(Kind::Fix, subject(&py, "def f(:\n"), "def f(:\n", "def f():\n    pass\n"));
        assert!(!takes(Kind::Fix, subject(&py, "def f(:\n"), "def f(:\n", "def g(:\n"));
        let json = RepoPath::new("a.json").expect("a path");
        assert!(takes(Kind::Fix, subject(&json, "{\n"), "{\n", "{}\n"));
        assert!(!takes(Kind::Fix, subject(&json, "{\n"), "{\n", "{{}\n"));
        let script = RepoPath::new("run").expect("a path");
        let bad = "#!/usr/bin/python3\ndef f(:\n";
        assert!(!takes(Kind::Fix, subject(&script, bad), bad, &bad.replace("f(", "g(")));
    }

    /// Protects what the commit does not touch: words about functions that were there before are left out, in every
    /// language, and so are translations of comments that were.
    #[test]
    fn what_was_there_before_stays_as_it_is() {
        let taken = |kind, path: &str, committed: &str, staged: &str, said: &str| {
            let path = RepoPath::new(path).expect("a path");
            accepted(kind, subject_of(&path, committed, staged), staged, said)
        };
        let old = "def old(a):\n    return a\n";
        let staged = format!("{old}\n\ndef new(a):\n    return a\n");
        let said = staged.replace("(a):\n", "(a):\n    \"\"\"Give it back.\"\"\"\n");
        let wanted = format!("{old}\n\ndef new(a):\n    \"\"\"Give it back.\"\"\"\n    return a\n");
        assert_eq!(taken(Kind::Document, "a.py", old, &staged, &said).as_deref(), Some(wanted.as_str()));
        // Nothing of what was asked: refused.
        let only_old = staged.replacen("(a):\n", "(a):\n    \"\"\"Give it back.\"\"\"\n", 1);
        assert_eq!(taken(Kind::Document, "a.py", old, &staged, &only_old), None);
        let old = "pub fn old() {}\n";
        let staged = format!("{old}\n#[inline]\npub fn new() {{}}\n");
        let said = "//! A module.\n/// Old.\npub fn old() {}\n\n/// New.\n/// Two lines.\n#[inline]\npub fn new() {}\n";
        let wanted = "pub fn old() {}\n\n/// New.\n/// Two lines.\n#[inline]\npub fn new() {}\n";
        assert_eq!(taken(Kind::Document, "a.rs", old, &staged, said).as_deref(), Some(wanted));
        let old = "package a\n\nfunc Old() {}\n";
        let staged = format!("{old}\nfunc New() {{}}\n");
        let said = staged.replace("func Old", "// Old is.\nfunc Old").replace("func New", "// New is.\nfunc New");
        let wanted = staged.replace("func New", "// New is.\nfunc New");
        assert_eq!(taken(Kind::Document, "a.go", old, &staged, &said).as_deref(), Some(wanted.as_str()));
        let old = "# das ist nicht neu\nx = 1\n";
        let staged = format!("{old}# das ist nicht alt\ny = 2\n");
        let said = "# this is not new\nx = 1\n# this is not old\ny = 2\n";
        let wanted = format!("{old}# this is not old\ny = 2\n");
        assert_eq!(taken(Kind::TranslateComments, "a.py", old, &staged, said).as_deref(), Some(wanted.as_str()));
    }
}
