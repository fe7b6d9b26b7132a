use super::{NONE, edit, findings};

/// Protects files that programs read: what parsed still parses, and what has another reader is left to it.
#[test]
fn data_that_parsed_still_does() {
    for (name, good, bad, said) in [
        (
            "package.json",
            "{\n  \"a\": 1\n}\n",
            "{\n  // the a\n  \"a\": 1\n}\n",
            "line 2: the file is not JSON, and it was before (key must be a string)",
        ),
        ("a.json", "[1]\n", "[1,]\n", "line 1: the file is not JSON, and it was before (expected value)"),
        (
            "tsconfig.json",
            "{\n  // one\n  \"a\": [1,],\n}\n",
            "{\n  \"a\": [1\n}\n",
            "line 3: the file is not JSON, and it was before (expected `,` or `]`)",
        ),
        (
            "a.jsonl",
            "{}\n{}\n",
            "{}\n{\n",
            "line 2: the file is not JSON, and it was before (EOF while parsing an object)",
        ),
        (
            "a.ipynb",
            "{\"cells\": [], \"nbformat\": 4}\n",
            "{\"nbformat\": 4}\n",
            "the file is not a notebook, and it was before (it has no `cells` or no `nbformat`)",
        ),
        (
            "a.toml",
            "a = 1\n[b]\nc = 2\n",
            "a = 1\n[b]\nc = \n",
            "line 3: the file is not TOML, and it was before (string values must be quoted, expected literal string)",
        ),
        ("Cargo.lock", "a = 1\n", "a = 1\na = 2\n", "line 2: the file is not TOML, and it was before (duplicate key)"),
        ("a.yml", "a:\n  - b\n  - c: 1\n", "a:\n  - b\n - c: 1\n", ""),
        ("a.yaml", "a: 1\n---\nb: [1, 2]\n", "a: 1\n---\nb: [1, 2\n", ""),
    ] {
        let found = edit("x", name, good, bad);
        let errors: Vec<&String> = found.iter().filter(|f| f.starts_with('E')).collect();
        assert_eq!(errors.len(), 1, "{name}: {found:?}");
        assert!(said.is_empty() || **errors[0] == format!("E {name}: {said}"), "{found:?}");
        assert_eq!(edit("x", name, good, &good.replace('1', "3")), NONE, "{name}");
        // It was broken before, or it is new.
        assert!(edit("x", name, bad, &format!("{bad}\n")).iter().all(|f| !f.starts_with('E')), "{name}");
        assert!(findings("x", &[], &[(name, Some(bad))]).iter().any(|f| f.starts_with('E')), "{name}");
        assert_eq!(findings("x", &[], &[(name, Some(good))]), NONE, "{name}");
    }
    // Comments were there, so that the reader takes them; and a comma in a string stays.
    assert_eq!(edit("x", "a.json", "{ /* a */ }\n", "{ \"b\": \",]\", /* ü */ }\n"), NONE);
    assert_eq!(findings("x", &[], &[("templates/a.yaml", Some("a: {{ .Values.b }}\n{{- if }}\n"))]), NONE);
    let anchors = "a: &x\n  b: 1\nc:\n  <<: *x\n  d: |\n    text: [\n  e: !tag 1\n";
    assert_eq!(edit("x", "a.yml", anchors, &anchors.replace('1', "2")), NONE);
}

/// Protects from panics and hangs of the parsers: deep nesting and texts with bytes exchanged.
#[test]
fn hostile_data_is_judged() {
    let seeds = [
        ("a.yml", "a: &x [1, {b: 'c', ? d : \"e\\u0041\"}]\n- !t |2-\n  text\n...\n%YAML 1.2\n---\n*x : >+\n  y\n"),
        ("a.toml", "a = 1979-05-27\n[[b.c]]\nd = { e = [1, 0x1f], f = '''x''' }\n"),
        ("a.jsonc", "{ \"a\\u0041\": [1e9, null], /* c */ \"b\": {}, // d\n}\n"),
    ];
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for (name, seed) in seeds {
        for _ in 0..400 {
            let mut text: Vec<char> = seed.chars().collect();
            for _ in 0..1 + random(4) {
                let (at, from) = (random(text.len()), random(seed.chars().count()));
                let c = seed.chars().nth(from).expect("in range");
                if random(2) == 0 { text[at] = c } else { text.insert(at, c) }
            }
            let text: String = text.into_iter().collect();
            assert!(findings("x", &[], &[(name, Some(&text))]).len() <= 2, "{text}");
        }
        for c in ['[', '{', '-', '"', '&', '?', ' ', '\t', 'a', ':', '\'', '|'] {
            let deep: String = std::iter::repeat_n(c, 20_000).collect();
            findings("x", &[], &[(name, Some(&deep))]);
            findings("x", &[], &[(name, Some(&format!("{c} ").repeat(5_000)))]);
        }
    }
}
