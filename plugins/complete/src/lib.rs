//! The `complete` plugin: the code that belongs where the cursor is, by filling in the middle.
//!
//! The answer is exactly what is to be inserted, with the line endings of the file. The cursor is where the selection
//! starts; how far to go and how much of the file to show are [`Options`].

mod options;
mod trim;
mod window;

pub use options::{Extent, Options};

use deepcoder_edit::{LineEnding, split_bom};
use deepcoder_plugin_api::{ErrorCode, Host, Plugin, PluginError, PluginManifest};
use deepcoder_types::{
    Answer, ContextBundle, ContextRequest, FinishReason, GenerateRequest, Instruction, Outcome, Priority, Prompt,
    RepoPath, Sampling,
};

/// Tokens of the file that the model sees by default: more makes the first token late.
const CONTEXT_TOKENS: u32 = 1_536;
/// Tokens of a line.
const LINE_TOKENS: u32 = 96;
/// Tokens of a block.
const BLOCK_TOKENS: u32 = 256;

/// The plugin.
pub struct CompletePlugin {
    manifest: PluginManifest,
}

impl CompletePlugin {
    /// With the manifest that is compiled in.
    #[must_use]
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the text is a constant, and a test reads it")]
        let manifest = PluginManifest::parse(include_str!("../plugin.toml")).expect("plugin.toml is valid");
        Self { manifest }
    }
}

impl Default for CompletePlugin {
    fn default() -> Self {
        Self::new()
    }
}

impl Plugin for CompletePlugin {
    fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    fn plan(&self, instruction: &Instruction) -> Result<ContextRequest, PluginError> {
        Options::parse(&instruction.options)?;
        target(instruction)?;
        // The window around the cursor is cut from the file itself, so that nothing needs to be gathered.
        Ok(ContextRequest::default())
    }

    fn run(&self, instruction: &Instruction, _: &ContextBundle, host: &dyn Host) -> Result<Outcome, PluginError> {
        let options = Options::parse(&instruction.options)?;
        let file = host.read_file(target(instruction)?)?;
        let offset = options::cursor(instruction, &file.text)?.max(split_bom(&file.text).0.len());
        let before = split_bom(&file.text[..offset]).1.replace("\r\n", "\n");
        let after = file.text[offset..].replace("\r\n", "\n");
        let rest_of_line = after.split('\n').next().unwrap_or_default();
        let line = match options.extent {
            Extent::Line => true,
            Extent::Block => false,
            Extent::Auto => !rest_of_line.trim().is_empty(),
        };
        let max_tokens = options.max_tokens.unwrap_or(if line { LINE_TOKENS } else { BLOCK_TOKENS });
        let room = host.model()?.context_length.saturating_sub(max_tokens + 16);
        let budget = options.context_tokens.unwrap_or(CONTEXT_TOKENS).min(room);
        let (prefix, suffix) = window::window(&before, &after, budget, host)?;
        let (shown, blanks) = trim::without_blanks(prefix);
        let mut request = GenerateRequest {
            prompt: Prompt::Fill { prefix: shown.to_owned(), suffix: suffix.to_owned() },
            sampling: Sampling {
                temperature: options.temperature.unwrap_or(0.0),
                top_p: 0.95,
                seed: instruction.seed,
                ..Sampling::GREEDY
            },
            max_tokens,
            stop: trim::stops(prefix, suffix, line),
            logprobs: None,
            draft: None,
            priority: Priority::Interactive,
            grammar: None,
            client: String::new(),
        };
        if host.cancelled() {
            return Err(PluginError::cancelled());
        }
        let mut generation = host.generate(&request, &mut |_| {})?;
        if trim::misfits(shown, blanks, &generation.text) {
            request.prompt = Prompt::Fill { prefix: prefix.to_owned(), suffix: suffix.to_owned() };
            generation = host.generate(&request, &mut |_| {})?;
        }
        if generation.finish == FinishReason::Cancelled {
            return Err(PluginError::cancelled());
        }
        let cut_off = generation.finish == FinishReason::Length;
        let written = trim::after_blanks(blanks, &generation.text);
        let line = line || (options.extent == Extent::Auto && trim::ends_in_line(prefix, written));
        let text = trim::trimmed(prefix, written, suffix, line, cut_off);
        if text.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        Ok(Outcome::Answer(Answer::words(text.replace('\n', LineEnding::dominant(&file.text).as_str()))))
    }
}

fn target(instruction: &Instruction) -> Result<&RepoPath, PluginError> {
    instruction.targets.first().ok_or_else(|| {
        PluginError::new(ErrorCode::Invalid, "the file to complete is missing").with_hint("name it as FILE:LINE:COLUMN")
    })
}

#[cfg(test)]
mod tests;
