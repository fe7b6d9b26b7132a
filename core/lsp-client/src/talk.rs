//! One conversation with a server: open the files, ask what each name means and where the symbol is named, and leave.

use crate::wire;
use deepcoder_edit::utf16::{Lined, Position};
use deepcoder_syntax::Language;
use deepcoder_types::{Meant, NameAnswer, NameQuestion, RepoPath, Spot, TextRange};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// The server is still loading, or the text changed meanwhile: it wants to be asked again.
const RETRY: [i64; 2] = [-32801, -32802];

/// So often.
const RETRIES: usize = 50;

/// A question with the texts that it is about.
pub(crate) struct Asked<'a> {
    root: PathBuf,
    question: &'a NameQuestion,
    texts: BTreeMap<RepoPath, String>,
    /// Texts of files that an answer speaks of.
    text: &'a (dyn Fn(&RepoPath) -> Option<String> + Sync),
}

impl<'a> Asked<'a> {
    pub(crate) fn new(
        root: &Path,
        question: &'a NameQuestion,
        text: &'a (dyn Fn(&RepoPath) -> Option<String> + Sync),
    ) -> Self {
        let paths = question.declared.iter().chain(&question.doubtful).map(|spot| &spot.path);
        let texts = paths.filter_map(|path| Some((path.clone(), text(path)?))).collect();
        Self { root: root.to_owned(), question, texts, text }
    }

    /// How many names are doubtful.
    pub(crate) fn count(&self) -> usize {
        self.question.doubtful.len()
    }

    fn uri(&self, path: &RepoPath) -> String {
        uri(&self.root.join(path.as_str()))
    }
}

/// What a server has answered so far, as it wrote it.
pub(crate) struct Answers {
    meant: Vec<Option<Value>>,
    references: Option<Value>,
}

impl Answers {
    pub(crate) fn new(count: usize) -> Self {
        Self { meant: vec![None; count], references: None }
    }

    /// Whether there is any answer.
    pub(crate) fn told(&self) -> bool {
        self.meant.iter().any(Option::is_some)
    }

    /// The answer in places of the tree.
    pub(crate) fn answer(self, by: String, asked: &Asked<'_>) -> NameAnswer {
        let mut texts: HashMap<RepoPath, Option<String>> = HashMap::new();
        let mut spot = |location: &Value| place(asked, location, &mut texts);
        let meant = self.meant.iter().map(|answer| meant(answer.as_ref(), &mut spot)).collect();
        let references = self.references.as_ref().and_then(Value::as_array).map(|all| {
            let found = all.iter().filter_map(|location| match spot(location) {
                Located::Here(spot) => Some(spot),
                Located::Elsewhere(_) | Located::Nowhere => None,
            });
            found.collect()
        });
        NameAnswer { by, meant, references }
    }
}

enum Located {
    Here(Spot),
    Elsewhere(String),
    Nowhere,
}

fn meant(answer: Option<&Value>, spot: &mut impl FnMut(&Value) -> Located) -> Meant {
    let locations: Vec<&Value> = match answer {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Meant::Unknown,
    };
    let mut here = Vec::new();
    let mut elsewhere = None;
    for location in locations {
        match spot(location) {
            Located::Here(spot) => here.push(spot),
            Located::Elsewhere(file) => elsewhere = Some(file),
            Located::Nowhere => return Meant::Unknown,
        }
    }
    match (here.is_empty(), elsewhere) {
        (true, Some(file)) => Meant::Elsewhere(file),
        (false, None) => Meant::Declared(here),
        _ => Meant::Unknown,
    }
}

/// Where a location of the protocol is: `Location` or `LocationLink`.
fn place(asked: &Asked<'_>, location: &Value, texts: &mut HashMap<RepoPath, Option<String>>) -> Located {
    let uri = location.get("uri").or_else(|| location.get("targetUri")).and_then(Value::as_str);
    let range = location.get("range").or_else(|| location.get("targetSelectionRange"));
    let (Some(file), Some(range)) = (uri.and_then(file_of), range) else { return Located::Nowhere };
    let Ok(inside) = file.strip_prefix(&asked.root) else {
        return Located::Elsewhere(file.to_string_lossy().into_owned());
    };
    let Some(path) = inside.to_str().and_then(|path| RepoPath::new(path).ok()) else { return Located::Nowhere };
    let known = asked.texts.get(&path).cloned();
    let text = texts.entry(path.clone()).or_insert_with(|| known.or_else(|| (asked.text)(&path)));
    let Some(text) = text.as_deref() else { return Located::Nowhere };
    let lined = Lined::new(text);
    let byte = |end: &str| {
        let at = range.get(end)?;
        let number = |key: &str| u32::try_from(at.get(key)?.as_u64()?).ok();
        let position = Position { line: number("line")?, character: number("character")? };
        let byte = lined.byte(position);
        // A place that is not in the text is no answer.
        (lined.position(byte) == position).then_some(byte)
    };
    match (byte("start"), byte("end")) {
        (Some(start), Some(end)) if start <= end => Located::Here(Spot { path, range: TextRange::new(start, end) }),
        _ => Located::Nowhere,
    }
}

/// Asks everything; answers are there as soon as they come, so that a deadline leaves those before it.
pub(crate) fn talk(asked: &Asked<'_>, input: impl Write, output: impl Read, answers: &mut Answers) -> io::Result<()> {
    let mut session = Session { out: input, input: BufReader::new(output), next: 0, quiet: true };
    let root = uri(&asked.root);
    let opened = session.call("initialize", initialise(&root))?;
    let server = opened.pointer("/serverInfo/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    session.notify("initialized", json!({}))?;
    for (path, text) in &asked.texts {
        let item = json!({ "uri": asked.uri(path), "languageId": language_id(path), "version": 1, "text": text });
        session.notify("textDocument/didOpen", json!({ "textDocument": item }))?;
    }
    // It answers at once that it knows nothing, before it has loaded the program.
    if server == "rust-analyzer" {
        session.quiet = false;
        while !session.quiet {
            session.take(|_, _| Some(()))?;
        }
    }
    let ask = |spot: &Spot| {
        let text = asked.texts.get(&spot.path)?;
        let at = Lined::new(text).position(spot.range.start);
        let position = json!({ "line": at.line, "character": at.character });
        Some(json!({ "textDocument": { "uri": asked.uri(&spot.path) }, "position": position }))
    };
    for (at, spot) in asked.question.doubtful.iter().enumerate() {
        if let (Some(params), Some(answer)) = (ask(spot), answers.meant.get_mut(at)) {
            *answer = session.call("textDocument/definition", params).map(Some).or_else(refused)?;
        }
    }
    if let Some(mut params) = asked.question.declared.first().and_then(ask) {
        params["context"] = json!({ "includeDeclaration": true });
        answers.references = session.call("textDocument/references", params).map(Some).or_else(refused)?;
    }
    Ok(())
}

/// A question that the server refuses has no answer; an error of the stream ends the conversation.
fn refused(error: io::Error) -> io::Result<Option<Value>> {
    if error.kind() == io::ErrorKind::Unsupported { Ok(None) } else { Err(error) }
}

fn initialise(root: &str) -> Value {
    json!({
        "processId": null,
        "rootUri": root,
        "workspaceFolders": [{ "uri": root, "name": "tree" }],
        "capabilities": {
            "general": { "positionEncodings": ["utf-16"] },
            "textDocument": { "definition": { "linkSupport": false }, "references": {}, "synchronization": {} },
            "workspace": { "configuration": true, "workspaceFolders": true },
            "window": { "workDoneProgress": true },
            "experimental": { "serverStatusNotification": true },
        },
        "initializationOptions": {
            // rust-analyzer runs no build script and no check; tsserver fetches no types.
            "cargo": { "buildScripts": { "enable": false }, "noDeps": false },
            "procMacro": { "enable": false },
            "checkOnSave": false,
            "disableAutomaticTypingAcquisition": true,
        },
    })
}

struct Session<W, R> {
    out: W,
    input: BufReader<R>,
    next: i64,
    /// Whether the server has loaded the program.
    quiet: bool,
}

impl<W: Write, R: Read> Session<W, R> {
    fn notify(&mut self, method: &str, params: Value) -> io::Result<()> {
        wire::write(&mut self.out, &json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// The result of a request; [`io::ErrorKind::Unsupported`] where the server refuses it.
    fn call(&mut self, method: &str, params: Value) -> io::Result<Value> {
        for _ in 0..RETRIES {
            self.next += 1;
            let id = self.next;
            let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
            wire::write(&mut self.out, &request)?;
            let answer = loop {
                let ours =
                    |message: &Value, _: &mut Self| (message.get("id")?.as_i64()? == id).then(|| message.clone());
                if let Some(answer) = self.take(ours)? {
                    break answer;
                }
            };
            match answer.pointer("/error/code").and_then(Value::as_i64) {
                None => return Ok(answer.get("result").cloned().unwrap_or_default()),
                Some(code) if RETRY.contains(&code) => std::thread::sleep(std::time::Duration::from_millis(100)),
                Some(_) => return Err(io::ErrorKind::Unsupported.into()),
            }
        }
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes one message: answers it where the server asks, else gives it to `of`.
    fn take<T>(&mut self, of: impl FnOnce(&Value, &mut Self) -> Option<T>) -> io::Result<Option<T>> {
        let message = wire::read(&mut self.input)?;
        let method = message.get("method").and_then(Value::as_str);
        match (method, message.get("id")) {
            (Some(method), Some(id)) => {
                let reply = match reply(method, message.get("params").unwrap_or(&Value::Null)) {
                    Some(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
                    None => {
                        let error = json!({ "code": -32601, "message": "not supported" });
                        json!({ "jsonrpc": "2.0", "id": id, "error": error })
                    }
                };
                wire::write(&mut self.out, &reply)?;
                Ok(None)
            }
            (Some(method), None) => {
                if method == "experimental/serverStatus" {
                    self.quiet = message.pointer("/params/quiescent").and_then(Value::as_bool).unwrap_or(true);
                }
                Ok(None)
            }
            (None, _) => Ok(of(&message, self)),
        }
    }
}

/// What a server is answered that asks for settings, or tells what it could do.
fn reply(method: &str, params: &Value) -> Option<Value> {
    match method {
        "workspace/configuration" => {
            let items = params.get("items").and_then(Value::as_array).map_or(0, Vec::len);
            Some(Value::Array(vec![Value::Null; items]))
        }
        "client/registerCapability" | "client/unregisterCapability" | "window/workDoneProgress/create" => {
            Some(Value::Null)
        }
        "workspace/workspaceFolders" => Some(Value::Null),
        _ => None,
    }
}

fn language_id(path: &RepoPath) -> &'static str {
    match (Language::program(path), path.extension()) {
        (Some(Language::Python), _) => "python",
        (Some(Language::JavaScript), Some("jsx")) => "javascriptreact",
        (Some(Language::JavaScript), _) => "javascript",
        (Some(Language::TypeScript), _) => "typescript",
        (Some(Language::Tsx), _) => "typescriptreact",
        (Some(Language::Rust), _) => "rust",
        (Some(Language::Go), _) => "go",
        (Some(Language::Java), _) => "java",
        (Some(Language::C), _) => "c",
        (Some(language), _) if language.is_c() => "cpp",
        _ => "plaintext",
    }
}

fn uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut out = "file://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(*byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The file of a URI.
fn file_of(uri: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    let path = uri.strip_prefix("file://").filter(|path| path.starts_with('/'))?;
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let [high, low, after @ ..] = rest else { return None };
            let digit = |byte: u8| char::from(byte).to_digit(16);
            bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    let path = PathBuf::from(std::ffi::OsString::from_vec(bytes));
    // No way up: what is inside of the root by its beginning is inside of it.
    path.components().all(|part| !matches!(part, std::path::Component::ParentDir)).then_some(path)
}
