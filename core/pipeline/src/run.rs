//! One request, from the instruction to a verified set of edits, and its application.

use crate::attempt::{Asking, Attempt, Made};
use crate::comments::AiComments;
use crate::counted::Counted;
use crate::each::{Several, each};
use crate::error::{ApplyRunError, RunError};
use crate::grants::{Grants, Policy};
use crate::host::{Events, emit};
use crate::names::NameServers;
use crate::project::ProjectChecks;
use crate::record::Record;
use deepcoder_apply::{Applied, Applier, ApplyOptions};
use deepcoder_edit::unified_diff;
use deepcoder_plugin_api::{ErrorCode, Level, Plugin, Takes};
use deepcoder_types::{
    Answer, Applicability, Calibration, Cancel, EditSet, Effort, Event, Instruction, LanguageModel, RepoPath, Stage,
    Stats,
};
use deepcoder_verify::Verification;
use deepcoder_workspace::Tree;
use std::cell::OnceCell;
use std::sync::{Arc, Mutex};

/// The least share of right results that is applied unseen, unless a setting says otherwise.
pub const CONFIDENCE: f32 = 0.5;

/// How a run may go.
#[derive(Clone)]
pub struct RunOptions<'a> {
    /// Whether a result that fails verification is sent back to the plugin, once.
    pub repair: bool,
    /// The most files that are shown to a plugin that answers, when none are named.
    pub max_targets: usize,
    /// How much work the result is worth.
    pub effort: Effort,
    /// The least share of results like this one that were right in calibration, for it to be safe; from 0 to 1.
    pub confidence: f32,
    /// How often the model's results are right; `None` is what is known of models of its name.
    pub calibration: Option<&'a Calibration>,
    /// The project's checks.
    pub checks: Option<&'a dyn ProjectChecks>,
    /// A second source for what names mean.
    pub names: Option<&'a dyn NameServers>,
}

impl Default for RunOptions<'_> {
    fn default() -> Self {
        Self {
            repair: true,
            max_targets: 3,
            effort: Effort::Quick,
            confidence: CONFIDENCE,
            calibration: None,
            checks: None,
            names: None,
        }
    }
}

/// The result of a run. Nothing is written yet.
#[derive(Debug, Clone)]
pub struct Run {
    /// The edit set; `None` when there is nothing to write.
    pub edit_set: Option<EditSet>,
    /// The same for people: a unified diff that `git apply` accepts. Empty when there is nothing to write.
    pub diff: String,
    /// The verification of the edit set.
    pub verification: Option<Verification>,
    /// How far the plugin trusts its proposal.
    pub applicability: Applicability,
    /// Why, in the plugin's words. May be empty.
    pub rationale: String,
    /// Where the whole needs a review: the files that may be applied without one, since they do not depend on the rest.
    pub safe_part: Option<EditSet>,
    /// Whether it is a part of what the model proposed.
    pub partial: bool,
    /// An answer in words, for verbs that answer.
    pub answer: Option<Answer>,
    /// The record for the history, with the evidence.
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

    /// Why a person must look at it.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> =
            self.verification.iter().flat_map(Verification::reviews).map(ToString::to_string).collect();
        reasons.extend(self.rationale.lines().map(str::to_owned));
        let reason = &self.record.evidence.reason;
        if !reason.is_empty() && !reasons.contains(reason) && self.applicability != Applicability::Safe {
            reasons.push(reason.clone());
        }
        reasons
    }

    /// The part that may be applied without a review, as a run of its own.
    #[must_use]
    pub fn into_safe_part(mut self) -> Option<Self> {
        let set = self.safe_part.take()?;
        let kept = |path: &RepoPath| set.files.iter().any(|file| file.path == *path);
        if let Some(verification) = &mut self.verification {
            verification.findings.retain(|finding| kept(&finding.path));
            self.record.findings.clone_from(&verification.findings);
        }
        self.applicability = Applicability::Safe;
        self.rationale = String::new();
        self.keep(set, false);
        Some(self)
    }

    /// Go on with `set`, which is the `whole` of the proposal or a part of it.
    pub fn keep(&mut self, set: EditSet, whole: bool) {
        self.diff = unified_diff(&set);
        self.edit_set = Some(set).filter(|set| !set.files.is_empty());
        self.partial |= !whole;
        self.safe_part = None;
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

/// The stages on one tree with one model.
pub struct Pipeline<'a> {
    tree: &'a dyn Tree,
    model: Arc<dyn LanguageModel>,
    plugins: Vec<Arc<dyn Plugin>>,
    policy: Policy,
}

impl<'a> Pipeline<'a> {
    /// A pipeline with the built-in plugins and the default policy. Its result can be applied where `tree` is the work
    /// tree, and rebased where it is an overlay of that.
    #[must_use]
    pub fn new(tree: &'a dyn Tree, model: Arc<dyn LanguageModel>) -> Self {
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
        options: &RunOptions<'_>,
        cancel: &Cancel,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Run, RunError> {
        let exact_grants = OnceCell::new();
        let events: Events<'_> = Mutex::new(events);
        let plugin = self.plugin_for(&instruction.verb)?;
        // A selection may speak for itself.
        let takes = plugin.manifest().verb(&instruction.verb).map(|verb| verb.takes).unwrap_or_default();
        let needs_words = matches!(takes, Takes::Words | Takes::Command) && instruction.selection.is_none();
        if needs_words && instruction.prompt.trim().is_empty() {
            return Err(RunError::EmptyInstruction);
        }
        emit(&events, Event::Stage(Stage::Context));
        let comments = AiComments::new(self.tree, instruction)?;
        let asked = comments.instruction(instruction);
        let model = Counted::new(self.model.as_ref());
        let grants = Grants::new(plugin.manifest(), &self.policy)?;
        let calibration = options.calibration.cloned().or_else(|| Calibration::builtin(&self.model.info().name));
        let asking = Asking {
            plugin,
            grants: &grants,
            policy: &self.policy,
            tree: &comments.tree,
            model: &model,
            repair: options.repair,
            effort: options.effort,
            confidence: options.confidence,
            calibration: calibration.as_ref(),
            checks: options.checks,
            names: options.names,
            cancel,
            events: &events,
        };
        let mut stats = Stats::default();
        let exact = match asking.plan(&asked)?.exact {
            Some(verb) => match self.granted(&verb, &exact_grants)? {
                Some((plugin, grants)) => exactly(&Asking { plugin, grants, ..asking }, verb, &asked, &mut stats)?,
                None => None,
            },
            None => None,
        };
        let (asked, mut several) = match exact {
            Some(made) => made,
            None => self.ask(&asking, asked, options, &mut stats)?,
        };
        if let Some(best) = &mut several.made.best {
            // The comments that ask for the run go only with the whole edit.
            if !comments.tree.is_empty() {
                several.safe = None;
            }
            comments.tree.rebase(&mut best.set);
        }
        Ok(self.finish(self.plugin_for(&asked.verb)?, &asked, several, stats))
    }

    /// The plugin of `verb` with its rights.
    fn granted<'g>(
        &self,
        verb: &str,
        grants: &'g OnceCell<Grants>,
    ) -> Result<Option<(&dyn Plugin, &'g Grants)>, RunError> {
        let Ok(plugin) = self.plugin_for(verb) else { return Ok(None) };
        let own = Grants::new(plugin.manifest(), &self.policy)?;
        Ok(Some((plugin, grants.get_or_init(|| own))))
    }

    /// The request, in as many pieces as the plugin takes targets, on files that are chosen where none are named.
    fn ask(
        &self,
        asking: &Asking<'_>,
        mut asked: Instruction,
        options: &RunOptions<'_>,
        stats: &mut Stats,
    ) -> Result<(Instruction, Several), RunError> {
        let alone = asking.plugin.manifest().each_target;
        // Without a model the plugin finds its files itself, and sees those that are named together.
        if crate::needs_no_model(&asked.verb, &asked.options)
            || (!asking.grants.asks_model() && asked.targets.is_empty())
        {
            let several = Several::one(asking.make(&asked, &[], stats)?);
            return Ok((asked, several));
        }
        if !asked.targets.is_empty() {
            let several = if alone && asked.targets.len() > 1 {
                each(asking, &asked, stats)?
            } else {
                Several::one(asking.make(&asked, &[], stats)?)
            };
            return Ok((asked, several));
        }
        let read = |done: usize, all: usize| {
            #[expect(clippy::cast_precision_loss, reason = "a share for people")]
            let fraction = Some(if all == 0 { 1.0 } else { done as f32 / all as f32 });
            emit(asking.events, Event::Progress { fraction, message: format!("read {done} of {all} files") });
        };
        let context = asking.context().with_progress(&read);
        let choice = if alone {
            context.choose(&asked.prompt, asking.cancel)?
        } else {
            context.best(&asked.prompt, options.max_targets, asking.cancel)?
        };
        if choice.targets.is_empty() {
            return Err(RunError::NoTargets);
        }
        asked.targets = choice.targets.iter().map(|chosen| chosen.path.clone()).collect();
        let mut chosen = choice.targets;
        let mut spare = choice.spare.into_iter();
        loop {
            emit(asking.events, Event::Targets(chosen));
            let made = if alone && asked.targets.len() > 1 {
                each(asking, &asked, stats)
            } else {
                asking.make(&asked, &[], stats).map(Several::one)
            };
            match made {
                // The program chose the file, so that the next best one is tried before the user is told.
                Err(RunError::Gather(error)) if error.is_about_the_file() => match spare.next() {
                    Some(next) => {
                        let reason = error.to_string();
                        for path in std::mem::replace(&mut asked.targets, vec![next.path.clone()]) {
                            emit(asking.events, Event::Skipped { path, reason: reason.clone() });
                        }
                        chosen = vec![next];
                    }
                    None => return Err(RunError::Gather(error)),
                },
                made => return Ok((asked, made?)),
            }
        }
    }

    fn plugin_for(&self, verb: &str) -> Result<&dyn Plugin, RunError> {
        let serves = |plugin: &&Arc<dyn Plugin>| plugin.manifest().verb(verb).is_some();
        self.plugins.iter().find(serves).map(Arc::as_ref).ok_or_else(|| RunError::NoPlugin(verb.to_owned()))
    }

    fn finish(&self, plugin: &dyn Plugin, instruction: &Instruction, several: Several, stats: Stats) -> Run {
        let Several { made: Made { snapshot, best, answer }, skipped, safe } = several;
        let manifest = plugin.manifest();
        let info = self.model.info();
        let verification = best.as_ref().map(|best| best.verification.clone());
        let record = Record {
            deepcoder: env!("CARGO_PKG_VERSION").to_owned(),
            verb: instruction.verb.clone(),
            prompt: instruction.prompt.clone(),
            targets: instruction.targets.clone(),
            chosen: Vec::new(),
            options: instruction.options.clone(),
            seed: instruction.seed,
            plugin: format!("{} {}", manifest.id, manifest.version),
            model: info.name.clone(),
            fingerprint: info.fingerprint.clone(),
            snapshot,
            verified: verification.as_ref().is_none_or(|v| v.passed),
            findings: verification.as_ref().map(|v| v.findings.clone()).unwrap_or_default(),
            skipped,
            stats,
            evidence: best.as_ref().map(|best| best.evidence.clone()).unwrap_or_default(),
        };
        let diff = best.as_ref().map(|best| unified_diff(&best.set)).unwrap_or_default();
        let (applicability, rationale) = best.as_ref().map_or((Applicability::Safe, String::new()), |best| {
            (best.applicability(), best.proposal.rationale.clone())
        });
        Run {
            edit_set: best.map(|best: Attempt| best.set).filter(|set| !set.files.is_empty()),
            diff,
            verification,
            applicability,
            rationale,
            safe_part: safe,
            partial: false,
            answer,
            record,
        }
    }
}

/// The request by another verb, whose plugin asks no model; `None` where it cannot do it: it does not know the language.
fn exactly(
    asking: &Asking<'_>,
    verb: String,
    asked: &Instruction,
    stats: &mut Stats,
) -> Result<Option<(Instruction, Several)>, RunError> {
    // Options are those of the verb that was asked for.
    let instruction = Instruction { verb, options: serde_json::json!({}), ..asked.clone() };
    match asking.make(&instruction, &[], stats) {
        Ok(made) => Ok(Some((instruction, Several::one(made)))),
        Err(RunError::Plugin(error)) if error.code == ErrorCode::Unavailable => {
            emit(asking.events, Event::Log { level: Level::Info, message: error.message });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
