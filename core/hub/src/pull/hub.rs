//! The model hub, through its own client library.

use super::error::{SourceError, Stop};
use super::partial::{digest, hash_file};
use super::{FetchProgress, Job};
use crate::disk;
use deepcoder_types::{Cancel, ContentHash};
use hf_hub::api::Progress;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Without a byte for this long a download counts as dead; the next call continues it.
const STALL: Duration = Duration::from_secs(60);

/// Room for the file system's bookkeeping.
const MARGIN: u64 = 16 << 20;

pub(super) fn fetch(
    job: &Job<'_>,
    repo: &str,
    revision: &str,
    files: &[String],
    progress: &mut dyn FnMut(FetchProgress),
) -> Result<(PathBuf, Option<ContentHash>), Stop> {
    let cache = job.work.join("hub");
    job.make_work()?;
    let api = builder(job, cache.clone()).build().map_err(refused)?;
    let repo = Repo::with_revision(repo.to_owned(), RepoType::Model, revision.to_owned());
    let wanted = if files.iter().any(|f| f.starts_with('*')) {
        let (api, repo) = (api.clone(), repo.clone());
        let info = call(job, move || api.repo(repo).info())?;
        select(files, info.siblings.into_iter().map(|s| s.rfilename))
    } else {
        files.to_vec()
    };
    let here = tree_size(&cache);
    job.check_space(job.entry.size.saturating_sub(here).saturating_add(MARGIN))?;
    let staging = job.work.join("files");
    let mut before = 0u64;
    for name in &wanted {
        let path = staging.join(name);
        if !path.exists() {
            let result = download(job, &api, &repo, name, &path, before, progress);
            if matches!(result, Err(Stop::Source(SourceError::WrongHash { .. }))) {
                for folder in [&cache, &staging] {
                    disk::remove_folder(folder).map_err(|e| job.failed(folder, e))?;
                }
            }
            result?;
        }
        before += fs::metadata(&path).map_err(|e| job.failed(&path, e))?.len();
    }
    let destination = job.destination();
    let from = if job.entry.file.is_some() { staging.join(&wanted[0]) } else { staging };
    disk::publish(&from, &destination).map_err(|e| job.failed(&destination, e))?;
    Ok((destination, job.entry.sha256))
}

/// The files of the repository that are wanted, sorted; only plain names, since they become names of ours.
fn select(patterns: &[String], there: impl Iterator<Item = String>) -> Vec<String> {
    let matches =
        |name: &str| patterns.iter().any(|p| p.strip_prefix('*').map_or(p == name, |ending| name.ends_with(ending)));
    let mut wanted: Vec<String> = there.filter(|n| crate::name::check_name(n).is_ok() && matches(n)).collect();
    wanted.sort();
    wanted
}

fn builder(job: &Job<'_>, cache: PathBuf) -> ApiBuilder {
    // Not `from_env`: libraries of ours read no environment. Resuming is what the partial files in `cache` are for.
    let builder = ApiBuilder::from_cache(Cache::new(cache)).with_progress(false).with_retries(2);
    let builder = builder.with_token(job.options.hub_token.clone());
    match &job.options.hub_endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint.clone()),
        None => builder,
    }
}

/// Download one file to `path`, checked where a hash is known.
fn download(
    job: &Job<'_>,
    api: &Api,
    repo: &Repo,
    name: &str,
    path: &Path,
    before: u64,
    progress: &mut dyn FnMut(FetchProgress),
) -> Result<(), Stop> {
    let (thread_api, thread_repo, thread_name) = (api.clone(), repo.clone(), name.to_owned());
    // For large files the hub's etag is their SHA-256.
    let metadata = call(job, move || {
        let repo: ApiRepo = thread_api.repo(thread_repo);
        thread_api.metadata(&repo.url(&thread_name))
    })?;
    let expected = job.entry.sha256.or_else(|| metadata.etag().parse().ok());
    let (send, events) = channel();
    let (thread_api, thread_repo, thread_name) = (api.clone(), repo.clone(), name.to_owned());
    let flag = job.cancel.clone();
    let watcher = Watcher { send: send.clone(), cancel: flag };
    let give_up = send.clone();
    let _waiting = job.cancel.on_cancel(move || give_up.send(Event::Cancelled).unwrap_or_default());
    spawn(job, move || {
        let repo = thread_api.repo(thread_repo);
        let result = catch_unwind(AssertUnwindSafe(|| repo.download_with_progress(&thread_name, watcher)));
        // The send fails where the caller has given up.
        send.send(Event::End(result.unwrap_or(Err(ApiError::InvalidResume)))).unwrap_or_default();
    })?;
    let total = job.entry.size.max(before + metadata.size() as u64);
    let blob = wait(job, &events, &mut |done| progress(FetchProgress::Bytes { done: before + done, total }))?;
    let blob = fs::canonicalize(&blob).map_err(|e| job.failed(&blob, e))?;
    if let Some(expected) = expected {
        progress(FetchProgress::Verifying);
        let found = ContentHash::from_digest(digest(&hash_file(&blob, u64::MAX, job.cancel)?));
        if found != expected {
            disk::remove_file(&blob).map_err(|e| job.failed(&blob, e))?;
            return Err(Stop::Source(SourceError::WrongHash { file: name.to_owned(), expected, found }));
        }
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|e| job.failed(folder, e))?;
    disk::publish(&blob, path).map_err(|e| job.failed(path, e))
}

enum Event {
    /// The library begins, or begins again; it counts anew.
    Begin,
    Bytes(u64),
    End(Result<PathBuf, ApiError>),
    Cancelled,
}

/// Counts the bytes; ends the download when it is cancelled.
struct Watcher {
    send: Sender<Event>,
    cancel: Cancel,
}

impl Progress for Watcher {
    fn init(&mut self, _size: usize, _filename: &str) {
        self.send.send(Event::Begin).unwrap_or_default();
    }

    fn update(&mut self, size: usize) {
        let heard = self.send.send(Event::Bytes(size as u64)).is_ok();
        if self.cancel.is_cancelled() || !heard {
            // The library has no other way to be stopped. Unwinding drops its lock and file; `resume_unwind` prints
            // nothing; the thread that runs it catches it.
            resume_unwind(Box::new("cancelled"));
        }
    }

    fn finish(&mut self) {}
}

fn wait(job: &Job<'_>, events: &Receiver<Event>, on_bytes: &mut dyn FnMut(u64)) -> Result<PathBuf, Stop> {
    let mut done = 0u64;
    let mut last = Instant::now();
    loop {
        match events.recv_timeout(STALL.saturating_sub(last.elapsed())) {
            Ok(Event::Cancelled) => return Err(Stop::CANCELLED),
            Ok(Event::Begin) => done = 0,
            Ok(Event::Bytes(n)) => {
                done += n;
                last = Instant::now();
                on_bytes(done);
            }
            Ok(Event::End(Ok(path))) => return Ok(path),
            Ok(Event::End(Err(_))) if job.cancel.is_cancelled() => return Err(Stop::CANCELLED),
            Ok(Event::End(Err(ApiError::IoError(e)))) if disk::is_full(&e) => return Err(job.failed(&job.work, e)),
            Ok(Event::End(Err(e))) => return Err(refused(e)),
            Err(RecvTimeoutError::Timeout) => {
                let message = format!("no data for {} seconds", STALL.as_secs());
                return Err(Stop::Source(SourceError::Unreachable(message)));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Stop::Source(SourceError::Refused("the download ended unexpectedly".into())));
            }
        }
    }
}

/// Run a short request in a thread of its own: the library sets no time limit, so this waits no longer than ours.
fn call<T: Send + 'static>(
    job: &Job<'_>,
    request: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, Stop> {
    let (send, answer) = channel();
    let give_up = send.clone();
    let _waiting = job.cancel.on_cancel(move || give_up.send(None).unwrap_or_default());
    spawn(job, move || send.send(catch_unwind(AssertUnwindSafe(request)).ok()).unwrap_or_default())?;
    let limit = job.options.connect_timeout;
    match answer.recv_timeout(limit) {
        Ok(Some(result)) => result.map_err(refused),
        Err(_) => {
            let message = format!("no answer within {:.1} seconds", limit.as_secs_f32());
            Err(Stop::Source(SourceError::Unreachable(message)))
        }
        Ok(None) if job.cancel.is_cancelled() => Err(Stop::CANCELLED),
        // The library panicked.
        Ok(None) => Err(Stop::Source(SourceError::Refused("the answer could not be understood".into()))),
    }
}

fn spawn(job: &Job<'_>, work: impl FnOnce() + Send + 'static) -> Result<(), Stop> {
    let started = thread::Builder::new().name("deepcoder-hub".into()).spawn(work);
    started.map(drop).map_err(|e| job.failed(&job.work, e))
}

fn refused(error: ApiError) -> Stop {
    let message = match &error {
        ApiError::RequestError(request) => request.to_string(),
        other => other.to_string(),
    };
    let answered = message.contains("http status");
    Stop::Source(if answered { SourceError::Refused(message) } else { SourceError::Unreachable(message) })
}

fn tree_size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => tree_size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
