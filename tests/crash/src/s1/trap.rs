//! What a repository can do to whoever writes in it. A trap that cannot be set here (a name is taken, the file system
//! cannot) is left out.

use super::Ground;
use std::ffi::OsStr;
use std::fs;
use std::io::Result;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

type Set = fn(&mut Ground<'_>) -> Result<()>;

/// All of them.
pub(super) const TRAPS: &[(&str, Set)] = &[
    ("link to a folder", link_to_folder),
    ("link to a file", link_to_file),
    ("link to nothing yet", dangling),
    ("link upwards", upwards),
    ("links in a circle", circle),
    ("link through /proc", magic),
    ("hard link", hard_link),
    ("FIFO", fifo),
    ("socket", socket),
    ("device", device),
    ("folder in place of a file", folder_for_file),
    ("names that fold to .git", folds_to_git),
    ("names that normalise alike", normalises),
    ("absurd names", absurd_names),
    ("names that lead upwards", dots),
    ("nested repository", nested),
    ("nested .git file", nested_file),
    ("core.worktree", core_worktree),
    ("programs in the configuration", programs),
    ("hooks", hooks),
    ("alternates", alternates),
    ("deepcoder's folder is a link", own_folder),
    ("deepcoder's lock is a link", own_lock),
    ("where displaced files go is a link", displaced),
    ("the folder of the refs is a link", refs),
    ("a forged undo ref", forged),
    ("objects is a link", objects),
    ("the folder of packs is a link", packs),
    (".git is a link", git_link),
    (".git is a file", git_file),
    ("index of a victim", index),
    ("temporary names are taken", temp_names),
];

impl Ground<'_> {
    fn depth(&mut self) -> &'static str {
        ["", "src/", "src/deep/", "new/"][self.rng.usize(..4)]
    }

    /// A path whose folder exists.
    fn place(&mut self, name: &str) -> Result<(String, PathBuf)> {
        let path = format!("{}{name}", self.depth());
        let at = self.root.join(&path);
        fs::create_dir_all(at.parent().unwrap_or(self.root))?;
        Ok((path, at))
    }

    fn aim(&mut self, path: impl Into<String>) {
        self.aims.push(path.into());
    }

    fn git(&self, path: &str) -> PathBuf {
        self.root.join(".git").join(path)
    }

    /// The path of something in git's folder that becomes a link.
    fn instead(&self, path: &str, target: &Path) -> Result<()> {
        let at = self.git(path);
        fs::create_dir_all(at.parent().unwrap_or(self.root))?;
        if at.exists() {
            fs::rename(&at, self.root.join("moved-away"))?;
        }
        symlink(target, at)
    }
}

fn link_to_folder(ground: &mut Ground<'_>) -> Result<()> {
    let (path, at) = ground.place("out")?;
    symlink(ground.outside.join("folder"), at)?;
    for name in ["file", "deep/file", "planted", "deeper/planted"] {
        ground.aim(format!("{path}/{name}"));
    }
    Ok(())
}

fn link_to_file(ground: &mut Ground<'_>) -> Result<()> {
    let (path, at) = ground.place("a-file")?;
    symlink(ground.outside.join("file"), at)?;
    ground.aim(path);
    Ok(())
}

fn dangling(ground: &mut Ground<'_>) -> Result<()> {
    let (path, at) = ground.place("not-yet")?;
    symlink(ground.outside.join("empty/planted"), at)?;
    ground.aim(path);
    Ok(())
}

fn upwards(ground: &mut Ground<'_>) -> Result<()> {
    let (path, at) = ground.place("up")?;
    symlink("../../../../outside", at)?;
    for name in ["file", "folder/file", "planted"] {
        ground.aim(format!("{path}/{name}"));
    }
    Ok(())
}

fn circle(ground: &mut Ground<'_>) -> Result<()> {
    symlink("b", ground.root.join("circle-a"))?;
    symlink("circle-a", ground.root.join("b"))?;
    symlink(".", ground.root.join("self"))?;
    for path in ["circle-a", "b/x", "self/self/self/f", "self/.git/config"] {
        ground.aim(path);
    }
    Ok(())
}

fn magic(ground: &mut Ground<'_>) -> Result<()> {
    symlink("/proc/self/root", ground.root.join("the-root"))?;
    let planted = ground.outside.join("empty/planted");
    ground.aim(format!("the-root{}", planted.display()));
    Ok(())
}

fn hard_link(ground: &mut Ground<'_>) -> Result<()> {
    let (path, at) = ground.place("hard")?;
    fs::hard_link(ground.outside.join("file"), at)?;
    ground.aim(path);
    Ok(())
}

fn fifo(ground: &mut Ground<'_>) -> Result<()> {
    special(ground, "fifo", rustix::fs::FileType::Fifo, 0)
}

fn socket(ground: &mut Ground<'_>) -> Result<()> {
    let (path, at) = ground.place("socket")?;
    std::os::unix::net::UnixListener::bind(at)?;
    ground.aim(path);
    Ok(())
}

/// A console, whose mere opening has effects; as far as this user may make one.
fn device(ground: &mut Ground<'_>) -> Result<()> {
    special(ground, "device", rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(5, 1))
}

fn special(ground: &mut Ground<'_>, name: &str, kind: rustix::fs::FileType, device: u64) -> Result<()> {
    let (path, at) = ground.place(name)?;
    rustix::fs::mknodat(rustix::fs::CWD, &at, kind, rustix::fs::Mode::from_raw_mode(0o644), device)?;
    ground.aim(path.clone());
    ground.aim(format!("{path}/below"));
    Ok(())
}

fn folder_for_file(ground: &mut Ground<'_>) -> Result<()> {
    let (path, at) = ground.place("main.rs")?;
    fs::create_dir_all(at.join("x"))?;
    ground.aim(path);
    Ok(())
}

fn folds_to_git(ground: &mut Ground<'_>) -> Result<()> {
    for name in
        [".GIT", ".Git", ".git ", ".git.", "git~1", "GIT~1", ".g\u{200c}it", ".gi\u{feff}t", ".git::$INDEX_ALLOCATION"]
    {
        let at = ground.root.join(name);
        if ground.rng.bool() && !at.exists() {
            symlink(ground.outside.join("victim/.git"), at)?;
        }
        for file in ["config", "hooks/pre-commit", "HEAD"] {
            ground.aim(format!("{name}/{file}"));
        }
    }
    Ok(())
}

fn normalises(ground: &mut Ground<'_>) -> Result<()> {
    // The composed name is a folder, the decomposed one leads out; on some disks they are one.
    fs::create_dir_all(ground.root.join("caf\u{e9}"))?;
    symlink(ground.outside.join("folder"), ground.root.join("cafe\u{301}"))?;
    for path in ["caf\u{e9}/file", "cafe\u{301}/file", "CAF\u{c9}/file", "cafe\u{301}/planted"] {
        ground.aim(path);
    }
    Ok(())
}

fn absurd_names(ground: &mut Ground<'_>) -> Result<()> {
    let long = "n".repeat(255);
    let names: Vec<&[u8]> =
        vec![b"\xff\xfe", b"-rf", b"new\nline", b"$(touch pwned)", b"`id`", b"\x1b[2J", b"a;b", b" ", long.as_bytes()];
    for name in names {
        fs::write(ground.root.join(OsStr::from_bytes(name)), "x")?;
        if let Ok(text) = std::str::from_utf8(name) {
            ground.aim(text);
            ground.aim(format!("{text}/x"));
        }
    }
    ground.aim(vec!["d"; 200].join("/"));
    Ok(())
}

fn dots(ground: &mut Ground<'_>) -> Result<()> {
    let absolute = ground.outside.join("file").display().to_string();
    for path in ["../../outside/file", "src/../../../outside/file", "./f0.rs", "src//x", "a\0b", "", "..", "~/x"] {
        ground.aim(path);
    }
    ground.aim(absolute);
    Ok(())
}

fn nested(ground: &mut Ground<'_>) -> Result<()> {
    let (path, at) = ground.place("inner")?;
    crate::scene::make_repository(&at, &crate::scene::Snapshot::new());
    fs::write(at.join("file"), "inner")?;
    for name in ["file", "planted", ".git/config", ".git/hooks/post-checkout"] {
        ground.aim(format!("{path}/{name}"));
    }
    Ok(())
}

fn nested_file(ground: &mut Ground<'_>) -> Result<()> {
    let (path, at) = ground.place("module")?;
    fs::create_dir_all(&at)?;
    fs::write(at.join(".git"), format!("gitdir: {}\n", ground.outside.join("victim/.git").display()))?;
    ground.aim(format!("{path}/file"));
    Ok(())
}

fn configure(ground: &Ground<'_>, lines: &str) -> Result<()> {
    let path = ground.git("config");
    let text = fs::read_to_string(&path)?;
    fs::write(path, text + lines)
}

fn core_worktree(ground: &mut Ground<'_>) -> Result<()> {
    let folder = ["victim", "folder"][ground.rng.usize(..2)];
    configure(ground, &format!("[core]\n\tworktree = {}\n", ground.outside.join(folder).display()))?;
    ground.aim("file");
    ground.aim("f0.rs");
    Ok(())
}

/// A program that says that it ran.
fn tattler(ground: &Ground<'_>, at: &Path) -> Result<()> {
    fs::create_dir_all(at.parent().unwrap_or(ground.root))?;
    fs::write(at, format!("#!/bin/sh\ntouch '{}/ran'\n", ground.outside.display()))?;
    fs::set_permissions(at, fs::Permissions::from_mode(0o755))
}

fn programs(ground: &mut Ground<'_>) -> Result<()> {
    let program = ground.root.join("tattle.sh");
    tattler(ground, &program)?;
    let run = program.display();
    configure(
        ground,
        &format!(
            "[core]\n\tfsmonitor = {run}\n\thooksPath = {0}\n\tsshCommand = {run}\n\teditor = {run}\n\tpager = {run}\n\
             \tattributesFile = {0}/attributes\n[filter \"x\"]\n\tclean = {run}\n\tsmudge = {run}\n\tprocess = {run}\n\
             [diff \"x\"]\n\ttextconv = {run}\n\tcommand = {run}\n[gpg]\n\tprogram = {run}\n[commit]\n\tgpgSign = true\n\
             [include]\n\tpath = {1}/victim/.git/config\n[credential]\n\thelper = {run}\n",
            ground.root.display(),
            ground.outside.display()
        ),
    )?;
    fs::write(ground.root.join(".gitattributes"), "* filter=x diff=x\n")
}

fn hooks(ground: &mut Ground<'_>) -> Result<()> {
    for hook in
        ["pre-commit", "post-commit", "post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"]
    {
        tattler(ground, &ground.git("hooks").join(hook))?;
    }
    Ok(())
}

fn alternates(ground: &mut Ground<'_>) -> Result<()> {
    let objects = ground.outside.join("victim/.git/objects");
    fs::write(ground.git("objects/info/alternates"), format!("{}\n", objects.display()))
}

fn own_folder(ground: &mut Ground<'_>) -> Result<()> {
    ground.instead("deepcoder", &ground.outside.join("empty"))
}

fn own_lock(ground: &mut Ground<'_>) -> Result<()> {
    ground.instead("deepcoder/lock", &ground.outside.join("file"))
}

fn displaced(ground: &mut Ground<'_>) -> Result<()> {
    ground.instead("deepcoder/displaced", &ground.outside.join("empty"))
}

fn refs(ground: &mut Ground<'_>) -> Result<()> {
    let at = ["refs/deepcoder", "refs/deepcoder/undo", "refs"][ground.rng.usize(..3)];
    ground.instead(at, &ground.outside.join("empty"))
}

/// A set as if a former run had left it half done, whose names lead out.
fn forged(ground: &mut Ground<'_>) -> Result<()> {
    let git = git2::Repository::open(ground.root).map_err(std::io::Error::other)?;
    let ulid = "01hf7yat00000000000000000a";
    let up = "../../outside/file";
    let (temp, displaced) = match ground.rng.u32(..3) {
        0 => (up.to_owned(), format!(".deepcoder-{ulid}-0.old")),
        1 => (format!(".deepcoder-{ulid}-0.tmp"), up.to_owned()),
        _ => (format!(".deepcoder-{ulid}-0.tmp"), format!(".deepcoder-{ulid}-0.old")),
    };
    let dirs = ["../../outside/empty", "../outside", "src"][ground.rng.usize(..3)];
    let about = format!(
        "{{\"work_tree\":\"\",\"set\":{{\"ulid\":\"{ulid}\",\"edit_id\":\"e\",\"title\":\"t\",\"undoes\":null,\
         \"created_ms\":1,\"request_json\":null,\"git_commit\":\"\",\"made_dirs\":[\"{dirs}\"],\"drop_dirs\":[\"{dirs}\"],\
         \"files\":[{{\"path\":\"out/file\",\"temp\":\"{temp}\",\"displaced\":\"{displaced}\",\"old\":null,\"new\":null}}]}}}}"
    );
    let forge = || -> std::result::Result<(), git2::Error> {
        let tree = git.find_tree(git.treebuilder(None)?.write()?)?;
        let who = git2::Signature::new("m", "m@example.org", &git2::Time::new(0, 0))?;
        git.commit(Some(&format!("refs/deepcoder/undo/{ulid}")), &who, &who, &format!("t\n\n{about}\n"), &tree, &[])?;
        Ok(())
    };
    forge().map_err(std::io::Error::other)?;
    let out = ground.root.join("out");
    if !out.exists() {
        symlink(ground.outside.join("folder"), out)?;
    }
    Ok(())
}

fn objects(ground: &mut Ground<'_>) -> Result<()> {
    ground.instead("objects", &ground.outside.join("empty"))
}

fn packs(ground: &mut Ground<'_>) -> Result<()> {
    ground.instead("objects/pack", &ground.outside.join("empty"))
}

fn git_link(ground: &mut Ground<'_>) -> Result<()> {
    let at = ground.root.join(".git");
    fs::rename(&at, ground.root.join("moved-git"))?;
    symlink(ground.outside.join("victim/.git"), at)
}

fn git_file(ground: &mut Ground<'_>) -> Result<()> {
    let at = ground.root.join(".git");
    fs::rename(&at, ground.root.join("moved-git"))?;
    fs::write(at, format!("gitdir: {}\n", ground.outside.join("victim/.git").display()))
}

fn index(ground: &mut Ground<'_>) -> Result<()> {
    symlink(ground.outside.join("file"), ground.git("index"))
}

/// Whoever knows the names that are used on the way puts links there first.
fn temp_names(ground: &mut Ground<'_>) -> Result<()> {
    let folder = ground.depth();
    fs::create_dir_all(ground.root.join(folder))?;
    symlink(ground.outside.join("file"), ground.root.join(folder).join(".plain.tmp"))?;
    for n in 0..4 {
        let name = format!(".deepcoder-01hf7yat00000000000000000a-{n}.tmp");
        symlink(ground.outside.join("file"), ground.root.join(folder).join(name))?;
    }
    Ok(())
}
