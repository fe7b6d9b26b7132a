//! One request, from its repository to where its result goes.

use crate::commit::CommitPlace;
use crate::position::offset_in;
use crate::repo::{ApplyRun, Repo};
use crate::resolve::{self, Resolved, resolve};
use crate::{FindPositionError, RepoError, TaskError};
use deepcoder_pipeline::{NoModel, Pipeline, Policy, Run, RunOptions, may_land, needs_no_model};
use deepcoder_profile::Profile;
use deepcoder_protocol::Models;
use deepcoder_types::{
    Cancel, Consent, Delivery, Event, Instruction, Landed, LanguageModel, Level, RepoPath, Request, Stage, TextRange,
    Verdict,
};
use deepcoder_workspace::{MAX_FILE, Memory, OpenError, Overlay, Tree};
use std::path::Path;
use std::sync::Arc;

/// Digits of an edit's id that are shown.
const SHORT: usize = 8;

/// Carries out a request.
pub(crate) struct Carrier<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) models: &'a dyn Models,
    pub(crate) cancel: &'a Cancel,
}

/// The result of a request, and its repository, unless it is about a buffer that is in none.
pub(crate) struct Made {
    pub(crate) run: Run,
    pub(crate) repo: Option<Repo>,
}

impl Carrier<'_> {
    /// Do everything that `request` asks for but write. `previous` is the result that it continues from, with a person's
    /// words about it.
    pub(crate) fn make(
        &self,
        request: &Request,
        id: &str,
        previous: Option<(&Run, &str)>,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Made, TaskError> {
        resolve::check(request)?;
        let repo = match Repo::open(self.profile, &request.directory) {
            Ok(repo) => repo,
            Err(RepoError::Open(OpenError::NotARepository(_))) if request.position.is_some() => {
                return Ok(Made { run: self.on_buffer(request, id, events)?, repo: None });
            }
            Err(error) => return Err(error.into()),
        };
        recover(&repo, &request.delivery, events)?;
        if !request.buffers.is_empty() {
            let run = match self.on_buffers(&repo, request, id, events)? {
                Some(run) => run,
                None => self.on_buffer(request, id, events)?,
            };
            return Ok(Made { run, repo: Some(repo) });
        }
        let mut resolved = resolve(&repo, request, id)?;
        if let Some((run, words)) = previous {
            go_on(&mut resolved.instruction, run, words);
        }
        resolved.unreadable.iter().for_each(|error| warn(events, format!("left out: {error}")));
        if let Some(place) = CommitPlace::of(&request.delivery) {
            repo.check_commit(&resolved.instruction.targets, &place, self.cancel)?;
        }
        let Resolved { instruction, policy, .. } = resolved;
        let model = self.model(request, events)?;
        let run = repo.run(model, &instruction, policy, request.effort, self.cancel, events)?;
        Ok(Made { run, repo: Some(repo) })
    }

    /// The model, with what it warns of.
    fn model(
        &self,
        request: &Request,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Arc<dyn LanguageModel>, TaskError> {
        self.cancel.check()?;
        if needs_no_model(&request.verb, &request.params.clone().into()) {
            return Ok(Arc::new(NoModel::default()));
        }
        events(Event::Stage(Stage::Load));
        let model = self.models.interactive(request.model.as_deref(), self.cancel)?;
        self.cancel.check()?;
        let info = model.info();
        let fill = info.fill_warning.iter().filter(|_| request.position.is_some());
        info.warnings.iter().chain(fill).for_each(|warning| warn(events, warning.clone()));
        Ok(model)
    }

    /// A request about the work tree as an editor shows it; `None` where the buffer is not a file of the work tree.
    fn on_buffers(
        &self,
        repo: &Repo,
        request: &Request,
        id: &str,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Option<Run>, TaskError> {
        let mut tree = Overlay::new(repo.workspace());
        let mut first = None;
        for (typed, text) in &request.buffers {
            let Ok(path) = repo.workspace().resolve(&request.directory, typed) else { continue };
            tree.write(&path, text.as_str()).map_err(RepoError::from)?;
            if request.paths.first() == Some(typed) {
                first = Some((path, text.as_str()));
            }
        }
        let (Some((path, text)), Some(_)) = (first, request.position) else { return Ok(None) };
        let instruction = at_position(request, id, path, text)?;
        let model = self.model(request, events)?;
        Ok(Some(self.on_tree(&tree, &instruction, model, events)?))
    }

    /// A request about one text that is in no repository: its buffer, or else the file.
    fn on_buffer(&self, request: &Request, id: &str, events: &mut (dyn FnMut(Event) + Send)) -> Result<Run, TaskError> {
        let typed = request.paths.first().map(String::as_str).unwrap_or_default();
        let text = match request.buffers.get(typed) {
            Some(text) => text.clone(),
            None => read(&request.directory, typed)?,
        };
        let name = Path::new(typed).file_name().and_then(|name| name.to_str()).unwrap_or("buffer");
        let path = RepoPath::new(name)?;
        let instruction = at_position(request, id, path.clone(), &text)?;
        let model = self.model(request, events)?;
        self.on_tree(&Memory::of(path, text), &instruction, model, events)
    }

    fn on_tree(
        &self,
        tree: &dyn Tree,
        instruction: &Instruction,
        model: Arc<dyn LanguageModel>,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Run, TaskError> {
        let pipeline = Pipeline::new(tree, model).with_policy(Policy::default());
        Ok(pipeline.run(instruction, &RunOptions::default(), self.cancel, events)?)
    }
}

/// Refuses a request that cannot be carried out, before a model is got ready for it.
pub(crate) fn check_request(profile: &Profile, request: &Request) -> Result<(), TaskError> {
    resolve::check(request)?;
    let repo = match Repo::open(profile, &request.directory) {
        Ok(repo) if request.buffers.is_empty() => repo,
        Ok(_) => return Ok(()),
        Err(RepoError::Open(OpenError::NotARepository(_))) if request.position.is_some() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    resolve(&repo, request, "").map(drop)
}

/// An error where `run` does not land now and whole: a decision about it has no part to leave for another one.
pub fn may_land_now(run: &Run, delivery: &Delivery, consent: Consent) -> Result<(), TaskError> {
    match may_land(run, delivery, consent) {
        Verdict::Lands => Ok(()),
        Verdict::Refused(reasons) => Err(TaskError::Refused(reasons)),
        Verdict::Held(reasons) => Err(TaskError::NeedsReview(reasons)),
        Verdict::LandsInPart(_) => Err(TaskError::NeedsReview(run.reasons())),
        Verdict::Nothing | Verdict::Shown => Err(TaskError::Refused(vec!["nothing of it is left".to_owned()])),
    }
}

/// Writes `run`, of the request with this `prompt`, where `delivery` says. The caller has asked [`may_land_now`] or [`may_land`].
pub fn land(
    repo: &Repo,
    run: &Run,
    prompt: &str,
    delivery: &Delivery,
    how: ApplyRun,
    cancel: &Cancel,
) -> Result<Landed, TaskError> {
    let Some(place) = CommitPlace::of(delivery) else {
        let applied = repo.apply(run, how, cancel)?;
        return Ok(applied.map_or_else(Landed::default, |applied| Landed {
            edit: Some(applied.id),
            files: applied.files,
            ..Landed::default()
        }));
    };
    let made = repo.apply_and_commit(run, prompt, &place, how, cancel)?;
    Ok(made.map_or_else(Landed::default, |made| Landed {
        edit: Some(made.applied.id),
        files: made.applied.files,
        commit: Some(made.committed.commit),
        branch: made.committed.branch,
        by_hooks: made.committed.by_hooks,
        worktree: made.work_tree,
    }))
}

/// Brings what an interrupted edit left to an end before the tree is read. A request that writes nothing goes on where
/// that cannot be done: the tree may be read-only.
fn recover(repo: &Repo, delivery: &Delivery, events: &mut (dyn FnMut(Event) + Send)) -> Result<(), TaskError> {
    let recovery = match repo.recover() {
        Err(_) if *delivery == Delivery::Show => return Ok(()),
        recovery => recovery?,
    };
    let short = |id: &str| id.get(..SHORT).unwrap_or(id).to_owned();
    let mut info = |message: String| events(Event::Log { level: Level::Info, message });
    for id in &recovery.completed {
        info(format!("edit {} was interrupted; it is complete now", short(id)));
    }
    for id in &recovery.reverted {
        info(format!("edit {} was interrupted; it is taken back now", short(id)));
    }
    for (id, files) in &recovery.conflicts {
        let names: Vec<_> = files.iter().map(ToString::to_string).collect();
        let names = names.join(", ");
        let id = short(id);
        warn(
            events,
            format!("edit {id} was interrupted and is taken back, except in files that changed since: {names}"),
        );
    }
    if let Some(history) = &recovery.damaged_history {
        let edits = recovery.rebuilt;
        let aside = history.display();
        warn(events, format!("the history was damaged; it was moved to {aside} and rebuilt from git ({edits} edits)"));
    }
    Ok(())
}

fn warn(events: &mut (dyn FnMut(Event) + Send), message: String) {
    events(Event::Log { level: Level::Warn, message });
}

/// The request once more, on the same files, with what was proposed and what a person says of it.
fn go_on(instruction: &mut Instruction, run: &Run, words: &str) {
    instruction.targets.clone_from(&run.record.targets);
    if words.is_empty() {
        return;
    }
    let files = run.edit_set.iter().flat_map(|set| &set.files);
    let texts: serde_json::Map<String, serde_json::Value> = files
        .filter_map(|file| {
            let text = String::from_utf8(file.new.as_ref()?.bytes.clone()).ok()?;
            Some((file.path.to_string(), text.into()))
        })
        .collect();
    let repair = serde_json::json!({ "findings": [{ "message": words }], "previous": texts });
    if let Some(options) = instruction.options.as_object_mut() {
        options.insert("repair".into(), repair);
    }
}

fn at_position(request: &Request, id: &str, path: RepoPath, text: &str) -> Result<Instruction, TaskError> {
    let mut instruction = resolve::instruction(request, id);
    if let Some(position) = request.position {
        let wrong = |error| FindPositionError::Position { path: path.clone(), error };
        let offset = offset_in(text, position).map_err(wrong)?;
        instruction.selection = Some(TextRange::new(offset, offset));
    }
    instruction.targets = vec![path];
    Ok(instruction)
}

/// A file that is in no repository.
fn read(directory: &Path, typed: &str) -> Result<String, TaskError> {
    let wrong = |message: String| TaskError::Unreadable { file: typed.to_owned(), message };
    let bytes = deepcoder_files::read(&directory.join(typed), MAX_FILE).map_err(|e| wrong(e.to_string()))?;
    String::from_utf8(bytes)
        .map_err(|e| wrong(format!("it is not UTF-8 text: byte {} is wrong", e.utf8_error().valid_up_to())))
}
