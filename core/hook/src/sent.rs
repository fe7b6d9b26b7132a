//! Checks of commits that are pushed, and of messages.

use crate::HookError;
use crate::config::{Action, HookType, Kind};
use crate::entries::Listed;
use crate::look::Work;
use crate::text::Subject;
use deepcoder_types::RepoPath;
use deepcoder_workspace::MAX_FILE;
use std::path::Path;
use std::time::Instant;

/// How many files of a push are held in memory at a time.
const AT_ONCE: usize = 64;

/// The line that git puts between a message and the part that it only shows.
const SCISSORS: &str = " ------------------------ >8 ------------------------";

impl Work {
    /// Lines of `LOCAL-REF LOCAL-COMMIT REMOTE-REF REMOTE-COMMIT`.
    pub(crate) fn pushed(&mut self, remote: &str, lines: &[u8]) -> Result<(), HookError> {
        self.report.passed = true;
        let lines = String::from_utf8_lossy(lines).into_owned();
        let is_zero = |id: &&str| id.bytes().all(|b| b == b'0');
        for line in lines.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [name, local, _, theirs] = words.as_slice() else { continue };
            if is_zero(local) {
                continue;
            }
            // A commit of theirs that was not fetched yet cannot be named here.
            let exists = |id: &&str| self.place.git.ask(&["cat-file", "-e", &format!("{id}^{{commit}}")]).is_some();
            let known: Vec<String> =
                Some(*theirs).filter(|id| !is_zero(id) && exists(id)).map(str::to_owned).into_iter().collect();
            if let Some(text) = self.place.tag_message(local) {
                self.said(&text, &format!("the message of {name}"))?;
            }
            let commits = self.place.unpushed(local, remote, &known)?;
            for (commit, text) in self.place.messages(&commits)? {
                self.said(&text, &format!("the message of {commit}"))?;
            }
            let listed = self.place.brought(&commits)?;
            self.look_at_all(listed)?;
        }
        Ok(())
    }

    /// A history may be longer than memory, and than the time that there is.
    fn look_at_all(&mut self, listed: Listed) -> Result<(), HookError> {
        self.report.skipped.extend(listed.skipped);
        let mut entries = listed.entries;
        while !entries.is_empty() {
            if Instant::now() >= self.deadline {
                self.late = true;
                let left = format!("{} files of this push were skipped: the deadline has passed", entries.len());
                self.report.warnings.push(left);
                return Ok(());
            }
            let rest = entries.split_off(entries.len().min(AT_ONCE));
            let items = self.read(Listed { entries, skipped: Vec::new() })?;
            self.look(items, Some("a commit that is made is not changed"))?;
            entries = rest;
        }
        Ok(())
    }

    /// The message of a commit that is being made. Lines that look like comments are a part of it: which letter begins one
    /// can be set, and `commit -m` keeps them all.
    pub(crate) fn message(&mut self, file: &Path) -> Result<(), HookError> {
        self.report.passed = true;
        let bytes =
            deepcoder_files::read(file, MAX_FILE).map_err(|source| HookError::Io { path: file.to_owned(), source })?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.said(without_diff(&text), "the message")
    }

    fn said(&mut self, text: &str, shown: &str) -> Result<(), HookError> {
        let path = RepoPath::new("COMMIT_EDITMSG").map_err(|e| HookError::Path(shown.to_owned(), e))?;
        let hook = self.hook;
        let wanted = |a: &Action| a.kind == Kind::RefuseSecrets && a.applies(hook, &path);
        if self.config.actions.iter().any(wanted) {
            self.report.looked_at += usize::from(hook == HookType::CommitMsg);
            self.tell(Kind::RefuseSecrets, Subject::plain(&path, None, text.as_bytes()), shown);
        }
        Ok(())
    }
}

/// A message without the changes that `git commit --verbose` shows below it, which are what is staged. Where something else
/// follows the scissors, git may keep it.
fn without_diff(text: &str) -> &str {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let here = line.trim_end();
        let mark = here.strip_suffix(SCISSORS).filter(|mark| !mark.is_empty() && mark.chars().count() <= 8);
        if let Some(mark) = mark {
            let below = text[at + line.len()..].lines().find(|l| !l.is_empty() && !l.starts_with(mark));
            if below.is_none_or(|l| l.starts_with("diff --")) {
                return &text[..at];
            }
        }
        at += line.len();
    }
    text
}
