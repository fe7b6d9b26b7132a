//! Somebody else writes at the same moment.

use super::*;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

/// How the other one writes.
#[derive(Clone, Copy)]
enum Writer {
    /// As editors do: another file, renamed over it.
    Rename,
    /// As a shell's `>` does: truncated and written in place, through one handle.
    InPlace,
}

/// Writes `text` to `path` at a time that differs from round to round.
fn write(path: &Path, text: &str, how: Writer, delay_us: u64) {
    let start = std::time::Instant::now();
    while start.elapsed().as_micros() < u128::from(delay_us) {
        std::hint::spin_loop();
    }
    match how {
        Writer::Rename => {
            let temp = path.with_extension("swp");
            std::fs::write(&temp, text).unwrap();
            std::fs::rename(temp, path).unwrap();
        }
        Writer::InPlace => {
            let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
    }
}

fn race(how: Writer) {
    let bench = Bench::new(&[("a", b""), ("b", b"b")]);
    let applier = bench.open();
    let path = bench.repo.join("a");
    let (mut won, mut lost) = (0, 0);
    for round in 0..40_u64 {
        let base = format!("base {round}");
        std::fs::write(&path, &base).unwrap();
        std::fs::write(bench.repo.join("b"), "b").unwrap();
        let edit = set(
            &format!("r{round}"),
            vec![change("a", Some(&base), Some("ours")), change("b", Some("b"), Some("ours too"))],
        );
        let theirs = format!("theirs {round}");
        let go = AtomicBool::new(false);
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !go.load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
                write(&path, &theirs, how, round * 400 % 16_000);
            });
            go.store(true, Ordering::Release);
            apply(&applier, &edit)
        });
        let at_path = std::fs::read(&path).unwrap();
        let kept = || {
            let entries = std::fs::read_dir(applier.displaced_path("")).into_iter().flatten().flatten();
            entries.filter_map(|e| std::fs::read(e.path()).ok()).any(|bytes| bytes == theirs.as_bytes())
        };
        // Whatever happened, what the other one wrote is there, and last at its path unless it wrote to the old file.
        assert!(at_path == theirs.as_bytes() || (matches!(how, Writer::InPlace) && kept()), "{round}: {result:?}");
        let b = std::fs::read(bench.repo.join("b")).unwrap();
        match result {
            Ok(_) => {
                won += 1;
                assert_eq!(b, b"ours too", "{round}");
            }
            Err(error) => {
                lost += 1;
                assert!(matches!(error, ApplyError::Refused(_) | ApplyError::Conflict { .. }), "{round}: {error}");
                assert_eq!(b, b"b", "{round}: {error}");
            }
        }
        let ours = bench.snapshot().keys().filter(|name| name.starts_with(".deepcoder")).count();
        assert_eq!(ours, 0, "{round}");
    }
    assert!(won + lost == 40 && lost > 0, "{won} {lost}");
}

/// Protects R4: a write that is renamed into place at any moment is never overwritten.
#[test]
fn a_renaming_writer_loses_nothing() {
    race(Writer::Rename);
}

/// Protects R4: a write in place at any moment is never lost, also through a handle that was opened before.
#[test]
fn a_writer_in_place_loses_nothing() {
    race(Writer::InPlace);
}

/// Protects an exchange against the worst moment: somebody writes between the last look and the exchange, for every file.
#[test]
fn a_write_just_before_the_exchange_is_put_back() {
    struct WriteAt {
        path: std::path::PathBuf,
        step: &'static str,
        plain: bool,
        done: AtomicBool,
    }
    impl Steps for WriteAt {
        fn at(&self, step: &'static str) -> std::io::Result<()> {
            if step == self.step && !self.done.swap(true, Ordering::SeqCst) {
                std::fs::write(&self.path, "theirs")?;
            }
            Ok(())
        }
        fn plain_renames(&self) -> bool {
            self.plain
        }
    }
    let template = Bench::mixed();
    for plain in [false, true] {
        for name in ["a.txt", "c.sh", "new/deep/b.txt", "new/d2.txt", "sub/d.txt"] {
            for step in ["checked", "committing", "exchange"] {
                let bench = template.copy();
                let mut expected = bench.snapshot();
                let path = bench.repo.join(name);
                let applier = bench.open_with(WriteAt { path, step, plain, done: AtomicBool::new(false) }).unwrap();
                let error = apply(&applier, &mixed("e1")).unwrap_err();
                let what = format!("{name} at {step}, plain: {plain}: {error}");
                let ApplyError::Conflict { paths, .. } = &error else { panic!("{what}") };
                assert_eq!(paths.iter().map(RepoPath::as_str).collect::<Vec<_>>(), [name], "{what}");
                // A file that did not exist is new, with its folders; the bytes of one that did are theirs.
                let mut now = bench.snapshot();
                assert_eq!(now.remove(name).flatten().unwrap().0, b"theirs", "{what}");
                expected.remove(name);
                for folder in ["new", "new/deep"] {
                    if name.starts_with(&format!("{folder}/")) {
                        now.remove(folder);
                    }
                }
                assert_eq!(now, expected, "{what}");
            }
        }
    }
}

/// Protects S1: while somebody swaps a folder for a link that leads out of the tree, nothing outside is ever touched.
#[test]
fn a_swapped_folder_leads_nowhere() {
    let bench = Bench::new(&[("sub/f", b"f")]).copy();
    let outside = tempfile::tempdir_in(memory()).unwrap();
    std::fs::write(outside.path().join("f"), "f").unwrap();
    let applier = bench.open();
    let (sub, aside) = (bench.repo.join("sub"), bench.repo.join("aside"));
    let stop = AtomicBool::new(false);
    /// Ends the other thread also when this one panics.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let outcomes = std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                std::fs::rename(&sub, &aside).unwrap();
                std::os::unix::fs::symlink(outside.path(), &sub).unwrap();
                std::thread::yield_now();
                std::fs::remove_file(&sub).unwrap();
                std::fs::rename(&aside, &sub).unwrap();
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        });
        // Both files or none, wherever their folder is at the moment.
        let holds = |path: &str| {
            [&sub, &aside].iter().any(|folder| {
                let real = std::fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_dir());
                real && std::fs::read(folder.join(path)).is_ok_and(|bytes| bytes == b"x")
            })
        };
        let mut outcomes = [0, 0];
        for round in 0..150 {
            let new = format!("new{round}");
            let files = vec![change("sub/f", Some("f"), Some("x")), change(&format!("sub/{new}"), None, Some("x"))];
            let done = apply(&applier, &set(&format!("s{round}"), files)).is_ok();
            outcomes[usize::from(done)] += 1;
            // The folder is in neither place for a moment of each swap, and the other thread may sleep in it.
            let looks = if done { 1_000_000 } else { 1000 };
            let seen = |path: &str| (0..looks).any(|_| holds(path));
            assert_eq!((seen("f"), seen(&new)), (done, done), "{round}");
            if done {
                let mut last = None;
                let undone = (0..50_000).find_map(|_| {
                    std::thread::sleep(std::time::Duration::from_micros(100));
                    let undone = applier.undo(None, NOW + round, &Cancel::new());
                    last = undone.as_ref().err().map(ToString::to_string);
                    undone.ok()
                });
                let undone = undone.unwrap_or_else(|| panic!("{round}: {last:?}"));
                assert_eq!(undone.already, [], "a file was taken for gone while its folder was away");
            }
        }
        outcomes
    });
    let names: Vec<_> = std::fs::read_dir(outside.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!((names.len(), std::fs::read(outside.path().join("f")).unwrap()), (1, b"f".to_vec()), "{names:?}");
    assert!(outcomes[0] > 0, "the two never met: {outcomes:?}");
}
