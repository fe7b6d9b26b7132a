//! A place to run commands in: a home of its own, an environment of its own, and a repository.

use deepcoder_cli::{Environment, Interrupt};
use deepcoder_profile::Vars;
use deepcoder_test_support::TestRepo;
use std::ffi::OsString;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

pub(crate) struct Workbench {
    pub(crate) repo: TestRepo,
    home: tempfile::TempDir,
}

impl Workbench {
    /// With a repository that holds `files`.
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        // A script has one answer for each edit.
        std::fs::write(home.path().join("config.toml"), "effort = \"quick\"\n").expect("settings");
        Self { repo: TestRepo::new(files), home }
    }

    /// The value of DEEPCODER_HOME.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home().join("run/deepcoder.sock")
    }

    fn vars(&self) -> Vec<(OsString, OsString)> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        vec![
            ("DEEPCODER_HOME".into(), self.home().into()),
            ("HOME".into(), self.home().into()),
            ("PATH".into(), path),
            // Whatever ONNX Runtime this machine has: these tests do without.
            ("ORT_DYLIB_PATH".into(), "/nowhere/libonnxruntime.so".into()),
        ]
    }

    /// The program itself, in the repository, with nothing on standard input.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deepcoder"));
        command.args(args).current_dir(self.repo.path()).env_clear().envs(self.vars()).stdin(Stdio::null());
        command
    }

    /// Run it, and write down what came back, with this machine's paths taken out.
    pub(crate) fn transcript(&self, args: &[&str]) -> String {
        self.describe(args, &self.command(args).output().expect("it runs"))
    }

    /// The same with `input` on standard input.
    pub(crate) fn transcript_with_input(&self, args: &[&str], input: &str) -> String {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("piped");
        // A command that does not read its input closes it.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        self.describe(args, &child.wait_with_output().expect("it ends"))
    }

    fn describe(&self, args: &[&str], output: &Output) -> String {
        let code = output.status.code().map_or_else(|| "a signal".into(), |code| code.to_string());
        let mut text = format!("$ deepcoder {}\nexit code: {code}\n", args.join(" "));
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                text.push_str(&format!("--- {name}\n{}", String::from_utf8_lossy(bytes)));
            }
        }
        self.anonymous(&text)
    }

    /// `text` without the paths of this machine.
    pub(crate) fn anonymous(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (path, name) in [(self.repo.path(), "[REPO]"), (self.home(), "[HOME]")] {
            let real = path.canonicalize().expect("it exists");
            text = text.replace(&*real.to_string_lossy(), name).replace(&*path.to_string_lossy(), name);
        }
        // Each task has an id of its own.
        let id = text
            .split_once("deepcoder tasks review ")
            .filter(|(_, after)| after.starts_with(|c: char| c.is_ascii_hexdigit()));
        if let Some((before, after)) = id {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            text = format!("{before}deepcoder tasks review [TASK]{rest}");
        }
        text
    }

    /// Run in this process as if on a terminal where the user types `input`; returns the exit code and both streams.
    pub(crate) fn on_terminal(&self, args: &[&str], input: &str) -> (u8, String, String) {
        let (out, err) = (Shared::default(), Shared::default());
        let environment = Environment {
            args: std::iter::once("deepcoder").chain(args.iter().copied()).map(OsString::from).collect(),
            vars: Vars::new(self.vars().into_iter().chain([("TERM".into(), "dumb".into())])),
            cwd: self.repo.path().to_owned(),
            executable: PathBuf::from(env!("CARGO_BIN_EXE_deepcoder")),
            stdin: Box::new(Cursor::new(input.to_owned())),
            stdin_is_terminal: true,
            stdin_is_piped: false,
            stdout: Box::new(out.clone()),
            stdout_is_terminal: true,
            stderr: Box::new(err.clone()),
            stderr_is_terminal: true,
            now_ms: Box::new(|| 1_700_000_000_000),
            interrupt: Interrupt::default(),
        };
        let code = deepcoder_cli::run(environment);
        (code, out.text(), self.anonymous(&err.text()))
    }
}

/// A stream that a test reads afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8")
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
