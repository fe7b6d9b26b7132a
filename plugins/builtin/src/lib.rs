//! The built-in plugins. To add one, write its crate and put it into [`all`].

use deepcoder_plugin_api::Plugin;
use std::sync::Arc;

/// All built-in plugins, in the order in which they are shown.
#[must_use]
pub fn all() -> Vec<Arc<dyn Plugin>> {
    vec![
        Arc::new(deepcoder_plugin_edit::EditPlugin::new()),
        Arc::new(deepcoder_plugin_explain::ExplainPlugin::new()),
        Arc::new(deepcoder_plugin_document::DocumentPlugin::new()),
        Arc::new(deepcoder_plugin_complete::CompletePlugin::new()),
        Arc::new(deepcoder_plugin_refactor::RefactorPlugin::new()),
        Arc::new(deepcoder_plugin_fix::FixPlugin::new()),
    ]
}

/// The plugin that serves `verb`.
#[must_use]
pub fn for_verb(verb: &str) -> Option<Arc<dyn Plugin>> {
    all().into_iter().find(|plugin| plugin.manifest().verb(verb).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Protects the lookup: every manifest is valid, and no verb and no id is served twice.
    #[test]
    fn manifests_are_valid_and_distinct() {
        let plugins = all();
        let ids: BTreeSet<&str> = plugins.iter().map(|p| p.manifest().id.as_str()).collect();
        let verbs: Vec<&str> =
            plugins.iter().flat_map(|p| &p.manifest().verbs).map(|verb| verb.name.as_str()).collect();
        assert_eq!(ids.len(), plugins.len());
        assert_eq!(verbs.iter().collect::<BTreeSet<_>>().len(), verbs.len());
        for verb in verbs {
            assert!(for_verb(verb).is_some());
        }
        assert!(for_verb("nothing").is_none());
    }
}
