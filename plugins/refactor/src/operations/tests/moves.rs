use crate::{Request, Target, Verdict};
use deepcoder_resolve::{Memory, Project};
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeMap;
use std::sync::Arc;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

/// The files that change, each after a line with its path; `?` before them where there are doubts, or `!` and the refusal.
fn moved(files: &[(&str, &str)], to: Option<&str>) -> String {
    let (name, marked) = files.iter().find(|(_, text)| text.contains('‸')).expect("a mark");
    let at = u32::try_from(marked.find('‸').expect("a mark")).expect("a short text");
    let texts: BTreeMap<RepoPath, Arc<str>> =
        files.iter().map(|(name, text)| (path(name), Arc::from(text.replace('‸', "")))).collect();
    let files = Memory::new(texts);
    let project = Project::new(&files);
    let target = Target { path: path(name), range: TextRange::new(at, at) };
    match crate::run(&project, &Request::Move { target, to: to.map(path), qualified: false }) {
        Err(refusal) => format!("!{refusal}"),
        Ok(changes) => {
            let after = changes.apply(&files).expect("fits");
            let texts: String = after.iter().map(|(path, text)| format!("{path}\n{text}")).collect();
            if changes.verdict() == Verdict::Safe { texts } else { format!("?{texts}") }
        }
    }
}

/// Protects scripts from moves that leave names behind: imports go along, what each file needs of the other is exported and
/// imported, and importers follow.
#[test]
fn scripts_take_their_imports_along() {
    let other = ("other.ts", "export const b = 1;\n");
    assert_eq!(
        moved(&[("a.ts", "import { b } from './other';\n\nconst ‸y = b;\ny;\n"), other], Some("sub/c.ts")),
        "a.ts\nimport { y } from './sub/c';\ny;\nsub/c.ts\nimport { b } from '../other';\n\nexport const y = b;\n"
    );
    assert_eq!(
        moved(
            &[
                ("a.ts", "export const x = 0;\nexport const ‸y = 0;\n"),
                ("user.ts", "import { x, y } from \"./a\";\nx, y;\n")
            ],
            None
        ),
        "a.ts\nexport const x = 0;\nuser.ts\nimport { x } from \"./a\";\nimport { y } from \"./y\";\nx, y;\ny.ts\nexport const y = 0;\n"
    );
    assert_eq!(
        moved(&[("a.ts", "import './foo';\nconst p = 0;\nconst ‸y = p;\ny;\n")], None),
        "?a.ts\nimport './foo';\nimport { y } from \"./y\";\nexport const p = 0;\ny;\ny.ts\nimport { p } from \"./a\";\n\nexport const y = p;\n"
    );
}

/// Protects names that are taken: a move that would give a file two declarations of one name is refused.
#[test]
fn taken_names_stop_a_move() {
    let to = ("b.ts", "import './x';\nconst y = 1;\nconst p = 2;\n");
    let refused = moved(&[("a.ts", "export const ‸y = 0;\n"), to], Some("b.ts"));
    assert!(refused.contains("`y` is taken in `b.ts`"), "{refused}");
    let refused = moved(&[("a.ts", "export const p = 0;\nexport const ‸z = p;\n"), to], Some("b.ts"));
    assert!(refused.contains("`p` is taken in `b.ts`"), "{refused}");
    let refused = moved(&[("a.ts", "let ‸z = 0;\nz = 1;\nexport {};\n")], None);
    assert!(refused.contains("gets a value in another place"), "{refused}");
}

/// Protects who uses what moves: a namespace gets a name for the new module.
#[test]
fn importers_of_scripts_follow() {
    assert_eq!(
        moved(
            &[
                ("a.ts", "export const ‸x = 0;\nexport const z = 0;\n"),
                ("b.ts", "import * as a from \"./a\";\na.x;\na.z;\n")
            ],
            None
        ),
        "a.ts\nexport const z = 0;\nb.ts\nimport * as a from \"./a\";\nimport * as x from \"./x\";\nx.x;\na.z;\nx.ts\nexport const x = 0;\n"
    );
}

/// Protects Python: imports go along, those who import it keep the form of their import, and a circle waits for a person.
#[test]
fn python_definitions_move() {
    let dest = ("dest.py", "x = 1\n");
    assert_eq!(
        moved(
            &[
                ("a.py", "import os\n\n\ndef ‸f():\n    return os.name\n\n\nf()\n"),
                dest,
                ("b.py", "from a import f\n\nf()\n")
            ],
            Some("dest.py")
        ),
        "a.py\nfrom dest import f\n\n\nf()\nb.py\nfrom dest import f\n\nf()\ndest.py\nimport os\n\n\nx = 1\n\n\ndef f():\n    return os.name\n"
    );
    let refused = moved(&[("a.py", "def ‸x(): pass\n"), dest], Some("dest.py"));
    assert!(refused.contains("`x` is taken in `dest.py`"), "{refused}");
    let circle = moved(&[("a.py", "k = 1\n\n\ndef ‸f():\n    return k\n\n\nf()\n"), dest], Some("dest.py"));
    assert!(circle.starts_with('?'), "{circle}");
    let refused = moved(&[("a.py", "class A:\n    ‸B = 1\n"), dest], Some("dest.py"));
    assert!(refused.contains("no declaration of a whole file"), "{refused}");
}

/// Protects Go and Rust: a new file has the package and the imports, and a module's file is where the compiler looks.
#[test]
fn go_declarations_and_rust_modules_get_files() {
    assert_eq!(
        moved(
            &[("p/a.go", "package p\n\nimport \"fmt\"\n\n// F prints.\nfunc ‸F() { fmt.Println() }\n\nfunc g() {}\n")],
            None
        ),
        "p/a.go\npackage p\n\nfunc g() {}\np/f.go\npackage p\n\nimport (\n\t\"fmt\"\n)\n\n// F prints.\nfunc F() { fmt.Println() }\n"
    );
    assert_eq!(
        moved(
            &[("src/a.rs", "mod ‸b {\n    pub fn f() {\n        g();\n    }\n}\n"), ("src/lib.rs", "mod a;\n")],
            None
        ),
        "src/a.rs\nmod b;\nsrc/a/b.rs\npub fn f() {\n    g();\n}\n"
    );
}

/// Protects importers of a file that gets another path, and what the file itself imports by dots.
#[test]
fn files_take_their_importers_along() {
    let run = |files: &[(&str, &str)], from: &str, to: &str| {
        let texts: BTreeMap<RepoPath, Arc<str>> =
            files.iter().map(|(name, text)| (path(name), Arc::from(*text))).collect();
        let files = Memory::new(texts);
        let project = Project::new(&files);
        match crate::run(&project, &Request::MoveFile { path: path(from), to: path(to) }) {
            Err(refusal) => format!("!{refusal}"),
            Ok(changes) => changes.apply(&files).expect("fits").iter().map(|(p, t)| format!("{p}\n{t}")).collect(),
        }
    };
    let package = [
        ("pkg/__init__.py", ""),
        ("pkg/m.py", "from . import n\n"),
        ("pkg/n.py", ""),
        ("u.py", "import pkg.m\npkg.m.n\n"),
    ];
    assert_eq!(run(&package, "pkg/m.py", "k.py"), "k.py\nfrom pkg import n\nu.py\nimport k\nk.n\n");
    let scripts = [
        ("a.ts", "import { b } from \"./b\";\nexport const a = b;\n"),
        ("b.ts", "export const b = 1;\n"),
        ("u.ts", "import { a } from \"./a\";\na;\n"),
    ];
    assert_eq!(
        run(&scripts, "a.ts", "lib/a.ts"),
        "lib/a.ts\nimport { b } from \"../b\";\nexport const a = b;\nu.ts\nimport { a } from \"./lib/a\";\na;\n"
    );
    assert!(run(&scripts, "a.ts", "b.ts").contains("exists already"));
}
