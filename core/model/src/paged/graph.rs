//! The ONNX graph of the paged backend.

use super::{Compute, Rows};
use crate::memory::{Element, Place, Tensor};
use crate::pool::Pool;
use crate::session::{BoundSession, Interrupt, RunOutcome, check, index};
use deepcoder_types::GenerateError;
use ort::session::Session;
use ort::value::TensorElementType as Type;

const INPUTS: [&str; 6] = ["input_ids", "positions", "sequences", "tables", "logit_rows", "cache"];

/// The ONNX graph, with the pool as its input `cache`.
pub(super) struct Graph {
    session: BoundSession,
    host: Place,
    cache: Tensor,
    vocab: usize,
}

impl Graph {
    pub(super) fn new(session: Session, pool: &Pool, vocab: usize) -> Result<Self, String> {
        let (long, half, float) = (Type::Int64, Type::Float16, Type::Float32);
        let kinds = [(long, 2), (long, 1), (long, 1), (long, 2), (long, 1), (half, 2)];
        let inputs: Vec<_> = INPUTS.iter().zip(kinds).map(|(name, (kind, rank))| (*name, kind, rank)).collect();
        check(session.inputs(), &inputs, "input")?;
        check(session.outputs(), &[("logits", float, 2)], "output")?;
        let host = Place::host().map_err(|e| e.to_string())?;
        let (pages, bytes) = (pool.most(), pool.page_bytes());
        let shape = [index(pages), index(bytes / 2)];
        let cache = Tensor::over(host.info(), pool.base(), bytes * pages, &shape, Element::Float16);
        let cache = cache.map_err(|e| e.to_string())?;
        Ok(Self { session: BoundSession::new(session, &INPUTS, &["logits"])?, host, cache, vocab })
    }

    #[expect(unsafe_code, reason = "values are bound by their address")]
    fn call(
        &mut self,
        rows: &mut Rows,
        logits: &mut [f32],
        interrupt: Option<Interrupt<'_>>,
    ) -> Result<RunOutcome, ort::Error> {
        let (count, wanted) = (index(rows.ids.len()), index(rows.wanted.len()));
        let sequences = index(rows.tables.len() / rows.width.max(1));
        let long = |list: &mut Vec<i64>, shape: &[i64]| Tensor::of(&self.host, list, shape, Element::Int64);
        let given = [
            long(&mut rows.ids, &[1, count])?,
            long(&mut rows.positions, &[count])?,
            long(&mut rows.sequences, &[count])?,
            long(&mut rows.tables, &[sequences, index(rows.width)])?,
            long(&mut rows.wanted, &[wanted])?,
        ];
        let logits = Tensor::of(&self.host, logits, &[wanted, index(self.vocab)], Element::Float32)?;
        // SAFETY: the lists, the logits and, by the caller, the pool are borrowed mutably, so that nothing else uses
        // their memory; of the cache the graph touches the pages that the tables name, which are mapped.
        unsafe { self.session.run(given.iter().chain([&self.cache]), std::iter::once(&logits), interrupt) }
    }
}

impl Compute for Graph {
    fn run(
        &mut self,
        rows: &mut Rows,
        _: &mut Pool,
        logits: &mut [f32],
        interrupt: Option<Interrupt<'_>>,
    ) -> Result<RunOutcome, GenerateError> {
        self.call(rows, logits, interrupt).map_err(|e| GenerateError::Engine(e.to_string()))
    }
}
