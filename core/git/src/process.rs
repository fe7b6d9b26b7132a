//! Starts other programs without the descriptors that this process inherited.
//!
//! Our own descriptors are closed on exec. Those that a shell, a build tool or a Python that embeds us left open are
//! not, and would reach git, its hooks, the model's process and programs in the sandbox. Marking it in the whole
//! process would take it away from the program that embeds us, and code between fork and exec is what we avoid; so a
//! short-lived thread takes a copy of the table of descriptors, marks everything in it, and starts the program.

use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};

/// Which of the three streams become pipes. The others are what the command says, which must not be `piped`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pipes {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Pipes {
    /// All three.
    pub const ALL: Self = Self { stdin: true, stdout: true, stderr: true };
}

/// A program that runs, and our ends of its pipes. (Those in `child` are empty.)
#[derive(Debug)]
pub struct Started {
    /// The process.
    pub child: Child,
    /// Its standard input.
    pub stdin: Option<PipeWriter>,
    /// Its standard output.
    pub stdout: Option<PipeReader>,
    /// Its standard error.
    pub stderr: Option<PipeReader>,
}

/// Start `command`. It gets its three streams and nothing else.
///
/// Not for a program that asks for a signal at its parent's death (`PR_SET_PDEATHSIG`): that comes with the end of the
/// thread, which is at once.
pub fn start(command: Command, pipes: Pipes) -> io::Result<Started> {
    start_with(command, pipes, private_descriptors)
}

/// The same, with `prepare` on the thread that starts it, in place of [`private_descriptors`], which it has to call.
/// It can set properties that belong to a thread and pass on to its children. It must not drop a descriptor that was
/// opened before: that would close the copy only.
pub fn start_with(
    mut command: Command,
    pipes: Pipes,
    prepare: impl FnOnce() -> io::Result<()> + Send,
) -> io::Result<Started> {
    // Pipes that the standard library made would be in the thread's table only.
    let (mut stdin, mut stdout, mut stderr) = (None, None, None);
    if pipes.stdin {
        let (theirs, ours) = io::pipe()?;
        command.stdin(theirs);
        stdin = Some(ours);
    }
    if pipes.stdout {
        let (ours, theirs) = io::pipe()?;
        command.stdout(theirs);
        stdout = Some(ours);
    }
    if pipes.stderr {
        let (ours, theirs) = io::pipe()?;
        command.stderr(theirs);
        stderr = Some(ours);
    }
    let child = std::thread::scope(|scope| {
        let started = scope.spawn(move || {
            let child = prepare().and_then(|()| command.spawn());
            // Dropping the command here would close its ends in the thread's table only, and leave the reader waiting.
            (child, command)
        });
        started.join().map_or_else(|_| Err(io::Error::other("the starting thread died")), |(child, _)| child)
    })?;
    Ok(Started { child, stdin, stdout, stderr })
}

/// Run `command` to its end with `input` on its standard input; what it printed.
pub fn output(mut command: Command, input: &[u8]) -> io::Result<Output> {
    command.stdin(Stdio::null());
    let Started { mut child, stdin, stdout, stderr } =
        start(command, Pipes { stdin: !input.is_empty(), ..Pipes::ALL })?;
    let read = |pipe: Option<PipeReader>| {
        let mut bytes = Vec::new();
        pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes)).map(|_| bytes)
    };
    std::thread::scope(|scope| {
        if let Some(mut pipe) = stdin {
            // A program that ends early says why itself.
            scope.spawn(move || _ = pipe.write_all(input));
        }
        let err = scope.spawn(move || read(stderr));
        let out = read(stdout);
        let status = child.wait()?;
        let err = err.join().unwrap_or_else(|_| Err(io::Error::other("a reading thread died")));
        Ok(Output { status, stdout: out?, stderr: err? })
    })
}

/// Give the calling thread a table of descriptors of its own, in which everything but the three streams is closed on
/// exec. For a thread that starts one program and ends: what it opens afterwards is seen by no other thread.
#[cfg(target_os = "linux")]
pub fn private_descriptors() -> io::Result<()> {
    let flags = libc::CLOSE_RANGE_UNSHARE | libc::CLOSE_RANGE_CLOEXEC;
    if close_range(flags).is_ok() {
        return Ok(());
    }
    // Before Linux 5.11. Outside of the sandbox, which refuses such kernels, the rest is best effort.
    #[expect(unsafe_code, reason = "the library has no safe form of it")]
    // SAFETY: it takes no pointers. The copy has all that the table had, so that every descriptor stays what it was.
    let own = unsafe { libc::unshare(libc::CLONE_FILES) };
    if own != 0 {
        return Err(io::Error::last_os_error());
    }
    mark_each("/proc/thread-self/fd")
}

/// Elsewhere nothing is known that does it without code between fork and exec.
#[cfg(not(target_os = "linux"))]
pub fn private_descriptors() -> io::Result<()> {
    Ok(())
}

/// Mark everything that this process inherited, but for the three streams, as closed on exec. For programs of ours when
/// they begin; a library must not, since the process is not its own.
pub fn mark_inherited() {
    #[cfg(target_os = "linux")]
    if close_range(libc::CLOSE_RANGE_CLOEXEC).is_err() {
        // Without /proc there is nothing to be done, and nothing depends on it.
        mark_each("/proc/self/fd").unwrap_or_default();
    }
}

#[cfg(target_os = "linux")]
fn close_range(flags: libc::c_uint) -> io::Result<()> {
    #[expect(unsafe_code, reason = "the library has no safe form of it")]
    // SAFETY: it takes no pointers. With CLOSE_RANGE_CLOEXEC it closes nothing, so that no owner of a descriptor loses it.
    let done = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(target_os = "linux")]
fn mark_each(folder: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)?.filter_map(Result::ok) {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if number > 2 {
            #[expect(unsafe_code, reason = "a number is not a descriptor that is owned")]
            // SAFETY: it takes no pointers, and setting the flag leaves the descriptor open.
            unsafe {
                libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
