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
    /// The line of the cursor, from 1. Without it the selection's start is the cursor.
    pub line: Option<u32>,
    /// The column of the cursor in characters, from 1: the cursor is before that character.
    pub column: Option<u32>,
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

    /// The byte of the cursor in `text`.
    pub(crate) fn offset(&self, instruction: &Instruction, text: &str) -> Result<usize, PluginError> {
        let invalid = |message: String| PluginError::new(ErrorCode::Invalid, message);
        let Some(line) = self.line else {
            let start = instruction.selection.map(|s| s.start as usize).ok_or_else(|| {
                invalid("the place to complete is missing".into()).with_hint("name it as FILE:LINE:COLUMN")
            })?;
            let inside = start <= text.len() && text.is_char_boundary(start);
            return if inside { Ok(start) } else { Err(invalid(format!("byte {start} is not in the file"))) };
        };
        let count = text.split_inclusive('\n').count() + usize::from(text.is_empty() || text.ends_with('\n'));
        let index = (line as usize).checked_sub(1).filter(|&i| i < count);
        let index = index.ok_or_else(|| invalid(format!("the file has {count} lines, and there is no line {line}")))?;
        let start: usize = text.split_inclusive('\n').take(index).map(str::len).sum();
        let content = text[start..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let column = self.column.map_or(content.chars().count(), |c| (c as usize).saturating_sub(1));
        let mut ends = content.char_indices().map(|(at, _)| at).chain([content.len()]);
        let within = ends.nth(column).filter(|_| self.column != Some(0));
        let within = within.ok_or_else(|| {
            let last = content.chars().count() + 1;
            invalid(format!("line {line} ends at column {last}, and there is no column {}", column + 1))
        })?;
        Ok(start + within)
    }
}
