use crate::DocumentPlugin;
use deepcoder_plugin_api::Plugin;
use deepcoder_test_cases::{Case, check};
use std::path::Path;
use std::sync::Arc;

/// Protects what `cases/*.md` say, and what every plugin owes on each of them.
#[test]
fn cases_hold() {
    let plugin: Arc<dyn Plugin> = Arc::new(DocumentPlugin::new());
    let cases = Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"));
    cases.iter().for_each(|case| check(&plugin, case));
}
