//! Any reply about any text gives a whole text or an error, in every format; a text that no piece changes stays as it is.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz formats -- -max_len=4096 -rss_limit_mb=1024`

#![no_main]

use deepcoder_edit::Adoption;
use deepcoder_edit::formats::envelope::{self, FileOp};
use deepcoder_edit::formats::{fenced, lazy, patch, region, search_replace};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let input = String::from_utf8_lossy(bytes);
    let (file, reply) = input.split_once('\0').unwrap_or(("", &input));
    if let Ok(blocks) = search_replace::parse(reply) {
        let _ = search_replace::apply(file, &blocks).map(|a| assert!(a.fits.len() <= blocks.len() + file.len()));
    }
    for op in envelope::parse(reply).unwrap_or_default() {
        if let FileOp::Update { chunks, .. } = op {
            let _ = envelope::apply(file, &chunks).map(|a| assert_eq!(a.fits.len(), chunks.len()));
        }
    }
    for part in patch::parse(reply).unwrap_or_default() {
        let _ = patch::apply(file, &part.hunks).map(|a| assert_eq!(a.fits.len(), part.hunks.len()));
    }
    let _ = fenced::whole_file(reply, "a.py");
    let _ = lazy::expand(file, reply);
    let _ = region::replace(file, 0..file.len(), reply, Adoption::default());
});
