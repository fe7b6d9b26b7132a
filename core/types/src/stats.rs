//! The model use of a task.

use crate::{Generation, Usage};
use serde::{Deserialize, Serialize};

/// The model use of a task.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Calls of the model.
    pub calls: u32,
    /// Tokens of all calls.
    pub usage: Usage,
    /// Milliseconds that the model worked.
    pub model_ms: f64,
    /// Milliseconds to the first token of the first call.
    pub first_token_ms: Option<f64>,
    /// Whether verification sent the plugin back to work once.
    pub repaired: bool,
}

impl Stats {
    /// Add what another request of the same task used.
    pub fn merge(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.usage.add(other.usage);
        self.model_ms += other.model_ms;
        self.first_token_ms = self.first_token_ms.or(other.first_token_ms);
        self.repaired |= other.repaired;
    }

    /// Add one call of the model.
    pub fn add(&mut self, generation: &Generation) {
        self.usage.add(generation.usage);
        self.model_ms += generation.timing.total_ms;
        self.first_token_ms.get_or_insert(generation.timing.first_token_ms);
    }
}
