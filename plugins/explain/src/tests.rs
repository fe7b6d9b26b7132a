use crate::ExplainPlugin;
use deepcoder_plugin_api::Plugin;
use deepcoder_test_cases::{Case, Hosted, check};
use deepcoder_types::Prompt;
use std::path::Path;
use std::sync::Arc;

fn plugin() -> Arc<dyn Plugin> {
    Arc::new(ExplainPlugin::new())
}

fn cases() -> Vec<Case> {
    Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"))
}

/// Protects what `cases/*.md` say, and what every plugin owes on each of them.
#[test]
fn cases_hold() {
    cases().iter().for_each(|case| check(&plugin(), case));
}

/// Protects the user from a silent cut: what does not fit the context is left out whole, from the end, and said so.
#[test]
fn what_does_not_fit_is_left_out_and_logged() {
    let mut case = cases().into_iter().find(|c| c.name == "files").expect("case");
    case.instruction.options = serde_json::json!({"max_tokens": 20});
    let model = case.model().with_context(20 + 96 + 45);
    let ran = Hosted::new(&plugin(), &case.tree, model).run(&case.instruction);
    ran.outcome.expect("answer");
    let Prompt::Chat { messages, .. } = &ran.model.requests()[0].prompt else { panic!("a chat") };
    assert!(messages[0].content.contains("`a.py`") && !messages[0].content.contains("`b.py`"));
    assert!(ran.log.iter().any(|line| line.contains("`b.py` is left out")));
}
