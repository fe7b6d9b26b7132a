//! Tasks over the socket: every operation arrives, a follower gets every event once, and neither a client that leaves nor
//! one that reads slowly matters to the task.

use super::*;
use deepcoder_protocol::client::{CallError, RemoteTasks, running};
use deepcoder_protocol::wire::Refusal;
use deepcoder_protocol::{Models, Tasks};
use deepcoder_types::{Decision, Delivery, Event, JobState, RepoPath, Request, Task, TaskEvent};
use std::sync::Condvar;

/// Tasks in memory. They do nothing by themselves: the test moves them.
#[derive(Default)]
struct Memory {
    tasks: Mutex<Vec<(Task, Vec<TaskEvent>)>>,
    changed: Condvar,
    models: Mutex<Option<Arc<dyn Models>>>,
    /// Follows that go on.
    followers: AtomicUsize,
    stopped: AtomicBool,
}

impl Memory {
    fn with<T>(&self, id: &str, act: impl FnOnce(&mut Task, &mut Vec<TaskEvent>) -> T) -> Result<T, Failure> {
        let mut tasks = self.tasks.lock().expect("lock");
        let found = tasks.iter_mut().find(|(task, _)| task.id.starts_with(id));
        let missing =
            || Failure::Refused { reason: Refusal::NotFound, message: format!("there is no task `{id}`"), hint: None };
        let (task, events) = found.ok_or_else(missing)?;
        let result = act(task, events);
        task.events = events.len() as u64;
        self.changed.notify_all();
        Ok(result)
    }

    fn happen(&self, id: &str, text: &str) {
        let event = Event::Token(text.into());
        self.with(id, |_, events| events.push(TaskEvent { seq: events.len() as u64 + 1, event })).expect("the task");
    }

    fn to(&self, id: &str, state: JobState) -> Result<Task, Failure> {
        self.with(id, |task, _| {
            task.state = state;
            task.clone()
        })
    }
}

impl Tasks for Memory {
    fn start(&self, models: Arc<dyn Models>) -> Result<(), Failure> {
        *self.models.lock().expect("lock") = Some(models);
        Ok(())
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    fn submit(&self, request: Request) -> Result<Task, Failure> {
        assert_ne!(request.verb, "panic", "as asked");
        let mut tasks = self.tasks.lock().expect("lock");
        let (id, state) = (format!("{:04}", tasks.len()), JobState::Running);
        let (repository, created_ms) = (Some(request.directory.clone()), 1);
        let (finished_ms, events, result, failure) = (None, 0, None, None);
        let task = Task { id, request, repository, state, created_ms, finished_ms, events, result, failure };
        tasks.push((task.clone(), Vec::new()));
        Ok(task)
    }

    fn list(&self, repository: Option<&Path>) -> Result<Vec<Task>, Failure> {
        let tasks = self.tasks.lock().expect("lock");
        let listed = |task: &&Task| repository.is_none_or(|root| task.repository.as_deref() == Some(root));
        Ok(tasks.iter().rev().map(|(task, _)| task).filter(listed).cloned().collect())
    }

    fn get(&self, id: &str) -> Result<Task, Failure> {
        self.with(id, |task, _| task.clone())
    }

    fn follow(
        &self,
        id: &str,
        after: u64,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(TaskEvent),
    ) -> Result<Task, Failure> {
        self.get(id)?;
        self.followers.fetch_add(1, Ordering::SeqCst);
        let mut seen = usize::try_from(after).expect("few");
        let mut tasks = self.tasks.lock().expect("lock");
        let result = loop {
            let (task, events) = tasks.iter().find(|(task, _)| task.id.starts_with(id)).cloned().expect("the task");
            drop(tasks);
            events[seen..].iter().cloned().for_each(&mut *on_event);
            seen = events.len();
            if cancel.is_cancelled() {
                break Err(Failure::Cancelled);
            }
            if task.state != JobState::Running {
                break Ok(task);
            }
            tasks = self.tasks.lock().expect("lock");
            tasks = self.changed.wait_timeout(tasks, Duration::from_millis(5)).expect("lock").0;
        };
        self.followers.fetch_sub(1, Ordering::SeqCst);
        result
    }

    fn cancel(&self, id: &str) -> Result<Task, Failure> {
        self.to(id, JobState::Cancelled)
    }

    fn decide(&self, id: &str, decision: &Decision) -> Result<Task, Failure> {
        self.to(id, if *decision == Decision::Reject { JobState::Rejected } else { JobState::Done })
    }

    fn text(&self, id: &str, path: &RepoPath) -> Result<Option<String>, Failure> {
        self.with(id, |task, _| task.request.buffers.get(path.as_str()).cloned())
    }

    fn content(&self, id: &str) -> Result<Vec<u8>, Failure> {
        self.with(id, |task, _| [b"\0\xff", task.id.as_bytes()].concat())
    }

    fn forget(&self, id: &str) -> Result<(), Failure> {
        self.get(id)?;
        self.tasks.lock().expect("lock").retain(|(task, _)| !task.id.starts_with(id));
        Ok(())
    }
}

fn server() -> (Arc<Memory>, Server) {
    let memory = Arc::new(Memory::default());
    let services = Services { tasks: Some(Arc::clone(&memory) as _), ..Services::default() };
    let model: Arc<dyn LanguageModel> = Arc::new(FakeModel::saying(["as a user"]));
    let options = |socket: &Path| ServeOptions { model: "m".into(), ..options(socket, Duration::from_secs(60)) };
    let server = Server::start_with(options, services, move |_| Ok(Arc::clone(&model)));
    (memory, server)
}

fn edit() -> Request {
    let buffers = [("a.py".to_owned(), "x = 1\n".to_owned())].into();
    let (verb, directory, delivery) = ("edit".into(), "/home/me/p".into(), Delivery::Apply);
    Request { verb, directory, delivery, buffers, prompt: "add docstrings".into(), ..Request::default() }
}

/// Protects every surface: through the socket the tasks are what they are in the process, call by call.
#[test]
fn remote_tasks_are_like_local_ones() {
    let (memory, server) = server();
    let remote = RemoteTasks::new(&server.socket);
    let task = remote.submit(edit()).expect("submitted");
    assert_eq!(task.request, edit());
    assert_eq!(remote.get("00"), memory.get("00"));
    assert_eq!(remote.list(None), memory.list(None));
    assert_eq!(remote.list(Some(Path::new("/home/me/p"))).expect("a list").len(), 1);
    assert_eq!(remote.list(Some(Path::new("/home/me/q"))), Ok(Vec::new()));
    assert_eq!(remote.content(&task.id), memory.content(&task.id));
    assert_eq!(remote.running(), 1);
    let path = |text: &str| RepoPath::new(text).expect("a path");
    assert_eq!(remote.text(&task.id, &path("a.py")), Ok(Some("x = 1\n".into())));
    assert_eq!(remote.text(&task.id, &path("b.py")), Ok(None));
    memory.happen("0", "one");
    memory.to("0", JobState::Review).expect("moved");
    let mut seen = Vec::new();
    let followed = remote.follow(&task.id, 0, &Cancel::new(), &mut |event| seen.push(event)).expect("followed");
    assert_eq!((followed.state, seen.len()), (JobState::Review, 1));
    let none = remote.follow(&task.id, 1, &Cancel::new(), &mut |_| panic!("seen already"));
    assert_eq!(none.expect("followed").events, 1);
    assert_eq!(remote.decide(&task.id, &Decision::Reject).expect("decided").state, JobState::Rejected);
    assert_eq!(remote.cancel(&task.id).expect("cancelled").state, JobState::Cancelled);
    assert_eq!(remote.forget(&task.id), Ok(()));
    assert_eq!(remote.get(&task.id), memory.get(&task.id));
    assert!(matches!(remote.get(&task.id), Err(Failure::Refused { reason: Refusal::NotFound, .. })));
    // A panic costs the one who asked.
    let failure = remote.submit(Request { verb: "panic".into(), ..edit() }).expect_err("it panicked");
    assert!(matches!(failure, Failure::Refused { reason: Refusal::Storage, .. }), "{failure:?}");
}

/// Protects users who close their terminal: a client that goes away ends its follow, and neither the task nor another
/// follower, which gets every event once.
#[test]
fn a_task_survives_its_client() {
    let (memory, server) = server();
    let task = server.client().submit(&edit()).expect("submitted");
    let mut leaver = server.raw();
    leaver.get_mut().write_all(HELLO).expect("sent");
    leaver
        .get_mut()
        .write_all(b"{\"id\":2,\"do\":{\"task\":{\"follow\":{\"id\":\"0\",\"after\":0}}}}\n")
        .expect("sent");
    memory.happen("0", "one");
    line(&mut leaver);
    assert!(line(&mut leaver).contains("\"one\""));
    drop(leaver);
    eventually("its follow has ended", || memory.followers.load(Ordering::SeqCst) == 0);
    assert_eq!(memory.get("0").expect("the task").state, JobState::Running);
    thread::scope(|scope| {
        let following = scope.spawn(|| {
            let (mut seen, remote) = (Vec::new(), RemoteTasks::new(&server.socket));
            let task = remote.follow(&task.id, 0, &Cancel::new(), &mut |event| seen.push(event.seq));
            (task.expect("followed").state, seen)
        });
        eventually("it follows", || memory.followers.load(Ordering::SeqCst) == 1);
        (2..=6000).for_each(|_| memory.happen("0", "more"));
        memory.to("0", JobState::Done).expect("moved");
        let (state, seen) = following.join().expect("no panic");
        assert_eq!((state, seen), (JobState::Done, (1..=6000).collect::<Vec<u64>>()));
    });
}

/// Protects the user's patience: a follower that cancels goes on at once, and so does one whose daemon ends.
#[test]
fn a_follow_ends_when_it_is_asked_to() {
    let (memory, server) = server();
    let task = server.client().submit(&edit()).expect("submitted");
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let following = scope.spawn(|| server.client().follow_task(&task.id, 0, &cancel, &mut |_| {}));
        eventually("it follows", || memory.followers.load(Ordering::SeqCst) == 1);
        cancel.cancel();
        assert!(matches!(following.join().expect("no panic"), Err(CallError::Cancelled)));
        eventually("it has ended", || memory.followers.load(Ordering::SeqCst) == 0);
        let following = scope.spawn(|| server.client().follow_task(&task.id, 0, &Cancel::new(), &mut |_| {}));
        eventually("it follows", || memory.followers.load(Ordering::SeqCst) == 1);
        server.client().stop().expect("stopped");
        let ended = following.join().expect("no panic");
        assert!(matches!(ended, Err(CallError::Refused(Failure::Stopping))), "{ended:?}");
    });
    eventually("the tasks are told", || memory.stopped.load(Ordering::SeqCst));
}

/// Protects a user's running task from an upgrade: the daemon says that it is busy, does not end when it is asked to end
/// if it is idle, and ends once the task is over.
#[test]
fn a_daemon_with_a_task_is_busy() {
    let (memory, server) = server();
    server.client().submit(&edit()).expect("submitted");
    let client = running(&server.socket, "another build").expect("no error").expect("it is used");
    assert!(client.server().busy);
    let mut raw = server.raw();
    raw.get_mut().write_all(HELLO).expect("sent");
    raw.get_mut().write_all(b"{\"id\":2,\"do\":\"stop-if-idle\"}\n").expect("sent");
    line(&mut raw);
    assert!(line(&mut raw).contains("\"busy\""));
    assert_eq!(server.client().status().expect("status").tasks, 1);
    memory.to("0", JobState::Done).expect("moved");
    assert!(running(&server.socket, "another build").expect("no error").is_none());
    eventually("the server ends", || matches!(Client::connect(&server.socket), Err(ConnectError::NotRunning { .. })));
}

/// Protects tasks from the background: the model that they get works for a user.
#[test]
fn tasks_get_a_model_for_users() {
    let (memory, server) = server();
    let models = memory.models.lock().expect("lock").clone().expect("started");
    let model = models.interactive(None, &Cancel::new()).expect("a model");
    let generation = model.generate(&ask("hi"), &Cancel::new(), &mut |_| {}).expect("generated");
    assert_eq!((generation.text.as_str(), model.count_tokens("a b")), ("as a user", Ok(2)));
    let status = server.client().status().expect("status");
    assert_eq!((status.model.as_deref(), status.background_queued), (Some("m"), 0));
}

/// Protects callers from waiting: a daemon without tasks says so.
#[test]
fn a_daemon_without_tasks_says_so() {
    let server = Server::with(FakeModel::saying(["hello"]));
    let failure = RemoteTasks::new(&server.socket).submit(edit()).expect_err("no tasks");
    assert!(matches!(failure, Failure::Refused { reason: Refusal::Unsupported, .. }), "{failure:?}");
}
