//! `deepcoder hook`

use crate::args::{HookInstallArgs, HookRunArgs, HookUninstallArgs, HookVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::sanitise;
use deepcoder_hook::{
    CONFIG_FILE, HookState, HookType, InTree, InstallError, Job, ModelSource, NoSteps, Report, Surroundings, Target,
};
use deepcoder_profile::Role;
use deepcoder_types::{Cancel, Hint as _, env_var};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn hook(verb: &HookVerb, invocation: &mut Invocation, console: &mut Console) -> Result {
    match verb {
        HookVerb::Install(args) => install(args, invocation, console),
        HookVerb::Uninstall(args) => uninstall(args, invocation, console),
        HookVerb::Run(args) => run(args, invocation, console),
        HookVerb::Status => status(invocation, console),
        HookVerb::Trust => trust(invocation, console),
    }
}

fn target(hook: HookType, global: bool, invocation: &Invocation) -> Target {
    let state_dir = invocation.profile.folders().state.clone();
    Target { cwd: invocation.base.clone(), hook, global, state_dir }
}

fn install(args: &HookInstallArgs, invocation: &Invocation, console: &mut Console) -> Result {
    // Before anything is written: a file that is wrong would refuse every commit.
    let trusted = deepcoder_hook::trust_config(&invocation.base, &invocation.profile.folders().state)?;
    let mut all = Vec::new();
    for hook in args.types.iter().copied().map(HookType::from) {
        let done = deepcoder_hook::install(&target(hook, args.global, invocation), &invocation.executable)?;
        if !console.json {
            console.line(&sanitise::file(&done.path))?;
            let what = if done.already { "is installed already" } else { "is installed" };
            console.note(&format!("the {} hook {what}; `deepcoder hook uninstall` removes it", hook.name()));
            if let Some(before) = &done.chained {
                console.note(&format!("the hook that was there is kept as {} and runs first", before.display()));
            }
            if let Some(note) = &done.note {
                console.hint(note);
            }
        }
        all.push(json!({
            "type": hook.name(),
            "path": done.path.to_string_lossy(),
            "already": done.already,
            "runs_first": done.chained.as_deref().map(|path| path.to_string_lossy()),
            "note": done.note,
        }));
    }
    if console.json {
        console.json(&json!({ "installed": all, "trusted": trusted.is_some() }))?;
    } else {
        tell_actions(trusted.as_deref(), console);
    }
    Ok(Done::Clean)
}

fn tell_actions(actions: Option<&[(&'static str, bool)]>, console: &mut Console) {
    match actions {
        Some(actions) => {
            let list: Vec<_> =
                actions.iter().map(|(name, fixes)| format!("{name} ({})", if *fixes { "fix" } else { "check" })).collect();
            console.note(&format!("{CONFIG_FILE} is trusted as it is now: {}", list.join(", ")));
        }
        None => console.note(&format!(
            "it checks for secrets, conflict markers and files that no longer parse; {CONFIG_FILE} in the root says more"
        )),
    }
}

fn uninstall(args: &HookUninstallArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let named: Vec<HookType> = args.types.iter().copied().map(HookType::from).collect();
    let all = if named.is_empty() { HookType::ALL.to_vec() } else { named.clone() };
    let mut removed: Vec<(HookType, PathBuf)> = Vec::new();
    for hook in all {
        match deepcoder_hook::uninstall(&target(hook, args.global, invocation)) {
            Ok(path) => removed.push((hook, path)),
            Err(InstallError::NotInstalled) if named.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if removed.is_empty() {
        return Err(InstallError::NotInstalled.into());
    }
    if console.json {
        let removed: Vec<_> =
            removed.iter().map(|(hook, path)| json!({ "type": hook.name(), "path": path.to_string_lossy() })).collect();
        console.json(&json!({ "removed": removed }))?;
        return Ok(Done::Clean);
    }
    for (hook, path) in &removed {
        console.line(&sanitise::file(path))?;
        console.note(&format!("the {} hook is as it was before", hook.name()));
    }
    Ok(Done::Clean)
}

fn status(invocation: &Invocation, console: &mut Console) -> Result {
    let (hooks, trusted) = deepcoder_hook::status(&invocation.base, &invocation.profile.folders().state)?;
    if console.json {
        let hooks: Vec<_> = hooks
            .iter()
            .map(|status| {
                json!({
                    "type": status.hook.name(),
                    "path": status.path.to_string_lossy(),
                    "standing": word(&status.state),
                    "runs_first": status.chained.as_deref().map(|path| path.to_string_lossy()),
                })
            })
            .collect();
        console.json(&json!({ "hooks": hooks, "config_trusted": trusted? }))?;
        return Ok(Done::Clean);
    }
    for status in &hooks {
        let whose = match &status.state {
            HookState::Nothing => "not installed".to_owned(),
            HookState::Foreign(tool) => format!("not installed; there is one of {}", tool.unwrap_or("your own")),
            HookState::Ours => "installed".to_owned(),
            HookState::Changed => "installed, and changed since".to_owned(),
        };
        let first = if status.chained.is_some() { ", after the one that was there" } else { "" };
        console.line(&format!("{:12} {whose}{first}", status.hook.name()))?;
    }
    match trusted? {
        None => console.note(&format!("there is no {CONFIG_FILE}: the default checks")),
        Some(true) => console.note(&format!("{CONFIG_FILE} is trusted")),
        Some(false) => {
            console.warn(&format!("{CONFIG_FILE} is not trusted: hooks do not use the model"));
            console.hint("read it, then `deepcoder hook trust`");
        }
    }
    Ok(Done::Clean)
}

const fn word(state: &HookState) -> &'static str {
    match state {
        HookState::Nothing => "none",
        HookState::Foreign(_) => "foreign",
        HookState::Ours => "installed",
        HookState::Changed => "changed",
    }
}

fn trust(invocation: &Invocation, console: &mut Console) -> Result {
    let actions = deepcoder_hook::trust_config(&invocation.base, &invocation.profile.folders().state)?;
    if actions.is_none() {
        return Err(Failure::new(format!("there is no {CONFIG_FILE} in the root of this repository")));
    }
    if console.json {
        console.json(&json!({ "trusted": true }))?;
    } else {
        tell_actions(actions.as_deref(), console);
    }
    Ok(Done::Clean)
}

fn run(args: &HookRunArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let job = match HookType::from(args.hook) {
        _ if args.files => Job::Files(args.args.clone()),
        HookType::PreCommit => Job::Staged,
        HookType::PrePush => Job::Pushed {
            // Git says the name first, or the address where there is none.
            remote: args.args.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            lines: invocation.input.all(&invocation.cancel)?.into_bytes(),
        },
        HookType::CommitMsg => match args.args.as_slice() {
            [file] => Job::Message(file.into()),
            _ => return Err(Failure::new("commit-msg needs the file that holds the message").hint("git names it")),
        },
    };
    let vars = &invocation.vars;
    let around = Surroundings {
        cwd: invocation.base.clone(),
        // With `-C` the user names the repository: git's variables of a running hook do not count.
        in_hook: !invocation.moved && [env_var::GIT_DIR, env_var::GIT_INDEX_FILE].iter().any(|v| vars.get(v).is_some()),
        index_file: vars.get(env_var::GIT_INDEX_FILE).map(Into::into),
        state_dir: invocation.profile.folders().state.clone(),
        now_ms: invocation.now_ms(),
        cancel: invocation.cancel.clone(),
        model: model(invocation),
        deadline: args.deadline.map(Duration::from_secs_f64),
        strict: args.strict,
        steps: Arc::new(NoSteps),
    };
    let report = deepcoder_hook::run(&job, &around)?;
    tell(&report, args.files, console)?;
    Ok(if report.passed { Done::Clean } else { Done::Findings })
}

/// The model of the settings, asked for only when an action needs it.
fn model(invocation: &Invocation) -> ModelSource {
    let profile = invocation.profile.clone();
    Arc::new(move |cancel: &Cancel| {
        profile.model(&profile.model_for(Role::Edit), cancel).map_err(|error| {
            let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{error}{hint}")
        })
    })
}

fn tell(report: &Report, files: bool, console: &mut Console) -> Result<()> {
    if console.json {
        return console.json(&as_json(report));
    }
    for finding in &report.findings {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let path = sanitise::path(finding.path.as_str());
        console.line(&format!("{path}{line}: {} [{}]", finding.message, finding.action))?;
    }
    for fixed in &report.fixed {
        let tree = match &fixed.tree {
            InTree::Fixed => String::new(),
            InTree::Merged => ", beside your other changes".to_owned(),
            InTree::Left(why) if files => format!(", but it could not be written: {why}"),
            InTree::Left(why) => format!(" in the index; the file in the work tree is left alone: {why}"),
        };
        let path = sanitise::path(fixed.path.as_str());
        console.note(&format!("{path}: {}{tree}", fixed.by.join(", ")));
    }
    for skipped in &report.skipped {
        console.warn(&format!("{} was skipped: {}", skipped.path, skipped.reason));
    }
    report.warnings.iter().for_each(|warning| console.warn(warning));
    match (report.passed, &report.kept) {
        (false, _) if report.findings.is_empty() && files => console.note("files were changed; stage them"),
        (false, _) if report.findings.is_empty() => {
            console.note("commit refused: some actions could not run (strict)");
        }
        (false, _) if !files => console.hint("`git commit --no-verify` commits anyway"),
        (true, Some(kept)) => console.detail(&format!("the index as it was is kept as {kept}")),
        _ => {}
    }
    Ok(())
}

fn as_json(report: &Report) -> serde_json::Value {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|f| json!({ "path": f.path, "line": f.line, "message": f.message, "action": f.action }))
        .collect();
    let fixed: Vec<_> = report
        .fixed
        .iter()
        .map(|fixed| {
            let (tree, why) = match &fixed.tree {
                InTree::Fixed => ("fixed", None),
                InTree::Merged => ("merged", None),
                InTree::Left(why) => ("left", Some(why)),
            };
            json!({ "path": fixed.path, "by": fixed.by, "work_tree": tree, "why": why })
        })
        .collect();
    let skipped: Vec<_> = report.skipped.iter().map(|s| json!({ "path": s.path, "reason": s.reason })).collect();
    json!({
        "passed": report.passed,
        "looked_at": report.looked_at,
        "findings": findings,
        "fixed": fixed,
        "skipped": skipped,
        "warnings": report.warnings,
        "index_kept": report.kept,
    })
}
