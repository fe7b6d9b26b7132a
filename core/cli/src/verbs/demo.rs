//! `deepcoder demo`

use super::install;
use crate::args::{ChangeArgs, DemoArgs, PluginArgs, PluginVerb, Verb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Failure, Result};
use deepcoder_app::Takes;
use deepcoder_hub::StoreError;
use deepcoder_profile::{PullOptions, Role};
use deepcoder_types::EDIT;
use std::path::Path;

/// The sample: a small module with a test.
const FILES: [(&str, &str); 3] = [
    ("README.md", include_str!("demo/README.md")),
    ("src/util.py", include_str!("demo/util.py")),
    ("tests/test_util.py", include_str!("demo/test_util.py")),
];

/// In several wordings the default model answers this with the same two changed lines.
const INSTRUCTION: &str = "add an optional parameter separator to slug, with the default \"-\"";
const TARGET: &str = "src/util.py";

pub(crate) fn demo(args: &DemoArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let dir = invocation.path(&args.dir);
    check_empty(&dir, &args.dir)?;
    let model = invocation.profile.model_for(Role::Edit);
    if let Err(StoreError::NotInstalled { .. }) = invocation.profile.store().path(&model) {
        console.note(&format!("the model {model} is not installed yet"));
        let options = PullOptions::new(&model);
        install::install(&model, &options, invocation, console)?;
    }
    invocation.checkpoint()?;
    create(&dir)?;
    console.note(&format!("made a sample repository in {}", args.dir.display()));
    console.note(&format!("$ deepcoder edit '{INSTRUCTION}' {TARGET} -C {} --yes", args.dir.display()));
    invocation.base.clone_from(&dir);
    let change = ChangeArgs { words: vec![INSTRUCTION.into(), TARGET.into()], yes: true, ..ChangeArgs::default() };
    let verb = PluginVerb {
        name: EDIT.to_owned(),
        takes: Takes::Words,
        params: serde_json::Map::new(),
        args: PluginArgs::Change(Box::new(change)),
    };
    let done = super::dispatch(Verb::Plugin(verb), invocation, console)?;
    let shown = args.dir.display();
    console.note(&format!("look at it:   git -C {shown} diff"));
    console.note(&format!("take it back: deepcoder undo -C {shown}"));
    Ok(done)
}

fn check_empty(dir: &Path, typed: &Path) -> Result<()> {
    let hint = "name another folder with --dir";
    match std::fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(format!("the folder {} is not empty", typed.display())).hint(hint)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io(format_args!("cannot use {}", typed.display()), &error).hint(hint)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the sample repository is a new folder of ours, not a user's work tree")]
fn create(dir: &Path) -> Result<()> {
    for (name, text) in FILES {
        let path = dir.join(name);
        let folder = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|e| Failure::io(format_args!("cannot write {}", path.display()), &e))?;
    }
    git(dir, &["init", "-q", "-b", "main"])?;
    git(dir, &["add", "-A"])?;
    git(dir, &["commit", "-q", "-m", "A small module"])
}

/// git with an identity of its own, and without the user's hooks, signing and templates: only a sample is made.
fn git(dir: &Path, args: &[&str]) -> Result<()> {
    let mut command = deepcoder_git::Git::new(dir).command();
    command
        .args(["-c", "user.name=deepcoder demo", "-c", "user.email=demo@localhost"])
        .args(["-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "init.templateDir="])
        .args(args);
    let output = deepcoder_git::run(command, b"", &deepcoder_types::Cancel::new())
        .map_err(|e| Failure::io("cannot run git", &e).hint("the demo needs git on the path"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("git {} failed: {}", args.join(" "), output.text())))
    }
}
