//! The `document` plugin: what is undocumented or documented wrongly, and documentation for it.
//!
//! The check asks no model: it reads signatures and bodies by the grammars of the languages and compares them with what
//! the documentation says. To write, the model gives descriptions only. Where they stand, their indentation, their
//! quotes or comment marks, and the names in their sections come from the code, so that a result cannot change it.

mod check;
mod files;
mod options;
mod said;
mod scope;
mod signature;
mod units;
mod write;

use deepcoder_plugin_api::{ErrorCode, Host, Plugin, PluginError, PluginManifest};
use deepcoder_types::{ContextBundle, ContextRequest, Instruction, Outcome};
use options::Options;

/// Tokens of context that are asked for: the files themselves.
const CONTEXT_TOKENS: u32 = 12_000;

/// The plugin.
pub struct DocumentPlugin {
    manifest: PluginManifest,
}

impl DocumentPlugin {
    /// With the manifest that is compiled in.
    #[must_use]
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the text is a constant, and a test reads it")]
        let manifest = PluginManifest::parse(include_str!("../plugin.toml")).expect("plugin.toml is valid");
        Self { manifest }
    }
}

impl Default for DocumentPlugin {
    fn default() -> Self {
        Self::new()
    }
}

impl Plugin for DocumentPlugin {
    fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    fn plan(&self, instruction: &Instruction) -> Result<ContextRequest, PluginError> {
        let options = Options::parse(&instruction.options)?;
        if !options.check && instruction.targets.is_empty() && instruction.prompt.trim().is_empty() {
            return Err(PluginError::new(ErrorCode::Invalid, "it is not said what to document")
                .with_hint("name files or definitions: deepcoder document src/bank.py"));
        }
        // It reads what it needs itself.
        Ok(ContextRequest { token_budget: CONTEXT_TOKENS, ..ContextRequest::default() })
    }

    fn run(&self, instruction: &Instruction, context: &ContextBundle, host: &dyn Host) -> Result<Outcome, PluginError> {
        let options = Options::parse(&instruction.options)?;
        if options.check {
            return files::check(instruction, &options, host).map(Outcome::Answer);
        }
        write::write(instruction, &options, context, host)
    }
}

#[cfg(test)]
mod tests;
