//! `deepcoder eval edits` and `deepcoder eval files`

use super::repositories::Repositories;
use super::{harness, options, watched};
use crate::args::{EditsArgs, FilesArgs};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::verbs::task;
use deepcoder_context::Context;
use deepcoder_eval::edits::{
    self, ChoiceQuestion, ChoiceReport, Counts, Decision, EditRecord, EditReport, Edited, Question, Share, Task,
};
use deepcoder_pipeline::{Pipeline, Run, RunError, RunOptions, may_land};
use deepcoder_plugin_api::ErrorCode;
use deepcoder_types::{
    Calibration, Cancel, Consent, Delivery, EDIT, Effort, GenerateError, Instruction, LanguageModel, RepoPath, Verdict,
};
use deepcoder_workspace::Memory;
use serde_json::json;
use std::fmt::Write as _;
use std::sync::Arc;

/// How each edit is made.
struct Asking<'a> {
    model: Arc<dyn LanguageModel>,
    options: serde_json::Value,
    effort: Effort,
    confidence: f32,
    calibration: Option<Calibration>,
    repositories: Repositories<'a>,
    seed: u64,
    cancel: &'a Cancel,
}

pub(super) fn edits(args: &EditsArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let tasks = edits::load(&invocation.path(&args.eval.data))?;
    let harness = harness(invocation)?;
    let mut options = options(&args.eval, invocation);
    if args.eval.at_once.is_none() {
        options.at_once = at_once(args.effort);
    }
    let plugin_options = serde_json::Value::from(task::params(&args.option)?);
    deepcoder_pipeline::check_options(EDIT, &plugin_options)?;
    let model = invocation.model(console)?;
    let info = model.info().clone();
    let effort = args.effort.name();
    let version = env!("CARGO_PKG_VERSION");
    let repositories = Repositories::of(&tasks, invocation)?;
    // Results without checks are those of another run.
    let checks = if repositories.have_checks() { " checks" } else { "" };
    let name = format!("{} {} effort={effort} {plugin_options} {version}{checks}", info.name, info.fingerprint);
    let (seed, cancel) = (invocation.seed.unwrap_or(0), &invocation.cancel);
    let confidence = f32::from(invocation.profile.settings().confidence) / 100.0;
    let calibration = invocation.profile.calibration(&info.name);
    let (plugin, effort_of) = (plugin_options, args.effort);
    let asking =
        Asking { model, options: plugin, effort: effort_of, confidence, calibration, repositories, seed, cancel };
    let edit = |question: Question<'_>| asking.edit(question);
    let report = watched("edits", invocation, console, &mut |progress| {
        edits::run(&name, &edit, &tasks, &harness, &options, cancel, progress)
    })?;
    if console.json {
        let mut value = json!(report);
        value["model"] = json!(info.name);
        value["effort"] = json!(effort);
        value["version"] = json!(version);
        value["at_once"] = json!(options.at_once);
        if let Some(files) = &choice(&tasks, cancel)? {
            value["files"] = json!(files);
        }
        console.json(&value)?;
    } else {
        let title = format!("{} tasks, {}, effort {effort}, deepcoder {version}", report.counts.total, info.name);
        console.print(&table(&title, &report, options.at_once))?;
        if let Some(files) = &choice(&tasks, cancel)? {
            console.print(&format!("\n{}", choice_text(files)))?;
        }
    }
    if !report.confined {
        console.warn("the sandbox of the tests was incomplete: this kernel lacks some of its walls");
    }
    Ok(Done::Clean)
}

/// Tasks at once that keep the engine's sixteen sequences busy: each task has several candidates where the effort asks for
/// them, and while one is checked another one uses its place.
const fn at_once(effort: Effort) -> usize {
    match effort {
        Effort::Quick => 16,
        Effort::Normal => 6,
        Effort::Thorough => 4,
    }
}

impl Asking<'_> {
    /// One edit by the same stages as `deepcoder edit --yes`, on files in memory instead of a work tree, with the checks of
    /// the repository that the files are.
    fn edit(&self, question: Question<'_>) -> std::result::Result<Edited, GenerateError> {
        let tree: Memory = question.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        let instruction = Instruction {
            id: question.task_id.to_owned(),
            verb: EDIT.into(),
            prompt: question.instruction.to_owned(),
            targets: question.targets.to_vec(),
            reads: Vec::new(),
            selection: None,
            options: self.options.clone(),
            seed: self.seed,
        };
        let (effort, confidence, calibration) = (self.effort, self.confidence, self.calibration.as_ref());
        let checks = self.repositories.checks(question.files);
        let options = RunOptions { effort, confidence, calibration, checks, ..RunOptions::default() };
        let run = Pipeline::new(&tree, Arc::clone(&self.model)).run(&instruction, &options, self.cancel, &mut |_| {});
        match run {
            Ok(run) => Ok(edited(run)),
            // Every other task would fail in the same way, and would count as refused.
            Err(RunError::Plugin(error)) if error.code == ErrorCode::Unavailable => {
                Err(GenerateError::Unavailable(error.message))
            }
            Err(error) => Ok(Edited { reason: one_line(&error.to_string()), ..Edited::default() }),
        }
    }
}

/// What `--yes` does with `run`.
fn edited(run: Run) -> Edited {
    let verdict = may_land(&run, &Delivery::Apply, Consent::default());
    let (usage, evidence) = (run.record.stats.usage, run.record.evidence.clone());
    let whole = run.edit_set.clone();
    let (decision, reasons, set) = match verdict {
        Verdict::Lands => (Decision::Applied, Vec::new(), whole),
        Verdict::LandsInPart(rest) => {
            let rest = rest.iter().map(|path| format!("{path} waits")).chain(run.reasons()).collect();
            (Decision::Applied, rest, run.into_safe_part().and_then(|part| part.edit_set))
        }
        Verdict::Held(reasons) => (Decision::Review, reasons, whole),
        Verdict::Refused(reasons) => (Decision::Refused, reasons, whole),
        Verdict::Nothing | Verdict::Shown => (Decision::Unchanged, vec!["nothing to change".to_owned()], None),
    };
    let found = reasons.join("; ");
    let reason = if found.is_empty() { evidence.reason.clone() } else { found };
    let files = set.into_iter().flat_map(|set| set.files);
    let changes = files.map(|file| (file.path, file.new.map(|image| image.bytes))).collect();
    Edited { decision: Some(decision), reason: one_line(&reason), changes, evidence, usage }
}

/// What came of one task, in one line.
pub(super) fn outcome(edit: &EditRecord, detail: &str) -> String {
    let decision = match edit.decision {
        Decision::Applied => "applied",
        Decision::Review => "needs review",
        Decision::Refused => "refused",
        Decision::Unchanged => "unchanged",
    };
    let (right, detail) = match edit.right {
        true => (", right", ""),
        false if edit.files.is_empty() => ("", ""),
        false => (", wrong", detail),
    };
    let texts: Vec<&str> = [edit.reason.as_str(), detail].into_iter().filter(|text| !text.is_empty()).collect();
    format!("{decision}{right}: {}", texts.join("; ")).trim_end_matches([':', ' ']).to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn table(title: &str, report: &EditReport, at_once: usize) -> String {
    let EditReport { counts, shares, .. } = report;
    let mut text = format!("{title}\n\n");
    let mut row = |label: &str, count: usize, share: Share| {
        _ = writeln!(text, "{label:<28}{count:>5}  {:>14}", percent(share));
    };
    row("right and applied", counts.right_and_applied, shares.right_and_applied);
    row("wrong and applied", counts.wrong_and_applied, shares.wrong_and_applied);
    row("needs review, right", counts.review_right, shares.review_right);
    row("needs review, wrong", counts.review_wrong, shares.review_wrong);
    row("refused or unchanged", counts.refused, shares.refused);
    row("right, applied or proposed", report.right_total, shares.right_total);
    row("wrong among the applied", counts.wrong_and_applied, report.wrong_share_of_applied);
    if let Some(tests) = report.kinds.with_tests {
        row("with tests, right, applied", tests.right_and_applied, Share::of(tests.right_and_applied, tests.total));
        row("with tests, wrong, applied", tests.wrong_and_applied, Share::of(tests.wrong_and_applied, tests.total));
        let wrong = report.wrong_share_of_applied_with_tests;
        row("with tests, wrong of applied", tests.wrong_and_applied, wrong);
    }
    let kinds = &report.kinds;
    let groups = [
        ("narrow", kinds.narrow),
        ("broad", kinds.broad),
        ("in a repository with tests", kinds.tested_repository),
        ("with tests that reach the change", kinds.with_tests),
    ];
    for (name, group) in groups.iter().filter_map(|(name, group)| group.map(|group| (name, group))) {
        let Counts { total, right_and_applied, wrong_and_applied, review_right, review_wrong, refused } = group;
        let held = review_right + review_wrong;
        _ = writeln!(
            text,
            "{name}: {total} tasks, {right_and_applied} right and {wrong_and_applied} wrong applied, {held} need review \
             ({review_right} right), {refused} refused"
        );
    }
    _ = writeln!(
        text,
        "\nrefused: {} with nothing to change, {} with a right proposal\n{:.1} s a task (median; mean {:.1}) with {at_once} \
         at once, {:.0} s in all, {} tokens read and {} written",
        report.refused_unchanged,
        report.refused_right,
        report.median_seconds,
        report.mean_seconds,
        report.wall_seconds,
        report.prompt_tokens,
        report.completion_tokens
    );
    if !report.curve.is_empty() {
        text.push_str("\nlikely right   applied         right among the applied\n");
        // Where nothing more is applied the line before says it all.
        let mut last = 0;
        for point in report.curve.iter().filter(|point| std::mem::replace(&mut last, point.applied) != point.applied) {
            let (applied, right) = (percent(point.share_applied), percent(point.share_right));
            _ = writeln!(text, "at least {:.2}  {applied:>14}  {right:>14}", point.threshold);
        }
    }
    text
}

fn percent(share: Share) -> String {
    format!("{:.1} % ± {:.1}", 100.0 * share.share, 100.0 * share.standard_error)
}

pub(super) fn files(args: &FilesArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let path = invocation.path(&args.data);
    let mut questions = edits::questions(&path)?;
    questions.extend(edits::load(&path)?.iter().filter_map(question));
    let report = ask(&questions, &invocation.cancel)?;
    if console.json {
        console.json(&json!(report))?;
        return Ok(Done::Clean);
    }
    console.print(&choice_text(&report))?;
    for missed in &report.missed {
        let chosen = if missed.chosen.is_empty() { "nothing".to_owned() } else { missed.chosen.join(", ") };
        console.line(&format!("{}: {}", missed.id, missed.instruction))?;
        console.line(&format!("  chosen {chosen}; right {}", missed.expected.join(", ")))?;
    }
    Ok(Done::Clean)
}

/// The choice for those of `tasks` that name no file.
fn choice(tasks: &[Task], cancel: &Cancel) -> Result<Option<ChoiceReport>> {
    let questions: Vec<ChoiceQuestion> = tasks.iter().filter_map(question).collect();
    if questions.is_empty() { Ok(None) } else { ask(&questions, cancel).map(Some) }
}

fn question(task: &Task) -> Option<ChoiceQuestion> {
    let asks = task.targets.is_empty() && !task.expected.is_empty();
    asks.then(|| ChoiceQuestion {
        id: task.id.clone(),
        instruction: task.instruction.clone(),
        files: task.files.clone(),
        expected: task.expected.clone(),
    })
}

fn ask(questions: &[ChoiceQuestion], cancel: &Cancel) -> Result<ChoiceReport> {
    let mut choose = |question: &ChoiceQuestion| -> std::result::Result<Vec<RepoPath>, Failure> {
        let tree: Memory = question.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        let choice = Context::new(&tree).choose(&question.instruction, cancel)?;
        Ok(choice.targets.into_iter().chain(choice.spare).map(|file| file.path).collect())
    };
    edits::choice::measure(questions, &mut choose)
}

fn choice_text(report: &ChoiceReport) -> String {
    format!(
        "files, where none is named: {} of {} right at the first place ({}), {} within three ({})\n",
        report.first,
        report.total,
        percent(report.share_first),
        report.first_three,
        percent(report.share_first_three)
    )
}
