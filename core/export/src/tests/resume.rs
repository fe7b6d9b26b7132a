//! That an import that was killed goes on where it was, and never with what is not its own.

use crate::journal::JOURNAL_FILE;
use crate::{ImportOptions, ImportProgress, ImportStage, import};
use deepcoder_test_support::tiny_model;
use deepcoder_types::{Cancel, ContentHash, Manifest};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Tells the child where it works and after how many steps it stops.
const FOLDER: &str = "DEEPCODER_TEST_KILLED_IN";
const STEPS: &str = "DEEPCODER_TEST_KILLED_AFTER";

#[expect(clippy::disallowed_methods, reason = "a test's folder")]
fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "what the test tells its child")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn options(portable: bool) -> ImportOptions {
    ImportOptions { name: "tiny".into(), portable, ..ImportOptions::default() }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        write(&place.source(), tiny_model("qwen2", 3).matrices_to_q8_0().finish());
        place
    }

    fn source(&self) -> PathBuf {
        self.0.path().join("tiny.gguf")
    }

    fn stage(&self) -> PathBuf {
        self.0.path().join("models/.tiny.importing")
    }

    /// Imports; also whether it went on with what was there.
    fn import(&self, portable: bool) -> (Manifest, bool) {
        let mut stages = Vec::new();
        let mut progress = |p: ImportProgress| stages.push(p.stage);
        let dest = self.0.path().join("models/tiny");
        let manifest = import(&self.source(), &dest, &options(portable), &mut progress, &Cancel::new()).unwrap();
        for (name, entry) in &manifest.files {
            let bytes = std::fs::read(dest.join(name)).unwrap();
            assert_eq!((bytes.len() as u64, ContentHash::of(&bytes)), (entry.size, entry.sha256), "{name}");
        }
        let files = std::fs::read_dir(&dest).unwrap().count();
        assert!(!self.stage().exists() && files == manifest.files.len() + 1, "nothing is left of its making");
        (manifest, stages.contains(&ImportStage::Resuming))
    }

    /// Starts an import in another process and kills that after `steps` steps.
    fn kill_after(&self, steps: usize, portable: bool) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::resume::the_import_that_is_killed", "--ignored"])
            .env(FOLDER, self.0.path())
            .env(STEPS, format!("{steps} {portable}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !self.0.path().join("ready").exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "the child does not get there");
            assert!(child.try_wait().unwrap().is_none(), "the child ended");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's folder")]
        std::fs::remove_file(self.0.path().join("ready")).unwrap();
        let there: Vec<_> =
            std::fs::read_dir(self.0.path().join("models")).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(there, [self.stage()], "no half model under a model's name");
    }
}

/// What [`Place::kill_after`] starts: stands still in the middle.
#[test]
#[ignore = "started and killed by the other tests"]
fn the_import_that_is_killed() {
    let folder = PathBuf::from(variable(FOLDER).expect("this is started by another test"));
    let told = variable(STEPS).unwrap();
    let (steps, portable) = told.split_once(' ').unwrap();
    let (steps, portable): (usize, bool) = (steps.parse().unwrap(), portable.parse().unwrap());
    let mut seen = 0;
    let mut progress = |_| {
        seen += 1;
        if seen > steps {
            write(&folder.join("ready"), "");
            loop {
                std::thread::park();
            }
        }
    };
    import(&folder.join("tiny.gguf"), &folder.join("models/tiny"), &options(portable), &mut progress, &Cancel::new())
        .unwrap();
}

/// Protects hours of work: an import that is killed anywhere ends, when it is started again, with the same bytes as one
/// that was not, and goes on with what had reached the disk.
#[test]
fn a_killed_import_goes_on() {
    for portable in [false, true] {
        let place = Place::new();
        let (whole, resumed) = Place::new().import(portable);
        assert!(!resumed);
        for steps in [0, 1, 6, 14] {
            place.kill_after(steps, portable);
            place.kill_after(steps.saturating_sub(1), portable);
            let (manifest, resumed) = place.import(portable);
            assert!(manifest.files == whole.files && resumed, "{steps} {portable}");
            #[expect(clippy::disallowed_methods, reason = "a test's folder")]
            std::fs::remove_dir_all(place.0.path().join("models")).unwrap();
        }
    }
}

/// Protects the point of it: what is kept is not made again. (A byte that is changed meanwhile stays changed.)
#[test]
fn what_is_kept_is_not_made_again() {
    for portable in [false, true] {
        let place = Place::new();
        let (whole, _) = Place::new().import(portable);
        place.kill_after(14, portable);
        let weights = place.stage().join("model.onnx.data");
        let journal = std::fs::read_to_string(place.stage().join(JOURNAL_FILE)).unwrap();
        // Behind the key and two tables of angles: the embedding.
        let offset: usize = journal.lines().nth(3).unwrap().split_once(' ').unwrap().0.parse().unwrap();
        let mut bytes = std::fs::read(&weights).unwrap();
        bytes[offset] ^= 1;
        write(&weights, &bytes);
        let (manifest, resumed) = place.import(portable);
        assert!(resumed && manifest.files["model.onnx.data"] != whole.files["model.onnx.data"]);
        let written = std::fs::read(place.0.path().join("models/tiny/model.onnx.data")).unwrap();
        assert_eq!(written[offset], bytes[offset]);
    }
}

/// Protects the model: what was made from another source, in another way or is not whole is not gone on with.
#[test]
fn only_the_same_import_goes_on() {
    let (whole, _) = Place::new().import(false);
    type Change = fn(&Place);
    let changes: [Change; 4] = [
        |place| write(&place.source(), tiny_model("qwen2", 3).matrices_to_q8_0().finish()),
        |place| {
            let journal = place.stage().join(JOURNAL_FILE);
            let text = std::fs::read_to_string(&journal).unwrap();
            write(&journal, &text[..text.len() - 3]);
        },
        |place| write(&place.stage().join(JOURNAL_FILE), "not a journal\nend\n"),
        |place| write(&place.stage().join(JOURNAL_FILE), [0xff, 0xfe]),
    ];
    for change in changes {
        let place = Place::new();
        place.kill_after(14, false);
        change(&place);
        let (manifest, resumed) = place.import(false);
        assert!(!resumed && manifest.files == whole.files);
    }
    let place = Place::new();
    place.kill_after(14, true);
    let (manifest, resumed) = place.import(false);
    assert!(!resumed && manifest.files == whole.files, "other options");
    // A journal whose tensors are not those of this import is believed only as far as it is right.
    let place = Place::new();
    place.kill_after(14, false);
    let journal = place.stage().join(JOURNAL_FILE);
    let text = std::fs::read_to_string(&journal).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[3] = "4096 1";
    write(&journal, lines.join("\n") + "\n");
    assert_eq!(place.import(false).0.files, whole.files);
}
