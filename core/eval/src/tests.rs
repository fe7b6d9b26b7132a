#![expect(clippy::disallowed_methods, reason = "the files are in temporary folders")]

use super::*;
use deepcoder_test_support::{FakeModel, Reply};
use deepcoder_types::{Cancel, FinishReason, GenerateError, Prompt};
use std::path::Path;

fn no(_: Progress<'_>) {}

fn harness(scratch: &Path) -> Harness {
    Harness::new(Path::new("python3"), scratch).expect("python3 runs")
}

fn task(id: u32) -> humaneval::Task {
    humaneval::Task {
        task_id: format!("HumanEval/{id}"),
        prompt:
            "from typing import List\n\ndef twice(x: int) -> int:\n    return 2 * x\n\ndef total(xs: List[int]) -> \
                 int:\n    \"\"\" Twice the sum.\n    >>> total([1])\n    2\n    \"\"\"\n"
                .into(),
        entry_point: "total".into(),
        test: "def check(candidate):\n    assert candidate([1, 2]) == 6, 'SECRET'\n".into(),
        canonical_solution: "    return twice(sum(xs))\n".into(),
    }
}

/// Protects the disk from answers: what one writes is bounded as a whole and gone afterwards, and what a run that was killed
/// left is gone at the next start.
#[test]
fn answers_leave_nothing_on_the_disk() {
    let dir = tempfile::tempdir().expect("dir");
    let left = dir.path().join("deepcoder-scratch-left");
    std::fs::create_dir_all(left.join("a")).expect("folder");
    std::fs::set_permissions(&left, std::os::unix::fs::PermissionsExt::from_mode(0o300)).expect("mode");
    let harness = harness(dir.path());
    assert!(!left.exists());
    let code = "def total(xs):\n    import os\n    os.mkdir('a'); os.chdir('a')\n    for n in range(200):\n        with open(str(n), 'wb') as \
                f: f.write(b'x' * (1 << 20))\n    return 6\n";
    let judged = harness.judge(&humaneval::test_of(&task(0), code), &Cancel::new()).expect("runs");
    assert_eq!(judged.verdict, Verdict::Failed, "{}", judged.detail);
    assert!(
        judged.detail.contains("No space left") || judged.detail.contains("more than its folder"),
        "{}",
        judged.detail
    );
    assert_eq!(std::fs::read_dir(dir.path()).expect("dir").count(), 0);
}

const RIGHT: &str = "Sure.\n```python\ndef total(xs: List[int]) -> int:\n    return twice(sum(xs))\n\nprint(total(input()))\n\
                     if __name__ == '__main__':\n    total(None)\n```\nIt doubles the sum, as asked for.";

/// Protects the score: an answer is judged as EvalPlus judges it. Imports and helpers of the question count, examples
/// around the definition do not, and everything that is not a right definition fails.
#[test]
fn answers_are_judged_by_what_they_define() {
    let dir = tempfile::tempdir().expect("dir");
    let harness = harness(dir.path());
    let task = task(0);
    let verdict = |code: &str| {
        let judged = harness.judge(&humaneval::test_of(&task, code), &Cancel::new()).expect("runs");
        (judged.verdict, judged.detail)
    };
    let right = "def total(xs):\n    return twice(sum(xs))\n";
    for code in [
        right.to_owned(),
        format!("{right}\nn = int(input())\nprint(total(n))"),
        format!("import sys\n{right}\nif __name__ == '__main__':\n    sys.exit(3)"),
        // Prose around code without a fence, and an answer that was cut off after the function.
        format!("Here it is:\n{right}\nThat's all folks!"),
        format!("{right}\ndef main():\n    print("),
        "from __future__ import annotations\nHALF = 4\n\ndef part(x):\n    return x * HALF\n\nclass T:\n    def go(self, \
         xs):\n        return part(sum(xs)) // 2\n\ndef total(xs):\n    return T().go(xs)"
            .to_owned(),
    ] {
        assert_eq!(verdict(&code), (Verdict::Passed, String::new()), "{code}");
    }
    for (code, why) in [
        ("def total(xs):\n    return sum(xs)", "AssertionError: SECRET"),
        ("def other(xs):\n    return 6", "NameError: the answer does not define total"),
        ("", "NameError: the answer does not define total"),
        ("def total(xs)\n    return 6", "SyntaxError"),
        // Ways to end with status 0 without passing.
        ("import os\ndef total(xs):\n    os._exit(0)", "ended early"),
        ("def total(xs):\n    raise SystemExit(0)", "SystemExit: 0"),
    ] {
        let (verdict, detail) = verdict(code);
        assert_eq!(verdict, Verdict::Failed, "{code}");
        assert!(detail.starts_with(why), "{code}: {detail}");
    }
}

/// Protects the machine while a benchmark runs: a loop ends by its limit and counts as too slow.
#[test]
fn endless_answers_time_out() {
    let dir = tempfile::tempdir().expect("dir");
    let harness = harness(dir.path()).with_cpu_seconds(1);
    let task = task(0);
    let test = humaneval::test_of(&task, "def total(xs):\n    while True: pass");
    assert_eq!(harness.judge(&test, &Cancel::new()).expect("runs").verdict, Verdict::TimedOut);
    assert!(std::fs::read_dir(dir.path()).expect("dir").next().is_none(), "scratch folders are left behind");
}

/// Protects comparability and honesty: the words of the request are those that the published numbers were measured with,
/// greedily, and the test is not among them.
#[test]
fn humaneval_asks_as_agreed_and_scores() {
    let dir = tempfile::tempdir().expect("dir");
    let model = FakeModel::saying([RIGHT, "```python\ndef total(xs):\n    return 1\n```", "I cannot."]);
    let tasks = [task(0), task(1), task(2)];
    let mut seen = Vec::new();
    let report =
        humaneval::run(&model, &tasks, &harness(dir.path()), &RunOptions::default(), &Cancel::new(), &mut |p| {
            seen.push((p.done, p.passed, p.total))
        })
        .expect("a report");
    assert_eq!((report.passed, report.failed, report.total), (1, 2, 3));
    assert!((report.pass_at_1 - 33.333).abs() < 0.01 && (report.standard_error - 27.216).abs() < 0.01, "{report:?}");
    assert_eq!(report.not_passed, ["HumanEval/1", "HumanEval/2"]);
    assert_eq!((seen.first(), seen.last()), (Some(&(0, 0, 3)), Some(&(3, 1, 3))));
    let request = &model.requests()[0];
    assert_eq!((request.max_tokens, request.sampling.temperature), (640, 0.0));
    let Prompt::Chat { messages, prefill } = &request.prompt else { panic!("not a chat") };
    let [message] = messages.as_slice() else { panic!("not one message") };
    assert!(message.content.starts_with(
        "Please provide a self-contained Python script that solves the following problem in a markdown code \
         block:\n```python\nfrom typing import List\n"
    ));
    assert!(prefill.is_empty() && !message.content.contains("SECRET"));
}

/// Protects the time that a run takes: a generation ends when what will be tested can no longer change, and not before.
#[test]
fn the_answer_is_settled_when_its_block_is_closed() {
    let mut text = String::new();
    let mut settled_at = None;
    for piece in RIGHT.split_inclusive(char::is_whitespace) {
        text.push_str(piece);
        if settled_at.is_none() && code::is_settled(&text, "total") {
            settled_at = Some(text.len());
        }
    }
    let at = settled_at.expect("settles");
    assert!(RIGHT[..at].ends_with("\n```\n"));
    assert_eq!(code::extract(&RIGHT[..at], "total"), code::extract(RIGHT, "total"));
    let two = "```\npip install x\n```\nthen\n````py\nasync def total (xs):\n    '''\n```\n'''\n";
    assert!(!code::is_settled(two, "total"));
    assert_eq!(code::extract(two, "total"), "async def total (xs):\n    '''\n```\n'''\n");
    assert_eq!(code::extract("def total(): pass", "total"), "def total(): pass");
    assert_eq!(code::extract("```\ndef totals(): pass\n```\n", "total"), "def totals(): pass\n");
}

/// Protects hours of work: a run that ended, was killed in the middle of a line or was cancelled goes on with the tasks
/// that have no result, and the results of another model are not taken for its own.
#[test]
fn runs_go_on_where_they_ended() {
    let dir = tempfile::tempdir().expect("dir");
    let harness = harness(dir.path());
    let results = dir.path().join("results.jsonl");
    let options = RunOptions { results: Some(results.clone()), ..RunOptions::default() };
    let tasks = [task(0), task(1), task(2)];
    // The model dies at the third task.
    let model = FakeModel::new([
        Reply::Text(RIGHT.into()),
        Reply::Text("no".into()),
        Reply::Error(GenerateError::Unavailable("gone".into())),
    ]);
    let run = |model: &FakeModel, cancel: &Cancel| humaneval::run(model, &tasks, &harness, &options, cancel, &mut no);
    let error = run(&model, &Cancel::new()).expect_err("stops");
    assert!(matches!(&error, EvalError::Model { task, .. } if task == "HumanEval/2"), "{error}");
    let kept = std::fs::read_to_string(&results).expect("results");
    assert_eq!(kept.lines().count(), 2, "answers that were waiting for their test are tested and kept");
    // Killed while it wrote a line.
    std::fs::write(
        &results,
        kept.lines().next().expect("line").to_owned() + "\n" + &kept.lines().nth(1).expect("line")[..40],
    )
    .expect("file");
    let cancelled = Cancel::new();
    cancelled.cancel();
    let error = run(&FakeModel::saying([""; 0]), &cancelled).expect_err("cancelled");
    assert!(matches!(error, EvalError::Cancelled { done: 1, total: 3 }), "{error}");
    let model = FakeModel::saying([RIGHT, RIGHT]);
    let report = run(&model, &Cancel::new()).expect("a report");
    assert_eq!((report.passed, report.total, model.replies_left()), (3, 3, 0));
    assert_eq!(std::fs::read_to_string(&results).expect("results").lines().count(), 3);
    let twice = humaneval::run(&model, &[task(0), task(0)], &harness, &options, &Cancel::new(), &mut no);
    assert!(matches!(twice, Err(EvalError::Duplicate(_))));
    // All there: nothing is asked.
    assert_eq!(run(&FakeModel::saying([""; 0]), &Cancel::new()).expect("a report").passed, 3);
    let span = fim::SpanTask {
        task_id: "S/0".into(),
        entry_point: "f".into(),
        prompt: String::new(),
        suffix: String::new(),
        canonical_solution: String::new(),
        test: String::new(),
    };
    let other = fim::run_spans(&model, &[span], &harness, &options, &Cancel::new(), &mut no);
    assert!(matches!(other, Err(EvalError::OtherRun { .. })));
    std::fs::write(&results, "my diary\n").expect("file");
    assert!(matches!(run(&FakeModel::saying([RIGHT]), &Cancel::new()), Err(EvalError::Results { .. })));
    assert_eq!(std::fs::read_to_string(&results).expect("file"), "my diary\n");
}

/// Protects infilling's scores: the hole is where the data says, with the line ends that an editor's text has.
#[test]
fn lines_and_spans_are_filled() {
    let line = fim::LineTask {
        name: "l".into(),
        language: "py".into(),
        prompt: "def f():".into(),
        suffix: "    return x".into(),
        canonical_solution: "    x = 1".into(),
    };
    let model = FakeModel::saying(["    x = 1 \nand more"]);
    let report = fim::run_lines(&model, &[line], &RunOptions::default(), &Cancel::new(), &mut no).expect("a report");
    assert_eq!(report.passed, 1);
    let Prompt::Fill { prefix, suffix } = &model.requests()[0].prompt else { panic!("not a hole") };
    assert_eq!((prefix.as_str(), suffix.as_str()), ("def f():\n", "\n    return x"));
    let span = |id: &str| fim::SpanTask {
        task_id: id.into(),
        entry_point: "f".into(),
        prompt: "def f():\n".into(),
        suffix: "    return x\n".into(),
        canonical_solution: "    x = 1\n".into(),
        test: "def check(candidate):\n    assert candidate() == 1".into(),
    };
    let dir = tempfile::tempdir().expect("dir");
    let spans = [span("SingleLineInfilling/0"), span("RandomSpanInfillingLight/0")];
    let model = FakeModel::saying(["    x = 1\nbreak", "    x = 1\n"]);
    let report = fim::run_spans(&model, &spans, &harness(dir.path()), &RunOptions::default(), &Cancel::new(), &mut no);
    assert_eq!(report.expect("a report").passed, 2);
}

/// Protects the comparison with llama.cpp: the second half of each window counts, the rest is left out.
#[test]
fn perplexity_counts_the_second_halves() {
    let tokens: Vec<u32> = (0..11).collect();
    let mut score = |part: &[u32]| -> Result<Vec<f32>, GenerateError> {
        Ok(part[1..].iter().map(|t| if t % 4 == 3 { -1.0 } else { -100.0 }).collect())
    };
    let result = perplexity::measure(&tokens, 4, &mut score, &Cancel::new(), &mut |_, _, _| {}).expect("measured");
    assert_eq!((result.windows, result.scored), (2, 2));
    assert!((result.perplexity - 1f64.exp()).abs() < 1e-9 && result.standard_error.abs() < 1e-9);
    assert!(perplexity::measure(&tokens, 12, &mut score, &Cancel::new(), &mut |_, _, _| {}).is_err());
    let mut short = |_: &[u32]| Ok(vec![0.0]);
    assert!(perplexity::measure(&tokens, 4, &mut short, &Cancel::new(), &mut |_, _, _| {}).is_err());
}

/// Protects against a wrong file: data is read plain and gzipped, and what is not a task is named by its line.
#[test]
fn data_files_are_read() {
    use std::io::Write as _;
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("data");
    let line = serde_json::json!({"task_id": "HumanEval/0", "prompt": "p", "entry_point": "f", "test": "t",
        "canonical_solution": "s", "other": 1});
    std::fs::write(&path, format!("{line}\n\n{line}\n")).expect("file");
    assert_eq!(humaneval::load(&path).expect("tasks").len(), 2);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(format!("{line}\n{{}}\n").as_bytes()).expect("gzip");
    std::fs::write(&path, gz.finish().expect("gzip")).expect("file");
    let error = humaneval::load(&path).expect_err("second line");
    assert!(matches!(error, EvalError::Task { line: 2, .. }), "{error}");
    assert!(matches!(humaneval::load(&dir.path().join("none")), Err(EvalError::Read { .. })));
}

/// Protects the record: what cut an answer short is told apart, so that a score can be explained.
#[test]
fn finish_reasons_and_refusals_are_recorded() {
    let dir = tempfile::tempdir().expect("dir");
    let results = dir.path().join("r");
    let options = RunOptions { results: Some(results.clone()), ..RunOptions::default() };
    let too_long = GenerateError::TooLong { prompt: 9, max_tokens: 640, context: 100 };
    let model =
        FakeModel::new([Reply::CutOff("```\ndef total(".into()), Reply::Error(too_long), Reply::Text(RIGHT.into())]);
    let tasks = [task(0), task(1), task(2)];
    humaneval::run(&model, &tasks, &harness(dir.path()), &options, &Cancel::new(), &mut no).expect("a report");
    let mut records: Vec<Record> = std::fs::read_to_string(&results)
        .expect("results")
        .lines()
        .map(|l| serde_json::from_str(l).expect("record"))
        .collect();
    records.sort_by(|a, b| a.task_id.cmp(&b.task_id));
    let short: Vec<_> = records.iter().map(|r| (r.verdict, r.finish)).collect();
    let wanted = [
        (Verdict::Failed, Some(FinishReason::Length)),
        (Verdict::NoAnswer, None),
        (Verdict::Passed, Some(FinishReason::Stop)),
    ];
    assert_eq!(short, wanted);
    assert!(records[1].detail.contains("exceeds the context"));
}
