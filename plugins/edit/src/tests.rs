use crate::EditPlugin;
use crate::regions::whole_lines;
use deepcoder_plugin_api::Plugin as _;
use deepcoder_test_support::{Case, FakeModel, MemoryHost, Tree, check};
use deepcoder_types::{Prompt, RepoPath, TextRange};
use std::path::Path;

fn cases() -> Vec<Case> {
    Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"))
}

/// Protects what the plugin promises in `cases/*.md`, and what every plugin owes on each of them: determinism, clean
/// cancellation, grants, the base hash.
#[test]
fn cases_hold() {
    let plugin = EditPlugin::new();
    cases().iter().for_each(|case| check(&plugin, case));
}

fn requests(name: &str) -> Vec<deepcoder_types::GenerateRequest> {
    let case = cases().into_iter().find(|c| c.name == name).expect("case");
    let model: FakeModel = case.model();
    let plugin = EditPlugin::new();
    let grant = plugin.manifest().capabilities.model.expect("grant");
    let host = MemoryHost::new(&case.tree, &model, grant);
    let Ok(plan) = plugin.plan(&case.instruction) else { return Vec::new() };
    let _ = plugin.run(&case.instruction, &host.bundle(&plan), &host);
    model.requests()
}

/// Protects speed and safety of a whole-file answer: it is drafted from the old text, begins inside of a fence that the
/// file cannot close, and ends there.
#[test]
fn a_whole_file_is_drafted_and_fenced() {
    let requests = requests("fences");
    let request = requests.first().expect("request");
    assert_eq!(request.draft.as_deref(), Some("# Use\n\n```\nrun it\n```\n"));
    assert_eq!(request.stop, ["\n````"]);
    let Prompt::Chat { prefill, .. } = &request.prompt else { panic!("a chat") };
    assert_eq!(prefill, "````markdown\n");
    assert_eq!(request.sampling.temperature, 0.0);
}

/// Protects the second attempt: asking a greedy model the same thing again would give the same answer.
#[test]
fn the_second_attempt_takes_chances_and_says_what_was_wrong() {
    let requests = requests("lazy-unclear");
    assert_eq!(requests.len(), 2);
    assert!(requests[1].sampling.temperature > 0.0);
    assert_ne!(requests[0].sampling.seed, requests[1].sampling.seed);
    let Prompt::Chat { messages, .. } = &requests[1].prompt else { panic!("a chat") };
    assert!(messages[0].content.contains("Write every line in full instead of `# ... existing code ...`"));
}

/// Protects the KV cache: what several files share stands first, and each file's own text last.
#[test]
fn the_files_of_one_edit_share_the_beginning_of_their_prompts() {
    let texts: Vec<String> = requests("several")
        .iter()
        .map(|r| match &r.prompt {
            Prompt::Chat { messages, .. } => messages[0].content.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts.len(), 3);
    let shared = texts[1].bytes().zip(texts[2].bytes()).take_while(|(a, b)| a == b).count();
    assert!(texts[1][..shared].contains("def area"), "{}", &texts[1][..shared]);
    assert!(texts.iter().all(|t| t.contains("rename `area` to `surface`")));
}

/// Protects repairs: the model sees its own earlier answer and what is wrong with it, and only that file is asked for.
#[test]
fn a_repair_shows_the_earlier_answer_and_the_findings() {
    let requests = requests("repair");
    let Prompt::Chat { messages, .. } = &requests[0].prompt else { panic!("a chat") };
    assert_eq!(messages.len(), 3);
    assert!(messages[1].content.contains("def f(:"));
    assert!(messages[2].content.contains("- line 2: syntax error\n"));
    assert_eq!(requests[0].draft.as_deref(), Some("def f(:\n    return 2\n"));
}

/// Protects selections: what is rewritten are whole lines, and a range outside of the text is none.
#[test]
fn selections_become_whole_lines() {
    let text = "one\ntwo\nthree";
    assert_eq!(whole_lines(text, TextRange::new(5, 5)), Some(4..8));
    assert_eq!(whole_lines(text, TextRange::new(0, 4)), Some(0..4));
    assert_eq!(whole_lines(text, TextRange::new(0, 5)), Some(0..8));
    assert_eq!(whole_lines(text, TextRange::new(13, 13)), Some(8..13));
    assert_eq!(whole_lines(text, TextRange::new(9, 99)), None);
    assert_eq!(whole_lines(text, TextRange::new(9, 8)), None);
}

/// Protects prompts: every placeholder of every template is filled, whatever the files hold.
#[test]
fn no_placeholder_is_left() {
    for case in cases() {
        let tree: &Tree = &case.tree;
        assert!(tree.keys().all(|p: &RepoPath| !p.as_str().contains("{{")));
        for request in requests(&case.name) {
            let Prompt::Chat { messages, .. } = &request.prompt else { continue };
            assert!(messages.iter().all(|m| !m.content.contains("{{")), "{}", case.name);
        }
    }
}
