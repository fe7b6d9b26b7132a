//! A PostgreSQL server of a test's own, in a temporary folder, on a Unix socket and nothing else.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How to come by one, for whoever has none.
pub const INSTALL_POSTGRES: &str = "install it by `apt-get install postgresql`";

/// Who owns the database in it.
const OWNER: &str = "deepcoder";

/// A server. It ends when this is dropped, and when the test's process ends in whatever way.
pub struct PostgresServer {
    folder: tempfile::TempDir,
    bin: PathBuf,
    user: Option<(u32, u32)>,
    settings: Vec<String>,
    guard: Option<Child>,
}

/// What is tried with a server that stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Connections are cut, and what was committed is written.
    Fast,
    /// As in a crash.
    Immediate,
}

/// The folder that has `initdb` and `postgres`: Debian puts each version into its own, and none on the path.
fn programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort();
    #[expect(clippy::disallowed_methods, reason = "where programs are")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::split_paths(&path).collect::<Vec<_>>();
    let all = debian.into_iter().rev().map(|(_, bin)| bin).chain(path);
    all.into_iter().find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
}

/// Somebody who is not root, as whom root runs the server: it refuses to be root's.
fn unprivileged() -> Option<(u32, u32)> {
    let number = |flag: &str, name: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, name]).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let own = Command::new("id").arg("-u").output().ok()?;
    if own.stdout.trim_ascii() != b"0" {
        return None;
    }
    ["postgres", "nobody"].into_iter().find_map(|name| Some((number("-u", name)?, number("-g", name)?)))
}

impl PostgresServer {
    /// A new server, or `None` where PostgreSQL is not installed: then `skip!("postgresql", …)`. `settings` are like `fsync=off`.
    ///
    /// # Panics
    /// When it is installed and does not start.
    #[must_use]
    pub fn start(settings: &[&str]) -> Option<Self> {
        let bin = programs()?;
        // Where the path of a socket stays short.
        let folder = tempfile::Builder::new().prefix("pg-").tempdir_in("/tmp").expect("temporary folder");
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("root may");
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).expect("our own folder");
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { folder, bin, user, settings, guard: None };
        let mut initdb = server.command("initdb");
        initdb.arg("-D").arg(server.data()).args([
            "-U",
            OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        let output = initdb.output().expect("initdb");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        server.run();
        Some(server)
    }

    /// The address of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_as(OWNER, database)
    }

    /// The same for another user, or for `user:password`.
    #[must_use]
    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@localhost/{database}?host={}", self.folder.path().display())
    }

    /// Run statements, as its owner; what they say.
    ///
    /// # Panics
    /// When one of them fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database, sql);
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn psql(&self, database: &str, sql: &str) -> std::process::Output {
        let mut psql = self.command("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", OWNER, "-d", database, "-h"]);
        psql.arg(self.folder.path()).args(["-c", sql]).output().expect("psql")
    }

    /// Stop it; its folder stays.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&mut self, how: Stop) {
        let Some(mut guard) = self.guard.take() else { return };
        let mode = if how == Stop::Fast { "fast" } else { "immediate" };
        let stopped = self.command("pg_ctl").args(["stop", "-s", "-m", mode, "-D"]).arg(self.data()).status();
        assert!(stopped.is_ok_and(|status| status.success()), "the server does not stop");
        drop(guard.stdin.take());
        let _ = guard.wait();
    }

    /// Start it again.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run(&mut self) {
        // The guard ends the server when its input ends, which it does when we do.
        const GUARD: &str = "\"$@\" & server=$!; read -r _; kill -QUIT $server 2>/dev/null; wait $server";
        let mut command = self.command("sh");
        command.args(["-c", GUARD, "guard"]).arg(self.bin.join("postgres")).arg("-D").arg(self.data());
        command.arg("-k").arg(self.folder.path()).args(["-c", "listen_addresses=", "-c", "shared_buffers=32MB"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).expect("our own folder");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).process_group(0);
        self.guard = Some(command.spawn().expect("sh"));
        let started = Instant::now();
        while !self.psql("postgres", "SELECT 1").status.success() {
            let log = || std::fs::read_to_string(self.log()).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(60), "the server does not start: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What rules who may come in: the lines of `pg_hba.conf`.
    ///
    /// # Panics
    /// When it cannot be written.
    #[expect(clippy::disallowed_methods, reason = "the server's own temporary folder")]
    pub fn admit(&self, rules: &str) {
        std::fs::write(self.data().join("pg_hba.conf"), rules).expect("our own folder");
        self.sql("postgres", "SELECT pg_reload_conf()");
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// One of its programs, or one of the system's, as who runs the server.
    fn command(&self, program: &str) -> Command {
        let own = self.bin.join(program);
        let mut command = Command::new(if own.is_file() { own.as_path() } else { Path::new(program) });
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        // What the caller's environment says about servers is about others.
        for name in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGOPTIONS", "PGDATA"] {
            command.env_remove(name);
        }
        command.current_dir("/").stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}
