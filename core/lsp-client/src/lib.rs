//! Language servers as a second source for what names mean: pyright, typescript-language-server, rust-analyzer, gopls, jdtls,
//! clangd.
//!
//! [`Servers`] finds the server of a language on the path or where the user's settings say, starts it in the sandbox, asks
//! it for the declarations of names (`talk`, over `wire`), and ends it. Its answer is about places of the tree; `resolve`
//! decides what it counts for.
//!
//! **Invariant:** a server has no network, writes into a scratch folder only, and costs at most its deadline: one that hangs,
//! crashes or answers with nonsense has said nothing. **Invariant:** no program of the repository is started.

mod find;
mod talk;
#[cfg(test)]
mod tests;
mod wire;

pub use find::Configured;

use deepcoder_checks::Machine;
use deepcoder_pipeline::NameServers;
use deepcoder_syntax::Language;
use deepcoder_types::{Cancel, NameAnswer, NameQuestion, RepoPath};
use deepcoder_verify::sandbox::{self, Limits, Profile, Sandboxed, Scratch};
use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a server may take, from its start to its last answer.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Servers reserve much more address space than they use.
const ADDRESS_SPACE: u64 = 1 << 40;

/// What a server may write to its scratch folder.
const SCRATCH: u64 = 2 << 30;

/// The language servers of this machine, for one tree.
#[derive(Debug, Clone)]
pub struct Servers {
    root: PathBuf,
    machine: Machine,
    configured: Configured,
    scratch: PathBuf,
    deadline: Duration,
}

impl Servers {
    /// For the tree at `root`, with the programs of `machine`. Scratch folders are made in `scratch`.
    #[must_use]
    pub fn new(root: &Path, machine: Machine, configured: Configured, scratch: &Path) -> Self {
        Self { root: root.to_owned(), machine, configured, scratch: scratch.to_owned(), deadline: DEADLINE }
    }

    /// With another deadline.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Starts a server and talks with it.
    fn converse(&self, program: &Sandboxed, asked: &talk::Asked<'_>, cancel: &Cancel) -> Option<talk::Answers> {
        create(&self.scratch).ok()?;
        _ = sandbox::sweep(&self.scratch);
        let scratch = Scratch::new_in(&self.scratch).ok()?;
        let mut answers = talk::Answers::new(asked.count());
        let program = Sandboxed { scratch: scratch.path().to_owned(), ..program.clone() };
        let ended = sandbox::talk(&program, cancel, |input, output| {
            // An error is the end of the conversation: the answers before it count.
            _ = talk::talk(asked, input, output, &mut answers);
        });
        ended.ok().map(|_| answers)
    }

    /// What runs the server `program` with these arguments.
    fn sandboxed(&self, program: &Path, arguments: &[String], wall: Duration) -> Sandboxed {
        let argv = std::iter::once(program.as_os_str().to_owned()).chain(arguments.iter().map(OsString::from));
        let mut sandboxed = Sandboxed::new(argv, &self.scratch);
        sandboxed.cwd.clone_from(&self.root);
        sandboxed.readable = self.machine.readable(program, &[]);
        sandboxed.readable.extend(find::installation(program));
        sandboxed.readable.push(self.root.clone());
        sandboxed.env = self.machine.variables();
        if let Ok(path) = std::env::join_paths(&self.machine.path) {
            sandboxed.env.push(("PATH".into(), path));
        }
        // What a server would otherwise try to fetch.
        sandboxed.env.extend(
            [("CARGO_NET_OFFLINE", "true"), ("GOPROXY", "off"), ("GOFLAGS", "-mod=mod")]
                .map(|(k, v)| (k.into(), v.into())),
        );
        sandboxed.profile = Profile::Toolchain;
        sandboxed.limits = Limits {
            wall,
            cpu_seconds: self.deadline.as_secs().saturating_mul(8).max(1),
            memory_bytes: ADDRESS_SPACE,
            file_bytes: SCRATCH,
            scratch_bytes: SCRATCH,
            open_files: 8192,
            processes: 256,
            output_bytes: 1 << 16,
        };
        sandboxed.require_confinement = true;
        sandboxed
    }
}

/// The folder that scratch folders are made in, which no other user can read.
fn create(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

impl NameServers for Servers {
    fn ask(
        &self,
        question: &NameQuestion,
        text: &(dyn Fn(&RepoPath) -> Option<String> + Sync),
        cancel: &Cancel,
    ) -> Option<NameAnswer> {
        let first = question.doubtful.first()?;
        let language = Language::program(&first.path)?;
        let asked = talk::Asked::new(&self.root, question, text);
        let begun = Instant::now();
        // One that cannot work here (of another version than its tools) says so at once.
        find::servers(language, &self.configured, &self.machine).into_iter().find_map(|(program, arguments)| {
            let left = self.deadline.checked_sub(begun.elapsed())?;
            let name = program.file_name().and_then(|name| name.to_str()).unwrap_or("language server").to_owned();
            let answers = self.converse(&self.sandboxed(&program, &arguments, left), &asked, cancel)?;
            answers.told().then(|| answers.answer(name, &asked))
        })
    }
}
