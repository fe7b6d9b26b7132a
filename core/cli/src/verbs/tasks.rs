//! `deepcoder tasks`

use super::{edit, pick, task};
use crate::args::{TaskReviewArgs, TasksArgs, TasksVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::time;
use deepcoder_protocol::Tasks;
use deepcoder_types::{Delivery, JobFile, JobState, Task};

/// Characters of an instruction in a list.
const WORDS: usize = 60;

pub(crate) fn tasks(args: &TasksArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let known = task::known(invocation);
    match &args.verb {
        None => list(&*known, args.all, invocation, console),
        Some(TasksVerb::Show(args)) => show(&known.get(&args.id)?, console),
        Some(TasksVerb::Follow(args)) => {
            let id = known.get(&args.id)?.id;
            show(&task::follow(&*known, &id, false, invocation, console, &mut |_, _, _| {})?, console)
        }
        Some(TasksVerb::Review(args)) => review(&*known, args, invocation, console),
        Some(TasksVerb::Cancel(args)) => {
            for id in &args.ids {
                let task = known.cancel(id)?;
                if console.json {
                    console.json(&task)?;
                } else {
                    console.note(&format!("{} {}", task.id, task.state.name()));
                }
            }
            Ok(Done::Clean)
        }
    }
}

fn list(tasks: &dyn Tasks, all: bool, invocation: &Invocation, console: &mut Console) -> Result {
    let here = invocation.profile.workspace(&invocation.base).ok().map(|workspace| workspace.root().to_owned());
    let found = tasks.list(here.as_deref().filter(|_| !all))?;
    if found.is_empty() && !console.json {
        console.note("no tasks");
    }
    for task in &found {
        if console.json {
            console.json(task)?;
            continue;
        }
        let words: String = task.request.prompt.lines().next().unwrap_or_default().chars().take(WORDS).collect();
        let (state, when) = (task.state.name(), time::local(task.created_ms));
        console.line(&format!("{}  {state:<9}  {when}  {} {words}", task.id, task.request.verb))?;
    }
    Ok(Done::Clean)
}

fn show(task: &Task, console: &mut Console) -> Result {
    if console.json {
        console.json(task)?;
        return Ok(ended(task));
    }
    console.heading(&format!("{}  {}  {}", task.id, time::local(task.created_ms), task.state.name()))?;
    console.line(&format!("    {} {}", task.request.verb, task.request.prompt))?;
    if let Some(root) = &task.repository {
        console.line(&format!("    in {}", root.display()))?;
    }
    if let Some(failure) = &task.failure {
        console.warn(&failure.message);
        failure.hint.iter().for_each(|hint| console.hint(hint));
    }
    let Some(result) = &task.result else { return Ok(ended(task)) };
    if let Some(answer) = &result.answer {
        console.print(&answer.text)?;
        console.line("")?;
    }
    if result.changes() {
        edit::show(result, console)?;
    }
    if result.landed.is_some() {
        edit::told(task, result, console)?;
    } else if task.state == JobState::Review {
        console.note(&format!("it waits: `deepcoder tasks review {}` decides", task.id));
    }
    Ok(ended(task))
}

const fn ended(task: &Task) -> Done {
    match task.state {
        JobState::Done | JobState::Rejected | JobState::Running => Done::Clean,
        _ => Done::Findings,
    }
}

fn review(tasks: &dyn Tasks, args: &TaskReviewArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let task = tasks.get(&args.id)?;
    let Some(result) = task.result.as_ref().filter(|_| task.state == JobState::Review) else {
        let failure = Failure::new(format!("task {} is {}", task.id, task.state.name()));
        return Err(failure.hint("only a result that waits can be decided about; `deepcoder tasks` lists the tasks"));
    };
    let files: Vec<JobFile> = result.files.iter().map(|file| file.file.clone()).collect();
    let notes: Vec<String> = result.findings().map(ToString::to_string).collect();
    let shown = (files.as_slice(), result.diff.as_str(), notes.as_slice());
    let hint = format!(
        "`deepcoder tasks review {0} --accept all` or `--reject all` decides; `deepcoder tasks show {0}` shows the diff",
        task.id
    );
    let Some(decision) = pick::decide(shown, &args.decision, hint, invocation, console)? else {
        return Ok(Done::Findings);
    };
    // A commit is made in this process: hooks, signing and authorship are those of the user's shell.
    let here = matches!(task.request.accepted, Some(Delivery::Commit { .. })).then(|| task::here(invocation));
    let tasks = here.as_ref().map_or(tasks, |here| here);
    let task = tasks.decide(&task.id, &decision)?;
    match (&task.result, task.state) {
        (Some(result), JobState::Done) => edit::told(&task, result, console),
        _ if console.json => console.json(&task).map(|()| Done::Clean),
        (_, state) => {
            console.note(state.name());
            Ok(if state == JobState::Rejected { Done::Clean } else { Done::Findings })
        }
    }
}
