//! The `explain` plugin: a question about files, a selection or a definition, answered in words.

use deepcoder_edit::formats::fenced::fence_for;
use deepcoder_plugin_api::{ErrorCode, Host, Level, Plugin, PluginError, PluginManifest, fill};
use deepcoder_types::{
    Answer, ContextBundle, ContextRequest, FinishReason, GenerateRequest, Instruction, Message, Outcome, Priority,
    Prompt, RepoPath, Sampling, TextRange,
};
use serde::Deserialize;

const PROMPT: &str = include_str!("../prompts/explain.md");
/// Asked when the user asks nothing in particular.
const QUESTION: &str = "Explain what this code does, how it works, and what to watch out for.";
/// Tokens of context that are asked for.
const CONTEXT_TOKENS: u32 = 8_000;
/// Tokens of an answer.
const TOKENS: u32 = 1_024;
/// Tokens that the template puts around a chat, generously.
const TEMPLATE_TOKENS: u32 = 96;

/// Said before the question where lines were selected.
const ABOUT_LAST: &str = "The following is only about the code shown last; the rest is there to understand it.\n";

/// The plugin.
pub struct ExplainPlugin {
    manifest: PluginManifest,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    max_tokens: Option<u32>,
    temperature: Option<f32>,
}

impl ExplainPlugin {
    /// With the manifest that is compiled in.
    #[must_use]
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the text is a constant, and a test reads it")]
        let manifest = PluginManifest::parse(include_str!("../plugin.toml")).expect("plugin.toml is valid");
        Self { manifest }
    }
}

impl Default for ExplainPlugin {
    fn default() -> Self {
        Self::new()
    }
}

impl Plugin for ExplainPlugin {
    fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    fn plan(&self, instruction: &Instruction) -> Result<ContextRequest, PluginError> {
        // A mistake in them is said before anything is read.
        options(&instruction.options)?;
        let globs = instruction.targets.iter().map(|t| t.as_str().to_owned()).collect();
        let symbols = instruction.prompt.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Ok(ContextRequest { globs, symbols, token_budget: CONTEXT_TOKENS, ..ContextRequest::default() })
    }

    fn run(&self, instruction: &Instruction, context: &ContextBundle, host: &dyn Host) -> Result<Outcome, PluginError> {
        let options = options(&instruction.options)?;
        let max_tokens = options.max_tokens.unwrap_or(TOKENS);
        let request = GenerateRequest {
            prompt: Prompt::Chat {
                messages: question(instruction, context, max_tokens, host)?,
                prefill: String::new(),
            },
            sampling: Sampling {
                temperature: options.temperature.unwrap_or(0.0),
                top_p: 0.95,
                seed: instruction.seed,
                ..Sampling::GREEDY
            },
            max_tokens,
            stop: Vec::new(),
            logprobs: None,
            draft: None,
            priority: Priority::Interactive,
            grammar: None,
            client: String::new(),
        };
        if host.cancelled() {
            return Err(PluginError::cancelled());
        }
        let generation = host.generate(&request, &mut |_| {})?;
        match generation.finish {
            FinishReason::Cancelled => return Err(PluginError::cancelled()),
            FinishReason::Length => host.log(Level::Warn, &format!("the answer was cut off after {max_tokens} tokens")),
            FinishReason::End | FinishReason::Stop => {}
        }
        Ok(Outcome::Answer(Answer::words(generation.text.trim())))
    }
}

fn options(value: &serde_json::Value) -> Result<Options, PluginError> {
    if value.is_null() {
        return Ok(Options::default());
    }
    serde_json::from_value(value.clone()).map_err(|error| {
        PluginError::new(ErrorCode::Invalid, format!("the options of `explain` make no sense: {error}"))
    })
}

/// The chat, with as many of the snippets as fit; the least important are left out first, and the log says so.
fn question(
    instruction: &Instruction,
    context: &ContextBundle,
    max_tokens: u32,
    host: &dyn Host,
) -> Result<Vec<Message>, PluginError> {
    let mut shown: Vec<(RepoPath, String)> = Vec::new();
    if let (Some(range), Some(path)) = (instruction.selection, instruction.targets.first()) {
        let file = host.read_file(path)?;
        let part = file.text.get(range.as_range()).filter(|p| !p.trim().is_empty()).ok_or_else(|| {
            PluginError::new(ErrorCode::Invalid, format!("there is no text in the selected part of `{path}`"))
        })?;
        shown.push((path.clone(), snippet(path, Some((range, &file.text)), part)));
    }
    shown.extend(context.snippets.iter().map(|s| (s.path.clone(), snippet(&s.path, None, &s.text))));
    if shown.is_empty() {
        return Err(PluginError::new(ErrorCode::NotFound, "there is no code to explain")
            .with_hint("name a file: deepcoder explain src/file.py"));
    }
    let asked = instruction.prompt.trim();
    let asked = if asked.is_empty() { QUESTION } else { asked };
    let about = if instruction.selection.is_some() { ABOUT_LAST } else { "" };
    let room = host.model()?.context_length.saturating_sub(max_tokens + TEMPLATE_TOKENS);
    for count in (1..=shown.len()).rev() {
        let mut code: Vec<&str> = shown[..count].iter().map(|(_, text)| text.as_str()).collect();
        if instruction.selection.is_some() {
            // Next to the question: small models speak of what they read last.
            code.rotate_left(1);
        }
        let text = fill(PROMPT, &[("code", &code.join("\n")), ("question", &format!("{about}{asked}"))]);
        let tokens = host.count_tokens(&text)?;
        if tokens <= room {
            for (path, _) in &shown[count..] {
                host.log(Level::Warn, &format!("`{path}` is left out of the context: it does not fit the model"));
            }
            return Ok(vec![Message::user(text.trim_end())]);
        }
        if count == 1 {
            let message =
                format!("`{}` needs {tokens} tokens, and the model's context has room for {room}", shown[0].0);
            return Err(PluginError::new(ErrorCode::Budget, message).with_hint("select some lines of it"));
        }
    }
    Ok(Vec::new())
}

fn snippet(path: &RepoPath, part: Option<(TextRange, &str)>, text: &str) -> String {
    let fence = fence_for(text);
    let place = part.map_or(String::new(), |(range, file)| {
        let line = file.as_bytes()[..range.start as usize].iter().filter(|&&b| b == b'\n').count() + 1;
        format!(", from line {line}")
    });
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    format!("`{path}`{place}:\n\n{fence}\n{text}{newline}{fence}\n")
}

#[cfg(test)]
mod tests;
