//! The options of a verb, looked at before anything is asked: one that nobody reads is a mistake.

use deepcoder_plugin_api::{ErrorCode, PluginError};

/// The verbs that can be asked for, sorted.
#[must_use]
pub fn verbs() -> Vec<String> {
    let plugins = deepcoder_plugins::all();
    let mut verbs: Vec<String> = plugins.iter().flat_map(|plugin| plugin.manifest().verbs.clone()).collect();
    verbs.sort();
    verbs
}

/// Whether the plugin that serves `verb` reads every one of `options`. What no plugin serves is somebody else's to refuse.
pub fn check_options(verb: &str, options: &serde_json::Value) -> Result<(), PluginError> {
    let Some(plugin) = deepcoder_plugins::for_verb(verb) else { return Ok(()) };
    let names = options.as_object().into_iter().flat_map(|options| options.keys());
    let Some(unknown) = plugin.manifest().unknown_option(names) else { return Ok(()) };
    let known = &plugin.manifest().options;
    Err(PluginError::new(ErrorCode::Invalid, format!("`{verb}` has no option `{unknown}`"))
        .with_hint(format!("the options are {}", known.join(", "))))
}
