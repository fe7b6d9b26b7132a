//! `deepcoder jobs review`

use super::{ended, short};
use crate::args::JobReviewArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::verbs::pick;
use deepcoder_types::{HunkRef, Job, JobResult, JobState, RepoPath, Review};

pub(super) fn review(args: &JobReviewArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let mut client = invocation.session.client()?;
    let job = client.job(&args.id)?;
    let Some(result) = job.result.as_ref().filter(|_| job.state == JobState::Review) else {
        let failure = Failure::new(format!("job {} is {}", short(&job.id), job.state.name()));
        return Err(failure.hint("only the result of a job that waits for a review can be decided about"));
    };
    let decision = match (args.accept.as_slice(), args.reject.as_slice()) {
        ([], []) => match ask(&job, result, invocation, console)? {
            Some(decision) => decision,
            None => {
                console.note("nothing decided; it still waits");
                return Ok(Done::Findings);
            }
        },
        (accept, []) => decide(result, &chosen(result, accept)?),
        (_, reject) => {
            let rejected = chosen(result, reject)?;
            let rest: Vec<HunkRef> = all(result).into_iter().filter(|hunk| !rejected.contains(hunk)).collect();
            decide(result, &rest)
        }
    };
    let job = client.review_job(&job.id.0, &decision)?;
    if console.json {
        console.json(&job)?;
        return Ok(Done::Clean);
    }
    let landed = job.result.as_ref();
    match (job.state, landed.and_then(|r| r.edit.as_ref()), landed.and_then(|r| r.commit.as_ref())) {
        (JobState::Done, Some(edit), _) => {
            console.note(&format!("written; `deepcoder undo {}` takes it back", crate::ids::short(edit)))
        }
        (JobState::Done, _, Some(commit)) => {
            console.note(&format!("committed as {}", commit.get(..12).unwrap_or(commit)));
        }
        (state, ..) => console.note(state.name()),
    }
    Ok(if job.state == JobState::Rejected { Done::Clean } else { ended(&job) })
}

fn all(result: &JobResult) -> Vec<HunkRef> {
    let hunks = |file: &deepcoder_types::JobFile| {
        let path = file.path.clone();
        (1..=file.hunks).map(move |hunk| HunkRef { path: path.clone(), hunk })
    };
    result.files.iter().flat_map(hunks).collect()
}

fn decide(result: &JobResult, accepted: &[HunkRef]) -> Review {
    match accepted.len() {
        0 => Review::RejectAll,
        some if some == all(result).len() => Review::AcceptAll,
        _ => Review::Accept(accepted.to_vec()),
    }
}

/// `all`, `FILE`, `FILE:1,3-5`.
fn chosen(result: &JobResult, words: &[String]) -> Result<Vec<HunkRef>> {
    let mut chosen = Vec::new();
    for word in words {
        if word == "all" {
            return Ok(all(result));
        }
        let wrong = |why: String| {
            let names: Vec<String> =
                result.files.iter().map(|file| format!("{}:1-{}", file.path, file.hunks)).collect();
            Failure::new(why).hint(format!("say all, FILE, or FILE:1,3-5; there are {}", names.join(" ")))
        };
        let whole = result.files.iter().find(|file| file.path.as_str() == word);
        if let Some(file) = whole {
            chosen.extend((1..=file.hunks).map(|hunk| HunkRef { path: file.path.clone(), hunk }));
            continue;
        }
        let (path, numbers) = word.rsplit_once(':').ok_or_else(|| wrong(format!("the result has no file `{word}`")))?;
        let file = result.files.iter().find(|file| file.path.as_str() == path);
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

/// Ask hunk by hunk; `None` when nothing is to be decided.
fn ask(job: &Job, result: &JobResult, invocation: &mut Invocation, console: &mut Console) -> Result<Option<Review>> {
    if console.json || !invocation.input.is_terminal {
        let failure = Failure::new("nobody can be asked here");
        return Err(failure.hint(format!(
            "`deepcoder jobs review {0} --accept all` or `--reject all` decides; `deepcoder jobs show {0}` shows the diff",
            short(&job.id)
        )));
    }
    result.notes.iter().for_each(|note| console.warn(note));
    let files: Vec<(RepoPath, u32)> = result.files.iter().map(|file| (file.path.clone(), file.hunks)).collect();
    let accepted = pick::pick(&result.diff, &files, invocation, console)?;
    Ok(accepted.map(|accepted| decide(result, &accepted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_types::JobFile;

    fn result() -> JobResult {
        let file = |path: &str, hunks| JobFile {
            path: RepoPath::new(path).expect("a path"),
            status: "modified".into(),
            hunks,
        };
        let diff = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n@@ -9 +9 @@\n-c\n+d\n\
                    diff --git a/x:1 b/x:1\nnew file mode 100644\n--- /dev/null\n+++ b/x:1\n@@ -0,0 +1 @@\n+new\n";
        JobResult {
            diff: diff.into(),
            files: vec![file("a.py", 2), file("x:1", 1)],
            verified: true,
            ..JobResult::default()
        }
    }

    fn said(words: &[&str]) -> Result<Vec<String>> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        Ok(chosen(&result(), &words)?.into_iter().map(|h| format!("{}#{}", h.path, h.hunk)).collect())
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
