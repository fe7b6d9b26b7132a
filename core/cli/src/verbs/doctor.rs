//! `deepcoder doctor`

use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Result};
use crate::sanitise::for_terminal;
use crate::time;
use deepcoder_model::{runtime, why_not_cuda};
use deepcoder_profile::Role;
use deepcoder_protocol::client::Client;
use deepcoder_types::{Cancel, Hint};
use deepcoder_workspace::OpenError;
use serde::Serialize;
use std::path::Path;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// For information.
    Note,
    Problem,
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn new(name: &'static str, state: State, message: impl Into<String>) -> Self {
        Self { name, state, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    fn problem(name: &'static str, error: &dyn Hint) -> Self {
        Self::new(name, State::Problem, error.to_string()).hint(error.hint())
    }
}

pub(crate) fn doctor(invocation: &Invocation, console: &mut Console) -> Result {
    let mut checks = vec![Check::new("deepcoder", State::Ok, version(invocation))];
    checks.extend(runtime_checks(invocation));
    checks.extend(model_checks(invocation));
    checks.extend(folder_checks(invocation));
    checks.push(git());
    checks.push(repository(invocation));
    checks.extend(daemon(invocation));
    checks.extend(machine());
    let problems = checks.iter().filter(|c| c.state == State::Problem).count();
    if console.json {
        console.json(&serde_json::json!({ "ok": problems == 0, "checks": checks }))?;
    } else {
        for check in &checks {
            let mark = match check.state {
                State::Ok => "ok     ",
                State::Note => "note   ",
                State::Problem => "PROBLEM",
            };
            console.line(&format!("{mark}  {:12} {}", check.name, for_terminal(&check.message)))?;
            if let Some(hint) = &check.hint {
                console.line(&format!("{:23}hint: {}", "", for_terminal(hint)))?;
            }
        }
    }
    Ok(if problems == 0 { Done::Clean } else { Done::Findings })
}

fn version(invocation: &Invocation) -> String {
    let file = invocation.executable.display();
    format!("{} for {}-{}, {file}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH, std::env::consts::OS)
}

fn runtime_checks(invocation: &Invocation) -> Vec<Check> {
    let search = invocation.profile.runtime_search();
    match runtime::locate(&search) {
        Ok(library) => {
            let found = format!("{} at {}, found by {}", library.version, library.path.display(), library.found_by);
            let mut checks = vec![Check::new("onnxruntime", State::Ok, found)];
            match runtime::providers(&library) {
                Ok(names) => {
                    checks.push(Check::new("providers", State::Ok, names.join(", ")));
                    checks.push(device(invocation, &names));
                }
                Err(error) => checks.push(Check::problem("providers", &error)),
            }
            checks
        }
        Err(error) => {
            let mut checks = vec![Check::problem("onnxruntime", &error)];
            if let runtime::LocateError::NotFound { searched } = &error {
                let tried: Vec<_> =
                    search.prefixes.iter().chain(searched).map(|path| path.display().to_string()).collect();
                checks.push(Check::new("looked in", State::Note, tried.join(", ")));
            }
            checks
        }
    }
}

/// Where the model that is set would be computed, and why not with CUDA.
fn device(invocation: &Invocation, providers: &[String]) -> Check {
    let settings = invocation.profile.settings();
    let name = invocation.profile.model_for(Role::Edit);
    let listed = invocation.profile.store().list().unwrap_or_default();
    let model = listed.into_iter().find(|m| m.name == name).and_then(|m| m.model.ok());
    let Some(model) = model.filter(|_| settings.device != "cpu") else {
        return Check::new("device", State::Ok, format!("{}, and the processor is always there", settings.device));
    };
    let Some(reason) = why_not_cuda(&model.manifest, providers) else {
        return Check::new("device", State::Ok, format!("{}: CUDA, where a GPU can be used", settings.device));
    };
    let message = format!("the processor; CUDA is not used for {name}: {reason}");
    if settings.device != "cuda" {
        return Check::new("device", State::Ok, message);
    }
    let portable = model.manifest.graph.own_operators;
    let hint = if portable { "`deepcoder import --portable`, or `-c device=cpu`" } else { "`-c device=cpu`" };
    Check::new("device", State::Problem, message).hint(hint.to_owned())
}

fn model_checks(invocation: &Invocation) -> Vec<Check> {
    let store = invocation.profile.store();
    let profile = &invocation.profile;
    let wanted: std::collections::BTreeSet<String> = Role::ALL.iter().map(|role| profile.model_for(*role)).collect();
    let mut checks = Vec::new();
    match store.list() {
        Ok(listed) => {
            for model in &listed {
                checks.push(match &model.model {
                    Ok(found) => {
                        let roles = super::models::roles_of(&model.name, invocation);
                        let used = if roles.is_empty() { String::new() } else { format!(", for {}", roles.join(", ")) };
                        Check::new("model", State::Ok, format!("{}, {}{used}", model.name, time::bytes(found.size)))
                    }
                    Err(error) => Check::problem("model", error),
                });
            }
            for wanted in wanted.iter().filter(|wanted| !listed.iter().any(|model| model.name == **wanted)) {
                let missing = format!("{wanted}, the model that would be used, is not installed");
                let hint = format!("deepcoder pull {wanted}");
                checks.push(Check::new("model", State::Problem, missing).hint(hint));
            }
        }
        Err(error) => checks.push(Check::problem("models", &error)),
    }
    checks
}

fn folder_checks(invocation: &Invocation) -> Vec<Check> {
    let folders = invocation.profile.folders();
    let config = if folders.config_file.exists() { "read" } else { "not there, which is fine" };
    let mut checks = vec![match &invocation.wrong_settings {
        None => Check::new("config", State::Ok, format!("{} ({config})", folders.config_file.display())),
        Some(error) => Check::problem("config", error),
    }];
    for (name, folder) in
        [("models in", &folders.models), ("state in", &folders.state), ("downloads in", &folders.downloads)]
    {
        checks.push(folder_check(name, folder));
    }
    checks.push(prefixes(invocation));
    checks
}

/// Size and state of the computed prefixes on the disk.
fn prefixes(invocation: &Invocation) -> Check {
    let folder = &invocation.profile.folders().prefixes;
    let Some(most) = invocation.profile.settings().prefix_cache else {
        return Check::new("prefixes in", State::Ok, "nowhere: `prefix_cache_mib` is 0");
    };
    match deepcoder_model::prefix_usage(folder) {
        Ok(usage) => {
            let (used, most) = (time::bytes(usage.bytes), time::bytes(most));
            Check::new("prefixes in", State::Ok, format!("{} ({used} of at most {most})", folder.display()))
        }
        Err(error) => Check { state: State::Note, ..Check::problem("prefixes in", &error) },
    }
}

/// Whether the folder, or the nearest one above it that exists, may be written to, and how much room there is.
fn folder_check(name: &'static str, folder: &Path) -> Check {
    let Some(existing) = folder.ancestors().find(|path| path.exists()) else {
        return Check::new(name, State::Problem, format!("{} cannot be made", folder.display()));
    };
    if rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).is_err() {
        return Check::new(name, State::Problem, format!("{} may not be written to", existing.display()))
            .hint("set DEEPCODER_HOME to a folder of yours".to_owned());
    }
    let free = rustix::fs::statvfs(existing).map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize));
    let free = free.map_or_else(|_| "unknown space".into(), time::bytes);
    Check::new(name, State::Ok, format!("{} ({free} free)", folder.display()))
}

fn git() -> Check {
    let mut version = deepcoder_git::Git::new(Path::new("/")).command();
    version.arg("--version");
    match deepcoder_git::run(version, b"", &deepcoder_types::Cancel::new()) {
        Ok(output) if output.status.success() => {
            Check::new("git", State::Ok, String::from_utf8_lossy(&output.out).trim().to_owned())
        }
        _ => Check::new("git", State::Note, "not on the path; edits work without it, the demo does not"),
    }
}

fn repository(invocation: &Invocation) -> Check {
    match invocation.profile.workspace(&invocation.base) {
        Ok(workspace) => Check::new("repository", State::Ok, workspace.root().display().to_string()),
        Err(error @ OpenError::NotARepository(_)) => Check::new("repository", State::Note, error.to_string()),
        Err(error) => Check::problem("repository", &error),
    }
}

fn machine() -> Vec<Check> {
    let mut checks = Vec::new();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let flags = cpu_flags();
    let (slow, flags) =
        if flags.is_empty() { (false, "unknown features".into()) } else { (!flags.contains(&"avx2"), flags.join(" ")) };
    let cpu = Check::new("cpu", if slow { State::Note } else { State::Ok }, format!("{cores} cores, {flags}"));
    checks.push(cpu.hint(slow.then(|| "without AVX2 models run slowly".to_owned())));
    if let Some(memory) = deepcoder_profile::memory() {
        let low = memory.available < 1 << 30;
        let message = format!("{} of {} available", time::bytes(memory.available), time::bytes(memory.total));
        let check = Check::new("memory", if low { State::Note } else { State::Ok }, message);
        checks.push(check.hint(low.then(|| "the smallest model needs about 1 GiB".to_owned())));
    }
    checks
}

/// The features that the runtime's kernels make use of.
fn cpu_flags() -> Vec<&'static str> {
    let found = |name: &&str| {
        #[cfg(target_arch = "x86_64")]
        {
            match *name {
                "avx2" => std::arch::is_x86_feature_detected!("avx2"),
                "fma" => std::arch::is_x86_feature_detected!("fma"),
                "avx512f" => std::arch::is_x86_feature_detected!("avx512f"),
                "avx512vnni" => std::arch::is_x86_feature_detected!("avx512vnni"),
                _ => false,
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = name;
            false
        }
    };
    ["avx2", "fma", "avx512f", "avx512vnni"].into_iter().filter(found).collect()
}

fn daemon(invocation: &Invocation) -> Vec<Check> {
    let socket = &invocation.profile.folders().socket;
    let ok = |message: String| vec![Check::new("daemon", State::Ok, format!("{message} {}", socket.display()))];
    match super::status::running(invocation) {
        Ok(Some(status)) => {
            let mut checks = ok(format!("process {} listens on", status.pid));
            checks.extend(status.model.iter().flat_map(|model| warnings(socket, model, &invocation.cancel)));
            checks
        }
        Ok(None) => ok("not running; it would listen on".into()),
        Err(failure) => vec![Check::new("daemon", State::Problem, failure.message).hint(failure.hint)],
    }
}

/// The daemon's note on how it loaded `model`.
fn warnings(socket: &Path, model: &str, cancel: &Cancel) -> Vec<Check> {
    let info = Client::connect(socket).ok().and_then(|mut client| client.model_info(model, cancel).ok());
    let warnings = info.map(|info| info.warnings).unwrap_or_default();
    warnings.into_iter().map(|warning| Check::new("model", State::Note, warning)).collect()
}
