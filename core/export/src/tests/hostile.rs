//! That no file, however damaged or malicious, does more than give an error.

use crate::gguf::{Gguf, GgufError};
use crate::{ImportError, ImportOptions, import, inspect};
use deepcoder_test_support::{GgufWriter, tiny_model};
use deepcoder_types::{Cancel, Hint as _};
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::OnceLock;

fn read(bytes: &[u8]) -> Result<Gguf, GgufError> {
    Gguf::read(bytes, bytes.len() as u64)
}

fn tiny() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| tiny_model("qwen2", 1).finish())
}

/// The header of [`tiny`] without its vocabulary: small, so that random changes hit something that matters.
fn small() -> Vec<u8> {
    let mut file = GgufWriter::new();
    file.text("general.architecture", "llama").floats("a", &[1.0, 2.0]).texts("b", &["x".into(), "yz".into()]);
    file.boolean("c", true).unsigned("general.alignment", 32).tensor("q", &[32, 2], 2, vec![1; 36]);
    file.tensor_f32("t", &[4], &[1.0; 4]);
    file.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Protects the process: any change of any bytes gives a header or an error, never a panic or a wild allocation.
    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = small();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(gguf) = read(&bytes) {
            prop_assert!(gguf.tensors.values().flat_map(|t| &t.parts).all(|p| p.offset + p.bytes <= bytes.len() as u64));
        }
    }

    /// Protects the process against what is not even a GGUF after its magic number.
    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&[b"GGUF\x03\0\0\0".as_slice(), &noise].concat());
    }
}

/// Protects against half downloads: a header that ends anywhere is an error, and so are missing weights.
#[test]
fn every_truncation_is_an_error() {
    let bytes = small();
    for len in 0..bytes.len() {
        assert!(read(&bytes[..len]).is_err(), "{len} of {}", bytes.len());
    }
    assert!(read(&bytes).is_ok());
}

/// Protects the messages: each kind of damage is named as what it is.
#[test]
fn damage_is_named() {
    let with = |change: &dyn Fn(&mut GgufWriter)| {
        let mut file = GgufWriter::new();
        change(&mut file);
        read(&file.finish()).unwrap_err()
    };
    let huge = u64::MAX.to_le_bytes();
    let array = |kind: u32, count: [u8; 8]| [&kind.to_le_bytes()[..], &count].concat();
    assert!(matches!(read(b"<html>"), Err(GgufError::NotGguf)));
    assert!(matches!(read(b"GGUF\x09\0\0\0"), Err(GgufError::Version(9))));
    assert!(matches!(read(b"GGUF\0\0\0\x03"), Err(GgufError::BigEndian)));
    assert!(matches!(
        with(&|f| {
            f.raw("k", 77, vec![]);
        }),
        GgufError::ValueType { kind: 77, .. }
    ));
    assert!(matches!(
        with(&|f| {
            f.raw("k", 8, huge.to_vec());
        }),
        GgufError::TooMany { .. }
    ));
    assert!(matches!(
        with(&|f| {
            f.raw("k", 9, array(4, huge));
        }),
        GgufError::TooMany { .. }
    ));
    assert!(matches!(
        with(&|f| {
            f.raw("k", 9, array(9, [0; 8]));
        }),
        GgufError::ValueType { kind: 9, .. }
    ));
    assert!(matches!(
        with(&|f| {
            f.raw("k", 8, b"\x02\0\0\0\0\0\0\0\xff\xfe".to_vec());
        }),
        GgufError::NotUtf8(_)
    ));
    assert!(matches!(
        with(&|f| {
            f.unsigned("general.alignment", 33);
        }),
        GgufError::Alignment(33)
    ));
    let tensor = |shape: &[u64], kind, bytes| {
        with(&|f| {
            f.tensor("t", shape, kind, vec![0; bytes]);
        })
    };
    assert!(matches!(tensor(&[u64::MAX, 2], 0, 8), GgufError::Shape { .. }));
    assert!(matches!(tensor(&[0], 0, 0), GgufError::Shape { .. }));
    assert!(matches!(tensor(&[16], 2, 18), GgufError::Shape { .. }), "half a block");
    assert!(matches!(tensor(&[1, 1, 1, 1, 1], 0, 4), GgufError::Shape { .. }));
    assert!(matches!(tensor(&[4], 16, 16), GgufError::TensorType { kind: 16, .. }));
    assert!(matches!(tensor(&[1 << 40], 0, 4), GgufError::Outside(_)));
}

/// Protects against files that say one thing twice, or put one tensor over another.
#[test]
fn duplicates_and_overlaps_are_errors() {
    let twice = |needle: &[u8], replacement: &[u8], file: &GgufWriter| {
        let mut bytes = file.finish();
        let at = bytes.windows(needle.len()).position(|w| w == needle).unwrap();
        bytes[at..at + needle.len()].copy_from_slice(replacement);
        read(&bytes).unwrap_err()
    };
    let mut keys = GgufWriter::new();
    keys.boolean("one", true).boolean("two", true);
    assert!(matches!(twice(b"two", b"one", &keys), GgufError::DuplicateKey(k) if k == "one"));
    let mut tensors = GgufWriter::new();
    tensors.tensor_f32("one", &[8], &[0.0; 8]).tensor_f32("two", &[8], &[0.0; 8]);
    assert!(matches!(twice(b"two", b"one", &tensors), GgufError::DuplicateTensor(k) if k == "one"));
    let offset = 32u64.to_le_bytes();
    assert!(matches!(twice(&offset, &0u64.to_le_bytes(), &tensors), GgufError::Overlap(..)));
    assert!(matches!(twice(&offset, &8u64.to_le_bytes(), &tensors), GgufError::Outside(k) if k == "two"));
}

struct Place(tempfile::TempDir);

impl Place {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's folder")]
        std::fs::write(folder.path().join("m.gguf"), bytes).unwrap();
        Self(folder)
    }

    fn source(&self) -> PathBuf {
        self.0.path().join("m.gguf")
    }

    fn import(&self) -> Result<(), ImportError> {
        let options = ImportOptions { name: "m".into(), ..ImportOptions::default() };
        let dest = self.0.path().join("models/m");
        let result = import(&self.source(), &dest, &options, &mut |_| {}, &Cancel::new()).map(drop);
        let left = std::fs::read_dir(self.0.path().join("models")).map_or(0, Iterator::count);
        assert_eq!(left, usize::from(result.is_ok()), "a failed import leaves nothing");
        result
    }
}

/// Protects the user: a model that would come out wrong is refused, with what is wrong, and leaves nothing behind.
#[test]
fn wrong_models_are_refused() {
    let with = |change: &dyn Fn(&mut GgufWriter)| {
        let mut file = tiny_model("qwen2", 1);
        change(&mut file);
        Place::new(&file.finish()).import().unwrap_err()
    };
    let error = with(&|f| {
        f.text("general.architecture", "mamba");
    });
    assert!(matches!(&error, ImportError::Architecture(a) if a == "mamba") && error.hint().is_some());
    let error = with(&|f| {
        f.without("qwen2.block_count");
    });
    assert_eq!(error.to_string(), "the setting `qwen2.block_count` is missing");
    let error = with(&|f| {
        f.drop_tensor("blk.1.ffn_up.weight");
    });
    assert_eq!(error.to_string(), "the tensor `blk.1.ffn_up.weight` is missing");
    let error = with(&|f| {
        f.tensor_f32("blk.0.attn_q_norm.weight", &[16], &[1.0; 16]);
    });
    assert!(matches!(error, ImportError::UnknownTensor(_)), "left out, it would give another model");
    let error = with(&|f| {
        f.tensor_f32("blk.0.attn_q.weight", &[32, 64], &[1.0; 2048]);
    });
    assert!(matches!(error, ImportError::Shape { .. }));
    let error = with(&|f| {
        f.tensor_f32("blk.0.attn_q.weight", &[64, 64], &[f32::NAN; 4096]);
    });
    assert!(matches!(error, ImportError::NotFinite(name) if name == "blk.0.attn_q"));
    for (key, value) in [("block_count", 1 << 30), ("attention.head_count_kv", 3), ("attention.head_count", 0)] {
        let error = with(&|f| {
            f.unsigned(&format!("qwen2.{key}"), value);
        });
        assert!(matches!(error, ImportError::Setting { .. } | ImportError::Unsupported(_)), "{key}: {error}");
    }
    let error = with(&|f| {
        f.text("qwen2.rope.scaling.type", "yarn");
    });
    assert!(matches!(error, ImportError::Unsupported(_)));
    let error = with(&|f| {
        f.text("tokenizer.ggml.pre", "novel");
    });
    assert!(matches!(error, ImportError::Tokenizer(_)));
    let error = with(&|f| {
        f.texts("tokenizer.ggml.merges", &["he nope".into()]);
    });
    assert!(matches!(error, ImportError::Tokenizer(_)));
}

/// Protects `inspect` and `import` on real damage: any cut of a whole model is an error.
#[test]
fn a_cut_model_is_refused() {
    let bytes = tiny();
    for len in [0, 3, 1000, bytes.len() / 2, bytes.len() - 1] {
        let place = Place::new(&bytes[..len]);
        assert!(inspect(&place.source()).is_err() && place.import().is_err(), "{len}");
    }
    assert!(Place::new(bytes).import().is_ok());
}
