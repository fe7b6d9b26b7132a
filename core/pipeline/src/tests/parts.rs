//! Results over several files, of which a part waits.

use super::*;
use crate::{ProjectChecks, may_land};
use deepcoder_types::{CheckKind, CheckOutcome, CheckReport, Consent, Delivery, EditSet, Verdict};

/// What becomes of a file: its new text, safe or not, or an error.
#[derive(Clone, Copy)]
enum Becomes {
    Safe(&'static str),
    Doubtful(&'static str),
    Comment(&'static str),
    Fails,
}
use Becomes::{Comment, Doubtful, Fails, Safe};

/// A run over `files`, each with its text and what becomes of it.
fn run(files: &[(&str, &str, Becomes)], checks: Option<&dyn ProjectChecks>) -> Run {
    let contents: Vec<(&str, &[u8])> = files.iter().map(|(path, text, _)| (*path, text.as_bytes())).collect();
    let repo = TestRepo::new(&contents);
    let all: HashMap<String, Becomes> = files.iter().map(|(path, _, to)| ((*path).to_owned(), *to)).collect();
    let plugins = single(move |instruction, context, _| {
        let (text, applicability, constraint) = match all[instruction.targets[0].as_str()] {
            Safe(text) => (text, Applicability::Safe, None),
            Doubtful(text) => (text, Applicability::NeedsReview, None),
            Comment(text) => (text, Applicability::Safe, Some(Constraint::Comments)),
            Fails => return Err(PluginError::new(ErrorCode::Budget, "cut off")),
        };
        let mut outcome = become_text(context, text);
        if let Outcome::Proposals(proposals) = &mut outcome {
            (proposals[0].applicability, proposals[0].constraint) = (applicability, constraint);
        }
        Ok(outcome)
    });
    let workspace = Workspace::open(repo.path()).expect("opens");
    let targets = files.iter().map(|(name, ..)| path(name)).collect();
    let asked = Instruction { targets, prompt: "make it so".into(), ..instruction() };
    let pipeline = Pipeline::new(&workspace, Arc::new(quiet())).with_plugins(plugins);
    let options = RunOptions { checks, ..RunOptions::default() };
    pipeline.run(&asked, &options, &Cancel::new(), &mut |_| {}).expect("a run")
}

/// The files that `--yes` writes.
fn lands(files: &[(&str, &str, Becomes)]) -> Vec<String> {
    landing(run(files, None))
}

fn landing(run: Run) -> Vec<String> {
    let part = match may_land(&run, &Delivery::Apply, Consent::default()) {
        Verdict::Lands => Some(run),
        Verdict::LandsInPart(_) => run.into_safe_part(),
        _ => None,
    };
    part.iter().flat_map(changed).map(str::to_owned).collect()
}

const HEADER: &str = "int size(void);\n";
const LONGER: &str = "int size(void);\nint insert(int at);\n";
const SOURCE: &str = "#include \"buf.h\"\n\nint size(void)\n{\n    return 0;\n}\n";
const WITH_INSERT: &str =
    "#include \"buf.h\"\n\nint size(void)\n{\n    return 0;\n}\n\nint insert(int at)\n{\n    return at;\n}\n";
const OTHER: (&str, &str, Becomes) =
    ("other.c", "int other(void)\n{\n    return 1;\n}\n", Safe("int other(void)\n{\n    return 2;\n}\n"));

/// Protects builds: a header does not land without its source nor the source without its header, whichever of them waits
/// or fails, wherever they lie; a file that has nothing to do with them lands.
#[test]
fn a_header_and_its_source_land_together() {
    for (header, source) in [("buf.h", "buf.c"), ("include/buf.h", "src/buf.c"), ("include/api.h", "src/buf.c")] {
        for (of_header, of_source) in [
            (Safe(LONGER), Doubtful(WITH_INSERT)),
            (Doubtful(LONGER), Safe(WITH_INSERT)),
            (Safe(LONGER), Safe("int insert(int at)\n{\n")),
            (Fails, Safe("#include \"buf.h\"\n\nlong size(void)\n{\n    return 0;\n}\n")),
        ] {
            let files = [(header, HEADER, of_header), (source, SOURCE, of_source), OTHER];
            let landed = lands(&files);
            let pair = [header, source].map(|name| landed.contains(&name.to_owned()));
            assert_eq!(pair, [false; 2], "{landed:?}");
            assert_eq!(landed, ["other.c"]);
        }
        let files = [(header, HEADER, Safe(LONGER)), (source, SOURCE, Safe(WITH_INSERT)), OTHER];
        assert_eq!(lands(&files).len(), 3);
    }
    // A source for which nothing came has the name nowhere, and is the other half of the module.
    assert!(lands(&[("buf.h", HEADER, Safe(LONGER)), ("buf.c", SOURCE, Fails)]).is_empty());
}

/// Protects programs: a file that uses a name waits with the file that declares it, in both directions and through other
/// files, and the reason names the file that is missing.
#[test]
fn users_of_a_name_wait_with_its_declaration() {
    let declares = ("shop.py", "def price(item):\n    return 1\n", "def price(item, tax):\n    return 1 + tax\n");
    let uses = ("till.py", "from shop import price\n\n\ndef pay():\n    return price(1)\n");
    let adapted = "from shop import price\n\n\ndef pay():\n    return price(1, 2)\n";
    let landed = lands(&[(declares.0, declares.1, Safe(declares.2)), (uses.0, uses.1, Doubtful(adapted))]);
    assert!(landed.is_empty(), "{landed:?}");
    let landed = lands(&[(declares.0, declares.1, Doubtful(declares.2)), (uses.0, uses.1, Safe(adapted))]);
    assert!(landed.is_empty(), "{landed:?}");
    let through = [
        ("a.py", "def first():\n    return 1\n", Doubtful("def first(x):\n    return x\n")),
        ("b.py", "def second():\n    return first()\n", Safe("def second(y):\n    return first(y)\n")),
        ("c.py", "def third():\n    return second()\n", Safe("def third():\n    return second(3)\n")),
        ("d.py", "def fourth():\n    return 4\n", Safe("def fourth():\n    return 5\n")),
    ];
    assert_eq!(lands(&through), ["d.py"]);
    let settings = [
        ("app.json", "{\"size\": 1}\n", Doubtful("{\"max_size\": 1}\n")),
        (
            "app.py",
            "def size(all):\n    return all[\"size\"]\n",
            Safe("def size(all):\n    return all[\"max_size\"]\n"),
        ),
    ];
    assert!(lands(&settings).is_empty());
    let failed = run(&[(declares.0, declares.1, Safe(declares.2)), (uses.0, uses.1, Fails)], None);
    assert!(failed.rationale.contains("nothing came of till.py"), "{}", failed.rationale);
    assert_eq!(failed.applicability, Applicability::NeedsReview);
}

/// Protects requests about every file: one that waits does not hold files that need nothing of it, though all of them
/// declare the same name or call what only changes inside, nor comments of files that use each other.
#[test]
fn files_that_need_nothing_of_each_other_land_apart() {
    let main = "def main():\n    return 1\n";
    let apart = [
        ("a.py", main, Safe("def main():\n    return 2\n\n\ndef setup():\n    return 0\n")),
        ("b.py", main, Doubtful("def main():\n    return 2\n\n\ndef setup():\n    return 5\n")),
        (
            "c.py",
            "from b import main\n\n\ndef run():\n    return 1\n",
            Safe("from b import main\n\n\ndef run():\n    return 2\n"),
        ),
    ];
    assert_eq!(lands(&apart), ["a.py", "c.py"]);
    let header = ("buf.h", HEADER, Comment("/* Bytes. */\nint size(void);\n"));
    assert_eq!(lands(&[header, ("buf.c", SOURCE, Fails)]), ["buf.h"]);
}

/// Fails where `b.py` is not among the files.
struct Whole;

impl ProjectChecks for Whole {
    fn run(&self, set: &EditSet, _: &Cancel) -> Vec<CheckReport> {
        let whole = set.files.iter().any(|file| file.path.as_str() == "b.py");
        let outcome = if whole { CheckOutcome::Passed } else { CheckOutcome::Failed };
        let (name, added) = ("build".into(), Vec::new());
        vec![CheckReport { name, kind: CheckKind::Build, outcome, added, removed: 0, reaches: false, ms: 1 }]
    }
}

/// Protects builds from what no name tells: a part that fails the project's checks without the rest does not land.
#[test]
fn a_part_passes_the_checks_by_itself() {
    let files = [("a.py", "x = 1\n", Safe("x = 2\n")), ("b.py", "y = 1\n", Doubtful("y = 2\n"))];
    assert_eq!(lands(&files), ["a.py"]);
    assert!(landing(run(&files, Some(&Whole))).is_empty());
}
