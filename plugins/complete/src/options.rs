//! Where to complete, and how much.

use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_types::Instruction;
use serde::Deserialize;

/// How far a completion goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// To the end of the line when something stands after the cursor or the line is ended there, otherwise as far as the
    /// block goes.
    #[default]
    Auto,
    /// To the end of the line.
    Line,
    /// As far as the block goes.
    Block,
}

/// The options of `complete`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Options {
    /// How far to go.
    pub extent: Extent,
    /// The most tokens to write.
    pub max_tokens: Option<u32>,
    /// Tokens of the file that the model sees.
    pub context_tokens: Option<u32>,
    /// Greedy without it.
    pub temperature: Option<f32>,
}

impl Options {
    pub(crate) fn parse(value: &serde_json::Value) -> Result<Self, PluginError> {
        if value.is_null() {
            return Ok(Self::default());
        }
        serde_json::from_value(value.clone()).map_err(|error| {
            PluginError::new(ErrorCode::Invalid, format!("the options of `complete` make no sense: {error}"))
                .with_hint("`extent` is one of auto, line, block")
        })
    }
}

/// The byte of the cursor in `text`: where the selection starts.
pub(crate) fn cursor(instruction: &Instruction, text: &str) -> Result<usize, PluginError> {
    let invalid = |message: String| PluginError::new(ErrorCode::Invalid, message);
    let start = instruction.selection.map(|selection| selection.start as usize);
    let start = start
        .ok_or_else(|| invalid("the place to complete is missing".into()).with_hint("name it as FILE:LINE:COLUMN"))?;
    let inside = start <= text.len() && text.is_char_boundary(start);
    if inside { Ok(start) } else { Err(invalid(format!("byte {start} is not in the file"))) }
}
