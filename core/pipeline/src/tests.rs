//! The stages together, with plugins that misbehave on purpose.

mod candidates;
mod narrow;
mod parts;
mod renames;

use crate::{Event, Pipeline, Policy, Record, Run, RunError, RunOptions, Stage, apply};
use deepcoder_apply::{Applier, ApplyOptions};
use deepcoder_plugin_api::{ErrorCode, Host, Plugin, PluginError, PluginManifest};
use deepcoder_test_support::{FakeModel, Reply, TestRepo};
use deepcoder_types::{
    Answer, Applicability, Cancel, Change, Constraint, ContextBundle, ContextRequest, FileEdit, GenerateError,
    GenerateRequest, Generation, Instruction, LanguageModel, ModelInfo, NewFile, Outcome, Prompt, Proposal, RepoPath,
    TextEdit, TokenEvent,
};
use deepcoder_workspace::{Memory, Workspace};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Work = dyn Fn(&Instruction, &ContextBundle, &dyn Host) -> Result<Outcome, PluginError> + Send + Sync;

/// A plugin whose work is a closure.
struct TestPlugin {
    manifest: PluginManifest,
    work: Box<Work>,
}

impl Plugin for TestPlugin {
    fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    fn plan(&self, _: &Instruction) -> Result<ContextRequest, PluginError> {
        Ok(ContextRequest { token_budget: 4096, ..ContextRequest::default() })
    }

    fn run(&self, i: &Instruction, c: &ContextBundle, h: &dyn Host) -> Result<Outcome, PluginError> {
        (self.work)(i, c, h)
    }
}

fn plugin(
    work: impl Fn(&Instruction, &ContextBundle, &dyn Host) -> Result<Outcome, PluginError> + Send + Sync + 'static,
) -> Vec<Arc<dyn Plugin>> {
    let manifest = PluginManifest::parse(
        "id='test'\nversion='1.0.0'\napi='0.1'\nruntime='rust'\nverbs=[{name='edit',summary='Edit'}]\n[capabilities]\nread=['**']\n\
         write=['**']\nmodel={max_calls=2,max_tokens=100}\n[limits]\nwall_ms=2000",
    );
    vec![Arc::new(TestPlugin { manifest: manifest.expect("a manifest"), work: Box::new(work) })]
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

fn instruction() -> Instruction {
    Instruction {
        id: "1".into(),
        verb: "edit".into(),
        prompt: "do it".into(),
        targets: vec![path("a.py")],
        reads: Vec::new(),
        selection: None,
        options: serde_json::json!({}),
        seed: 0,
    }
}

/// The proposal that the first snippet's file become `text`.
fn become_text(context: &ContextBundle, text: &str) -> Outcome {
    let old = &context.snippets[0];
    let edits = vec![TextEdit { range: old.range, replacement: text.into() }];
    propose(vec![Change::Modify(FileEdit { path: old.path.clone(), base_hash: old.file_hash, edits })])
}

fn propose(changes: Vec<Change>) -> Outcome {
    Outcome::Proposals(vec![Proposal {
        snapshot: "s".into(),
        title: "a change".into(),
        rationale: String::new(),
        applicability: Applicability::Safe,
        changes,
        checks: Vec::new(),
        constraint: None,
    }])
}

fn run(plugins: Vec<Arc<dyn Plugin>>, model: FakeModel, cancel: &Cancel) -> (Result<Run, RunError>, Vec<Event>) {
    let events = Mutex::new(Vec::new());
    let tree = Memory::of(path("a.py"), "x = 1\n");
    let result = Pipeline::new(&tree, Arc::new(model)).with_plugins(plugins).run(
        &instruction(),
        &RunOptions::default(),
        cancel,
        &mut |event| events.lock().expect("no panic").push(event),
    );
    (result, events.into_inner().expect("no panic"))
}

fn quiet() -> FakeModel {
    FakeModel::saying(Vec::<String>::new())
}

/// Protects "nothing unverified is applied" and the one repair: a result that does not parse goes back to the plugin
/// once, with what was found and what was proposed, and the repaired result is taken.
#[test]
fn a_result_that_fails_verification_is_repaired_once() {
    let calls = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&calls);
    let plugins = plugin(move |instruction, context, _| {
        if seen.fetch_add(1, Ordering::SeqCst) == 0 {
            return Ok(become_text(context, "def (:\n"));
        }
        let repair = &instruction.options["repair"];
        assert_eq!(repair["previous"]["a.py"], "def (:\n");
        assert_eq!(repair["findings"][0]["path"], "a.py");
        Ok(become_text(context, "x = 2\n"))
    });
    let (run, events) = run(plugins, quiet(), &Cancel::new());
    let run = run.expect("a run");
    assert!(run.verified() && run.record.verified && run.record.stats.repaired);
    assert!(run.diff.contains("+x = 2"), "{}", run.diff);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert!(events.contains(&Event::Stage(Stage::Repair)));
}

/// Protects the tree and the history: a result that stays broken is refused, and when it is applied all the same the
/// record says that it was not verified.
#[test]
fn unverified_results_are_applied_only_on_demand_and_on_record() {
    let repo = TestRepo::new(&[("a.py", b"x = 1\n")]);
    let state = tempfile::tempdir().expect("a folder");
    let workspace = Workspace::open(repo.path()).expect("a repository");
    let applier = Applier::open(&workspace, state.path()).expect("an applier");
    let plugins = plugin(|_, context, _| Ok(become_text(context, "def (:\n")));
    let cancel = Cancel::new();
    let run = Pipeline::new(&workspace, Arc::new(quiet()))
        .with_plugins(plugins)
        .run(&instruction(), &RunOptions::default(), &cancel, &mut |_| {})
        .expect("a run");
    assert!(!run.verified());
    let refused = apply(&applier, &run, ApplyOptions::default(), false, &cancel).expect_err("refused").to_string();
    assert!(refused.starts_with("the result failed verification: a.py"), "{refused}");
    assert_eq!(repo.read("a.py"), b"x = 1\n");
    apply(&applier, &run, ApplyOptions::default(), true, &cancel).expect("applied").expect("a change");
    assert_eq!(repo.read("a.py"), b"def (:\n");
    let record = serde_json::to_value(&run.record).expect("JSON");
    assert_eq!(record["verified"], false);
    assert!(serde_json::from_value::<Record>(record).is_ok(), "what is stored can be read back");
}

/// Protects the process: a plugin that panics is an error that names it.
#[test]
fn a_panic_of_a_plugin_is_an_error() {
    let (run, _) = run(plugin(|_, _, _| panic!("index out of range")), quiet(), &Cancel::new());
    let message = run.expect_err("an error").to_string();
    assert_eq!(message, "the plugin `test` panicked: index out of range");
}

/// Protects files that the request did not name: a proposal that touches another file is refused as a whole.
#[test]
fn changes_outside_the_policy_are_refused() {
    let plugins =
        plugin(|_, _, _| Ok(propose(vec![Change::Create(NewFile { path: path("b.py"), text: "1\n".into() })])));
    let tree = Memory::of(path("a.py"), "x = 1\n");
    let result = Pipeline::new(&tree, Arc::new(quiet()))
        .with_plugins(plugins)
        .with_policy(Policy::default().writing_only(&[path("a.py")]))
        .run(&instruction(), &RunOptions::default(), &Cancel::new(), &mut |_| {});
    assert!(matches!(result, Err(RunError::NotAllowed { path: p, .. }) if p == path("b.py")));
}

/// Protects the budget, and against runaway loops: calls beyond the grant fail, and what was used is counted.
#[test]
fn calls_of_the_model_are_counted_and_limited() {
    let plugins = plugin(|_, _, host| {
        let request = GenerateRequest::greedy(Prompt::Text("go".into()), 10);
        let mut said = String::new();
        loop {
            match host.generate(&request, &mut |_| {}) {
                Ok(generation) => said.push_str(&generation.text),
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::Budget);
                    return Ok(Outcome::Answer(Answer::words(said)));
                }
            }
        }
    });
    let (run, events) = run(plugins, FakeModel::saying(["a b ", "c"]), &Cancel::new());
    let run = run.expect("a run");
    assert_eq!(run.answer.expect("an answer").text, "a b c");
    assert_eq!((run.record.stats.calls, run.record.stats.usage.completion_tokens), (2, 3));
    assert_eq!(events.iter().filter(|e| matches!(e, Event::Token(_))).count(), 3);
}

/// Counts how often the tokens of each text are counted.
struct Counting(FakeModel, Mutex<HashMap<String, u32>>);

impl LanguageModel for Counting {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        *self.1.lock().expect("no panic").entry(text.to_owned()).or_default() += 1;
        self.0.count_tokens(text)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        self.0.generate(request, cancel, on_token)
    }
}

/// Protects speed: the model may be two sockets away, so that an edit of two files asks for the tokens of each text
/// once, whether the context, the plugin or a second attempt wants to know.
#[test]
fn the_tokens_of_a_text_are_counted_once() {
    let text = |name: &str| format!("def {name}(a):\n    return a\n");
    let tree: Memory =
        ["a", "b"].map(|name| (path(&format!("{name}.py")), text(name).into_bytes())).into_iter().collect();
    let said = |name: &str| format!("def {name}(a):\n    return a + 1\n```\n");
    let model = Arc::new(Counting(FakeModel::saying([said("a"), said("b")]), Mutex::default()));
    let asked = Instruction { targets: vec![path("a.py"), path("b.py")], prompt: "add one".into(), ..instruction() };
    let pipeline = Pipeline::new(&tree, Arc::clone(&model) as _);
    let run = pipeline.run(&asked, &RunOptions::default(), &Cancel::new(), &mut |_| {}).expect("a run");
    assert_eq!(changed(&run), ["a.py", "b.py"]);
    let counted = model.1.lock().expect("no panic");
    assert!(counted.contains_key(&text("a")) && counted.values().all(|times| *times == 1), "{counted:?}");
}

/// Protects Ctrl-C: a cancelled run ends with the plugin's cancelled call and proposes nothing.
#[test]
fn cancelling_ends_the_run() {
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let plugins = plugin(move |_, context, host| {
        stop.cancel();
        while !host.cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        host.generate(&GenerateRequest::greedy(Prompt::Text("go".into()), 1), &mut |_| {})?;
        Ok(become_text(context, "x = 2\n"))
    });
    let (run, _) = run(plugins, FakeModel::new([Reply::Text("never".into())]), &cancel);
    assert!(matches!(run, Err(RunError::Plugin(e)) if e.code == ErrorCode::Cancelled));
}

/// Protects "exactly once": the same request on the same tree gets the same id, whatever a surface calls the request
/// and in whichever order its options come, and another request gets another one.
#[test]
fn the_id_of_an_edit_set_names_the_request_and_its_inputs() {
    let with = |text: &'static str, request: &str, prompt: &str, options: &str| {
        let options = serde_json::from_str(options).expect("JSON");
        let tree = Memory::of(path("a.py"), "x = 1\n");
        let result = Pipeline::new(&tree, Arc::new(quiet()))
            .with_plugins(plugin(move |_, context, _| Ok(become_text(context, text))))
            .run(
                &Instruction { id: request.into(), prompt: prompt.into(), options, ..instruction() },
                &RunOptions::default(),
                &Cancel::new(),
                &mut |_| {},
            );
        result.expect("a run").edit_set.expect("a change").id
    };
    let id = |text, request, prompt| with(text, request, prompt, "{}");
    let options = |options| with("x = 2\n", "1", "two", options);
    assert_eq!(options(r#"{"a": 1, "b": {"c": 2, "d": 3}}"#), options(r#"{"b": {"d": 3, "c": 2}, "a": 1}"#));
    assert_ne!(options(r#"{"a": 1}"#), options(r#"{"a": 2}"#));
    assert_eq!(id("x = 2\n", "1", "two"), id("x = 2\n", "2", "two"));
    assert_ne!(id("x = 2\n", "1", "two"), id("x = 2\n", "1", "three"));
    assert_ne!(id("x = 2\n", "1", "two"), id("x = 3\n", "1", "two"));
}

/// Protects users from a blank page: nothing typed, or a change that changes nothing, is said and not applied.
#[test]
fn empty_instructions_are_refused_and_empty_changes_are_none() {
    let same = plugin(|_, context, _| Ok(become_text(context, "x = 1\n")));
    let (run, _) = run(same, quiet(), &Cancel::new());
    assert!(!run.expect("a run").changes());
    let blank = Instruction { prompt: " \n".into(), ..instruction() };
    let tree = Memory::of(path("a.py"), "");
    let pipeline = Pipeline::new(&tree, Arc::new(quiet())).with_plugins(plugin(|_, _, _| Ok(Outcome::Unchanged)));
    let result = pipeline.run(&blank, &RunOptions::default(), &Cancel::new(), &mut |_| {});
    assert!(matches!(result, Err(RunError::EmptyInstruction)));
}

/// Protects files that hold a comment with a request: the plugin sees none of it, the diff takes it out, the edit is
/// made for the bytes in the tree, and a run that changes nothing leaves the comment there.
#[test]
fn comments_that_ask_are_taken_out() {
    let old = b"x = 1\n# double it AI!\ny = 2\n";
    let repo = TestRepo::new(&[("a.py", old), ("b.py", b"# a note AI\nz = 1\n")]);
    let workspace = Workspace::open(repo.path()).expect("opens");
    let run = |comments: serde_json::Value, work: Box<Work>| {
        let pipeline = Pipeline::new(&workspace, Arc::new(quiet()));
        let asked = Instruction { options: serde_json::json!({ "comments": comments }), ..instruction() };
        let plugins = plugin(work);
        pipeline.with_plugins(plugins).run(&asked, &RunOptions::default(), &Cancel::new(), &mut |_| {})
    };
    let both =
        serde_json::json!([{"path": "b.py", "text": "# a note AI"}, {"path": "a.py", "text": "# double it AI!"}]);
    let doubled: Box<Work> = Box::new(|_, context, host| {
        assert_eq!(context.snippets[0].text, "x = 1\ny = 2\n");
        assert_eq!(host.read_file(&path("b.py")).expect("read").text, "z = 1\n");
        assert!(host.search_text("AI", "", 9).expect("searched").is_empty());
        Ok(become_text(context, "x = 2\ny = 4\n"))
    });
    let done = run(both.clone(), doubled).expect("runs");
    let set = done.edit_set.as_ref().expect("a change");
    let after: Vec<_> = set.files.iter().map(|f| f.new.as_ref().expect("kept").bytes.as_slice()).collect();
    assert_eq!(after, [&b"x = 2\ny = 4\n"[..], b"z = 1\n"]);
    assert!(done.verified() && done.diff.contains("-# double it AI!") && done.diff.contains("-# a note AI"));
    let applier = Applier::open(&workspace, &repo.join(".git/state")).expect("opens");
    apply(&applier, &done, ApplyOptions::default(), false, &Cancel::new()).expect("applied");
    assert_eq!(repo.read("b.py"), b"z = 1\n");
    let gone = run(both, Box::new(|_, _, _| Ok(Outcome::Unchanged)));
    assert!(matches!(gone, Err(RunError::NoComment { .. })), "{gone:?}");
    repo.write("a.py", old);
    let one = serde_json::json!([{"path": "a.py", "text": "# double it AI!"}]);
    let left = run(one, Box::new(|_, _, _| Ok(Outcome::Unchanged))).expect("runs");
    assert!(left.edit_set.is_none());
}

/// A plugin that takes one target at a time.
fn single(
    work: impl Fn(&Instruction, &ContextBundle, &dyn Host) -> Result<Outcome, PluginError> + Send + Sync + 'static,
) -> Vec<Arc<dyn Plugin>> {
    let manifest = PluginManifest::parse(
        "id='test'\nversion='1.0.0'\napi='0.1'\nruntime='rust'\nverbs=[{name='edit',summary='Edit'}]\neach_target=true\n[capabilities]\n\
         read=['**']\nwrite=['**']\nmodel={max_calls=2,max_tokens=100}\n[limits]\nwall_ms=2000",
    );
    vec![Arc::new(TestPlugin { manifest: manifest.expect("a manifest"), work: Box::new(work) })]
}

fn on(repo: &TestRepo, plugins: Vec<Arc<dyn Plugin>>, targets: &[&str], prompt: &str) -> Result<Run, RunError> {
    let workspace = Workspace::open(repo.path()).expect("opens");
    let targets = targets.iter().map(|t| path(t)).collect();
    let asked = Instruction { targets, prompt: prompt.into(), ..instruction() };
    let pipeline = Pipeline::new(&workspace, Arc::new(quiet())).with_plugins(plugins);
    pipeline.run(&asked, &RunOptions::default(), &Cancel::new(), &mut |_| {})
}

fn changed(run: &Run) -> Vec<&str> {
    run.edit_set.iter().flat_map(|set| &set.files).map(|file| file.path.as_str()).collect()
}

/// Protects several targets from each other: each is asked for by itself with the signatures of the others, one that
/// fails, breaks or needs nothing does not cost the rest, and it is said which and why.
#[test]
fn a_target_that_fails_does_not_cost_the_others() {
    let names = ["a.py", "b.py", "c.py", "d.py", "e.py"];
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, &b"def f():\n    return 1\n"[..])).collect();
    let repo = TestRepo::new(&files);
    let plugins = single(|instruction, context, _| {
        let [target] = &instruction.targets[..] else { panic!("one target: {:?}", instruction.targets) };
        let whole: Vec<_> = context.snippets.iter().filter(|s| s.origin == "target").collect();
        assert_eq!(whole.len(), 1);
        assert!(context.snippets.iter().filter(|s| s.path != *target).all(|s| s.text == "def f():"));
        match target.as_str() {
            "b.py" => Err(PluginError::new(ErrorCode::Budget, "cut off")),
            "c.py" => Ok(Outcome::Unchanged),
            "d.py" => Ok(become_text(context, "def f(:\n")),
            _ => Ok(become_text(context, "def f():\n    return 2\n")),
        }
    });
    let run = on(&repo, plugins, &names, "return two").expect("a run");
    assert_eq!(changed(&run), ["a.py", "e.py"]);
    assert!(run.verified() && run.applicability == Applicability::Safe);
    let skipped: Vec<_> = run.record.skipped.iter().map(|s| (s.path.as_str(), s.reason.as_str())).collect();
    assert_eq!(skipped[0], ("b.py", "cut off"));
    assert!(skipped[1].0 == "d.py" && skipped[1].1.contains("not valid python"), "{skipped:?}");
    let all_fail = single(|_, _, _| Err(PluginError::new(ErrorCode::Budget, "cut off")));
    assert!(matches!(on(&repo, all_fail, &names, "x"), Err(RunError::Plugin(_))));
    let other = single(|_, _, _| Ok(propose(vec![Change::Create(NewFile { path: path("z.py"), text: "1\n".into() })])));
    assert!(matches!(on(&repo, other, &["a.py"], "x"), Err(RunError::NotAllowed { .. })));
}

/// Protects the safe files of a result from the doubtful ones: they can be applied without them, and what is left is
/// known.
#[test]
fn the_safe_part_of_a_result_stands_alone() {
    let repo = TestRepo::new(&[("a.py", b"x = 1\n"), ("b.py", b"y = 1\n")]);
    let plugins = single(|instruction, context, _| {
        let doubtful = instruction.targets[0].as_str() == "b.py";
        let mut outcome = become_text(context, if doubtful { "y = 2\n" } else { "x = 2\n" });
        if let (true, Outcome::Proposals(proposals)) = (doubtful, &mut outcome) {
            proposals[0].applicability = Applicability::NeedsReview;
        }
        Ok(outcome)
    });
    let run = on(&repo, plugins, &["a.py", "b.py"], "two").expect("a run");
    assert_eq!((changed(&run), run.applicability), (vec!["a.py", "b.py"], Applicability::NeedsReview));
    let part = run.into_safe_part().expect("a part");
    assert_eq!((changed(&part), part.applicability), (vec!["a.py"], Applicability::Safe));
    assert!(part.partial && part.diff.contains("+x = 2") && !part.diff.contains("b.py"));
}

/// Protects the choice of a file by the program: one that cannot be used is passed over for the next.
#[test]
fn a_chosen_file_that_does_not_fit_is_passed_over() {
    let large = format!("def total():\n    return 1\n{}", "# filler of many words\n".repeat(9000));
    let repo = TestRepo::new(&[("a.py", large.as_bytes()), ("b.py", b"def grand_total():\n    return 1\n")]);
    let plugins = single(|_, context, _| Ok(become_text(context, "def grand_total():\n    return 2\n")));
    let run = on(&repo, plugins, &[], "the total should be two").expect("a run");
    assert_eq!(changed(&run), ["b.py"]);
}

/// Protects code that the user did not ask to change: a difference that causes a finding is left out where the rest
/// stands without it, and the rest is safe where a second attempt agrees.
#[test]
fn what_nobody_asked_for_is_left_out() {
    let old = "\"\"\"Sums.\"\"\"\n\n\ndef total(items):\n    return sum(items)\n";
    let repo = TestRepo::new(&[("a.py", old.as_bytes())]);
    let wanted = old.replace("sum(items)", "round(sum(items), 2)");
    let without = wanted.replace("\"\"\"Sums.\"\"\"\n\n\n", "");
    let other = without.replace(", 2)", ", 3)");
    for (second, applicability) in [(without.clone(), Applicability::Safe), (other, Applicability::NeedsReview)] {
        let first = without.clone();
        let plugins = plugin(move |instruction, context, _| {
            let again = instruction.options.get("repair").is_some();
            Ok(become_text(context, if again { &second } else { &first }))
        });
        let run = on(&repo, plugins, &["a.py"], "`total` should round to two digits").expect("a run");
        let new = run.edit_set.as_ref().and_then(|set| set.files[0].new.as_ref()).expect("a change");
        assert_eq!(String::from_utf8_lossy(&new.bytes), wanted);
        assert_eq!(run.applicability, applicability, "{}", run.rationale);
        assert!(run.rationale.contains("left out: a.py: the docstring of the module is deleted"), "{}", run.rationale);
    }
}

/// Protects code on its way from one file to another: files that an instruction names or makes depend on each other, so
/// that a part of them is not applied by itself, and a target that the model gave back is told.
#[test]
fn files_that_depend_on_each_other_go_together() {
    let repo = TestRepo::new(&[("a.py", b"x = 1\n"), ("b.py", b"y = 1\n")]);
    let plugins = || {
        single(|instruction, context, host| {
            host.generate(&GenerateRequest::greedy(Prompt::Text("go".into()), 1), &mut |_| {})?;
            match instruction.targets[0].as_str() {
                "a.py" => Ok(become_text(context, "x = 2\n")),
                _ => Ok(Outcome::Unchanged),
            }
        })
    };
    let on = |prompt: &str| {
        let workspace = Workspace::open(repo.path()).expect("opens");
        let asked = Instruction { targets: vec![path("a.py"), path("b.py")], prompt: prompt.into(), ..instruction() };
        let pipeline = Pipeline::new(&workspace, Arc::new(FakeModel::saying(["", ""]))).with_plugins(plugins());
        pipeline.run(&asked, &RunOptions::default(), &Cancel::new(), &mut |_| {}).expect("a run")
    };
    let apart = on("make it two");
    assert_eq!((changed(&apart), apart.applicability), (vec!["a.py"], Applicability::Safe));
    assert_eq!(apart.record.skipped[0].reason, "the model gave it back as it was");
    let together = on("move it from a.py to b.py");
    assert_eq!((changed(&together), together.applicability), (vec!["a.py"], Applicability::NeedsReview));
    assert!(together.into_safe_part().is_none());
}
