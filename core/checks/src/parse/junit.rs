//! JUnit XML of any tool.

use super::Raw;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// The most bytes of a message that are kept.
const MAX_TEXT: usize = 16 << 10;

/// A test case that is being read.
#[derive(Default)]
struct Case {
    name: String,
    file: String,
    line: u32,
    /// `failure` or `error`, and its message.
    failed: Option<(&'static str, String)>,
}

/// The tests that fail; `None` where it is no such file. External entities are not read, and none are expanded.
pub(super) fn read(text: &str) -> Option<Vec<Raw>> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    // A report that was cut says what comes before.
    reader.config_mut().check_end_names = false;
    let mut found = Vec::new();
    let mut known = false;
    let mut case: Option<Case> = None;
    let mut inside = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                known |= matches!(name(&tag), "testsuites" | "testsuite" | "testcase");
                open(&tag, &mut case, &mut inside);
            }
            Ok(Event::Empty(tag)) => {
                known |= matches!(name(&tag), "testsuites" | "testsuite" | "testcase");
                open(&tag, &mut case, &mut inside);
                inside = false;
                if name(&tag) == "testcase" {
                    case = None;
                }
            }
            Ok(Event::Text(words)) if inside => push(&mut case, &words.xml10_content()),
            Ok(Event::CData(words)) if inside => push(&mut case, &words.xml10_content()),
            Ok(Event::GeneralRef(entity)) if inside => {
                let known = match &*entity.xml10_content() {
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "amp" => Some('&'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => entity.resolve_char_ref().ok().flatten(),
                };
                push(&mut case, known.unwrap_or(' ').encode_utf8(&mut [0; 4]));
            }
            Ok(Event::End(tag)) => match tag.local_name().as_ref() {
                "failure" | "error" => inside = false,
                "testcase" => {
                    inside = false;
                    found.extend(case.take().and_then(finish));
                }
                _ => {}
            },
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) if known => break,
            Err(_) => return None,
        }
    }
    known.then_some(found)
}

fn name<'t>(tag: &'t BytesStart<'_>) -> &'t str {
    tag.local_name().into_inner()
}

fn open(tag: &BytesStart<'_>, case: &mut Option<Case>, inside: &mut bool) {
    let get = |key: &str| {
        let found = tag.try_get_attribute(key).ok().flatten();
        found
            .and_then(|value| value.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned))
            .unwrap_or_default()
    };
    match name(tag) {
        "testcase" => {
            let (class, name) = (get("classname"), get("name"));
            let name = if class.is_empty() { name } else { format!("{class}.{name}") };
            *case =
                Some(Case { name, file: get("file"), line: super::number(&get("line")).unwrap_or(0), failed: None });
        }
        kind @ ("failure" | "error") => {
            *inside = true;
            let kind = if kind == "error" { "error" } else { "failure" };
            if let Some(case) = case {
                // The text of the element follows, in pieces.
                case.failed.get_or_insert_with(|| (kind, format!("{}\n", get("message"))));
            }
        }
        _ => {}
    }
}

fn push(case: &mut Option<Case>, words: &str) {
    if let Some((_, message)) = case.as_mut().and_then(|case| case.failed.as_mut())
        && message.len() < MAX_TEXT
    {
        message.push_str(words);
    }
}

fn finish(case: Case) -> Option<Raw> {
    let (kind, message) = case.failed?;
    let mut raw = Raw::test(&case.name, kind, &message);
    if case.file.is_empty() {
        // pytest ends the text with `FILE:LINE: Error`.
        let last = message.lines().rev().find_map(|line| {
            let (path, rest) = line.trim().split_once(':')?;
            let line = super::number(rest.split(':').next()?)?;
            path.contains('.').then(|| (path.to_owned(), line))
        });
        if let Some((path, line)) = last {
            raw = raw.at(&path, line, 0);
        }
    } else {
        raw = raw.at(&case.file, case.line, 0);
    }
    Some(raw)
}
