//! Reader of GGUF headers, versions 2 and 3, little-endian. Every length is checked against what the file still holds
//! before anything is allocated for it.

use crate::tensor::{TensorInfo, TensorType};
use std::collections::BTreeMap;
use std::io::Read;

/// Why a file is not a GGUF that can be read.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The first four bytes are not `GGUF`.
    #[error("not a GGUF file")]
    NotGguf,
    /// A version of the format that is not read here.
    #[error("GGUF version {0} is not supported (2 and 3 are)")]
    Version(u32),
    /// Written for a big-endian machine.
    #[error("big-endian GGUF files are not supported")]
    BigEndian,
    /// The file ends inside `0`.
    #[error("the file ends inside {0}")]
    Truncated(&'static str),
    /// A count or length that the file cannot hold.
    #[error("{what} of {value} is more than the file can hold or than is allowed")]
    TooMany {
        /// The counted items.
        what: &'static str,
        /// The count.
        value: u64,
    },
    /// A string that is not UTF-8.
    #[error("a {0} is not UTF-8")]
    NotUtf8(&'static str),
    /// An unknown type of a metadata value.
    #[error("metadata `{key}` has the unknown type {kind}")]
    ValueType {
        /// The key.
        key: String,
        /// The number of the type.
        kind: u32,
    },
    /// A key that occurs twice.
    #[error("metadata `{0}` occurs twice")]
    DuplicateKey(String),
    /// A tensor that occurs twice.
    #[error("tensor `{0}` occurs twice")]
    DuplicateTensor(String),
    /// An unknown type of a tensor's elements.
    #[error("tensor `{name}` has the type {kind}, which is not supported")]
    TensorType {
        /// The tensor.
        name: String,
        /// GGUF's number of the type.
        kind: u32,
    },
    /// A shape that makes no sense.
    #[error("tensor `{name}` has an impossible shape {shape:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape as stored.
        shape: Vec<u64>,
    },
    /// An alignment that is not a power of two.
    #[error("the alignment {0} is not a power of two of at most 65536")]
    Alignment(u64),
    /// A tensor that starts at an unaligned offset or reaches beyond the file's end.
    #[error("tensor `{0}` lies outside the file or is not aligned")]
    Outside(String),
    /// Two tensors that share bytes.
    #[error("tensors `{0}` and `{1}` overlap")]
    Overlap(String, String),
    /// The operating system could not read.
    #[error("cannot read the file")]
    Io(#[from] std::io::Error),
}

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// Any floating-point number.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A string.
    Text(String),
    /// An array.
    Array(Array),
}

/// An array of metadata.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// Integers of any width (values above `i64::MAX` are refused).
    Integers(Vec<i64>),
    /// Floating-point numbers.
    Floats(Vec<f64>),
    /// Booleans.
    Bools(Vec<bool>),
    /// Strings.
    Texts(Vec<String>),
}

/// The header of a GGUF file.
#[derive(Debug, Clone, PartialEq)]
pub struct Gguf {
    /// Metadata by key.
    pub metadata: BTreeMap<String, Value>,
    /// Tensors by name.
    pub tensors: BTreeMap<String, TensorInfo>,
}

const MAX_ENTRIES: u64 = 1 << 16;
const MAX_ARRAY: u64 = 1 << 22;
const MAX_KEY: u64 = 1 << 16;

impl Gguf {
    /// Reads the header from `reader`, which stands at the start of a file of `file_len` bytes.
    pub fn read(reader: impl Read, file_len: u64) -> Result<Self, GgufError> {
        let mut input = Input { reader, position: 0, len: file_len };
        let mut magic = [0u8; 4];
        input.fill(&mut magic, "the magic number").map_err(|e| match e {
            GgufError::Truncated(_) => GgufError::NotGguf,
            other => other,
        })?;
        if &magic != b"GGUF" {
            return Err(GgufError::NotGguf);
        }
        match input.u32("the header")? {
            2 | 3 => {}
            version if version & 0xffff == 0 && version != 0 => return Err(GgufError::BigEndian),
            version => return Err(GgufError::Version(version)),
        }
        let tensor_count = input.count("a number of tensors", MAX_ENTRIES, 24)?;
        let entry_count = input.count("a number of metadata entries", MAX_ENTRIES, 12)?;
        let metadata = read_metadata(&mut input, entry_count)?;
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(Value::Unsigned(n)) if n.is_power_of_two() && *n <= 65536 => *n,
            Some(Value::Unsigned(n)) => return Err(GgufError::Alignment(*n)),
            Some(_) => return Err(GgufError::Alignment(0)),
        };
        let mut tensors = BTreeMap::new();
        for _ in 0..tensor_count {
            let (name, info) = read_tensor(&mut input)?;
            if tensors.insert(name.clone(), info).is_some() {
                return Err(GgufError::DuplicateTensor(name));
            }
        }
        let base = input.position.next_multiple_of(alignment);
        place(&mut tensors, base, alignment, file_len)?;
        Ok(Self { metadata, tensors })
    }

    /// The text under `key`.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer under `key`, if it is one and not negative.
    #[must_use]
    pub fn unsigned(&self, key: &str) -> Option<u64> {
        match *self.metadata.get(key)? {
            Value::Unsigned(n) => Some(n),
            Value::Signed(n) => u64::try_from(n).ok(),
            _ => None,
        }
    }

    /// The number under `key`.
    #[must_use]
    pub fn float(&self, key: &str) -> Option<f64> {
        match *self.metadata.get(key)? {
            Value::Float(x) => Some(x),
            _ => None,
        }
    }

    /// The boolean under `key`.
    #[must_use]
    pub fn boolean(&self, key: &str) -> Option<bool> {
        match *self.metadata.get(key)? {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// The strings under `key`.
    #[must_use]
    pub fn texts(&self, key: &str) -> Option<&[String]> {
        match self.metadata.get(key)? {
            Value::Array(Array::Texts(texts)) => Some(texts),
            _ => None,
        }
    }
}

fn read_metadata<R: Read>(input: &mut Input<R>, count: u64) -> Result<BTreeMap<String, Value>, GgufError> {
    let mut metadata = BTreeMap::new();
    for _ in 0..count {
        let key = input.string("metadata key", MAX_KEY)?;
        let kind = input.u32("a metadata value")?;
        let value = if kind == 9 { Value::Array(input.array(&key)?) } else { input.scalar(kind, &key)? };
        if metadata.insert(key.clone(), value).is_some() {
            return Err(GgufError::DuplicateKey(key));
        }
    }
    Ok(metadata)
}

fn read_tensor<R: Read>(input: &mut Input<R>) -> Result<(String, TensorInfo), GgufError> {
    let name = input.string("tensor name", MAX_KEY)?;
    let dims = input.u32("a tensor's shape")?;
    if dims == 0 || dims > 4 {
        return Err(GgufError::Shape { name, shape: vec![u64::from(dims)] });
    }
    let mut shape = Vec::new();
    for _ in 0..dims {
        shape.push(input.u64("a tensor's shape")?);
    }
    let kind = input.u32("a tensor's type")?;
    let offset = input.u64("a tensor's offset")?;
    let Some(kind) = TensorType::from_gguf(kind) else { return Err(GgufError::TensorType { name, kind }) };
    let elements = shape.iter().try_fold(1u64, |all, &d| if d == 0 { None } else { all.checked_mul(d) });
    let bytes = elements.filter(|_| shape[0] % kind.block() as u64 == 0).and_then(|n| kind.bytes_of(n));
    let Some(bytes) = bytes else { return Err(GgufError::Shape { name, shape }) };
    shape.reverse();
    Ok((name, TensorInfo::at(kind, shape, offset, bytes)))
}

fn place(
    tensors: &mut BTreeMap<String, TensorInfo>,
    base: u64,
    alignment: u64,
    file_len: u64,
) -> Result<(), GgufError> {
    let mut ranges = Vec::new();
    for (name, tensor) in tensors.iter_mut() {
        for part in &mut tensor.parts {
            let start = base.checked_add(part.offset).filter(|_| part.offset.is_multiple_of(alignment));
            let range = start.and_then(|start| Some((start, start.checked_add(part.bytes)?)));
            match range {
                Some((start, end)) if end <= file_len => {
                    part.offset = start;
                    ranges.push((start, end, name.as_str()));
                }
                _ => return Err(GgufError::Outside(name.clone())),
            }
        }
    }
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        if pair[0].1 > pair[1].0 {
            return Err(GgufError::Overlap(pair[0].2.to_owned(), pair[1].2.to_owned()));
        }
    }
    Ok(())
}

struct Input<R> {
    reader: R,
    position: u64,
    len: u64,
}

impl<R: Read> Input<R> {
    fn fill(&mut self, out: &mut [u8], what: &'static str) -> Result<(), GgufError> {
        if out.len() as u64 > self.len.saturating_sub(self.position) {
            return Err(GgufError::Truncated(what));
        }
        self.reader.read_exact(out).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => GgufError::Truncated(what),
            _ => GgufError::Io(e),
        })?;
        self.position += out.len() as u64;
        Ok(())
    }

    fn bytes<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], GgufError> {
        let mut out = [0u8; N];
        self.fill(&mut out, what)?;
        Ok(out)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, GgufError> {
        self.bytes(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &'static str) -> Result<u64, GgufError> {
        self.bytes(what).map(u64::from_le_bytes)
    }

    /// A count of things that take at least `smallest` bytes each.
    fn count(&mut self, what: &'static str, most: u64, smallest: u64) -> Result<u64, GgufError> {
        let value = self.u64(what)?;
        let held = self.len.saturating_sub(self.position) / smallest;
        if value > most || value > held { Err(GgufError::TooMany { what, value }) } else { Ok(value) }
    }

    fn string(&mut self, what: &'static str, most: u64) -> Result<String, GgufError> {
        let len = self.count("a string length", most, 1)?;
        let mut bytes = vec![0u8; usize::try_from(len).map_err(|_| GgufError::TooMany { what, value: len })?];
        self.fill(&mut bytes, what)?;
        String::from_utf8(bytes).map_err(|_| GgufError::NotUtf8(what))
    }

    fn scalar(&mut self, kind: u32, key: &str) -> Result<Value, GgufError> {
        const WHAT: &str = "a metadata value";
        Ok(match kind {
            0 => Value::Unsigned(u64::from(self.bytes::<1>(WHAT)?[0])),
            1 => Value::Signed(i64::from(i8::from_le_bytes(self.bytes(WHAT)?))),
            2 => Value::Unsigned(u64::from(u16::from_le_bytes(self.bytes(WHAT)?))),
            3 => Value::Signed(i64::from(i16::from_le_bytes(self.bytes(WHAT)?))),
            4 => Value::Unsigned(u64::from(self.u32(WHAT)?)),
            5 => Value::Signed(i64::from(i32::from_le_bytes(self.bytes(WHAT)?))),
            6 => Value::Float(f64::from(f32::from_le_bytes(self.bytes(WHAT)?))),
            7 => Value::Bool(self.bytes::<1>(WHAT)?[0] != 0),
            8 => Value::Text(self.string("metadata string", 1 << 24)?),
            10 => Value::Unsigned(self.u64(WHAT)?),
            11 => Value::Signed(i64::from_le_bytes(self.bytes(WHAT)?)),
            12 => Value::Float(f64::from_le_bytes(self.bytes(WHAT)?)),
            _ => return Err(GgufError::ValueType { key: key.to_owned(), kind }),
        })
    }

    fn array(&mut self, key: &str) -> Result<Array, GgufError> {
        let kind = self.u32("a metadata array")?;
        let smallest = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            _ => return Err(GgufError::ValueType { key: key.to_owned(), kind }),
        };
        let count = self.count("an array length", MAX_ARRAY, smallest)?;
        let mut array = match kind {
            6 | 12 => Array::Floats(Vec::new()),
            7 => Array::Bools(Vec::new()),
            8 => Array::Texts(Vec::new()),
            _ => Array::Integers(Vec::new()),
        };
        for _ in 0..count {
            match (&mut array, self.scalar(kind, key)?) {
                (Array::Integers(list), Value::Signed(n)) => list.push(n),
                (Array::Integers(list), Value::Unsigned(n)) => {
                    list.push(i64::try_from(n).map_err(|_| GgufError::TooMany { what: "a number", value: n })?);
                }
                (Array::Floats(list), Value::Float(x)) => list.push(x),
                (Array::Bools(list), Value::Bool(b)) => list.push(b),
                (Array::Texts(list), Value::Text(text)) => list.push(text),
                _ => return Err(GgufError::ValueType { key: key.to_owned(), kind }),
            }
        }
        Ok(array)
    }
}
