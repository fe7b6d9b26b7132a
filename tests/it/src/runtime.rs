//! Finding ONNX Runtime.

#![expect(clippy::disallowed_methods, reason = "the tests write libraries into folders of their own")]

use crate::setup::library;
use deepcoder_model::runtime::{FoundBy, LocateError, RuntimeSearch, init, locate};
use deepcoder_types::Hint as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A library that says it is ONNX Runtime of some version, and has nothing else of it.
fn fake(folder: &Path, version: &str) -> PathBuf {
    let source = folder.join("fake.c");
    let code = format!(
        "static const void *api(unsigned v) {{ return 0; }}\n\
         static const char *version(void) {{ return \"{version}\"; }}\n\
         struct base {{ const void *(*api)(unsigned); const char *(*version)(void); }};\n\
         static struct base base = {{ api, version }};\n\
         const struct base *OrtGetApiBase(void) {{ return &base; }}\n"
    );
    std::fs::write(&source, code).unwrap();
    let library = folder.join("libonnxruntime.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap();
    assert!(built.success());
    library
}

fn named(path: &Path) -> RuntimeSearch {
    RuntimeSearch { setting: Some(path.to_owned()), ..RuntimeSearch::default() }
}

/// Protects users with another ONNX Runtime: too old, missing or broken is an error with a way out, found before
/// anything of it is used — never a panic.
#[test]
fn what_does_not_fit_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let old = locate(&named(&fake(dir.path(), "1.19.2"))).unwrap_err();
    assert!(matches!(&old, LocateError::TooOld { version, .. } if version == "1.19.2"), "{old}");
    assert!(old.hint().unwrap().contains("pip install"));
    let missing = locate(&named(&dir.path().join("nowhere.so"))).unwrap_err();
    assert!(matches!(missing, LocateError::Missing { found_by: FoundBy::Setting, .. }), "{missing}");
    let text = dir.path().join("text.so");
    std::fs::write(&text, "not a library").unwrap();
    assert!(matches!(locate(&named(&text)), Err(LocateError::Unusable { .. })));
    let nothing = locate(&RuntimeSearch { prefixes: vec![dir.path().to_owned()], ..RuntimeSearch::default() });
    // A machine may have one of its own.
    assert!(nothing.is_ok_and(|l| l.found_by == FoundBy::System) || true_error(dir.path()));
}

fn true_error(prefix: &Path) -> bool {
    let search = RuntimeSearch { prefixes: vec![prefix.to_owned()], ..RuntimeSearch::default() };
    matches!(locate(&search), Err(e) if e.hint().is_some())
}

/// Protects the order that is documented: the setting, `ORT_DYLIB_PATH`, the wheel. What is named explicitly is never
/// passed over in silence.
#[test]
fn the_order_is_kept() {
    let real = library();
    let dir = tempfile::tempdir().unwrap();
    let wheel = dir.path().join("lib/python3.11/site-packages/onnxruntime/capi");
    std::fs::create_dir_all(&wheel).unwrap();
    fake(&wheel, "1.99.0");
    let search = |setting: Option<&Path>, ort: Option<&Path>| RuntimeSearch {
        setting: setting.map(Path::to_owned),
        ort_dylib_path: ort.map(Path::to_owned),
        prefixes: vec![dir.path().join("other"), dir.path().to_owned()],
    };
    let found = locate(&search(None, None)).unwrap();
    assert_eq!((found.found_by, found.version.as_str()), (FoundBy::Wheel, "1.99.0"));
    assert_eq!(locate(&search(None, Some(&real.path))).unwrap().found_by, FoundBy::OrtDylibPath);
    assert_eq!(locate(&search(Some(&real.path), Some(&wheel))).unwrap().found_by, FoundBy::Setting);
    assert_eq!(locate(&search(Some(&wheel), None)).unwrap().path, wheel.join("libonnxruntime.so"));
    let gone = search(None, Some(Path::new("/nowhere/libonnxruntime.so")));
    assert!(matches!(locate(&gone), Err(LocateError::Missing { found_by: FoundBy::OrtDylibPath, .. })));
}

/// Protects long-running programs: starting twice is fine, changing the library on the way is an error.
#[test]
fn it_starts_once() {
    let real = library();
    init(&real).unwrap();
    init(&real).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let other = locate(&named(&fake(dir.path(), "1.99.0"))).unwrap();
    assert!(init(&other).unwrap_err().to_string().contains("already loaded"));
}
