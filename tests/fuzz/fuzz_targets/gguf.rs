//! Any bytes give a header whose tensors lie within them, or an error.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz gguf -- -max_len=65536 -rss_limit_mb=512`

#![no_main]

use deepcoder_export::Gguf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(gguf) = Gguf::read(bytes, bytes.len() as u64) {
        for (name, tensor) in &gguf.tensors {
            let end = tensor.offset.checked_add(tensor.bytes);
            assert!(end.is_some_and(|end| end <= bytes.len() as u64), "{name} lies outside");
            assert_eq!(tensor.kind.bytes_of(tensor.rows() * tensor.columns()), Some(tensor.bytes), "{name}");
        }
    }
});
