//! What must hold for every case of every plugin, beside what the case says itself.

use crate::case::{Case, Expected, Files};
use crate::hosted::{Hosted, Ran};
use deepcoder_edit::{MaterialiseError, materialise};
use deepcoder_plugin_api::{ErrorCode, ModelGrant, Plugin, PluginError};
use deepcoder_test_support::Reply;
use deepcoder_types::{Applicability, Change, EditSet, Outcome, Prompt, Proposal, RepoPath};
use std::sync::Arc;

/// Run the case, compare, and check what every plugin owes:
/// the same request gives the same result; a cancelled run proposes nothing else than the whole run; a used-up grant is
/// an error; no change outside of `write`; a stale base is refused; a second run on the result changes nothing, where
/// the case scripts one.
///
/// # Panics
/// When anything of it does not hold.
pub fn check(plugin: &Arc<dyn Plugin>, case: &Case) {
    let name = &case.name;
    let run = || Hosted::new(plugin, &case.tree, case.model());
    let Ran { outcome: ran, calls, model, .. } = run().run(&case.instruction);
    compare(case, &ran);
    assert_eq!(model.replies_left(), 0, "{name}: the model was asked less often than scripted");
    if let Some(prompt) = &case.prompt {
        let requests = model.requests();
        let Some(Prompt::Chat { messages, .. }) = requests.first().map(|r| &r.prompt) else {
            panic!("{name}: the first request is no chat");
        };
        let said = messages.last().map(|m| m.content.as_str());
        assert_eq!(said, Some(prompt.trim_end_matches('\n')), "{name}: the prompt");
    }
    assert_eq!(run().run(&case.instruction).outcome, ran, "{name}: not deterministic");
    for index in 0..calls {
        let cancelled = Hosted { cancel_at: Some(index), ..run() }.run(&case.instruction).outcome;
        let stopped = matches!(&cancelled, Err(e) if e.code == ErrorCode::Cancelled);
        assert!(stopped || cancelled == ran, "{name}: cancelled at call {index}, it came to {cancelled:?}");
    }
    if !model.requests().is_empty() {
        let none = ModelGrant { max_calls: 0, max_tokens: 0 };
        let refused = Hosted { grant: Some(none), ..run() }.run(&case.instruction).outcome;
        assert!(refused.is_err(), "{name}: without a grant it came to {refused:?}");
    }
    if let Ok(Outcome::Proposals(proposals)) = &ran {
        proposals.iter().for_each(|p| check_proposal(plugin, case, p));
    }
}

fn compare(case: &Case, ran: &Result<Outcome, PluginError>) {
    let name = &case.name;
    let (found, told) = match ran {
        Err(error) => {
            let code = serde_json::to_value(error.code).expect("a code is a word");
            (Expected::Error(code.as_str().unwrap_or_default().to_owned()), error.message.clone())
        }
        Ok(Outcome::Unchanged) => (Expected::Unchanged, String::new()),
        Ok(Outcome::Answer(answer)) => (Expected::Answer, answer.text.clone()),
        Ok(Outcome::Proposals(proposals)) => {
            let first = proposals.first().unwrap_or_else(|| panic!("{name}: no proposal"));
            let safe = first.applicability == Applicability::Safe;
            (if safe { Expected::Safe } else { Expected::NeedsReview }, first.rationale.clone())
        }
    };
    assert_eq!(found, case.expected, "{name}: {told}");
    if let Some(says) = &case.says {
        assert!(told.contains(says.as_str()), "{name}: `{told}` does not say `{says}`");
    }
}

fn check_proposal(plugin: &Arc<dyn Plugin>, case: &Case, proposal: &Proposal) {
    let name = &case.name;
    for change in &proposal.changes {
        for path in touched(change) {
            let allowed = plugin
                .manifest()
                .capabilities
                .write
                .iter()
                .any(|glob| globset::Glob::new(glob).is_ok_and(|g| g.compile_matcher().is_match(path.as_str())));
            assert!(allowed, "{name}: `{path}` is outside of `write`");
        }
    }
    let set = on(&case.tree, proposal).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut result = case.tree.clone();
    for file in &set.files {
        match &file.new {
            Some(image) => result.insert(file.path.clone(), image.bytes.clone()),
            None => result.remove(&file.path),
        };
    }
    let mut wanted = case.tree.clone();
    wanted.extend(case.after.clone());
    for (path, bytes) in &wanted {
        let found = result.get(path).map(|b| String::from_utf8_lossy(b).into_owned());
        assert_eq!(found.as_deref(), Some(String::from_utf8_lossy(bytes).as_ref()), "{name}: `{path}`");
    }
    assert_eq!(result.len(), wanted.len(), "{name}: files");
    for change in &proposal.changes {
        let Change::Modify(edit) = change else { continue };
        let mut other = case.tree.clone();
        other.entry(edit.path.clone()).or_default().push(b' ');
        assert!(
            matches!(on(&other, proposal), Err(MaterialiseError::Stale { .. })),
            "{name}: made for other bytes, and not refused"
        );
    }
    if let Some(replies) = &case.second {
        second(plugin, case, &result, replies);
    }
}

fn second(plugin: &Arc<dyn Plugin>, case: &Case, result: &Files, replies: &[Reply]) {
    let again = Hosted::new(plugin, result, case.with_replies(replies)).run(&case.instruction).outcome;
    assert_eq!(again, Ok(Outcome::Unchanged), "{}: the second run", case.name);
}

fn on(tree: &Files, proposal: &Proposal) -> Result<EditSet, MaterialiseError> {
    let read = |path: &RepoPath| {
        let image = |bytes: &Vec<u8>| deepcoder_types::FileImage { bytes: bytes.clone(), mode: Some(0o644) };
        Ok(tree.get(path).map(image))
    };
    materialise(proposal, "case", &read)
}

fn touched(change: &Change) -> Vec<&RepoPath> {
    match change {
        Change::Modify(edit) => vec![&edit.path],
        Change::Create(file) => vec![&file.path],
        Change::Rename(moved) => vec![&moved.source, &moved.target],
        Change::Delete(path) => vec![path],
    }
}
