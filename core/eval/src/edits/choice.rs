//! Which files an instruction is about, where it names none.

use super::{Files, Share};
use deepcoder_types::RepoPath;
use serde::Serialize;

/// An instruction that names no file, and the files that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Names it.
    pub id: String,
    /// The words of the user.
    pub instruction: String,
    /// The tree.
    pub files: Files,
    /// Any of these is right.
    pub expected: Vec<RepoPath>,
}

/// How often the choice is right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChoiceReport {
    /// Questions.
    pub total: usize,
    /// An expected file is the first.
    pub first: usize,
    /// An expected file is among the first three.
    pub first_three: usize,
    /// `first` of `total`.
    pub share_first: Share,
    /// `first_three` of `total`.
    pub share_first_three: Share,
    /// The questions without an expected file among the first three, and the files that were chosen.
    pub missed: Vec<Missed>,
}

/// A question that was answered wrongly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// The question.
    pub id: String,
    /// Its instruction.
    pub instruction: String,
    /// The first three files.
    pub chosen: Vec<String>,
    /// The right ones.
    pub expected: Vec<String>,
}

/// Ask `choose`, which gives the best file first, each of `questions`.
pub fn measure<E>(
    questions: &[Question],
    choose: &mut dyn FnMut(&Question) -> Result<Vec<RepoPath>, E>,
) -> Result<ChoiceReport, E> {
    let (mut first, mut first_three, mut missed) = (0, 0, Vec::new());
    for question in questions {
        let chosen = choose(question)?;
        let at = chosen.iter().take(3).position(|path| question.expected.contains(path));
        first += usize::from(at == Some(0));
        first_three += usize::from(at.is_some());
        if at.is_none() {
            let names = |paths: &[RepoPath]| paths.iter().take(3).map(ToString::to_string).collect();
            missed.push(Missed {
                id: question.id.clone(),
                instruction: question.instruction.clone(),
                chosen: names(&chosen),
                expected: names(&question.expected),
            });
        }
    }
    let total = questions.len();
    let (share_first, share_first_three) = (Share::of(first, total), Share::of(first_three, total));
    Ok(ChoiceReport { total, first, first_three, share_first, share_first_three, missed })
}
