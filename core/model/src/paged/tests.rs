//! Pages that come from the tree, from other sequences and from the disk, without a graph.

use super::*;
use crate::options::EngineOptions;
use crate::prefix::disk::PrefixCache;
use std::path::Path;

const BYTES: usize = 256;

struct Nothing;

impl Compute for Nothing {
    fn run(
        &mut self,
        _: &mut Rows,
        _: &mut Pool,
        _: &mut [f32],
        _: Option<Interrupt<'_>>,
    ) -> Result<RunOutcome, GenerateError> {
        Ok(RunOutcome::Done)
    }
}

fn fresh(pages: usize, group: usize, folder: &Path) -> PagedBackend {
    let place = PrefixCache { folder: folder.join("prefix"), bytes: 1 << 30 };
    let options = EngineOptions { cache_bytes: Some(pages * BYTES), ..EngineOptions::default() };
    let make = |_: &Pool| Ok(Box::new(Nothing) as Box<dyn Compute>);
    let mut paged = PagedBackend::of(make, BYTES, 26, 256, &Limits::new(&options, 4096)).unwrap();
    let cache = DiskCache::open(&place.folder, "model", BYTES, place.bytes, |_| {}).unwrap();
    paged.disk = Some(Disk { cache, root: PageKey::root("model") });
    paged.group = group;
    paged
}

/// Any tokens.
fn tokens(count: u32) -> Vec<u32> {
    (0..count).map(|at| at.wrapping_mul(0x9E37_79B9) >> 20).collect()
}

/// The keys of whole pages.
fn keys(tokens: &[u32]) -> Vec<PageKey> {
    let mut key = PageKey::root("model");
    let keys = tokens.as_chunks::<PAGE>().0.iter().map(|page| {
        key = key.then(page);
        key
    });
    keys.collect()
}

impl PagedBackend {
    fn request(&mut self, tokens: &[u32], prompt: usize, total: usize) -> (PagedSlot, usize) {
        let request = SlotRequest { tokens, usable: tokens.len() - 1, prompt, total, interactive: false };
        self.allocate(&request, std::iter::empty()).unwrap().unwrap()
    }

    /// As if all `tokens` had been computed: each page holds its number.
    fn compute(&mut self, slot: &mut PagedSlot, tokens: &[u32]) {
        let from = slot.shared;
        self.extend(slot, tokens.len()).unwrap();
        for at in from..slot.pages.len() {
            self.pool.bytes_mut(slot.pages[at]).fill(u8::try_from(at).unwrap());
        }
        self.commit(slot, tokens);
    }

    /// Until the pages are on the disk.
    fn wait_for(&self, keys: &[PageKey]) {
        let start = std::time::Instant::now();
        while !keys.iter().all(|key| self.disk.as_ref().unwrap().cache.has(key)) {
            assert!(start.elapsed().as_secs() < 20, "they are not written");
            std::thread::yield_now();
        }
    }
}

/// Protects the tree where a page comes from the disk that is in it already, beside one in another form that was found first:
/// its node stays while the sequence goes on behind it.
#[test]
fn a_page_from_the_disk_that_is_known_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (mut paged, all) = (fresh(20, 128, folder.path()), tokens(300));
    let (mut slot, _) = paged.request(&all[..130], 130, 130);
    paged.compute(&mut slot, &all[..129]);
    paged.free(slot, &all[..129]);
    paged.wait_for(&keys(&all[..128]));
    // The same tokens as an answer, not to the end of the group.
    let (mut slot, cached) = paged.request(&all[..10], 10, 110);
    assert_eq!(cached, 0, "a prompt's group has other bits");
    paged.compute(&mut slot, &all[..100]);
    paged.free(slot, &all[..100]);
    let (mut slot, cached) = paged.request(&all[..290], 290, 300);
    assert_eq!(cached, 128);
    while paged.tree.evict(&mut paged.pool) {}
    paged.compute(&mut slot, &all[..280]);
    assert!((0..5).all(|at| paged.pool.bytes(slot.pages[at])[0] == u8::try_from(at).unwrap()));
    paged.free(slot, &all[..280]);
    assert_eq!(paged.taken(), (0, 0));
    assert_eq!(paged.cached_len(&all), 280);
}

/// Protects a page of which a copy is taken: it is not evicted for one of the disk that turns out to be damaged.
#[test]
fn a_page_that_is_copied_outlives_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut paged, all) = (fresh(2, 1, folder.path()), tokens(200));
    let (mut slot, _) = paged.request(&all[..65], 65, 65);
    paged.compute(&mut slot, &all[..64]);
    paged.free(slot, &all[..64]);
    let key = keys(&all[..64])[0];
    paged.wait_for(&[key]);
    paged.forget();
    let file = std::fs::read_dir(folder.path().join("prefix")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    #[expect(clippy::disallowed_methods, reason = "a folder of the test's own")]
    std::fs::write(&file, bytes).unwrap();
    // The beginning of the page, of the background, and another page, of a user's.
    for (tokens, interactive) in [(&all[..41], false), (&all[100..141], true)] {
        let request = SlotRequest { tokens, usable: 40, prompt: 41, total: 41, interactive };
        let (mut slot, cached) = paged.allocate(&request, std::iter::empty()).unwrap().unwrap();
        assert_eq!(cached, 0);
        paged.extend(&mut slot, 40).unwrap();
        paged.pool.bytes_mut(slot.pages[0]).fill(9);
        paged.free(slot, &tokens[..40]);
    }
    let (mut slot, cached) = paged.request(&all[..70], 70, 128);
    assert_eq!(cached, 40);
    assert!(paged.pool.bytes(slot.pages[0]).iter().all(|byte| *byte == 9));
    paged.extend(&mut slot, 128).unwrap();
    assert_ne!(slot.pages[0], slot.pages[1]);
    paged.free(slot, &[]);
    assert_eq!(paged.taken(), (0, 0));
}

/// Protects short prompts that come again: where a page is known and no group is complete, nothing is read.
#[test]
fn a_prompt_below_a_group_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut paged, all) = (fresh(20, 128, folder.path()), tokens(100));
    for cached in [0, 99] {
        let (mut slot, found) = paged.request(&all, 100, 110);
        assert_eq!(found, cached);
        paged.compute(&mut slot, &all);
        paged.free(slot, &all);
    }
    assert_eq!(paged.taken(), (0, 0));
}

/// Protects the bits of what is read after a restart: what was computed behind an answer is not stored.
#[test]
fn nothing_behind_an_answer_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, all) = (fresh(20, 128, folder.path()), tokens(300));
    let (mut slot, _) = first.request(&all[..10], 10, 200);
    first.compute(&mut slot, &all[..140]);
    first.free(slot, &all[..140]);
    let (mut slot, cached) = first.request(&all[..290], 290, 300);
    assert_eq!(cached, 128, "a conversation goes on behind its answer");
    first.compute(&mut slot, &all[..280]);
    first.free(slot, &all[..280]);
    // Something else that is stored, so that it is known when all is.
    let other: Vec<u32> = all.iter().map(|token| token + 1).collect();
    let (mut slot, _) = first.request(&other[..130], 130, 140);
    first.compute(&mut slot, &other[..129]);
    first.free(slot, &other[..129]);
    first.wait_for(&keys(&other[..128]));
    assert!(!keys(&all).iter().any(|key| first.disk.as_ref().unwrap().cache.has(key)));
}

/// Protects memory: no more is kept of what is over than is allowed, and the beginnings of it; and of a page that has become
/// fuller only that.
#[test]
fn little_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (mut paged, all) = (fresh(20, 1, folder.path()), tokens(300));
    paged.disk = None;
    for end in [40, 50, 64, 100, 110] {
        let (mut slot, _) = paged.request(&all[..=end], end, end + 1);
        paged.compute(&mut slot, &all[..end]);
        paged.free(slot, &all[..end]);
        assert_eq!(paged.pool.idle(), end.div_ceil(PAGE), "{end}");
    }
    paged.keep = 2;
    let (mut slot, _) = paged.request(&all, 300, 300);
    paged.compute(&mut slot, &all);
    paged.free(slot, &all);
    assert_eq!((paged.pool.idle(), paged.cached_len(&all)), (2, 128));
}

/// Protects users' conversations from the background, which is evicted first, however new it is; and what a user goes on with
/// is a user's.
#[test]
fn the_background_is_evicted_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut paged = fresh(20, 1, folder.path());
    paged.disk = None;
    let texts: Vec<Vec<u32>> = (0..4).map(|n| (0..40).map(|at| at + 100 * n).collect()).collect();
    let mut compute = |text: usize, interactive: bool| {
        let tokens = &texts[text][..];
        let ask = SlotRequest { tokens, usable: 39, prompt: 40, total: 41, interactive };
        let (mut slot, _) = paged.allocate(&ask, std::iter::empty()).unwrap().unwrap();
        paged.extend(&mut slot, 39).unwrap();
        // It ends before anything new is computed.
        paged.free(slot, &tokens[..39]);
    };
    [(0, true), (1, false), (1, true), (2, false), (3, false)].into_iter().for_each(|(text, user)| compute(text, user));
    let mut left = Vec::new();
    loop {
        left.push((0..4).filter(|text| paged.cached_len(&texts[*text]) > 0).collect::<Vec<_>>());
        if !paged.tree.evict(&mut paged.pool) {
            break;
        }
    }
    assert_eq!(left, [vec![0, 1, 2, 3], vec![0, 1, 3], vec![0, 1], vec![1], vec![]]);
}

/// A row that was computed in a complete group, and one behind an answer.
const GROUPED: u32 = 1 << 31;
const BEHIND: u32 = 1 << 30;

/// Random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % n
    }
}

struct Running {
    slot: PagedSlot,
    tokens: Vec<u32>,
    computed: usize,
}

impl PagedBackend {
    fn row(&mut self, slot: &PagedSlot, at: usize) -> &mut [u8; 4] {
        &mut self.pool.bytes_mut(slot.pages[at / PAGE]).as_chunks_mut::<4>().0[at % PAGE]
    }

    /// What a step computes, with rows behind it that are rejected.
    fn advance(&mut self, running: &mut Running, chunk: usize, rejected: usize) {
        let Running { slot, tokens, computed } = running;
        let end = if *computed < slot.prompt {
            (*computed / PREFILL_GROUP * PREFILL_GROUP + chunk.next_multiple_of(PREFILL_GROUP)).min(slot.prompt)
        } else {
            *computed + chunk % (PREFILL_GROUP / 2) + 1
        };
        let end = end.min(tokens.len());
        let last = (end + rejected).min(tokens.len());
        self.extend(slot, last).expect("it was reserved");
        #[expect(clippy::needless_range_loop, reason = "a place in pages, too")]
        for at in *computed..last {
            let group = at / PREFILL_GROUP * PREFILL_GROUP;
            let grouped = if group >= *computed && group + PREFILL_GROUP <= end { GROUPED } else { 0 };
            let behind =
                if (0..group).any(|at| u32::from_le_bytes(*self.row(slot, at)) & GROUPED == 0) { BEHIND } else { 0 };
            let token = if at < end { tokens[at] } else { 0xFFFF };
            *self.row(slot, at) = (token | grouped | behind).to_le_bytes();
        }
        *computed = end;
        self.commit(slot, &tokens[..end]);
    }

    fn check(&mut self, running: &Running) {
        let Running { slot, tokens, computed } = running;
        #[expect(clippy::needless_range_loop, reason = "as above")]
        for at in 0..*computed {
            let row = u32::from_le_bytes(*self.row(slot, at));
            assert_eq!(row & !GROUPED & !BEHIND, tokens[at], "row {at}");
            if self.group == PREFILL_GROUP {
                let whole = (at / PREFILL_GROUP + 1) * PREFILL_GROUP <= slot.prompt;
                assert!(whole || row & GROUPED == 0, "row {at} of a prompt of {} was in a group", slot.prompt);
                assert!(!whole || slot.mixed || row & (GROUPED | BEHIND) == GROUPED, "row {at} has other bits");
            }
        }
    }
}

/// Protects every answer: whatever sequences begin alike, end, share, are evicted, read from a damaged disk or computed after
/// a restart, each sees its own tokens in its pages, computed in the form that it would compute, and is never refused the
/// memory that it was reserved.
#[test]
fn random_sequences_see_their_own_tokens() {
    for seed in 1..=24 {
        let folder = tempfile::tempdir().unwrap();
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ seed);
        let group = if seed % 2 == 0 { PREFILL_GROUP } else { 1 };
        let pages = 8 + dice.below(24);
        let mut paged = fresh(pages, group, folder.path());
        let bases: Vec<Vec<u32>> =
            (0..3).map(|base| tokens(700).iter().map(|token| token % 4000 + base).collect()).collect();
        let mut all: Vec<Running> = Vec::new();
        let mut opened = 0;
        for _ in 0..600 {
            match dice.below(12) {
                0..=3 => {
                    let shared = dice.below(600);
                    let mut tokens = bases[dice.below(3)][..shared].to_vec();
                    let tail = dice.below(150) + 1;
                    tokens.extend((0..tail).map(|_| 5000 + u32::try_from(dice.below(2)).unwrap()));
                    let prompt = match dice.below(3) {
                        0 => tokens.len(),
                        1 => (dice.below(6) * PREFILL_GROUP).clamp(1, tokens.len()),
                        _ => dice.below(tokens.len()) + 1,
                    };
                    // A prompt with its answer, which is not known yet, or is computed again.
                    let known = if dice.below(4) == 0 { tokens.len() } else { prompt };
                    let request = SlotRequest {
                        tokens: &tokens[..known],
                        usable: known - 1,
                        prompt,
                        total: tokens.len(),
                        interactive: dice.below(2) == 0,
                    };
                    if paged.fits(request.total).is_err() {
                        continue;
                    }
                    let running = all.iter().map(|one| (&one.tokens[..one.computed], &one.slot));
                    let found = paged.allocate(&request, running).unwrap();
                    assert!(found.is_some() || !all.is_empty(), "nothing runs, and it does not fit");
                    if let Some((slot, computed)) = found {
                        opened += 1;
                        all.push(Running { slot, tokens, computed });
                    }
                }
                4..=8 if !all.is_empty() => {
                    let at = dice.below(all.len());
                    paged.advance(&mut all[at], dice.below(300) + 1, dice.below(15));
                }
                9 | 10 if !all.is_empty() => {
                    let one = all.remove(dice.below(all.len()));
                    paged.free(one.slot, &one.tokens[..one.computed]);
                }
                11 => match dice.below(12) {
                    0 => paged.forget(),
                    1..=4 => {
                        let files = std::fs::read_dir(folder.path().join("prefix")).unwrap();
                        for file in files.filter_map(|file| Some(file.ok()?.path())).filter(|_| dice.below(3) == 0) {
                            // It may be gone already.
                            #[expect(clippy::disallowed_methods, reason = "a folder of the test's own")]
                            let written = std::fs::write(file, "damaged");
                            _ = written;
                        }
                    }
                    5 => {
                        all.drain(..).for_each(|one| paged.free(one.slot, &one.tokens[..one.computed]));
                        assert_eq!(paged.taken(), (0, 0));
                        paged = fresh(pages, group, folder.path());
                    }
                    _ => _ = paged.tree.evict(&mut paged.pool),
                },
                _ => {}
            }
            let (used, reserved) = paged.taken();
            assert!(used + reserved <= pages, "{used} pages are used and {reserved} reserved, of {pages}");
            all.iter().for_each(|one| paged.check(one));
        }
        assert!(opened > 50, "{opened} sequences: nothing was tried");
        all.drain(..).for_each(|one| paged.free(one.slot, &one.tokens[..one.computed]));
        assert_eq!(paged.taken(), (0, 0));
    }
}
