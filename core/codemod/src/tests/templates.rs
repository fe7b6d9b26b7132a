use super::*;

fn made(from: &str, to: &str, rule: Option<&str>, language: Option<Language>) -> Result<Codemod, CodemodError> {
    let (template, replacement, condition) = (from.to_owned(), to.to_owned(), rule.map(str::to_owned));
    Codemod::new(&Source::Template { template, replacement, condition }, language)
}

fn template(from: &str, to: &str, text: &str) -> String {
    ruled(from, to, None, text)
}

fn ruled(from: &str, to: &str, rule: Option<&str>, text: &str) -> String {
    after(&made(from, to, rule, None).expect("a template"), None, text)
}

/// Protects what a hole means: it takes brackets and strings whole, and no more than what follows needs.
#[test]
fn holes_take_brackets_and_strings_whole() {
    for (from, to, text, expected) in [
        ("f(:[a], :[b])", "f(:[b], :[a])", "x = f(g(1, 2), \"a, b\") + f(3)", "x = f(\"a, b\", g(1, 2)) + f(3)"),
        ("f(:[a])", "g(:[a])", "f({[(1)]}) f(", "g({[(1)]}) f("),
        ("if :[c] { :[b] }", "when :[c] do :[b] end", "if a {\n  if b { c }\n}", "when a do if b { c } end"),
        ("a :[x];", ":[x]", "a b; c; a (d; e); f", "b c; (d; e) f"),
        (":[[x]] = :[[x]]", "same :[x]", "a = b; c = c", "a = b; same c"),
        ("\"a :[x] c\"", "':[x]'", "a b c \"a b c\" \"a (b c\"", "a b c 'b' '(b'"),
        ("f(...)", "g()", "f(1, (2)) h(f())", "g() h(g())"),
        ("(:[x])", "[:[x]]", "é(ü)ß", "é[ü]ß"),
    ] {
        assert_eq!(template(from, to, text), expected, "{from}");
    }
}

/// Protects every kind of hole: a word, no spaces, a line, blanks, an expression with its anchors, an operand.
#[test]
fn every_hole_takes_its_kind_of_text() {
    for (from, to, text, expected) in [
        ("use :[[m]];", "import :[m]", "use a_1; use a.b;", "import a_1 use a.b;"),
        (":[x.]!", "<:[x]>", "a.b! c", "<a.b> c"),
        ("# :[x\\n]", "// :[x]", "# one\ntwo # three\n", "// one\ntwo // three\n"),
        ("a:[ s]b", "a_b", "a \tb ab", "a_b ab"),
        (":[x~\\d+]px", ":[x]em", "width: 12px apx", "width: 12em apx"),
        (":[x~[a-f\\]]+];", "<:[x]>", "ab]; xyz;", "<ab]> xyz;"),
        ("= :[x:e];", "= f(:[x]);", "a = b(c d); a = b c;", "a = f(b(c d)); a = b c;"),
    ] {
        assert_eq!(template(from, to, text), expected, "{from}");
    }
}

/// Protects texts from layout: spaces of a template stand for any, next to brackets for none as well, unless the rule says
/// that they count.
#[test]
fn spaces_stand_for_spaces() {
    assert_eq!(template("f(a) + b", "x", "f( a\n)  +\n b"), "x");
    assert_eq!(template("f( a)", "x", "f(a) f( a)"), "f(a) x");
    assert_eq!(ruled("f(a)", "x", Some("where strict"), "f( a) f(a)"), "f( a) x");
}

/// Protects comments and strings: no match begins in one, and in code comments are spaces.
#[test]
fn comments_are_no_code() {
    let codemod = made("f(:[x])", "g(:[x])", None, Some(Language::C)).expect("a template");
    let text = "// f(1)\nf(/* ) */ 2); /* f(3) */ \"f(4)\"";
    assert_eq!(after(&codemod, Some(Language::C), text), "// f(1)\ng(/* ) */ 2); /* f(3) */ \"f(4)\"");
    let codemod = made("a :[x] b", ":[x]", None, Some(Language::C)).expect("a template");
    assert_eq!(after(&codemod, Some(Language::C), "a /* b */ c b"), "c");
}

/// Protects rules: conditions, cases and changes within holes.
#[test]
fn rules_decide_and_change() {
    for (rule, expected) in [
        ("where :[x] == \"1\"", "g(1) f(2, 2)"),
        ("where :[x] != \"1\",", "f(1) g(2, 2)"),
        ("where false", "f(1) f(2, 2)"),
        ("where match :[x] { | \"1\" -> true | \":[a], :[a]\" -> :[a] == \"3\" }", "g(1) f(2, 2)"),
        ("where match :[x] { | \":[a], :[a]\" -> | \"1\" -> false }", "f(1) g(2, 2)"),
        ("where rewrite :[x] { \"2\" -> \"three\" }", "g(1) g(three, three)"),
        ("where rewrite :[x] { 2 -> :[x] }", "g(1) g(2, 2, 2, 2)"),
    ] {
        assert_eq!(ruled("f(:[x])", "g(:[x])", Some(rule), "f(1) f(2, 2)"), expected, "{rule}");
    }
    assert_eq!(ruled("f(:[x])", "g(:[x])", Some("where nested"), "f(f(1), f(2))"), "g(g(1), g(2))");
    for rule in ["when true", "where", "where match :[x] { \"a\" }", "where :[x] == ", "where rewrite a { b -> c }"] {
        let wrong = made("f(:[x])", "", Some(rule), None).map(|_| ()).expect_err(rule);
        assert!(
            matches!(wrong, CodemodError::Template(TemplateError::Rule { .. })) && wrong.hint().is_some(),
            "{rule}"
        );
    }
}

/// Protects what a replacement may say of a hole: its text in another case, and new names.
#[test]
fn replacements_change_the_case() {
    let to = ":[x].UPPERCASE :[x].UpperCamelCase :[x].length :[y] :[x]s :[id(a)]:[id(a)]:[id()]";
    assert_eq!(template("<:[[x]]>", to, "<ab_c>"), "AB_C AbC 4 :[y] ab_cs 112");
    assert_eq!(template("<:[[x]]>", ":[x].lower_snake_case", "<AbC>"), "ab_c");
}

/// Protects people from templates that cannot be meant: each mistake is told with a next step.
#[test]
fn mistakes_of_templates_are_told() {
    let wrong = |text: &str| match made(text, "", None, None) {
        Err(CodemodError::Template(error)) => error,
        other => panic!("{text}: {other:?}"),
    };
    assert!(matches!(wrong("f(:[x]"), TemplateError::Brackets { .. }));
    assert!(matches!(wrong("f :[x])"), TemplateError::Brackets { .. }));
    assert!(matches!(wrong("don't :[x]"), TemplateError::Brackets { .. }));
    assert!(matches!(wrong(":[x~(]"), TemplateError::Expression { .. }));
    assert!(matches!(wrong(&"(".repeat(1000)), TemplateError::Deep));
    assert_eq!(wrong(""), TemplateError::Empty);
    let unbound = error(&pattern("f(:[x])", "g(:[y])"), None);
    assert_eq!(unbound, CodemodError::Template(TemplateError::Unbound("y".into())));
}

/// Protects the machine from hostile texts: nesting costs no stack, and what never matches costs no square of the length.
#[test]
fn hostile_texts_cost_linear_time() {
    let deep = format!("{}f(1){}", "(".repeat(200_000), ")".repeat(200_000));
    assert!(template("f(:[x])", "g(:[x])", &deep).contains("(g(1))"));
    let open = "f(".repeat(100_000);
    assert_eq!(template("f(:[x])", "g", &open), open);
    let never = "a ".repeat(100_000);
    assert_eq!(template("a :[x] b :[y] c", "", &never), never);
    let quotes = "\"\\".repeat(100_000);
    assert_eq!(template("f(:[x])", "", &quotes), quotes);
    let codemod = made("f(:[x])", "", None, Some(Language::C)).expect("a template");
    assert_eq!(codemod.matches(&path(), Some(Language::C), &"/*".repeat(200_000)), Some(Vec::new()));
    assert_eq!(codemod.matches(&path(), None, &"x".repeat(2 << 20)), None, "too long a text is told");
}
