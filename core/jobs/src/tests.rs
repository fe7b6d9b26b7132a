//! The service on a real queue and real repositories, with a model that is scripted.

mod landing;
mod people;
mod times;

use crate::{JobService, Options};
use deepcoder_profile::{Overrides, Profile, Vars};
use deepcoder_protocol::{Jobs, Models};
use deepcoder_test_support::TestRepo;
use deepcoder_types::{
    Cancel, Delivery, FinishReason, GenerateError, GenerateRequest, Generation, Job, JobHappening, JobSpec, JobState,
    LanguageModel, ModelInfo, Timing, TokenEvent, Usage,
};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(30);

/// What the model of a test does when it is asked.
enum Say {
    /// It says this.
    Text(&'static str),
    /// It does this first, and then says it.
    After(Box<dyn FnOnce() + Send>, &'static str),
    /// It fails.
    Fail(GenerateError),
    /// It writes until it is cancelled.
    Forever,
    /// It has a defect.
    Panic,
}

/// Two functions far enough apart for two hunks.
const TWO: &str = "def f():\n    return 1\n\n\n# a\n# b\n# c\n# d\n# e\n# f\n# g\n# h\n\n\ndef g():\n    return 1\n";
const TWO_NEW: &str =
    "def f():\n    return 2\n\n\n# a\n# b\n# c\n# d\n# e\n# f\n# g\n# h\n\n\ndef g():\n    return 2\n";

const OLD: &str = "def f():\n    return 1\n";
const NEW: &str = "def f():\n    return 2\n";
const SAID: &str = "def f():\n    return 2\n";

struct Scripted {
    info: ModelInfo,
    script: Mutex<VecDeque<Say>>,
    asked: AtomicU32,
    /// Whether it cannot be loaded.
    gone: AtomicBool,
}

impl LanguageModel for Scripted {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        Ok(u32::try_from(text.len() / 4).unwrap_or(u32::MAX))
    }

    fn generate(
        &self,
        _: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let say = self.script.lock().unwrap().pop_front();
        let text = match say {
            None => return Err(GenerateError::Engine("the script has ended".into())),
            Some(Say::Fail(error)) => return Err(error),
            Some(Say::Panic) => panic!("a defect of the model"),
            Some(Say::Text(text)) => text,
            Some(Say::After(work, text)) => {
                work();
                text
            }
            Some(Say::Forever) => {
                while !cancel.is_cancelled() {
                    on_token(&TokenEvent { text: "x".into(), id: 0, logprob: None, top: Vec::new() });
                    std::thread::sleep(Duration::from_millis(2));
                }
                return Ok(generation("", FinishReason::Cancelled));
            }
        };
        Ok(generation(text, FinishReason::End))
    }
}

fn generation(text: &str, finish: FinishReason) -> Generation {
    Generation { text: text.into(), finish, usage: Usage::default(), timing: Timing::default() }
}

struct Lent(Arc<Scripted>);

impl Models for Lent {
    fn background(&self, _: Option<&str>, _: &Path) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        if self.0.gone.load(Ordering::SeqCst) {
            return Err(GenerateError::Invalid("the model is not installed".into()));
        }
        Ok(Arc::clone(&self.0) as Arc<dyn LanguageModel>)
    }

    fn interactive(&self, _: Option<&str>, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Ok(Arc::clone(&self.0) as Arc<dyn LanguageModel>)
    }
}

/// A repository, a folder of ours, and a daemon's jobs.
struct Scene {
    repo: TestRepo,
    home: tempfile::TempDir,
    model: Arc<Scripted>,
    clock: Arc<AtomicU64>,
    service: Arc<JobService>,
}

impl Scene {
    fn new(script: impl IntoIterator<Item = Say>) -> Self {
        Self::with(&[("a.py", OLD.as_bytes())], script)
    }

    fn with(files: &[(&str, &[u8])], script: impl IntoIterator<Item = Say>) -> Self {
        let (repo, home) = (TestRepo::new(files), tempfile::tempdir().unwrap());
        repo.git(&["config", "user.name", "Test"]);
        repo.git(&["config", "user.email", "test@example.org"]);
        let info = ModelInfo {
            name: "scripted".into(),
            context_length: 32_768,
            supports_fill: false,
            fill_warning: None,
            fingerprint: "scripted".into(),
            warnings: Vec::new(),
        };
        let script = Mutex::new(script.into_iter().collect());
        let model = Arc::new(Scripted { info, script, asked: AtomicU32::new(0), gone: AtomicBool::new(false) });
        let clock = Arc::new(AtomicU64::new(1_700_000_000_000));
        let service = service(home.path(), &clock);
        let scene = Self { repo, home, model, clock, service };
        scene.start();
        scene
    }

    fn start(&self) {
        self.service.start(Arc::new(Lent(Arc::clone(&self.model))), Arc::new(|| {})).expect("a queue");
    }

    /// End the daemon and begin another one.
    fn restart(&mut self) {
        self.service.stop();
        self.service = service(self.home.path(), &self.clock);
        self.start();
    }

    fn spec(&self, delivery: Delivery) -> JobSpec {
        let mut spec: JobSpec = serde_json::from_value(serde_json::json!({
            "kind": "edit", "repository": self.repo.path(), "prompt": "return two", "paths": ["a.py"],
        }))
        .expect("a spec");
        spec.delivery = delivery;
        spec
    }

    fn add(&self, delivery: Delivery) -> Job {
        self.service.add(self.spec(delivery)).expect("added").job
    }

    fn wait(&self, job: &Job, state: JobState) -> Job {
        let start = Instant::now();
        loop {
            let now = self.service.get(&job.id.0).expect("a job");
            if now.state == state {
                return now;
            }
            // What waits for its next attempt waits by the clock of the test.
            if now.state == JobState::Waiting {
                self.clock.fetch_add(1_000, Ordering::SeqCst);
            }
            assert!(!now.state.is_over() || start.elapsed() < Duration::from_millis(100), "{now:#?}");
            assert!(start.elapsed() < LIMIT, "{state:?} was expected: {now:#?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn asked(&self) -> u32 {
        self.model.asked.load(Ordering::SeqCst)
    }

    fn log(&self, job: &Job) -> String {
        let events = self.service.events(&job.id.0, 0, 1_000).expect("events");
        let lines = events.iter().filter_map(|event| match &event.what {
            JobHappening::Log { message, .. } => Some(message.clone()),
            _ => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn text(&self) -> String {
        String::from_utf8(self.repo.read("a.py")).expect("text")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.service.stop();
    }
}

fn profile(home: &Path) -> Profile {
    let vars = Vars::new([("DEEPCODER_HOME".into(), home.as_os_str().to_owned())]);
    // A script has one answer for each job.
    let overrides = Overrides { config: vec!["effort=quick".into()], ..Overrides::default() };
    Profile::open(vars, home, &overrides, None).expect("a profile")
}

fn service(home: &Path, clock: &Arc<AtomicU64>) -> Arc<JobService> {
    let clock = Arc::clone(clock);
    Arc::new(JobService::new(Options::new(profile(home), Arc::new(move || clock.load(Ordering::SeqCst)))))
}
