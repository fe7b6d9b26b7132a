//! `deepcoder pull` and `deepcoder import`

use crate::args::{ImportArgs, PullArgs, RecipeArgs};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::progress::Progress;
use crate::time;
use deepcoder_export::{ImportOptions, ImportProgress, ImportStage};
use deepcoder_hub::Catalogue;
use deepcoder_hub::pull::FetchProgress;
use deepcoder_profile::{InstallProgress, Installed, Profile, PullOptions, Role, memory, suggested};
use serde_json::json;

pub(crate) fn pull(args: &PullArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let Some(name) = args.name.clone().or_else(|| invocation.named_model.clone()) else {
        return suggest(args, invocation, console);
    };
    pull_one(&name, args, invocation, console)
}

/// Without a name: the models that this machine's memory is right for. A person is asked; a script names one.
fn suggest(args: &PullArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let catalogue = Catalogue::builtin();
    let memory = memory().map(|memory| memory.total);
    let store = invocation.profile.store();
    let mut missing: Vec<String> = Vec::new();
    for (entry, roles) in suggested(&catalogue, memory.unwrap_or(0)) {
        let installed = store.path(&entry.name).is_ok();
        let roles: Vec<&str> = roles.into_iter().map(Role::name).collect();
        if console.json {
            console.json(&json!({
                "suggested": entry.name, "roles": roles, "download": entry.size, "size": entry.imported,
                "installed": installed, "memory": memory,
            }))?;
        } else {
            let state = if installed { "installed".to_owned() } else { time::bytes(entry.size) };
            console.line(&format!("{:36} {state:>10}  {}", entry.name, roles.join(", ")))?;
        }
        if !installed || args.force {
            missing.push(entry.name.clone());
        }
    }
    if missing.is_empty() {
        console.note("the models that suit this machine are installed");
        return Ok(Done::Clean);
    }
    let hint = format!("deepcoder pull {}", missing.join("; deepcoder pull "));
    if !invocation.input.is_terminal || console.json {
        return Err(Failure::new("no model is named").hint(hint));
    }
    console.ask(&format!("download {}? [y,N] ", missing.join(" and ")));
    let answer = invocation.input.line(&invocation.cancel).map_err(|failure| failure.hint(hint.clone()))?;
    invocation.checkpoint()?;
    if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
        console.note("nothing downloaded");
        console.hint(&hint);
        return Ok(Done::Clean);
    }
    for name in &missing {
        pull_one(name, args, invocation, console)?;
    }
    Ok(Done::Clean)
}

fn pull_one(name: &str, args: &PullArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let options = PullOptions { force: args.force, keep_source: args.keep_source, recipe: recipe(name, args.recipe) };
    let installed = install(name, &options, invocation, console)?;
    report(&installed, console)
}

/// Pull `name`, with its licence and the progress shown.
pub(crate) fn install(
    name: &str,
    options: &PullOptions,
    invocation: &Invocation,
    console: &mut Console,
) -> Result<Installed> {
    let store = invocation.profile.store();
    if let (false, Ok(entry)) = (!options.force && store.path(name).is_ok(), Catalogue::builtin().entry(name)) {
        console.note(&format!("{} · {} · {}", entry.title, time::bytes(entry.size), entry.license.name));
        console.note(&format!("licence: {} ({})", entry.license.note, entry.license.url));
    }
    let mut shown = Shown::new(console, invocation);
    let installed = invocation.profile.pull(name, options, &mut |p| shown.show(p, console), &invocation.cancel);
    shown.clear();
    Ok(installed?)
}

pub(crate) fn import(args: &ImportArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let source = invocation.path(&args.source);
    std::fs::metadata(&source).map_err(|e| {
        Failure::io(format_args!("cannot read {}", args.source.display()), &e)
            .hint("give a GGUF file, or a folder with config.json, tokenizer.json and safetensors")
    })?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => Profile::name_for(&source)?,
    };
    let options = ImportOptions { license: args.license.clone(), ..recipe(&name, args.recipe) };
    let mut shown = Shown::new(console, invocation);
    let installed =
        invocation.profile.import(&source, options, args.force, &mut |p| shown.show(p, console), &invocation.cancel);
    shown.clear();
    report(&installed?, console)
}

fn report(installed: &Installed, console: &mut Console) -> Result {
    let Installed { manifest, folder, already, source } = installed;
    let size: u64 = manifest.files.values().map(|file| file.size).sum();
    if console.json {
        console.json(&json!({
            "name": manifest.name,
            "folder": folder.to_string_lossy(),
            "already": already,
            "architecture": manifest.architecture,
            "license": manifest.license,
            "size": size,
            "source": source.as_deref().map(|path| path.to_string_lossy()),
            "source_sha256": manifest.source.sha256,
            "recipe": manifest.recipe,
        }))?;
        return Ok(Done::Clean);
    }
    if *already {
        console.note(&format!("{} is installed already; --force installs it again", manifest.name));
    } else {
        console.note(&format!("{} is ready: {} in {}", manifest.name, time::bytes(size), folder.display()));
    }
    if let Some(source) = source {
        console.note(&format!("the download was kept: {}", source.display()));
    }
    Ok(Done::Clean)
}

fn recipe(name: &str, args: RecipeArgs) -> ImportOptions {
    ImportOptions {
        name: name.to_owned(),
        bits: args.bits,
        block: args.block,
        exact: args.exact,
        portable: args.portable,
        license: None,
    }
}

/// One bar for each step.
struct Shown {
    animate: bool,
    progress: Progress,
    step: String,
}

impl Shown {
    fn new(console: &Console, invocation: &Invocation) -> Self {
        let animate = console.can_animate(&invocation.vars);
        Self { animate, progress: Progress::spinner(animate, "starting"), step: String::new() }
    }

    fn show(&mut self, event: InstallProgress, console: &mut Console) {
        match event {
            InstallProgress::Fetch(FetchProgress::Trying { source }) => {
                self.step = String::new();
                self.say(console, &format!("trying {source}"));
            }
            InstallProgress::Fetch(FetchProgress::Failed { source, why }) => {
                self.say(console, &format!("{source}: {}", crate::sanitise::for_terminal(&why)));
            }
            InstallProgress::Fetch(FetchProgress::Bytes { done, total }) => {
                self.bytes("downloading", done, total, console)
            }
            InstallProgress::Fetch(FetchProgress::Verifying) => self.step(console, "checking the sha256"),
            InstallProgress::Warning(text) => self.progress.suspend(|| console.warn(&text)),
            InstallProgress::Import(ImportProgress { stage: ImportStage::Resuming, .. }) => {
                self.say(console, "going on with an import that was cut off");
            }
            InstallProgress::Import(import) => {
                let (label, done, total) = import_step(&import);
                self.bytes(label, done, total, console);
            }
        }
    }

    fn say(&self, console: &mut Console, text: &str) {
        self.progress.suspend(|| console.note(text));
    }

    /// Without a terminal each step is said once.
    fn step(&mut self, console: &mut Console, label: &str) {
        if self.step != label {
            label.clone_into(&mut self.step);
            self.progress.clear();
            if !self.animate {
                console.note(label);
            }
            self.progress = Progress::spinner(self.animate, label);
        }
    }

    fn bytes(&mut self, label: &str, done: u64, total: u64, console: &mut Console) {
        if self.step != label {
            self.step(console, label);
            self.progress.clear();
            self.progress = Progress::bytes(self.animate, label, total);
        }
        self.progress.position(done, total);
    }

    fn clear(&self) {
        self.progress.clear();
    }
}

const fn import_step(import: &ImportProgress) -> (&'static str, u64, u64) {
    match import.stage {
        ImportStage::Resuming | ImportStage::Converting => ("importing", import.done, import.total),
        ImportStage::Finishing => ("making it durable", import.done, import.total),
    }
}
