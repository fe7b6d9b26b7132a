//! `plugin.toml`: read without running any code of the plugin.

use crate::VerbManifest;
use serde::{Deserialize, Serialize};

/// The version of the contract. Before 1.0 a minor version may break.
pub const API_VERSION: &str = "0.1";

/// Where a plugin's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// Compiled in. Trusted.
    Rust,
    /// Python, contained in a child process.
    Python,
    /// A WebAssembly component, sandboxed.
    Wasm,
}

/// Use of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelGrant {
    /// The most calls of one run.
    pub max_calls: u32,
    /// The most tokens that one run may produce in all.
    pub max_tokens: u32,
}

/// The rights that a plugin declares. All others are denied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capabilities {
    /// Globs of files that it may read.
    pub read: Vec<String>,
    /// Globs of files that its proposals may touch.
    pub write: Vec<String>,
    /// Use of the model, if any.
    pub model: Option<ModelGrant>,
    /// Ids of checks that it may run.
    pub checks: Vec<String>,
}

/// The limits of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Wall-clock milliseconds.
    pub wall_ms: u64,
    /// CPU milliseconds (sandboxed runtimes only).
    pub cpu_ms: u64,
    /// Mebibytes (sandboxed runtimes only).
    pub memory_mb: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { wall_ms: 600_000, cpu_ms: 5_000, memory_mb: 256 }
    }
}

/// The whole of `plugin.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginManifest {
    /// `vendor.name`; the built-in ones have no dot.
    pub id: String,
    /// Semantic version of the plugin.
    pub version: String,
    /// The [`API_VERSION`] that it was written for.
    pub api: String,
    /// Where its code runs.
    pub runtime: Runtime,
    /// File of the code, for runtimes that load one.
    #[serde(default)]
    pub entry: Option<String>,
    /// SHA-256 of that file.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Verbs that it serves.
    pub verbs: Vec<VerbManifest>,
    /// Languages that it understands; empty means any.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Whether it works on one target at a time. Several targets then become one run each, with the signatures of the
    /// others in the context, and a target that fails does not cost the rest.
    #[serde(default)]
    pub each_target: bool,
    /// Its rights.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// The limits of a run.
    #[serde(default)]
    pub limits: Limits,
}

/// Why a `plugin.toml` is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, a field missing or unknown.
    #[error("plugin.toml: {0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// Written for another version of the contract.
    #[error("plugin `{id}` wants api {wanted}, this deepcoder has {API_VERSION}")]
    Api {
        /// The plugin.
        id: String,
        /// The version that it wants.
        wanted: String,
    },
    /// A field is out of range.
    #[error("plugin `{id}`: {message}")]
    Invalid {
        /// The plugin.
        id: String,
        /// The error, in words.
        message: String,
    },
}

impl PluginManifest {
    /// Read and check the text of a `plugin.toml`.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text).map_err(Box::new)?;
        if manifest.api != API_VERSION {
            return Err(ManifestError::Api { id: manifest.id, wanted: manifest.api });
        }
        let invalid =
            |message: &str| Err(ManifestError::Invalid { id: manifest.id.clone(), message: message.to_owned() });
        if manifest.verbs.is_empty() {
            return invalid("`verbs` is empty");
        }
        if let Some(mistake) = manifest.verbs.iter().find_map(VerbManifest::mistake) {
            return invalid(&mistake);
        }
        if manifest.id.is_empty()
            || !manifest.id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        {
            return invalid("`id` must be letters, digits, `.`, `-` or `_`");
        }
        if manifest.runtime != Runtime::Rust && manifest.entry.is_none() {
            return invalid("`entry` is missing");
        }
        let globs = manifest.capabilities.read.iter().chain(&manifest.capabilities.write);
        for glob in globs {
            if deepcoder_types::check_glob(glob).is_err() || globset::Glob::new(glob).is_err() {
                return invalid(&format!("`{glob}` is not a glob"));
            }
        }
        Ok(manifest)
    }

    /// The verb `name`, where the plugin serves it.
    #[must_use]
    pub fn verb(&self, name: &str) -> Option<&VerbManifest> {
        self.verbs.iter().find(|verb| verb.name == name)
    }

    /// Whether its verbs may change files. Otherwise they answer in words.
    #[must_use]
    pub fn changes_files(&self) -> bool {
        !self.capabilities.write.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        id = "acme.modernise"
        version = "1.2.0"
        api = "0.1"
        runtime = "rust"
        [[verbs]]
        name = "refactor"
        summary = "Refactor"
        [capabilities]
        read = ["src/**"]
        write = ["src/**"]
        model = { max_calls = 8, max_tokens = 8192 }
        [limits]
        wall_ms = 1000
    "#;

    /// Protects grants: a manifest that says something we do not understand must not load with less meaning.
    #[test]
    fn unknown_fields_other_apis_and_bad_globs_are_refused() {
        assert!(PluginManifest::parse(GOOD).is_ok());
        for (from, to) in [
            ("wall_ms", "wall_sm"),
            ("api = \"0.1\"", "api = \"0.2\""),
            ("write = [\"src/**\"]", "write = [\"src/[\"]"),
            ("name = \"refactor\"", "name = \"Refactor this\""),
            ("summary = \"Refactor\"", "params = [{ name = \"a\", type = \"int\", help = \"x\" }]"),
            ("runtime = \"rust\"", "runtime = \"wasm\""),
            ("acme.modernise", "../x"),
        ] {
            let bad = GOOD.replace(from, to);
            assert_ne!(bad, GOOD);
            assert!(PluginManifest::parse(&bad).is_err(), "accepted {to}");
        }
    }

    /// Protects defaults: what is not declared is not granted.
    #[test]
    fn undeclared_capabilities_are_empty() {
        let text = "id='a'\nversion='1.0.0'\napi='0.1'\nruntime='rust'\nverbs=[{name='edit',summary='Edit'}]";
        let manifest = PluginManifest::parse(text).expect("valid");
        assert_eq!(manifest.capabilities, Capabilities::default());
        assert_eq!(manifest.limits, Limits::default());
    }
}
