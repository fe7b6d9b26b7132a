//! Instructions that ask for one kind of change only.

use super::*;

/// Protects code from a model that does more than a narrow instruction asks for: the finding goes back to the plugin once,
/// and a result that still changes code is refused.
#[test]
fn a_narrow_instruction_is_held_to_what_it_asks_for() {
    let narrow = |text: &'static str, second: &'static str| {
        plugin(move |instruction, context, _| {
            let again = instruction.options.get("repair").is_some();
            if again {
                let message = instruction.options["repair"]["findings"][0]["message"].as_str().expect("message");
                assert!(message.ends_with("line 2 makes `2` of `1`"), "{message}");
            }
            let mut outcome = become_text(context, if again { second } else { text });
            if let Outcome::Proposals(proposals) = &mut outcome {
                proposals[0].constraint = Some(Constraint::Comments);
            }
            Ok(outcome)
        })
    };
    let (repaired, events) = run(narrow("# two\nx = 2\n", "# one\nx = 1\n"), quiet(), &Cancel::new());
    assert!(repaired.expect("a run").verified() && events.contains(&Event::Stage(Stage::Repair)));
    let (refused, _) = run(narrow("# two\nx = 2\n", "# two\nx = 2\n"), quiet(), &Cancel::new());
    let refused = refused.expect("a run").require_verified().expect_err("refused").to_string();
    assert!(refused.contains("only comments or docstrings were asked for"), "{refused}");
}

/// A run in which the plugin turns `old` into `new`, held to `constraint`.
fn narrow_run(old: &str, new: &'static str, constraint: Constraint) -> Run {
    let plugins = plugin(move |_, context, _| {
        let mut outcome = become_text(context, new);
        if let Outcome::Proposals(proposals) = &mut outcome {
            proposals[0].constraint = Some(constraint.clone());
        }
        Ok(outcome)
    });
    Pipeline::new(&Memory::of(path("a.py"), old), Arc::new(quiet()))
        .with_plugins(plugins)
        .run(&instruction(), &RunOptions::default(), &Cancel::new(), &mut |_| {})
        .expect("a run")
}

/// Protects good work next to bad: what a narrow instruction asks for is kept where the rest is left out, and a person is
/// told to look at it.
#[test]
fn what_goes_beyond_a_narrow_instruction_is_left_out() {
    let old = "def f():\n    return 1\n\n\ndef g():\n    return 1\n";
    let new = "def f():\n    \"\"\"F.\"\"\"\n    return 1\n\n\ndef g():\n    return 2\n";
    let run = narrow_run(old, new, Constraint::Comments);
    let image = run.edit_set.as_ref().and_then(|set| set.files[0].new.as_ref()).expect("a file");
    assert_eq!(image.bytes, new.replace("return 2", "return 1").as_bytes());
    assert!(run.verified() && run.applicability == Applicability::NeedsReview);
    assert!(run.rationale.starts_with("left out: a.py: only comments"), "{}", run.rationale);
}

/// Protects the annotations of a function that the model also documents: the docstring is left out, and not the line in
/// front of it.
#[test]
fn a_docstring_is_no_annotation() {
    let old = "def f(a):\n    return a\n\n\ndef g(b):\n    return b\n";
    let typed = "def f(a: int) -> int:\n    return a\n\n\ndef g(b: int) -> int:\n    return b\n";
    let new = typed.replace("    return b", "    \"\"\"\n    Gives it back.\n    \"\"\"\n    return b");
    let run = narrow_run(old, new.leak(), Constraint::Annotations);
    let image = run.edit_set.as_ref().and_then(|set| set.files[0].new.as_ref()).expect("a file");
    assert_eq!(String::from_utf8_lossy(&image.bytes), typed);
    assert!(run.verified() && run.rationale.starts_with("left out: a.py: only type annotations"), "{}", run.rationale);
}
