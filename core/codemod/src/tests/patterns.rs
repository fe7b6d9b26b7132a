use super::*;

/// Protects what a pattern means: variables stand for nodes, the same variable for the same code, `$$$` for any number, and
/// strings and comments are no code.
#[test]
fn patterns_match_code() {
    use Language::{C, Go, Java, JavaScript, Python, Rust, TypeScript};
    for (language, from, to, text, expected) in [
        (
            Python,
            "foo($A, $B)",
            "bar($B, $A)",
            "x = foo(1, (2, 3))  # foo(1, 2)\n",
            "x = bar((2, 3), 1)  # foo(1, 2)\n",
        ),
        (Python, "$A + $A", "2 * $A", "a + a\na + b\n", "2 * a\na + b\n"),
        (Python, "log($$$ARGS)", "log.info($$$ARGS)", "log()\nlog(1, *a, b=2)\n", "log.info()\nlog.info(1, *a, b=2)\n"),
        (Python, "foo($_, $_)", "bar()", "foo(1, 2)\nfoo(1)\n", "bar()\nfoo(1)\n"),
        (
            JavaScript,
            "var $A = $B",
            "const $A = $B",
            "var a = 1; // var b = 2\nlet c\n",
            "const a = 1; // var b = 2\nlet c\n",
        ),
        (TypeScript, "$A && $A()", "$A?.()", "f && f(); f && g()", "f?.(); f && g()"),
        (Rust, "$A.unwrap()", "$A?", "let x = f(\".unwrap()\").unwrap();", "let x = f(\".unwrap()\")?;"),
        (
            Go,
            "errors.New(fmt.Sprintf($$$A))",
            "fmt.Errorf($$$A)",
            "package a\nvar e = errors.New(fmt.Sprintf(\"%d\", 1))\n",
            "package a\nvar e = fmt.Errorf(\"%d\", 1)\n",
        ),
        (
            Java,
            "System.out.println($A)",
            "log($A)",
            "class A { void f() { System.out.println(1); } }",
            "class A { void f() { log(1); } }",
        ),
        (C, "free($P)", "release($P)", "void f(void) { free(p); }", "void f(void) { release(p); }"),
    ] {
        assert_eq!(rewritten(from, to, language, text), expected, "{from}");
    }
}

/// Protects nested matches: what matches in a capture is replaced in the same run, so that a second run changes nothing.
#[test]
fn matches_in_captures_are_replaced() {
    let text = "foo(foo(1, foo(2, 3)), 4)\n";
    assert_eq!(rewritten("foo($A, $B)", "bar($B, $A)", Language::Python, text), "bar(4, bar(bar(3, 2), 1))\n");
    assert_eq!(rewritten("a($A)", "b($A)", Language::Python, "a(a(a(1)))\n"), "b(b(b(1)))\n");
    let deep = format!("{}1{}\n", "a(".repeat(400), ")".repeat(400));
    let once = rewritten("a($A)", "b($A)", Language::Python, &deep);
    assert!(once.starts_with("b(b(b("), "{once}");
}

/// Protects layout: a replacement of several lines stands at the indentation of its place, captures keep their shape, tabs
/// stay tabs, and the lines of a string stay as they are.
#[test]
fn lines_are_indented_and_strings_are_not() {
    let text = "def f():\n    with a:\n        run(x,\n            y)\n";
    let wanted = "def f():\n    with a:\n        try:\n            run(x,\n                y)\n        finally:\n            end()\n";
    assert_eq!(rewritten("run($$$A)", "try:\n    run($$$A)\nfinally:\n    end()", Language::Python, text), wanted);
    let go = "package a\n\nfunc f() {\n\tif x {\n\t\told(1)\n\t}\n}\n";
    let wanted = "package a\n\nfunc f() {\n\tif x {\n\t\tfirst()\n\t\tnew(1)\n\t}\n}\n";
    assert_eq!(rewritten("old($A)", "first()\nnew($A)", Language::Go, go), wanted);
    let string = "def f():\n    run(\"\"\"a\n  b\n\"\"\")\n";
    let wanted = "def f():\n    if c:\n        run(\"\"\"a\n  b\n\"\"\")\n";
    assert_eq!(rewritten("run($A)", "if c:\n    run($A)", Language::Python, string), wanted);
    let blank = "if a:\n    run(f(\n\n        1))\n";
    let wanted = "if a:\n    g(\n        f(\n\n            1))\n";
    assert_eq!(rewritten("run($A)", "g(\n    $A)", Language::Python, blank), wanted);
}

/// Protects files with mistakes: code around an error is still found, and a text that is no text of the language is told.
#[test]
fn files_that_do_not_parse_are_searched() {
    assert_eq!(rewritten("foo($A)", "bar($A)", Language::Python, "x = (\nfoo(1)\n"), "x = (\nbar(1)\n");
    let codemod = Codemod::new(&pattern("foo($A)", "bar($A)"), Some(Language::Python)).expect("a codemod");
    let long = format!("foo(1)\n{}", "x\n".repeat(1 << 20));
    assert_eq!(codemod.matches(&path(), Some(Language::Python), &long), None);
}

/// Protects rules: constraints, relations, transformations, utilities, and fixes that take their neighbours along.
#[test]
fn rules_of_ast_grep_are_read() {
    let rule = "
id: no-print
language: Python
utils:
  loud:
    pattern: print($A)
rule:
  matches: loud
  inside:
    kind: function_definition
    stopBy: end
constraints:
  A: { regex: '^[a-z_]+$' }
transform:
  NAME:
    convert: { source: $A, toCase: upperCase }
fix: log($A, '$NAME')
---
id: no-debug
language: python
rule: { pattern: debug($$$) }
fix: { template: '', expandEnd: { regex: ',' } }
";
    let codemod = Codemod::new(&Source::Rules(rule.into()), None).expect("rules");
    let text = "print(a)\ndef f():\n    print(some)\n    print(1)\nx = [debug(1), 2]\n";
    let wanted = "print(a)\ndef f():\n    log(some, 'SOME')\n    print(1)\nx = [ 2]\n";
    assert_eq!(after(&codemod, Some(Language::Python), text), wanted);
    assert!(
        codemod.is_about(Some(Language::Python)) && !codemod.is_about(Some(Language::Go)) && !codemod.is_about(None)
    );
    let ignored = "def f():\n    # ast-grep-ignore: no-print\n    print(some)\n";
    assert_eq!(after(&codemod, Some(Language::Python), ignored), ignored);
}

/// Protects people from codemods that cannot be meant: each mistake is told with a next step.
#[test]
fn mistakes_are_told() {
    let python = Some(Language::Python);
    assert_eq!(error(&pattern(" ", "x"), python), CodemodError::Empty);
    assert_eq!(error(&pattern("$A", "f($A)"), python), CodemodError::Everything("$A".into()));
    assert_eq!(error(&pattern("$$$", "x"), python), CodemodError::Everything("$$$".into()));
    assert_eq!(error(&pattern("f($A)", "g($B)"), python), CodemodError::Unbound("B".into()));
    assert!(matches!(error(&pattern("f(", "g"), python), CodemodError::Pattern { language: "python", .. }));
    assert!(matches!(error(&pattern("a = 1; b = 2", "g"), python), CodemodError::Pattern { .. }));
    assert!(matches!(error(&pattern(&"(".repeat(300), "g"), python), CodemodError::Pattern { .. }));
    assert_eq!(error(&pattern("))) ((", "g"), None), CodemodError::Anywhere("))) ((".into()));
    assert_eq!(error(&pattern(&"x".repeat(1 << 15), "g"), python), CodemodError::Long);
    for rules in [
        "",
        "id: a\nlanguage: python\nrule: { pattern: f() }",
        "id: a\nlanguage: cobol\nrule: {pattern: f()}\nfix: g()",
        "{",
        "id: a\nlanguage: python\nrule: { pattern: f($A) }\nfix: g($B)",
    ] {
        let wrong = error(&Source::Rules(rules.into()), None);
        assert!(matches!(wrong, CodemodError::Rule(_) | CodemodError::NoFix(_)) && wrong.hint().is_some(), "{wrong}");
    }
    let conditional =
        Source::Pattern { pattern: "f($A)".into(), replacement: "g".into(), condition: Some("where true".into()) };
    assert_eq!(error(&conditional, python), CodemodError::Condition);
    assert!(matches!(crate::language_named("cobol"), Err(CodemodError::Language(name)) if name == "cobol"));
}
