//! A server of the test's own, programs that are no servers, and those of npm where they are installed.
#![expect(
    clippy::disallowed_methods,
    reason = "the folders are temporary ones of the test, and the runner says where servers are"
)]

use crate::talk::{Answers, Asked, talk};
use crate::{Configured, Servers, wire};
use deepcoder_checks::Machine;
use deepcoder_pipeline::NameServers as _;
use deepcoder_test_support::skip;
use deepcoder_types::{Cancel, Meant, NameAnswer, NameQuestion, RepoPath, Spot, TextRange};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

/// The nth occurrence of a word.
fn spot(file: &str, text: &str, word: &str, nth: usize) -> Spot {
    let (at, _) = text.match_indices(word).nth(nth).expect("the word");
    let number = |at: usize| u32::try_from(at).expect("small");
    Spot { path: path(file), range: TextRange::new(number(at), number(at + word.len())) }
}

const BANK: &str = "class Book:\n    def pay(self):  # 𝄞\n        return 1\n";
const SHOP: &str = "from bank import Book\n\n\ndef buy():\n    book = Book()\n    return book.pay()\n";

fn question() -> NameQuestion {
    NameQuestion { declared: vec![spot("bank.py", BANK, "pay", 0)], doubtful: vec![spot("shop.py", SHOP, "pay", 0)] }
}

fn text(path: &RepoPath) -> Option<String> {
    match path.as_str() {
        "bank.py" => Some(BANK.to_owned()),
        "shop.py" => Some(SHOP.to_owned()),
        _ => None,
    }
}

/// A conversation with a server that `serve` is: it gets each message and says what to send.
fn with(serve: impl Fn(&Value) -> Vec<Value> + Send) -> Option<NameAnswer> {
    let (their_input, our_output) = std::io::pipe().expect("a pipe");
    let (our_input, mut their_output) = std::io::pipe().expect("a pipe");
    let question = question();
    let asked = Asked::new(Path::new("/the tree"), &question, &text);
    let mut answers = Answers::new(question.doubtful.len());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut input = BufReader::new(their_input);
            while let Ok(message) = wire::read(&mut input) {
                for reply in serve(&message) {
                    // No message: the server ends.
                    if reply.is_null() || wire::write(&mut their_output, &reply).is_err() {
                        return;
                    }
                }
            }
        });
        _ = talk(&asked, our_output, our_input, &mut answers);
    });
    answers.told().then(|| answers.answer("server".into(), &asked))
}

fn location(uri: &str, line: u32, from: u32, to: u32) -> Value {
    json!({ "uri": uri, "range": { "start": { "line": line, "character": from }, "end": { "line": line, "character": to } } })
}

fn result(message: &Value, result: Value) -> Vec<Value> {
    vec![json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })]
}

/// A server that says this of each definition.
fn saying(definition: Value) -> impl Fn(&Value) -> Vec<Value> {
    move |message| match message["method"].as_str() {
        Some("initialize") => result(message, json!({ "capabilities": {} })),
        Some("textDocument/definition") => result(message, definition.clone()),
        Some("textDocument/references") => result(message, json!([location("file:///the%20tree/shop.py", 5, 16, 19)])),
        _ => Vec::new(),
    }
}

/// Protects the words of the protocol: a server is told the texts and the positions as it counts them, its own questions are
/// answered, a request that came too early is made again, and places come back in bytes of the tree.
#[test]
fn a_server_is_asked_and_understood() {
    let early = std::sync::atomic::AtomicBool::new(true);
    let answer = with(|message| match message["method"].as_str() {
        Some("initialized") => vec![json!({ "jsonrpc": "2.0", "id": "c", "method": "workspace/configuration",
            "params": { "items": [{}, {}] } })],
        None if message["id"] == "c" => {
            assert_eq!(message["result"], json!([null, null]));
            Vec::new()
        }
        Some("textDocument/didOpen") => {
            let file = &message["params"]["textDocument"];
            assert_eq!(file["languageId"], "python");
            assert!(file["text"] == BANK || file["text"] == SHOP);
            Vec::new()
        }
        Some("textDocument/definition") => {
            assert_eq!(message["params"]["position"], json!({ "line": 5, "character": 16 }));
            assert_eq!(message["params"]["textDocument"]["uri"], "file:///the%20tree/shop.py");
            if early.swap(false, std::sync::atomic::Ordering::Relaxed) {
                return vec![json!({ "id": message["id"], "error": { "code": -32801, "message": "not yet" } })];
            }
            result(message, json!([location("file:///the%20tree/bank.py", 1, 8, 11)]))
        }
        _ => saying(Value::Null)(message),
    });
    let answer = answer.expect("an answer");
    assert_eq!(answer.meant, [Meant::Declared(vec![spot("bank.py", BANK, "pay", 0)])]);
    assert_eq!(answer.references, Some(vec![spot("shop.py", SHOP, "pay", 0)]));
}

/// Protects renames from nonsense: answers that name no place of a text, or several kinds of places, tell nothing, and what is
/// outside of the tree is told as that.
#[test]
fn answers_that_are_no_places_tell_nothing() {
    let unknown = [
        Value::Null,
        json!([]),
        json!("pay"),
        json!([{ "uri": 1 }]),
        json!([location("file:///the%20tree/bank.py", 99, 0, 3)]),
        json!([location("file:///the%20tree/bank.py", 1, 11, 8)]),
        json!([location("file:///the%20tree/bank.py", 1, 23, 24)]),
        json!([location("file:///the%20tree/none.py", 1, 0, 3)]),
        json!([location("file:///the%20tree/../etc/passwd", 1, 0, 3)]),
        json!([location("http://example.org/a.py", 1, 0, 3)]),
        json!([location("file:///the%20tree/bank.py", 1, 8, 11), location("file:///usr/lib/a.py", 1, 0, 3)]),
    ];
    for answer in unknown {
        let meant = with(saying(answer.clone())).map(|answer| answer.meant);
        assert_eq!(meant, Some(vec![Meant::Unknown]), "{answer}");
    }
    let outside = with(saying(json!(location("file:///usr/lib/a%2Fb.py", 1, 0, 3)))).expect("an answer");
    assert_eq!(outside.meant, [Meant::Elsewhere("/usr/lib/a/b.py".into())]);
}

/// Protects renames from servers that fail: one that refuses or ends has said nothing.
#[test]
fn a_server_that_fails_has_said_nothing() {
    let refuses = |message: &Value| vec![json!({ "id": message["id"], "error": { "code": -1, "message": "no" } })];
    assert_eq!(with(refuses), None);
    let ends = |message: &Value| match message["method"].as_str() {
        Some("initialize") => result(message, json!({})),
        _ => vec![Value::Null],
    };
    assert_eq!(with(ends), None);
}

/// The programs of the test's machine, with the folder that `DEEPCODER_TEST_SERVERS` names.
fn machine() -> Machine {
    let variable = |name: &str| std::env::var_os(name);
    let path = variable("DEEPCODER_TEST_SERVERS").into_iter().chain(variable("PATH"));
    let path = path.flat_map(|path| std::env::split_paths(&path).collect::<Vec<PathBuf>>());
    Machine { path: path.collect(), home: variable("HOME").map(PathBuf::from), virtual_env: None }
}

/// Asks a server about files of a folder.
fn ask(command: Option<&str>, files: &[(&str, &str)], question: &NameQuestion, deadline: u64) -> Option<NameAnswer> {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path").join("tree");
    let scratch = folder.path().join("scratch");
    for (name, text) in files {
        let file = root.join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, text).expect("written");
    }
    std::fs::create_dir_all(&scratch).expect("made");
    let commands: BTreeMap<String, String> =
        command.iter().map(|command| ("python".to_owned(), (*command).to_owned())).collect();
    let servers = Servers::new(&root, machine(), Configured { off: false, commands }, &scratch);
    let text = |path: &RepoPath| {
        let (_, text) = files.iter().find(|(name, _)| *name == path.as_str())?;
        Some((*text).to_owned())
    };
    let answer = servers.with_deadline(Duration::from_secs(deadline)).ask(question, &text, &Cancel::new());
    assert_eq!(std::fs::read_dir(&scratch).expect("there").count(), 0, "the scratch folder is removed");
    answer
}

/// Protects the user's time and answers: a program that hangs costs its deadline, one that ends, is not there or sends back
/// what it gets has said nothing, and a server that is switched off is not started.
#[test]
fn programs_that_are_no_servers_cost_a_deadline_at_most() {
    let files = [("bank.py", BANK), ("shop.py", SHOP)];
    for command in ["sleep 1000", "false", "cat", "no-such-program", "./server", ""] {
        assert_eq!(ask(Some(command), &files, &question(), 1), None, "{command}");
    }
    let off = Configured { off: true, commands: BTreeMap::new() };
    assert!(crate::find::servers(deepcoder_syntax::Language::Python, &off, &machine()).is_empty());
}

/// Protects the second source: pyright, as npm installs it, knows the members of values whose types it infers, in the sandbox
/// and on texts that are not saved.
#[test]
fn pyright_is_understood() {
    if machine().find("pyright-langserver", &[], Path::new("/")).is_none() {
        skip!("pyright", "it is not installed; hint: npm install -g pyright");
    }
    let shop = "from bank import Book\n\nbooks = [Book(), Book()]\n\n\ndef buy():\n    return [b.pay() for b in books]\n\n\n\
                def tell(path):\n    import pathlib\n    return pathlib.Path(path).exists()\n\n\ndef open(any):\n    return any.pay()\n";
    let doubtful =
        vec![spot("shop.py", shop, "pay", 0), spot("shop.py", shop, "exists", 0), spot("shop.py", shop, "pay", 1)];
    let question = NameQuestion { declared: vec![spot("bank.py", BANK, "pay", 0)], doubtful };
    let answer = ask(None, &[("bank.py", BANK), ("shop.py", shop)], &question, 60).expect("an answer");
    assert_eq!(answer.by, "pyright-langserver");
    assert_eq!(answer.meant[0], Meant::Declared(vec![spot("bank.py", BANK, "pay", 0)]));
    assert!(matches!(&answer.meant[1], Meant::Elsewhere(file) if file.contains("pathlib")), "{:?}", answer.meant);
    assert_eq!(answer.meant[2], Meant::Unknown);
    assert!(answer.references.is_some_and(|all| all.contains(&spot("shop.py", shop, "pay", 0))));
}

/// Protects the second source for JavaScript and TypeScript: typescript-language-server, as npm installs it.
#[test]
fn typescript_language_server_is_understood() {
    if machine().find("typescript-language-server", &[], Path::new("/")).is_none() {
        skip!("tsserver", "hint: npm install -g typescript-language-server typescript@5");
    }
    let bank = "export class Book {\n  pay(): number { return 1; }\n}\nexport function all(): Book[] { return []; }\n";
    let shop = "import { all } from './bank';\nexport const paid = all().map((one) => one.pay());\nexport const far = [1].map(String);\n";
    let doubtful = vec![spot("shop.ts", shop, "pay", 0), spot("shop.ts", shop, "map", 1)];
    let question = NameQuestion { declared: vec![spot("bank.ts", bank, "pay", 0)], doubtful };
    let answer = ask(None, &[("bank.ts", bank), ("shop.ts", shop), ("tsconfig.json", "{}")], &question, 60);
    let answer = answer.expect("an answer");
    assert_eq!(answer.meant[0], Meant::Declared(vec![spot("bank.ts", bank, "pay", 0)]));
    assert!(matches!(&answer.meant[1], Meant::Elsewhere(file) if file.contains("lib.")), "{:?}", answer.meant);
}
