//! One ONNX session and the buffers that it works on: a step costs no allocation and no copy of the cache.

use crate::cache::{Cache, Layout};
use crate::memory::{Element, Place, Tensor};
use crate::turns::Turn;
use deepcoder_types::{Cancel, GenerateError, Manifest, Priority};
use ort::AsPointer as _;
use ort::environment::Environment;
use ort::session::{NoSelectedOutputs, RunOptions, Session};
use ort::sys;
use std::ffi::{CString, c_char};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs shorter than this are over before a watching thread could end them.
const WATCHED_TOKENS: usize = 48;
/// Runs are filled up to a multiple of this many tokens, and so are the rows of logits. The attention of a single token
/// and the last row of an odd number take other kernels, which round differently: without them the result for a token
/// does not depend on how the tokens were split over runs, so that cached prefixes and drafts change no token. A
/// second row costs next to nothing, as the time of a step goes into reading the weights. Graphs whose rows are
/// independent by themselves are run as they are.
const EVEN: usize = 2;
/// How often a watched run looks whether it is to end: where a user waits for its end, and otherwise.
const WATCH_CLOSELY: Duration = Duration::from_millis(2);
const WATCH: Duration = Duration::from_millis(10);

/// The conditions that end a run early.
#[derive(Clone, Copy)]
pub(crate) struct Halt<'a> {
    pub(crate) cancel: &'a Cancel,
    /// The turn of background work, which an interactive request preempts.
    pub(crate) turn: Option<&'a Turn<'a>>,
}

impl<'a> Halt<'a> {
    /// Only when it is cancelled.
    pub(crate) const fn on(cancel: &'a Cancel) -> Self {
        Self { cancel, turn: None }
    }

    fn is_due(&self) -> bool {
        self.cancel.is_cancelled() || self.turn.is_some_and(Turn::is_wanted)
    }

    fn watch(&self) -> Duration {
        if self.turn.is_some_and(|turn| turn.priority() == Priority::Background) { WATCH_CLOSELY } else { WATCH }
    }
}

/// Whether a run computed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ran {
    /// The logits and the cache hold the result.
    Done,
    /// It was ended early. The earlier content of the cache is still there.
    Halted,
}

/// The session with its inputs and outputs.
pub(crate) struct Graph {
    session: Session,
    environment: Environment,
    // Where small inputs and logits live, and where caches do.
    host: Place,
    place: Place,
    layout: Layout,
    options: RunOptions<NoSelectedOutputs>,
    names: Names,
    vocab: usize,
    chunk: usize,
    // Tokens of a run are a multiple of this.
    multiple: usize,
    ids: Vec<i64>,
    rows: Vec<i64>,
    past: [i64; 1],
    logits: Vec<f32>,
    // Pointers for one run, reused.
    inputs: Vec<*const sys::OrtValue>,
    outputs: Vec<*mut sys::OrtValue>,
}

// SAFETY: the pointers in `inputs` and `outputs` are dead outside of `run`, which has `&mut self`.
#[expect(unsafe_code, reason = "reused arrays of pointers")]
unsafe impl Send for Graph {}

impl Graph {
    pub(crate) fn new(
        session: Session,
        environment: Environment,
        manifest: &Manifest,
        on_cuda: bool,
    ) -> Result<Self, String> {
        let place = if on_cuda { Place::cuda(&session) } else { Place::host() };
        let names = Names::new(manifest)?;
        check_names(&session, manifest)?;
        Ok(Self {
            host: Place::host().map_err(|e| e.to_string())?,
            place: place.map_err(|e| e.to_string())?,
            layout: Layout::new(&manifest.graph.cache),
            options: RunOptions::new().map_err(|e| e.to_string())?,
            names,
            vocab: manifest.vocab_size as usize,
            chunk: manifest.graph.chunk as usize,
            multiple: if manifest.graph.independent_rows { 1 } else { EVEN },
            ids: Vec::new(),
            rows: Vec::new(),
            past: [0],
            logits: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            session,
            environment,
        })
    }

    /// The largest number of tokens that is efficient in one run.
    pub(crate) const fn chunk(&self) -> usize {
        self.chunk
    }

    /// Bytes of cache per token.
    pub(crate) const fn bytes_per_token(&self) -> usize {
        self.layout.bytes_per_token()
    }

    /// Make room for `tokens` tokens in a cache that may have `most`.
    pub(crate) fn reserve(&self, cache: &mut Cache, tokens: usize, most: usize) -> Result<(), GenerateError> {
        // One more, for a run that is filled up.
        let needed = (tokens + self.multiple - 1).min(most);
        cache.reserve(&self.layout, needed, most, &self.place, &self.environment)
    }

    /// Have a cache hold `tokens` whose keys and values are noise. `false` where only a run can write it.
    pub(crate) fn pretend(&self, cache: &mut Cache, tokens: &[u32], most: usize) -> Result<bool, GenerateError> {
        self.reserve(cache, tokens.len(), most)?;
        Ok(cache.pretend(&self.layout, tokens))
    }

    /// Copy the first `tokens` tokens of a cache into another.
    pub(crate) fn copy_prefix(&self, from: &Cache, to: &mut Cache, tokens: usize) -> Result<(), GenerateError> {
        to.copy_prefix(from, tokens, &self.layout, &self.place, &self.environment)
    }

    /// The logits of row `i` of the last run.
    pub(crate) fn logits(&mut self, i: usize) -> &mut [f32] {
        &mut self.logits[i * self.vocab..(i + 1) * self.vocab]
    }

    /// Run `tokens` behind what `cache` holds, for the logits of the last `rows` of them. The cache gets the tokens if
    /// the run is done; it must have room for them.
    pub(crate) fn run(
        &mut self,
        cache: &mut Cache,
        tokens: &[u32],
        rows: usize,
        halt: Halt<'_>,
    ) -> Result<Ran, GenerateError> {
        if halt.is_due() {
            return Ok(Ran::Halted);
        }
        self.ids.clear();
        self.ids.extend(tokens.iter().map(|t| i64::from(*t)));
        let filled = tokens.len().next_multiple_of(self.multiple);
        if filled <= cache.room() {
            // The run writes behind the tokens that are held, and the next run overwrites that.
            self.ids.resize(filled, self.ids.last().copied().unwrap_or(0));
        }
        self.rows.clear();
        self.rows.extend((tokens.len() - rows..tokens.len()).map(index));
        let rows = rows.next_multiple_of(self.multiple);
        self.rows.resize(rows, index(tokens.len() - 1));
        self.past = [index(cache.len())];
        if self.logits.len() < rows * self.vocab {
            self.logits.resize(rows * self.vocab, 0.0);
        }
        let result = if tokens.len() < WATCHED_TOKENS {
            let options = self.options.ptr();
            self.run_bound(cache, rows, options).map(|()| true)
        } else {
            self.run_watched(cache, rows, halt)
        };
        match result {
            Ok(true) => {
                cache.push(tokens);
                Ok(Ran::Done)
            }
            Ok(false) => Ok(Ran::Halted),
            Err(error) => Err(GenerateError::Engine(error.to_string())),
        }
    }

    /// As [`Graph::run_bound`], while another thread ends the run as soon as it is to end. Whether it came to its own.
    fn run_watched(&mut self, cache: &Cache, rows: usize, halt: Halt<'_>) -> Result<bool, ort::Error> {
        // Its own options: they stay terminated.
        let options = RunOptions::new()?;
        let (done, halted) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let watch = || {
                while !done.load(Ordering::Acquire) {
                    if halt.is_due() {
                        halted.store(true, Ordering::Release);
                        // If this fails the run ends by itself, only later.
                        let _ = options.terminate();
                        return;
                    }
                    std::thread::park_timeout(halt.watch());
                }
            };
            // Where no thread can be had, a cancel takes effect after this run.
            let watcher = std::thread::Builder::new().spawn_scoped(scope, watch).ok();
            let result = self.run_bound(cache, rows, options.ptr());
            done.store(true, Ordering::Release);
            if let Some(watcher) = watcher {
                watcher.thread().unpark();
            }
            match result {
                Ok(()) => Ok(true),
                Err(_) if halted.load(Ordering::Acquire) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    #[expect(
        unsafe_code,
        reason = "`ort` copies borrowed inputs when they are bound, and refuses one buffer as both input and output"
    )]
    fn run_bound(&mut self, cache: &Cache, rows: usize, options: *const sys::OrtRunOptions) -> Result<(), ort::Error> {
        let tokens = index(self.ids.len());
        let ids = Tensor::of(&self.host, &mut self.ids, &[1, tokens], Element::Int64)?;
        let past = Tensor::of(&self.host, &mut self.past, &[1], Element::Int64)?;
        let wanted = Tensor::of(&self.host, &mut self.rows, &[index(rows)], Element::Int64)?;
        let shape = [index(rows), index(self.vocab)];
        let logits = Tensor::of(&self.host, &mut self.logits, &shape, Element::Float32)?;
        self.inputs.clear();
        self.inputs.extend([ids.as_ptr(), past.as_ptr(), wanted.as_ptr()]);
        self.inputs.extend(cache.tensors().map(Tensor::as_ptr));
        self.outputs.clear();
        self.outputs.push(logits.as_ptr().cast_mut());
        self.outputs.extend(cache.tensors().map(|t| t.as_ptr().cast_mut()));
        debug_assert_eq!(self.inputs.len(), self.names.inputs.len());
        // SAFETY: names and values are arrays of equal lengths whose elements live until the end of this function or
        // longer. Each value views memory that nothing else uses during the call: `self` is borrowed mutably, and the
        // cache's memory is only reached through its tensors. Each cache tensor is both input and output: the graph
        // writes the rows of the new tokens only, as its manifest promises. `&mut self` keeps other runs away.
        let status = unsafe {
            (ort::api().Run)(
                self.session.ptr().cast_mut(),
                options,
                self.names.inputs.as_ptr(),
                self.inputs.as_ptr(),
                self.inputs.len(),
                self.names.outputs.as_ptr(),
                self.outputs.len(),
                self.outputs.as_mut_ptr(),
            )
        };
        // SAFETY: the status of the call above, used once.
        unsafe { ort::Error::result_from_status(status) }
    }
}

/// Names as the runtime wants them.
struct Names {
    inputs: Vec<*const c_char>,
    outputs: Vec<*const c_char>,
    // The targets of the pointers.
    _owned: Vec<CString>,
}

impl Names {
    fn new(manifest: &Manifest) -> Result<Self, String> {
        let cache = &manifest.graph.cache;
        let inputs = ["input_ids", "past_len", "logit_rows"].into_iter().chain(cache.iter().map(|c| c.input.as_str()));
        let outputs = std::iter::once("logits").chain(cache.iter().map(|c| c.output.as_str()));
        let inputs: Vec<CString> = inputs.map(CString::new).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        let outputs: Vec<CString> = outputs.map(CString::new).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        Ok(Self {
            inputs: inputs.iter().map(|n| n.as_ptr()).collect(),
            outputs: outputs.iter().map(|n| n.as_ptr()).collect(),
            _owned: inputs.into_iter().chain(outputs).collect(),
        })
    }
}

/// The graph must have exactly the inputs and outputs that the manifest describes, with their types and ranks: they
/// are bound by address.
fn check_names(session: &Session, manifest: &Manifest) -> Result<(), String> {
    use ort::value::TensorElementType as Type;
    let cache_type = |dtype: &str| if dtype == "float16" { Type::Float16 } else { Type::Float32 };
    let mut inputs = vec![("input_ids", Type::Int64, 2), ("past_len", Type::Int64, 1), ("logit_rows", Type::Int64, 1)];
    let mut outputs = vec![("logits", Type::Float32, 2)];
    for tensor in &manifest.graph.cache {
        inputs.push((&tensor.input, cache_type(&tensor.dtype), tensor.shape.len()));
        outputs.push((&tensor.output, cache_type(&tensor.dtype), tensor.shape.len()));
    }
    let check = |wanted: &[(&str, Type, usize)], has: &[ort::value::Outlet], what: &str| {
        if wanted.len() != has.len() {
            return Err(format!("its graph has {} {what}s and its manifest {}", has.len(), wanted.len()));
        }
        for (name, element, rank) in wanted {
            let outlet = has.iter().find(|o| o.name() == *name);
            let outlet = outlet.ok_or_else(|| format!("its graph has no {what} `{name}`"))?;
            let (ty, shape) = (outlet.dtype().tensor_type(), outlet.dtype().tensor_shape());
            if ty != Some(*element) || shape.is_none_or(|s| !s.is_empty() && s.len() != *rank) {
                return Err(format!("the {what} `{name}` of its graph has another type than its manifest says"));
            }
        }
        Ok(())
    };
    check(&inputs, session.inputs(), "input")?;
    check(&outputs, session.outputs(), "output")
}

/// Numbers of tokens and rows fit: they are bounded by the context length.
fn index(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
