//! From changes to jobs: templates that wait for a change of their files.

use crate::Notices;
use crate::budget::Budget;
use deepcoder_protocol::{Jobs, Models};
use deepcoder_types::{ContentHash, Job, JobFilter, JobId, JobSpec, JobState, RepoPath, Schedule};
use deepcoder_workspace::Workspace;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is looked whether the job of a template is over, while files wait for the next one.
const LOOK: Duration = Duration::from_secs(1);

/// Templates of one repository; more are not looked at.
const MOST: u32 = 100;

/// Digits of the hash of a set of files.
const DIGITS: usize = 32;

/// The templates of one repository.
pub(crate) struct Triggers {
    workspace: Workspace,
    jobs: Arc<dyn Jobs>,
    models: Arc<dyn Models>,
    gap: Duration,
    budget: Budget,
    waiting: BTreeMap<JobId, Waiting>,
}

/// Files that a template has not been told of.
#[derive(Default)]
struct Waiting {
    paths: BTreeSet<RepoPath>,
    /// The last job that was made of it, and when.
    last: Option<(JobId, Instant)>,
}

impl Triggers {
    pub(crate) fn new(
        workspace: Workspace,
        jobs: Arc<dyn Jobs>,
        models: Arc<dyn Models>,
        gap: Duration,
        per_hour: Duration,
    ) -> Self {
        let budget = Budget::new(per_hour, models.model_time(workspace.root()), Instant::now());
        Self { workspace, jobs, models, gap, budget, waiting: BTreeMap::new() }
    }

    /// Another folder has taken the place of the work tree.
    pub(crate) fn reopen(&mut self, workspace: &Workspace) {
        self.workspace = workspace.clone();
    }

    /// Files have changed, and not by us.
    pub(crate) fn changed(&mut self, paths: &[RepoPath], notices: &mut Notices) {
        if paths.is_empty() {
            return;
        }
        for template in self.templates(notices) {
            let Some(globs) = globs(&template.spec.paths) else { continue };
            let matching = paths.iter().filter(|path| globs.is_match(path.as_str())).cloned();
            let matching: Vec<RepoPath> = matching.collect();
            if !matching.is_empty() {
                self.waiting.entry(template.id).or_default().paths.extend(matching);
            }
        }
    }

    /// Make the jobs that can be made now; when to come again, if any are left.
    pub(crate) fn fire(&mut self, notices: &mut Notices) -> Option<Instant> {
        if self.waiting.values().all(|waiting| waiting.paths.is_empty()) {
            return None;
        }
        let now = Instant::now();
        let templates: BTreeMap<JobId, JobSpec> = self.templates(notices).into_iter().map(|t| (t.id, t.spec)).collect();
        // Paused and cancelled ones want to know of nothing.
        self.waiting.retain(|id, _| templates.contains_key(id));
        let mut next: Option<Instant> = None;
        let mut later = |at: Instant| next = Some(next.map_or(at, |next| next.min(at)));
        let used = self.models.model_time(self.workspace.root());
        for (id, waiting) in self.waiting.iter_mut().filter(|(_, waiting)| !waiting.paths.is_empty()) {
            let Some(spec) = templates.get(id) else { continue };
            if let Some((last, at)) = &waiting.last {
                if now < *at + self.gap {
                    later(*at + self.gap);
                    continue;
                }
                // One at a time: what changes meanwhile is gathered.
                if self.jobs.get(&last.0).is_ok_and(|job| !job.state.is_over() && job.state != JobState::Review) {
                    later(now + LOOK);
                    continue;
                }
            }
            if let Some(again) = self.budget.wait(used, now) {
                notices.add(
                    "the model has worked for this repository as long as it may within an hour; changes wait".into(),
                );
                if let Some(again) = again {
                    later(again);
                }
                break;
            }
            let paths = std::mem::take(&mut waiting.paths);
            match self.jobs.add(instance(&self.workspace, id, spec, &paths)) {
                Ok(added) => waiting.last = Some((added.job.id, now)),
                Err(failure) => {
                    notices.add(format!("no job could be added: {failure}"));
                    waiting.paths = paths;
                    later(now + LOOK);
                }
            }
        }
        next
    }

    fn templates(&self, notices: &mut Notices) -> Vec<Job> {
        let filter = JobFilter {
            repository: Some(self.workspace.root().to_owned()),
            states: vec![JobState::Scheduled],
            before: None,
            limit: MOST,
        };
        match self.jobs.list(&filter) {
            Ok(jobs) => jobs.into_iter().filter(|job| job.spec.schedule == Schedule::Change).collect(),
            Err(failure) => {
                notices.add(format!("the jobs cannot be read: {failure}"));
                Vec::new()
            }
        }
    }
}

/// The job that a template makes of changed files. The same files with the same bytes are the same job.
fn instance(workspace: &Workspace, template: &JobId, spec: &JobSpec, paths: &BTreeSet<RepoPath>) -> JobSpec {
    let mut text = String::new();
    for path in paths {
        let hash = workspace.read(path).map(|image| image.hash().to_string()).unwrap_or_default();
        text.push_str(&format!("{path}\0{hash}\0"));
    }
    let mut hash = ContentHash::of(text.as_bytes()).to_string();
    hash.truncate(DIGITS);
    JobSpec {
        paths: paths.iter().map(|path| path.as_str().to_owned()).collect(),
        schedule: Schedule::Now,
        key: Some(format!("change:{template}:{hash}")),
        origin: "watch".into(),
        ..spec.clone()
    }
}

/// Paths, folders and globs as one set; without any, every file.
fn globs(paths: &[String]) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    let all = ["**".to_owned()];
    for path in if paths.is_empty() { &all[..] } else { paths } {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        for pattern in [path.to_owned(), format!("{path}/**")] {
            deepcoder_types::check_glob(&pattern).ok()?;
            set.add(GlobBuilder::new(&pattern).literal_separator(true).build().ok()?);
        }
    }
    set.build().ok()
}
