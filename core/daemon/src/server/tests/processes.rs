//! Servers in processes of their own, which can be killed.

use super::*;

/// Not a test: the server that the next test kills.
#[test]
#[ignore = "started by killed_in_the_middle"]
fn child_server() {
    #[expect(clippy::disallowed_methods, reason = "how a test talks to its child")]
    let socket = std::env::var_os("DEEPCODER_TEST_SOCKET").expect("set by the parent");
    let loader = Loader {
        make: Box::new(|_| Ok(Arc::new(Chatterbox::new(Duration::from_millis(1))) as Arc<dyn LanguageModel>)),
        loads: AtomicUsize::new(0),
    };
    // "Never" must not overflow the clock.
    let options = ServeOptions { idle: Duration::MAX, ..ServeOptions::new(Path::new(&socket)) };
    serve(&options, Arc::new(loader), Services::default(), &Cancel::new()).expect("served");
}

fn start_child(socket: &Path) -> std::process::Child {
    let exe = std::env::current_exe().expect("test binary");
    let mut command = std::process::Command::new(exe);
    command
        .args(["--exact", "server::tests::processes::child_server", "--ignored"])
        .env("DEEPCODER_TEST_SOCKET", socket);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = None;
    let mut spawn = || {
        child = Some(command.spawn()?);
        Ok(None)
    };
    drop(ensure(socket, &mut spawn, Duration::from_secs(20)).expect("started"));
    child.expect("it was not running")
}

/// Protects `kill` and the end of a session: SIGTERM in the middle of an answer is a typed error for the client, and the
/// server ends cleanly, without its socket.
#[test]
fn sigterm_ends_cleanly() {
    let dir = tempfile::tempdir().expect("dir");
    let socket = dir.path().join("run/daemon.sock");
    let mut child = start_child(&socket);
    let pid = rustix::process::Pid::from_child(&child);
    let mut client = Client::connect(&socket).expect("connected");
    let error = client.generate("c", &ask(""), &Cancel::new(), &mut |_| {
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signalled");
    });
    assert_eq!(error, Err(Failure::Stopping.into()));
    assert!(child.wait().expect("reaped").success());
    assert!(!socket.exists());
}

/// Protects against a crash: kill -9 in the middle of an answer is a typed error, and the stale socket is replaced.
#[test]
fn killed_in_the_middle() {
    let dir = tempfile::tempdir().expect("dir");
    let socket = dir.path().join("run/daemon.sock");
    let mut child = start_child(&socket);
    let remote = RemoteModel::new(&socket, "c").expect("model");
    let mut tokens = 0;
    let error = remote.generate(&ask(""), &Cancel::new(), &mut |_| {
        tokens += 1;
        if tokens == 5 {
            child.kill().expect("killed");
        }
    });
    assert!(matches!(error, Err(GenerateError::Unavailable(_))), "{error:?}");
    child.wait().expect("reaped");
    assert!(socket.exists(), "a killed server leaves its socket");
    // The next one takes its place, and the model object finds it by itself.
    let mut next = start_child(&socket);
    let cancel = Cancel::new();
    remote.generate(&ask(""), &cancel, &mut |_| cancel.cancel()).expect("served");
    assert!(stop(&socket).expect("stopped"));
    assert!(next.wait().expect("reaped").success());
}
