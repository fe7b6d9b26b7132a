//! The deepcoder command: signals, and then [`deepcoder_cli::run`].

use deepcoder_cli::{Environment, run};
use deepcoder_types::Cancel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// 128 + SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    // What a shell or a build tool left open is for nothing that we start, directly or as the daemon.
    deepcoder_workspace::process::mark_inherited();
    let cancel = Cancel::new();
    // Without a handler a signal ends the process at once, which is safe as well: the journal sees to that.
    let _ = handle_signals(cancel.clone());
    match Environment::of_process(cancel) {
        Ok(environment) => ExitCode::from(run(environment)),
        Err(_) => ExitCode::from(2),
    }
}

/// The first signal asks the work to stop; a second one ends the process.
fn handle_signals(cancel: Cancel) -> std::io::Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the exit is armed by the flag that only the first signal sets.
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), Arc::clone(&asked))?;
        signal_hook::flag::register(signal, Arc::clone(&asked))?;
    }
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || signals.forever().for_each(|_| cancel.cancel()));
    Ok(())
}
