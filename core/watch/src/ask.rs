//! From comments that ask for something to jobs, one for each and none of them twice.

use crate::comment::{Comment, Mark, marked};
use crate::{CommentDelivery, Notices};
use deepcoder_protocol::Jobs;
use deepcoder_syntax::Language;
use deepcoder_types::{ContentHash, Delivery, EDIT, EXPLAIN, Hint as _, JobId, JobSpec, JobState, RepoPath, Schedule};
use deepcoder_workspace::{ReadError, Recorded, TextFile, Workspace};
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The user waits for it: before other background work.
const PRIORITY: i32 = 10;

/// Each time that the user saves while a job runs, it is tried again on the new bytes.
const ATTEMPTS: u32 = 5;

/// Digits of the hash of a path and a comment.
const DIGITS: usize = 16;

/// Which comment: the file, its text, and how many of the same stand before it.
type Which = (RepoPath, String, usize);

/// The comments of one repository.
pub(crate) struct Asks {
    workspace: Workspace,
    recorded: Recorded,
    jobs: Arc<dyn Jobs>,
    delivery: CommentDelivery,
    /// Jobs that were made of comments which still stand there.
    open: HashMap<Which, JobId>,
    /// Questions that stand in a file: they stay when they are answered.
    asked: HashSet<Which>,
    /// Comments without a request, for the next one that has one.
    notes: BTreeMap<RepoPath, Vec<Comment>>,
}

impl Asks {
    pub(crate) fn new(workspace: Workspace, jobs: Arc<dyn Jobs>, delivery: CommentDelivery) -> Self {
        let (open, asked, notes) = (HashMap::new(), HashSet::new(), BTreeMap::new());
        Self { recorded: workspace.recorded(), workspace, jobs, delivery, open, asked, notes }
    }

    /// Another folder has taken the place of the work tree.
    pub(crate) fn reopen(&mut self, workspace: &Workspace) {
        self.recorded = workspace.recorded();
        self.workspace = workspace.clone();
    }

    /// Files have changed by the user's hand.
    pub(crate) fn saved(&mut self, paths: &[RepoPath], notices: &mut Notices) {
        if self.delivery == CommentDelivery::Off {
            return;
        }
        let mut files: Vec<(TextFile, Vec<Comment>)> = Vec::new();
        for path in paths {
            match self.read(path) {
                Ok(read) => files.extend(read),
                Err(error) => self.unreadable(path, &error, notices),
            }
        }
        for path in paths {
            let now = files.iter().find(|(file, _)| file.path == *path).map_or(&[][..], |(_, comments)| comments);
            self.forget_gone(path, now);
        }
        for (file, comments) in &files {
            for comment in comments.iter().filter(|comment| comment.mark != Mark::Note) {
                self.act(file, comment, comments, notices);
            }
        }
    }

    /// The marked comments of a file that are the user's own and new: committed or staged comments may come from a
    /// branch, which must not change the user's tree.
    fn read(&mut self, path: &RepoPath) -> Result<Option<(TextFile, Vec<Comment>)>, ReadError> {
        let Some(language) = Language::of(path) else { return Ok(None) };
        let file = self.workspace.read_text(path)?;
        let mut comments = marked(language, &file.text);
        if !comments.is_empty() {
            let recorded = self.recorded.of(path);
            let known: Vec<_> = recorded.iter().filter_map(|bytes| std::str::from_utf8(bytes).ok()).collect();
            let known: HashSet<(String, usize)> =
                known.iter().flat_map(|text| marked(language, text)).map(|c| (c.text, c.nth)).collect();
            comments.retain(|comment| !known.contains(&(comment.text.clone(), comment.nth)));
        }
        let notes: Vec<Comment> = comments.iter().filter(|c| c.mark == Mark::Note).cloned().collect();
        if notes.is_empty() {
            self.notes.remove(path)
        } else {
            self.notes.insert(path.clone(), notes)
        };
        Ok(Some((file, comments)))
    }

    /// Tells the user that a file with a request cannot be read as text, so that the request does not wait in silence.
    fn unreadable(&mut self, path: &RepoPath, error: &ReadError, notices: &mut Notices) {
        let (Some(language), Ok(image)) = (Language::of(path), self.workspace.read(path)) else { return };
        let asks = |bytes: &[u8]| marked(language, &any_text(bytes)).iter().filter(|c| c.mark != Mark::Note).count();
        let known = self.recorded.of(path).iter().map(|bytes| asks(bytes)).max().unwrap_or(0);
        if asks(&image.bytes) > known {
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            notices.add(format!("nothing is done about the comments in it: {error}{hint}"));
        }
    }

    /// A comment that is gone from the file asks no more.
    fn forget_gone(&mut self, path: &RepoPath, now: &[Comment]) {
        let stands = |(of, text, nth): &Which| of != path || now.iter().any(|c| c.text == *text && c.nth == *nth);
        self.asked.retain(stands);
        let gone: Vec<Which> = self.open.keys().filter(|which| !stands(which)).cloned().collect();
        for which in gone {
            let Some(id) = self.open.remove(&which) else { continue };
            // One that runs is about to find out by itself, or it is what took the comment away.
            if self.jobs.get(&id.0).is_ok_and(|job| matches!(job.state, JobState::Queued | JobState::Waiting)) {
                _ = self.jobs.cancel(&id.0);
            }
        }
    }

    fn act(&mut self, file: &TextFile, comment: &Comment, all: &[Comment], notices: &mut Notices) {
        let which = (file.path.clone(), comment.text.clone(), comment.nth);
        if self.asked.contains(&which) {
            return;
        }
        if let Some(id) = self.open.get(&which) {
            match self.jobs.get(&id.0) {
                Ok(job) if !job.state.is_over() => return,
                _ => _ = self.open.remove(&which),
            }
        }
        let spec = match comment.mark {
            Mark::Ask => self.question(file, comment),
            _ => match self.edit(file, comment, all) {
                Some(spec) => spec,
                None => {
                    notices.add(format!("{}:{}: `{}` says nothing to do", file.path, comment.line, comment.text));
                    return;
                }
            },
        };
        match self.jobs.add(spec) {
            Ok(added) => {
                _ = self.open.insert(which.clone(), added.job.id);
                if comment.mark == Mark::Ask {
                    self.asked.insert(which);
                }
            }
            Err(failure) => notices.add(format!("{}:{}: no job could be added: {failure}", file.path, comment.line)),
        }
    }

    fn question(&self, file: &TextFile, comment: &Comment) -> JobSpec {
        let said = if comment.said.is_empty() { "what does this do" } else { &comment.said };
        let prompt = format!("{said}\n\nThis is asked in line {}, about the code next to it.", comment.line);
        self.spec(EXPLAIN, prompt, vec![file.path.clone()], json!({}), file, comment)
    }

    /// The request with the notes that belong to it; `None` when nothing is said anywhere.
    fn edit(&mut self, file: &TextFile, comment: &Comment, all: &[Comment]) -> Option<JobSpec> {
        let mut parts: Vec<(RepoPath, Comment)> = Vec::new();
        // Notes belong to the first request that comes after them.
        if all.iter().find(|c| c.mark == Mark::Edit) == Some(comment) {
            for (path, notes) in std::mem::take(&mut self.notes) {
                parts.extend(notes.into_iter().map(|note| (path.clone(), note)));
            }
        }
        parts.push((file.path.clone(), comment.clone()));
        let said: Vec<&(RepoPath, Comment)> = parts.iter().filter(|(_, c)| !c.said.is_empty()).collect();
        let prompt = match said.as_slice() {
            [] => return None,
            [(_, only)] => only.said.clone(),
            several => {
                let line = |(path, c): &&(RepoPath, Comment)| format!("- {} (`{path}`, line {})", c.said, c.line);
                several.iter().map(line).collect::<Vec<_>>().join("\n")
            }
        };
        let mut paths = vec![file.path.clone()];
        parts.iter().for_each(|(path, _)| {
            if !paths.contains(path) {
                paths.push(path.clone())
            }
        });
        let marks: Vec<_> = parts.iter().map(|(path, c)| json!({ "path": path, "text": c.text })).collect();
        Some(self.spec(EDIT, prompt, paths, json!({ "comments": marks }), file, comment))
    }

    fn spec(
        &self,
        kind: &str,
        prompt: String,
        paths: Vec<RepoPath>,
        options: serde_json::Value,
        file: &TextFile,
        comment: &Comment,
    ) -> JobSpec {
        let mut about =
            ContentHash::of(format!("{}\0{}\0{}", file.path, comment.text, comment.nth).as_bytes()).to_string();
        about.truncate(DIGITS);
        JobSpec {
            kind: kind.to_owned(),
            repository: self.workspace.root().to_owned(),
            prompt,
            paths: paths.into_iter().map(String::from).collect(),
            options,
            model: None,
            seed: 0,
            effort: None,
            priority: PRIORITY,
            schedule: Schedule::Now,
            after: Vec::new(),
            max_attempts: ATTEMPTS,
            timeout_ms: None,
            key: Some(format!("comment:{about}:{}", file.hash)),
            delivery: if self.delivery == CommentDelivery::Review { Delivery::Review } else { Delivery::Apply },
            origin: "watch".to_owned(),
        }
    }
}

/// Decodes `bytes` as far as possible: UTF-16 by its byte-order mark, anything else as UTF-8 with U+FFFD for bad bytes.
fn any_text(bytes: &[u8]) -> String {
    let units = |read: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        char::decode_utf16(pairs).map(|c| c.unwrap_or('\u{fffd}')).filter(|c| *c != '\u{feff}').collect()
    };
    match bytes {
        [0xFF, 0xFE, ..] => units(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}
