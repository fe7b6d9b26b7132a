//! Pages that come from the tree, from other sequences and from the disk, without a graph.

use super::*;
use crate::options::EngineOptions;
use crate::prefix::disk::PrefixCache;
use std::path::Path;

const BYTES: usize = 4096;

struct Nothing;

impl Compute for Nothing {
    fn run(&mut self, _: &mut Rows, _: &mut Pool, _: &mut [f32], _: Option<Halt<'_>>) -> Result<Ran, GenerateError> {
        Ok(Ran::Done)
    }
}

fn paged(pages: usize, group: usize, folder: &Path) -> Paged {
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
    let (mut paged, all) = (paged(20, 128, folder.path()), tokens(300));
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
    let (mut paged, all) = (paged(2, 1, folder.path()), tokens(200));
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

/// Protects the bits of what is read after a restart: what was computed behind an answer is not stored.
#[test]
fn nothing_behind_an_answer_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, all) = (paged(20, 128, folder.path()), tokens(300));
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
