//! Grammars that try to exhaust time and memory.

use super::*;

/// The most bytes that a grammar may take, beyond those of the vocabulary.
const MAX_BYTES: usize = 400 << 20;

fn nested(count: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(count), close.repeat(count))
}

fn definitions(count: usize, each: impl Fn(usize) -> String) -> String {
    let all: Vec<String> = (0..count).map(|i| format!("\"a{i}\": {}", each(i))).collect();
    format!(r##"{{"$ref": "#/$defs/a0", "$defs": {{{}, "a{count}": {{"type": "object"}}}}}}"##, all.join(","))
}

fn rows() -> Vec<(&'static str, Form)> {
    let list = |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<Vec<_>>();
    let properties =
        |count| format!(r#"{{"properties": {{{}}}}}"#, list(count, &|i| format!(r#""p{i}": {{}}"#)).join(","));
    let chain = |count: usize, name: &str| {
        format!(
            "start: {name}0\n{}{name}{count}: \"x\"",
            list(count, &|i| format!("{name}{i}: {name}{} \"x\"\n", i + 1)).concat()
        )
    };
    let double = |name: &str| {
        format!(
            "start: {name}0\n{}{name}60: \"x\"",
            list(60, &|i| format!("{name}{i}: {name}{n} {name}{n}\n", n = i + 1)).concat()
        )
    };
    let free = |text: &str, count: usize, regex: &str| Form::Scope {
        text: text.into(),
        free: (0..count).map(|at| Free { start: at, end: at, regex: regex.into() }).collect(),
    };
    let mut rows: Vec<(&str, Form)> = vec![
        ("one million bytes", Form::Json(format!(r#"{{"title": "{}"}}"#, "x".repeat(1 << 20)))),
        ("10,000 values", Form::Json(format!(r#"{{"enum": {:?}}}"#, list(10_000, &|i| format!("value {i}"))))),
        ("2,000 properties", Form::Json(properties(2000))),
        ("9,000 properties", Form::Json(properties(9000))),
        (
            "a cycle of references",
            Form::Json(definitions(2000, |i| format!(r##"{{"$ref": "#/$defs/a{}"}}"##, (i + 1) % 2000))),
        ),
        (
            "a cycle of objects",
            Form::Json(definitions(2000, |i| {
                format!(r##"{{"properties": {{"x": {{"$ref": "#/$defs/a{}"}}}}}}"##, (i + 1) % 2000)
            })),
        ),
        (
            "two references each, all",
            Form::Json(definitions(40, |i| {
                format!(r##"{{"allOf": [{{"$ref": "#/$defs/a{n}"}}, {{"$ref": "#/$defs/a{n}"}}]}}"##, n = i + 1)
            })),
        ),
        (
            "two references each, any",
            Form::Json(definitions(40, |i| {
                format!(r##"{{"anyOf": [{{"$ref": "#/$defs/a{n}"}}, {{"$ref": "#/$defs/a{n}"}}]}}"##, n = i + 1)
            })),
        ),
        ("deep lists", Form::Json(nested(100, r#"{"items": "#, "{}", "}"))),
        ("deeper lists", Form::Json(nested(20_000, r#"{"items": "#, "{}", "}"))),
        ("a long text", Form::Json(r#"{"type": "string", "minLength": 1000000, "maxLength": 100000000}"#.into())),
        (
            "long lists",
            Form::Json(
                r#"{"type": "array", "minItems": 1000000, "items": {"type": "array", "minItems": 1000000}}"#.into(),
            ),
        ),
        (
            "a large multiple",
            Form::Json(r#"{"type": "integer", "multipleOf": 999999937, "minimum": -1e300, "maximum": 1e300}"#.into()),
        ),
        ("a small multiple", Form::Json(r#"{"type": "number", "multipleOf": 0.000000000001234567}"#.into())),
        ("a pattern in a schema", Form::Json(r#"{"type": "string", "pattern": "(a?){1000}(a){1000}"}"#.into())),
        (
            "names by patterns",
            Form::Json(format!(
                r#"{{"patternProperties": {{{}}}}}"#,
                list(200, &|i| format!(r#""^a*{i}(b|c)*$": {{}}"#)).join(",")
            )),
        ),
        ("rules in rules", Form::Lark(chain(3000, "a"))),
        ("terminals in terminals", Form::Lark(chain(3000, "A"))),
        ("too many of them", Form::Lark(chain(12_000, "A"))),
        ("rules twice", Form::Lark(double("a"))),
        ("terminals twice", Form::Lark(double("A"))),
        ("deep groups", Form::Lark(format!("start: {}", nested(30_000, "(", "\"a\"", ")")))),
        ("counts of counts", Form::Lark("start: a{1,1000000}\na: b{1,1000000}\nb: \"x\"{1,1000000}".into())),
        ("ambiguous", Form::Lark("start: s\ns: s s | s s s | \"a\" |".into())),
        ("cyclic", Form::Lark("start: a\na: b*\nb: c*\nc: a*".into())),
        ("without", Form::Lark("start: A\nA: ~(~/(.*a){10}.{10}/ & ~/(.*b){11}.{12}/ & /(.*c){9}.{7}/)".into())),
        ("both", Form::Lark("start: A\nA: /(a|b)*a(a|b){20}/ & /(a|b)*b(a|b){21}/".into())),
        ("a grammar in a grammar", Form::Lark(format!("start: {}", nested(2000, "%lark { start: ", "\"a\"", " }")))),
        ("many literals", Form::Scope { text: "x = 1\n".repeat(40_000), free: vec![] }),
        ("many free ranges", free(&"x".repeat(3000), 3000, ".*")),
        (
            "free ranges at one position",
            Form::Scope { text: "x".into(), free: vec![Free { start: 0, end: 0, regex: "a*b*".into() }; 3000] },
        ),
        (
            "many patterns",
            Form::Scope {
                text: "x".into(),
                free: list(2000, &|i| format!(r"\w{{{i}}}"))
                    .into_iter()
                    .map(|regex| Free { start: 1, end: 1, regex })
                    .collect(),
            },
        ),
        ("choices", Form::Choices(list(1024, &|i| "a".repeat(i % 255 + 1)))),
    ];
    let patterns = [
        "(a?){1000}(a){1000}",
        "((a{1,100}){1,100}){1,100}",
        "((((a{1,1000}){1,1000}){1,1000}){1,1000}){1,1000}",
        "(.*a){20}.{50}",
        "(a|b)*a(a|b){30}",
        "(.*)a(.){200}",
        r"(\w{1,100}\s){1,100}",
        r"[\w\W]{1,10000}",
        "a{1000000000}",
        r"(\w{1000}){1000}",
    ];
    rows.extend(patterns.iter().flat_map(|p| [(*p, Form::Regex((*p).into())), (*p, free("x", 2, p))]));
    let long = [nested(50_000, "(", "a", ")"), list(20_000, &|i| format!("w{i}")).join("|"), "ab?".repeat(80_000)];
    rows.extend(
        long.into_iter()
            .flat_map(|p| [("a long pattern", Form::Regex(p.clone())), ("a long pattern", free("x", 2, &p))]),
    );
    rows
}

/// Protects the process with the model, and all other requests in it: every grammar works or is an error, within
/// bounded memory, and nothing overflows the stack. The time limit of the test runner bounds the time.
#[test]
fn hostile_grammars_are_bounded() {
    let compiler = compiler(false);
    for (name, form) in rows() {
        memory::reset();
        let result = compiler.compile(&Grammar::of(form));
        if let Ok(mut constraint) = result {
            follow(&mut constraint, 300);
        }
        let bytes = memory::most();
        assert!(bytes < MAX_BYTES, "{name} took {bytes} bytes");
    }
}

/// Goes on until an error or the end, with tokens that avoid it.
fn follow(constraint: &mut Constraint, most: usize) {
    let mut state = 5_u64;
    for _ in 0..most {
        let Ok(ids) = allowed(constraint) else { return };
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let id = ids[usize::try_from(state >> 33).expect("31 bits") % ids.len()];
        if constraint.accept(id).is_err() || ENDS.contains(&id) {
            return;
        }
    }
}
