//! A real daemon on the workbench's socket, with a fake model in it: commands then run from end to end.

use crate::workbench::Workbench;
use deepcoder_app::{App, Clock};
use deepcoder_daemon::{ServeOptions, Services, serve};
use deepcoder_jobs::{JobService, Options as JobOptions};
use deepcoder_profile::{Overrides, Profile, Vars};
use deepcoder_protocol::ModelLoader;
use deepcoder_protocol::client::Client;
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel, ModelInfo, Timing, TokenEvent,
    Usage,
};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(crate) struct FakeDaemon {
    cancel: Cancel,
    thread: Option<JoinHandle<()>>,
}

impl FakeDaemon {
    /// Serves `model` under every name until it is dropped.
    pub(crate) fn start(bench: &Workbench, model: Arc<dyn LanguageModel>) -> Self {
        // Another build's daemon would be ended and replaced.
        Self::start_as(bench, model, &deepcoder_profile::build_version(env!("CARGO_BIN_EXE_deepcoder").as_ref()))
    }

    /// As [`FakeDaemon::start`], with background jobs as the real one has them.
    pub(crate) fn with_jobs(bench: &Workbench, model: Arc<dyn LanguageModel>) -> Self {
        let (profile, now_ms) = surroundings(bench);
        let jobs = JobService::new(JobOptions::new(profile, now_ms));
        let services = Services { jobs: Some(Arc::new(jobs)), ..Services::default() };
        let version = deepcoder_profile::build_version(env!("CARGO_BIN_EXE_deepcoder").as_ref());
        Self::serve(bench, model, &version, services)
    }

    /// As [`FakeDaemon::start`], saying that it is of this version.
    pub(crate) fn start_as(bench: &Workbench, model: Arc<dyn LanguageModel>, version: &str) -> Self {
        Self::serve(bench, model, version, Services::default())
    }

    fn serve(bench: &Workbench, model: Arc<dyn LanguageModel>, version: &str, mut services: Services) -> Self {
        let (profile, now_ms) = surroundings(bench);
        services.tasks = Some(Arc::new(App::new(profile, now_ms)));
        let mut options = ServeOptions::new(bench.socket());
        options.handle_signals = false;
        options.idle = Duration::from_secs(60);
        version.clone_into(&mut options.version);
        options.model = "fake".into();
        let cancel = Cancel::new();
        let stop = cancel.clone();
        let thread = std::thread::spawn(move || {
            serve(&options, Arc::new(Always(model)), services, &stop).expect("the daemon ends well");
        });
        let start = Instant::now();
        while Client::connect(&bench.socket()).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "the daemon does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { cancel, thread: Some(thread) }
    }
}

/// The folders of the workbench, and the clock.
fn surroundings(bench: &Workbench) -> (Profile, Clock) {
    let vars = Vars::new([("DEEPCODER_HOME".into(), bench.home().as_os_str().to_owned())]);
    // A script has one answer for each edit.
    let overrides = Overrides { config: vec!["effort=quick".into()], ..Overrides::default() };
    let profile = Profile::open(vars, bench.home(), &overrides, None).expect("a profile");
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    (profile, Arc::new(move || u64::try_from(now().as_millis()).expect("a time")))
}

impl Drop for FakeDaemon {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

struct Always(Arc<dyn LanguageModel>);

impl ModelLoader for Always {
    fn load(&self, _: &str, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Ok(Arc::clone(&self.0))
    }

    fn describe(&self, _: &str) -> Result<ModelInfo, GenerateError> {
        Ok(self.0.info().clone())
    }
}

/// A model that writes for ever, until it is cancelled.
pub(crate) struct Endless(pub(crate) ModelInfo);

impl Endless {
    pub(crate) fn new() -> Self {
        Self(ModelInfo {
            name: "endless".into(),
            context_length: 4096,
            supports_fill: true,
            fill_warning: None,
            fingerprint: "endless".into(),
            warnings: Vec::new(),
        })
    }
}

impl LanguageModel for Endless {
    fn info(&self) -> &ModelInfo {
        &self.0
    }

    fn count_tokens(&self, _: &str) -> Result<u32, GenerateError> {
        Ok(1)
    }

    fn generate(
        &self,
        _: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        while !cancel.is_cancelled() {
            on_token(&TokenEvent { text: "more ".into(), id: 0, logprob: None, top: Vec::new() });
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Generation {
            text: String::new(),
            finish: FinishReason::Cancelled,
            usage: Usage::default(),
            timing: Timing::default(),
        })
    }
}
