use crate::{Context, GatherError, MAX_INSTRUCTIONS};
use deepcoder_plugin_api::ErrorCode;
use deepcoder_test_support::TestRepo;
use deepcoder_types::{Cancel, ContextRequest, GenerateError, Hint as _, Instruction, RepoPath, Snippet, TextRange};
use deepcoder_workspace::Workspace;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

fn open(repo: &TestRepo) -> Workspace {
    Workspace::open(repo.path()).expect("opens")
}

fn instruction(prompt: &str, targets: &[&str]) -> Instruction {
    Instruction {
        id: "1".into(),
        verb: "edit".into(),
        prompt: prompt.into(),
        targets: targets.iter().map(|t| path(t)).collect(),
        reads: Vec::new(),
        selection: None,
        options: serde_json::json!({}),
        seed: 0,
    }
}

fn request(token_budget: u32) -> ContextRequest {
    ContextRequest { token_budget, ..ContextRequest::default() }
}

/// Four bytes are a token.
#[expect(clippy::unnecessary_wraps, reason = "the type of the counter")]
fn count(text: &str) -> Result<u32, GenerateError> {
    Ok(u32::try_from(text.len().div_ceil(4)).expect("small"))
}

fn sum(snippets: &[Snippet]) -> u32 {
    snippets.iter().map(|s| count(&s.text).expect("counts")).sum()
}

fn origins(snippets: &[Snippet]) -> Vec<String> {
    snippets.iter().map(|s| format!("{} {}", s.origin, s.path)).collect()
}

/// A file of about 4,000 tokens with functions f0 to f99.
fn big_python() -> String {
    let one = |i: usize| format!("def f{i}(value):\n    # {}\n    return value + {i}\n\n\n", "x".repeat(100));
    "import os\n\n\n".to_owned() + &(0..100).map(one).collect::<String>()
}

/// Protects edits: a target comes whole, byte for byte, with the hash that edits must name, before anything else.
#[test]
fn a_target_that_fits_is_whole_and_first() {
    let repo =
        TestRepo::new(&[("a.py", b"\xEF\xBB\xBFx = 1\r\ny = 2"), ("AGENTS.md", b"be brief\n"), ("b.py", b"z = 3\n")]);
    let mut request = request(1000);
    request.globs = vec!["*.py".into(), "none/*".into()];
    let gathered = Context::new(&open(&repo))
        .gather_with_notes(&instruction("edit", &["a.py"]), &request, &count, &Cancel::new())
        .expect("gathers");
    let snippets = &gathered.bundle.snippets;
    assert_eq!(origins(snippets), ["target a.py", "instructions AGENTS.md", "glob:*.py b.py"]);
    assert_eq!(snippets[0].text.as_bytes(), repo.read("a.py"));
    assert_eq!(snippets[0].file_hash, deepcoder_types::ContentHash::of(&repo.read("a.py")));
    assert_eq!(gathered.notes, ["no visible file matches `none/*`"]);
}

/// Protects against silent truncation: a target that does not fit is refused with the numbers unless the prompt or the
/// selection says which part is meant, and then whole definitions are shown with the signatures around them.
#[test]
fn a_large_target_is_narrowed_to_what_is_meant_or_refused() {
    let text = big_python();
    let repo = TestRepo::new(&[("big.py", text.as_bytes())]);
    let workspace = open(&repo);
    let context = Context::new(&workspace);
    let gather = |i: &Instruction, budget| context.gather(i, &request(budget), &count, &Cancel::new());
    match gather(&instruction("make it better", &["big.py"]), 500) {
        Err(error @ GatherError::TooLarge { tokens, budget: 500, .. }) => {
            assert_eq!(tokens, count(&text).expect("counts"));
            assert!(error.hint().is_some());
        }
        other => panic!("{other:?}"),
    }
    let mut selected = instruction("make it better", &["big.py"]);
    let at = u32::try_from(text.find("value + 42").expect("there")).expect("small");
    selected.selection = Some(TextRange::new(at, at + 5));
    for (instruction, name) in [(instruction("rewrite `f7` and f9", &["big.py"]), "f7"), (selected, "f42")] {
        let bundle = gather(&instruction, 500).expect("gathers");
        assert!(bundle.snippets[0].text.starts_with(&format!("def {name}(value):")), "{:?}", bundle.snippets[0]);
        assert!(bundle.snippets.iter().any(|s| s.origin == "outline" && s.text == "def f1(value):"));
        assert!(sum(&bundle.snippets) <= 500);
        for snippet in &bundle.snippets {
            assert_eq!(snippet.text, text[snippet.range.as_range()]);
        }
    }
    let mut wrong = instruction("x", &["big.py"]);
    wrong.selection = Some(TextRange::new(0, 9_999_999));
    assert!(matches!(gather(&wrong, 100_000), Err(GatherError::Selection { .. })));
}

/// Protects the user's secrets (S5) and the rules of the tree: what is ignored, linked, secret by name or by content
/// never enters, as a target, by glob, by search, or by rank.
#[test]
fn hidden_files_and_secrets_never_enter() {
    let token = ["ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].concat();
    let repo = TestRepo::new(&[(".gitignore", b"hidden.py\n"), ("ok.py", b"canary = 1\n")]);
    repo.write("hidden.py", b"canary = 2\n");
    repo.write(".env", b"canary=3\n");
    repo.write("token.py", format!("canary = '{token}'\n").as_bytes());
    std::os::unix::fs::symlink("ok.py", repo.join("link.py")).expect("link");
    let workspace = open(&repo);
    let context = Context::new(&workspace);
    let gather = |i: &Instruction, r: &ContextRequest| context.gather(i, r, &count, &Cancel::new());
    let target = |name: &str| gather(&instruction("x", &[name]), &request(1000));
    assert!(matches!(target("hidden.py"), Err(GatherError::Ignored(_))));
    assert!(matches!(target(".env"), Err(GatherError::SecretFile(_))));
    assert!(matches!(target("token.py"), Err(GatherError::SecretText { line: 1, .. })));
    assert!(matches!(target("link.py"), Err(GatherError::Read(_))));
    let mut all = request(1000);
    all.globs = vec!["**".into(), "hidden.py".into(), ".env".into()];
    all.symbols = vec!["canary".into()];
    let bundle = gather(&instruction("rename canary", &[]), &all).expect("gathers");
    let paths: Vec<_> = bundle.snippets.iter().map(|s| s.path.as_str()).collect();
    assert!(paths.iter().all(|p| ["ok.py", ".gitignore"].contains(p)), "{paths:?}");
    let lines = context.search_text("canary", "", 10).expect("searches");
    assert_eq!(lines.iter().map(|s| s.path.as_str()).collect::<Vec<_>>(), ["ok.py"]);
    let symbols = context.search_symbols("canary", 10).expect("searches");
    assert_eq!(symbols.iter().map(|s| s.path.as_str()).collect::<Vec<_>>(), ["ok.py"]);
    assert_eq!(context.read_file(&path("token.py")).expect_err("denied").code, ErrorCode::Denied);
}

/// Protects the budget: whatever is asked for, the sum stays within it, and what is left out is said.
#[test]
fn the_budget_is_never_exceeded_and_omissions_are_noted() {
    let big = big_python();
    let long = "rule\n".repeat(MAX_INSTRUCTIONS);
    let repo =
        TestRepo::new(&[("a.py", b"def a(): pass\n"), ("big.py", big.as_bytes()), ("AGENTS.md", long.as_bytes())]);
    let mut wants = request(0);
    wants.globs = vec!["**".into()];
    wants.symbols = vec!["f1".into(), "absent".into()];
    for budget in [4, 10, 60, 300, 5000] {
        wants.token_budget = budget;
        let gathered = Context::new(&open(&repo))
            .gather_with_notes(&instruction("x", &["a.py"]), &wants, &count, &Cancel::new())
            .expect("gathers");
        assert!(sum(&gathered.bundle.snippets) <= budget, "{budget}");
        assert!(gathered.notes.iter().any(|n| n.starts_with("left out `AGENTS.md`")), "{:?}", gathered.notes);
        assert!(gathered.notes.iter().any(|n| n.contains("`absent`")));
        let has_big = gathered.bundle.snippets.iter().any(|s| s.path.as_str() == "big.py" && s.range.start == 0);
        assert!(has_big || gathered.notes.iter().any(|n| n.contains("`big.py`")), "{:?}", gathered.notes);
    }
    let cancel = Cancel::new();
    cancel.cancel();
    let cancelled = Context::new(&open(&repo)).gather(&instruction("x", &["a.py"]), &wants, &count, &cancel);
    assert!(matches!(cancelled, Err(GatherError::Cancelled(_))));
}

/// Protects edits without targets: the file that defines what the prompt names comes first, a file named by its path
/// wins over all, and nothing is invented where nothing matches.
#[test]
fn targets_are_found_by_what_the_prompt_says() {
    let repo = TestRepo::new(&[
        ("src/config.py", b"def parse_config(text):\n    return text\n"),
        ("src/main.py", b"from config import parse_config\nparse_config('')\n"),
        ("src/net.py", b"def connect(host):\n    pass\n"),
        ("src/many.py", b"def step_70(): pass\ndef step_71(): pass\n"),
        ("src/one.py", b"def step_7(): pass\n"),
        ("src/level.h", b"enum level { LOW };\n\nint level_parse(const char *text, enum level *level);\n"),
        (
            "src/level.c",
            b"#include \"level.h\"\n\nint level_parse(const char *text, enum level *level)\n{\n    return 0;\n}\n",
        ),
        ("docs/config.md", b"The config is parsed at the start. config config config\n"),
    ]);
    let workspace = open(&repo);
    let context = Context::new(&workspace);
    let first = |prompt: &str| {
        let found = context.find_targets(prompt, 3, &Cancel::new()).expect("ranks");
        found.first().map(|p| p.as_str().to_owned())
    };
    assert_eq!(first("make parse_config strip white space").as_deref(), Some("src/config.py"));
    assert_eq!(first("add a timeout to connect()").as_deref(), Some("src/net.py"));
    assert_eq!(first("use parse_config in src/net.py").as_deref(), Some("src/net.py"));
    assert_eq!(first("document step_7").as_deref(), Some("src/one.py"));
    assert_eq!(first("write a comment above level_parse that says what it does").as_deref(), Some("src/level.c"));
    assert_eq!(first("document the prototype of level_parse").as_deref(), Some("src/level.h"));
    assert_eq!(first("zzz qqq"), None);
    let bundle = context
        .gather(&instruction("add a timeout to connect()", &[]), &request(2000), &count, &Cancel::new())
        .expect("gathers");
    assert_eq!(origins(&bundle.snippets)[0], "target src/net.py");
}

/// Protects the Host's searches: exact lines and ranges, limits kept, exact names first, bad patterns refused.
#[test]
fn searches_give_exact_lines_and_names() {
    let repo = TestRepo::new(&[
        ("a.rs", b"struct Server;\r\nimpl Server {\r\n    fn run(&self) {}\r\n}\r\nfn run_all() {}\r\n"),
        ("min.js", format!("var x = 1;{}needle{}", " ".repeat(5000), "é".repeat(5000)).as_bytes()),
        ("bin.dat", b"needle\0"),
    ]);
    let workspace = open(&repo);
    let context = Context::new(&workspace);
    let lines = context.search_text(r"fn \w+", "**/*.rs", 10).expect("searches");
    assert_eq!(lines.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["    fn run(&self) {}", "fn run_all() {}"]);
    assert_eq!(context.search_text("fn", "", 1).expect("searches").len(), 1);
    let minified = context.search_text("needle", "", 10).expect("searches");
    assert_eq!(minified.len(), 1);
    assert!(minified[0].text.contains("needle") && minified[0].text.len() <= 1024);
    assert_eq!(context.search_text("(", "", 1).expect_err("bad").code, ErrorCode::Invalid);
    assert_eq!(context.list_files("[", 1).expect_err("bad").code, ErrorCode::Invalid);
    let names = |query: &str| {
        let found = context.search_symbols(query, 10).expect("searches");
        found.into_iter().map(|s| s.name).collect::<Vec<_>>()
    };
    assert_eq!(names("run"), ["Server.run", "run_all"]);
    assert_eq!(names("Server::run"), ["Server.run"]);
    assert_eq!(context.list_files("*.rs", 10).expect("lists"), [path("a.rs")]);
    assert_eq!(context.read_file(&path("absent.rs")).expect_err("absent").code, ErrorCode::NotFound);
}

/// The files that [`crate::Context::choose`] takes, as text.
fn chosen(context: &Context, prompt: &str) -> Vec<String> {
    let choice = context.choose(prompt, &Cancel::new()).expect("chooses");
    choice.targets.iter().map(|chosen| chosen.path.to_string()).collect()
}

/// Protects files that the user did not mean: an edit without files is about one, the one that defines what the prompt
/// names and not the many that mention it; hidden, lock and generated files are chosen by their path only.
#[test]
fn an_edit_without_files_is_about_one() {
    let calls = "from shop.bank import transfer\n\ndef test_transfer():\n    transfer(1)\n    transfer(2)\n".repeat(20);
    let repo = TestRepo::new(&[
        ("shop/bank.py", b"def transfer(amount):\n    return amount\n"),
        ("shop/cart.py", b"from shop.bank import transfer\n\nclass Cart:\n    total = 0\n"),
        ("tests/test_bank.py", calls.as_bytes()),
        (".github/transfer.yml", b"transfer: transfer\n"),
        ("package-lock.json", b"{\"transfer\": 1}\n"),
        ("shop/bank_pb2.py", b"# DO NOT EDIT\ndef transfer(): pass\n"),
        ("gen/made.py", b"# Code generated by a program.\ndef transfer(): pass\n"),
    ]);
    let workspace = open(&repo);
    let context = Context::new(&workspace);
    let one = |prompt: &str| chosen(&context, prompt);
    assert_eq!(one("make transfer() refuse amounts below zero"), ["shop/bank.py"]);
    assert_eq!(one("bank.transfer must refuse amounts below zero"), ["shop/bank.py"]);
    assert_eq!(one("the cart module has a wrong total"), ["shop/cart.py"]);
    assert_eq!(one("add a Cart.discount attribute next to transfer"), ["shop/cart.py"]);
    assert_eq!(one("test_transfer tests too little"), ["tests/test_bank.py"]);
    assert_eq!(one("raise the version in package-lock.json"), ["package-lock.json"]);
    assert_eq!(one("use cart.py and shop/bank.py only"), ["shop/cart.py", "shop/bank.py"]);
    assert!(one("document transfer in all files").len() > 1);
    assert_eq!(one("zzz qqq"), Vec::<String>::new());
}

/// Protects new files: a path that does not exist is meant where the prompt makes or moves something there, and only then.
#[test]
fn a_prompt_may_make_files() {
    let repo = TestRepo::new(&[("src/models.py", b"class ShopError(Exception):\n    pass\n")]);
    let workspace = open(&repo);
    let context = Context::new(&workspace);
    assert_eq!(chosen(&context, "create src/errs.py with a class NotFound"), ["src/errs.py"]);
    let moved = chosen(&context, "move ShopError from src/models.py to src/errs.py");
    assert_eq!(moved, ["src/models.py", "src/errs.py"]);
    assert_eq!(chosen(&context, "ShopError is not caught in src/errs.py"), ["src/models.py"]);
    assert_eq!(chosen(&context, "make self.items a list, e.g. of ShopError"), ["src/models.py"]);
    let mut new = instruction("create it", &["src/errs.py"]);
    let gathered = context.gather_with_notes(&new, &request(1000), &count, &Cancel::new()).expect("gathers");
    assert_eq!(gathered.notes, ["`src/errs.py` does not exist yet"]);
    new.reads = vec![path("src/none.py")];
    assert!(context.gather(&new, &request(1000), &count, &Cancel::new()).is_err(), "what is to be read must exist");
}

/// Protects small models from files to copy: what a target imports, what the prompt names and the other targets come as
/// signatures, what the user wants read comes whole, and nothing of it changes what the target is.
#[test]
fn what_a_target_leans_on_comes_as_signatures() {
    let repo = TestRepo::new(&[
        ("shop/cart.py", b"from shop.bank import transfer\n\ndef pay(cart):\n    return transfer(cart.total)\n"),
        ("shop/bank.py", b"def transfer(amount):\n    return amount\n\ndef audit():\n    return 1\n"),
        ("shop/errors.py", b"class ShopError(Exception):\n    code = 1\n"),
        ("shop/other.py", b"def other(x):\n    return x\n"),
        ("notes.md", b"# Notes\n"),
        ("web/cart.js", b"import { pay } from './pay.js';\npay();\n"),
        ("web/pay.js", b"export function pay(sum) { return sum; }\n"),
    ]);
    let workspace = open(&repo);
    let context = Context::new(&workspace);
    let mut asked = instruction("raise ShopError when the cart is empty", &["shop/cart.py"]);
    asked.reads = vec![path("notes.md")];
    let gathered = context
        .gather_beside(&asked, &[path("shop/other.py")], &request(2000), &count, &Cancel::new())
        .expect("gathers");
    let shown: Vec<String> =
        gathered.bundle.snippets.iter().map(|s| format!("{} {}: {}", s.origin, s.path, s.text.trim())).collect();
    assert_eq!(
        shown[1..],
        [
            "read notes.md: # Notes",
            "symbol:ShopError shop/errors.py: class ShopError(Exception):\n    code = 1",
            "outline shop/bank.py: def transfer(amount):",
            "outline shop/other.py: def other(x):",
        ]
    );
    let script = context.gather(&instruction("x", &["web/cart.js"]), &request(2000), &count, &Cancel::new());
    let script = script.expect("gathers").snippets;
    assert_eq!(origins(&script), ["target web/cart.js", "outline web/pay.js"]);
}

/// Protects what looks for every use of a name: each file that holds it as a word is found, one that cannot be read too,
/// and nothing else; its text is whole even where a model must not see it.
#[test]
fn every_file_with_a_word_is_found() {
    let secret = b"pay = 1\nAWS_SECRET_ACCESS_KEY = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY\"\n";
    let repo = TestRepo::new(&[
        ("a.py", b"x.pay(1)\n"),
        ("b.py", b"payment = repay = pay_day\n"),
        ("c.txt", b"to pay"),
        ("old.py", b"caf\xe9 = 1\n"),
        ("picture.png", b"\x89PNG pay \xff"),
        ("secret.py", secret),
        (".gitignore", b"built/\n"),
        ("built/a.py", b"pay\n"),
    ]);
    let workspace = open(&repo);
    let context = Context::new(&workspace);
    let found = context.files_with("pay", &Cancel::new()).expect("searches");
    let found: Vec<&str> = found.iter().map(RepoPath::as_str).collect();
    assert_eq!(found, ["a.py", "c.txt", "old.py", "secret.py"]);
    assert!(context.read_file(&path("secret.py")).is_err());
    assert_eq!(context.read_any(&path("secret.py")).expect("reads").text.as_bytes(), secret);
    assert!(context.read_any(&path("built/a.py")).is_err());
    let cancelled = Cancel::new();
    cancelled.cancel();
    assert_eq!(context.files_with("pay", &cancelled).expect_err("cancelled").code, ErrorCode::Cancelled);
}
