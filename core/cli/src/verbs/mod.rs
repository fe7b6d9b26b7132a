//! One module for each verb.

mod bench;
mod checks;
mod codemod;
mod complete;
mod demo;
mod doctor;
mod edit;
mod eval;
mod explain;
mod form;
mod generate;
mod history;
mod hook;
mod install;
mod jobs;
mod models;
mod pick;
mod serve;
mod service;
mod status;
mod task;
mod tasks;
mod watch;

use crate::args::{CodemodVerb, DebugVerb, PluginArgs, Verb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Result};

/// Do what was asked.
pub(crate) fn dispatch(verb: Verb, invocation: &mut Invocation, console: &mut Console) -> Result {
    match verb {
        Verb::Plugin(verb) => match &verb.args {
            PluginArgs::Change(args) => edit::edit(&verb, args, invocation, console),
            PluginArgs::Answer(args) => explain::explain(&verb, args, invocation, console),
            PluginArgs::Place(args) => complete::complete(&verb, args, invocation, console),
        },
        Verb::Undo(args) => history::undo(&args, invocation, console),
        Verb::Restore(args) => history::restore(&args, invocation, console),
        Verb::Log(args) => history::log(&args, invocation, console),
        Verb::Codemod(CodemodVerb::Learn(args)) => codemod::learn(&args, invocation, console),
        Verb::Generate(args) => generate::generate(&args, invocation, console),
        Verb::Pull(args) => install::pull(&args, invocation, console),
        Verb::Import(args) => install::import(&args, invocation, console),
        Verb::Models(verb) => models::models(&verb, invocation, console),
        Verb::Tasks(args) => tasks::tasks(&args, invocation, console),
        Verb::Jobs(verb) => jobs::jobs(&verb, invocation, console),
        Verb::Serve(args) => serve::serve(&args, invocation, console),
        Verb::Watch(args) => watch::watch(&args, invocation, console),
        Verb::Worker(args) => serve::worker(&args, invocation),
        Verb::Status => status::status(invocation, console),
        Verb::Service(verb) => service::service(&verb, invocation, console),
        Verb::Stop => serve::stop(invocation, console),
        Verb::Hook(verb) => hook::hook(&verb, invocation, console),
        Verb::Checks(verb) => checks::checks(&verb, invocation, console),
        Verb::Eval(verb) => eval::eval(&verb, invocation, console),
        Verb::Bench(args) => bench::bench(&args, invocation, console),
        Verb::Doctor => doctor::doctor(invocation, console),
        Verb::Demo(args) => demo::demo(&args, invocation, console),
        // They need no invocation, and were answered before there was one.
        Verb::Help(_) | Verb::Version | Verb::Completions(_) => Ok(Done::Clean),
        Verb::Debug(DebugVerb::Steps) => {
            deepcoder_app::STEPS.iter().try_for_each(|step| console.line(step))?;
            Ok(Done::Clean)
        }
    }
}
