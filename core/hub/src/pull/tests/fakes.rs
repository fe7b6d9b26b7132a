//! A pip that copies wheels from a folder, and small disks.

use super::*;
use std::fs::File;
use std::io::Write as _;
use std::process::Command;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Follows the files in its folder: `NAME.whl` is delivered, `hang.NAME` hangs, `full.NAME` meets a full disk.
const SCRIPT: &str = r#"
here=$(dirname "$0")
echo "$@" >> "$here/arguments"
while [ $# -gt 0 ]; do
  case "$1" in -r) requirements=$2 ;; -d) out=$2 ;; esac
  shift
done
cat "$requirements" >> "$here/arguments"
name=$(sed 's/==.*//' "$requirements")
echo "$name" >> "$here/asked"
if [ -e "$here/hang.$name" ]; then sleep 600 & echo $! > "$here/pid.new"; mv "$here/pid.new" "$here/pid"; wait; fi
if [ -e "$here/full.$name" ]; then echo "ERROR: Could not install: [Errno 28] No space left on device" >&2; exit 1; fi
if [ ! -e "$here/$name.whl" ]; then echo "ERROR: No matching distribution found for $name" >&2; exit 1; fi
cp "$here/$name.whl" "$out/"
"#;

pub(super) struct FakePip {
    pub(super) dir: tempfile::TempDir,
    pub(super) entry: Entry,
}

impl FakePip {
    pub(super) fn new(parts: &[&[u8]]) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        write(&dir.path().join("pip"), SCRIPT.as_bytes());
        let mut packages = Vec::new();
        for (part, number) in parts.iter().zip(1..) {
            let name = format!("part-{number}");
            let path = dir.path().join(format!("{name}.whl"));
            wheel(&path, &format!("part_{number}/data/part{number:02}.bin"), part);
            packages.push(Package {
                name,
                version: "1.0".into(),
                sha256: ContentHash::of(&fs::read(&path).expect("wheel")),
                wheel: fs::metadata(&path).expect("wheel").len(),
                bytes: part.len() as u64,
            });
        }
        let entry = entry(&parts.concat(), vec![Source::Packages { packages }]);
        Self { dir, entry }
    }

    pub(super) fn downloads(&self) -> PathBuf {
        self.dir.path().join("downloads")
    }

    pub(super) fn options(&self) -> FetchOptions {
        let pip = vec!["sh".into(), self.dir.path().join("pip").into()];
        FetchOptions { pip, ..FetchOptions::new(self.downloads()) }
    }

    pub(super) fn wheel(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.whl"))
    }

    /// The packages asked for, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join("asked")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(super) fn hang_at(&self, name: &str) {
        write(&self.dir.path().join(format!("hang.{name}")), b"");
    }

    pub(super) fn fill_at(&self, name: &str) {
        write(&self.dir.path().join(format!("full.{name}")), b"");
    }

    pub(super) fn remove(&self, name: &str) {
        publish(&self.wheel(name), &self.dir.path().join(format!("{name}.hidden")));
    }

    /// Undo [`FakePip::hang_at`] and [`FakePip::remove`].
    pub(super) fn heal(&self, name: &str) {
        disk::remove_file(&self.dir.path().join(format!("hang.{name}"))).expect("removed");
        let hidden = self.dir.path().join(format!("{name}.hidden"));
        if hidden.exists() {
            publish(&hidden, &self.wheel(name));
        }
    }

    pub(super) fn wait_for_hang(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.dir.path().join("pid").exists() {
            assert!(Instant::now() < deadline, "pip was not run");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the process that pip started still runs.
    pub(super) fn hanging_child_lives(&self) -> bool {
        let pid = fs::read_to_string(self.dir.path().join("pid")).expect("pid");
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            // A killed orphan may stay a zombie until it is reaped.
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") || stat.contains(") X ") {
                return false;
            }
            // One that is killed needs a processor to die.
            if Instant::now() > end {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// An entry whose file is `bytes`.
pub(super) fn entry(bytes: &[u8], sources: Vec<Source>) -> Entry {
    Entry {
        name: "m".into(),
        title: "M".into(),
        architecture: "qwen2".into(),
        format: SourceFormat::Gguf,
        file: Some("model.gguf".into()),
        size: bytes.len() as u64,
        imported: 1,
        sha256: Some(ContentHash::of(bytes)),
        chat: true,
        fim: true,
        license: License { name: "x".into(), url: "x".into(), restricted: false, note: String::new() },
        sources,
    }
}

pub(super) fn packages(entry: &mut Entry) -> &mut Vec<Package> {
    match entry.sources.iter_mut().find(|s| matches!(s, Source::Packages { .. })) {
        Some(Source::Packages { packages }) => packages,
        _ => panic!("no packages"),
    }
}

/// A deflated wheel with one data file and some code that must stay what it is.
pub(super) fn wheel(path: &Path, data: &str, bytes: &[u8]) {
    #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test")]
    let mut zip = ZipWriter::new(File::create(path).expect("wheel"));
    for (name, bytes) in [("part/__init__.py", &b"raise SystemExit"[..]), (data, bytes)] {
        zip.start_file(name, SimpleFileOptions::default()).expect("entry");
        zip.write_all(bytes).expect("bytes");
    }
    zip.finish().expect("wheel");
}

/// The names in a folder.
pub(super) fn left(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("folder");
    let mut names: Vec<String> =
        entries.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A file system of 20 MB.
pub(super) struct SmallDisk {
    pub(super) path: PathBuf,
    _dir: tempfile::TempDir,
}

impl SmallDisk {
    pub(super) fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("small");
        fs::create_dir(&path).expect("folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(&path).output();
        mounted.is_ok_and(|o| o.status.success()).then_some(Self { path, _dir: dir })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let ended = Command::new("umount").arg("-l").arg(&self.path).status();
        assert!(ended.is_ok_and(|s| s.success()), "{} stays mounted", self.path.display());
    }
}

fn write(path: &Path, bytes: &[u8]) {
    #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test")]
    fs::write(path, bytes).expect("write");
}

fn publish(from: &Path, to: &Path) {
    disk::publish(from, to).expect("renamed");
}
