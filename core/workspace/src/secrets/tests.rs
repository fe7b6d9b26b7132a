use super::corpus::{Dice, FILES, FORMS, blocks, tokens, values};
use super::{contains_secret, find_secret, find_secrets, is_secret_path};
use deepcoder_types::RepoPath;
use std::collections::BTreeMap;

/// Protects against leaks: of secrets planted in every kind and form, next to none is missed, and no kind or form is
/// missed altogether.
#[test]
fn planted_secrets_are_found() {
    let mut by: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut missed = Vec::new();
    let mut note = |kind: &str, form: &str, text: &str| {
        let found = contains_secret(text);
        for name in [kind, form, "all"] {
            let (hits, of) = by.entry(name.to_owned()).or_default();
            *hits += usize::from(found);
            *of += 1;
        }
        if !found {
            missed.push(format!("{kind}, {form}: {text}"));
        }
    };
    for seed in 0..20 {
        let mut dice = Dice(seed * 7919 + 1);
        for (kind, token) in tokens(&mut dice) {
            for form in
                ["bare", "x = \"V\"", "url: V", "// see V, later", "curl https://x.y/?k=V&z=1", "\"a\\nV\\n\"", "(V)"]
            {
                note(kind, "text", &form.replace('V', &token).replace("bare", &token));
            }
        }
        for (kind, block) in blocks(&mut dice) {
            note(kind, "block", &format!("first\n{block}last\n"));
        }
        for (kind, names, value) in values(&mut dice) {
            for (form, text) in FORMS {
                for name in names {
                    note(kind, form, &format!("{}\n", text.replace("{name}", name).replace("{value}", &value)));
                }
            }
        }
    }
    for (name, (hits, of)) in &by {
        println!("{hits:6} of {of:6} {name}");
        let least = if name == "all" { 97 } else { 85 };
        assert!(hits * 100 >= of * least, "{name}: {hits} of {of}\n{}", missed.join("\n"));
    }
}

/// Protects people from a program that cries wolf: program text, placeholders and what only points to a secret.
#[test]
fn ordinary_text_is_left_alone() {
    let text = include_str!("plain.txt");
    let wrong: Vec<&str> = text.lines().filter(|line| contains_secret(line)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(find_secret(text), None);
}

/// Protects files that are secret as a whole, copies of them included, and lets examples and program text be read.
#[test]
fn names_of_secret_files_are_known() {
    let secret = |name: &str| is_secret_path(&RepoPath::new(name).expect("a path"));
    let missed: Vec<_> = FILES.iter().filter(|name| !secret(name)).collect();
    assert!(missed.is_empty(), "{missed:?}");
    for name in [
        ".env.example",
        ".env.sample.bak",
        "example.env",
        "secrets.example.yaml",
        "terraform.tfvars.example",
        "id_rsa.pub",
        "secrets.rs",
        "credentials.go",
        "src/secrets/mod.rs",
        "password_reset.py",
        "token.rs",
        "environment.yml",
        "keyboard.json",
        "monkey.py",
        "sealed-secret.yaml",
        "reset-password.html",
        "bypass.txt",
        "rsa.rs",
        "README.md~",
        "docs/secret.md",
        "test_secrets.rs",
        "package.json",
        "tokenizer.json",
    ] {
        assert!(!secret(name), "{name}");
    }
}

/// Protects users who look for the place: each secret has its lines, one message for each line, and a person's mark
/// that it is none counts.
#[test]
fn each_secret_has_its_lines() {
    let mut dice = Dice(5);
    let token = tokens(&mut dice).swap_remove(2).1;
    let block = blocks(&mut dice).swap_remove(0).1;
    let text = format!("a\n{token} {token}\nb\n{block}c\n{token}\nd = \"{token}\"  # gitleaks:allow\n");
    let lines: Vec<_> = find_secrets(&text).map(|s| (s.line, s.last_line)).collect();
    assert_eq!(lines, [(2, 2), (4, 11), (13, 13)]);
}

/// Protects from texts that are made to take long: the time grows with their length and nothing else.
#[test]
fn hostile_texts_take_no_longer() {
    let begin = format!("{}BEGIN RSA PRIVATE KEY{0}\n", "-".repeat(5));
    for part in
        ["token=", "password:\"", "://a:b", "eyJ", "kind: Secret\ndata:\n", "\"d\":\"", &begin, "sk-", "EAA", "Q~9"]
    {
        let text = part.repeat((1 << 16) / part.len());
        assert!(find_secrets(&text).count() <= text.len());
    }
}

proptest::proptest! {
    /// Protects from panics on any text, such as one cut in the middle of a secret.
    #[test]
    fn no_text_is_too_strange(text in "(token|password|://|----BEGIN |eyJ|Q~|-us|pat|basic |kind: secret\ndata:|[=:\"'a-zA-Z0-9@./ \n\u{e9}\u{1f600}]{0,6}){0,12}") {
        for found in find_secrets(&text) {
            proptest::prop_assert!(found.offset <= text.len() && found.line >= 1);
        }
    }
}
