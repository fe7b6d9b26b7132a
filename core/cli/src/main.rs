//! The deepcoder command: signals, and then [`deepcoder_cli::run`].

use deepcoder_cli::{Environment, Interrupt, run};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// How long the work may take to stop once it is asked to: a step of the model, or of an edit, is far shorter.
const GRACE: Duration = Duration::from_secs(5);

/// As [`GRACE`], for the daemon, which lets its clients take their last events.
const GRACE_OF_A_SERVER: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    // No child inherits the descriptors that a shell or a build tool left open, and neither does the daemon.
    deepcoder_workspace::process::mark_inherited();
    let interrupt = Interrupt::default();
    // Without a handler a signal ends the process at once, which is safe as well: the journal sees to that.
    let _ = handle_signals(interrupt.clone());
    match Environment::of_process(interrupt) {
        Ok(environment) => ExitCode::from(run(environment)),
        Err(error) => {
            say(&format!("error: cannot start: {error}"));
            ExitCode::from(2)
        }
    }
}

/// Prints to standard error. Ignores failures: a closed stream leaves no place to report them.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The first signal asks the work to stop. A second one ends the process, and so does a while in which it did not stop: it
/// may wait for a file or a program that never answers. Ending it at any moment loses nothing, as the journal sees to.
fn handle_signals(interrupt: Interrupt) -> std::io::Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the exit is armed by the flag that only the first signal sets.
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), Arc::clone(&asked))?;
        signal_hook::flag::register(signal, Arc::clone(&asked))?;
    }
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let serves = std::env::args_os().any(|arg| arg == "serve" || arg == "worker");
    let grace = if serves { GRACE_OF_A_SERVER } else { GRACE };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            interrupt.hung_up.store(signal == SIGHUP, Ordering::SeqCst);
            interrupt.cancel.cancel();
            std::thread::sleep(grace);
            say(&format!("error: interrupted; what was going on did not stop within {} s", grace.as_secs()));
            signal_hook::low_level::exit(i32::from(INTERRUPTED));
        }
    });
    Ok(())
}
