//! Which model does what: a small one completes code, the largest one that fits edits it.

use crate::{Profile, memory};
use deepcoder_hub::{Catalogue, Entry};
use serde::Deserialize;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Code at the cursor, which must come at once.
    Complete,
    /// Edits and questions.
    Edit,
    /// Work of several steps.
    Agent,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Complete, Self::Edit, Self::Agent];

    /// Its key in the settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Edit => "edit",
            Self::Agent => "agent",
        }
    }

    /// The role of the model that a verb asks.
    #[must_use]
    pub fn of_verb(verb: &str) -> Self {
        if verb == Self::Complete.name() { Self::Complete } else { Self::Edit }
    }
}

/// A model for each role; the table `models` of `config.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleModels {
    /// For code at the cursor.
    pub complete: Option<String>,
    /// For edits and questions.
    pub edit: Option<String>,
    /// For work of several steps.
    pub agent: Option<String>,
}

impl RoleModels {
    /// The model of `role`.
    #[must_use]
    pub fn get(&self, role: Role) -> Option<&String> {
        match role {
            Role::Complete => self.complete.as_ref(),
            Role::Edit => self.edit.as_ref(),
            Role::Agent => self.agent.as_ref(),
        }
    }

    /// With the models of `other` where this has none.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let or = |own: Option<String>, other: &Option<String>| own.or_else(|| other.clone());
        Self {
            complete: or(self.complete, &other.complete),
            edit: or(self.edit, &other.edit),
            agent: or(self.agent, &other.agent),
        }
    }
}

/// Memory that a model needs beside its weights: the KV cache, what is computed, and the rest of the machine.
const BESIDE: u64 = 3 << 29;

/// Whether a model of the catalogue runs in `memory` bytes.
#[must_use]
pub fn fits(entry: &Entry, memory: u64) -> bool {
    entry.imported.saturating_add(BESIDE) <= memory
}

/// The model of `entries` that serves `role` best in `memory` bytes, among those that `has` says.
fn best<'e>(entries: &'e [Entry], role: Role, memory: u64, has: &dyn Fn(&Entry) -> bool) -> Option<&'e Entry> {
    let mut able: Vec<&Entry> = entries
        .iter()
        .filter(|entry| if role == Role::Complete { entry.fim } else { entry.chat })
        .filter(|entry| has(entry))
        .collect();
    able.sort_by_key(|entry| entry.imported);
    match role {
        // Each keystroke waits for it.
        Role::Complete => able.first().copied(),
        Role::Edit | Role::Agent => {
            able.iter().rev().find(|entry| fits(entry, memory)).or_else(|| able.first()).copied()
        }
    }
}

/// The models that a machine with `memory` bytes should have, each with its roles, the first for edits.
#[must_use]
pub fn suggested(catalogue: &Catalogue, memory: u64) -> Vec<(&Entry, Vec<Role>)> {
    let mut found: Vec<(&Entry, Vec<Role>)> = Vec::new();
    for role in [Role::Edit, Role::Agent, Role::Complete] {
        // What nobody may use without reading its licence is for those who name it.
        let free = |entry: &Entry| !entry.license.restricted;
        let Some(entry) = best(catalogue.entries(), role, memory, &free) else { continue };
        match found.iter_mut().find(|(known, _)| known.name == entry.name) {
            Some((_, roles)) => roles.push(role),
            None => found.push((entry, vec![role])),
        }
    }
    found
}

impl Profile {
    /// The model of `role`: the one that the user has named, or else what is installed: the largest that fits the memory
    /// for edits, the smallest for code at the cursor. Without any, the default model.
    #[must_use]
    pub fn model_for(&self, role: Role) -> String {
        if let Some(named) = self.settings.models.get(role) {
            return named.clone();
        }
        let store = self.store();
        let catalogue = Catalogue::builtin();
        let memory = memory().map_or(u64::MAX, |memory| memory.total);
        let installed = |entry: &Entry| store.path(&entry.name).is_ok();
        let found = best(catalogue.entries(), role, memory, &installed);
        found.map_or_else(|| self.settings.model.clone(), |entry| entry.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn name(role: Role, memory: u64, has: &[&str]) -> Option<String> {
        let catalogue = Catalogue::builtin();
        let found = best(catalogue.entries(), role, memory, &|entry| has.contains(&entry.name.as_str()));
        found.map(|entry| entry.name.clone())
    }

    /// Protects the user's first minutes: edits get the largest model that there is and that fits, and code at the cursor
    /// does not wait for it.
    #[test]
    fn models_are_chosen_by_role_and_memory() {
        const SMALL: &str = "qwen2.5-coder-0.5b-instruct";
        const MIDDLE: &str = "qwen2.5-coder-1.5b-instruct";
        const LARGE: &str = "deepseek-coder-v2-lite-instruct";
        let all = [SMALL, MIDDLE, LARGE];
        assert_eq!(name(Role::Edit, 24 * GIB, &all).as_deref(), Some(LARGE));
        assert_eq!(name(Role::Edit, 8 * GIB, &all).as_deref(), Some(MIDDLE));
        assert_eq!(name(Role::Agent, 2 * GIB, &all).as_deref(), Some(SMALL));
        assert_eq!(name(Role::Edit, GIB, &all).as_deref(), Some(SMALL), "one that may not fit is better than none");
        assert_eq!(name(Role::Complete, 24 * GIB, &all).as_deref(), Some(SMALL));
        assert_eq!(name(Role::Complete, 24 * GIB, &[MIDDLE, LARGE]).as_deref(), Some(MIDDLE));
        assert_eq!(name(Role::Edit, 24 * GIB, &[]), None);
        let roles = |memory| -> Vec<(String, usize)> {
            let catalogue = Catalogue::builtin();
            suggested(&catalogue, memory).into_iter().map(|(entry, roles)| (entry.name.clone(), roles.len())).collect()
        };
        assert_eq!(roles(64 * GIB), roles(8 * GIB), "restricted models are for those who name them");
        assert_eq!(roles(8 * GIB), [(MIDDLE.to_owned(), 2), (SMALL.to_owned(), 1)]);
        assert_eq!(roles(2 * GIB), [(SMALL.to_owned(), 3)]);
    }
}
