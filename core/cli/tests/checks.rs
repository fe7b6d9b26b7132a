//! `deepcoder checks`, with the program itself.

use crate::workbench::Workbench;

const CONFIG: &[u8] =
    b"[check.style]\ncommand = [\"/bin/sh\", \"style.sh\"]\nkind = \"lint\"\nfiles = [\"**/*.py\"]\n\n\
                        [check.unit]\ncommand = [\"no-such-runner\", \"it's\"]\nkind = \"test\"\n";

const STYLE: &[u8] =
    b"grep -q tab a.py || exit 0\nprintf 'a.py:1:1: error: \\033[31mno tabs\\033[0m [W1]\\n'\nexit 1\n";

/// Protects the user who tries checks: what is said before there are any, before they are trusted, and with a mistake in the
/// file, each with the next step; nothing runs before `trust`, and a change of the file ends it.
#[test]
fn checks_are_trusted_first() {
    let bench = Workbench::new(&[("a.py", b"x = 1\n"), ("pyproject.toml", b"[tool.ruff]\n")]);
    let has = |args: &[&str], words: &[&str]| {
        let text = bench.transcript(args);
        assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
    };
    has(&["checks", "list"], &["has no checks", "deepcoder checks suggest"]);
    has(&["checks", "run"], &["error: deepcoder.toml", "has no checks", "hint: `deepcoder checks suggest`"]);
    has(&["checks", "suggest"], &["[check.ruff]", "command = [\"ruff\", \"check\", \".\"]", "deepcoder checks trust"]);
    bench.repo.write("deepcoder.toml", b"[check.a]\ncommand = \"pytest\"\n");
    has(&["checks", "list"], &["error: deepcoder.toml:2:", "hint: [check.NAME] has command"]);
    bench.repo.write("deepcoder.toml", CONFIG);
    bench.repo.write("style.sh", STYLE);
    has(&["checks", "list"], &["style  lint", "no-such-runner 'it'\\''s'", "is not trusted", "deepcoder checks trust"]);
    has(&["checks", "run"], &["is not trusted, so that no check runs", "deepcoder checks trust"]);
    has(&["checks", "trust"], &["/bin/sh style.sh  [**/*.py]", "is trusted as it is now"]);
    has(&["checks", "list"], &["deepcoder.toml is trusted"]);
    has(&["checks", "run", "none"], &["there is no check `none`", "the checks are style, unit"]);
    bench.repo.write("deepcoder.toml", &[CONFIG, b"#"].concat());
    has(&["checks", "run"], &["is not trusted"]);
}

/// Protects scripts and people: exit codes, messages with their places and without escapes, and JSON.
#[test]
fn checks_say_what_they_find() {
    let bench = Workbench::new(&[("a.py", b"x = 1\n"), ("deepcoder.toml", CONFIG), ("style.sh", STYLE)]);
    let run = |args: &[&str]| {
        let output = bench.command(args).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(run(&["checks", "trust"]).0, Some(0));
    let (code, _, said) = run(&["checks", "run", "style"]);
    assert!(code == Some(0) && said.contains("style: passed"), "{said}");
    let (code, _, said) = run(&["checks", "run"]);
    assert!(code == Some(1) && said.contains("unit: no result: `no-such-runner` is not installed"), "{said}");
    bench.repo.write("a.py", b"tab\n");
    let (code, found, said) = run(&["checks", "run", "style"]);
    assert_eq!((code, found.as_str()), (Some(1), "a.py:1: no tabs [W1]\n"), "{said}");
    let (code, json, _) = run(&["checks", "run", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (code, json["passed"].as_bool(), json["checks"][0]["outcome"].as_str()),
        (Some(1), Some(false), Some("failed"))
    );
    assert_eq!(json["checks"][0]["added"][0]["rule"], "W1");
    assert!(json["checks"][1]["outcome"]["not-run"].as_str().expect("a reason").contains("not installed"));
    for args in [["checks", "list", "--json"], ["checks", "suggest", "--json"], ["checks", "trust", "--json"]] {
        let (code, json, _) = run(&args);
        assert!(code == Some(0) && serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
    }
}
