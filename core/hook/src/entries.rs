//! Staged and pushed files: files with the blob that they had and the one that they get.

use crate::git::GitError;
use crate::place::Place;
use deepcoder_types::RepoPath;
use std::collections::{HashMap, HashSet};

/// Files of a commit that exist in it. A type that changes counts too: a link may become a file.
const FILTER: &str = "--diff-filter=ACMRT";

/// One regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: RepoPath,
    /// `100644` or `100755`.
    pub(crate) mode: String,
    /// The blob in the commit before, under its old name where it was renamed.
    pub(crate) old: Option<String>,
    /// The blobs on the other sides of a merge.
    pub(crate) others: Vec<String>,
    /// It has not had this name before.
    pub(crate) renamed: bool,
    /// The staged blob.
    pub(crate) new: String,
}

/// A file that is not looked at, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its name, as well as it can be shown.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Files to look at, and those that are not.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) entries: Vec<Entry>,
    pub(crate) skipped: Vec<Skipped>,
}

impl Place {
    /// The files that this commit would change.
    pub(crate) fn staged(&self) -> Result<Listed, GitError> {
        let against = |tree: &str| {
            let how = ["diff-index", "--cached", "--raw", "-z", "--abbrev=64", "-M", "-l200"];
            let more = ["--ita-invisible-in-index", "--no-ext-diff", "--no-textconv", FILTER, tree, "--"];
            self.git.run(&[&how[..], &more].concat())
        };
        let out = match against("HEAD") {
            // A branch without a commit.
            Err(_) if self.git.ask(&["rev-parse", "-q", "--verify", "HEAD^{commit}"]).is_none() => {
                against(self.empty_tree)?
            }
            out => out?,
        };
        let mut listed = parse(&out);
        // A file or line that a merge takes over unchanged from the other side was not written for this commit.
        for head in self.merged() {
            let differs: HashMap<RepoPath, Option<String>> =
                parse(&against(&head)?).entries.into_iter().map(|e| (e.path, e.old)).collect();
            listed.entries.retain_mut(|entry| {
                let there = differs.get(&entry.path);
                entry.others.extend(there.cloned().flatten());
                there.is_some()
            });
        }
        Ok(listed)
    }

    /// The commits that are in `local` and that the remote `remote` does not have, as far as is known here: its
    /// branches as they were last seen, and the commits `known`. Branches of other remotes do not count.
    pub(crate) fn unpushed(&self, local: &str, remote: &str, known: &[String]) -> Result<Vec<u8>, GitError> {
        let theirs = format!("--remotes={remote}");
        let mut list: Vec<&str> = vec!["rev-list", local, "--not"];
        // An address, for want of a name, has no branches here.
        if is_remote_name(remote) {
            list.push(&theirs);
        }
        list.extend(known.iter().map(String::as_str));
        self.git.run(&list)
    }

    /// Each version of each file that `commits` brought, once. Of a merge, only versions that none of its sides has.
    pub(crate) fn brought(&self, commits: &[u8]) -> Result<Listed, GitError> {
        if commits.is_empty() {
            return Ok(Listed::default());
        }
        let how = ["diff-tree", "--stdin", "-r", "-c", "--root", "--no-commit-id", "--raw", "-z", "--abbrev=64", "-M"];
        let out = self.git.run_with(&[&how[..], &["--no-ext-diff", "--no-textconv", FILTER]].concat(), commits)?;
        let mut listed = parse(&out);
        let mut seen = HashSet::new();
        listed.entries.retain(|e| seen.insert((e.path.clone(), e.old.clone(), e.others.clone(), e.new.clone())));
        Ok(listed)
    }

    /// The messages of `commits`, each with its commit's name.
    pub(crate) fn messages(&self, commits: &[u8]) -> Result<Vec<(String, String)>, GitError> {
        if commits.is_empty() {
            return Ok(Vec::new());
        }
        let how = [
            "log",
            "--stdin",
            "--no-walk=unsorted",
            "--no-show-signature",
            "--encoding=UTF-8",
            "-z",
            "--format=%h%n%B",
        ];
        let out = self.git.run_with(&how, commits)?;
        let all = out.split(|b| *b == 0).map(|one| String::from_utf8_lossy(one).into_owned());
        Ok(all.filter_map(|one| one.split_once('\n').map(|(name, text)| (name.to_owned(), text.to_owned()))).collect())
    }

    /// The message of the tag `id`; nothing where it is none.
    pub(crate) fn tag_message(&self, id: &str) -> Option<String> {
        let out = self.git.run(&["cat-file", "tag", id]).ok()?;
        let text = String::from_utf8_lossy(&out).into_owned();
        text.split_once("\n\n").map(|(_, message)| message.to_owned())
    }

    /// The attributes of `paths` that make a file in the tree differ from its blob by more than line endings.
    pub(crate) fn filtered(&self, paths: &[&RepoPath]) -> Result<HashMap<RepoPath, String>, GitError> {
        let input: Vec<u8> = paths.iter().flat_map(|path| path.as_str().bytes().chain([0])).collect();
        if input.is_empty() {
            return Ok(HashMap::new());
        }
        let names = ["check-attr", "-z", "--stdin", "filter", "ident", "working-tree-encoding"];
        let out = self.git.run_with(&names, &input)?;
        let fields: Vec<&[u8]> = out.split(|b| *b == 0).collect();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let set = fields.chunks_exact(3).filter(|f| !matches!(f[2], b"unspecified" | b"unset"));
        Ok(set.filter_map(|f| Some((RepoPath::new(text(f[0])).ok()?, text(f[1])))).collect())
    }
}

/// Whether `remote` can be a part of a ref, and has no letter that would make it a pattern.
fn is_remote_name(remote: &str) -> bool {
    !remote.is_empty()
        && !remote.starts_with(['-', '/', '.'])
        && !remote.contains([':', '*', '?', '[', '\\', '^', '~', ' '])
}

/// Git's raw format, NUL-separated: `:MODE MODE BLOB BLOB STATUS`, the path, and for a rename the new path. A merge has one
/// colon for each side, and as many modes and blobs before the last ones.
fn parse(out: &[u8]) -> Listed {
    let mut listed = Listed::default();
    let mut fields = out.split(|b| *b == 0);
    while let Some(head) = fields.next() {
        let head = String::from_utf8_lossy(head).into_owned();
        let sides = head.bytes().take_while(|b| *b == b':').count();
        let words: Vec<&str> = head[sides..].split(' ').collect();
        if sides == 0 || words.len() != 2 * (sides + 1) + 1 {
            continue;
        }
        let (mode, blobs, status) = (words[sides], &words[sides + 1..words.len() - 1], words[words.len() - 1]);
        let Some((new, old)) = blobs.split_last() else { continue };
        let mut path = fields.next().unwrap_or_default();
        let renamed = status.starts_with(['R', 'C']);
        if renamed && sides == 1 {
            path = fields.next().unwrap_or_default();
        }
        // Links and submodules hold no text of this repository.
        if !matches!(mode, "100644" | "100755") {
            continue;
        }
        let shown = String::from_utf8_lossy(path).into_owned();
        let there = |id: &&&str| !id.bytes().all(|b| b == b'0');
        let mut old = old.iter().filter(there).map(|id| (*id).to_owned());
        match std::str::from_utf8(path).map_err(|_| deepcoder_types::PathError::NotUtf8).and_then(RepoPath::new) {
            Ok(path) => listed.entries.push(Entry {
                path,
                mode: mode.to_owned(),
                old: old.next(),
                others: old.collect(),
                renamed,
                new: (*new).to_owned(),
            }),
            Err(error) => listed.skipped.push(Skipped { path: shown, reason: error.to_string() }),
        }
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects against names that break the list apart: line ends and spaces are part of a name, a rename has two
    /// names, and what is not UTF-8, a link or a submodule is left out, the first of them loudly.
    #[test]
    fn strange_names_are_read_or_skipped_loudly() {
        let (a, b, zero) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let mut out = format!(":100644 100644 {a} {b} M\0with\nline end\0:100644 100755 {a} {b} R090\0old\0new name\0");
        out.push_str(&format!(":000000 120000 {zero} {b} A\0link\0:000000 160000 {zero} {b} A\0module\0"));
        let mut out = out.into_bytes();
        out.extend(format!(":000000 100644 {zero} {b} A\0").bytes());
        out.extend(b"caf\xe9\0");
        let c = "c".repeat(40);
        out.extend(
            format!("::100644 000000 100644 {a} {zero} {b} MA\0merged\0::100644 100644 100644 {a} {c} {b} MM\0both\0")
                .bytes(),
        );
        let listed = parse(&out);
        let names: Vec<_> = listed.entries.iter().map(|e| (e.path.as_str(), e.old.is_some())).collect();
        assert_eq!(names, [("with\nline end", true), ("new name", true), ("merged", true), ("both", true)]);
        assert_eq!(
            listed.entries[1..].iter().map(|e| (e.renamed, e.others.len())).collect::<Vec<_>>(),
            [(true, 0), (false, 0), (false, 1)]
        );
        assert_eq!(listed.skipped.len(), 1);
        assert_eq!(listed.skipped[0].reason, "the path is not valid UTF-8");
    }
}
