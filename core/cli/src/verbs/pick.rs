//! Asking hunk by hunk which parts of a diff are wanted.

use crate::args::DecisionArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Failure, Result};
use deepcoder_types::{Consent, Decision, HunkRef, JobFile, RepoPath};

/// Ask about each hunk of `diff`, whose `files` have so many hunks; `None` when the user decides nothing.
pub(crate) fn pick(
    diff: &str,
    files: &[(RepoPath, u32)],
    invocation: &mut Invocation,
    console: &mut Console,
) -> Result<Option<Vec<HunkRef>>> {
    let pieces = pieces(diff, files);
    let count = pieces.len();
    let (mut accepted, mut rest, mut head) = (Vec::new(), None, None);
    for (number, piece) in pieces.into_iter().enumerate() {
        if head.as_ref() != Some(&piece.hunk.path) {
            console.diff(&piece.head)?;
            head = Some(piece.hunk.path.clone());
        }
        console.diff(&piece.text)?;
        let yes = match rest {
            Some(yes) => yes,
            None => loop {
                console.ask(&format!("({}/{count}) accept this hunk [y,n,a,d,q,?]? ", number + 1));
                let answer = invocation.input.line(&invocation.cancel)?;
                invocation.checkpoint()?;
                match answer.to_lowercase().as_str() {
                    "y" | "yes" => break true,
                    "n" | "no" => break false,
                    "a" => break *rest.insert(true),
                    "d" => break *rest.insert(false),
                    "q" | "" => return Ok(None),
                    _ => console.note(
                        "y accept it\nn do not\na accept it and all that follow\nd accept neither it nor any that follow\n\
                         q decide nothing",
                    ),
                }
            },
        };
        if yes {
            accepted.push(piece.hunk);
        }
    }
    Ok(Some(accepted))
}

/// The decision about a result with these `files` and this `diff`: by words, or hunk by hunk at a terminal, after the `notes`.
/// `None` when the user decides nothing. `hint` names the command where stdin is not a terminal.
pub(crate) fn decide(
    (files, diff, notes): (&[JobFile], &str, &[String]),
    args: &DecisionArgs,
    hint: String,
    invocation: &mut Invocation,
    console: &mut Console,
) -> Result<Option<Decision>> {
    let accepted = match (args.accept.as_slice(), args.reject.as_slice()) {
        ([], []) if console.json || !invocation.input.is_terminal => {
            return Err(Failure::new("nothing decided: stdin is not a terminal").hint(hint));
        }
        ([], []) => {
            notes.iter().for_each(|note| console.warn(note));
            let named: Vec<_> = files.iter().map(|file| (file.path.clone(), file.hunks)).collect();
            let Some(accepted) = pick(diff, &named, invocation, console)? else {
                console.note("nothing decided: the result still waits");
                return Ok(None);
            };
            accepted
        }
        (accept, []) => chosen(files, accept)?,
        (_, reject) => {
            let rejected = chosen(files, reject)?;
            all(files).into_iter().filter(|hunk| !rejected.contains(hunk)).collect()
        }
    };
    let consent = Consent { unverified: args.no_verify, ..Consent::REVIEWED };
    Ok(Some(match accepted.len() {
        0 => Decision::Reject,
        some if some == all(files).len() => Decision::accept(consent),
        _ => Decision::accept_hunks(accepted, consent),
    }))
}

fn all(files: &[JobFile]) -> Vec<HunkRef> {
    let hunks = |file: &JobFile| {
        let path = file.path.clone();
        (1..=file.hunks).map(move |hunk| HunkRef { path: path.clone(), hunk })
    };
    files.iter().flat_map(hunks).collect()
}

/// `all`, `FILE`, `FILE:1,3-5`.
fn chosen(files: &[JobFile], words: &[String]) -> Result<Vec<HunkRef>> {
    let mut chosen = Vec::new();
    for word in words {
        if word == "all" {
            return Ok(all(files));
        }
        let wrong = |why: String| {
            let names: Vec<String> = files.iter().map(|file| format!("{}:1-{}", file.path, file.hunks)).collect();
            Failure::new(why).hint(format!("say all, FILE, or FILE:1,3-5; there are {}", names.join(" ")))
        };
        let whole = files.iter().find(|file| file.path.as_str() == word);
        if let Some(file) = whole {
            chosen.extend((1..=file.hunks).map(|hunk| HunkRef { path: file.path.clone(), hunk }));
            continue;
        }
        let (path, numbers) = word.rsplit_once(':').ok_or_else(|| wrong(format!("the result has no file `{word}`")))?;
        let file = files.iter().find(|file| file.path.as_str() == path);
        let file = file.ok_or_else(|| wrong(format!("the result has no file `{path}`")))?;
        for part in numbers.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u32>().ok().filter(|n| (1..=file.hunks).contains(n));
            match (number(from), number(to)) {
                (Some(from), Some(to)) if from <= to => {
                    chosen.extend((from..=to).map(|hunk| HunkRef { path: file.path.clone(), hunk }));
                }
                _ => return Err(wrong(format!("`{path}` has no hunk {part}"))),
            }
        }
    }
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

/// A hunk with its text.
struct Piece {
    hunk: HunkRef,
    /// The header lines above the hunks of its file.
    head: String,
    text: String,
}

/// The diff, cut into the hunks that are listed: both are in the same order.
fn pieces(diff: &str, listed: &[(RepoPath, u32)]) -> Vec<Piece> {
    let mut files: Vec<(String, Vec<String>)> = Vec::new();
    for line in diff.split_inclusive('\n') {
        if line.starts_with("diff --git ") {
            files.push((String::new(), Vec::new()));
        }
        let Some((head, hunks)) = files.last_mut() else { continue };
        if line.starts_with("@@ ") {
            hunks.push(line.to_owned());
        } else {
            match hunks.last_mut() {
                Some(hunk) => hunk.push_str(line),
                None => head.push_str(line),
            }
        }
    }
    let mut pieces = Vec::new();
    for ((path, count), (head, texts)) in listed.iter().zip(files) {
        let whole = texts.len() != *count as usize;
        for hunk in 1..=*count {
            // A file that is one thing, whatever its diff looks like.
            let text = if whole { texts.concat() } else { texts[hunk as usize - 1].clone() };
            pieces.push(Piece { hunk: HunkRef { path: path.clone(), hunk }, head: head.clone(), text });
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects a person who is asked hunk by hunk: each is shown with its own lines, in the order of its numbers.
    #[test]
    fn the_diff_is_cut_at_its_hunks() {
        let diff = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n@@ -9 +9 @@\n-c\n+d\n\
                    diff --git a/x:1 b/x:1\nnew file mode 100644\n--- /dev/null\n+++ b/x:1\n@@ -0,0 +1 @@\n+new\n";
        let path = |text: &str| RepoPath::new(text).expect("a path");
        let pieces = pieces(diff, &[(path("a.py"), 2), (path("x:1"), 1)]);
        let shown: Vec<_> = pieces.iter().map(|p| (p.hunk.path.as_str(), p.hunk.hunk, p.text.as_str())).collect();
        let wanted = [
            ("a.py", 1, "@@ -1 +1 @@\n-a\n+b\n"),
            ("a.py", 2, "@@ -9 +9 @@\n-c\n+d\n"),
            ("x:1", 1, "@@ -0,0 +1 @@\n+new\n"),
        ];
        assert_eq!(shown, wanted);
        assert!(pieces[2].head.contains("new file mode"));
    }

    fn files() -> Vec<JobFile> {
        let file = |path: &str, hunks| JobFile {
            path: RepoPath::new(path).expect("a path"),
            status: "modified".into(),
            hunks,
        };
        vec![file("a.py", 2), file("x:1", 1)]
    }

    fn said(words: &[&str]) -> Result<Vec<String>> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        Ok(chosen(&files(), &words)?.into_iter().map(|h| format!("{}#{}", h.path, h.hunk)).collect())
    }

    /// Protects scripts: hunks are named by file and number, names with colons are names, and what is not there is refused
    /// with what is.
    #[test]
    fn hunks_are_named() {
        assert_eq!(said(&["a.py:2"]), Ok(vec!["a.py#2".to_owned()]));
        assert_eq!(said(&["a.py", "x:1"]), Ok(vec!["a.py#1".into(), "a.py#2".into(), "x:1#1".into()]));
        assert_eq!(said(&["a.py:1-2", "a.py:2"]), Ok(vec!["a.py#1".into(), "a.py#2".into()]));
        assert_eq!(said(&["all"]).map(|all| all.len()), Ok(3));
        let wrong = said(&["a.py:3"]).expect_err("refused");
        assert_eq!(wrong.message, "`a.py` has no hunk 3");
        assert!(wrong.hint.expect("a hint").contains("a.py:1-2 x:1:1-1"));
        assert_eq!(said(&["b.py"]).expect_err("refused").message, "the result has no file `b.py`");
    }
}
