use super::*;
use deepcoder_types::{FileEntry, GraphInfo, Hint as _, Recipe, SourceInfo};

fn install(dir: &Path, name: &str, files: &[(&str, &[u8])]) {
    let folder = dir.join(name);
    fs::create_dir_all(&folder).expect("folder");
    let mut manifest = Manifest {
        format: MANIFEST_FORMAT,
        name: name.into(),
        architecture: "qwen2".into(),
        context_length: 1024,
        vocab_size: 10,
        eos_ids: vec![1],
        bos_id: None,
        fim: None,
        fim_untrained: false,
        license: None,
        graph: GraphInfo {
            file: "model.onnx".into(),
            cache: Vec::new(),
            chunk: 512,
            pages: None,
            independent_rows: false,
            own_operators: false,
        },
        source: SourceInfo { format: "gguf".into(), file: "x.gguf".into(), sha256: ContentHash::of(b"") },
        recipe: Recipe {
            bits: None,
            block: 32,
            mapping: std::collections::BTreeMap::new(),
            deepcoder: "0".into(),
            onnxruntime_min: "1.32".into(),
        },
        files: std::collections::BTreeMap::new(),
    };
    for (file, bytes) in files {
        write(&folder.join(file), bytes);
        manifest.files.insert((*file).into(), FileEntry { size: bytes.len() as u64, sha256: ContentHash::of(bytes) });
    }
    write(&folder.join(MANIFEST_FILE), &serde_json::to_vec(&manifest).expect("json"));
}

#[expect(clippy::disallowed_methods, reason = "a temporary folder of the test")]
fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("write");
}

/// Protects `models list`: a broken model is shown as broken and hides neither itself nor the others.
#[test]
fn list_flags_broken_models() {
    let dir = tempfile::tempdir().expect("dir");
    let store = ModelStore::new(dir.path().join("models"));
    assert!(store.list().expect("a store that does not exist yet is empty").is_empty());
    install(store.dir(), "good", &[("model.onnx", b"graph"), ("weights.bin", b"12345")]);
    install(store.dir(), "short", &[("model.onnx", b"graph")]);
    write(&store.dir().join("short/model.onnx"), b"gra");
    install(store.dir(), "gone", &[("model.onnx", b"graph")]);
    write(&store.dir().join("gone").join(MANIFEST_FILE), b"{");
    install(store.dir(), "newer", &[]);
    write(&store.dir().join("newer").join(MANIFEST_FILE), br#"{"format": 99}"#);
    install(store.dir(), "evil", &[]);
    let manifest = fs::read_to_string(store.dir().join("good").join(MANIFEST_FILE)).expect("manifest");
    let evil = manifest.replace("\"weights.bin\"", "\"../good/weights.bin\"");
    write(&store.dir().join("evil").join(MANIFEST_FILE), evil.as_bytes());
    fs::create_dir(store.dir().join(".good.importing")).expect("hidden");

    let listed = store.list().expect("list");
    let state: Vec<_> = listed.iter().map(|m| (m.name.as_str(), m.model.is_ok())).collect();
    assert_eq!(state, [("evil", false), ("gone", false), ("good", true), ("newer", false), ("short", false)]);
    assert_eq!(listed[2].model.as_ref().expect("good").size, 10);
    assert!(listed[3].model.as_ref().expect_err("newer").to_string().contains("layout 99"));
    assert!(listed[4].model.as_ref().expect_err("short").to_string().contains("3 bytes instead of 5"));
}

/// Protects the first command of a stranger: a model that is not there says how to get it, a wrong name what was meant.
#[test]
fn absent_models_say_what_to_do() {
    let dir = tempfile::tempdir().expect("dir");
    let store = ModelStore::new(dir.path());
    install(store.dir(), "my-own-model", &[("model.onnx", b"x")]);
    let error = store.path("qwen2.5-coder-0.5b-instruct").expect_err("absent");
    assert_eq!(error.hint().as_deref(), Some("get it with `deepcoder pull qwen2.5-coder-0.5b-instruct`"));
    let error = store.path("my-own-modle").expect_err("absent");
    assert!(error.hint().expect("hint").contains("my-own-model"));
    assert!(matches!(store.path("../my-own-model"), Err(StoreError::Name(_))));
    assert_eq!(store.path("my-own-model").expect("there"), dir.path().join("my-own-model"));
}

/// Protects `models verify`: a changed byte is found though the size is right, and a cancelled run says so.
#[test]
fn verify_finds_a_changed_byte() {
    let dir = tempfile::tempdir().expect("dir");
    let store = ModelStore::new(dir.path());
    install(store.dir(), "m", &[("model.onnx", b"graph"), ("weights.bin", &[7u8; 3_000_000])]);
    let mut last = None;
    store.verify_with("m", &mut |p| last = Some(p), &Cancel::new()).expect("intact");
    assert_eq!(last.map(|p| (p.done, p.total)), Some((3_000_005, 3_000_005)));
    let mut bytes = vec![7u8; 3_000_000];
    bytes[2_999_999] = 8;
    write(&dir.path().join("m/weights.bin"), &bytes);
    assert!(matches!(store.verify("m", &Cancel::new()), Err(StoreError::Damaged { .. })));
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(store.verify("m", &cancel), Err(StoreError::Cancelled(_))));
}

/// Protects the user's files: only what is ours is removed, whole, and a link is never followed.
#[test]
fn remove_takes_only_models() {
    let dir = tempfile::tempdir().expect("dir");
    let store = ModelStore::new(dir.path().join("models"));
    install(store.dir(), "m", &[("model.onnx", b"graph")]);
    install(store.dir(), "broken", &[("model.onnx", b"graph")]);
    write(&store.dir().join("broken").join(MANIFEST_FILE), b"");
    fs::create_dir(store.dir().join("holiday")).expect("folder");
    write(&store.dir().join("holiday/photo.jpg"), b"x");
    install(dir.path(), "elsewhere", &[("model.onnx", b"graph")]);
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), store.dir().join("link")).expect("link");

    assert!(store.remove("m").expect("removed") > 5);
    store.remove("broken").expect("removed");
    assert!(matches!(store.remove("holiday"), Err(StoreError::NotOurs { .. })));
    assert!(matches!(store.remove("link"), Err(StoreError::NotOurs { .. })));
    assert!(matches!(store.remove("m"), Err(StoreError::Unknown { .. })));
    assert!(dir.path().join("elsewhere/model.onnx").exists());
    let mut left: Vec<_> = fs::read_dir(store.dir()).expect("dir").map(|e| e.expect("entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["holiday", "link"]);
}
