//! From a source to a finished folder: checked first, written beside the destination, then renamed.

use crate::error::ImportError;
use crate::journal::{JOURNAL_FILE, Journal};
use crate::linear::{Role, Storage};
use crate::quant::Precision;
use crate::source::Source;
use crate::stage::Stage;
use crate::transformer::{Builder, Built, is_paged};
use crate::weights::{HashedFile, Weights};
use deepcoder_kernels::Level;
use deepcoder_types::{
    Cancel, ContentHash, FileEntry, FimTokens, GraphInfo, MANIFEST_FILE, MANIFEST_FORMAT, Manifest, Recipe, SourceInfo,
};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Name of the file with the weights.
const WEIGHTS_FILE: &str = "model.onnx.data";
/// Name of the graph's file.
const GRAPH_FILE: &str = "model.onnx";

/// Memory that a model takes beside its weights.
pub const WORKING_MEMORY: u64 = 768 << 20;

/// How to import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Name in the store, written to the manifest.
    pub name: String,
    /// `None` keeps the source's precision as far as it matters (see `docs/lab/models.md`), but takes 4 bits for
    /// DeepSeek-V2 from floats; 4 or 8 round to new blocks of 32 with a searched scale.
    pub bits: Option<u32>,
    /// Weights that share a scale, with `bits`: 16, 32, 64, 128 or 256, for ONNX Runtime's own products.
    pub block: Option<u32>,
    /// Keep the source's grid bit for bit, even where that is slower. Not together with `bits`.
    pub exact: bool,
    /// Only operators of ONNX Runtime's own, so that any program can run the graph; a GGUF file's blocks are then
    /// rounded to 8 bits. Otherwise they are kept as they are, for the engine's operators.
    pub portable: bool,
    /// Licence of the weights; else what the source says.
    pub license: Option<String>,
}

/// The stage of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportStage {
    /// An import that was killed is continued; told once, first.
    Resuming,
    /// Weights are converted.
    Converting,
    /// The written files are made durable.
    Finishing,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress {
    /// The current stage.
    pub stage: ImportStage,
    /// Bytes of the source that are converted and hashed.
    pub done: u64,
    /// Bytes to convert and hash.
    pub total: u64,
}

/// The content of a source, read from its headers.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSummary {
    /// `gguf` or `safetensors`.
    pub format: String,
    /// `qwen2`, `llama` or `deepseek2`.
    pub architecture: String,
    /// Number of weights.
    pub parameters: u64,
    /// Tokens that the model was trained to attend to.
    pub context_length: u32,
    /// Rows of the output layer.
    pub vocab_size: u32,
    /// Layers.
    pub layers: u32,
    /// Tensors of each storage type.
    pub tensors: BTreeMap<String, u32>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Whether there is a chat template.
    pub chat: bool,
    /// The FIM tokens, if any.
    pub fim: Option<FimTokens>,
    /// The licence in the source.
    pub license: Option<String>,
}

/// Says what the file or folder `source` holds, without reading the weights.
pub fn inspect(source: &Path) -> Result<SourceSummary, ImportError> {
    let source = Source::open(source)?;
    let mut tensors = BTreeMap::new();
    for info in source.tensors.values() {
        *tensors.entry(info.kind.name().to_owned()).or_insert(0) += 1;
    }
    Ok(SourceSummary {
        format: source.format.to_owned(),
        architecture: source.spec.architecture.clone(),
        parameters: source.tensors.values().map(|t| t.rows() * t.columns()).sum(),
        context_length: narrow(source.spec.context),
        vocab_size: narrow(source.spec.vocabulary),
        layers: narrow(source.spec.layers),
        tensors,
        bytes: source.files.iter().map(|f| f.len).sum(),
        chat: source.vocabulary.chat_template.is_some(),
        fim: source.vocabulary.fim.clone(),
        license: source.license.clone(),
    })
}

/// The size of the model made from a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Bytes of its folder, a little rounded up.
    pub disk: u64,
    /// Bytes of memory to run it, about.
    pub memory: u64,
}

/// Says what the model made from `source` will take, without reading the weights.
pub fn needs(source: &Path, options: &ImportOptions) -> Result<Needs, ImportError> {
    let source = Source::open(source)?;
    let precision = precision(options)?;
    let disk = needed(&source, precision);
    // The runtime's operators repack their weights; the rest is the cache and what one step works on.
    let own = matches!(precision, Precision::Native | Precision::Blocks { .. });
    let weights = if own { disk } else { disk / 2 * 3 };
    Ok(Needs { disk, memory: weights.saturating_add(WORKING_MEMORY) })
}

/// The vocabulary of an import, as its manifest and the files beside it describe it.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// Without graph, files and hashes, which are not made yet.
    pub manifest: &'a Manifest,
    /// The `tokenizer.json`.
    pub tokenizer: &'a [u8],
    /// The chat template.
    pub template: Option<&'a str>,
}

/// Whether a model with these words can be used; what is wrong with them otherwise.
pub type Check<'a> = &'a dyn Fn(&Words<'_>) -> Result<(), String>;

/// [`import_checked`] without a check.
pub fn import(
    source: &Path,
    dest: &Path,
    options: &ImportOptions,
    progress: &mut dyn FnMut(ImportProgress),
    cancel: &Cancel,
) -> Result<Manifest, ImportError> {
    import_checked(source, dest, options, &|_| Ok(()), progress, cancel)
}

/// Converts the GGUF file or safetensors folder `source` to the model folder `dest`, which must not exist yet.
///
/// Everything is written to a sibling of `dest` that is renamed when it is complete and durable. After a failure or a
/// cancellation nothing is left. After a crash, the next import to the same place goes on from there if the source and
/// the options are the same, and else clears it.
///
/// `check` is asked before the weights are converted whether what is beside them can be used: the code that loads
/// models knows what a vocabulary and a template must be.
pub fn import_checked(
    source: &Path,
    dest: &Path,
    options: &ImportOptions,
    check: Check<'_>,
    progress: &mut dyn FnMut(ImportProgress),
    cancel: &Cancel,
) -> Result<Manifest, ImportError> {
    let precision = precision(options)?;
    let opened = Source::open(source)?;
    let words = Words {
        manifest: &describe(&opened, source, options, precision),
        tokenizer: &opened.vocabulary.tokenizer_json,
        template: opened.vocabulary.chat_template.as_deref(),
    };
    check(&words).map_err(ImportError::Unusable)?;
    if dest.symlink_metadata().is_ok() {
        return Err(ImportError::Exists(dest.to_owned()));
    }
    let stage = Stage::create(dest)?;
    let journal = Journal::open(&stage.folder, key(&opened, options));
    let resumed = journal.is_known();
    stage.clear(if resumed { &[WEIGHTS_FILE, JOURNAL_FILE] } else { &[] })?;
    check_space(&opened, precision, &stage)?;

    let weights_total: u64 = opened.tensors.values().map(|t| t.bytes).sum();
    let files_total: u64 = opened.files.iter().map(|f| f.len).sum();
    let total = weights_total + files_total;
    if resumed {
        progress(ImportProgress { stage: ImportStage::Resuming, done: 0, total });
    }
    let pace = Pace::default();
    let (built, hash) = std::thread::scope(|scope| {
        let hash = || hash_source(&opened, &pace, cancel);
        // Beside the conversion where the system has a thread for it, else after it.
        let hasher = std::thread::Builder::new().spawn_scoped(scope, hash);
        let mut step = |bytes: u64| {
            let converted = pace.converted.fetch_add(bytes, Ordering::Relaxed) + bytes;
            let done = (converted + pace.hashed.load(Ordering::Relaxed)).min(total);
            progress(ImportProgress { stage: ImportStage::Converting, done, total });
            cancel.check().map_err(ImportError::from)
        };
        let built = Weights::create(&stage.folder, WEIGHTS_FILE, journal)
            .and_then(|weights| Builder::new(&opened, weights, precision, &mut step).build());
        pace.end(built.is_ok());
        let hash = match hasher {
            Ok(hasher) => hasher.join().unwrap_or(Err(ImportError::Cancelled)),
            Err(_) => hash(),
        };
        (built, hash)
    });
    let (built, hash) = (built?, hash?);
    progress(ImportProgress { stage: ImportStage::Finishing, done: total, total });
    let manifest = finish(&opened, &stage, describe(&opened, source, options, precision), built, hash)?;
    cancel.check()?;
    stage.publish(dest)?;
    Ok(manifest)
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Whether this processor has the vector instructions of deepcoder's own operators. Without them, models are imported
/// for ONNX Runtime's operators, as with [`ImportOptions::portable`].
#[must_use]
pub fn has_own_operators() -> bool {
    Level::best() != Level::Scalar
}

/// How exactly the weights are kept.
fn precision(options: &ImportOptions) -> Result<Precision, ImportError> {
    precision_on(options, has_own_operators())
}

/// [`precision`] on a processor with or without deepcoder's own operators.
pub(crate) fn precision_on(options: &ImportOptions, own: bool) -> Result<Precision, ImportError> {
    let portable = options.portable || !own;
    let wrong = |text: &str| Err(ImportError::Options(text.to_owned()));
    match (options.bits, options.block, options.exact) {
        (None, None, false) if portable => Ok(Precision::Near),
        (None, None, false) => Ok(Precision::Native),
        (None, None, true) => Ok(Precision::Exact),
        (None, Some(_), _) => wrong("a block size needs a number of bits"),
        (Some(_), _, true) => wrong("exact weights cannot be rounded to a number of bits"),
        (Some(4 | 8), Some(block), _) if ![16, 32, 64, 128, 256].contains(&block) => {
            wrong("the block size is not 16, 32, 64, 128 or 256")
        }
        (Some(bits @ (4 | 8)), None, _) if !portable => Ok(Precision::Blocks { bits }),
        (Some(bits @ (4 | 8)), block, _) => {
            let block = block.unwrap_or(if bits == 4 { 32 } else { 64 });
            Ok(Precision::Requantised { bits, block: block as usize })
        }
        (Some(_), ..) => wrong("the number of bits is neither 4 nor 8"),
    }
}

/// Bytes that the folder will take, a little rounded up.
fn needed(source: &Source, precision: Precision) -> u64 {
    let own = is_paged(source, precision);
    let latent = source.spec.deepseek.is_some();
    let tied = !source.tensors.contains_key("output.weight");
    let weights: u64 = source
        .tensors
        .iter()
        .map(|(name, info)| {
            let role = Role::of(name);
            let columns = usize::try_from(info.columns()).unwrap_or(0);
            let storage = match Storage::choose(info.kind, columns, precision, role, latent) {
                _ if info.shape.len() < 2 || name.ends_with("ffn_gate_inp.weight") => Storage::Float,
                _ if role == Role::Latent && !own => Storage::Float,
                // The experts' operator has no place for minima.
                Some(Storage::Packed(layout)) if layout.offsets && name.contains("_exps.") => Storage::Float,
                storage => storage.unwrap_or(Storage::Float),
            };
            let copies = if tied && name == "token_embd.weight" { 2 } else { 1 };
            copies * storage.bytes(info.rows(), info.columns())
        })
        .sum();
    let angles = source.spec.context * source.spec.rope.len() as u64 * 8;
    weights + angles + source.vocabulary.tokenizer_json.len() as u64 + (16 << 20)
}

fn check_space(source: &Source, precision: Precision, stage: &Stage) -> Result<(), ImportError> {
    let folder = &stage.folder;
    // The files of an earlier import are overwritten.
    let kept = std::fs::metadata(folder.join(WEIGHTS_FILE)).map_or(0, |meta| meta.len());
    let stat = rustix::fs::statvfs(folder).map_err(|e| ImportError::io("read the free space of", folder)(e.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize).saturating_add(kept);
    let need = needed(source, precision);
    if need > free { Err(ImportError::DiskFull { need, free, folder: folder.to_owned() }) } else { Ok(()) }
}

/// The key of the weights' source and options: an import may go on with those of another if this is the same.
fn key(source: &Source, options: &ImportOptions) -> ContentHash {
    let ImportOptions { bits, block, exact, portable, .. } = options;
    let portable = *portable || !has_own_operators();
    let mut text = format!("{} {bits:?} {block:?} {exact} {portable}\n{:?}\n", env!("CARGO_PKG_VERSION"), source.spec);
    for file in &source.files {
        text.push_str(&format!("{} {:?} {}\n", file.len, file.modified, file_name(&file.path)));
    }
    ContentHash::of(text.as_bytes())
}

/// How far the two threads are that read the source: one to convert it, one to hash it.
#[derive(Default)]
struct Pace {
    converted: AtomicU64,
    hashed: AtomicU64,
    ended: AtomicBool,
    failed: AtomicBool,
}

impl Pace {
    /// Bytes that the hash may be ahead. Then both read the same part of a source that is larger than the memory, and
    /// the disk is read once.
    const AHEAD: u64 = 1 << 30;
    const WAIT: Duration = Duration::from_millis(10);

    fn end(&self, well: bool) {
        self.failed.store(!well, Ordering::Relaxed);
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Waits until the hash may go on; an error if the import was cancelled or the conversion failed.
    fn wait(&self, cancel: &Cancel) -> Result<(), ImportError> {
        loop {
            cancel.check()?;
            if self.failed.load(Ordering::Relaxed) {
                return Err(ImportError::Cancelled);
            }
            let ahead = self.hashed.load(Ordering::Relaxed).saturating_sub(self.converted.load(Ordering::Relaxed));
            if ahead <= Self::AHEAD || self.ended.load(Ordering::Relaxed) {
                return Ok(());
            }
            // The converter counts bytes without a lock, and rings no bell.
            _ = cancel.wait_timeout(Self::WAIT);
        }
    }
}

/// SHA-256 of the source: of the file, or of the list `hash␣␣name\n` of the weight files where there are several.
fn hash_source(source: &Source, pace: &Pace, cancel: &Cancel) -> Result<ContentHash, ImportError> {
    let mut list = String::new();
    let mut single = None;
    for file in &source.files {
        let mut digest = Sha256::new();
        let mut buffer = vec![0u8; 4 << 20];
        let mut at = 0;
        while at < file.len {
            pace.wait(cancel)?;
            let part = usize::try_from((file.len - at).min(buffer.len() as u64)).unwrap_or(0);
            let part = &mut buffer[..part];
            file.read_at(part, at)?;
            digest.update(&*part);
            at += part.len() as u64;
            pace.hashed.fetch_add(part.len() as u64, Ordering::Relaxed);
        }
        let hash = ContentHash::from_digest(digest.finalize().into());
        list.push_str(&format!("{hash}  {}\n", file_name(&file.path)));
        single = Some(hash);
    }
    Ok(single.filter(|_| source.files.len() == 1).unwrap_or_else(|| ContentHash::of(list.as_bytes())))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// The manifest as far as it follows from the source's headers.
fn describe(source: &Source, path: &Path, options: &ImportOptions, precision: Precision) -> Manifest {
    let spec = &source.spec;
    Manifest {
        format: MANIFEST_FORMAT,
        name: options.name.clone(),
        architecture: spec.architecture.clone(),
        context_length: narrow(spec.context),
        vocab_size: narrow(spec.vocabulary),
        eos_ids: source.vocabulary.eos.clone(),
        bos_id: source.vocabulary.bos,
        fim: source.vocabulary.fim.clone(),
        fim_untrained: fim_untrained(source, path, options),
        license: options.license.clone().or_else(|| source.license.clone()),
        graph: GraphInfo {
            file: GRAPH_FILE.to_owned(),
            cache: Vec::new(),
            pages: None,
            chunk: 512,
            independent_rows: false,
            own_operators: false,
        },
        source: SourceInfo { format: source.format.to_owned(), file: file_name(path), sha256: ContentHash::of(b"") },
        recipe: Recipe {
            bits: options.bits,
            block: match precision {
                Precision::Near => crate::quant::NEAR_BLOCK as u32,
                Precision::Exact | Precision::Native | Precision::Blocks { .. } => 32,
                Precision::Requantised { block, .. } => narrow(block as u64),
            },
            mapping: BTreeMap::new(),
            deepcoder: env!("CARGO_PKG_VERSION").to_owned(),
            onnxruntime_min: "1.32.0".to_owned(),
        },
        files: BTreeMap::new(),
    }
}

/// Writes everything but the weights, and makes all of it durable.
fn finish(
    source: &Source,
    stage: &Stage,
    mut manifest: Manifest,
    built: Built,
    hash: ContentHash,
) -> Result<Manifest, ImportError> {
    let files = &mut manifest.files;
    let (size, sha256) = built.weights.finish()?;
    files.insert(WEIGHTS_FILE.to_owned(), FileEntry { size, sha256 });
    let mut small = vec![(GRAPH_FILE, built.model), ("tokenizer.json", source.vocabulary.tokenizer_json.clone())];
    if let Some(template) = &source.vocabulary.chat_template {
        small.push(("chat_template.jinja", template.clone().into_bytes()));
    }
    for (name, bytes) in small {
        let mut file = HashedFile::create(&stage.folder.join(name))?;
        file.write(&bytes)?;
        let (size, sha256) = file.finish()?;
        files.insert(name.to_owned(), FileEntry { size, sha256 });
    }
    manifest.source.sha256 = hash;
    manifest.recipe.mapping = built.mapping;
    manifest.graph.cache = built.cache;
    manifest.graph.pages = built.pages;
    manifest.graph.independent_rows = built.independent_rows;
    manifest.graph.own_operators = built.own_operators;
    let json = serde_json::to_vec_pretty(&manifest).map_err(|e| ImportError::Options(e.to_string()))?;
    let mut file = HashedFile::create(&stage.folder.join(MANIFEST_FILE))?;
    file.write(&json)?;
    file.finish()?;
    Ok(manifest)
}

/// Of the models with DeepSeek-V2's vocabulary, whose FIM tokens all of them have, only Coder-V2-Lite's base model was
/// trained with these. Nothing but the names says which one it is.
fn fim_untrained(source: &Source, path: &Path, options: &ImportOptions) -> bool {
    let trained = |name: &str| {
        let name = name.to_lowercase();
        ["coder", "lite", "base"].iter().all(|part| name.contains(part))
    };
    let names = [&options.name, &file_name(path), &source.title];
    source.spec.deepseek.is_some() && source.vocabulary.fim.is_some() && !names.into_iter().any(|name| trained(name))
}
