//! R2: the power goes. An ext4 image is mounted through a loop device, a child applies set after set to a tree on it and
//! says after each that it is done; at a random moment the file system is told to forget everything that is not on its
//! disk (`FS_IOC_SHUTDOWN` without a flush), and is mounted again.
//!
//! What was said to be done must be there, whole, and every set must be there to be taken back, down to the first.

use crate::child::{Act, Doing, Trap};
use crate::mount;
use crate::options::Options;
use crate::report::Report;
use crate::scene::{Snapshot, differences, make_repository, snapshot};
use crate::writer::Writer;
use fastrand::Rng;
use rustix::ioctl::{Setter, ioctl, opcode};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const FULL: u64 = 500;

/// A mounted image.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    fn make(scratch: &Path) -> Result<Self, String> {
        mount::allowed()?;
        let disk = Self { image: scratch.join("disk.img"), at: scratch.join("disk") };
        std::fs::create_dir_all(&disk.at).map_err(|e| e.to_string())?;
        let file = std::fs::File::create(&disk.image).map_err(|e| e.to_string())?;
        file.set_len(96 << 20).map_err(|e| e.to_string())?;
        mount::tool("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), disk.image.as_os_str()])?;
        disk.mount()?;
        Ok(disk)
    }

    fn mount(&self) -> Result<(), String> {
        mount::tool("mount", &["-o".as_ref(), "loop".as_ref(), self.image.as_os_str(), self.at.as_os_str()])
    }

    fn unmount(&self) -> Result<(), String> {
        mount::tool("umount", &[self.at.as_os_str()])
    }

    /// Everything written so far is on the disk.
    fn settle(&self) {
        let folder = std::fs::File::open(&self.at).expect("the disk");
        rustix::fs::syncfs(folder).expect("syncfs");
    }

    /// Nothing reaches the disk from here on, and what has not reached it is gone.
    fn cut(&self) -> std::io::Result<()> {
        /// `_IOR('X', 125, __u32)`.
        const SHUTDOWN: rustix::ioctl::Opcode = opcode::read::<u32>(b'X', 125);
        const NO_LOG_FLUSH: u32 = 2;
        let folder = std::fs::File::open(&self.at)?;
        #[expect(unsafe_code, reason = "rustix has no safe function for this call")]
        // SAFETY: the kernel reads one `u32` behind the pointer, which is what a `Setter` of a `u32` passes.
        unsafe {
            ioctl(&folder, Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH))?;
        }
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let scratch = options.scratch();
    let mut report = Report::new("r2");
    let disk = match Disk::make(scratch.path()) {
        Ok(disk) => disk,
        Err(why) => return report.skip(why),
    };
    let cuts = options.rounds_or(FULL);
    let (mut acknowledged, mut unfinished, mut undone, mut midway) = (0, 0, 0, 0);
    for seed in options.seeds(FULL) {
        match cut_once(&disk, options.writer, seed) {
            Ok(end) => {
                acknowledged += end.said;
                unfinished += end.found - end.said;
                undone += end.undone;
                midway += u64::from(end.midway);
            }
            Err(Lost { what }) => report.lose(format!("seed {seed}: {what}")),
        }
        if rustix::fs::statfs(&disk.at).is_err() {
            report.lose(format!("seed {seed}: the disk is gone"));
            break;
        }
    }
    report.tried = format!(
        "{cuts} power cuts on ext4 while sets of 1–12 files were applied; {acknowledged} sets acknowledged before them, \
         {unfinished} more found whole, {midway} found half-way and brought to an end, {undone} taken back to the byte"
    );
    report
}

struct Lost {
    what: String,
}

impl<T: Into<String>> From<T> for Lost {
    fn from(what: T) -> Self {
        Self { what: what.into() }
    }
}

/// How one cut ended.
struct End {
    /// Sets that were acknowledged, that are there, and that could be taken back.
    said: u64,
    found: u64,
    undone: u64,
    /// One was found neither begun nor done.
    midway: bool,
}

fn cut_once(disk: &Disk, writer: Writer, seed: u64) -> Result<End, Lost> {
    let mut rng = Rng::with_seed(seed);
    let (repo, state) = (disk.at.join("repo"), disk.at.join("state"));
    for folder in [&repo, &state] {
        let _ = std::fs::remove_dir_all(folder);
    }
    let mut act = Act::new(Doing::Many, &repo, &state, writer);
    (act.seed, act.least, act.most) = (seed, 1, 12);
    let first = act.scene().before;
    make_repository(&repo, &first);
    if writer != Writer::Plain {
        // A history that begins with the repository is the harder case, but not each time.
        if rng.bool() {
            drop(act.open(Trap::default()).map_err(|f| format!("cannot be opened: {}", f.message))?);
        }
    }
    disk.settle();

    let mut child = act.command().spawn().map_err(|e| e.to_string())?;
    let out = BufReader::new(child.stdout.take().ok_or("no output")?);
    // The moment is somewhere in one of the first sets.
    let (after, wait) = (rng.u64(..4), Duration::from_micros(rng.u64(..60_000)));
    let (sender, receiver) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut said = 0;
        for line in out.lines().map_while(Result::ok) {
            if let Some(n) = line.strip_prefix("ack ").and_then(|n| n.parse().ok()) {
                said = n;
            }
            let _ = sender.send(said);
        }
        said
    });
    while receiver.recv_timeout(Duration::from_secs(20)).is_ok_and(|said| said < after) {}
    std::thread::sleep(wait);
    disk.cut().map_err(|e| format!("no shutdown: {e}"))?;
    // What it said before the cut counts; what it says from memory afterwards would be a lie that no disk can prevent.
    let _ = child.kill();
    let _ = child.wait();
    let said: u64 = reader.join().map_err(|_| "the reader")?;
    disk.unmount()?;
    disk.mount()?;
    look(&act, &first, said)
}

fn look(act: &Act, first: &Snapshot, said: u64) -> Result<End, Lost> {
    let tool = act.open(Trap::default()).map_err(|f| format!("cannot be opened after the cut: {}", f.message))?;
    let midway = tool.has_recovered();
    let now = snapshot(&act.repo);
    let mut states = vec![first.clone()];
    while states.len() as u64 <= said + 1 {
        let (_, next) = act.next(states.len() as u64 - 1, &states[states.len() - 1]);
        states.push(next);
    }
    let Some(found) = states.iter().rposition(|state| *state == now) else {
        return Err(format!("between: {said} were acknowledged: {}", differences(&now, &states[said as usize])).into());
    };
    if (found as u64) < said {
        return Err(format!("{said} were acknowledged and {found} are there").into());
    }
    if act.writer == Writer::Plain {
        return Ok(End { said, found: found as u64, undone: 0, midway });
    }
    for n in (0..found).rev() {
        tool.undo(act.now + 1000 + (found - n) as u64)
            .map_err(|f| format!("set {n} cannot be taken back: {}", f.message))?;
        let back = snapshot(&act.repo);
        if back != states[n] {
            return Err(format!("taking back set {n}: {}", differences(&back, &states[n])).into());
        }
    }
    let fsck = Command::new("git").arg("-C").arg(&act.repo).args(["fsck", "--strict", "--no-dangling"]).output();
    let fsck = fsck.map_err(|e| e.to_string())?;
    if !fsck.status.success() {
        return Err(format!("git fsck: {}", String::from_utf8_lossy(&fsck.stderr).trim()).into());
    }
    Ok(End { said, found: found as u64, undone: found as u64, midway })
}
