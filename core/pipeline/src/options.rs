//! Checks the options of a verb before the plugin starts: an option that no plugin reads is a mistake.

use deepcoder_plugin_api::{ErrorCode, PluginError};

/// The verbs that can be asked for, sorted.
#[must_use]
pub fn verbs() -> Vec<String> {
    let plugins = deepcoder_plugins::all();
    let mut verbs: Vec<String> = plugins.iter().flat_map(|plugin| plugin.manifest().verbs.clone()).collect();
    verbs.sort();
    verbs
}

/// Whether the plugin that serves `verb` reads every one of `options`. A verb without a plugin passes here.
pub fn check_options(verb: &str, options: &serde_json::Value) -> Result<(), PluginError> {
    let Some(plugin) = deepcoder_plugins::for_verb(verb) else { return Ok(()) };
    let names = options.as_object().into_iter().flat_map(|options| options.keys());
    let Some(unknown) = plugin.manifest().unknown_option(names) else { return Ok(()) };
    let known = &plugin.manifest().options;
    Err(PluginError::new(ErrorCode::Invalid, format!("`{verb}` has no option `{unknown}`"))
        .with_hint(format!("the options are {}", known.join(", "))))
}

#[cfg(test)]
mod tests {
    /// Protects users from being refused an option that is read, and from one that is listed and not: every plugin lists
    /// what it reads, and refuses a listed option that is of no type at all.
    #[test]
    fn listed_options_are_those_that_are_read() {
        use deepcoder_types::{Instruction, RepoPath};
        for plugin in deepcoder_plugins::all() {
            let manifest = plugin.manifest();
            assert!(!manifest.options.is_empty(), "{} lists none", manifest.id);
            let plan = |options: serde_json::Value| {
                plugin.plan(&Instruction {
                    id: "i".into(),
                    verb: manifest.verbs[0].clone(),
                    prompt: "add a docstring".into(),
                    targets: vec![RepoPath::new("a.py").expect("a path")],
                    selection: None,
                    reads: Vec::new(),
                    options,
                    seed: 0,
                })
            };
            for name in &manifest.options {
                let wrong = plan(serde_json::json!({ name: { "no": "type" } }));
                assert!(wrong.is_err(), "{} does not read {name}", manifest.id);
            }
        }
    }
}
