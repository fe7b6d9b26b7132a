//! `deepcoder service`: the daemon as a service of the user's, by systemd or launchd.

mod text;

use crate::args::{ServiceInstallArgs, ServiceVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use deepcoder_protocol::client;
use deepcoder_types::env_var;
use serde_json::json;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use text::{LABEL, MARK, Unit};

const UNIT: &str = "deepcoder.service";

/// The service manager of this system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Systemd,
    Launchd,
}

const MANAGER: Manager = if cfg!(target_os = "macos") { Manager::Launchd } else { Manager::Systemd };

pub(crate) fn service(verb: &ServiceVerb, invocation: &Invocation, console: &mut Console) -> Result {
    match verb {
        ServiceVerb::Install(args) => install(args, invocation, console),
        ServiceVerb::Uninstall => uninstall(invocation, console),
        ServiceVerb::Status => status(invocation, console),
    }
}

fn install(args: &ServiceInstallArgs, invocation: &Invocation, console: &mut Console) -> Result {
    if MANAGER == Manager::Launchd && (args.memory_max.is_some() || args.cpu_quota.is_some()) {
        return Err(Failure::new("launchd has no caps for memory and processors").hint("leave them out"));
    }
    let unit = Unit {
        program: invocation.executable.clone(),
        environment: invocation.profile.daemon_variables(),
        memory_max: args.memory_max.clone(),
        cpu_quota: args.cpu_quota.clone(),
    };
    let text = match MANAGER {
        Manager::Systemd => unit.systemd(),
        Manager::Launchd => unit.launchd(),
    };
    let text = text.map_err(|what| {
        Failure::new(format!("{what} cannot be written into a service: it is not UTF-8, or has a line end"))
    })?;
    if args.print {
        console.print(&text)?;
        return Ok(Done::Clean);
    }
    if !unit.environment.is_empty() {
        let names: Vec<_> = unit.environment.iter().map(|(name, _)| name.to_string_lossy()).collect();
        console.note(&format!("the service keeps these variables as they are now: {}", names.join(", ")));
    }
    let path = place(invocation)?;
    ours(&path)?;
    write(&path, &text)?;
    // One that was started on demand would stand in its way.
    _ = client::stop(&invocation.profile.folders().socket);
    start(&path).map_err(|said| {
        Failure::new(format!("{} is written, but it was not started: {said}", path.display())).hint(match MANAGER {
            Manager::Systemd => format!("in a session with systemd, run: systemctl --user enable --now {UNIT}"),
            Manager::Launchd => format!("in a session of yours, run: launchctl load -w {}", path.display()),
        })
    })?;
    if console.json {
        console.json(&json!({ "installed": path.to_string_lossy() }))?;
    } else {
        console.note(&format!("installed and started: {}", path.display()));
    }
    Ok(Done::Clean)
}

fn uninstall(invocation: &Invocation, console: &mut Console) -> Result {
    let path = place(invocation)?;
    let there = path.exists();
    if there {
        ours(&path)?;
        // Failures do not matter: it may not run, and the service manager may be absent.
        _ = stop(&path);
        #[expect(clippy::disallowed_methods, reason = "a file that we wrote, as its first line says")]
        std::fs::remove_file(&path).map_err(|e| Failure::io(format_args!("cannot remove {}", path.display()), &e))?;
        if MANAGER == Manager::Systemd {
            _ = run("systemctl", &["--user", "daemon-reload"]);
        }
    }
    if console.json {
        console.json(&json!({ "uninstalled": there }))?;
    } else {
        console.note(if there { "removed" } else { "no service was installed" });
    }
    Ok(Done::Clean)
}

fn status(invocation: &Invocation, console: &mut Console) -> Result {
    let path = place(invocation)?;
    let installed = path.exists() && ours(&path).is_ok();
    let active = match MANAGER {
        _ if !installed => None,
        Manager::Systemd => run("systemctl", &["--user", "is-active", UNIT]).map_or_else(Some, Some),
        Manager::Launchd => run("launchctl", &["list", LABEL]).map_or(None, |_| Some("loaded".to_owned())),
    };
    if console.json {
        console.json(&json!({ "installed": installed, "path": path.to_string_lossy(), "state": active }))?;
    } else if installed {
        let state = active.filter(|state| !state.is_empty()).unwrap_or_else(|| "not running".into());
        console.line(&format!("installed in {}: {state}", path.display()))?;
    } else {
        console.line("not installed; `deepcoder service install` does it")?;
    }
    Ok(if installed { Done::Clean } else { Done::Findings })
}

/// The file of the service.
fn place(invocation: &Invocation) -> Result<PathBuf> {
    let folder = |name: &str| invocation.vars.folder(name);
    let place = match MANAGER {
        Manager::Systemd => folder(env_var::XDG_CONFIG_HOME)
            .or_else(|| folder(env_var::USER_HOME).map(|home| home.join(".config")))
            .map(|config| config.join("systemd/user").join(UNIT)),
        Manager::Launchd => {
            folder(env_var::USER_HOME).map(|home| home.join("Library/LaunchAgents").join(format!("{LABEL}.plist")))
        }
    };
    place.ok_or_else(|| Failure::new("there is no home folder").hint(format!("set {}", env_var::USER_HOME)))
}

/// Refuses a file that deepcoder did not write.
fn ours(path: &Path) -> Result<()> {
    match deepcoder_files::read_text(path, 1 << 20) {
        Ok(text) if text.contains(MARK) => Ok(()),
        Ok(_) => Err(Failure::new(format!("{} was not written by deepcoder", path.display()))
            .hint("move it away first, or start deepcoder from it yourself: ExecStart=deepcoder serve")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io(format_args!("cannot read {}", path.display()), &error)),
    }
}

/// All of it or nothing. For its owner only: the address of a database may have a password in it.
fn write(path: &Path, text: &str) -> Result<()> {
    let failed = |e: std::io::Error| Failure::io(format_args!("cannot write {}", path.display()), &e);
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let beside = folder.join(format!(".{UNIT}.{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        #[expect(clippy::disallowed_methods, reason = "a file of ours, as its first line says")]
        std::fs::rename(&beside, path)
    })();
    if written.is_err() {
        #[expect(clippy::disallowed_methods, reason = "what was just made for this")]
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(failed)
}

fn start(path: &Path) -> std::result::Result<(), String> {
    match MANAGER {
        Manager::Systemd => {
            run("systemctl", &["--user", "daemon-reload"])?;
            run("systemctl", &["--user", "enable", UNIT])?;
            run("systemctl", &["--user", "restart", UNIT])
        }
        Manager::Launchd => {
            _ = run("launchctl", &[OsStr::new("unload"), path.as_os_str()]);
            run("launchctl", &[OsStr::new("load"), OsStr::new("-w"), path.as_os_str()])
        }
    }
    .map(drop)
}

fn stop(path: &Path) -> std::result::Result<(), String> {
    match MANAGER {
        Manager::Systemd => run("systemctl", &["--user", "disable", "--now", UNIT]),
        Manager::Launchd => run("launchctl", &[OsStr::new("unload"), OsStr::new("-w"), path.as_os_str()]),
    }
    .map(drop)
}

/// Run a program; what it said, as the error where it failed.
fn run(program: &str, args: &[impl AsRef<OsStr>]) -> std::result::Result<String, String> {
    let said = |out: &Output| {
        let both = [&out.stderr[..], &out.stdout[..]].concat();
        String::from_utf8_lossy(&both).trim().to_owned()
    };
    match Command::new(program).args(args).output() {
        Ok(out) if out.status.success() => Ok(said(&out)),
        Ok(out) => Err(said(&out)),
        Err(error) => Err(format!("{program}: {}", crate::failure::plain_io(&error))),
    }
}
