//! The rights of a plugin: those that it declares and the caller allows.

use deepcoder_plugin_api::{Capabilities, ErrorCode, Limits, ModelGrant, PluginError, PluginManifest};
use deepcoder_types::{Hint, RepoPath};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::time::Duration;

/// The rights that the caller gives to a run. The default allows every visible file and a generous use of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Globs of files that may be read.
    pub read: Vec<String>,
    /// Globs of files that may be changed.
    pub write: Vec<String>,
    /// The most that the model may be used.
    pub model: ModelGrant,
    /// The largest file that a change may leave behind.
    pub max_file_bytes: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            read: vec!["**".into()],
            write: vec!["**".into()],
            model: ModelGrant { max_calls: 256, max_tokens: 1 << 20 },
            max_file_bytes: 8 << 20,
        }
    }
}

impl Policy {
    /// This policy with changes allowed to `paths` only.
    #[must_use]
    pub fn writing_only(mut self, paths: &[RepoPath]) -> Self {
        self.write = paths.iter().map(|path| globset::escape(path.as_str())).collect();
        self
    }
}

/// A plugin's capabilities ∩ a policy, ready to be asked.
#[derive(Debug)]
pub struct Grants {
    plugin: String,
    read: [GlobSet; 2],
    write: [GlobSet; 2],
    model: Option<ModelGrant>,
    limits: Limits,
}

/// A glob of the policy or the plugin does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{glob}` is not a glob: {message}")]
pub struct GrantsError {
    /// The text.
    pub glob: String,
    /// The error in it.
    pub message: String,
}

impl Hint for GrantsError {}

impl Grants {
    /// The rights of the plugin of `manifest` under `policy`.
    pub fn new(manifest: &PluginManifest, policy: &Policy) -> Result<Self, GrantsError> {
        let Capabilities { read, write, model, checks: _ } = &manifest.capabilities;
        let least = |declared: &ModelGrant| ModelGrant {
            max_calls: declared.max_calls.min(policy.model.max_calls),
            max_tokens: declared.max_tokens.min(policy.model.max_tokens),
        };
        Ok(Self {
            plugin: manifest.id.clone(),
            read: [glob_set(read)?, glob_set(&policy.read)?],
            write: [glob_set(write)?, glob_set(&policy.write)?],
            model: model.as_ref().map(least),
            limits: manifest.limits,
        })
    }

    /// Whether the plugin may see `path`.
    #[must_use]
    pub fn may_read(&self, path: &RepoPath) -> bool {
        self.read.iter().all(|globs| globs.is_match(path))
    }

    /// Whether a proposal of the plugin may touch `path`.
    #[must_use]
    pub fn may_write(&self, path: &RepoPath) -> bool {
        self.write.iter().all(|globs| globs.is_match(path))
    }

    /// Whether the plugin may ask the model, which must never see a secret.
    #[must_use]
    pub const fn asks_model(&self) -> bool {
        self.model.is_some()
    }

    /// How long the plugin may take.
    #[must_use]
    pub const fn wall(&self) -> Duration {
        Duration::from_millis(self.limits.wall_ms)
    }

    /// A read of `path`, allowed or refused.
    pub fn check_read(&self, path: &RepoPath) -> Result<(), PluginError> {
        if self.may_read(path) { Ok(()) } else { Err(self.denied(&format!("may not read {path}"))) }
    }

    /// A call of the model for at most `wanted` tokens, after `calls` calls that produced `tokens` tokens.
    pub fn check_generate(&self, calls: u32, tokens: u32, wanted: u32) -> Result<(), PluginError> {
        let Some(grant) = &self.model else { return Err(self.denied("may not use the model")) };
        let budget = |message: String| {
            Err(PluginError::new(ErrorCode::Budget, format!("the plugin `{}` {message}", self.plugin))
                .with_hint("ask for less at once: fewer files, or a smaller change"))
        };
        if calls >= grant.max_calls {
            return budget(format!("has used its {} calls of the model", grant.max_calls));
        }
        let left = grant.max_tokens.saturating_sub(tokens);
        if wanted > left {
            return budget(format!("asks the model for {wanted} tokens and has {left} of {} left", grant.max_tokens));
        }
        Ok(())
    }

    /// The error for something that was not granted.
    #[must_use]
    pub fn denied(&self, what: &str) -> PluginError {
        PluginError::new(ErrorCode::Denied, format!("the plugin `{}` {what}", self.plugin))
            .with_hint("its plugin.toml does not declare this, or the policy of this call forbids it")
    }
}

/// `*` stays inside a folder, `**` crosses them, as in `.gitignore`.
fn glob_set(globs: &[String]) -> Result<GlobSet, GrantsError> {
    let wrong = |glob: &str, e: &globset::Error| GrantsError { glob: glob.to_owned(), message: e.kind().to_string() };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        deepcoder_types::check_glob(glob).map_err(|message| GrantsError { glob: glob.clone(), message })?;
        set.add(GlobBuilder::new(glob).literal_separator(true).build().map_err(|e| wrong(glob, &e))?);
    }
    set.build().map_err(|e| wrong(&globs.join(", "), &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(capabilities: &str, policy: &Policy) -> Grants {
        let text = format!(
            "id='a'\nversion='1.0.0'\napi='0.1'\nruntime='rust'\nverbs=[{{name='edit',summary='Edit'}}]\n[capabilities]\n{capabilities}"
        );
        Grants::new(&PluginManifest::parse(&text).expect("a manifest"), policy).expect("globs")
    }

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).expect("a path")
    }

    /// Protects rule "grant = declared ∩ allowed": neither side alone grants anything, nothing declared is nothing
    /// granted, and a file whose name looks like a glob is only itself.
    #[test]
    fn a_grant_needs_both_sides() {
        let all = Policy::default();
        assert!(!grants("", &all).may_read(&path("a.py")));
        assert!(grants("", &all).check_generate(0, 0, 1).is_err_and(|e| e.code == ErrorCode::Denied));
        let declared = grants("write=['src/**']", &all);
        assert!(declared.may_write(&path("src/x/a.py")) && !declared.may_write(&path("a.py")));
        let named = grants("write=['**']", &Policy::default().writing_only(&[path("src/[a].py")]));
        assert!(named.may_write(&path("src/[a].py")) && !named.may_write(&path("src/a.py")));
    }

    /// Protects the budget: calls and tokens over the smaller of the two grants are refused with the numbers.
    #[test]
    fn model_budgets_are_the_smaller_ones_and_loud() {
        let policy = Policy { model: ModelGrant { max_calls: 9, max_tokens: 100 }, ..Policy::default() };
        let grants = grants("model={max_calls=2,max_tokens=1000}", &policy);
        assert!(grants.check_generate(1, 60, 40).is_ok());
        let message = |calls, tokens, wanted| grants.check_generate(calls, tokens, wanted).expect_err("denied").message;
        assert_eq!(message(2, 0, 1), "the plugin `a` has used its 2 calls of the model");
        assert_eq!(message(1, 60, 41), "the plugin `a` asks the model for 41 tokens and has 40 of 100 left");
    }
}
