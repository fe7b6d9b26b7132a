//! Where a model is computed, and why not elsewhere.

use crate::folder::LoadError;
use crate::options::{Device, EngineOptions};
use crate::weights::load_into;
use deepcoder_types::Manifest;
use ort::ep::ExecutionProvider as _;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use std::path::Path;

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

/// Builds the session, with CUDA where it is wanted and can be had; says whether it is.
pub(crate) fn commit(
    builder: SessionBuilder,
    folder: &Path,
    manifest: &Manifest,
    options: &EngineOptions,
    threads: usize,
    warnings: &mut Vec<String>,
) -> Result<(Session, bool), LoadError> {
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
            Ok(Some(session)) => return Ok((session, true)),
            Ok(None) => {}
            Err(error) if device == Device::Cuda => return Err(LoadError::Cuda(error.to_string())),
            Err(error) => warnings.push(format!("CUDA cannot be used, the processor is: {error}")),
        }
    }
    let failed = |e: ort::Error| LoadError::Runtime { name: manifest.name.clone(), reason: e.to_string() };
    let load = || builder.commit_from_file(graph).map_err(failed);
    Ok((load_into(options.weights, folder, manifest, threads, load)?, false))
}
