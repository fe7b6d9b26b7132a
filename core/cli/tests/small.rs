//! Small things that scripts and people rely on: the forms of commands, ids, options, names in lines, and JSON.

use crate::fake_daemon::FakeDaemon;
use crate::workbench::Workbench;
use deepcoder_test_support::FakeModel;
use serde_json::Value;
use std::sync::Arc;

const OLD: &str = "x = 1\n";
const NEW: &str = "x = 2\n";

fn said(bench: &Workbench, args: &[&str], code: i32) -> (String, String) {
    let output = bench.command(args).output().expect("it runs");
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{err}");
    (out, err)
}

/// Protects people who ask as they do elsewhere: `help` says what --help says, and `version` what --version says.
#[test]
fn help_and_version_are_verbs_too() {
    let bench = Workbench::new(&[]);
    for verb in [&["edit"][..], &["jobs", "add"], &[]] {
        let asked = said(&bench, &[&["help"], verb].concat(), 0).0;
        assert_eq!(asked, said(&bench, &[verb, &["--help"]].concat(), 0).0);
        assert!(asked.contains("Usage: deepcoder"), "{asked}");
    }
    assert_eq!(said(&bench, &["version"], 0).0, said(&bench, &["--version"], 0).0);
    assert!(said(&bench, &["help", "edti"], 2).1.contains("edit"), "a similar verb is named");
}

/// Protects pipes: what comes in stands behind the prompt, and is the prompt where there is none.
#[test]
fn what_is_piped_in_goes_with_the_prompt() {
    let bench = Workbench::new(&[]);
    let model = Arc::new(FakeModel::saying(["a", "b", "c"]));
    let _daemon = FakeDaemon::start(&bench, Arc::clone(&model) as Arc<dyn deepcoder_types::LanguageModel>);
    bench.transcript_with_input(&["generate", "explain this"], "fn main() {}\n");
    bench.transcript_with_input(&["generate"], "only this\n");
    bench.transcript_with_input(&["generate", "nothing beside"], "");
    let asked: Vec<String> = model.requests().iter().map(|request| format!("{:?}", request.prompt)).collect();
    assert!(asked[0].contains(r#"explain this\n\nfn main() {}"#), "{asked:?}");
    assert!(asked[1].contains("only this") && asked[2].contains("\"nothing beside\""), "{asked:?}");
}

/// Protects people from options that silently do nothing: the verb's options are named, for edits and for jobs.
#[test]
fn an_unknown_option_is_refused() {
    let bench = Workbench::new(&[("a.py", OLD.as_bytes())]);
    let _daemon = FakeDaemon::with_jobs(&bench, Arc::new(FakeModel::saying([NEW])));
    for args in [&["edit"][..], &["jobs", "add"]] {
        let (_, err) = said(&bench, &[args, &["make it two", "a.py", "-o", "fromat=whole"]].concat(), 2);
        let wanted = "error: `edit` has no option `fromat`\nhint: the options are format, max_tokens, temperature";
        assert!(err.contains(wanted), "{err}");
    }
    said(&bench, &["edit", "make it two", "a.py", "-o", "format=whole", "-n"], 1);
}

/// Protects users who add a job as they type an edit: paths follow the words, what is not there is said at once, and
/// --paths means what it meant.
#[test]
fn a_job_is_added_as_an_edit_is_typed() {
    let bench = Workbench::new(&[("src/a.py", OLD.as_bytes()), ("src/b.py", OLD.as_bytes()), ("c.py", b"y = 1\n")]);
    let _daemon = FakeDaemon::with_jobs(&bench, Arc::new(FakeModel::saying(Vec::<String>::new())));
    let add = |args: &[&str]| -> Value {
        let out = said(&bench, &[&["jobs", "add"], args, &["--in", "1h", "--json"]].concat(), 0).0;
        serde_json::from_str::<Value>(&out).expect("JSON")["job"]["spec"].clone()
    };
    let spec = add(&["make it two", "src", "c.py"]);
    assert_eq!(
        (&spec["kind"], &spec["prompt"], &spec["paths"]),
        (&"edit".into(), &"make it two".into(), &serde_json::json!(["src", "c.py"]))
    );
    let spec = add(&["explain", "what is it", "--paths", "src/*.py"]);
    assert_eq!(
        (&spec["kind"], &spec["prompt"], &spec["paths"][0]),
        (&"explain".into(), &"what is it".into(), &"src/*.py".into())
    );
    assert_eq!(add(&["-m", "edit", "c.py"])["prompt"], "edit");
    let (_, err) = said(&bench, &["jobs", "add", "make it two", "src/aa.py"], 2);
    assert!(err.contains("no visible file matches `src/aa.py`") && err.contains("src/a.py"), "{err}");
}

/// Protects the history's readers: one short id everywhere that every verb takes, as many entries as were asked for, those
/// of the files that were named, what each did, and names that make no lines.
#[test]
fn the_log_shows_what_was_asked_for() {
    let odd = "odd\nname.py";
    let bench = Workbench::new(&[("src/a.py", OLD.as_bytes()), (odd, OLD.as_bytes())]);
    let _daemon = FakeDaemon::start(&bench, Arc::new(FakeModel::saying([NEW, NEW])));
    said(&bench, &["edit", "make it two", "src/a.py", "--yes"], 0);
    said(&bench, &["edit", "make it two", odd, "--yes"], 0);
    let (all, _) = said(&bench, &["log"], 0);
    assert!(all.contains("    M \"odd\\nname.py\"\n") && all.contains("    M src/a.py\n"), "{all}");
    let (one, _) = said(&bench, &["log", "-n", "1"], 0);
    assert!(one.contains("odd") && !one.contains("src/a.py"), "{one}");
    let (of_src, _) = said(&bench, &["-C", "src", "log", "a.py", "-p"], 0);
    assert!(of_src.contains("-x = 1\n+x = 2\n") && !of_src.contains("odd"), "{of_src}");
    assert_eq!(said(&bench, &["log", "src", "-p"], 0).0, of_src);
    assert_eq!(said(&bench, &["log", "."], 0).0, all);
    let id = of_src.split_whitespace().next().expect("an id");
    assert_eq!(id.len(), 12);
    let (out, err) = said(&bench, &["undo", id], 0);
    assert_eq!(out, "src/a.py\n");
    let redo = err.split('`').nth(1).expect("a command").to_owned();
    assert_eq!(redo.split(' ').next_back().map(str::len), Some(12), "{redo}");
    let (out, _) = said(&bench, &["log", "-p", "--json", "-n", "1"], 0);
    let entry: Value = serde_json::from_str(&out).expect("JSON");
    assert!(entry["id"].as_str().is_some_and(|id| id.len() > 12), "{entry}");
    assert!(entry["diff"].as_str().is_some_and(|diff| diff.contains("+x = 1")), "{entry}");
    let (out, _) = said(&bench, &["undo", "--json", entry["undoes"].as_str().unwrap_or_default()], 2);
    assert!(out.contains("\"error\""), "{out}");
}

/// Protects users' text: they see that prefixes derived from it are kept, and where, can delete them, and hear it where the
/// directory is not used because others may write to it.
#[test]
fn computed_prefixes_are_shown_and_forgotten() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Workbench::new(&[]);
    let folder = bench.home().join("prefixes");
    assert!(said(&bench, &["models", "forget"], 0).1.contains("deleted 0 pages"));
    assert!(!folder.exists(), "nothing is made for it");
    std::fs::create_dir(&folder).expect("made");
    let page = folder.join(format!("{}-0.page", "ab".repeat(32)));
    std::fs::write(&page, [0; 10]).expect("written");
    let (out, _) = said(&bench, &["doctor"], 1);
    assert!(out.contains("prefixes in  ") && out.contains(" of at most 2.0 GiB)"), "{out}");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("set");
    let (out, _) = said(&bench, &["doctor"], 1);
    assert!(out.contains("other users may write in it") && out.contains("hint: chmod go-w "), "{out}");
    said(&bench, &["models", "forget"], 2);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("set");
    let (out, _) = said(&bench, &["models", "forget", "--json"], 0);
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&value["forgotten"], &value["freed"]), (&1.into(), &4096.into()));
    assert!(!page.exists());
    let (out, _) = said(&bench, &["doctor", "-c", "prefix_cache_mib=0"], 1);
    assert!(out.contains("nowhere: `prefix_cache_mib` is 0"), "{out}");
}

/// Protects programs: every object says which version of docs/reference/json.md describes it, and that names its fields.
#[test]
fn json_says_its_version_and_is_documented() {
    let bench = Workbench::new(&[("a.py", OLD.as_bytes())]);
    let _daemon = FakeDaemon::with_jobs(&bench, Arc::new(FakeModel::saying([NEW, "words"])));
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/json.md")).expect("there");
    let commands: [(&[&str], i32); 14] = [
        (&["edit", "make it two", "a.py", "--yes"], 0),
        (&["log", "-p"], 0),
        (&["undo"], 0),
        (&["generate", "x"], 0),
        (&["status"], 0),
        (&["models", "list"], 0),
        (&["models", "forget"], 0),
        (&["hook", "status"], 0),
        (&["hook", "run"], 0),
        (&["jobs", "add", "x", "a.py", "--in", "1h"], 0),
        (&["jobs", "list"], 0),
        (&["service", "status"], 1),
        (&["doctor"], 1),
        (&["undo", "nothing"], 2),
    ];
    for (args, code) in commands {
        let (out, _) = said(&bench, &[args, &["--json"]].concat(), code);
        assert!(!out.is_empty(), "{args:?}");
        for line in out.lines() {
            let value: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(value["schema"], 1, "{args:?}: {line}");
            let undocumented: Vec<&String> = value
                .as_object()
                .expect("an object")
                .keys()
                .filter(|key| !document.contains(&format!("`{key}`")))
                .collect();
            assert!(undocumented.is_empty(), "{args:?}: docs/reference/json.md does not name {undocumented:?}");
        }
    }
}

/// Protects scripts and new users: `pull` without a name downloads nothing unasked, and says what to type.
#[test]
fn pull_without_a_name_suggests() {
    let bench = Workbench::new(&[]);
    let (out, err) = said(&bench, &["pull"], 2);
    assert!(out.contains("qwen2.5-coder-0.5b-instruct") && out.contains("complete"), "{out}");
    assert!(err.contains("hint: deepcoder pull qwen2.5-coder-"), "{err}");
    let (out, _) = said(&bench, &["pull", "--json"], 2);
    let first: Value = serde_json::from_str(out.lines().next().expect("a line")).expect("JSON");
    assert!(first["suggested"].is_string() && first["roles"][0] == "edit", "{out}");
}

/// Protects people whose files were chosen for them: the reason is said, and is in the JSON.
#[test]
fn a_chosen_file_comes_with_its_reason() {
    let bench = Workbench::new(&[("shop/cart.py", OLD.as_bytes()), ("bank.py", b"y = 1\n")]);
    let _daemon = FakeDaemon::with_jobs(&bench, Arc::new(FakeModel::saying([NEW, NEW])));
    let (out, err) = said(&bench, &["edit", "make x two in the cart", "-n", "--json", "-o", "format=whole"], 1);
    assert!(err.contains("chose shop/cart.py: its path has `cart`"), "{err}");
    let found: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(found["chosen"][0]["path"], "shop/cart.py", "{out}");
    assert_eq!(found["chosen"][0]["reason"], "its path has `cart`", "{out}");
}
