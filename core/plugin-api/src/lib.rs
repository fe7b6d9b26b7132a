//! The plugin contract: [`Plugin`], the [`Host`] that it may call, and the [`PluginManifest`] that says what it may do.
//!
//! Calls are synchronous, as in `wit/plugin.wit`: one request is one thread's work, what takes long is the model, and a
//! synchronous stack makes cancellation and the containment of panics simple.
//!
//! **Invariant:** a [`Host`] has no function that writes. Plugins return proposals and never certify themselves.

mod error;
mod host;
mod manifest;
mod prompt;
mod verb;

pub use deepcoder_types::Level;
pub use error::{ErrorCode, PluginError};
pub use host::Host;
pub use manifest::{API_VERSION, Capabilities, Limits, ManifestError, ModelGrant, PluginManifest, Runtime};
pub use prompt::fill;
pub use verb::{Param, ParamType, Takes, VerbManifest};

use deepcoder_types::{ContextBundle, ContextRequest, Instruction, Outcome};

/// A plugin. `plan` is pure; `run` may call the host.
pub trait Plugin: Send + Sync {
    /// Its `plugin.toml`.
    fn manifest(&self) -> &PluginManifest;

    /// The context to gather before [`Plugin::run`].
    fn plan(&self, instruction: &Instruction) -> Result<ContextRequest, PluginError>;

    /// Do the work. May be called from several threads at once.
    fn run(&self, instruction: &Instruction, context: &ContextBundle, host: &dyn Host) -> Result<Outcome, PluginError>;
}
