//! The `deepcoder` command. [`run`] takes everything from an [`Environment`], so that tests can run it in their own
//! process.
//!
//! **Invariant:** standard output carries only the result; everything else goes to standard error. Text that a model or
//! a repository wrote reaches a terminal only through `sanitise`.

mod args;
mod console;
mod context;
mod environment;
mod failure;
mod ids;
mod input;
mod place;
mod progress;
mod sanitise;
mod time;
mod verbs;

pub use environment::{Environment, Interrupt};

use console::{Console, Streams};
use context::Invocation;
use failure::{Done, Failure};

const INTERRUPTED: u8 = 130;
const FAILED: u8 = 2;

/// The command line as clap knows it: the source of help, completions, man pages and the reference of commands.
#[must_use]
pub fn command() -> clap::Command {
    args::command()
}

/// Run one invocation; returns its exit code.
#[must_use]
pub fn run(environment: Environment) -> u8 {
    let Environment {
        args, vars, cwd, executable, stdin, stdin_is_terminal, stdin_is_piped, now_ms, interrupt, ..
    } = environment;
    let streams = Streams {
        out: environment.stdout,
        out_is_terminal: environment.stdout_is_terminal,
        err: environment.stderr,
        err_is_terminal: environment.stderr_is_terminal,
    };
    let mut console = Console::new(streams, &vars);
    let cli = match args::parse(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&mut console, &error),
    };
    match &cli.verb {
        args::Verb::Help(help) => {
            let words = help.verb.iter().map(String::as_str);
            let asked = ["deepcoder"].into_iter().chain(words).chain(["--help"]);
            return args::parse(asked).map_or_else(|error| usage(&mut console, &error), |_| FAILED);
        }
        args::Verb::Version => {
            return args::parse(["deepcoder", "--version"])
                .map_or_else(|error| usage(&mut console, &error), |_| FAILED);
        }
        args::Verb::Completions(wanted) => {
            let mut script = Vec::new();
            clap_complete::generate(wanted.shell, &mut command(), "deepcoder", &mut script);
            return console.raw(&String::from_utf8_lossy(&script)).map_or(FAILED, |()| 0);
        }
        _ => {}
    }
    console.set_color(cli.global.color);
    console.json = cli.global.json;
    console.loudness = context::loudness(&cli.global);
    let input = input::Input { stdin: Some(stdin), is_terminal: stdin_is_terminal, is_piped: stdin_is_piped };
    let outcome = Invocation::new(cli.global, vars, &cwd, executable, input, now_ms, interrupt.clone()).and_then(
        |mut invocation| match (&cli.verb, invocation.wrong_settings.take()) {
            (args::Verb::Doctor, wrong) => {
                invocation.wrong_settings = wrong;
                verbs::dispatch(cli.verb, &mut invocation, &mut console)
            }
            (_, Some(error)) => Err(error.into()),
            (_, None) => verbs::dispatch(cli.verb, &mut invocation, &mut console),
        },
    );
    match outcome {
        Ok(Done::Clean) => 0,
        Ok(Done::Findings) => 1,
        Err(failure) if interrupt.cancel.is_cancelled() => {
            // An error that says more than that it was cancelled must not be lost.
            let known = failure.message.starts_with("interrupted");
            let message = if known { failure.message } else { "interrupted".into() };
            console.failure(&Failure { message, ..failure }, INTERRUPTED);
            INTERRUPTED
        }
        Err(failure) => {
            console.failure(&failure, FAILED);
            FAILED
        }
    }
}

/// clap's own messages: help and version on standard output, wrong use on standard error.
fn usage(console: &mut Console, error: &clap::Error) -> u8 {
    let text = console.clap_text(error);
    if error.use_stderr() {
        console.ask(&text);
        FAILED
    } else {
        // The error is dropped: a reader that went away does not matter, and the output is the only place to report
        // another one.
        let _ = console.raw(&text);
        0
    }
}
