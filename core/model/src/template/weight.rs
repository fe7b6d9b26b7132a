//! How much text a value would become. A list that holds another twice, and that one another, and so on, is small in
//! memory and endless as text: it is measured before it is written out.

use minijinja::value::{Kwargs, StringInput, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

/// The deepest that a value may be nested where it is written out.
const DEEPEST: usize = 64;

/// The widest indentation.
const MOST_INDENT: u64 = 16;

/// Bytes of one value that is written out.
const MOST_BYTES: usize = 32 << 20;

/// Whether `value` may be written out, with so many bytes of indentation for each level.
pub(super) fn check(value: &Value, indent: usize) -> Result<(), Error> {
    let mut left = MOST_BYTES;
    weigh(value, indent, 0, &mut left)
}

fn weigh(value: &Value, indent: usize, depth: usize, left: &mut usize) -> Result<(), Error> {
    let take = |left: &mut usize, bytes: usize| {
        *left = left.checked_sub(bytes).ok_or_else(|| too_large("a value is too large to be written out"))?;
        Ok(())
    };
    if depth > DEEPEST {
        return Err(too_large("a value is nested too deeply to be written out"));
    }
    match value.kind() {
        ValueKind::String => take(left, value.as_str().map_or(0, str::len)),
        ValueKind::Bytes => take(left, value.as_bytes().map_or(0, <[u8]>::len)),
        kind @ (ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) => {
            for item in value.try_iter()? {
                take(left, 4 + indent * (depth + 1))?;
                if kind == ValueKind::Map {
                    weigh(&value.get_item(&item)?, indent, depth + 1, left)?;
                }
                weigh(&item, indent, depth + 1, left)?;
            }
            Ok(())
        }
        _ => take(left, 8),
    }
}

fn too_large(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

/// minijinja's `tojson` of a value that has been measured.
pub(super) fn tojson(value: &Value, indent: Option<Value>, args: Kwargs) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => args.get::<Option<Value>>("indent")?,
    };
    let width = match indent.as_ref().map(|indent| (bool::try_from(indent.clone()), u64::try_from(indent.clone()))) {
        Some((_, Ok(width))) if width > MOST_INDENT => return Err(too_large("the indentation is too wide")),
        Some((_, Ok(width))) => usize::try_from(width).unwrap_or(0),
        _ => 2,
    };
    check(value, width)?;
    args.assert_all_used()?;
    minijinja::filters::tojson(value, indent, Kwargs::from_iter(std::iter::empty::<(&str, Value)>()))
}

/// minijinja's `string`, of a value that has been measured.
pub(super) fn string(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    check(value, 0)?;
    minijinja::filters::string(state, value)
}

/// minijinja's `join`, of a list that has been measured.
pub(super) fn join(
    state: &mut State<'_, '_>,
    value: &Value,
    joiner: Option<Value>,
    attribute: Option<&str>,
    args: Kwargs,
) -> Result<Value, Error> {
    check(value, 0)?;
    let joiner = match &joiner {
        Some(joiner) => Some(StringInput::new(state, joiner)?),
        None => None,
    };
    minijinja::filters::join(state, value, joiner, attribute, args)
}
