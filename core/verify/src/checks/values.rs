//! The values of a data file, whatever it is written in.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// Deeper or larger data are not compared.
const MAX_DEPTH: usize = 48;
const MAX_LEAVES: usize = 20_000;

/// Keys that tell the objects of a list apart.
const IDENTITIES: &[&str] = &["id", "name", "key", "repo", "uses", "path", "title", "url", "host"];

/// A value with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Its text, and whether it is a string.
    Scalar(String, bool),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

/// The scalars of a file, each with the keys that lead to it.
pub(crate) type Leaves = BTreeMap<Vec<String>, (String, bool)>;

impl Value {
    pub(crate) fn json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(crate) fn toml(text: &str) -> Option<Self> {
        text.parse::<toml::Table>().ok().map(|table| Self::of_toml(toml::Value::Table(table)))
    }

    fn of_toml(value: toml::Value) -> Self {
        match value {
            toml::Value::String(text) => Self::Scalar(text, true),
            toml::Value::Array(items) => Self::List(items.into_iter().map(Self::of_toml).collect()),
            toml::Value::Table(table) => {
                Self::Map(table.into_iter().map(|(key, value)| (key, Self::of_toml(value))).collect())
            }
            other => Self::Scalar(other.to_string(), false),
        }
    }

    /// The documents of a text as a list, or its only one.
    pub(crate) fn yaml(text: &str) -> Option<Self> {
        let mut open: Vec<(Self, Option<String>)> = vec![(Self::List(Vec::new()), None)];
        let mut parser = Parser::new_from_str(text);
        loop {
            let value = match parser.next_event() {
                None | Some(Ok((Event::StreamEnd, _))) => break,
                Some(Err(_)) => return None,
                Some(Ok((event, _))) => match event {
                    Event::Scalar(text, style, ..) => {
                        let string = style != ScalarStyle::Plain && is_typed(&text);
                        Self::Scalar(text.into_owned(), string)
                    }
                    Event::Alias(_) => Self::Scalar("*".into(), false),
                    Event::SequenceStart(..) | Event::MappingStart(..) if open.len() > MAX_DEPTH => return None,
                    Event::SequenceStart(..) => {
                        open.push((Self::List(Vec::new()), None));
                        continue;
                    }
                    Event::MappingStart(..) => {
                        open.push((Self::Map(Vec::new()), None));
                        continue;
                    }
                    Event::SequenceEnd | Event::MappingEnd => open.pop()?.0,
                    _ => continue,
                },
            };
            match open.last_mut()? {
                (Self::List(items), _) => items.push(value),
                (Self::Map(entries), key) => match key.take() {
                    Some(key) => entries.push((key, value)),
                    None => {
                        *key = Some(match value {
                            Self::Scalar(text, _) => text,
                            _ => "?".into(),
                        });
                    }
                },
                (Self::Scalar(..), _) => return None,
            }
        }
        match open.pop()?.0 {
            Self::List(mut items) if items.len() == 1 => items.pop(),
            all => Some(all),
        }
    }

    /// The scalars; `None` where there are too many.
    pub(crate) fn leaves(&self) -> Option<Leaves> {
        let mut leaves = Leaves::new();
        let mut todo: Vec<(Vec<String>, &Self)> = vec![(Vec::new(), self)];
        while let Some((path, value)) = todo.pop() {
            if leaves.len() > MAX_LEAVES || todo.len() > MAX_LEAVES || path.len() > MAX_DEPTH {
                return None;
            }
            let below = |key: &str| path.iter().cloned().chain([key.to_owned()]).collect::<Vec<String>>();
            match value {
                Self::Scalar(text, string) => _ = leaves.insert(path, (text.clone(), *string)),
                Self::Map(entries) if entries.is_empty() => _ = leaves.insert(path, ("{}".into(), false)),
                Self::Map(entries) => todo.extend(entries.iter().map(|(key, value)| (below(key), value))),
                Self::List(items) => {
                    let mut seen: HashMap<String, usize> = HashMap::new();
                    for item in items {
                        let identity = item.identity();
                        let count = seen.entry(identity.clone()).or_default();
                        *count += 1;
                        let again = if *count > 1 { format!("#{count}") } else { String::new() };
                        todo.push((below(&format!("[{identity}{again}]")), item));
                    }
                }
            }
        }
        Some(leaves)
    }

    /// The text that tells an item of a list from the others.
    fn identity(&self) -> String {
        match self {
            Self::Scalar(text, _) => text.clone(),
            Self::List(_) => String::new(),
            Self::Map(entries) => {
                let scalar = |(key, value): &(String, Self)| match value {
                    // Another version of it is the same thing.
                    Self::Scalar(text, _) => Some(format!("{key}={}", text.split('@').next().unwrap_or_default())),
                    _ => None,
                };
                let known = IDENTITIES.iter().find_map(|id| entries.iter().find(|(key, _)| key == id));
                known.and_then(scalar).or_else(|| entries.iter().find_map(scalar)).unwrap_or_default()
            }
        }
    }

    /// The paths of keys that an object has more than once.
    pub(crate) fn twice(&self) -> HashSet<String> {
        let mut twice = HashSet::new();
        let mut todo: Vec<(Vec<String>, &Self)> = vec![(Vec::new(), self)];
        while let Some((path, value)) = todo.pop() {
            if path.len() > MAX_DEPTH || todo.len() > MAX_LEAVES {
                continue;
            }
            match value {
                Self::Scalar(..) => {}
                Self::List(items) => todo.extend(items.iter().map(|item| (path.clone(), item))),
                Self::Map(entries) => {
                    let mut seen: HashSet<&str> = HashSet::new();
                    for (key, value) in entries {
                        let path: Vec<String> = path.iter().cloned().chain([key.clone()]).collect();
                        // A merge of several anchors.
                        if !seen.insert(key) && key != "<<" {
                            twice.insert(path.join("."));
                        }
                        todo.push((path, value));
                    }
                }
            }
        }
        twice
    }
}

/// Whether a text without quotation marks would not be a string in YAML.
fn is_typed(text: &str) -> bool {
    text.is_empty()
        || text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
            && !text.chars().any(char::is_whitespace)
        || matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "~" | "yes" | "no" | "on" | "off")
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string(), false))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string(), false))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string(), false))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string(), false))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Scalar("null".into(), false))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_owned(), true))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            all.push(entry);
        }
        Ok(Value::Map(all))
    }
}
