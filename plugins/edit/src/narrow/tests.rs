use super::{Noun, adds_parameter, constraint, sentence, wrong_name};
use deepcoder_types::{Constraint, Renaming};

/// Protects narrow instructions: they are held to what they ask for.
#[test]
fn narrow_instructions_are_recognised() {
    for text in [
        "add docstrings",
        "Add a docstring to the 'diff' function to explain its purpose.",
        "add a short docstring to count_words",
        "Please add comments to every function",
        "translate the comments to English",
        "remove all comments from main",
        "document all public functions",
        "improve the doc comments of Parser",
        "add Javadoc comments to all public methods",
        "put the comment '# SPDX-License-Identifier: MIT' on the first line of each file",
        "add the comment \"see: the docs, please\" above main",
        "add JSDoc to every exported function",
        "add rustdoc",
    ] {
        assert_eq!(constraint(text), Some(Constraint::Comments), "{text}");
    }
    for text in ["Add type hints.", "add type annotations to every function", "fix the type hints of f"] {
        assert_eq!(constraint(text), Some(Constraint::Annotations), "{text}");
    }
    let rename = |a: &str, b: &str| Some(Constraint::Rename(Renaming { name: a.into(), new_name: b.into() }));
    assert_eq!(constraint("rename `area` to `surface`"), rename("area", "surface"));
    assert_eq!(constraint("Rename the function get_it() to fetch everywhere."), rename("get_it", "fetch"));
    assert_eq!(constraint("rename the parameter x of f to count"), rename("x", "count"));
    assert_eq!(constraint("in median, call Row.ordered in_order instead"), rename("ordered", "in_order"));
    assert_eq!(constraint("reformat this file with black"), Some(Constraint::Layout));
    assert_eq!(constraint("format the code"), Some(Constraint::Layout));
}

/// Protects everything else: an instruction that may ask for more is not held to less.
#[test]
fn other_instructions_are_not_narrowed() {
    for text in [
        "add a docstring to f and make it return None",
        "add type hints and docstrings",
        "add a docstring to f. Return None for an empty list",
        "add a comment parameter to post",
        "add comments support",
        "comment out the print call",
        "Sort the list before returning it, and fix the comments.",
        "add a type check to f",
        "document the release process in main",
        "rename x to y and z to w",
        "rename the file a.py to b.py",
        "rename f to g; then call it twice",
        "rename x to something better",
        "rename it to y",
        "rename x in f to y as a property",
        "format the output as JSON",
        "format the date",
        "fix indent",
        "include the comments in the output",
        "write the comments to the file",
        "add docstrings to all functions except main",
        "add annotations to the plot",
        "remove all comments except the copyright header",
        "Add a test for the comments",
        "add hints",
        "add javadoc support",
        "add a javadoc parser",
        "add",
        "",
    ] {
        assert_eq!(constraint(text), None, "{text}");
    }
}

/// Protects callers from a model that finds a name of its own where the one that was asked for is none.
#[test]
fn names_that_are_none_are_told() {
    assert_eq!(wrong_name("rename transfer to move-money"), Some("move-money"));
    assert_eq!(wrong_name("Rename f to 3x."), Some("3x"));
    for fine in ["rename transfer to move_money", "rename a.py to b.py", "rename the title to 'New-Title'", "rename it"]
    {
        assert_eq!(wrong_name(fine), None, "{fine}");
    }
}

/// Protects the meaning of a sentence, in whatever words: what is asked for, and for which definition.
#[test]
fn sentences_say_what_is_asked_for_and_where() {
    let rows = [
        ("statement needs a docstring", Noun::Documentation, Some("statement"), true),
        ("The function run lacks a docstring.", Noun::Documentation, Some("run"), true),
        ("size has no documentation, add a comment", Noun::Documentation, Some("size"), true),
        ("`pop` is missing documentation, please write it", Noun::Documentation, Some("pop"), true),
        ("document total with a docstring", Noun::Documentation, Some("total"), true),
        ("document Book.open with a docstring", Noun::Documentation, Some("Book.open"), true),
        ("Document strbuf_free", Noun::Documentation, Some("strbuf_free"), true),
        ("Document free", Noun::Documentation, Some("free"), false),
        ("Write a docstring for Book.total", Noun::Documentation, Some("Book.total"), true),
        ("add a one-line docstring to the function Worker.run", Noun::Documentation, Some("Worker.run"), true),
        ("give parse_time a docstring", Noun::Documentation, Some("parse_time"), true),
        ("in total, add a docstring", Noun::Documentation, Some("total"), true),
        ("could you write a docstring for run please", Noun::Documentation, Some("run"), true),
        ("add Javadoc to Parser::next", Noun::Documentation, Some("Parser.next"), true),
        ("add a doc comment to typeOf", Noun::Documentation, Some("typeOf"), true),
        ("write a comment above getYear that says what it does", Noun::Above, Some("getYear"), true),
        ("add comments to every function", Noun::Comments, None, true),
        ("add a docstring to each function", Noun::Documentation, None, true),
        ("add a comment to f", Noun::Comments, Some("f"), true),
        ("type hints for mean please", Noun::Hints, Some("mean"), true),
        ("parse_time needs type hints", Noun::Hints, Some("parse_time"), true),
        ("annotate the parameters and the result of round_amount", Noun::Hints, Some("round_amount"), true),
        ("annotate Job.fail with types", Noun::Hints, Some("Job.fail"), true),
        ("annotate run", Noun::Hints, Some("run"), false),
        ("add type hints to parse_time", Noun::Hints, Some("parse_time"), true),
    ];
    for (text, noun, name, certain) in rows {
        let found = sentence(text).map(|found| (found.noun, found.name, found.certain));
        assert_eq!(found, Some((noun, name.map(str::to_owned), certain)), "{text}");
    }
    for text in [
        "compute the total",
        "document the process",
        "the class needs a method",
        "total should return an int",
        "f needs a docstring and a test",
        "size has no documentation, add a parameter",
        "run needs a comment parameter",
        "annotate the plot",
        "annotate f with a decorator",
        "comments for posts should be sorted",
        "document f: it returns None",
    ] {
        assert_eq!(sentence(text), None, "{text}");
    }
}

/// Protects people from parameters that a model makes use of unasked, and wider instructions from being cut down.
#[test]
fn a_parameter_alone_is_known() {
    for text in ["add the parameter fee=0 to pay", "Add a new parameter fee=0 to the method Account.pay."] {
        assert!(adds_parameter(text), "{text}");
    }
    for text in [
        "add the parameter fee to pay",
        "add the parameter fee=0 to pay and use it",
        "add the parameter fee=0 to pay, which is subtracted",
        "add a docstring to pay",
        "add a check of the parameter x=0 to pay",
        "",
    ] {
        assert!(!adds_parameter(text), "{text}");
    }
}
