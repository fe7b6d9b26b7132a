//! Candidates: several answers, one choice, and the decision about it.

use super::*;
use crate::ProjectChecks;
use deepcoder_types::{
    CheckKind, CheckOutcome, CheckReport, Delivery, EditSet, Effort, FinishReason, Severity, Timing, Usage, Verdict,
};

/// Says one thing when it is greedy, and others when it is sampled, each with one probability for all of its tokens.
struct Sampled {
    info: ModelInfo,
    greedy: (&'static str, f32),
    samples: Mutex<Vec<(&'static str, f32)>>,
}

impl Sampled {
    fn new(greedy: (&'static str, f32), samples: &[(&'static str, f32)]) -> Arc<Self> {
        let info = FakeModel::saying([""]).info().clone();
        Arc::new(Self { info, greedy, samples: Mutex::new(samples.to_vec()) })
    }
}

impl LanguageModel for Sampled {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        Ok(u32::try_from(text.len()).unwrap_or(u32::MAX))
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        _: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        let (text, logprob) = if request.sampling.temperature > 0.0 {
            let next = self.samples.lock().expect("no panic").pop();
            next.ok_or_else(|| GenerateError::Engine("no more samples".into()))?
        } else {
            self.greedy
        };
        let mut usage = Usage::default();
        for word in text.split_inclusive(' ') {
            usage.completion_tokens += 1;
            on_token(&TokenEvent { text: word.to_owned(), id: 0, logprob: Some(logprob), top: Vec::new() });
        }
        Ok(Generation { text: text.to_owned(), finish: FinishReason::End, usage, timing: Timing::default() })
    }
}

/// A plugin that asks the model for the file.
fn asking(constraint: Option<Constraint>) -> Vec<Arc<dyn Plugin>> {
    plugin(move |_, context, host| {
        let request = GenerateRequest::greedy(Prompt::Text("x".into()), 20);
        let text = host.generate(&request, &mut |_| {})?.text;
        let mut outcome = become_text(context, &text);
        if let Outcome::Proposals(proposals) = &mut outcome {
            proposals[0].constraint = constraint.clone();
        }
        Ok(outcome)
    })
}

fn made(model: Arc<Sampled>, options: &RunOptions<'_>, constraint: Option<Constraint>) -> Result<Run, RunError> {
    let tree = Memory::of(path("a.py"), "x = 1\n");
    let pipeline = Pipeline::new(&tree, model).with_plugins(asking(constraint));
    pipeline.run(&instruction(), options, &Cancel::new(), &mut |_| {})
}

fn text(run: &Run) -> String {
    let set = run.edit_set.as_ref().expect("an edit");
    String::from_utf8(set.files[0].new.clone().expect("a file").bytes).expect("text")
}

fn normal() -> RunOptions<'static> {
    RunOptions { effort: Effort::Normal, ..RunOptions::default() }
}

/// Six samples, of which the first `many` say `first`.
fn six(first: &'static str, many: usize, rest: &'static str) -> Vec<(&'static str, f32)> {
    (0..6).map(|at| if at < many { (first, -0.5) } else { (rest, -0.5) }).collect()
}

/// Protects the choice: what most candidates come to beats the greedy answer, whatever comments and layout they have.
#[test]
fn the_result_of_most_candidates_is_chosen() {
    let mut samples = six("x = 2\n", 4, "x = 3\n");
    samples[0].0 = "x  =  2  # two\n";
    let run = made(Sampled::new(("x = 4\n", -0.1), &samples), &normal(), None).expect("a run");
    assert!(text(&run).contains('2'), "{}", text(&run));
    let evidence = &run.record.evidence;
    assert_eq!((evidence.candidates.len(), evidence.candidates[0].agreeing), (7, 4));
    assert!(evidence.agreement.is_some_and(|agreement| agreement > 0.4 && agreement < 1.0));
    assert_eq!(run.record.stats.calls, 7);
}

/// Protects the decision: a result that candidates agree on is safe, one that they disagree on waits for a person, and the
/// reason says so.
#[test]
fn agreement_decides_what_is_safe() {
    let agreed = made(Sampled::new(("x = 2\n", -0.01), &six("x = 2\n", 6, "")), &normal(), None).expect("a run");
    assert_eq!(agreed.applicability, Applicability::Safe, "{:?}", agreed.record.evidence);
    let scattered = [("y = 3\n", -2.0), ("z = 4\n", -2.0), ("import os\n", -2.0), ("w = f(5)\n", -2.0)];
    let doubted = made(Sampled::new(("def f():\n    pass\n", -2.0), &scattered), &normal(), None).expect("a run");
    assert_eq!(doubted.applicability, Applicability::NeedsReview);
    let reason = &doubted.record.evidence.reason;
    assert!(reason.contains("1 of ") && reason.contains("candidates agree"), "{reason}");
    assert!(doubted.reasons().contains(reason));
    let verdict = crate::may_land(&doubted, &Delivery::Apply, deepcoder_types::Consent::default());
    assert!(matches!(verdict, Verdict::Held(_)));
}

/// Protects users who want more certainty, or less: the setting moves the line.
#[test]
fn the_line_is_a_setting() {
    let model = || Sampled::new(("x = 2\n", -0.2), &six("x = 2\n", 3, "x = 3\n"));
    let run = |confidence| made(model(), &RunOptions { confidence, ..normal() }, None).expect("a run").applicability;
    assert_eq!([run(0.0), run(1.0)], [Applicability::Safe, Applicability::NeedsReview]);
}

/// Protects speed and privacy of effort: a quick edit is one answer.
#[test]
fn a_quick_edit_asks_once() {
    let run = made(Sampled::new(("x = 2\n", -0.2), &[]), &RunOptions::default(), None).expect("a run");
    assert_eq!((run.record.stats.calls, run.record.evidence.candidates.len()), (1, 1));
    assert_eq!(run.record.evidence.agreement, None);
    assert!(run.record.evidence.likely_right.is_some());
}

/// Protects a request whose greedy answer is of no use: a sample that is takes its place.
#[test]
fn a_sample_takes_the_place_of_a_greedy_answer_that_fails() {
    let run = made(Sampled::new(("x = (\n", -0.1), &six("x = 2\n", 5, "x = 2\n")), &normal(), None).expect("a run");
    assert_eq!(text(&run), "x = 2\n");
    assert!(run.verified());
}

/// Protects from a change for the sake of change: where most candidates leave the file as it is, so does the result.
#[test]
fn most_candidates_may_say_that_nothing_is_to_change() {
    let run = made(Sampled::new(("x = 1\n", -0.1), &six("x = 1\n", 4, "x = 2\n")), &normal(), None).expect("a run");
    assert!(!run.changes());
}

/// Protects narrow instructions: what changes nothing else needs no agreement.
#[test]
fn a_narrow_edit_is_safe_by_its_scope() {
    let samples = six("# other\nx = 1\n", 3, "# third\nx = 1\n");
    let model = Sampled::new(("# one\nx = 1\n", -3.0), &samples);
    let run = made(model, &normal(), Some(Constraint::Comments)).expect("a run");
    assert_eq!(run.applicability, Applicability::Safe);
    assert_eq!(run.record.evidence.reason, "only comments change");
}

/// Protects from wrong type hints: that nothing else changes says nothing about whether they are right.
#[test]
fn an_edit_of_annotations_needs_evidence() {
    let samples = six("x: str = 1\n", 1, "x: bytes = 1\n");
    let model = Sampled::new(("x: int = 1\n", -3.0), &samples);
    let options = RunOptions { confidence: 1.0, ..normal() };
    let run = made(model, &options, Some(Constraint::Annotations)).expect("a run");
    assert_eq!(run.applicability, Applicability::NeedsReview);
    assert!(run.record.evidence.reason.contains("of such results are right"), "{}", run.record.evidence.reason);
}

/// Checks that say one thing about every edit.
struct Saying(CheckReport);

impl ProjectChecks for Saying {
    fn run(&self, _: &EditSet, _: &Cancel) -> Vec<CheckReport> {
        vec![self.0.clone()]
    }
}

fn report(kind: CheckKind, outcome: CheckOutcome, reaches: bool) -> Saying {
    Saying(CheckReport { name: "mine".into(), kind, outcome, added: Vec::new(), removed: 0, reaches, ms: 1 })
}

/// Protects the use of the project's checks: a test that runs the change and passes is evidence enough, one that does not
/// reach it is not, and a check that fails refuses the edit or, for style, has a person look.
#[test]
fn the_projects_checks_decide() {
    let scattered = || {
        let samples = [("y = 3\n", -2.0), ("z = 4\n", -2.0), ("import os\n", -2.0), ("w = f(5)\n", -2.0)];
        Sampled::new(("x = 2\n", -2.0), &samples)
    };
    let run = |checks: &Saying| {
        let options = RunOptions { checks: Some(checks), confidence: 0.9, ..normal() };
        made(scattered(), &options, None).expect("a run")
    };
    let proven = run(&report(CheckKind::Test, CheckOutcome::Passed, true));
    assert_eq!(proven.applicability, Applicability::Safe);
    assert!(proven.record.evidence.reason.contains("`mine` runs the changed code"));
    let elsewhere = run(&report(CheckKind::Test, CheckOutcome::Passed, false));
    assert_eq!(elsewhere.applicability, Applicability::NeedsReview);
    let unknown = run(&report(CheckKind::Test, CheckOutcome::NotRun("no pytest".into()), true));
    assert_eq!(unknown.applicability, Applicability::NeedsReview);
    for (kind, severity) in [(CheckKind::Test, Severity::Error), (CheckKind::Lint, Severity::Review)] {
        let failed = run(&report(kind, CheckOutcome::Failed, true));
        let worst = failed.verification.as_ref().and_then(|v| v.findings.iter().map(|f| f.severity).max());
        assert_eq!((worst, failed.verified()), (Some(severity), severity != Severity::Error));
        assert!(failed.record.evidence.reason.contains("the check `mine` fails"), "{}", failed.record.evidence.reason);
    }
}
