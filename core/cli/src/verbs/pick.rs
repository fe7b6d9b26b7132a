//! Asking hunk by hunk which parts of a diff are wanted.

use crate::console::Console;
use crate::context::Invocation;
use crate::failure::Result;
use deepcoder_types::{HunkRef, RepoPath};

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
}
