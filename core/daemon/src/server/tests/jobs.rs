//! Jobs over the socket: every operation arrives, followers get every event once, and a database that hangs keeps
//! nobody from the model.

use super::*;
use deepcoder_protocol::client::CallError;
use deepcoder_protocol::wire::Refusal;
use deepcoder_protocol::{Added, JobCounts, Jobs, Models, OnChange};
use deepcoder_types::{
    Decision, Delivery, Job, JobEvent, JobFilter, JobHappening, JobId, JobProgress, JobResult, JobSpec, JobState,
    Schedule,
};
use std::sync::Condvar;

/// Jobs in memory. They do nothing by themselves: the test moves them.
#[derive(Default)]
struct Memory {
    inner: Mutex<Inner>,
    /// Calls wait while this is set.
    stuck: Mutex<bool>,
    free: Condvar,
}

#[derive(Default)]
struct Inner {
    jobs: Vec<(Job, Vec<JobEvent>)>,
    on_change: Option<OnChange>,
}

impl Memory {
    fn wait(&self) {
        let mut stuck = self.stuck.lock().expect("lock");
        while *stuck {
            stuck = self.free.wait(stuck).expect("lock");
        }
    }

    fn stick(&self, stuck: bool) {
        *self.stuck.lock().expect("lock") = stuck;
        self.free.notify_all();
    }

    fn with<T>(&self, id: &str, act: impl FnOnce(&mut Job, &mut Vec<JobEvent>) -> T) -> Result<T, Failure> {
        self.wait();
        let mut inner = self.inner.lock().expect("lock");
        let found = inner.jobs.iter_mut().find(|(job, _)| job.id.0.starts_with(id));
        let missing = || Failure::Refused {
            reason: Refusal::NotFound,
            message: format!("there is no job `{id}`"),
            hint: Some("`deepcoder jobs list` shows them".into()),
        };
        let (job, events) = found.ok_or_else(missing)?;
        let result = act(job, events);
        let on_change = inner.on_change.clone();
        drop(inner);
        if let Some(on_change) = on_change {
            on_change();
        }
        Ok(result)
    }

    fn happen(&self, id: &str, what: JobHappening) {
        self.with(id, |job, events| {
            if let JobHappening::State { to, .. } = &what {
                job.state = *to;
            }
            events.push(JobEvent { job: job.id.clone(), seq: events.len() as u64 + 1, at_ms: 1, what });
        })
        .expect("the job");
    }

    fn to(&self, id: &str, to: JobState) -> Result<Job, Failure> {
        self.with(id, |_, _| ())?;
        self.happen(id, JobHappening::State { to, reason: None });
        self.get(id)
    }
}

impl Jobs for Memory {
    fn start(&self, _: Arc<dyn Models>, on_change: OnChange) -> Result<(), Failure> {
        self.inner.lock().expect("lock").on_change = Some(on_change);
        Ok(())
    }

    fn stop(&self) {
        self.stick(false);
    }

    fn add(&self, spec: JobSpec) -> Result<Added, Failure> {
        self.wait();
        let mut inner = self.inner.lock().expect("lock");
        let id = JobId(format!("{:04}", inner.jobs.len()));
        let job = Job {
            id,
            spec,
            state: JobState::Queued,
            attempts: 0,
            created_ms: 1,
            started_ms: None,
            finished_ms: None,
            due_ms: None,
            worker: None,
            progress: None,
            result: Some(JobResult {
                summary: "one file".into(),
                diff: "the diff".into(),
                verified: true,
                ..JobResult::default()
            }),
            failure: None,
            template: None,
        };
        inner.jobs.push((job.clone(), Vec::new()));
        Ok(Added { job, existed: false })
    }

    fn get(&self, id: &str) -> Result<Job, Failure> {
        self.wait();
        let inner = self.inner.lock().expect("lock");
        let found = inner.jobs.iter().find(|(job, _)| job.id.0.starts_with(id)).map(|(job, _)| job.clone());
        drop(inner);
        found.ok_or_else(|| self.with(id, |_, _| ()).expect_err("not there"))
    }

    fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, Failure> {
        self.wait();
        let inner = self.inner.lock().expect("lock");
        let all = inner.jobs.iter().rev().map(|(job, _)| job.clone());
        Ok(all.filter(|job| filter.states.is_empty() || filter.states.contains(&job.state)).collect())
    }

    fn events(&self, id: &str, after: u64, limit: u32) -> Result<Vec<JobEvent>, Failure> {
        self.wait();
        let inner = self.inner.lock().expect("lock");
        let (_, events) = inner.jobs.iter().find(|(job, _)| job.id.0.starts_with(id)).expect("the job");
        Ok(events.iter().filter(|event| event.seq > after).take(limit as usize).cloned().collect())
    }

    fn cancel(&self, id: &str) -> Result<Job, Failure> {
        self.to(id, JobState::Cancelled)
    }

    fn retry(&self, id: &str) -> Result<Job, Failure> {
        self.to(id, JobState::Queued)
    }

    fn pause(&self, id: &str) -> Result<Job, Failure> {
        self.to(id, JobState::Paused)
    }

    fn resume(&self, id: &str) -> Result<Job, Failure> {
        self.to(id, JobState::Queued)
    }

    fn review(&self, id: &str, decision: &Decision) -> Result<Job, Failure> {
        self.to(id, if *decision == Decision::Reject { JobState::Rejected } else { JobState::Done })
    }

    fn counts(&self) -> Result<JobCounts, Failure> {
        Ok(JobCounts::default())
    }
}

fn spec() -> JobSpec {
    JobSpec {
        kind: "edit".into(),
        repository: "/r".into(),
        prompt: "add docstrings".into(),
        paths: vec!["src/**/*.py".into()],
        options: serde_json::json!({ "format": "whole" }),
        model: None,
        seed: 0,
        effort: None,
        priority: 3,
        schedule: Schedule::At(7),
        after: vec![JobId("0".into())],
        max_attempts: 2,
        timeout_ms: Some(1000),
        key: Some("k".into()),
        delivery: Delivery::Branch("docs".into()),
        origin: "cli".into(),
    }
}

fn server() -> (Server, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let services = Services { jobs: Some(Arc::clone(&memory) as Arc<dyn Jobs>), ..Services::default() };
    let model: Arc<dyn LanguageModel> = Arc::new(FakeModel::new([Reply::Text("hello".into())]));
    let make = move |_: &str| Ok(Arc::clone(&model));
    (Server::start_with(|socket| options(socket, Duration::from_secs(60)), services, make), memory)
}

fn progress(tokens: u64) -> JobHappening {
    JobHappening::Progress(JobProgress { stage: "writing".into(), fraction: None, tokens })
}

/// Protects every surface: what is asked about a job arrives as it was said, and a refusal keeps its kind and its hint.
#[test]
fn jobs_are_managed_over_the_socket() {
    let (server, _) = server();
    let mut client = server.client();
    let added = client.add_job(&spec()).expect("added");
    assert_eq!(added.job.spec, spec());
    let id = added.job.id.0;
    assert_eq!(client.job(&id).expect("there").result.expect("a result").diff, "the diff");
    let listed = client.jobs(&JobFilter::default()).expect("listed");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].result.as_ref().expect("a result").diff, "", "lists come without diffs");
    let filter = JobFilter { states: vec![JobState::Failed], ..JobFilter::default() };
    assert_eq!(client.jobs(&filter).expect("listed"), []);
    assert_eq!(client.pause_job(&id).expect("paused").state, JobState::Paused);
    assert_eq!(client.resume_job(&id).expect("resumed").state, JobState::Queued);
    assert_eq!(client.cancel_job(&id).expect("cancelled").state, JobState::Cancelled);
    assert_eq!(client.retry_job(&id).expect("again").state, JobState::Queued);
    assert_eq!(client.review_job(&id, &Decision::Reject).expect("rejected").state, JobState::Rejected);
    let events = client.events(&id, 2, 2).expect("events");
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(client.job_counts().expect("counted"), JobCounts::default());
    let missing = client.job("9").expect_err("no such job");
    assert!(matches!(&missing, CallError::Refused(Failure::Refused { reason: Refusal::NotFound, .. })), "{missing}");
    assert_eq!(missing.hint().as_deref(), Some("`deepcoder jobs list` shows them"));
    let nobody = client.watched().expect_err("nobody watches here");
    assert!(matches!(nobody, CallError::Refused(Failure::Refused { reason: Refusal::Unsupported, .. })));
}

/// Protects those who look on: 64 of them get every event of a job once and in order, whenever they came, those in the
/// middle of it included, and then the job; the ones who leave early disturb nobody.
#[test]
fn everybody_who_follows_sees_everything_once() {
    const EVENTS: u64 = 600;
    let (server, memory) = server();
    let id = server.client().add_job(&spec()).expect("added").job.id.0;
    (0..EVENTS / 3).for_each(|n| memory.happen(&id, progress(n)));
    thread::scope(|scope| {
        let followers: Vec<_> = (0..64)
            .map(|n| {
                let (server, id) = (&server, &id);
                scope.spawn(move || {
                    let mut client = server.client();
                    let (mut seen, cancel) = (Vec::new(), Cancel::new());
                    let job = client.follow(id, 0, &cancel, &mut |event| {
                        seen.push(event.seq);
                        if n % 5 == 0 && seen.len() == 250 {
                            cancel.cancel();
                        }
                    });
                    if n % 5 == 0 {
                        assert!(matches!(job, Err(CallError::Cancelled)), "{job:?}");
                    } else {
                        assert_eq!(job.expect("the job").state, JobState::Done);
                        assert_eq!(seen, (1..=EVENTS).collect::<Vec<_>>());
                    }
                })
            })
            .collect();
        for n in EVENTS / 3..EVENTS - 1 {
            memory.happen(&id, progress(n));
            thread::sleep(Duration::from_millis(1));
        }
        // Those who leave early do so before the end, however busy the machine is.
        let (leavers, others): (Vec<_>, Vec<_>) = followers.into_iter().enumerate().partition(|(n, _)| n % 5 == 0);
        leavers.into_iter().for_each(|(_, follower)| follower.join().expect("no panic"));
        memory.happen(&id, JobHappening::State { to: JobState::Done, reason: None });
        others.into_iter().for_each(|(_, follower)| follower.join().expect("no panic"));
    });
    let start = Instant::now();
    while server.client().status().expect("status").clients > 1 {
        assert!(start.elapsed() < Duration::from_secs(5), "clients that left are still counted");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Protects the editor: while the database hangs and everybody asks for jobs, the model still answers, and the calls
/// that waited are answered once it is back.
#[test]
fn a_database_that_hangs_keeps_nobody_from_the_model() {
    let (server, memory) = server();
    let id = server.client().add_job(&spec()).expect("added").job.id.0;
    memory.stick(true);
    thread::scope(|scope| {
        let waiting: Vec<_> =
            (0..40).map(|_| scope.spawn(|| server.client().job(&id).expect("answered in the end"))).collect();
        let follower = scope.spawn(|| server.client().follow(&id, 0, &Cancel::new(), &mut |_| {}));
        thread::sleep(Duration::from_millis(50));
        let model = RemoteModel::new(&server.socket, "m").expect("a model");
        let generation = model.generate(&ask("x"), &Cancel::new(), &mut |_| {}).expect("an answer");
        assert_eq!(generation.text, "hello");
        memory.stick(false);
        waiting.into_iter().for_each(|call| assert_eq!(call.join().expect("no panic").id.0, id));
        memory.happen(&id, JobHappening::State { to: JobState::Done, reason: None });
        assert_eq!(follower.join().expect("no panic").expect("the job").state, JobState::Done);
    });
}

/// Protects everybody else from calls that never return: they are answered when their time is over, they take no place
/// from others, a client that left takes its calls along, and the status tells of the threads that hang.
#[test]
fn calls_that_hang_are_given_up() {
    let memory = Arc::new(Memory::default());
    let services = Services { jobs: Some(Arc::clone(&memory) as Arc<dyn Jobs>), ..Services::default() };
    let model: Arc<dyn LanguageModel> = Arc::new(FakeModel::new([]));
    let limit = Duration::from_millis(400);
    let short = move |socket: &Path| ServeOptions { call_limit: limit, ..options(socket, Duration::from_secs(60)) };
    let server = Server::start_with(short, services, move |_: &str| Ok(Arc::clone(&model)));
    let id = server.client().add_job(&spec()).expect("added").job.id.0;
    memory.stick(true);
    // More than there is room for, from more clients than have room.
    let told: Vec<CallError> = thread::scope(|scope| {
        let calls: Vec<_> = (0..20).map(|_| scope.spawn(|| server.client().job(&id).expect_err("hung"))).collect();
        calls.into_iter().map(|call| call.join().expect("no panic")).collect()
    });
    assert!(told.iter().all(|e| matches!(e, CallError::Refused(Failure::Busy(_)))), "{told:?}");
    let counts = server.client().job_counts().expect("what does not hang is answered");
    assert_eq!(counts, JobCounts::default());
    let hung = server.client().status().expect("status").hung;
    assert!((16..=20).contains(&hung), "{hung}");
    // One client asks for far more than its share and leaves: no one waits for its calls.
    let mut greedy = server.raw();
    greedy.get_mut().write_all(HELLO).expect("sent");
    for n in 2..40 {
        let ask = format!("{{\"id\":{n},\"do\":{{\"jobs\":{{\"get\":{{\"id\":\"{id}\"}}}}}}}}\n");
        greedy.get_mut().write_all(ask.as_bytes()).expect("sent");
    }
    server.client().job_counts().expect("answered beside it");
    drop(greedy);
    memory.stick(false);
    let start = Instant::now();
    while server.client().status().expect("status").hung > 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "threads that came back are still counted");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(server.client().job(&id).expect("answered again").id.0, id);
}

/// Protects the shutdown: those who follow are told, and the server ends at once.
#[test]
fn followers_are_told_that_the_daemon_ends() {
    let (server, _) = server();
    let id = server.client().add_job(&spec()).expect("added").job.id.0;
    thread::scope(|scope| {
        let follower = scope.spawn(|| server.client().follow(&id, 0, &Cancel::new(), &mut |_| {}));
        thread::sleep(Duration::from_millis(50));
        server.client().stop().expect("stopped");
        let told = follower.join().expect("no panic").expect_err("no job");
        assert!(matches!(told, CallError::Refused(Failure::Stopping) | CallError::Lost(_)), "{told}");
    });
}
