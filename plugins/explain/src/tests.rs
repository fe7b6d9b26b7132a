use crate::ExplainPlugin;
use deepcoder_plugin_api::Plugin as _;
use deepcoder_test_support::{Case, MemoryHost, check};
use deepcoder_types::Prompt;
use std::path::Path;

fn cases() -> Vec<Case> {
    Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"))
}

/// Protects what `cases/*.md` say, and what every plugin owes on each of them.
#[test]
fn cases_hold() {
    let plugin = ExplainPlugin::new();
    cases().iter().for_each(|case| check(&plugin, case));
}

/// Protects the user from a silent cut: what does not fit the context is left out whole, from the end, and said so.
#[test]
fn what_does_not_fit_is_left_out_and_logged() {
    let mut case = cases().into_iter().find(|c| c.name == "files").expect("case");
    case.instruction.options = serde_json::json!({"max_tokens": 20});
    let model = case.model().with_context(20 + 96 + 45);
    let plugin = ExplainPlugin::new();
    let host = MemoryHost::new(&case.tree, &model, plugin.manifest().capabilities.model.expect("grant"));
    let plan = plugin.plan(&case.instruction).expect("plan");
    plugin.run(&case.instruction, &host.bundle(&plan), &host).expect("answer");
    let Prompt::Chat { messages, .. } = &model.requests()[0].prompt else { panic!("a chat") };
    assert!(messages[0].content.contains("`a.py`") && !messages[0].content.contains("`b.py`"));
    assert!(host.log_lines().iter().any(|(_, line)| line.contains("`b.py` is left out")));
}
