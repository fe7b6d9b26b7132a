//! The forms of a commit and the states of an index, made with git.

use super::{Files, Seen};
use crate::writer::Writer;
use deepcoder_hook::{HookType, Target};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a commit is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    All,
    Include,
    Only,
    Patch,
    Amend,
    Merge,
    CherryPick,
    Rebase,
    WorkTree,
    Submodule,
    GitDir,
    First,
}

pub(super) const FORMS: [Form; 13] = [
    Form::Plain,
    Form::All,
    Form::Include,
    Form::Only,
    Form::Patch,
    Form::Amend,
    Form::Merge,
    Form::CherryPick,
    Form::Rebase,
    Form::WorkTree,
    Form::Submodule,
    Form::GitDir,
    Form::First,
];

impl Form {
    pub(super) fn name(self) -> String {
        format!("{self:?}")
    }

    /// Whether a hook may fix there; in the others it only looks.
    pub(super) const fn is_fixed(self) -> bool {
        !matches!(self, Self::Merge | Self::CherryPick | Self::Rebase)
    }
}

/// What is staged, and what stands in the work tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// 0: to be fixed, 1: clean, 2: CRLF, 3: no line end at the end, 4: executable, with a second file.
    content: u8,
    /// 0: as staged, 1: with changes elsewhere, 2: with changes at the same line, 3: gone.
    tree: u8,
    /// A file that is not in the commit before.
    new: bool,
}

pub(super) const STATES: [State; 40] = {
    let mut all = [State { content: 0, tree: 0, new: false }; 40];
    let mut at = 0;
    while at < 40 {
        all[at] = State { content: (at % 5) as u8, tree: ((at / 5) % 4) as u8, new: at >= 20 };
        at += 1;
    }
    all
};

/// A repository where a commit is about to be made, which can be put back as often as needed.
pub(super) struct Stage {
    root: PathBuf,
    frozen: PathBuf,
    pub(super) form: Form,
    state: State,
}

const CONFIG: &str = "[[hook.action]]\nuse = \"trailing-space\"\n[[hook.action]]\nuse = \"final-newline\"\n";
const BASE: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
        let _ = fs::remove_dir_all(&self.frozen);
    }
}

impl Stage {
    pub(super) fn build(scratch: &Path, form: Form, state: State) -> Self {
        let stage = Self { root: scratch.join("r5"), frozen: scratch.join("r5-frozen"), form, state };
        let _ = fs::remove_dir_all(&stage.root);
        let _ = fs::remove_dir_all(&stage.frozen);
        let main = stage.root.join("main");
        fs::create_dir_all(&main).expect("a scene that can be set");
        git(&main, &["init", "-q", "-b", "main"]);
        identify(&main);
        stage.base(&main);
        match form {
            Form::First => {}
            _ => {
                commit_all(&main, "base");
                stage.base_again(&main);
            }
        }
        let work = stage.work();
        match form {
            Form::WorkTree => git(&main, &["worktree", "add", "-q", "-b", "linked", &work.to_string_lossy()]),
            Form::Submodule => {
                let outer = stage.root.join("outer");
                fs::create_dir_all(&outer).expect("a scene that can be set");
                git(&outer, &["init", "-q", "-b", "main"]);
                identify(&outer);
                let from = main.to_string_lossy().into_owned();
                git(&outer, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &from, "inner"]);
                identify(&work);
            }
            Form::Merge => conflict(&main, &["merge", "-q", "side"]),
            Form::CherryPick => conflict(&main, &["cherry-pick", "side"]),
            Form::Rebase => conflict(&main, &["rebase", "-q", "side"]),
            _ => {}
        }
        stage.change(&work);
        let target = stage.target();
        deepcoder_hook::install(&target, &std::env::current_exe().expect("a scene that can be set"))
            .expect("an installed hook");
        copy(&stage.root, &stage.frozen);
        stage
    }

    pub(super) fn name(&self) -> String {
        format!("{:?} of {:?}", self.form, self.state)
    }

    pub(super) fn dir(&self) -> &Path {
        self.frozen.parent().expect("a scene that can be set")
    }

    /// As it was built, at the same place, since work trees and submodules name theirs.
    pub(super) fn reset(&self) -> &Self {
        fs::remove_dir_all(&self.root).expect("a scene that can be set");
        copy(&self.frozen, &self.root);
        self
    }

    fn target(&self) -> Target {
        Target { cwd: self.work(), hook: HookType::PreCommit, global: false, state_dir: self.root.join("state") }
    }

    /// Where the commit is made.
    fn work(&self) -> PathBuf {
        self.root.join(match self.form {
            Form::WorkTree => "linked",
            Form::Submodule => "outer/inner",
            _ => "main",
        })
    }

    pub(super) fn index_lock(&self) -> PathBuf {
        let git_dir = git_out(&self.work(), &["rev-parse", "--absolute-git-dir"]);
        PathBuf::from(git_dir.trim()).join("index.lock")
    }

    /// Let the program remove what a killed hook left.
    pub(super) fn sweep(&self) -> Result<(), String> {
        deepcoder_hook::status(&self.work(), &self.root.join("state")).map(drop).map_err(|e| e.to_string())
    }

    fn base(&self, main: &Path) {
        write(main, "deepcoder.toml", CONFIG);
        write(main, ".gitignore", "ignored\n");
        write(main, "other.txt", "other\n");
        write(main, "m.txt", "m\n");
        if !self.state.new && self.form != Form::First {
            let eol = if self.state.content == 2 { "\r\n" } else { "\n" };
            write(main, "dir/f.txt", &BASE.replace('\n', eol));
            write(main, "second.txt", "second\n");
        }
    }

    /// Two lines of history that cannot be merged by git alone, for the forms that need them.
    fn base_again(&self, main: &Path) {
        write(main, "m.txt", "main\n");
        commit_all(main, "main");
        git(main, &["checkout", "-q", "-b", "side", "HEAD~1"]);
        write(main, "m.txt", "side\n");
        commit_all(main, "side");
        git(main, &["checkout", "-q", "main"]);
    }

    /// Stage something, and go on in the work tree.
    fn change(&self, work: &Path) {
        let State { content, tree, .. } = self.state;
        let eol = if content == 2 { "\r\n" } else { "\n" };
        let line = if content == 1 { "clean" } else { "dirty " };
        let mut staged = BASE.replace("two", line).replace('\n', eol);
        if content == 3 {
            staged.push_str("no end");
        }
        write(work, "dir/f.txt", &staged);
        git(work, &["add", "dir/f.txt"]);
        if content == 4 {
            git(work, &["update-index", "--chmod=+x", "dir/f.txt"]);
            write(work, "second.txt", "second\ndirty \n");
            git(work, &["add", "second.txt"]);
        }
        match tree {
            0 => {}
            1 => write(work, "dir/f.txt", &staged.replace("six", "six  mine ")),
            2 => write(work, "dir/f.txt", &staged.replace(&format!("{line}{eol}"), &format!("mine {eol}"))),
            _ => fs::remove_file(work.join("dir/f.txt")).expect("a scene that can be set"),
        }
        if self.form == Form::First {
            git(work, &["add", "deepcoder.toml", "m.txt"]);
        } else {
            write(work, "other.txt", "other\nnot staged  \n");
        }
        write(work, "notes.txt", "nobody's  \n");
        write(work, "ignored", "nor this  \n");
    }

    /// Make the commit; whether git made one.
    pub(super) fn commit(&self, hook: Option<Writer>, die_at: usize, steps: &str) -> bool {
        let work = self.work();
        let (cwd, mut args): (&Path, Vec<String>) = match self.form {
            Form::GitDir => {
                let git_dir = format!("--git-dir={}", work.join(".git").display());
                (&self.root, vec![git_dir, format!("--work-tree={}", work.display())])
            }
            _ => (&work, Vec::new()),
        };
        args.extend(["commit", "-q", "-m", "x"].map(str::to_owned));
        if hook.is_none() {
            args.push("--no-verify".into());
        }
        let more: &[&str] = match self.form {
            Form::All => &["-a"],
            Form::Include => &["-i", "dir/f.txt"],
            Form::Only => &["--", "dir/f.txt"],
            Form::Patch => &["-p"],
            Form::Amend => &["--amend"],
            _ => &[],
        };
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        let mut command = command(cwd);
        let plain = hook == Some(Writer::Plain);
        command.args(args).env("TORTURE_STATE", self.root.join("state")).env("TORTURE_DIE_AT", die_at.to_string());
        command.env("TORTURE_STEPS", steps).env("TORTURE_PLAIN", if plain { "1" } else { "" });
        let mut child = command.stdin(Stdio::piped()).spawn().expect("a scene that can be set");
        // The first piece, and no other; only one form asks.
        let _ = child.stdin.take().expect("a scene that can be set").write_all(b"y\nd\nd\nd\nd\n");
        child.wait().expect("a scene that can be set").success()
    }

    pub(super) fn see(&self) -> Seen {
        let work = self.work();
        let head = git_try(&work, &["rev-parse", "-q", "--verify", "HEAD"]);
        let (mut committed, mut staged, mut files) = (Files::new(), Files::new(), Files::new());
        let list = git_try(&work, &["ls-tree", "-r", "-z", "HEAD"]);
        for (blob, path) in list.split('\0').filter_map(|line| line.split_once('\t')) {
            let id = blob.split(' ').nth(2).unwrap_or_default();
            committed.insert(path.to_owned(), git_bytes(&work, &["cat-file", "-p", id]));
        }
        let list = git_try(&work, &["ls-files", "-s", "-z"]);
        for (blob, path) in list.split('\0').filter_map(|line| line.split_once('\t')) {
            let mode = blob.split(' ').next().unwrap_or_default();
            let id = blob.split(' ').nth(1).unwrap_or_default();
            // The mode counts as well.
            let mut bytes = format!("{mode}\n").into_bytes();
            bytes.extend(git_bytes(&work, &["cat-file", "-p", id]));
            staged.insert(path.to_owned(), bytes);
        }
        collect(&work, &work, &mut files);
        Seen { head, committed, staged, files }
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).expect("a scene that can be set") {
        let path = entry.expect("a scene that can be set").path();
        if path.file_name().is_some_and(|name| name == ".git") {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("a scene that can be set").to_string_lossy().into_owned();
            files.insert(name, fs::read(&path).expect("a scene that can be set"));
        }
    }
}

/// Begin what ends in a conflict, and settle that.
fn conflict(main: &Path, args: &[&str]) {
    assert!(!command(main).args(args).status().expect("a scene that can be set").success(), "{args:?} has no conflict");
    write(main, "m.txt", "both\n");
    git(main, &["add", "m.txt"]);
}

fn commit_all(repo: &Path, message: &str) {
    git(repo, &["add", "-A"]);
    git(repo, &["commit", "-q", "-m", message]);
}

fn identify(repo: &Path) {
    git(repo, &["config", "user.name", "Test"]);
    git(repo, &["config", "user.email", "test@example.org"]);
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a scene that can be set")).expect("a scene that can be set");
    fs::write(path, text).expect("a scene that can be set");
}

fn command(cwd: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(cwd).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
    command
}

fn git(cwd: &Path, args: &[&str]) {
    let output = command(cwd).args(args).stderr(Stdio::piped()).output().expect("a scene that can be set");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn git_bytes(cwd: &Path, args: &[&str]) -> Vec<u8> {
    command(cwd).args(args).stdout(Stdio::piped()).output().expect("a scene that can be set").stdout
}

fn git_out(cwd: &Path, args: &[&str]) -> String {
    String::from_utf8_lossy(&git_bytes(cwd, args)).into_owned()
}

/// Nothing where it fails.
fn git_try(cwd: &Path, args: &[&str]) -> String {
    git_out(cwd, args)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a scene that can be set");
    for entry in fs::read_dir(from).expect("a scene that can be set") {
        let entry = entry.expect("a scene that can be set");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a scene that can be set").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a scene that can be set");
        }
    }
}
