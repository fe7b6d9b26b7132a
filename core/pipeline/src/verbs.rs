//! The verbs that can be asked for, as the manifests of the plugins describe them.

use deepcoder_plugin_api::{ErrorCode, Plugin, PluginError, VerbManifest};

/// A verb that a plugin serves.
#[derive(Debug, Clone)]
pub struct Verb {
    /// Its name, what it takes, and its parameters.
    pub manifest: VerbManifest,
    /// Whether it may change files. Otherwise it answers in words.
    pub changes_files: bool,
    /// Whether it may ask the model. Otherwise none is loaded for it.
    pub asks_model: bool,
}

/// The verbs of all plugins, in the order in which they are shown.
#[must_use]
pub fn verbs() -> Vec<Verb> {
    deepcoder_plugins::all().iter().flat_map(|plugin| verbs_of(&**plugin)).collect()
}

/// The verb `name`, where a plugin serves it.
#[must_use]
pub fn verb(name: &str) -> Option<Verb> {
    let plugin = deepcoder_plugins::for_verb(name)?;
    verbs_of(&*plugin).find(|verb| verb.manifest.name == name)
}

/// Whether `verb` does without a model, with these parameters.
#[must_use]
pub fn needs_no_model(verb: &str, params: &serde_json::Value) -> bool {
    self::verb(verb).is_some_and(|verb| !verb.asks_model || verb.manifest.is_without_model(params))
}

fn verbs_of(plugin: &dyn Plugin) -> impl Iterator<Item = Verb> {
    let manifest = plugin.manifest();
    let (changes_files, asks_model) = (manifest.changes_files(), manifest.capabilities.model.is_some());
    manifest.verbs.clone().into_iter().map(move |manifest| Verb { manifest, changes_files, asks_model })
}

/// Whether `verb` knows every one of `options`, and each is of its type. A verb without a plugin passes here.
pub fn check_options(name: &str, options: &serde_json::Value) -> Result<(), PluginError> {
    let Some(verb) = verb(name) else { return Ok(()) };
    match options {
        serde_json::Value::Null => Ok(()),
        serde_json::Value::Object(options) => verb.manifest.check(options),
        _ => Err(PluginError::new(ErrorCode::Invalid, format!("the options of `{name}` are not an object"))
            .with_hint("give them as KEY=VALUE")),
    }
}

#[cfg(test)]
mod tests {
    /// Protects users from being refused an option that is read, and from one that is listed and not: every plugin lists
    /// what it reads, and refuses a listed option that is of no type at all.
    #[test]
    fn listed_options_are_those_that_are_read() {
        use deepcoder_plugin_api::Takes;
        use deepcoder_types::{Instruction, RepoPath};
        for plugin in deepcoder_plugins::all() {
            for verb in &plugin.manifest().verbs {
                // The words of a command are its parameters.
                assert!(!verb.params.is_empty() || verb.takes == Takes::Command, "{} lists none", verb.name);
                let plan = |options: serde_json::Value| {
                    plugin.plan(&Instruction {
                        id: "i".into(),
                        verb: verb.name.clone(),
                        prompt: if verb.takes == Takes::Command { "rename a to b" } else { "add a docstring" }.into(),
                        targets: vec![RepoPath::new("a.py").expect("a path")],
                        selection: None,
                        reads: Vec::new(),
                        options,
                        seed: 0,
                    })
                };
                for param in &verb.params {
                    let name = &param.name;
                    let wrong = plan(serde_json::json!({ name: { "no": "type" } }));
                    assert!(wrong.is_err(), "{} does not read {name}", verb.name);
                    for value in
                        param.default.iter().chain(&param.choices.iter().map(|c| c.as_str().into()).collect::<Vec<_>>())
                    {
                        assert!(
                            plan(serde_json::json!({ name: value })).is_ok(),
                            "{} refuses {name}={value}",
                            verb.name
                        );
                    }
                }
            }
        }
    }
}
