//! Options of the verb.

use crate::said::Style;
use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_syntax::Language;
use serde::Deserialize;

/// The options of `document`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Options {
    /// List what is undocumented or documented wrongly; no model is asked.
    pub check: bool,
    /// Private definitions and tests as well.
    pub all: bool,
    /// The convention to write in.
    style: Option<String>,
}

impl Options {
    /// Read the options of an instruction.
    pub(crate) fn parse(value: &serde_json::Value) -> Result<Self, PluginError> {
        if value.is_null() {
            return Ok(Self::default());
        }
        let options: Self = serde_json::from_value(value.clone()).map_err(|error| {
            PluginError::new(ErrorCode::Invalid, format!("the options of `document` make no sense: {error}"))
        })?;
        let known = |name: &String| name == "auto" || Style::NAMES.iter().any(|(known, _)| known == name);
        if options.style.as_ref().is_some_and(|name| !known(name)) {
            let names: Vec<&str> = Style::NAMES.iter().map(|(name, _)| *name).collect();
            return Err(PluginError::new(ErrorCode::Invalid, "there is no such style of documentation")
                .with_hint(format!("`style` is one of auto, {}", names.join(", "))));
        }
        Ok(options)
    }

    /// The convention that the user asks for, where documentation of this language can have it.
    pub(crate) fn style(&self, language: Language) -> Option<Style> {
        let wanted = self.style.as_ref()?;
        let found = Style::NAMES.iter().find(|(name, _)| name == wanted).map(|(_, style)| *style);
        found.filter(|style| style.suits(language))
    }
}
