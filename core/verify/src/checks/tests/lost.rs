use super::{NONE, edit, findings};

const BANK: &str = "RATE = 2\n\n\nclass Account:\n    def __init__(self):\n        self.balance = 0\n\n    def deposit(self, n):\n        self.balance += n\n\n    def close(self):\n        self.balance = 0\n\n\ndef total(accounts):\n    t = 0\n    for a in accounts:\n        t += a.balance\n    return t\n\n\ndef average(accounts):\n    return total(accounts) / len(accounts)\n";

const MAIN: &str = "from bank import Account, total\n\n\ndef main():\n    a = Account()\n    a.deposit(3)\n    print(total([a]))\n\n\nif __name__ == '__main__':\n    main()\n";

/// Protects the file that the instruction is about from the text of another one that the model saw.
#[test]
fn a_file_does_not_become_another_one() {
    let tree = [("bank.py", BANK), ("main.py", MAIN)];
    for prompt in ["rewrite total with sum()", "rewrite everything", "delete Account, total and average"] {
        let found = findings(prompt, &tree, &[("bank.py", Some(MAIN))]);
        let said = "E bank.py: the result is the text of `main.py` rather than of this file, and `RATE`, `Account`, `total`, `average` would be gone";
        assert!(found.contains(&said.to_owned()), "{prompt}: {found:?}");
    }
    // Text has no definitions to lose.
    let tree = [(".gitignore", "target\n*.pyc\n.venv\n"), ("main.py", MAIN)];
    let found = findings("ignore logs", &tree, &[(".gitignore", Some(MAIN))]);
    assert_eq!(found, ["E .gitignore: the result is the text of `main.py` rather than of this file"]);
}

/// Protects the same for new files: a copy of what the model was shown is no module of errors.
#[test]
fn a_new_file_is_not_a_copy() {
    let tree = [("bank.py", BANK), ("main.py", MAIN)];
    let found = findings("create an errors module with class ShopError", &tree, &[("errors.py", Some(BANK))]);
    assert_eq!(found.first().map(String::as_str), Some("R errors.py: the new file is nearly the same as `bank.py`"));
    // A file that is moved is no copy.
    assert_eq!(findings("move bank.py to shop.py", &tree, &[("shop.py", Some(BANK)), ("bank.py", None)]).len(), 1);
}

/// Protects definitions that the instruction does not name, whatever verb the instruction has.
#[test]
fn lost_definitions_need_a_person() {
    let without = |from: &str, to: &str| {
        let start = BANK.find(from).expect("there");
        let end = BANK[start..].find(to).map_or(BANK.len(), |at| start + at);
        format!("{}{}", &BANK[..start], &BANK[end..])
    };
    let no_close = without("    def close", "\n\ndef total");
    let said = "R bank.py: the definition of `Account.close` (line 11 before the edit) is gone, and the instruction does not name it";
    for prompt in ["rewrite total", "remove what is not used", "refactor everything", "close the file properly"] {
        assert_eq!(edit(prompt, "bank.py", BANK, &no_close)[0], said, "{prompt}");
    }
    for prompt in ["remove close()", "remove the close method", "drop Account.close"] {
        assert_eq!(edit(prompt, "bank.py", BANK, &no_close), ["W bank.py: no longer defined: `close`"], "{prompt}");
    }
    let no_class = without("class Account", "def total");
    assert_eq!(edit("delete Account", "bank.py", BANK, &no_class), ["W bank.py: no longer defined: `Account`"]);
    assert_eq!(edit("tidy", "bank.py", BANK, &no_class).len(), 1, "members go with their class");
}

/// Protects the files that use a definition: one that an edit takes away, as it was told to or not, is told with its first user.
#[test]
fn users_of_what_is_gone_are_told() {
    let shop = BANK.replace("Account", "Shop");
    let tree = [("bank.py", BANK), ("main.py", MAIN)];
    let said = "R bank.py: line 1 of `main.py` uses `Account`, which is gone".to_owned();
    let found = findings("rename class Account to class Shop", &tree, &[("bank.py", Some(&shop))]);
    assert!(found.contains(&said), "{found:?}");
    let both = MAIN.replace("Account", "Shop");
    let found = findings("name Account Shop", &tree, &[("bank.py", Some(&shop)), ("main.py", Some(&both))]);
    assert!(!found.iter().any(|finding| finding.starts_with('R')), "{found:?}");
    // A name of its own is no use of this one.
    let other = [("bank.py", BANK), ("main.py", "class Account:\n    pass\n\n\nAccount()\n")];
    let found = findings("name Account Shop", &other, &[("bank.py", Some(&shop))]);
    assert!(!found.iter().any(|finding| finding.contains("main.py")), "{found:?}");
    let kept = edit("rename total to sum_of, but keep an alias", "bank.py", BANK, &BANK.replace("total", "sum_of"));
    assert_eq!(kept, ["R bank.py: no longer defined: `total`"]);
}

/// Protects from false alarms: definitions that move, get imported, or get another class are not lost.
#[test]
fn what_moves_is_not_lost() {
    let (head, tail) = BANK.split_at(BANK.find("def average").expect("there"));
    let tree = [("bank.py", BANK)];
    let moved = format!("from bank import total\n\n\n{tail}");
    assert_eq!(findings("move average out", &tree, &[("bank.py", Some(head)), ("stats.py", Some(&moved))]), NONE);
    let imported = format!("from stats import (\n    average,\n)\n{head}");
    let with = [("bank.py", BANK), ("stats.py", moved.as_str())];
    assert_eq!(findings("use stats", &with, &[("bank.py", Some(&imported))]), NONE);
    assert_eq!(
        edit("name Account Konto", "bank.py", BANK, &BANK.replace("Account", "Konto")),
        ["W bank.py: no longer defined: `Account`"]
    );
    let (inline, defined) = ("static int f(void) { return 1; }\n", "#include \"a.h\"\nint f(void) { return 1; }\n");
    let tree = [("a.h", inline), ("a.c", "#include \"a.h\"\n")];
    let result = [("a.h", Some("int f(void);\n")), ("a.c", Some(defined))];
    assert_eq!(findings("define f in a.c", &tree, &result), NONE);
    let alias = BANK.replace("def average", "def mean") + "\n\naverage = mean\n";
    assert_eq!(edit("better names", "bank.py", BANK, &alias), NONE);
    // A helper inside a function and a variable are a rewrite's own business.
    let old = "x = 1\n\n\ndef f():\n    def g():\n        return 1\n    return g()\n";
    let found = edit("simplify", "a.py", old, "\n\ndef f():\n    return 1\n");
    assert_eq!(found, ["W a.py: no longer defined: `g`, `x`"]);
}

/// Protects the same in the other languages.
#[test]
fn definitions_are_lost_in_every_language() {
    for (name, old, new, lost) in [
        (
            "a.rs",
            "struct A;\nimpl A {\n    fn f(&self) {}\n    fn g(&self) {}\n}\n",
            "struct A;\nimpl A {\n    fn f(&self) {}\n}\n",
            "A.g",
        ),
        ("a.js", "function f() {}\nconst g = () => 1;\n", "function f() {}\n", "g"),
        ("a.ts", "interface A { n: number }\nfunction f() {}\n", "function f() {}\n", "A"),
        (
            "a.go",
            "package a\n\ntype A struct{}\n\nfunc (a *A) F() {}\n\nfunc G() {}\n",
            "package a\n\ntype A struct{}\n\nfunc G() {}\n",
            "A.F",
        ),
        ("A.java", "class A { void f(int a) {} void f(long a) {} }\n", "class A { void f(int a) {} }\n", "A.f"),
        ("a.c", "int f(void) { return 1; }\nint g(void) { return 2; }\n", "int f(void) { return 1; }\n", "g"),
        // A declaration alone is not the definition.
        (
            "a.c",
            "int f(void) { return 1; }\nint g(void) { return 2; }\n",
            "int f(void) { return 1; }\nint g(void);\n",
            "g",
        ),
        ("a.rs", "trait A {\n    fn f(&self) {}\n}\n", "trait A {\n    fn f(&self);\n}\n", "A.f"),
        (
            "a.cpp",
            "class A { public: int f() { return 1; } int g() { return 2; } };\n",
            "class A { public: int f() { return 1; } };\n",
            "A.g",
        ),
    ] {
        let found = edit("tidy", name, old, new);
        assert!(
            found.len() == 1 && found[0].starts_with("R") && found[0].contains(&format!("`{lost}`")),
            "{name}: {found:?}"
        );
    }
}

/// Protects a file from losing most of what it has, which no word of an instruction excuses.
#[test]
fn most_definitions_do_not_vanish() {
    let part = |name: &str| format!("def {name}(x):\n    y = x.{name}\n    return y * 2\n\n\n");
    let all: String = ["a1", "b2", "c3", "d4", "e5"].map(part).concat();
    let few = part("a1");
    let said = "E m.py: most definitions of the file are gone: `b2`, `c3`, `d4`, `e5`";
    for prompt in ["fix a1", "remove b2, c3, d4 and e5", "rewrite the whole file", "delete everything else"] {
        assert!(edit(prompt, "m.py", &all, &few).contains(&said.to_owned()), "{prompt}");
    }
    let class = |names: &[&str]| {
        let methods = names.iter().map(|n| format!("    def {n}(self):\n        x = self.{n}\n        return x\n\n"));
        format!("class A:\n{}", methods.collect::<String>())
    };
    let found = edit("fix p", "m.py", &class(&["p", "q", "r", "s"]), &class(&["p"]));
    assert!(
        found.contains(&"E m.py: most definitions of the file are gone: `A.q`, `A.r`, `A.s`".to_owned()),
        "{found:?}"
    );
    // Names and files may change, and one or two definitions may go.
    let renamed = ["b2", "c3", "d4", "e5"]
        .iter()
        .fold(all.clone(), |t, n| t.replace(&format!("def {n}"), &format!("def new_{n}")));
    assert!(edit("better names", "m.py", &all, &renamed).iter().all(|f| !f.starts_with('E')));
    let moved = ["b2", "c3", "d4", "e5"].map(part).concat();
    let found = findings("split it", &[("m.py", &all)], &[("m.py", Some(&few)), ("n.py", Some(&moved))]);
    assert!(found.iter().all(|f| !f.starts_with('E')), "{found:?}");
    let two = ["a1", "b2", "c3"].map(part).concat();
    assert!(edit("drop d4 and e5", "m.py", &all, &two).iter().all(|f| !f.starts_with('E')));
}
