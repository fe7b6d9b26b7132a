//! The list of steps, and scripts for them.

use super::*;
use crate::{STEPS, StepScript};
use std::collections::BTreeSet;

/// Protects the torture suites: the list that they go through names every step that there is, and no other.
#[test]
fn the_list_of_steps_is_complete() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut named = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|x| x == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            named.extend(text.split(".at(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    assert_eq!(named, STEPS.iter().map(ToString::to_string).collect());
    assert_eq!(named.len(), STEPS.len(), "a step is listed twice");
}

/// Protects the torture suites as well: a script does its one thing at its one place, and wrong ones are refused instead
/// of testing nothing.
#[test]
fn scripts_do_one_thing_at_one_place() {
    let bench = Bench::mixed();
    let script: StepScript = "stage:2=28".parse().unwrap();
    let applier = bench.open_with(script).unwrap();
    let before = bench.snapshot();
    assert!(matches!(apply(&applier, &mixed("e1")), Err(ApplyError::NoSpace { .. })));
    assert_eq!(bench.snapshot(), before);
    apply(&applier, &mixed("e1")).unwrap();
    for wrong in ["stage", "stage=", "stage=die", "nowhere=kill", "stage:x=kill", "=kill"] {
        assert!(wrong.parse::<StepScript>().is_err(), "{wrong}");
    }
}
