//! One request of one plugin: gather, ask, make byte images, verify, and once more where something can be mended.

use crate::contain::{Contained, contain};
use crate::error::RunError;
use crate::grants::{Grants, Policy};
use crate::host::{Events, emit};
use crate::names::NameServers;
use crate::project::ProjectChecks;
use crate::trim::trim;
use crate::within::within;
use deepcoder_context::Context;
use deepcoder_edit::materialise;
use deepcoder_plugin_api::{Plugin, PluginError};
use deepcoder_types::{
    Answer, Applicability, Calibration, Cancel, Change, ContentHash, ContextBundle, ContextRequest, EditSet, Effort,
    Event, Evidence, FileChange, Instruction, LanguageModel, Outcome, Proposal, RepoPath, Stats,
};
use deepcoder_verify::{Verification, verify};
use deepcoder_workspace::Tree;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Digits of an edit set's id: enough that no history ever holds two of the same, few enough to be typed.
const ID_DIGITS: usize = 16;

/// The result of one attempt of the plugin.
pub(crate) struct Attempt {
    pub(crate) proposal: Proposal,
    pub(crate) set: EditSet,
    pub(crate) verification: Verification,
    pub(crate) evidence: Evidence,
    /// Why the evidence is too weak to apply the result unseen.
    pub(crate) held: Option<String>,
}

/// The result of a request.
pub(crate) struct Made {
    /// The state of the tree that the plugin saw.
    pub(crate) snapshot: String,
    pub(crate) best: Option<Attempt>,
    pub(crate) answer: Option<Answer>,
}

/// Everything that requests of one run share.
pub(crate) struct Asking<'a> {
    pub(crate) plugin: &'a dyn Plugin,
    pub(crate) grants: &'a Grants,
    pub(crate) policy: &'a Policy,
    pub(crate) tree: &'a dyn Tree,
    pub(crate) model: &'a dyn LanguageModel,
    pub(crate) repair: bool,
    pub(crate) effort: Effort,
    /// The least share of results like this one that are right, for it to be applied unseen.
    pub(crate) confidence: f32,
    pub(crate) calibration: Option<&'a Calibration>,
    pub(crate) checks: Option<&'a dyn ProjectChecks>,
    pub(crate) names: Option<&'a dyn NameServers>,
    pub(crate) cancel: &'a Cancel,
    pub(crate) events: &'a Events<'a>,
}

impl<'a> Asking<'a> {
    /// The part of the tree that a model may see.
    pub(crate) fn context(&self) -> Context<'a> {
        Context::new(self.tree)
    }

    /// The context that the plugin needs for `instruction`.
    pub(crate) fn plan(&self, instruction: &Instruction) -> Result<ContextRequest, RunError> {
        let planned = contain(self.grants.wall(), self.cancel, |_| self.plugin.plan(instruction));
        outcome_of(self.plugin, self.grants, planned)
    }

    /// Everything but writing, with the signatures of `others` among what the plugin sees.
    pub(crate) fn make(
        &self,
        instruction: &Instruction,
        others: &[RepoPath],
        total: &mut Stats,
    ) -> Result<Made, RunError> {
        let bundle = self.gather(instruction, others)?;
        let stats = Mutex::new(Stats::default());
        let made = self.ask_and_judge(instruction, &bundle, &stats);
        total.merge(&lock(&stats));
        let (best, answer) = made?;
        Ok(Made { snapshot: bundle.snapshot, best, answer })
    }

    fn gather(&self, instruction: &Instruction, others: &[RepoPath]) -> Result<ContextBundle, RunError> {
        for path in instruction.targets.iter().chain(&instruction.reads) {
            self.grants.check_read(path)?;
        }
        let mut request = self.plan(instruction)?;
        request.token_budget = request.token_budget.min(self.model.info().context_length);
        let count = |text: &str| self.model.count_tokens(text);
        // A plugin that wants nothing gathered reads what it needs itself.
        if request.token_budget == 0 {
            return Ok(ContextBundle::default());
        }
        let mut gathered = self.context().gather_beside(instruction, others, &request, &count, self.cancel)?;
        gathered.bundle.snippets.retain(|snippet| self.grants.may_read(&snippet.path));
        let mut files: Vec<RepoPath> = Vec::new();
        for snippet in &gathered.bundle.snippets {
            if !files.contains(&snippet.path) {
                files.push(snippet.path.clone());
            }
        }
        emit(self.events, Event::Gathered { files, notes: gathered.notes });
        Ok(gathered.bundle)
    }

    /// The first proposal that nothing is wrong with, or else the one with the fewest findings.
    pub(crate) fn best_of(
        &self,
        instruction: &Instruction,
        proposals: Vec<Proposal>,
    ) -> Result<Option<Attempt>, RunError> {
        let mut best: Option<Attempt> = None;
        for proposal in proposals {
            self.cancel.check()?;
            if let Some(attempt) = self.attempt(instruction, proposal)? {
                if attempt.verification.mendable().next().is_none() {
                    return Ok(Some(attempt));
                }
                if best.as_ref().is_none_or(|best| attempt.weight() < best.weight()) {
                    best = Some(attempt);
                }
            }
        }
        Ok(best)
    }

    /// The attempt that the plugin's second answer makes, if the answer is a change.
    pub(crate) fn again(
        &self,
        instruction: &Instruction,
        answer: Result<Outcome, RunError>,
    ) -> Result<Option<Attempt>, RunError> {
        self.cancel.check()?;
        let Ok(Outcome::Proposals(proposals)) = answer else { return Ok(None) };
        match self.best_of(instruction, proposals) {
            Err(error @ RunError::Cancelled(_)) => Err(error),
            attempt => Ok(attempt.unwrap_or_default()),
        }
    }

    /// The second attempt where nothing is wrong with it; or else the first without its unrequested changes, which is
    /// safe where the second agrees; or else the one with fewer findings: a repair that fails must not hide what was
    /// found.
    pub(crate) fn mended(&self, instruction: &Instruction, first: Attempt, second: Option<Attempt>) -> Attempt {
        let clean = |attempt: &Attempt| attempt.verification.mendable().next().is_none();
        let second = match second {
            Some(second) if clean(&second) => return second,
            second => second,
        };
        if let Some(mut trimmed) = self.trimmed(instruction, &first).filter(clean) {
            let other = second.as_ref().and_then(|second| self.trimmed(instruction, second));
            if !other.is_some_and(|other| other.set.files == trimmed.set.files) {
                trimmed.doubt(
                    "without what is left out the rest may be wrong too: a second attempt came to something else",
                );
            }
            return trimmed;
        }
        let best = match second {
            Some(second) if second.weight() < first.weight() => second,
            _ => first,
        };
        match self.trimmed(instruction, &best) {
            Some(trimmed) => trimmed,
            None => best,
        }
    }

    /// Byte images of a proposal, checked; `None` when they are what is there already.
    fn attempt(&self, instruction: &Instruction, proposal: Proposal) -> Result<Option<Attempt>, RunError> {
        let manifest = self.plugin.manifest();
        for path in proposal.changes.iter().flat_map(touched) {
            if !self.grants.may_write(path) || (manifest.each_target && !instruction.targets.contains(path)) {
                return Err(RunError::NotAllowed { plugin: manifest.id.clone(), path: path.clone() });
            }
        }
        let id = self.set_id(instruction, &proposal);
        let mut set = materialise(&proposal, &id, &|path| self.tree.image(path).map_err(|e| e.to_string()))?;
        set.files.iter_mut().for_each(without_blanks);
        set.files.retain(|file| file.old != file.new);
        if set.files.is_empty() {
            return Ok(None);
        }
        let verification = self.verify(instruction, &proposal, &set);
        Ok(Some(Attempt { proposal, set, verification, evidence: Evidence::default(), held: None }))
    }

    /// Runs the checks on `set`, which `proposal` became.
    pub(crate) fn verify(&self, instruction: &Instruction, proposal: &Proposal, set: &EditSet) -> Verification {
        verify(set, &self.policy_for(instruction, proposal), self.tree)
    }

    fn policy_for(&self, instruction: &Instruction, proposal: &Proposal) -> deepcoder_verify::Policy {
        deepcoder_verify::Policy {
            write_globs: self.policy.write.clone(),
            max_file_bytes: self.policy.max_file_bytes,
            constraint: proposal.constraint.clone(),
            instruction: instruction.prompt.clone(),
        }
    }

    /// An attempt without its unrequested differences, where the rest has fewer findings.
    fn trimmed(&self, instruction: &Instruction, best: &Attempt) -> Option<Attempt> {
        // `keep_within` knows the rule of a narrow instruction and leaves out the changes beyond it.
        let narrow = best.proposal.constraint.is_some() && !best.verification.passed;
        if narrow || best.verification.mendable().next().is_none() {
            return None;
        }
        let verify = |set: &EditSet| self.verify(instruction, &best.proposal, set);
        let trimmed = trim(&best.set, &best.verification, &verify)?;
        let gone: Vec<String> = best
            .verification
            .mendable()
            .filter(|finding| !trimmed.verification.findings.contains(finding))
            .map(|finding| format!("left out: {finding}"))
            .collect();
        let rationale = [gone.join("\n").as_str(), &best.proposal.rationale].join("\n").trim_end().to_owned();
        let proposal = Proposal { rationale, ..best.proposal.clone() };
        let (evidence, held) = (best.evidence.clone(), best.held.clone());
        Some(Attempt { proposal, set: trimmed.set, verification: trimmed.verification, evidence, held })
    }

    /// Leave out what goes beyond a narrow instruction, where something else is left that passes. A person should see it:
    /// what is left was written for other code.
    pub(crate) fn keep_within(&self, instruction: &Instruction, failed: &mut Attempt) {
        let policy = self.policy_for(instruction, &failed.proposal);
        let Some(rest) = within(&failed.set, &policy) else { return };
        let left_out: Vec<String> = failed.verification.errors().map(|f| format!("left out: {f}")).collect();
        failed.verification = verify(&rest, &policy, self.tree);
        failed.set = rest;
        failed.proposal.applicability = failed.proposal.applicability.max(Applicability::NeedsReview);
        let rationale = std::mem::take(&mut failed.proposal.rationale);
        failed.proposal.rationale = [left_out.join("\n"), rationale].join("\n").trim_end().to_owned();
    }

    /// The same request on the same tree with the same answer has the same id, so that a repeat is recognised. The name
    /// that a surface gives to the request is no part of that.
    pub(crate) fn set_id(&self, instruction: &Instruction, proposal: &Proposal) -> String {
        let Instruction { id: _, verb, prompt, targets, reads, selection, options, seed } = instruction;
        let asked = serde_json::json!([verb, prompt, targets, reads, selection, options, seed]);
        let mut inputs = serde_json::json!([asked, self.model.info().fingerprint, proposal]);
        // Options mean the same in any order.
        inputs.sort_all_objects();
        id_of(&inputs.to_string())
    }
}

impl Attempt {
    /// How much is wrong with it: errors first, then what needs a review.
    pub(crate) fn weight(&self) -> (usize, usize) {
        (self.verification.errors().count(), self.verification.reviews().count())
    }

    /// Keeps the result from being applied without a person's look, and says why.
    pub(crate) fn doubt(&mut self, why: &str) {
        self.proposal.applicability = self.proposal.applicability.max(Applicability::NeedsReview);
        self.proposal.rationale = [why, &self.proposal.rationale].join("\n").trim_end().to_owned();
    }

    /// The plugin's first reason for a person's look.
    pub(crate) fn first_doubt(&self) -> Option<&str> {
        let doubted = self.proposal.applicability != Applicability::Safe;
        self.proposal.rationale.lines().next().filter(|_| doubted)
    }

    /// How far the plugin, the checks and the evidence trust it.
    pub(crate) fn applicability(&self) -> Applicability {
        let held = if self.held.is_some() { Applicability::NeedsReview } else { Applicability::Safe };
        self.proposal.applicability.max(held)
    }

    /// A finding that a person must look at keeps the result from being applied without one.
    pub(crate) fn hold_for_review(&mut self) {
        if self.verification.reviews().next().is_some() {
            self.proposal.applicability = self.proposal.applicability.max(Applicability::NeedsReview);
        }
    }
}

/// Takes away the blanks at the ends of added lines, which `git diff --check` and linters refuse.
fn without_blanks(change: &mut FileChange) {
    let Some(new) = &mut change.new else { return };
    let old = change.old.as_ref().map(|old| std::str::from_utf8(&old.bytes));
    let (Ok(old), Ok(text)) = (old.transpose(), std::str::from_utf8(&new.bytes)) else { return };
    new.bytes = deepcoder_verify::without_added_blanks(&change.path, old, text).into_bytes();
}

/// The id of a set that was made of `inputs`.
pub(crate) fn id_of(inputs: &str) -> String {
    let mut id = ContentHash::of(inputs.as_bytes()).to_string();
    id.truncate(ID_DIGITS);
    id
}

pub(crate) fn lock(stats: &Mutex<Stats>) -> MutexGuard<'_, Stats> {
    stats.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files that a change reads or writes.
fn touched(change: &Change) -> Vec<&RepoPath> {
    match change {
        Change::Modify(edit) => vec![&edit.path],
        Change::Create(new) => vec![&new.path],
        Change::Rename(moved) => vec![&moved.source, &moved.target],
        Change::Delete(path) => vec![path],
    }
}

/// The same instruction, with what verification found and what was proposed.
pub(crate) fn repair_of(instruction: &Instruction, failed: &Attempt) -> Instruction {
    let findings: Vec<_> = failed.verification.mendable().collect();
    let texts: serde_json::Map<String, serde_json::Value> = failed
        .set
        .files
        .iter()
        .filter_map(|file| {
            let text = String::from_utf8(file.new.as_ref()?.bytes.clone()).ok()?;
            Some((file.path.to_string(), text.into()))
        })
        .collect();
    let mut again = instruction.clone();
    let repair = serde_json::json!({ "findings": findings, "previous": texts });
    match &mut again.options {
        serde_json::Value::Object(options) => _ = options.insert("repair".into(), repair),
        other => *other = serde_json::json!({ "repair": repair }),
    }
    again
}

/// Turns the outcome of a contained plugin call into a result.
pub(crate) fn outcome_of<T>(
    plugin: &dyn Plugin,
    grants: &Grants,
    contained: Contained<Result<T, PluginError>>,
) -> Result<T, RunError> {
    let plugin = plugin.manifest().id.clone();
    match contained {
        Contained::Returned(result) => Ok(result?),
        Contained::Panicked(message) => Err(RunError::Panic { plugin, message }),
        Contained::TimedOut => Err(RunError::TimedOut { plugin, seconds: grants.wall().as_secs() }),
    }
}
