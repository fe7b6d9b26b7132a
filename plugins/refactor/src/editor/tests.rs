use super::{Lined, Position, Span, actions, code_actions, prepare_rename, rename, resolve, target};
use crate::Verdict;
use deepcoder_resolve::{Files as _, Memory, Overlay, Project};
use deepcoder_types::RepoPath;
use std::collections::BTreeMap;
use std::sync::Arc;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

fn files(texts: &[(&str, &str)]) -> Memory {
    Memory::new(texts.iter().map(|(name, text)| (path(name), Arc::from(*text))).collect::<BTreeMap<_, _>>())
}

const fn at(line: u32, character: u32) -> Position {
    Position { line, character }
}

const fn cursor(line: u32, character: u32) -> Span {
    Span { start: at(line, character), end: at(line, character) }
}

/// A text with edits made by their lines and characters alone, as an editor makes them.
fn edited(text: &str, edits: &[super::SpanEdit]) -> String {
    let lined = Lined::new(text);
    let mut after = text.to_owned();
    for edit in edits.iter().rev() {
        let range = lined.byte(edit.span.start) as usize..lined.byte(edit.span.end) as usize;
        assert_eq!(range, edit.range.as_range());
        after.replace_range(range, &edit.text);
    }
    after
}

/// Protects renames in an editor: the name under the cursor is offered, and the edits, made by line and character, are those
/// of all files; what waits for a person says where.
#[test]
fn a_rename_goes_from_a_position_to_edits() {
    let bank = "s = \"𝄞\"; rate = 2\n\n\ndef pay(book):\n    return book.rate * rate\n";
    let main = "from bank import pay\n\nprint(\"𝄞\", pay(1))\n";
    let files = files(&[("bank.py", bank), ("main.py", main)]);
    let project = Project::new(&files);
    let here = target(&files, &path("bank.py"), cursor(0, 11)).expect("a text");
    let offered = prepare_rename(&project, &here).expect("a name");
    assert_eq!((offered.placeholder.as_str(), offered.span), ("rate", Span { start: at(0, 10), end: at(0, 14) }));
    let pay = target(&files, &path("main.py"), cursor(2, 13)).expect("a text");
    let renamed = rename(&project, &pay, "settle").expect("it is free");
    assert_eq!((renamed.verdict(), renamed.title.as_str()), (Verdict::Safe, "rename pay to settle"));
    let after: Vec<String> =
        renamed.edit.edits.iter().map(|(path, edits)| edited(&files.text(path).expect("a text"), edits)).collect();
    assert_eq!(after, [bank.replace("pay", "settle"), main.replace("pay", "settle")]);
    assert!(prepare_rename(&project, &target(&files, &path("main.py"), cursor(2, 1)).expect("a text")).is_err());
    assert!(target(&files, &path("none.py"), cursor(0, 0)).is_none());
    assert!(rename(&project, &pay, "class").is_err());
}

/// Protects texts that are not saved yet: what is asked and answered is about them, and about the saved texts of other files.
#[test]
fn unsaved_texts_are_what_counts() {
    let saved = files(&[("bank.py", "def pay():\n    return 1\n"), ("main.py", "from bank import pay\n\npay()\n")]);
    let unsaved = Arc::from("\n\ndef pay():\n    return 1\n");
    let overlay = Overlay::new(&saved, [(path("bank.py"), Some(unsaved))].into());
    let project = Project::new(&overlay);
    let here = target(&overlay, &path("bank.py"), cursor(2, 5)).expect("a text");
    let edit = rename(&project, &here, "settle").expect("it is free").edit;
    let places: Vec<(&str, Position)> =
        edit.edits.iter().flat_map(|(path, edits)| edits.iter().map(|edit| (path.as_str(), edit.span.start))).collect();
    assert_eq!(places, [("bank.py", at(2, 4)), ("main.py", at(0, 17)), ("main.py", at(2, 0))]);
}

/// Protects the menu of an editor: it has what is possible at the selection and nothing else, and an entry makes the edits
/// that it was offered for. `list` tells of all operations, with the reasons of those that are not possible.
#[test]
fn code_actions_are_what_is_possible() {
    let text = "def pay(rate):\n    total = rate * 2\n    return total\n";
    let files = files(&[("bank.py", text)]);
    let project = Project::new(&files);
    let selection = Span { start: at(1, 12), end: at(1, 20) };
    let here = target(&files, &path("bank.py"), selection).expect("a text");
    let offered = code_actions(&project, &here);
    let kinds: Vec<&str> = offered.iter().map(|action| action.kind).collect();
    assert_eq!(kinds, ["refactor.extract.variable", "refactor.extract.function", "refactor.rewrite"]);
    assert_eq!(offered[2].title, "swap the two sides of the operator");
    assert_eq!(offered[0].title, "extract a variable");
    let extracted = resolve(&project, &offered[0]).expect("it was offered");
    let (_, edits) = &extracted.edit.edits[0];
    let after = edited(text, edits);
    assert!(after.contains("= rate * 2\n    total = "), "{after}");
    let total = target(&files, &path("bank.py"), cursor(2, 11)).expect("a text");
    let inline = code_actions(&project, &total).into_iter().find(|action| action.kind == "refactor.inline.variable");
    let inlined = resolve(&project, &inline.expect("it is offered")).expect("it was offered");
    assert_eq!(edited(text, &inlined.edit.edits[0].1), "def pay(rate):\n    return rate * 2\n");
    let all = actions(&project, &total);
    let told = |name: &str| all.iter().find(|action| action.operation == name).expect("it is told");
    let renaming = told("rename");
    assert_eq!((renaming.refused.as_deref(), renaming.places, renaming.files, renaming.doubts), (None, 2, 1, 0));
    let nowhere = target(&files, &path("bank.py"), cursor(1, 10)).expect("a text");
    assert!(actions(&project, &nowhere).iter().any(|action| action.refused.is_some()));
}
