//! Running git. Its own commands are used, and not a library, because an index may be split, sparse, of another hash or
//! a lock file, and the git that made it reads it best.

use deepcoder_git::process::{self, Pipes, Started};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Git did not do as it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("git {command} failed: {message}")]
pub struct GitError {
    /// Its arguments.
    pub command: String,
    /// Its message.
    pub message: String,
}

impl deepcoder_types::Hint for GitError {
    fn hint(&self) -> Option<String> {
        self.message.contains("No such file").then(|| "is git installed, and on the PATH?".into())
    }
}

/// A place where git runs.
#[derive(Debug, Clone)]
pub(crate) struct Git(deepcoder_git::Git);

impl Git {
    /// In the folder `cwd`; `in_hook` when git itself called us there.
    pub(crate) fn new(cwd: &Path, in_hook: bool) -> Self {
        Self(deepcoder_git::Git::new(cwd).in_hook(in_hook))
    }

    /// The same with another index.
    pub(crate) fn with_index(&self, index: &Path) -> Self {
        Self(self.0.clone().with_index(index))
    }

    /// The same in another folder.
    pub(crate) fn at(&self, cwd: &Path) -> Self {
        Self(self.0.at(cwd))
    }

    /// A command that nothing of the user's configuration can make run programs.
    fn command(&self, args: &[&OsStr]) -> Command {
        let mut command = self.0.quiet();
        command.args(["--literal-pathspecs", "-c", "core.fsync=objects,reference"]);
        command.args(args);
        command
    }

    /// Run it; what it prints.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, GitError> {
        self.run_with(args, &[])
    }

    /// Run it with `input` on its standard input.
    pub(crate) fn run_with<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Vec<u8>, GitError> {
        let args: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        let ran = deepcoder_git::run(self.command(&args), input, &deepcoder_types::Cancel::new());
        let output = ran.map_err(|e| error(&args, &e.to_string()))?;
        if output.status.success() { Ok(output.out) } else { Err(error(&args, &output.reason())) }
    }

    /// Run it; the first line that it prints, and nothing when it fails.
    pub(crate) fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Option<String> {
        self.run(args).ok().map(|out| line(&out))
    }

    /// A value of the configuration as git itself sees it, with the scope that it is from.
    pub(crate) fn config(&self, key: &str) -> Option<(String, OsString)> {
        // Without our own `-c`, which would be an answer.
        let mut command = self.0.command();
        command.args(["config", "--null", "--show-scope", "--type=path", "--get", key]);
        let out = deepcoder_git::run(command, b"", &deepcoder_types::Cancel::new()).ok()?.out;
        let mut parts = out.split(|b| *b == 0);
        let scope = String::from_utf8_lossy(parts.next()?).into_owned();
        Some((scope, os(parts.next()?)))
    }

    /// Write `bytes` as a blob, without filters; its name.
    pub(crate) fn write_blob(&self, bytes: &[u8]) -> Result<String, GitError> {
        self.run_with(&["hash-object", "-w", "--no-filters", "--stdin"], bytes).map(|out| line(&out))
    }

    /// The bytes that checking out the blob `id` as `path` would write.
    pub(crate) fn smudged(&self, id: &str, path: &str) -> Result<Vec<u8>, GitError> {
        self.run(&["cat-file", "--filters", &format!("--path={path}"), id])
    }

    /// A reader of objects.
    pub(crate) fn blobs(&self) -> Result<Blobs, GitError> {
        let args = ["cat-file", "--batch"].map(OsStr::new);
        let mut command = self.command(&args);
        command.stderr(Stdio::null());
        let failed = |message: &str| error(&args, message);
        let pipes = Pipes { stderr: false, ..Pipes::ALL };
        let Started { child, stdin, stdout, .. } =
            process::start(command, pipes).map_err(|e| failed(&e.to_string()))?;
        match stdin.zip(stdout) {
            Some((input, output)) => Ok(Blobs { child, input: Some(input), output: BufReader::new(output) }),
            None => Err(failed("it has no pipes")),
        }
    }
}

/// `git cat-file --batch`: one process for any number of objects.
pub(crate) struct Blobs {
    child: Child,
    input: Option<PipeWriter>,
    output: BufReader<PipeReader>,
}

impl Blobs {
    /// The bytes of the object `name`; `None` when there is no such object, or when it is longer than `most`.
    pub(crate) fn read(&mut self, name: &str, most: u64) -> Result<Option<Vec<u8>>, GitError> {
        self.try_read(name, most).map_err(|e| error(&[OsStr::new("cat-file")], &e.to_string()))
    }

    fn try_read(&mut self, name: &str, most: u64) -> std::io::Result<Option<Vec<u8>>> {
        // A name with a line end cannot be asked for this way.
        let Some(input) = self.input.as_mut().filter(|_| !name.contains('\n')) else { return Ok(None) };
        input.write_all(format!("{name}\n").as_bytes())?;
        input.flush()?;
        let mut header = Vec::new();
        self.output.read_until(b'\n', &mut header)?;
        let header = String::from_utf8_lossy(&header).into_owned();
        let mut words = header.trim_end().rsplit(' ');
        let (size, kind) = (words.next().and_then(|size| size.parse::<u64>().ok()), words.next());
        let Some(size) = size else { return Ok(None) };
        // The line end after the object.
        let mut rest = (&mut self.output).take(size + 1);
        if size > most || kind != Some("blob") {
            std::io::copy(&mut rest, &mut std::io::sink())?;
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size + 1).unwrap_or(0));
        rest.read_to_end(&mut bytes)?;
        if bytes.len() as u64 != size + 1 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.pop();
        Ok(Some(bytes))
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Text of git's as a file name.
pub(crate) fn os(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(bytes.to_vec())
}

/// The first line of `out`.
pub(crate) fn line(out: &[u8]) -> String {
    String::from_utf8_lossy(out).lines().next().unwrap_or_default().to_owned()
}

fn error(args: &[&OsStr], message: &str) -> GitError {
    let verb = args.first().map(|verb| verb.to_string_lossy().into_owned()).unwrap_or_default();
    GitError { command: verb, message: message.to_owned() }
}
