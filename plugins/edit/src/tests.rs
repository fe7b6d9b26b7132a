use crate::EditPlugin;
use crate::units::whole_lines;
use deepcoder_plugin_api::{ErrorCode, Plugin};
use deepcoder_test_cases::{Case, Files, Hosted, check};
use deepcoder_test_support::FakeModel;
use deepcoder_types::{Change, ContentHash, ContextBundle, Instruction, Outcome, Prompt, RepoPath, Snippet, TextRange};
use std::path::Path;
use std::sync::Arc;

fn plugin() -> Arc<dyn Plugin> {
    Arc::new(EditPlugin::new())
}

fn cases() -> Vec<Case> {
    Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"))
}

/// Protects what the plugin promises in `cases/*.md`, and what every plugin owes on each of them: determinism, clean
/// cancellation, grants, the base hash.
#[test]
fn cases_hold() {
    cases().iter().for_each(|case| check(&plugin(), case));
}

/// Protects renamings from a name that the language of the file reserves: the model is not asked, and nothing is renamed.
#[test]
fn a_keyword_is_no_new_name() {
    let mut instruction = cases().remove(0).instruction;
    let mut plan = |prompt: &str, path: &str| {
        instruction.prompt = prompt.to_owned();
        instruction.targets = vec![RepoPath::new(path).expect("a path")];
        EditPlugin::new().plan(&instruction).map_err(|error| error.message)
    };
    assert!(plan("rename total to lambda", "a.py").is_err_and(|message| message.contains("`lambda`")));
    assert!(plan("rename total to lambda", "a.rs").is_ok());
    assert!(plan("rename total to lambda", "a.txt").is_ok());
}

fn requests(name: &str) -> Vec<deepcoder_types::GenerateRequest> {
    let case = cases().into_iter().find(|c| c.name == name).expect("case");
    Hosted::new(&plugin(), &case.tree, case.model()).run(&case.instruction).model.requests()
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

/// Protects files from being copied into each other: a prompt shows the file that it is about and no other target.
#[test]
fn a_prompt_shows_no_other_target() {
    let texts: Vec<String> = requests("several")
        .iter()
        .map(|r| match &r.prompt {
            Prompt::Chat { messages, .. } => messages[0].content.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts.len(), 3);
    for (text, own) in texts.iter().zip(["def area", "print(area(2))", "nothing to do"]) {
        let shown = ["def area", "print(area(2))", "nothing to do"].into_iter().filter(|part| text.contains(part));
        assert_eq!(shown.collect::<Vec<_>>(), [own], "{text}");
    }
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
        assert!(case.tree.keys().all(|p: &RepoPath| !p.as_str().contains("{{")));
        for request in requests(&case.name) {
            let Prompt::Chat { messages, .. } = &request.prompt else { continue };
            assert!(messages.iter().all(|m| !m.content.contains("{{")), "{}", case.name);
        }
    }
}

/// Protects large files: where the context holds only the parts that are meant, those are written anew, the model sees
/// the signatures of the rest, and every other byte stays.
#[test]
fn of_a_large_file_only_the_meant_parts_are_written() {
    let filler: String = (0..200).map(|i| format!("def other_{i}():\n    return {i}\n\n\n")).collect();
    let text = format!("{filler}def meant():\n    return 1\n");
    let path = RepoPath::new("big.py").expect("path");
    let files = Files::from([(path.clone(), text.clone().into_bytes())]);
    let instruction = Instruction { targets: vec![path.clone()], ..instruction("return two in meant") };
    let part = |start: usize, end: usize, origin: &str| Snippet {
        path: path.clone(),
        range: TextRange::new(u32::try_from(start).expect("small"), u32::try_from(end).expect("small")),
        text: text[start..end].to_owned(),
        file_hash: ContentHash::of(text.as_bytes()),
        origin: origin.into(),
    };
    let run = |context: &ContextBundle| {
        let model = FakeModel::saying(["def meant():\n    return 2\n```"]).with_context(600);
        let context = Some(context.clone());
        Hosted { context, ..Hosted::new(&plugin(), &files, model) }.run(&instruction)
    };
    let snippets = vec![part(filler.len(), text.len() - 1, "target"), part(0, "def other_0():".len(), "outline")];
    let context = ContextBundle { snapshot: "s".into(), snippets, token_budget: 500 };
    let ran = run(&context);
    let Ok(Outcome::Proposals(proposals)) = &ran.outcome else { panic!("a proposal") };
    let Change::Modify(edit) = &proposals[0].changes[0] else { panic!("an edit") };
    let new = deepcoder_edit::apply_edits(&text, &edit.edits).expect("fits");
    assert_eq!(new, format!("{filler}def meant():\n    return 2\n"));
    let Prompt::Chat { messages, .. } = &ran.model.requests()[0].prompt else { panic!("a chat") };
    assert!(messages[0].content.contains("def other_0():\n```") && !messages[0].content.contains("other_1"));
    let stale = ContextBundle {
        snippets: context.snippets.iter().map(|s| Snippet { file_hash: ContentHash::of(b"x"), ..s.clone() }).collect(),
        ..context
    };
    assert!(matches!(run(&stale).outcome, Err(e) if e.code == ErrorCode::Stale));
}

fn instruction(prompt: &str) -> Instruction {
    Instruction {
        id: "1".into(),
        verb: "edit".into(),
        prompt: prompt.into(),
        targets: Vec::new(),
        reads: Vec::new(),
        selection: None,
        options: serde_json::Value::Null,
        seed: 1,
    }
}

/// Protects from an edit of nothing in particular: without targets, named or found, there is an error with a hint.
#[test]
fn no_target_is_an_error() {
    let ran = Hosted::new(&plugin(), &Files::new(), FakeModel::saying::<String>([])).run(&instruction("do it"));
    let error = ran.outcome.expect_err("no target");
    assert!(error.code == ErrorCode::NotFound && error.hint.is_some());
    let odd = Instruction { options: serde_json::json!({"format": "poem"}), ..instruction("do it") };
    assert!(matches!(plugin().plan(&odd), Err(e) if e.code == ErrorCode::Invalid && e.hint.is_some()));
}
