//! One request, from the instruction to a verified set of edits, and its application.

use crate::contain::{Contained, contain};
use crate::error::{ApplyRunError, RunError};
use crate::event::{Event, Stage};
use crate::grants::{Grants, Policy};
use crate::host::{Events, RunHost, emit};
use crate::record::{Record, Stats};
use crate::tree::{Tree, View};
use crate::within::within;
use deepcoder_apply::{Applied, Applier, ApplyOptions};
use deepcoder_edit::{materialise, unified_diff};
use deepcoder_plugin_api::{Plugin, PluginError};
use deepcoder_types::{
    Answer, Applicability, Cancel, Change, ContentHash, ContextBundle, EditSet, Instruction, LanguageModel, Outcome,
    Proposal, RepoPath,
};
use deepcoder_verify::{Project, Verification, verify};
use deepcoder_workspace::Workspace;
use std::sync::{Arc, Mutex, PoisonError};

/// Digits of an edit set's id: enough that no history ever holds two of the same, few enough to be typed.
const ID_DIGITS: usize = 16;

/// How a run may go.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Whether a result that fails verification is sent back to the plugin, once.
    pub repair: bool,
    /// The most files that are chosen when none are named.
    pub max_targets: usize,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { repair: true, max_targets: 3 }
    }
}

/// What a run came to. Nothing is written yet.
#[derive(Debug, Clone)]
pub struct Run {
    /// What would be written; `None` when there is nothing to write.
    pub edit_set: Option<EditSet>,
    /// The same for people: a unified diff that `git apply` accepts. Empty when there is nothing to write.
    pub diff: String,
    /// What verification says about the edit set.
    pub verification: Option<Verification>,
    /// How far the plugin trusts its proposal.
    pub applicability: Applicability,
    /// Why, in the plugin's words. May be empty.
    pub rationale: String,
    /// An answer in words, for verbs that answer.
    pub answer: Option<Answer>,
    /// What the history will keep.
    pub record: Record,
}

impl Run {
    /// Whether applying it would change the tree.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.edit_set.is_some()
    }

    /// Whether it passed verification. A run without changes has nothing to fail.
    #[must_use]
    pub fn verified(&self) -> bool {
        self.verification.as_ref().is_none_or(|v| v.passed)
    }

    /// An error that says what verification found, if it did not pass.
    pub fn require_verified(&self) -> Result<(), ApplyRunError> {
        match self.verification.as_ref().filter(|v| !v.passed) {
            Some(failed) => {
                let findings: Vec<_> = failed.errors().map(ToString::to_string).collect();
                Err(ApplyRunError::Unverified(findings.join("; ")))
            }
            None => Ok(()),
        }
    }
}

/// Write what `run` came to; `None` when it changes nothing. A result that failed verification is refused unless
/// `unverified_too`; the record says that it was not verified.
pub fn apply(
    applier: &Applier,
    run: &Run,
    options: ApplyOptions,
    unverified_too: bool,
    cancel: &Cancel,
) -> Result<Option<Applied>, ApplyRunError> {
    let Some(set) = &run.edit_set else { return Ok(None) };
    if !unverified_too {
        run.require_verified()?;
    }
    // The record is plain data with text keys: it always serialises.
    let request_json = serde_json::to_string(&run.record).ok();
    Ok(Some(applier.apply(set, &ApplyOptions { request_json, ..options }, cancel)?))
}

/// The stages on one work tree with one model.
pub struct Pipeline<'a> {
    tree: Tree<'a>,
    model: Arc<dyn LanguageModel>,
    plugins: Vec<Arc<dyn Plugin>>,
    policy: Policy,
}

/// What one attempt of the plugin came to.
struct Attempt {
    proposal: Proposal,
    set: EditSet,
    verification: Verification,
}

/// What proposals of a run are judged by.
struct Judge<'a> {
    plugin: &'a dyn Plugin,
    grants: &'a Grants,
    view: &'a View<'a>,
}

impl<'a> Pipeline<'a> {
    /// A pipeline with the built-in plugins and the default policy.
    #[must_use]
    pub fn new(workspace: &'a Workspace, model: Arc<dyn LanguageModel>) -> Self {
        Self::of(Tree::Work(workspace), model)
    }

    /// A pipeline on one text that is in no repository. Its result cannot be applied, only looked at.
    #[must_use]
    pub fn on_text(path: RepoPath, text: impl Into<String>, model: Arc<dyn LanguageModel>) -> Self {
        Self::of(Tree::Text { path, text: text.into() }, model)
    }

    fn of(tree: Tree<'a>, model: Arc<dyn LanguageModel>) -> Self {
        Self { tree, model, plugins: deepcoder_plugins::all(), policy: Policy::default() }
    }

    /// With other plugins.
    #[must_use]
    pub fn with_plugins(mut self, plugins: Vec<Arc<dyn Plugin>>) -> Self {
        self.plugins = plugins;
        self
    }

    /// With another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Do everything but write.
    pub fn run(
        &self,
        instruction: &Instruction,
        options: &RunOptions,
        cancel: &Cancel,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Run, RunError> {
        let events = Events::new(events);
        let plugin = self.plugin_for(&instruction.verb)?;
        // A completion is about a place, every other verb about words.
        if instruction.verb != "complete" && instruction.prompt.trim().is_empty() {
            return Err(RunError::EmptyInstruction);
        }
        emit(&events, Event::Stage(Stage::Context));
        let marks = self.tree.marks(instruction)?;
        let view = self.tree.view(&marks);
        let instruction = with_targets(&marks.instruction(instruction), &view, options, cancel, &events)?;
        let grants = Grants::new(plugin.manifest(), &self.policy)?;
        let bundle = self.gather(plugin, &instruction, &grants, &view, cancel, &events)?;

        let stats = Mutex::new(Stats::default());
        let model = self.model.as_ref();
        let ask = |instruction: &Instruction| -> Result<Outcome, RunError> {
            let outcome = contain(grants.wall(), cancel, |cancel| {
                let host = RunHost { view: &view, model, grants: &grants, cancel, events: &events, stats: &stats };
                plugin.run(instruction, &bundle, &host)
            });
            outcome_of(plugin, &grants, outcome)
        };
        emit(&events, Event::Stage(Stage::Plugin));
        let outcome = ask(&instruction)?;
        let judge = Judge { plugin, grants: &grants, view: &view };
        let mut best = None;
        let mut answer = None;
        match outcome {
            Outcome::Unchanged => {}
            Outcome::Answer(text) => answer = Some(text),
            Outcome::Proposals(proposals) => {
                emit(&events, Event::Stage(Stage::Verify));
                best = self.best_of(&judge, &instruction, proposals, cancel)?;
                let mendable = |best: &mut Attempt| best.verification.mendable().next().is_some();
                if let Some(failed) = best.take_if(|best| options.repair && mendable(best)) {
                    emit(&events, Event::Stage(Stage::Repair));
                    lock(&stats).repaired = true;
                    let again = ask(&repair_of(&instruction, &failed));
                    best = Some(self.better(&judge, &instruction, failed, again, cancel)?);
                }
                if let Some(failed) = best.as_mut().filter(|best| !best.verification.passed) {
                    self.keep_within(&judge, &instruction, failed);
                }
                if let Some(best) = &mut best
                    && best.verification.reviews().next().is_some()
                {
                    let applicability = &mut best.proposal.applicability;
                    *applicability = (*applicability).max(Applicability::NeedsReview);
                }
            }
        }
        let stats = *lock(&stats);
        if let Some(best) = &mut best {
            marks.restore(&mut best.set);
        }
        Ok(self.finish(plugin, &instruction, bundle.snapshot, best, answer, stats))
    }

    fn plugin_for(&self, verb: &str) -> Result<&dyn Plugin, RunError> {
        let serves = |plugin: &&Arc<dyn Plugin>| plugin.manifest().verbs.iter().any(|v| v == verb);
        self.plugins.iter().find(serves).map(Arc::as_ref).ok_or_else(|| RunError::NoPlugin(verb.to_owned()))
    }

    fn gather(
        &self,
        plugin: &dyn Plugin,
        instruction: &Instruction,
        grants: &Grants,
        view: &View<'_>,
        cancel: &Cancel,
        events: &Events<'_>,
    ) -> Result<ContextBundle, RunError> {
        for target in &instruction.targets {
            grants.check_read(target)?;
        }
        let planned = contain(grants.wall(), cancel, |_| plugin.plan(instruction));
        let mut request = outcome_of(plugin, grants, planned)?;
        request.token_budget = request.token_budget.min(self.model.info().context_length);
        let count = |text: &str| self.model.count_tokens(text);
        let mut gathered = view.gather(instruction, &request, &count, cancel)?;
        gathered.bundle.snippets.retain(|snippet| grants.may_read(&snippet.path));
        let mut files: Vec<RepoPath> = Vec::new();
        for snippet in &gathered.bundle.snippets {
            if !files.contains(&snippet.path) {
                files.push(snippet.path.clone());
            }
        }
        emit(events, Event::Gathered { files, notes: gathered.notes });
        Ok(gathered.bundle)
    }

    /// The first proposal that nothing is wrong with, or else the one with the fewest findings.
    fn best_of(
        &self,
        judge: &Judge<'_>,
        instruction: &Instruction,
        proposals: Vec<Proposal>,
        cancel: &Cancel,
    ) -> Result<Option<Attempt>, RunError> {
        let mut best: Option<Attempt> = None;
        for proposal in proposals {
            cancel.check()?;
            if let Some(attempt) = self.attempt(judge, instruction, proposal)? {
                if attempt.verification.mendable().next().is_none() {
                    return Ok(Some(attempt));
                }
                if best.as_ref().is_none_or(|best| weight(&attempt) < weight(best)) {
                    best = Some(attempt);
                }
            }
        }
        Ok(best)
    }

    /// The repaired attempt where fewer findings are left, the failed one otherwise: a repair that fails must not hide
    /// what was found.
    fn better(
        &self,
        judge: &Judge<'_>,
        instruction: &Instruction,
        failed: Attempt,
        again: Result<Outcome, RunError>,
        cancel: &Cancel,
    ) -> Result<Attempt, RunError> {
        cancel.check()?;
        let Ok(Outcome::Proposals(proposals)) = again else { return Ok(failed) };
        match self.best_of(judge, instruction, proposals, cancel) {
            Ok(Some(attempt)) if weight(&attempt) < weight(&failed) => Ok(attempt),
            Err(error @ RunError::Cancelled(_)) => Err(error),
            _ => Ok(failed),
        }
    }

    /// Byte images of a proposal, checked; `None` when they are what is there already.
    fn attempt(
        &self,
        judge: &Judge<'_>,
        instruction: &Instruction,
        proposal: Proposal,
    ) -> Result<Option<Attempt>, RunError> {
        let Judge { plugin, grants, view } = judge;
        for path in proposal.changes.iter().flat_map(touched) {
            if !grants.may_write(path) {
                return Err(RunError::NotAllowed { plugin: plugin.manifest().id.clone(), path: path.clone() });
            }
        }
        let mut set = materialise(&proposal, &self.set_id(instruction, &proposal), &|path| view.image(path))?;
        set.files.retain(|file| file.old != file.new);
        if set.files.is_empty() {
            return Ok(None);
        }
        let verification = verify(&set, &self.policy_for(instruction, &proposal), *view);
        Ok(Some(Attempt { proposal, set, verification }))
    }

    fn policy_for(&self, instruction: &Instruction, proposal: &Proposal) -> deepcoder_verify::Policy {
        deepcoder_verify::Policy {
            write_globs: self.policy.write.clone(),
            max_file_bytes: self.policy.max_file_bytes,
            constraint: proposal.constraint.clone(),
            instruction: instruction.prompt.clone(),
        }
    }

    /// Leave out what goes beyond a narrow instruction, where something else is left that passes. A person should see it:
    /// what is left was written for other code.
    fn keep_within(&self, judge: &Judge<'_>, instruction: &Instruction, failed: &mut Attempt) {
        let policy = self.policy_for(instruction, &failed.proposal);
        let Some(rest) = within(&failed.set, &policy) else { return };
        let left_out: Vec<String> = failed.verification.errors().map(|f| format!("left out: {f}")).collect();
        failed.verification = verify(&rest, &policy, judge.view as &dyn Project);
        failed.set = rest;
        failed.proposal.applicability = failed.proposal.applicability.max(Applicability::NeedsReview);
        let rationale = std::mem::take(&mut failed.proposal.rationale);
        failed.proposal.rationale = [left_out.join("\n"), rationale].join("\n").trim_end().to_owned();
    }

    /// The same request on the same tree with the same answer has the same id, so that a repeat is recognised.
    fn set_id(&self, instruction: &Instruction, proposal: &Proposal) -> String {
        let inputs = serde_json::json!([instruction, self.model.info().fingerprint, proposal]);
        let mut id = ContentHash::of(inputs.to_string().as_bytes()).to_string();
        id.truncate(ID_DIGITS);
        id
    }

    fn finish(
        &self,
        plugin: &dyn Plugin,
        instruction: &Instruction,
        snapshot: String,
        best: Option<Attempt>,
        answer: Option<Answer>,
        stats: Stats,
    ) -> Run {
        let manifest = plugin.manifest();
        let info = self.model.info();
        let verification = best.as_ref().map(|best| best.verification.clone());
        let record = Record {
            deepcoder: env!("CARGO_PKG_VERSION").to_owned(),
            verb: instruction.verb.clone(),
            prompt: instruction.prompt.clone(),
            targets: instruction.targets.clone(),
            options: instruction.options.clone(),
            seed: instruction.seed,
            plugin: format!("{} {}", manifest.id, manifest.version),
            model: info.name.clone(),
            fingerprint: info.fingerprint.clone(),
            snapshot,
            verified: verification.as_ref().is_none_or(|v| v.passed),
            findings: verification.as_ref().map(|v| v.findings.clone()).unwrap_or_default(),
            stats,
        };
        let diff = best.as_ref().map(|best| unified_diff(&best.set)).unwrap_or_default();
        let (applicability, rationale) = best.as_ref().map_or((Applicability::Safe, String::new()), |best| {
            (best.proposal.applicability, best.proposal.rationale.clone())
        });
        Run { edit_set: best.map(|best| best.set), diff, verification, applicability, rationale, answer, record }
    }
}

fn lock(stats: &Mutex<Stats>) -> std::sync::MutexGuard<'_, Stats> {
    stats.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much is wrong with an attempt: errors first, then what needs a review.
fn weight(attempt: &Attempt) -> (usize, usize) {
    (attempt.verification.errors().count(), attempt.verification.reviews().count())
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
fn repair_of(instruction: &Instruction, failed: &Attempt) -> Instruction {
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

/// The instruction, with files chosen where none were named.
fn with_targets(
    instruction: &Instruction,
    view: &View<'_>,
    options: &RunOptions,
    cancel: &Cancel,
    events: &Events<'_>,
) -> Result<Instruction, RunError> {
    let mut instruction = instruction.clone();
    if instruction.targets.is_empty() {
        instruction.targets = view.find_targets(&instruction.prompt, options.max_targets, cancel)?;
        if instruction.targets.is_empty() {
            return Err(RunError::NoTargets);
        }
        emit(events, Event::Targets(instruction.targets.clone()));
    }
    Ok(instruction)
}

/// What contained work of a plugin came to, as a result.
fn outcome_of<T>(
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
