//! The one rule for what lands.

use super::{Bench, DOUBTFUL, NEW, done};
use crate::{from_bytes, may_land};
use deepcoder_pipeline::{Run, unattended_text};
use deepcoder_protocol::Tasks as _;
use deepcoder_test_support::{FakeModel, TestRepo};
use deepcoder_types::{Applicability, Consent, Decision, Delivery, EditSet, Finding, JobState, Verdict, Verification};

/// A result as the checks left it. Two files, of which the second has the finding.
fn run(applicability: Applicability, error: bool, safe_part: bool) -> Run {
    let bench = Bench::new();
    let app = bench.writing(&[NEW]);
    let task = done(&app, bench.request("add type hints", Delivery::Review));
    let mut run = from_bytes(&app.content(&task.id).expect("its content")).expect("it is read").run;
    let mut set: EditSet = run.edit_set.take().expect("a change");
    let mut other = set.files[0].clone();
    other.path = deepcoder_types::RepoPath::new("b.py").expect("a path");
    run.safe_part = safe_part.then(|| set.clone());
    set.files.push(other.clone());
    run.edit_set = Some(set);
    run.applicability = applicability;
    run.rationale = "a doubt".into();
    let findings = if error { vec![Finding::error(&other.path, "it is wrong")] } else { Vec::new() };
    run.verification = Some(Verification::new(findings));
    run
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Shown,
    Lands,
    InPart,
    Held,
    Refused,
}

fn of(verdict: &Verdict) -> Wanted {
    match verdict {
        Verdict::Nothing => panic!("there is a change"),
        Verdict::Shown => Wanted::Shown,
        Verdict::Lands => Wanted::Lands,
        Verdict::LandsInPart(rest) => {
            assert!(rest.len() == 1 && rest[0].as_str() == "b.py", "{rest:?}");
            Wanted::InPart
        }
        Verdict::Held(_) => Wanted::Held,
        Verdict::Refused(reasons) => {
            assert!(!reasons.is_empty(), "it says why");
            Wanted::Refused
        }
    }
}

/// Protects work trees from each surface: what lands, for every applicability, verification, delivery and consent. The
/// columns are what a user allowed: nothing, a review, an error, both.
#[test]
fn what_lands_is_one_table() {
    use Applicability::{DisplayOnly, NeedsReview, Safe};
    use Wanted::{Held, InPart, Lands, Refused, Shown};
    let commit = Delivery::Commit { branch: None, worktree: None };
    let (branch, worktree) = (Delivery::Branch("b".into()), Delivery::Worktree("/w".into()));
    let written = [Delivery::Apply, commit];
    let beside = [branch, worktree];
    let all = [&written[..], &beside[..], &[Delivery::Review]].concat();
    type Row<'a> = (Applicability, bool, bool, &'a [Delivery], [Wanted; 4]);
    let table: Vec<Row<'_>> = vec![
        (Safe, false, false, &written, [Lands, Lands, Lands, Lands]),
        (Safe, false, false, &beside, [Lands, Lands, Lands, Lands]),
        (Safe, false, false, &[Delivery::Review], [Held, Lands, Held, Lands]),
        (Safe, true, false, &written, [Refused, Refused, Lands, Lands]),
        (Safe, true, false, &beside, [Refused, Refused, Lands, Lands]),
        (Safe, true, false, &[Delivery::Review], [Refused, Refused, Held, Lands]),
        (NeedsReview, false, false, &all, [Held, Lands, Held, Lands]),
        (NeedsReview, true, false, &all, [Refused, Refused, Held, Lands]),
        // Files that do not depend on the rest.
        (NeedsReview, false, true, &written, [InPart, Lands, InPart, Lands]),
        (NeedsReview, false, true, &beside, [Held, Lands, Held, Lands]),
        (NeedsReview, true, true, &written, [Refused, Refused, InPart, Lands]),
        (DisplayOnly, false, false, &all, [Refused, Refused, Refused, Refused]),
        (DisplayOnly, true, true, &all, [Refused, Refused, Refused, Refused]),
    ];
    for (applicability, error, part, deliveries, wanted) in &table {
        let run = run(*applicability, *error, *part);
        let allowed = [(false, false), (true, false), (false, true), (true, true)];
        for (wanted, (reviewed, unverified)) in wanted.iter().zip(allowed) {
            for protected in [false, true] {
                let consent = Consent { reviewed, unverified, protected };
                for delivery in *deliveries {
                    let found = of(&may_land(&run, delivery, consent));
                    assert_eq!(found, *wanted, "{applicability:?} error={error} part={part} {delivery:?} {consent:?}");
                }
                assert_eq!(of(&may_land(&run, &Delivery::Show, consent)), Shown);
            }
        }
        let nothing = Run { edit_set: None, ..run };
        assert_eq!(may_land(&nothing, &Delivery::Apply, Consent::REVIEWED), Verdict::Nothing);
    }
}

/// Protects users of one surface from another one that is laxer: a result that a person must see is held in the command
/// line, from Python, in a job and in a hook, and lands in each once a person has seen it.
#[test]
fn every_surface_holds_the_same_result() {
    let bench = Bench::new();
    let before = bench.text();
    let app = bench.writing(&[DOUBTFUL; 8]);
    let request = |delivery| bench.request("multiply by a second number", delivery);
    // As `edit --yes` and `Repo.edit(…, apply=True)`.
    let at_once = done(&app, request(Delivery::Apply));
    let verdict = at_once.result.as_ref().expect("a result").verdict.clone();
    assert!(matches!(verdict, Verdict::Held(_)) && at_once.state == JobState::Review, "{at_once:?}");
    // As `Edit.apply()` and `tasks review --accept` of one who allowed nothing.
    let asked = done(&app, request(Delivery::Review));
    let refused = app.decide(&asked.id, &Decision::accept(Consent::default())).expect_err("it is held").to_string();
    assert!(refused.contains("needs a review"), "{refused}");
    assert_eq!(app.get(&asked.id).expect("it waits").state, JobState::Review);
    // As a worker, from what it keeps.
    let kept = from_bytes(&app.content(&asked.id).expect("its content")).expect("it is read");
    for delivery in [Delivery::Apply, Delivery::Branch("b".into())] {
        assert!(matches!(may_land(&kept.run, &delivery, Consent::default()), Verdict::Held(_)), "{delivery:?}");
        assert_eq!(may_land(&kept.run, &delivery, Consent::REVIEWED), Verdict::Lands);
    }
    // As a hook and EditEval.
    let why = unattended_text(kept.run).expect_err("no person has looked");
    assert!(why.contains("needs a review"), "{why}");
    assert_eq!(bench.text(), before, "nothing was written");
    let landed = app.decide(&asked.id, &Decision::accept(Consent::REVIEWED)).expect("it lands");
    assert!(landed.state == JobState::Done && bench.text() == DOUBTFUL, "{landed:?}");
}

/// Protects builds from `--yes`: of a header and its source, of which the source needs a review, nothing is written; a
/// person who has looked gets both.
#[test]
fn a_header_does_not_land_without_its_source() {
    const HEADER: &str = "int size(int a);\n";
    const SOURCE: &str = "#include \"buf.h\"\n\nint size(int a)\n{\n    return a;\n}\n";
    const LONGER: &str = "int size(int a);\nint twice(int a);\n";
    // The new signature of `size` fits neither the header nor the caller.
    const WITH_TWICE: &str = "#include \"buf.h\"\n\nint size(int a, int b)\n{\n    return a + b;\n}\n\nint twice(int a)\n{\n    \
                              return 2 * a;\n}\n";
    let files: [(&str, &[u8]); 3] = [
        ("buf.h", HEADER.as_bytes()),
        ("buf.c", SOURCE.as_bytes()),
        ("main.c", b"#include \"buf.h\"\n\nint main(void)\n{\n    return size(0);\n}\n"),
    ];
    let bench = Bench { repo: TestRepo::new(&files), home: tempfile::tempdir().expect("a folder") };
    // The source comes first, and again as the caller would break; what is left of it is another thing than that.
    let other = WITH_TWICE.replace("2 * a", "a + a");
    let answers = [WITH_TWICE, &other, LONGER].map(|text| format!("{text}```\n"));
    let app = bench.app(std::sync::Arc::new(FakeModel::saying(answers)));
    let mut request = bench.request("double what is asked for", Delivery::Apply);
    request.paths = vec!["buf.h".into(), "buf.c".into()];
    let task = done(&app, request);
    let result = task.result.as_ref().expect("a result");
    assert!(matches!(result.verdict, Verdict::Held(_)) && task.state == JobState::Review, "{task:?}");
    let now = || ["buf.h", "buf.c"].map(|name| String::from_utf8(bench.repo.read(name)).expect("text"));
    assert_eq!(now(), [HEADER, SOURCE]);
    app.decide(&task.id, &Decision::accept(Consent::REVIEWED)).expect("it lands");
    assert!(now()[0] == LONGER && now()[1].contains("return 2 * a;"), "{:?}", now());
}
