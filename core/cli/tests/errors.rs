//! Wrong input: each has a message, a hint where one helps, an exit code, and nothing is written.

use crate::workbench::Workbench;
use insta::assert_snapshot;
use std::os::unix::fs::symlink;

/// One transcript of many commands.
fn all(bench: &Workbench, commands: &[&[&str]]) -> String {
    commands.iter().map(|args| bench.transcript(args)).collect::<Vec<_>>().join("\n")
}

/// Protects managers of dotfiles: a repository that only the variables name is found by what runs here, and what the
/// daemon would have to do says why it cannot.
#[test]
fn a_repository_that_only_variables_name() {
    let bench = Workbench::new(&[("a.py", b"x = 1\n")]);
    let tree = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| {
        let mut command = bench.command(args);
        command.current_dir(tree.path()).env("GIT_DIR", bench.repo.join(".git")).env("GIT_WORK_TREE", ".");
        let output = command.output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["log"]);
    assert_eq!(code, Some(0), "{said}");
    for args in [&["jobs", "add", "edit", "x"][..], &["watch", "--detach"]] {
        let (code, said) = run(args);
        assert!(code == Some(2) && said.contains("GIT_WORK_TREE only") && said.contains("deepcoder edit"), "{said}");
    }
}

/// Protects users who mistype: the message says what is wrong, the exit code is 2.
#[test]
fn wrong_use() {
    let bench = Workbench::new(&[("a.py", b"x = 1\n")]);
    assert_snapshot!(all(
        &bench,
        &[
            &["frobnicate"],
            &["edit", "--yes", "--dry-run", "x"],
            &["edit", ""],
            &["edit", "-m", "  ", "a.py"],
            &["edit", "x", "a.py", "-o", "format"],
            &["generate"],
            &["generate", "x", "--logprobs", "2"],
            &["complete", "a.py"],
            &["complete", "a.py:9:1"],
            &["complete", "a.py:1:7"],
            &["explain"],
            &["pull", "qwen"],
            &["pull", "../x"],
            &["import", "missing.gguf"],
            &["models", "show", "nothing"],
            &["models", "rm", "qwen2.5-coder-0.5b-instruct"],
            &["-C", "missing", "log"],
            &["-c", "modle=x", "log"],
            &["-c", "threads=0", "log"],
            &["undo"],
            &["undo", "0123456789abcdef"],
            &["log"],
            &["stop"],
        ]
    ));
}

/// Protects files that must not be edited, and people who do not know yet why: each refusal names its reason.
#[test]
fn files_that_cannot_be_edited() {
    let bench = Workbench::new(&[
        ("src/util.py", b"x = 1\n"),
        ("binary.dat", b"a\0b"),
        ("latin.txt", b"caf\xe9\n"),
        ("utf16.txt", b"\xff\xfea\0"),
        (".gitignore", b"build/\n"),
        (".env", b"TOKEN=1\n"),
    ]);
    bench.repo.write("build/out.py", b"x\n");
    bench.repo.write("large.py", &vec![b'#'; 9 << 20]);
    symlink("/etc/passwd", bench.repo.join("link.py")).expect("a link");
    assert_snapshot!(all(
        &bench,
        &[
            &["edit", "x", "binary.dat"],
            &["edit", "x", "latin.txt"],
            &["edit", "x", "utf16.txt"],
            &["edit", "x", "large.py"],
            &["edit", "x", "link.py"],
            &["edit", "x", "../other.py"],
            &["edit", "x", "/etc/passwd"],
            &["edit", "x", ".git/config"],
            &["edit", "x", "build/out.py"],
            &["edit", "x", ".env"],
            &["edit", "x", "src/utl.py"],
            &["edit", "x", "*.rs"],
        ]
    ));
}

/// Protects newcomers: without a model, a repository or a runtime, the message says the command that helps; as JSON for
/// programs.
#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let bench = Workbench::new(&[("a.py", b"x = 1\n")]);
    let outside = tempfile::tempdir().expect("a folder");
    let text = all(
        &bench,
        &[
            &["edit", "x", "a.py"],
            &["generate", "x", "--json"],
            &["generate", "x", "--model", "qwen2.5-coder-0.5b-instrukt"],
            &["bench"],
            &["edit", "x", "-C", &outside.path().to_string_lossy()],
        ],
    );
    assert_snapshot!(text.replace(&*outside.path().to_string_lossy(), "[OUTSIDE]"));
    assert_eq!(bench.repo.git(&["status", "--porcelain"]), "");
}

/// Protects the settings: a mistake in the file is named with its line, for every verb.
#[test]
fn a_wrong_config_file_is_refused() {
    let bench = Workbench::new(&[]);
    std::fs::write(bench.home().join("config.toml"), "model = \"a\"\nidle_secs = 3\n").expect("written");
    assert_snapshot!(bench.transcript(&["status"]));
}

/// Protects folders that the demo must not fill.
#[test]
fn the_demo_refuses_a_folder_with_something_in_it() {
    let bench = Workbench::new(&[("a.py", b"x = 1\n")]);
    assert_snapshot!(bench.transcript(&["demo", "--dir", "."]));
}

/// Protects the model folder: a damaged one is said to be damaged, by `list` too, and can be removed.
#[test]
fn a_damaged_model_is_named_and_can_be_removed() {
    let bench = Workbench::new(&[]);
    let folder = bench.home().join("models/broken");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("deepcoder.json"), "{}").expect("written");
    assert_snapshot!(all(
        &bench,
        &[
            &["models", "list"],
            &["models", "verify", "broken"],
            &["generate", "x", "--model", "broken"],
            &["models", "rm", "broken", "--json"],
        ]
    ));
    assert!(!folder.exists());
}
