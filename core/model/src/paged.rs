//! The paged backend: a run computes any number of sequences, whose KV cache is a table of pages each (PagedAttention;
//! Kwon et al. 2023, vLLM). Sequences with a common prefix share its pages.
//!
//! Admission reserves all pages that a sequence may need, so an admitted sequence always ends.

mod graph;
#[cfg(test)]
mod tests;

use crate::memory::noise;
use crate::model::fingerprint;
use crate::options::Limits;
use crate::pool::{PageId, Pool};
use crate::prefix::disk::{DiskCache, PageKey};
use crate::prefix::tree::{Found, NodeId, PAGE, PageOrigin, Tree, common};
use crate::session::{Interrupt, RunOutcome, index};
use crate::step::{PREFILL_GROUP, SlotRequest, StepTokens, no_room};
use deepcoder_types::{GenerateError, Manifest, Pages};
use graph::Graph;
use ort::session::Session;

/// The pages, the index of cached prefixes, and the graph.
pub(crate) struct PagedBackend {
    // Declared before the pool, which it may view: dropped first.
    graph: Box<dyn Compute>,
    pool: Pool,
    tree: Tree,
    disk: Option<Disk>,
    // Pages that are reserved for admitted sequences and not allocated yet.
    reserved: usize,
    // Maximum number of cached pages that no sequence uses.
    keep: usize,
    vocab: usize,
    chunk: usize,
    // `Pages::group` of the manifest: aligned groups of this many prompt tokens have bits of their own; 1 where there
    // are none.
    group: usize,
    rows: Rows,
    logits: Vec<f32>,
}

/// The store on the disk, and the key of the empty prefix.
struct Disk {
    cache: DiskCache,
    root: PageKey,
}

/// The inputs of a run: a ragged batch, as [`deepcoder_types::GraphInfo`] describes it.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) ids: Vec<i64>,
    pub(crate) positions: Vec<i64>,
    pub(crate) sequences: Vec<i64>,
    /// The page tables, `[sequences, width]`; -1 where a table is shorter.
    pub(crate) tables: Vec<i64>,
    pub(crate) width: usize,
    /// The rows whose logits are wanted.
    pub(crate) wanted: Vec<i64>,
}

/// Computes a batch: writes the rows' keys and values to their pages, and the wanted rows' logits. A test replaces the
/// graph.
pub(crate) trait Compute: Send {
    fn run(
        &mut self,
        rows: &mut Rows,
        pool: &mut Pool,
        logits: &mut [f32],
        interrupt: Option<Interrupt<'_>>,
    ) -> Result<RunOutcome, GenerateError>;
}

/// A sequence's page table.
pub(crate) struct PagedSlot {
    pages: Vec<PageId>,
    // Pages that it has or has reserved.
    most: usize,
    // How many of the first pages are in the tree, and the node of the last of these.
    shared: usize,
    node: Option<NodeId>,
    interactive: bool,
    // The disk key of the prefix that `shared` covers.
    key: Option<PageKey>,
    prompt: usize,
    // Whether it goes on behind an answer that was computed token by token.
    mixed: bool,
}

impl PagedSlot {
    /// How the tokens of page `page` are computed.
    fn origin(&self, page: usize, group: usize) -> PageOrigin {
        let each = (group / PAGE).max(1);
        if (page / each + 1) * each * PAGE <= self.prompt {
            PageOrigin::Group
        } else if group < PAGE {
            // Without groups, all tokens are computed alike.
            PageOrigin::Group
        } else if (page + 1) * PAGE <= self.prompt {
            PageOrigin::Single
        } else {
            PageOrigin::Answer
        }
    }
}

impl PagedBackend {
    pub(crate) fn new(
        session: Session,
        manifest: &Manifest,
        pages: &Pages,
        limits: &Limits,
        warnings: &mut Vec<String>,
    ) -> Result<Self, String> {
        let page_bytes = pages.numbers.checked_mul(2).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let page_bytes = page_bytes.ok_or("its manifest has pages of no size")?;
        if pages.tokens as usize != PAGE {
            return Err(format!("its pages have {} tokens, and must have {PAGE}", pages.tokens));
        }
        let (vocab, chunk) = (manifest.vocab_size as usize, manifest.graph.chunk as usize);
        let make = |pool: &Pool| Ok(Box::new(Graph::new(session, pool, vocab)?) as Box<dyn Compute>);
        let mut paged = Self::of(make, page_bytes, vocab, chunk, limits)?;
        paged.group = pages.group as usize;
        if paged.group > 1 && paged.group != PREFILL_GROUP {
            return Err(format!(
                "its prompts are computed in groups of {}, and must be in groups of {PREFILL_GROUP}",
                paged.group
            ));
        }
        if let Some(place) = &limits.prefix_cache {
            let key = fingerprint(manifest);
            #[expect(clippy::print_stderr, reason = "the log of the daemon, long after the model was loaded")]
            let warn = |text| eprintln!("warning: {text}");
            match DiskCache::open(&place.folder, &key, page_bytes, place.bytes, warn) {
                Ok(cache) => paged.disk = Some(Disk { cache, root: PageKey::root(&key) }),
                Err(error) => warnings.push(error.to_string()),
            }
        }
        Ok(paged)
    }

    /// With any implementation of [`Compute`].
    pub(crate) fn of(
        graph: impl FnOnce(&Pool) -> Result<Box<dyn Compute>, String>,
        page_bytes: usize,
        vocab: usize,
        chunk: usize,
        limits: &Limits,
    ) -> Result<Self, String> {
        let most = limits.cache_bytes(page_bytes.div_ceil(PAGE)).div_ceil(page_bytes).max(2);
        let pool = Pool::new(page_bytes, most).ok_or("there are not enough addresses for its cache")?;
        Ok(Self {
            graph: graph(&pool)?,
            pool,
            tree: Tree::default(),
            disk: None,
            reserved: 0,
            keep: limits.kept_bytes / page_bytes,
            vocab,
            chunk,
            group: 1,
            rows: Rows::default(),
            logits: Vec::new(),
        })
    }

    pub(crate) const fn chunk(&self) -> usize {
        self.chunk
    }

    pub(crate) fn fits(&self, tokens: usize) -> Result<(), GenerateError> {
        if tokens.div_ceil(PAGE) <= self.pool.most() {
            return Ok(());
        }
        Err(no_room(tokens, tokens.div_ceil(PAGE) * self.pool.page_bytes(), self.pool.most() * self.pool.page_bytes()))
    }

    pub(crate) fn cached_len(&self, tokens: &[u32]) -> usize {
        self.tree.cached_len(tokens)
    }

    /// As [`Backend::allocate`](crate::backend::Backend::allocate).
    pub(crate) fn allocate<'s>(
        &mut self,
        request: &SlotRequest<'_>,
        running: impl Iterator<Item = (&'s [u32], &'s PagedSlot)>,
    ) -> Result<Option<(PagedSlot, usize)>, GenerateError> {
        let tokens = request.usable();
        let mut found = self.tree.find(tokens, request.interactive);
        // A running sequence's last page is not in the tree before it is full.
        let next = found.pages.len();
        for (computed, slot) in running {
            let matched = common(computed, tokens).saturating_sub(next * PAGE).min(PAGE);
            if matched > found.partial.map_or(0, |(_, n, _)| n)
                && let Some(page) = slot.pages.get(next)
            {
                found.partial = Some((*page, matched, slot.origin(next, self.group)));
            }
        }
        found.keep_reusable(self.group, request.prompt);
        let most = request.total.div_ceil(PAGE).max(found.pages.len() + 1);
        let more = most - found.pages.len();
        let idle = found.pages.iter().filter(|(_, page, _)| !self.pool.is_used(*page)).count();
        if self.pool.in_use() + idle + self.reserved + more > self.pool.most() {
            return Ok(None);
        }
        let mixed = found.pages.iter().any(|(.., origin)| *origin != PageOrigin::Group);
        let Found { ref pages, partial } = found;
        let pages: Vec<_> = pages.iter().map(|(_, page, _)| *page).collect();
        pages.iter().for_each(|page| self.pool.share(*page));
        self.reserved += most - pages.len();
        let mut slot = PagedSlot {
            shared: pages.len(),
            pages,
            most,
            node: found.node(),
            interactive: request.interactive,
            key: None,
            prompt: request.prompt,
            mixed,
        };
        let before = slot.shared;
        // It must not be evicted for what is read, nor for its own copy.
        partial.iter().for_each(|(page, ..)| self.pool.share(*page));
        self.read(&mut slot, tokens);
        let mut cached = slot.shared * PAGE;
        if let Some((page, matched, _)) = partial {
            if slot.shared == before && self.copy(&mut slot, page) {
                cached += matched;
            }
            self.pool.release(page);
        }
        Ok(Some((slot, cached)))
    }

    /// Load the pages that follow the cached prefix from the disk, until the first miss.
    fn read(&mut self, slot: &mut PagedSlot, tokens: &[u32]) {
        let Some(Disk { cache, root }) = &self.disk else { return };
        // Where groups have bits of their own, only those are on the disk.
        let whole = tokens.len().min(slot.prompt) / self.group * self.group;
        let (cached, pages) = tokens[..whole].as_chunks::<PAGE>().0.split_at_checked(slot.shared).unwrap_or_default();
        if pages.is_empty() {
            return;
        }
        let mut key = cached.iter().fold(*root, |key, page| key.then(page));
        let keys = pages.iter().map(|page| {
            key = key.then(page);
            key
        });
        let keys: Vec<_> = keys.take_while(|key| cache.has(key)).collect();
        cache.read_ahead(&keys);
        let mut read = Vec::new();
        for key in &keys {
            let Ok(page) = self.take() else { break };
            if !self.disk.as_ref().is_some_and(|disk| disk.cache.get(key, self.pool.bytes_mut(page))) {
                self.pool.release(page);
                break;
            }
            read.push(page);
        }
        let each = (self.group / PAGE).max(1);
        for page in read.drain(((slot.shared + read.len()) / each * each).saturating_sub(slot.shared)..) {
            self.pool.release(page);
        }
        for (page, tokens) in read.into_iter().zip(pages) {
            let made = (page, slot.origin(slot.shared, self.group));
            let (node, kept) = self.tree.insert(slot.node, tokens, made, slot.interactive, &mut self.pool);
            if kept != page {
                // It is there already, beside one in another form that was found first. The node must not be evicted while
                // this sequence goes on behind it.
                self.pool.share(kept);
                self.pool.release(page);
            }
            slot.pages.push(kept);
            self.reserved -= 1;
            slot.node = Some(node);
            slot.shared += 1;
        }
    }

    /// Take a copy of a page of which only the beginning is wanted. `false` where it has the last of the memory, and is
    /// evicted for what is computed instead.
    fn copy(&mut self, slot: &mut PagedSlot, part: PageId) -> bool {
        let Ok(page) = self.take() else { return false };
        self.pool.copy(part, page);
        slot.pages.push(page);
        self.reserved -= 1;
        true
    }

    /// Allocate a page, and evict unused cached ones as needed.
    fn take(&mut self) -> Result<PageId, GenerateError> {
        loop {
            if let Some(page) = self.pool.take() {
                return Ok(page);
            }
            if !self.tree.evict(&mut self.pool) {
                let mib = (self.pool.page_bytes() * (self.pool.in_use() + 1)) >> 20;
                return Err(GenerateError::Engine(format!("the system gives no more than {mib} MiB for its cache")));
            }
        }
    }

    /// As [`Backend::commit`](crate::backend::Backend::commit): full pages go into the tree.
    pub(crate) fn commit(&mut self, slot: &mut PagedSlot, tokens: &[u32]) {
        while (slot.shared + 1) * PAGE <= tokens.len() {
            let page = slot.pages[slot.shared];
            let origin = slot.origin(slot.shared, self.group);
            let (before, here) = tokens[..(slot.shared + 1) * PAGE].split_at(slot.shared * PAGE);
            let (node, kept) = self.tree.insert(slot.node, here, (page, origin), slot.interactive, &mut self.pool);
            self.store(slot, before, here, (kept, origin));
            if kept != page {
                // Another sequence has computed the same page with the same bits: one copy is enough.
                self.pool.share(kept);
                self.pool.release(page);
                slot.pages[slot.shared] = kept;
            }
            slot.node = Some(node);
            slot.shared += 1;
        }
    }

    /// Have a page of a prompt written to the disk.
    fn store(&self, slot: &mut PagedSlot, before: &[u32], tokens: &[u32], (page, origin): (PageId, PageOrigin)) {
        // What is computed behind an answer has its bits, which nobody has who reads the page and no answer.
        let fits = !slot.mixed && before.len() + PAGE <= slot.prompt && origin == PageOrigin::Group;
        let Some(disk) = self.disk.as_ref().filter(|_| fits) else { return };
        let first = || before.as_chunks::<PAGE>().0.iter().fold(disk.root, |key, page| key.then(page));
        let key = slot.key.unwrap_or_else(first).then(tokens);
        slot.key = Some(key);
        if disk.cache.wants(&key) {
            disk.cache.put(key, self.pool.bytes(page).to_vec());
        }
    }

    /// As [`Backend::free`](crate::backend::Backend::free).
    pub(crate) fn free(&mut self, mut slot: PagedSlot, tokens: &[u32]) {
        self.commit(&mut slot, tokens);
        let rest = &tokens[(slot.shared * PAGE).min(tokens.len())..];
        if let (false, Some(page)) = (rest.is_empty(), slot.pages.get(slot.shared)) {
            let made = (*page, slot.origin(slot.shared, self.group));
            self.tree.insert(slot.node, rest, made, slot.interactive, &mut self.pool);
        }
        self.reserved -= slot.most - slot.pages.len();
        slot.pages.iter().for_each(|page| self.pool.release(*page));
        while self.pool.idle() > self.keep && self.tree.evict(&mut self.pool) {}
    }

    pub(crate) fn forget(&mut self) {
        self.tree.clear(&mut self.pool);
        self.pool.trim();
    }

    /// Pages in use, and pages reserved.
    #[cfg(test)]
    pub(crate) const fn taken(&self) -> (usize, usize) {
        (self.pool.in_use(), self.reserved)
    }

    pub(crate) fn logits(&mut self, i: usize) -> &mut [f32] {
        &mut self.logits[i * self.vocab..(i + 1) * self.vocab]
    }

    pub(crate) fn fill_with_noise(&mut self, slot: &mut PagedSlot, tokens: usize) -> Result<(), GenerateError> {
        self.extend(slot, tokens)?;
        slot.pages.iter().for_each(|page| noise(self.pool.bytes_mut(*page), true));
        Ok(())
    }

    /// Allocate pages until the table holds `tokens` tokens.
    fn extend(&mut self, slot: &mut PagedSlot, tokens: usize) -> Result<(), GenerateError> {
        while slot.pages.len() * PAGE < tokens {
            let page = self.take()?;
            slot.pages.push(page);
            if slot.pages.len() <= slot.most {
                self.reserved -= 1;
            } else {
                slot.most = slot.pages.len();
            }
        }
        Ok(())
    }

    /// As [`Backend::run`](crate::backend::Backend::run).
    pub(crate) fn run<'p, 's: 'p>(
        &mut self,
        parts: impl Iterator<Item = (&'p StepTokens, &'p mut PagedSlot)>,
        interrupt: Option<Interrupt<'_>>,
    ) -> Result<RunOutcome, GenerateError> {
        let mut rows = std::mem::take(&mut self.rows);
        for list in [&mut rows.ids, &mut rows.positions, &mut rows.sequences, &mut rows.tables, &mut rows.wanted] {
            list.clear();
        }
        let mut tables = Vec::new();
        for (number, (part, slot)) in parts.enumerate() {
            self.extend(slot, part.at + part.tokens.len())?;
            let (first, count) = (rows.ids.len(), part.tokens.len());
            rows.ids.extend(part.tokens.iter().map(|token| i64::from(*token)));
            rows.positions.extend((part.at..part.at + count).map(index));
            rows.sequences.extend(std::iter::repeat_n(index(number), count));
            rows.wanted.extend((first + count - part.wanted..first + count).map(index));
            tables.push(slot.pages.iter().map(|page| page.number()).collect::<Vec<_>>());
        }
        rows.width = tables.iter().map(Vec::len).max().unwrap_or(0);
        for table in &tables {
            rows.tables.extend(table);
            rows.tables.extend(std::iter::repeat_n(-1, rows.width - table.len()));
        }
        if rows.wanted.is_empty() {
            // The output layer needs at least one row.
            rows.wanted.push(index(rows.ids.len()) - 1);
        }
        let wanted = rows.wanted.len() * self.vocab;
        if self.logits.len() < wanted {
            self.logits.resize(wanted, 0.0);
        }
        let outcome = self.graph.run(&mut rows, &mut self.pool, &mut self.logits[..wanted], interrupt);
        self.rows = rows;
        outcome
    }
}
