//! `deepcoder codemod learn`

use super::edit;
use crate::args::{ChangeArgs, LearnArgs, PluginArgs, PluginVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Failure, Result};
use crate::sanitise::for_terminal;
use deepcoder_app::{Learned, Repo, Takes, learn_texts};
use deepcoder_types::REFACTOR;
use serde_json::json;
use std::path::Path;

/// The longest text that is learned from.
const MAX_TEXT: u64 = 1 << 20;

pub(crate) fn learn(args: &LearnArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let learned = match (&args.before, &args.after) {
        (Some(before), Some(after)) => {
            let (old, new) = (read(before, invocation)?, read(after, invocation)?);
            learn_texts(&before.to_string_lossy(), args.language.as_deref(), &old, &new)?
        }
        _ => Repo::open(&invocation.profile, &invocation.base)?.learn(args.edit.as_deref())?,
    };
    let Some((first, others)) = learned.split_first() else { return Err(Failure::new("nothing was learned")) };
    told(first, console);
    for other in others {
        console.note(&format!("also learned: {}", command(other)));
    }
    let mut words = vec!["codemod".to_owned(), first.pattern.clone(), first.replacement.clone()];
    words.extend(args.path.iter().cloned());
    let change = ChangeArgs {
        words,
        dry_run: args.dry_run,
        yes: args.yes,
        unreviewed: args.unreviewed,
        ..ChangeArgs::default()
    };
    let params = json!({ "language": first.language.name(), "learned": true });
    let params = params.as_object().cloned().unwrap_or_default();
    let none = PluginArgs::Change(Box::default());
    let verb = PluginVerb { name: REFACTOR.to_owned(), takes: Takes::Command, params, args: none };
    edit::edit(&verb, &change, invocation, console)
}

/// What was learned, and how it is run again.
fn told(learned: &Learned, console: &mut Console) {
    let changes = match learned.changes {
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    console.note(&format!("learned from {changes}: {}", command(learned)));
    if learned.left > 0 {
        console.note(&format!("the edit left {} of its matches alone", learned.left));
    }
}

/// The command that runs a learned pattern as one that a person wrote.
fn command(learned: &Learned) -> String {
    let quoted = |text: &str| format!("'{}'", for_terminal(text).replace('\'', "'\\''"));
    let (pattern, replacement) = (quoted(&learned.pattern), quoted(&learned.replacement));
    format!("deepcoder refactor codemod {pattern} {replacement} --language {}", learned.language.name())
}

fn read(path: &Path, invocation: &Invocation) -> Result<String> {
    let text = deepcoder_files::read_text(&invocation.path(path), MAX_TEXT);
    text.map_err(|e| Failure::io(format_args!("cannot read {}", for_terminal(&path.to_string_lossy())), &e))
}
