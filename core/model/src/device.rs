//! Where a model is computed, and why not elsewhere.

use crate::engine::EngineOptions;
use crate::folder::LoadError;
use crate::weights::{FileInMemory, WeightPlace};
use deepcoder_types::{GenerateError, Manifest};
use ort::ep::ExecutionProvider as _;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use std::io;
use std::path::Path;

/// Where a model is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// On the processor.
    #[default]
    Cpu,
    /// On the first CUDA device; an error where there is none.
    Cuda,
    /// On a CUDA device where one can be used, else on the processor; [`Engine::warnings`] says which and why.
    Auto,
}

impl std::str::FromStr for Device {
    type Err = GenerateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            "auto" => Ok(Self::Auto),
            _ => Err(GenerateError::Invalid(format!("the device `{text}` is none of cpu, cuda, auto"))),
        }
    }
}

/// Why a model cannot be computed with CUDA, as far as its manifest and the runtime say; `None` if nothing is known
/// against it. `providers` are those of [`crate::runtime::providers`].
#[must_use]
pub fn why_not_cuda(manifest: &Manifest, providers: &[String]) -> Option<&'static str> {
    if providers.iter().any(|name| name == "CUDAExecutionProvider") {
        for_the_processor(manifest)
    } else {
        Some("this ONNX Runtime is built without it")
    }
}

/// Set for graphs that another device could run only by handing every step back to the processor.
fn for_the_processor(manifest: &Manifest) -> Option<&'static str> {
    let own = manifest.graph.own_operators;
    own.then_some("the model is made of deepcoder's own operators, which are for the processor")
}

/// A session, and what it needs to go on.
pub(crate) struct Committed {
    pub(crate) session: Session,
    pub(crate) on_cuda: bool,
    /// Weights that the session reads and does not own.
    pub(crate) weights: Vec<FileInMemory>,
}

/// Builds the session, with CUDA where it is wanted and can be had.
pub(crate) fn commit(
    builder: SessionBuilder,
    folder: &Path,
    manifest: &Manifest,
    options: &EngineOptions,
    threads: usize,
    warnings: &mut Vec<String>,
) -> Result<Committed, LoadError> {
    let device = options.device;
    let (mut builder, graph) = (builder, folder.join(&manifest.graph.file));
    if device != Device::Cpu {
        let cuda = ort::ep::CUDA::default();
        let mut with_cuda = builder.clone();
        let session = match (ort::ep::CUDA::is_available(), for_the_processor(manifest)) {
            // A runtime for processors is what most people install on purpose: nothing to warn of.
            (Ok(false), _) if device == Device::Auto => Ok(None),
            (Ok(false), _) => Err(ort::Error::new("this ONNX Runtime is built without it")),
            (Ok(true), Some(_)) if device == Device::Cuda => {
                return Err(LoadError::NotForCuda(manifest.name.clone()));
            }
            (Ok(true), Some(reason)) => Err(ort::Error::new(reason)),
            (Ok(true), None) => {
                cuda.register(&mut with_cuda).and_then(|()| with_cuda.commit_from_file(&graph)).map(Some)
            }
            (Err(error), _) => Err(error),
        };
        match session {
            Ok(Some(session)) => return Ok(Committed { session, on_cuda: true, weights: Vec::new() }),
            Ok(None) => {}
            Err(error) if device == Device::Cuda => return Err(LoadError::Cuda(error.to_string())),
            Err(error) => warnings.push(format!("CUDA cannot be used, the processor is: {error}")),
        }
    }
    let failed = |e: ort::Error| LoadError::Runtime { name: manifest.name.clone(), reason: e.to_string() };
    let weights = weights_in_memory(folder, manifest, options.weights, threads)?;
    let mut given = Vec::new();
    for (name, mut file) in weights {
        file.give_to(&mut builder, &name).map_err(failed)?;
        given.push(file);
    }
    let session = builder.commit_from_file(graph).map_err(failed)?;
    Ok(Committed { session, on_cuda: false, weights: given })
}

/// The files of the weights, read, where that is wanted. Other operators than our own make copies of their own, in another
/// order: for them it would only take time and memory.
fn weights_in_memory(
    folder: &Path,
    manifest: &Manifest,
    place: WeightPlace,
    threads: usize,
) -> Result<Vec<(String, FileInMemory)>, LoadError> {
    let files = || manifest.files.iter().filter(|(name, _)| name.ends_with(".data"));
    if !manifest.graph.own_operators || !place.is_memory(files().map(|(_, file)| file.size).sum()) {
        return Ok(Vec::new());
    }
    let read = |name: &String| FileInMemory::read(&folder.join(name), threads).map(|file| (name.clone(), file));
    let all: io::Result<Vec<_>> = files().map(|(name, _)| read(name)).collect();
    match all {
        Err(error) if place == WeightPlace::InMemory => {
            Err(LoadError::Memory { name: manifest.name.clone(), reason: error.to_string() })
        }
        // What cannot be read is found by the runtime, which says where.
        all => Ok(all.unwrap_or_default()),
    }
}
