//! Candidates: the greedy answer and samples beside it, made at the same time, since the engine computes a batch nearly as
//! fast as one answer. The choice among them is made by what can be known: the checks, then how many came to the same
//! program, then how probable the changed tokens are, then size.

use crate::agreement::Program;
use crate::attempt::{Asking, Attempt, lock, outcome_of, repair_of};
use crate::confidence::Confidence;
use crate::contain::contain;
use crate::decision::{count_checks, decide, proof};
use crate::error::RunError;
use crate::host::{RunHost, Variant, emit};
use deepcoder_types::{
    Answer, Candidate, CheckOutcome, ContextBundle, EditSet, Effort, Event, Evidence, Instruction, Outcome, Proposal,
    Stage, Stats,
};
use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};

/// The temperature of the samples.
const TEMPERATURE: f32 = 0.8;

/// One answer of the model, judged.
struct Judged {
    attempt: Option<Attempt>,
    failure: Option<String>,
    confidence: Confidence,
    temperature: f32,
    program: Program,
}

/// What a plugin's first answer came to.
enum First {
    Nothing,
    Words(Answer),
    Changes(Vec<Proposal>),
}

impl Asking<'_> {
    pub(crate) fn ask_and_judge(
        &self,
        instruction: &Instruction,
        bundle: &ContextBundle,
        stats: &Mutex<Stats>,
    ) -> Result<(Option<Attempt>, Option<Answer>), RunError> {
        emit(self.events, Event::Stage(Stage::Plugin));
        let judged = match self.all(instruction, bundle, stats)? {
            Ok(judged) => judged,
            Err(answer) => return Ok((None, answer)),
        };
        emit(self.events, Event::Stage(Stage::Verify));
        let Some((mut best, evidence)) = choose(judged) else { return Ok((None, None)) };
        // An operation without a model would do the same again, and a part of it would break the rest.
        let written = self.grants.asks_model();
        if written && best.verification.mendable().next().is_some() {
            let mut again = None;
            if self.repair {
                emit(self.events, Event::Stage(Stage::Repair));
                lock(stats).repaired = true;
                let repair = repair_of(instruction, &best);
                let answer = self.ask(&repair, bundle, Variant::default(), stats, &Mutex::default(), self.cancel);
                again = self.again(instruction, answer)?;
            }
            best = self.mended(instruction, best, again);
        }
        if written && !best.verification.passed {
            self.keep_within(instruction, &mut best);
        }
        best.evidence = evidence;
        self.settle(&mut best);
        Ok((Some(best), None))
    }

    /// Runs the project's checks, and decides.
    pub(crate) fn settle(&self, attempt: &mut Attempt) {
        if let Some(checks) = self.checks.filter(|_| attempt.verification.passed) {
            emit(self.events, Event::Stage(Stage::Check));
            attempt.evidence.checks = checks.run(&attempt.set, self.cancel);
            count_checks(attempt);
        }
        decide(attempt, self.calibration, self.confidence);
        attempt.hold_for_review();
    }

    /// Runs the project's checks on all files of a result whose files have been decided about one by one. A passing test
    /// that runs the change outweighs weak evidence for one of them.
    pub(crate) fn settle_together(&self, attempt: &mut Attempt) {
        if let Some(checks) = self.checks.filter(|_| attempt.verification.passed) {
            emit(self.events, Event::Stage(Stage::Check));
            attempt.evidence.checks = checks.run(&attempt.set, self.cancel);
            count_checks(attempt);
            if let Some(reason) = proof(&attempt.evidence) {
                attempt.held = None;
                attempt.evidence.reason = reason;
            }
        }
        attempt.hold_for_review();
    }

    /// Whether no check of the project fails with `part` and without the rest of its result: the checks have seen the whole.
    pub(crate) fn stands_alone(&self, part: &EditSet) -> bool {
        let reports = self.checks.map(|checks| checks.run(part, self.cancel)).unwrap_or_default();
        reports.iter().all(|report| report.outcome != CheckOutcome::Failed)
    }

    /// One call of the plugin.
    fn ask(
        &self,
        instruction: &Instruction,
        bundle: &ContextBundle,
        variant: Variant,
        stats: &Mutex<Stats>,
        confidence: &Mutex<Confidence>,
        cancel: &deepcoder_types::Cancel,
    ) -> Result<Outcome, RunError> {
        let outcome = contain(self.grants.wall(), cancel, |cancel| {
            let host = RunHost {
                context: self.context(),
                model: self.model,
                names: self.names,
                grants: self.grants,
                cancel,
                events: (variant.number == 0).then_some(self.events),
                stats,
                variant,
                confidence,
            };
            self.plugin.run(instruction, bundle, &host)
        });
        outcome_of(self.plugin, self.grants, outcome)
    }

    /// The greedy answer first, and the samples; or, where there is nothing to choose from, the answer in words. An error
    /// is that of the greedy answer, where no sample came to anything either.
    fn all(
        &self,
        instruction: &Instruction,
        bundle: &ContextBundle,
        stats: &Mutex<Stats>,
    ) -> Result<Result<Vec<Judged>, Option<Answer>>, RunError> {
        let sampled = self.plugin.manifest().changes_files() && self.grants.asks_model();
        let samples = if sampled { samples(self.effort) } else { 0 };
        let cancel = self.cancel.child();
        let (first, others) = std::thread::scope(|scope| {
            let threads: Vec<_> = (1..=samples)
                .map(|number| {
                    let cancel = &cancel;
                    scope.spawn(move || self.sample(instruction, bundle, number, cancel))
                })
                .collect();
            let first = self.greedy(instruction, bundle, stats);
            // Where the model was not asked, or did not get to answer, samples have nothing to add.
            if lock(stats).usage.completion_tokens == 0 || matches!(first, Ok((First::Words(_), _))) {
                cancel.cancel();
            }
            let others: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
            (first, others)
        });
        let asked = lock(stats).usage.completion_tokens > 0;
        for (_, own) in &others {
            lock(stats).merge(own);
        }
        let others: Vec<Judged> = others.into_iter().map(|(judged, _)| judged).filter(|_| asked).collect();
        let useful = others.iter().any(|other| other.attempt.is_some());
        let first = match first {
            Ok((First::Words(answer), _)) => return Ok(Err(Some(answer))),
            Ok((First::Nothing, _)) if !useful => return Ok(Err(None)),
            Ok((First::Nothing, confidence)) => Judged::nothing("nothing changed", confidence, 0.0),
            Ok((First::Changes(proposals), confidence)) => {
                let attempt = self.best_of(instruction, proposals)?;
                if attempt.is_none() && !useful {
                    return Ok(Err(None));
                }
                Judged::of(attempt, confidence, 0.0)
            }
            Err(error) if !useful || self.cancel.is_cancelled() => return Err(error),
            Err(error) => Judged::nothing(&error.to_string(), Confidence::default(), 0.0),
        };
        Ok(Ok(std::iter::once(first).chain(others).collect()))
    }

    fn greedy(
        &self,
        instruction: &Instruction,
        bundle: &ContextBundle,
        stats: &Mutex<Stats>,
    ) -> Result<(First, Confidence), RunError> {
        let confidence = Mutex::default();
        let first = match self.ask(instruction, bundle, Variant::default(), stats, &confidence, self.cancel)? {
            Outcome::Unchanged => First::Nothing,
            Outcome::Answer(answer) => First::Words(answer),
            Outcome::Proposals(proposals) => First::Changes(proposals),
        };
        Ok((first, confidence.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    /// A candidate beside the greedy one, and its use of the model.
    fn sample(
        &self,
        instruction: &Instruction,
        bundle: &ContextBundle,
        number: u32,
        cancel: &deepcoder_types::Cancel,
    ) -> (Judged, Stats) {
        let (stats, confidence) = (Mutex::default(), Mutex::default());
        let variant = Variant { number, temperature: TEMPERATURE };
        let outcome = self.ask(instruction, bundle, variant, &stats, &confidence, cancel);
        let confidence = confidence.into_inner().unwrap_or_else(PoisonError::into_inner);
        let attempt = outcome.and_then(|outcome| match outcome {
            Outcome::Proposals(proposals) => self.best_of(instruction, proposals),
            Outcome::Unchanged | Outcome::Answer(_) => Ok(None),
        });
        let judged = match attempt {
            Ok(attempt) => Judged::of(attempt, confidence, TEMPERATURE),
            Err(error) => Judged::nothing(&error.to_string(), confidence, TEMPERATURE),
        };
        (judged, stats.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

const fn samples(effort: Effort) -> u32 {
    match effort {
        Effort::Quick => 0,
        Effort::Normal => 6,
        Effort::Thorough => 12,
    }
}

impl Judged {
    fn of(attempt: Option<Attempt>, confidence: Confidence, temperature: f32) -> Self {
        let Some(attempt) = attempt else { return Self::nothing("nothing changed", confidence, temperature) };
        let program = Program::of(&attempt.set);
        Self { attempt: Some(attempt), failure: None, confidence, temperature, program }
    }

    fn nothing(why: &str, confidence: Confidence, temperature: f32) -> Self {
        let none = EditSet { id: String::new(), title: String::new(), files: Vec::new() };
        Self { attempt: None, failure: Some(why.to_owned()), confidence, temperature, program: Program::of(&none) }
    }

    fn summary(&self, agreeing: u32) -> Candidate {
        let found = |attempt: &Attempt| u32::try_from(attempt.verification.mendable().count()).unwrap_or(u32::MAX);
        Candidate {
            temperature: self.temperature,
            agreeing: if self.attempt.is_some() { agreeing } else { 0 },
            tokens: self.confidence.tokens,
            mean_logprob: self.confidence.mean(),
            changed_tokens: self.confidence.changed,
            changed_logprob: self.confidence.changed_mean(),
            least_logprob: self.confidence.least(),
            findings: self.attempt.as_ref().map_or(0, found),
            lines: self.attempt.as_ref().map_or(0, |attempt| lines(&attempt.set)),
            failure: self.failure.clone(),
        }
    }
}

/// Lines that are added or removed.
fn lines(set: &EditSet) -> u32 {
    let diff = deepcoder_edit::unified_diff(set);
    let changed = diff.lines().filter(|line| {
        (line.starts_with('+') && !line.starts_with("+++")) || (line.starts_with('-') && !line.starts_with("---"))
    });
    u32::try_from(changed.count()).unwrap_or(u32::MAX)
}

/// The best candidate, with the evidence of all of them; `None` where none came to anything.
fn choose(judged: Vec<Judged>) -> Option<(Attempt, Evidence)> {
    // Most candidates say that there is nothing to change, and so does the greedy one.
    let idle = |one: &Judged| one.attempt.is_none() && one.confidence.tokens > 0;
    if judged.first().is_some_and(idle) && judged.iter().filter(|one| idle(one)).count() * 2 > judged.len() {
        return None;
    }
    let agreeing: Vec<u32> = judged
        .iter()
        .map(|one| {
            let same = judged.iter().filter(|other| other.attempt.is_some() && one.program.same(&other.program));
            u32::try_from(same.count()).unwrap_or(u32::MAX)
        })
        .collect();
    let certainty = |at: usize| judged[at].confidence.changed_mean().unwrap_or(f32::NEG_INFINITY);
    let candidates = (0..judged.len()).filter_map(|at| judged[at].attempt.as_ref().map(|attempt| (at, attempt)));
    // `min_by` takes the first of equals, and the greedy one is first.
    let (best, _) = candidates.min_by(|(a, left), (b, right)| {
        let order = (left.weight(), Reverse(agreeing[*a])).cmp(&(right.weight(), Reverse(agreeing[*b])));
        order.then(certainty(*b).total_cmp(&certainty(*a))).then(lines(&left.set).cmp(&lines(&right.set)))
    })?;
    let others: Vec<f32> = (0..judged.len())
        .filter(|at| *at != best)
        .map(|at| {
            if judged[at].failure.is_some() && judged[at].confidence.tokens == 0 {
                0.0
            } else {
                judged[best].program.similarity(&judged[at].program)
            }
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a handful of candidates")]
    let agreement = (!others.is_empty()).then(|| others.iter().sum::<f32>() / others.len() as f32);
    let mut candidates: Vec<Candidate> = judged.iter().zip(&agreeing).map(|(one, same)| one.summary(*same)).collect();
    candidates.swap(0, best);
    // Without tokens no model was asked.
    candidates.retain(|candidate| candidate.tokens > 0);
    let evidence = Evidence { candidates, agreement, ..Evidence::default() };
    let attempt = judged.into_iter().nth(best)?.attempt?;
    Some((attempt, evidence))
}
