//! The tasks of one user: each on a thread of its own, with events that any number of callers follow.

use crate::caller::{is_callers, is_same_directory};
use crate::carry_out::{Carrier, land, may_land_now};
use crate::entry::{Entry, State, forget_oldest, lock};
use crate::error::TaskError;
use crate::held::Held;
use crate::refusals::{elsewhere, message, refused, unknown};
use crate::repo::{ApplyRun, Repo};
use crate::result::result_of;
use crate::{kept, may_land};
use deepcoder_edit::hunks;
use deepcoder_pipeline::Run;
use deepcoder_profile::Profile;
use deepcoder_protocol::{Failure, Models, Refusal, Tasks};
use deepcoder_types::{
    Cancel, Consent, ContentHash, Decision, Delivery, Event, GenerateError, JobState, Landed, Level, RepoPath, Request,
    Stage, Task, TaskEvent, Verdict,
};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The clock: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Tasks that run at a time. Each has a thread.
const MOST_RUNNING: usize = 64;

/// Digits of a task's id.
const DIGITS: usize = 10;

/// How often a follower looks whether its caller is still there.
const LOOK: Duration = Duration::from_millis(50);

/// The application: the only door to a repository.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    profile: Profile,
    models: OnceLock<Arc<dyn Models>>,
    now_ms: Clock,
    held: Held,
    tasks: Mutex<BTreeMap<String, Arc<Entry>>>,
    count: AtomicU64,
    stop: Cancel,
}

impl App {
    /// The application with the folders and settings of `profile`. It takes no request before [`Tasks::start`].
    #[must_use]
    pub fn new(profile: Profile, now_ms: Clock) -> Self {
        let held = Held::new(&profile.folders().state);
        let (models, tasks) = (OnceLock::new(), Mutex::default());
        let (count, stop) = (AtomicU64::new(0), Cancel::new());
        Self { inner: Arc::new(Inner { profile, models, now_ms, held, tasks, count, stop }) }
    }

    /// One that runs in this process, with these models.
    #[must_use]
    pub fn here(profile: Profile, models: Arc<dyn Models>, now_ms: Clock) -> Self {
        let app = Self::new(profile, now_ms);
        app.inner.models.get_or_init(|| models);
        app
    }
}

impl Tasks for App {
    fn start(&self, models: Arc<dyn Models>) -> Result<(), Failure> {
        self.inner.models.get_or_init(|| models);
        self.inner.held.sweep(self.inner.now());
        Ok(())
    }

    fn submit(&self, request: Request) -> Result<Task, Failure> {
        let inner = &self.inner;
        if inner.stop.is_cancelled() {
            return Err(Failure::Stopping);
        }
        crate::resolve::check(&request).map_err(|error| refused(&error))?;
        if deepcoder_git::outlives_caller() {
            if matches!(request.delivery, Delivery::Commit { .. }) {
                return Err(refused(&TaskError::NotHere));
            }
            if !is_callers(&request) {
                return Err(elsewhere(&request));
            }
        }
        let mut request = request;
        // A link may lead elsewhere by the time a person accepts the result.
        request.directory = request.directory.canonicalize().unwrap_or(request.directory);
        let previous = request.previous.as_ref().map(|previous| inner.finished(&previous.task)).transpose()?;
        let task = inner.new_task(&request);
        let state = Mutex::new(State { task: task.clone(), request, events: Vec::new(), run: None });
        let entry = Arc::new(Entry { cancel: inner.stop.child(), state, bell: Condvar::new() });
        {
            let mut tasks = lock(&inner.tasks);
            let running = tasks.values().filter(|entry| lock(&entry.state).task.state == JobState::Running).count();
            if running >= MOST_RUNNING {
                return Err(Failure::Busy(format!("{running} tasks are running")));
            }
            tasks.insert(task.id.clone(), Arc::clone(&entry));
            forget_oldest(&mut tasks);
        }
        let (inner, id) = (Arc::clone(inner), task.id.clone());
        let work = move || inner.work(&entry, previous.as_ref());
        std::thread::Builder::new()
            .name(format!("task-{id}"))
            .spawn(work)
            .map_err(|error| Failure::Busy(error.to_string()))?;
        Ok(task)
    }

    fn get(&self, id: &str) -> Result<Task, Failure> {
        let (id, entry) = self.inner.find(id)?;
        match entry {
            Some(entry) => Ok(lock(&entry.state).task.clone()),
            None => self.inner.held.load(&id).map(|(task, _)| task).ok_or_else(|| unknown(&id)),
        }
    }

    fn list(&self, repository: Option<&Path>) -> Result<Vec<Task>, Failure> {
        let mut all: Vec<Task> = lock(&self.inner.tasks).values().map(|e| lock(&e.state).task.clone()).collect();
        for id in self.inner.held.ids() {
            if !all.iter().any(|task| task.id == id) {
                all.extend(self.inner.held.load(&id).map(|(task, _)| task));
            }
        }
        all.retain(|task| repository.is_none() || task.repository.as_deref() == repository);
        all.sort_by(|a, b| (b.created_ms, &b.id).cmp(&(a.created_ms, &a.id)));
        Ok(all)
    }

    fn follow(
        &self,
        id: &str,
        after: u64,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(TaskEvent),
    ) -> Result<Task, Failure> {
        let (id, entry) = self.inner.find(id)?;
        let Some(entry) = entry else { return self.get(&id) };
        let mut seen = usize::try_from(after).unwrap_or(usize::MAX);
        loop {
            let (news, ended) = {
                let mut state = lock(&entry.state);
                while state.events.len() <= seen && state.task.state == JobState::Running && !cancel.is_cancelled() {
                    state = entry.bell.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
                }
                let news = state.events.get(seen..).map(<[TaskEvent]>::to_vec).unwrap_or_default();
                (news, (state.task.state != JobState::Running).then(|| state.task.clone()))
            };
            seen += news.len();
            news.into_iter().for_each(&mut *on_event);
            match ended {
                Some(task) => return Ok(task),
                None if cancel.is_cancelled() => return Err(Failure::Cancelled),
                None => {}
            }
        }
    }

    fn cancel(&self, id: &str) -> Result<Task, Failure> {
        let (id, entry) = self.inner.find(id)?;
        if let Some(entry) = entry {
            entry.cancel.cancel();
        }
        let task = self.get(&id)?;
        if task.state == JobState::Review {
            let hint = Some(format!("`deepcoder tasks review {id} --reject all` rejects the result"));
            return Err(Failure::Refused { reason: Refusal::State, message: format!("task {id} does not run"), hint });
        }
        Ok(task)
    }

    fn decide(&self, id: &str, decision: &Decision) -> Result<Task, Failure> {
        let inner = &self.inner;
        let (id, entry) = inner.find(id)?;
        let entry = match entry {
            Some(entry) => entry,
            None => inner.adopt(&id)?,
        };
        let (request, run) = {
            let mut state = lock(&entry.state);
            if state.task.state != JobState::Review {
                let message = format!("task {id} has no result that waits: it is {}", state.task.state.name());
                let hint = Some("`deepcoder tasks` lists the tasks".to_owned());
                return Err(Failure::Refused { reason: Refusal::State, message, hint });
            }
            // Taken, so that two decisions do not meet, and given back below: landing takes long and holds no lock.
            let run = state.run.take().ok_or_else(|| {
                let message = format!("another decision about task {id} is being carried out");
                Failure::Refused { reason: Refusal::State, message, hint: None }
            })?;
            (state.request.clone(), run)
        };
        let decided = catch_unwind(AssertUnwindSafe(|| inner.carry_decision_out(&request, &run, decision)));
        let decided = decided.unwrap_or_else(|panic| Err(TaskError::Panic(message(&*panic))));
        let mut state = lock(&entry.state);
        match decided {
            Err(error) => {
                state.run = Some(run);
                return Err(refused(&error));
            }
            Ok(None) => state.end(JobState::Rejected, inner.now()),
            Ok(Some((run, landed))) => {
                state.task.result = Some(result_of(&run, Verdict::Lands, Some(landed)));
                state.end(JobState::Done, inner.now());
            }
        }
        inner.held.forget(&id);
        entry.bell.notify_all();
        Ok(state.task.clone())
    }

    fn content(&self, id: &str) -> Result<Vec<u8>, Failure> {
        let run = self.inner.finished(id)?;
        kept::to_bytes(&run, None).ok_or_else(|| {
            let message = "the task has nothing to write".to_owned();
            Failure::Refused { reason: Refusal::State, message, hint: None }
        })
    }

    fn text(&self, id: &str, path: &RepoPath) -> Result<Option<String>, Failure> {
        let run = self.inner.finished(id)?;
        let file = run.edit_set.iter().flat_map(|set| &set.files).find(|file| file.path == *path);
        Ok(file.and_then(|file| file.new.as_ref()).map(|image| String::from_utf8_lossy(&image.bytes).into_owned()))
    }

    fn forget(&self, id: &str) -> Result<(), Failure> {
        let (id, entry) = self.inner.find(id)?;
        if entry.is_some_and(|entry| lock(&entry.state).task.state == JobState::Running) {
            let hint = Some(format!("`deepcoder tasks cancel {id}` ends it"));
            return Err(Failure::Refused { reason: Refusal::State, message: format!("task {id} is running"), hint });
        }
        lock(&self.inner.tasks).remove(&id);
        self.inner.held.forget(&id);
        Ok(())
    }

    fn running(&self) -> usize {
        let running = |entry: &&Arc<Entry>| lock(&entry.state).task.state == JobState::Running;
        lock(&self.inner.tasks).values().filter(running).count()
    }

    fn stop(&self) {
        self.inner.stop.cancel();
        let running: Vec<Arc<Entry>> = lock(&self.inner.tasks).values().cloned().collect();
        for entry in running {
            let mut state = lock(&entry.state);
            while state.task.state == JobState::Running {
                state = entry.bell.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

impl Inner {
    fn now(&self) -> u64 {
        (self.now_ms)()
    }

    fn new_task(&self, request: &Request) -> Task {
        let (created_ms, number) = (self.now(), self.count.fetch_add(1, Ordering::Relaxed));
        let mut id = ContentHash::of(format!("{created_ms} {number} {}", std::process::id()).as_bytes()).to_string();
        id.truncate(DIGITS);
        let root = self.profile.workspace(&request.directory).ok().map(|workspace| workspace.root().to_owned());
        Task {
            id,
            request: Request { buffers: BTreeMap::new(), ..request.clone() },
            repository: root,
            state: JobState::Running,
            created_ms,
            finished_ms: None,
            events: 0,
            result: None,
            failure: None,
        }
    }

    /// The one task that `prefix` names, with its entry where this process has one.
    fn find(&self, prefix: &str) -> Result<(String, Option<Arc<Entry>>), Failure> {
        let tasks = lock(&self.tasks);
        if let Some(entry) = tasks.get(prefix) {
            return Ok((prefix.to_owned(), Some(Arc::clone(entry))));
        }
        let mut ids: Vec<String> = tasks.keys().cloned().chain(self.held.ids()).collect();
        ids.retain(|id| id.starts_with(prefix) && !prefix.is_empty());
        ids.sort();
        ids.dedup();
        match ids.as_slice() {
            [id] => Ok((id.clone(), tasks.get(id).cloned())),
            [] => Err(unknown(prefix)),
            several => Err(Failure::Refused {
                reason: Refusal::Ambiguous,
                message: format!("several tasks begin with {prefix}: {}", several.join(", ")),
                hint: Some("give more digits".into()),
            }),
        }
    }

    /// Take a result that another process left into this one.
    fn adopt(&self, id: &str) -> Result<Arc<Entry>, Failure> {
        let (task, kept) = self.held.load(id).ok_or_else(|| unknown(id))?;
        let request = task.request.clone();
        let state = Mutex::new(State { task, request, events: Vec::new(), run: Some(kept.run) });
        let entry = Arc::new(Entry { cancel: self.stop.child(), state, bell: Condvar::new() });
        Ok(Arc::clone(lock(&self.tasks).entry(id.to_owned()).or_insert(entry)))
    }

    /// The result of a task that has one.
    fn finished(&self, id: &str) -> Result<Run, Failure> {
        let (id, entry) = self.find(id)?;
        let known = entry.and_then(|entry| lock(&entry.state).run.clone());
        known.or_else(|| self.held.load(&id).map(|(_, kept)| kept.run)).ok_or_else(|| {
            let hint =
                Some("it landed, was rejected or has not ended yet; `deepcoder tasks` lists the tasks".to_owned());
            Failure::Refused { reason: Refusal::State, message: format!("task {id} has no result that waits"), hint }
        })
    }

    /// Carry a task out, on its thread.
    fn work(&self, entry: &Entry, previous: Option<&Run>) {
        let request = lock(&entry.state).request.clone();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.attempt(entry, &request, previous)));
        let outcome = outcome.unwrap_or_else(|panic| Err(TaskError::Panic(message(&*panic))));
        let mut state = lock(&entry.state);
        match outcome {
            Ok(Outcome { run, verdict, landed }) => {
                let waits = matches!(verdict, Verdict::Held(_) | Verdict::Refused(_)) && run.changes();
                state.task.result = Some(result_of(&run, verdict, landed));
                // A result that is only shown can still be continued from, and its files be looked at.
                let shown = request.delivery == Delivery::Show && run.changes();
                state.end(if waits { JobState::Review } else { JobState::Done }, self.now());
                if waits && let Some(bytes) = kept::to_bytes(&run, None) {
                    let kept = self.held.save(&state.task, &bytes);
                    if let Err(error) = kept {
                        let message = format!("the result cannot be kept, and is lost when this process ends: {error}");
                        state.push(Event::Log { level: Level::Warn, message });
                    }
                }
                state.run = (waits || shown).then_some(run);
            }
            Err(error) if error.is_cancelled() => state.end(JobState::Cancelled, self.now()),
            Err(error) => {
                state.task.failure = Some(error.failure());
                state.end(JobState::Failed, self.now());
            }
        }
        drop(state);
        entry.bell.notify_all();
        if let Some(models) = self.models.get() {
            models.rest();
        }
    }

    fn attempt(&self, entry: &Entry, request: &Request, previous: Option<&Run>) -> Result<Outcome, TaskError> {
        let models = self.models.get().ok_or_else(|| GenerateError::Unavailable("it is starting".into()))?;
        let carrier = Carrier { profile: &self.profile, models: &**models, cancel: &entry.cancel };
        let words = request.previous.as_ref().map(|previous| previous.feedback.as_str()).unwrap_or_default();
        let id = lock(&entry.state).task.id.clone();
        let mut events = |event| entry.push(event);
        let made = carrier.make(request, &id, previous.map(|run| (run, words)), &mut events)?;
        entry.cancel.check()?;
        let run = made.run;
        let verdict = may_land(&run, &request.delivery, request.consent);
        let part = match &verdict {
            Verdict::Lands => Some(run.clone()),
            Verdict::LandsInPart(_) => run.clone().into_safe_part(),
            _ => None,
        };
        let (Some(part), Some(repo)) = (part, made.repo) else {
            return Ok(Outcome { run, verdict, landed: None });
        };
        entry.push(Event::Stage(Stage::Land));
        let landed = self.land(&repo, &part, request, request.consent, &request.delivery, &entry.cancel)?;
        Ok(Outcome { run: part, verdict, landed: Some(landed) })
    }

    /// Lands or rejects `run`; `None` where it is rejected.
    fn carry_decision_out(
        &self,
        request: &Request,
        run: &Run,
        decision: &Decision,
    ) -> Result<Option<(Run, Landed)>, TaskError> {
        let Decision::Accept { hunks, consent, delivery } = decision else { return Ok(None) };
        let delivery = delivery.as_ref().or(request.accepted.as_ref()).unwrap_or(&request.delivery);
        // The consent of the request holds for its result; whether a person has looked belongs to this decision.
        let consent = Consent {
            reviewed: consent.reviewed,
            unverified: consent.unverified || request.consent.unverified,
            protected: consent.protected || request.consent.protected,
        };
        self.accept(request, run.clone(), hunks.as_deref(), consent, delivery).map(Some)
    }

    fn accept(
        &self,
        request: &Request,
        mut run: Run,
        chosen: Option<&[deepcoder_types::HunkRef]>,
        consent: Consent,
        delivery: &Delivery,
    ) -> Result<(Run, Landed), TaskError> {
        if let (Some(chosen), Some(set)) = (chosen, &run.edit_set) {
            let all: usize = hunks::hunks(set).iter().map(|file| file.hunks as usize).sum();
            let set = hunks::choose(set, chosen)?;
            run.keep(set, all == chosen.len());
        }
        let delivery = match delivery {
            Delivery::Show | Delivery::Review => &Delivery::Apply,
            other => other,
        };
        may_land_now(&run, delivery, consent)?;
        if deepcoder_git::outlives_caller() && matches!(delivery, Delivery::Commit { .. }) {
            return Err(TaskError::NotHere);
        }
        if !is_same_directory(request) {
            return Err(TaskError::Stale(format!("the directory {}", request.directory.display())));
        }
        let repo = Repo::open(&self.profile, &request.directory)?;
        let landed = self.land(&repo, &run, request, consent, delivery, &self.stop)?;
        Ok((run, landed))
    }

    fn land(
        &self,
        repo: &Repo,
        run: &Run,
        request: &Request,
        consent: Consent,
        delivery: &Delivery,
        cancel: &Cancel,
    ) -> Result<Landed, TaskError> {
        let how = ApplyRun { now_ms: self.now(), unverified: consent.unverified, protected: consent.protected };
        land(repo, run, &request.prompt, delivery, how, cancel)
    }
}

/// The end of a task that did not fail.
struct Outcome {
    run: Run,
    verdict: Verdict,
    landed: Option<Landed>,
}
