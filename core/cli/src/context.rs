//! One invocation: its flags, settings, folders, input and clock.

use crate::args::Global;
use crate::console::{Console, Loudness};
use crate::environment::Interrupt;
use crate::failure::{Failure, Result};
use crate::input::Input;
use crate::progress::Progress;
use deepcoder_profile::{Launcher, Overrides, Profile, Role, SettingsError, Vars};
use deepcoder_types::{Cancel, LanguageModel};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Everything that a verb needs to know.
pub(crate) struct Invocation {
    /// The folder that paths on the command line are relative to.
    pub(crate) base: PathBuf,
    /// Whether `-C` named that folder.
    pub(crate) moved: bool,
    /// Folders, settings and models.
    pub(crate) profile: Profile,
    /// The error in the settings, for a verb that goes on without them.
    pub(crate) wrong_settings: Option<SettingsError>,
    /// Standard input.
    pub(crate) input: Input,
    /// Set when the user interrupts.
    pub(crate) cancel: Cancel,
    hung_up: Arc<AtomicBool>,
    /// `--seed`.
    pub(crate) seed: Option<u64>,
    /// `--model` as typed, for verbs for which a default makes no sense.
    pub(crate) named_model: Option<String>,
    /// The environment variables.
    pub(crate) vars: Vars,
    /// This program's file.
    pub(crate) executable: PathBuf,
    now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// How much `-q` and `-v` let be said.
pub(crate) const fn loudness(global: &Global) -> Loudness {
    match (global.quiet, global.verbose) {
        (true, _) => Loudness::Quiet,
        (false, 0) => Loudness::Normal,
        (false, 1) => Loudness::Verbose,
        (false, _) => Loudness::Debug,
    }
}

impl Invocation {
    /// Resolve folders and settings.
    pub(crate) fn new(
        global: Global,
        vars: Vars,
        cwd: &Path,
        executable: PathBuf,
        input: Input,
        now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
        interrupt: Interrupt,
    ) -> Result<Self> {
        let named = global.directory.as_ref().is_some_and(|directory| directory.is_absolute());
        if cwd.as_os_str().is_empty() && !named {
            return Err(Failure::new("the working directory does not exist any more")
                .hint("change to a directory that exists, or name one with -C"));
        }
        let base = match &global.directory {
            Some(directory) => {
                let base = cwd.join(directory);
                std::fs::read_dir(&base)
                    .map_err(|e| Failure::io(format_args!("cannot work in {}", directory.display()), &e))?;
                base
            }
            None => cwd.to_owned(),
        };
        let overrides = Overrides {
            model: global.model.clone(),
            threads: global.threads,
            no_daemon: global.no_daemon,
            config: global.config,
        };
        let launcher = Launcher::new(executable.clone());
        let (profile, wrong_settings) = Profile::open_anyway(vars.clone(), cwd, &overrides, Some(launcher))?;
        Ok(Self {
            base,
            moved: global.directory.is_some(),
            profile,
            wrong_settings,
            input,
            cancel: interrupt.cancel,
            hung_up: interrupt.hung_up,
            seed: global.seed,
            named_model: global.model,
            vars,
            executable,
            now_ms: now_ms.into(),
        })
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        (self.now_ms)()
    }

    /// The clock, for what outlives this.
    pub(crate) fn clock(&self) -> Arc<dyn Fn() -> u64 + Send + Sync> {
        Arc::clone(&self.now_ms)
    }

    /// Whether the terminal was closed.
    pub(crate) fn hung_up(&self) -> bool {
        self.hung_up.load(Ordering::SeqCst)
    }

    /// The model of the settings, loaded.
    pub(crate) fn model(&self, console: &mut Console) -> Result<Arc<dyn LanguageModel>> {
        let settings = self.profile.settings();
        let place = if settings.daemon { "in the daemon" } else { "in this process" };
        let name = self.profile.model_for(Role::Edit);
        console.detail(&format!("using the model {name} {place}"));
        let waiting = Progress::spinner(console.can_animate(&self.vars), &format!("loading {name}"));
        let model = self.profile.model(&name, &self.cancel);
        waiting.clear();
        self.checkpoint()?;
        let model = model?;
        model.info().warnings.iter().for_each(|warning| console.warn(warning));
        Ok(model)
    }

    /// An error once the user has interrupted.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        self.cancel.check().map_err(|e| Failure::new(e.to_string()))
    }

    /// `path` as typed, relative to `-C`.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}
