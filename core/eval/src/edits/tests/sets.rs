//! Tests of the data in tests/evals.

use super::super::*;
use super::{harness, without_compiler};
use crate::Verdict;
use std::collections::BTreeSet;
use std::sync::Mutex;

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two directories up").join("tests/evals").join(name)
}

/// Judges the reference and the unedited files of each task, where its tools are there.
fn proven(tasks: &[Task]) {
    let dir = tempfile::tempdir().expect("dir");
    let harness = harness(dir.path());
    let (queue, wrong) = (Mutex::new(tasks.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(task) = queue.lock().expect("lock").next() else { return };
                    if let Err(error) = task.judge.ready(&task.id, &harness) {
                        without_compiler(&error.to_string());
                        continue;
                    }
                    let verdict =
                        |changes: &Changes| task.judge.judge(task, changes, &harness, &Cancel::new()).expect("judged");
                    let right = verdict(task.reference.as_ref().expect("a reference"));
                    let path = task.expected.iter().find(|path| task.files.contains_key(*path)).expect("an old file");
                    let same = [(path.clone(), Some(task.files[path].clone()))].into_iter().collect();
                    let unedited = verdict(&same);
                    let mut wrong = wrong.lock().expect("lock");
                    if right.verdict != Verdict::Passed {
                        wrong.push(format!("{}: the reference is wrong: {}", task.id, right.detail));
                    }
                    if unedited.verdict == Verdict::Passed {
                        wrong.push(format!("{}: the unedited files pass", task.id));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("lock");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Protects the numbers of the repositories of our own: each task's judge accepts the right answer and refuses the files
/// as they are, and the set is as large and as mixed as its page says.
#[test]
fn every_task_has_a_judge_that_tells_right_from_wrong() {
    let tasks = load(&data("edits")).expect("tasks");
    let repositories: BTreeSet<_> = tasks.iter().filter_map(|task| task.id.split('/').next()).collect();
    let broad = tasks.iter().filter(|task| task.kind == Some(Kind::Broad)).count();
    assert!(
        tasks.len() >= 60 && repositories.len() >= 10,
        "{} tasks, {} repositories",
        tasks.len(),
        repositories.len()
    );
    assert!((tasks.len() / 4..=2 * tasks.len() / 5).contains(&broad), "{broad} of {} are broad", tasks.len());
    let unnamed = tasks.iter().filter(|task| task.targets.is_empty()).count();
    assert!(unnamed >= tasks.len() / 3 && tasks.iter().any(|task| task.tests));
    proven(&tasks);
}

/// Protects the promise about narrow instructions in the same way.
#[test]
fn every_narrow_instruction_has_a_judge_that_tells_right_from_wrong() {
    let tasks = load(&data("narrow")).expect("tasks");
    assert!(tasks.len() >= 100 && tasks.iter().all(|task| task.kind == Some(Kind::Narrow)));
    proven(&tasks);
}

/// Protects the measure of the choice of files: no question names a file, and there are enough for a number.
#[test]
fn questions_about_files_name_none() {
    let questions = questions(&data("edits")).expect("questions");
    assert!(questions.len() >= 40);
    for question in &questions {
        for path in question.files.keys() {
            let named = question.instruction.contains(path.file_name());
            assert!(!named, "{}: {path} is named", question.id);
        }
    }
}
