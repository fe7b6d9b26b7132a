//! Pages that come from the tree, from other sequences and from the disk, without a graph.

use super::*;
use crate::options::EngineOptions;
use crate::prefix::disk::PrefixCache;
use std::path::Path;

const BYTES: usize = 256;

struct Nothing;

impl Compute for Nothing {
    fn run(&mut self, _: &mut Rows, _: &mut Pool, _: &mut [f32], _: Option<Halt<'_>>) -> Result<Ran, GenerateError> {
        Ok(Ran::Done)
    }
}

fn fresh(pages: usize, group: usize, folder: &Path) -> Paged {
    let place = PrefixCache { folder: folder.join("prefix"), bytes: 1 << 30 };
    let options = EngineOptions { cache_bytes: Some(pages * BYTES), ..EngineOptions::default() };
    let make = |_: &Pool| Ok(Box::new(Nothing) as Box<dyn Compute>);
    let mut paged = Paged::of(make, BYTES, 26, 256, &Limits::new(&options, 4096)).unwrap();
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

impl Paged {
    fn ask(&mut self, tokens: &[u32], prompt: usize, total: usize) -> (PagedSeat, usize) {
        let ask = Ask { tokens, usable: tokens.len() - 1, prompt, total, precious: false };
        self.open(&ask, std::iter::empty()).unwrap().unwrap()
    }

    /// As if all `tokens` had been computed: each page holds its number.
    fn compute(&mut self, seat: &mut PagedSeat, tokens: &[u32]) {
        let from = seat.shared;
        self.extend(seat, tokens.len()).unwrap();
        for at in from..seat.pages.len() {
            self.pool.bytes_mut(seat.pages[at]).fill(u8::try_from(at).unwrap());
        }
        self.commit(seat, tokens);
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
    let (mut seat, _) = paged.ask(&all[..130], 130, 130);
    paged.compute(&mut seat, &all[..129]);
    paged.close(seat, &all[..129]);
    paged.wait_for(&keys(&all[..128]));
    // The same tokens as an answer, not to the end of the group.
    let (mut seat, cached) = paged.ask(&all[..10], 10, 110);
    assert_eq!(cached, 0, "a prompt's group has other bits");
    paged.compute(&mut seat, &all[..100]);
    paged.close(seat, &all[..100]);
    let (mut seat, cached) = paged.ask(&all[..290], 290, 300);
    assert_eq!(cached, 128);
    while paged.tree.evict(&mut paged.pool) {}
    paged.compute(&mut seat, &all[..280]);
    assert!((0..5).all(|at| paged.pool.bytes(seat.pages[at])[0] == u8::try_from(at).unwrap()));
    paged.close(seat, &all[..280]);
    assert_eq!(paged.taken(), (0, 0));
    assert_eq!(paged.known(&all), 280);
}

/// Protects a page of which a copy is taken: it is not evicted for one of the disk that turns out to be damaged.
#[test]
fn a_page_that_is_copied_outlives_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut paged, all) = (fresh(2, 1, folder.path()), tokens(200));
    let (mut seat, _) = paged.ask(&all[..65], 65, 65);
    paged.compute(&mut seat, &all[..64]);
    paged.close(seat, &all[..64]);
    let key = keys(&all[..64])[0];
    paged.wait_for(&[key]);
    paged.forget();
    let file = std::fs::read_dir(folder.path().join("prefix")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    // The beginning of the page, of the background, and another page, of a user's.
    for (tokens, precious) in [(&all[..41], false), (&all[100..141], true)] {
        let ask = Ask { tokens, usable: 40, prompt: 41, total: 41, precious };
        let (mut seat, cached) = paged.open(&ask, std::iter::empty()).unwrap().unwrap();
        assert_eq!(cached, 0);
        paged.extend(&mut seat, 40).unwrap();
        paged.pool.bytes_mut(seat.pages[0]).fill(9);
        paged.close(seat, &tokens[..40]);
    }
    let (mut seat, cached) = paged.ask(&all[..70], 70, 128);
    assert_eq!(cached, 40);
    assert!(paged.pool.bytes(seat.pages[0]).iter().all(|byte| *byte == 9));
    paged.extend(&mut seat, 128).unwrap();
    assert_ne!(seat.pages[0], seat.pages[1]);
    paged.close(seat, &[]);
    assert_eq!(paged.taken(), (0, 0));
}

/// Protects short prompts that come again: where a page is known and no group is complete, nothing is read.
#[test]
fn a_prompt_below_a_group_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut paged, all) = (fresh(20, 128, folder.path()), tokens(100));
    for cached in [0, 99] {
        let (mut seat, found) = paged.ask(&all, 100, 110);
        assert_eq!(found, cached);
        paged.compute(&mut seat, &all);
        paged.close(seat, &all);
    }
    assert_eq!(paged.taken(), (0, 0));
}

/// Protects the bits of what is read after a restart: what was computed behind an answer is not stored.
#[test]
fn nothing_behind_an_answer_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, all) = (fresh(20, 128, folder.path()), tokens(300));
    let (mut seat, _) = first.ask(&all[..10], 10, 200);
    first.compute(&mut seat, &all[..140]);
    first.close(seat, &all[..140]);
    let (mut seat, cached) = first.ask(&all[..290], 290, 300);
    assert_eq!(cached, 128, "a conversation goes on behind its answer");
    first.compute(&mut seat, &all[..280]);
    first.close(seat, &all[..280]);
    // Something else that is stored, so that it is known when all is.
    let other: Vec<u32> = all.iter().map(|token| token + 1).collect();
    let (mut seat, _) = first.ask(&other[..130], 130, 140);
    first.compute(&mut seat, &other[..129]);
    first.close(seat, &other[..129]);
    first.wait_for(&keys(&other[..128]));
    assert!(!keys(&all).iter().any(|key| first.disk.as_ref().unwrap().cache.has(key)));
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
    seat: PagedSeat,
    tokens: Vec<u32>,
    computed: usize,
}

impl Paged {
    fn row(&mut self, seat: &PagedSeat, at: usize) -> &mut [u8; 4] {
        &mut self.pool.bytes_mut(seat.pages[at / PAGE]).as_chunks_mut::<4>().0[at % PAGE]
    }

    /// What a step computes, with rows behind it that are rejected.
    fn advance(&mut self, running: &mut Running, chunk: usize, rejected: usize) {
        let Running { seat, tokens, computed } = running;
        let end = if *computed < seat.prompt {
            (*computed / GROUP * GROUP + chunk.next_multiple_of(GROUP)).min(seat.prompt)
        } else {
            *computed + chunk % (GROUP / 2) + 1
        };
        let end = end.min(tokens.len());
        let last = (end + rejected).min(tokens.len());
        self.extend(seat, last).expect("it was promised");
        for at in *computed..last {
            let group = at / GROUP * GROUP;
            let grouped = if group >= *computed && group + GROUP <= end { GROUPED } else { 0 };
            let behind =
                if (0..group).any(|at| u32::from_le_bytes(*self.row(seat, at)) & GROUPED == 0) { BEHIND } else { 0 };
            let token = if at < end { tokens[at] } else { 0xFFFF };
            *self.row(seat, at) = (token | grouped | behind).to_le_bytes();
        }
        *computed = end;
        self.commit(seat, &tokens[..end]);
    }

    fn check(&mut self, running: &Running) {
        let Running { seat, tokens, computed } = running;
        for at in 0..*computed {
            let row = u32::from_le_bytes(*self.row(seat, at));
            assert_eq!(row & !GROUPED & !BEHIND, tokens[at], "row {at}");
            if self.group == GROUP {
                let whole = (at / GROUP + 1) * GROUP <= seat.prompt;
                assert!(whole || row & GROUPED == 0, "row {at} of a prompt of {} was in a group", seat.prompt);
                assert!(!whole || seat.mixed || row & (GROUPED | BEHIND) == GROUPED, "row {at} has other bits");
            }
        }
    }
}

/// Protects every answer: whatever sequences begin alike, end, share, are evicted, read from a damaged disk or computed after
/// a restart, each sees its own tokens in its pages, computed in the form that it would compute, and is never refused the
/// memory that it was promised.
#[test]
fn random_sequences_see_their_own_tokens() {
    for seed in 1..=24 {
        let folder = tempfile::tempdir().unwrap();
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ seed);
        let group = if seed % 2 == 0 { GROUP } else { 1 };
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
                        1 => (dice.below(6) * GROUP).clamp(1, tokens.len()),
                        _ => dice.below(tokens.len()) + 1,
                    };
                    // A prompt with its answer, which is not known yet, or is computed again.
                    let known = if dice.below(4) == 0 { tokens.len() } else { prompt };
                    let ask = Ask {
                        tokens: &tokens[..known],
                        usable: known - 1,
                        prompt,
                        total: tokens.len(),
                        precious: dice.below(2) == 0,
                    };
                    if paged.fits(ask.total).is_err() {
                        continue;
                    }
                    let running = all.iter().map(|one| (&one.tokens[..one.computed], &one.seat));
                    let found = paged.open(&ask, running).unwrap();
                    assert!(found.is_some() || !all.is_empty(), "nothing runs, and it does not fit");
                    if let Some((seat, computed)) = found {
                        opened += 1;
                        all.push(Running { seat, tokens, computed });
                    }
                }
                4..=8 if !all.is_empty() => {
                    let at = dice.below(all.len());
                    paged.advance(&mut all[at], dice.below(300) + 1, dice.below(15));
                }
                9 | 10 if !all.is_empty() => {
                    let one = all.remove(dice.below(all.len()));
                    paged.close(one.seat, &one.tokens[..one.computed]);
                }
                11 => match dice.below(12) {
                    0 => paged.forget(),
                    1..=4 => {
                        let files = std::fs::read_dir(folder.path().join("prefix")).unwrap();
                        for file in files.filter_map(|file| Some(file.ok()?.path())).filter(|_| dice.below(3) == 0) {
                            // It may be gone already.
                            _ = std::fs::write(file, "damaged");
                        }
                    }
                    5 => {
                        all.drain(..).for_each(|one| paged.close(one.seat, &one.tokens[..one.computed]));
                        assert_eq!(paged.taken(), (0, 0));
                        paged = fresh(pages, group, folder.path());
                    }
                    _ => _ = paged.tree.evict(&mut paged.pool),
                },
                _ => {}
            }
            let (used, promised) = paged.taken();
            assert!(used + promised <= pages, "{used} pages are used and {promised} promised, of {pages}");
            all.iter().for_each(|one| paged.check(one));
        }
        assert!(opened > 50, "{opened} sequences: nothing was tried");
        all.drain(..).for_each(|one| paged.close(one.seat, &one.tokens[..one.computed]));
        assert_eq!(paged.taken(), (0, 0));
    }
}
