//! Tiny DeepSeek-V2 checkpoints, whose weights are hashes of their names, and what transformers computes with them
//! (`tests/golden/deepseek_v2.py`).

#![expect(clippy::disallowed_methods, reason = "folders of the tests' own")]

use deepcoder_export::{ImportOptions, import};
use deepcoder_model::{Engine, EngineOptions, runtime};
use deepcoder_types::{Cancel, Manifest};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One checkpoint with its logits.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) name: String,
    pub(crate) config: serde_json::Value,
    pub(crate) tensors: BTreeMap<String, (Vec<usize>, String, f32)>,
    pub(crate) tokens: Vec<u32>,
    /// The columns of the logits that are kept.
    pub(crate) columns: Vec<usize>,
    pub(crate) logits: Vec<Vec<f32>>,
}

fn hashed(name: &str) -> impl Iterator<Item = u64> + use<> {
    let mut state =
        name.bytes().fold(0xCBF2_9CE4_8422_2325u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn number(bits: u64) -> f32 {
    bits as f32
}

/// The scales of 32 weights and their codes from 0 to 15, as in Q4_0.
pub(crate) fn blocks(name: &str, count: usize, size: f32) -> Vec<(f32, Vec<u8>)> {
    let codes: Vec<u8> = hashed(name).take(count).map(|h| (h >> 60).to_le_bytes()[0]).collect();
    let scales = hashed(&format!("{name}#scale")).map(|h| size * (1.0 + number(h >> 61) / 8.0));
    scales.zip(codes.chunks_exact(32).map(<[u8]>::to_vec)).collect()
}

/// The values of a tensor.
pub(crate) fn values(name: &str, count: usize, kind: &str, size: f32) -> Vec<f32> {
    if kind == "blocks" {
        let blocks = blocks(name, count, size).into_iter();
        return blocks.flat_map(|(s, codes)| codes.into_iter().map(move |c| (f32::from(c) - 8.0) * s)).collect();
    }
    let units = hashed(name).map(|h| number(h >> 40) / number(1 << 23) - 1.0);
    let offset = if kind == "norm" { 1.0 } else { 0.0 };
    units.take(count).map(|unit| rounded(unit * size + offset, kind == "bf16")).collect()
}

fn rounded(value: f32, bf16: bool) -> f32 {
    let bits = value.to_bits();
    let half = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF_0000;
    if bf16 { f32::from_bits(half) } else { value }
}

impl Checkpoint {
    pub(crate) fn all() -> Vec<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden/deepseek_v2.json");
        serde_json::from_slice(&std::fs::read(path).expect("the golden file is there")).expect("it is as described")
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::all().into_iter().find(|c| c.name == name).expect("there is a checkpoint of that name")
    }

    pub(crate) fn size(&self, key: &str) -> usize {
        usize::try_from(self.config[key].as_u64().unwrap_or(0)).expect("a small number")
    }

    pub(crate) fn values(&self, name: &str) -> Vec<f32> {
        let (shape, kind, size) = &self.tensors[name];
        values(name, shape.iter().product(), kind, *size)
    }

    /// Writes it as it is published: a configuration, a vocabulary, and two shards.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let write = |name: &str, json: &serde_json::Value| {
            std::fs::write(folder.join(name), serde_json::to_vec(json).unwrap()).unwrap();
        };
        write("config.json", &self.config);
        let alphabet = deepcoder_test_support::byte_alphabet();
        let vocabulary: serde_json::Map<_, _> = (0u32..).zip(alphabet).map(|(id, t)| (t, id.into())).collect();
        write(
            "tokenizer.json",
            &json!({
                "version": "1.0",
                "added_tokens": [],
                "pre_tokenizer": {
                    "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
                },
                "decoder": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true },
                "model": { "type": "BPE", "vocab": vocabulary, "merges": [] },
            }),
        );
        let mut map = serde_json::Map::new();
        // Neighbours in different shards, as it happens to experts of one layer.
        for shard in 0..2 {
            let file = format!("model-0000{}-of-00002.safetensors", shard + 1);
            let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
            for (name, (shape, kind, _)) in self.tensors.iter().skip(shard).step_by(2) {
                let start = data.len();
                for value in self.values(name) {
                    let bytes = value.to_le_bytes();
                    data.extend_from_slice(if kind == "bf16" { &bytes[2..] } else { &bytes });
                }
                let dtype = if kind == "bf16" { "BF16" } else { "F32" };
                header.insert(
                    name.clone(),
                    json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, data.len()] }),
                );
                map.insert(name.clone(), file.clone().into());
            }
            let header = serde_json::to_vec(&header).unwrap();
            let bytes = [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat();
            std::fs::write(folder.join(file), bytes).unwrap();
        }
        write("model.safetensors.index.json", &json!({ "weight_map": map }));
    }

    /// The largest difference of the engine's logits, with the tokens run in pieces.
    pub(crate) fn apart(&self, engine: &Engine, runs: &[usize]) -> f32 {
        let logits = engine.logits(&self.tokens, runs, &Cancel::new()).expect("it runs");
        let rows = logits.chunks_exact(self.size("vocab_size")).zip(&self.logits);
        rows.flat_map(|(row, wanted)| self.columns.iter().zip(wanted).map(|(c, w)| (row[*c] - w).abs()))
            .fold(0f32, |most, d| if d.is_nan() { f32::INFINITY } else { most.max(d) })
    }
}

/// An imported model, removed when dropped.
pub(crate) struct Imported {
    dir: tempfile::TempDir,
    pub(crate) manifest: Manifest,
}

impl Imported {
    pub(crate) fn new(write: impl FnOnce(&Path) -> PathBuf, options: ImportOptions) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let source = write(dir.path());
        let options = ImportOptions { name: "tiny".into(), ..options };
        let manifest = import(&source, &dir.path().join("model"), &options, &mut |_| {}, &Cancel::new());
        Self { manifest: manifest.expect("it imports"), dir }
    }

    pub(crate) fn of(checkpoint: &Checkpoint, options: ImportOptions) -> Self {
        let write = |dir: &Path| {
            checkpoint.write(&dir.join("source"));
            dir.join("source")
        };
        Self::new(write, options)
    }

    pub(crate) fn engine(&self, options: &EngineOptions) -> Engine {
        runtime::init(&crate::setup::library()).expect("ONNX Runtime starts");
        Engine::load(&self.dir.path().join("model"), options).expect("it loads")
    }
}
