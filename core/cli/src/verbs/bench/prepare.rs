//! The model of a shape: how large it is, whether it is there, and how it is made.

use super::machine;
use crate::args::BenchArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Failure, Result};
use crate::progress::Progress;
use crate::time;
use deepcoder_export::{Gguf, ImportOptions, ImportProgress, ImportStage, Shape, import};
use deepcoder_types::{MANIFEST_FILE, Manifest, env_var};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Memory of the program itself: runtime, tokenizer, the values of a prompt.
const BESIDE: u64 = 768 << 20;

/// A model that is there or can be made: the sizes were said, and there is room.
pub(crate) struct Plan<'s> {
    shape: &'s Shape,
    seed: u64,
    name: String,
    /// The model folder.
    pub(crate) folder: PathBuf,
    /// The GGUF file; it stays if it was asked for, or if llama.cpp is to read it.
    pub(crate) gguf: PathBuf,
    keep_gguf: bool,
    make_gguf: bool,
    make_model: bool,
    // Held as long as the model is used: another bench may want to make it anew.
    _lock: File,
}

impl<'s> Plan<'s> {
    /// See what is there. `context` is the longest that will be measured.
    pub(crate) fn new(
        args: &BenchArgs,
        shape: &'s Shape,
        context: usize,
        invocation: &Invocation,
        console: &mut Console,
    ) -> Result<Self> {
        let seed = invocation.seed.unwrap_or(0);
        let home = &invocation.profile.folders().bench;
        let folder = home.join(shape.name);
        let gguf = match &args.keep {
            Some(path) => invocation.path(path),
            None => home.join(format!("{}.gguf", shape.name)),
        };
        let size = shape.file_bytes(seed);
        console.note(&format!(
            "{}: {} random weights, {} as a GGUF file and as much again as a model in {}",
            shape.name,
            count(shape.parameters()),
            time::bytes(size),
            folder.display()
        ));
        let need = memory(shape, size, context);
        console.note(&format!("running it takes about {} of memory", time::bytes(need)));
        check_memory(shape, need, deepcoder_profile::memory().map(|memory| memory.available))?;
        std::fs::create_dir_all(home).map_err(|e| Failure::io(format_args!("cannot make {}", home.display()), &e))?;
        let lock = lock(home)?;
        let name = format!("{}-random-{seed}", shape.name);
        let make_model = args.fresh || !is_imported(&folder, &name);
        let keep_gguf = args.llama_bench.is_some() || args.keep.is_some();
        let make_gguf = (!is_gguf(&gguf, shape, seed)? || args.fresh) && (keep_gguf || make_model);
        let beside = gguf.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut wanted = Vec::new();
        for (_, place) in [(make_gguf, beside), (make_model, home.as_path())].into_iter().filter(|(make, _)| *make) {
            let (device, free) = machine::free_disk(place)
                .map_err(|e| Failure::io(format_args!("cannot read the free space of {}", place.display()), &e))?;
            wanted.push(Wanted { bytes: size, device, free, place });
        }
        check_disk(&wanted)?;
        Ok(Self { shape, seed, name, folder, gguf, keep_gguf, make_gguf, make_model, _lock: lock })
    }

    /// Make what is not there yet.
    pub(crate) fn make(&self, invocation: &Invocation, console: &mut Console) -> Result<()> {
        let animate = console.can_animate(&invocation.vars);
        let size = self.shape.file_bytes(self.seed);
        if self.make_gguf {
            console.note(&format!("writing {}", self.gguf.display()));
            let bar = Progress::bytes(animate, "writing the weights", size);
            let mut told = |done, total| bar.position(done, total);
            let written = self.shape.write(&self.gguf, self.seed, &mut told, &invocation.cancel);
            bar.clear();
            written?;
        }
        if self.make_model {
            console.note(&format!("importing into {}", self.folder.display()));
            remove(&self.folder)?;
            let mut bar = Progress::bytes(animate, "importing", size);
            let options = ImportOptions { name: self.name.clone(), ..ImportOptions::default() };
            let mut told = |p: ImportProgress| {
                bar.label(match p.stage {
                    ImportStage::Resuming => "going on where it was",
                    ImportStage::Converting => "importing",
                    ImportStage::Finishing => "making it durable",
                });
                bar.position(p.done, p.total);
            };
            let done = import(&self.gguf, &self.folder, &options, &mut told, &invocation.cancel);
            bar.clear();
            done?;
        }
        if self.make_gguf && !self.keep_gguf { remove(&self.gguf) } else { Ok(()) }
    }
}

fn lock(home: &Path) -> Result<File> {
    let path = home.join(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|e| Failure::io(format_args!("cannot open {}", path.display()), &e))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| Failure::new("another bench of a shape is running").hint("wait for it to end"))?;
    Ok(file)
}

/// Whether `folder` is the model `name`, imported by this version.
fn is_imported(folder: &Path, name: &str) -> bool {
    let manifest = std::fs::read(folder.join(MANIFEST_FILE)).ok();
    let manifest = manifest.and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
    manifest.is_some_and(|m| m.name == name && m.recipe.deepcoder == env!("CARGO_PKG_VERSION"))
}

/// Whether `path` is the file of this shape and seed; an error if it is something else.
fn is_gguf(path: &Path, shape: &Shape, seed: u64) -> Result<bool> {
    let io = |e: &std::io::Error| Failure::io(format_args!("cannot read {}", path.display()), e);
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        file => file.map_err(|e| io(&e))?,
    };
    let size = file.metadata().map_err(|e| io(&e))?.len();
    let gguf = Gguf::read(BufReader::new(file), size).ok();
    let same = gguf.as_ref().and_then(|g| g.text("general.name")) == Some(&shape.title(seed));
    if same && size == shape.file_bytes(seed) {
        return Ok(true);
    }
    Err(Failure::new(format!("{} is there, and is not a file of this shape and seed", path.display()))
        .hint("remove it, or name another file with --keep"))
}

/// Bytes that running takes: the weights, which are mapped, and a cache, which may grow by half beyond what is needed.
fn memory(shape: &Shape, size: u64, context: usize) -> u64 {
    size + shape.cache_bytes_per_token() * context as u64 * 3 / 2 + BESIDE
}

fn check_memory(shape: &Shape, need: u64, available: Option<u64>) -> Result<()> {
    match available {
        Some(available) if need > available => Err(Failure::new(format!(
            "running {} needs {} of memory, and {} are available",
            shape.name,
            time::bytes(need),
            time::bytes(available)
        ))
        .hint("end other programs, or measure a smaller shape")),
        _ => Ok(()),
    }
}

/// Bytes that are to be written to a file system.
struct Wanted<'a> {
    bytes: u64,
    device: u64,
    free: u64,
    place: &'a Path,
}

fn check_disk(wanted: &[Wanted<'_>]) -> Result<()> {
    for one in wanted {
        let need = wanted.iter().filter(|other| other.device == one.device).map(|other| other.bytes).sum();
        if need > one.free {
            return Err(Failure::new(format!(
                "the model needs {} in {}, and {} are free",
                time::bytes(need),
                one.place.display(),
                time::bytes(one.free)
            ))
            .hint(format!("free some space, or set {} to a folder on another disk", env_var::HOME)));
        }
    }
    Ok(())
}

/// `15.7 billion`.
fn count(n: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a few digits are shown")]
    let millions = n as f64 / 1e6;
    if millions < 1000.0 { format!("{millions:.1} million") } else { format!("{:.1} billion", millions / 1000.0) }
}

/// A file or folder of an earlier bench, if there is one.
#[expect(clippy::disallowed_methods, reason = "what benches keep in a folder of deepcoder's own")]
fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::io(format_args!("cannot remove {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the machine: work that cannot end well is refused before it begins, with what is needed, what is there,
    /// and what to do; two files on one disk need the room of both.
    #[test]
    fn too_little_room_is_said_first() {
        let shape = Shape::named("deepseek-coder-v2").unwrap();
        let need = memory(shape, shape.file_bytes(0), 16_384);
        let refused = check_memory(shape, need, Some(16 << 30)).unwrap_err();
        assert!(refused.message.contains("of memory, and 16.0 GiB are available") && refused.hint.is_some());
        assert!(check_memory(shape, need, Some(need)).is_ok() && check_memory(shape, need, None).is_ok());

        let wanted = |device, place| Wanted { bytes: 9 << 30, device, free: 10 << 30, place };
        let (a, b) = (Path::new("/a"), Path::new("/b"));
        assert!(check_disk(&[wanted(1, a), wanted(2, b)]).is_ok());
        let refused = check_disk(&[wanted(1, a), wanted(1, b)]).unwrap_err();
        assert_eq!(refused.message, "the model needs 18.0 GiB in /a, and 10.0 GiB are free");
        assert!(refused.hint.is_some());
    }

    /// Protects the user's files: what is under the name of the GGUF file is used if it is that, and else left alone.
    #[test]
    fn only_the_shape_s_own_file_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gguf");
        let shape = Shape::named("qwen2.5-coder-tiny").unwrap();
        assert_eq!(is_gguf(&path, shape, 0), Ok(false));
        shape.write(&path, 0, &mut |_, _| {}, &deepcoder_types::Cancel::new()).unwrap();
        assert_eq!(is_gguf(&path, shape, 0), Ok(true));
        assert!(is_gguf(&path, shape, 1).is_err(), "another seed");
        File::options().append(true).open(&path).and_then(|mut f| std::io::Write::write_all(&mut f, b"x")).unwrap();
        assert!(is_gguf(&path, shape, 0).unwrap_err().hint.is_some(), "another length");
    }
}
