//! What the tests of the engine need.

use deepcoder_export::{ImportOptions, import};
use deepcoder_model::runtime::{self, RuntimeLibrary, RuntimeSearch};
use deepcoder_model::{Engine, EngineOptions};
use deepcoder_test_support::tiny_model;
use deepcoder_types::{Cancel, GenerateRequest, Generation, LanguageModel as _, Prompt, TokenEvent};
use std::path::{Path, PathBuf};

/// Tokens that the tiny model may hold.
pub(crate) const TINY_CONTEXT: u32 = 512;
/// Its control tokens, in the order of their ids from 259 on.
pub(crate) const TINY_CONTROL: [&str; 6] =
    ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"];

/// A variable of the environment, if it is set to something.
#[expect(clippy::disallowed_methods, reason = "tests are started by a person or by make, like a program")]
pub(crate) fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// The library for tests. A missing one fails the test: it must not pass without having run.
pub(crate) fn library() -> RuntimeLibrary {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let search = RuntimeSearch {
        setting: variable("DEEPCODER_TEST_ORT"),
        ort_dylib_path: variable("ORT_DYLIB_PATH"),
        prefixes: variable("VIRTUAL_ENV").into_iter().chain([root.join(".venv")]).collect(),
    };
    runtime::locate(&search).expect("set DEEPCODER_TEST_ORT to ONNX Runtime's library")
}

/// A tiny model's folder, removed when dropped.
pub(crate) struct Tiny {
    dir: tempfile::TempDir,
}

impl Tiny {
    pub(crate) fn new() -> Self {
        Self::import(&tiny_model("qwen2", 11).finish(), ImportOptions::default())
    }

    /// The same weights in blocks of eight bits, kept as they are (`native`) or packed for the runtime.
    pub(crate) fn of_blocks(native: bool) -> Self {
        let file = tiny_model("qwen2", 11).matrices_to_q8_0().finish();
        Self::import(&file, ImportOptions { exact: !native, ..ImportOptions::default() })
    }

    fn import(file: &[u8], options: ImportOptions) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let source = dir.path().join("tiny.gguf");
        #[expect(clippy::disallowed_methods, reason = "a folder of the test's own")]
        std::fs::write(&source, file).expect("the source can be written");
        let options = ImportOptions { name: "tiny".into(), ..options };
        import(&source, &dir.path().join("tiny"), &options, &mut |_| {}, &Cancel::new()).expect("it imports");
        Self { dir }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("tiny")
    }

    pub(crate) fn engine(&self, options: &EngineOptions) -> Engine {
        runtime::init(&library()).expect("ONNX Runtime starts");
        Engine::load(&self.folder(), options).expect("the tiny model loads")
    }
}

/// Two threads, whatever the machine has: results depend on it.
pub(crate) fn options() -> EngineOptions {
    EngineOptions { threads: Some(2), spin: false, ..EngineOptions::default() }
}

pub(crate) fn text(prompt: &str) -> Prompt {
    Prompt::Text(prompt.to_owned())
}

/// A generation and its events.
pub(crate) fn run(engine: &Engine, request: &GenerateRequest) -> (Generation, Vec<TokenEvent>) {
    let mut events = Vec::new();
    let done = engine.generate(request, &Cancel::new(), &mut |e| events.push(e.clone())).expect("it generates");
    (done, events)
}
