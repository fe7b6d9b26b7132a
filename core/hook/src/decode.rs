//! The text in a file, whatever its encoding. A file that cannot be decoded does not count as clean.

use std::borrow::Cow;

/// How much of a file tells its encoding.
const HEAD: usize = 4096;

/// The text of `bytes`, one line for each of theirs. Of a file that is no text, the text that is in it.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match encoding(bytes) {
        Encoding::Bytes => String::from_utf8_lossy(bytes),
        Encoding::Wide { width: 2, big } => {
            let units = bytes.chunks_exact(2).map(|pair| match (pair, big) {
                ([a, b], true) => u16::from_be_bytes([*a, *b]),
                ([a, b], false) => u16::from_le_bytes([*a, *b]),
                _ => 0,
            });
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        Encoding::Wide { big, .. } => {
            let units = bytes.chunks_exact(4).map(|four| match (four, big) {
                ([a, b, c, d], true) => u32::from_be_bytes([*a, *b, *c, *d]),
                ([a, b, c, d], false) => u32::from_le_bytes([*a, *b, *c, *d]),
                _ => 0,
            });
            units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        // Wide text somewhere in a file of another kind.
        Encoding::Mixed => {
            let kept: Vec<u8> = bytes.iter().copied().filter(|b| *b != 0).collect();
            Cow::Owned(String::from_utf8_lossy(&kept).into_owned())
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Encoding {
    /// UTF-8, or one byte for each letter.
    Bytes,
    Wide {
        width: usize,
        big: bool,
    },
    Mixed,
}

fn encoding(bytes: &[u8]) -> Encoding {
    let wide = |width, big| Encoding::Wide { width, big };
    match bytes {
        [0xff, 0xfe, 0, 0, ..] => return wide(4, false),
        [0, 0, 0xfe, 0xff, ..] => return wide(4, true),
        [0xff, 0xfe, ..] => return wide(2, false),
        [0xfe, 0xff, ..] => return wide(2, true),
        _ if !bytes.contains(&0) => return Encoding::Bytes,
        _ => {}
    }
    let mut zeros = [0usize; 4];
    let head = &bytes[..bytes.len().min(HEAD)];
    head.iter().enumerate().filter(|(_, b)| **b == 0).for_each(|(at, _)| zeros[at % 4] += 1);
    let fours = head.len() / 4;
    let most = |n: usize| n * 10 >= fours * 9 && n > 0;
    match zeros {
        [a, b, c, d] if a * 10 <= fours && most(b) && most(c) && most(d) => wide(4, false),
        [a, b, c, d] if d * 10 <= fours && most(a) && most(b) && most(c) => wide(4, true),
        [0, b, 0, d] if b + d >= 2 => wide(2, false),
        [a, 0, c, 0] if a + c >= 2 => wide(2, true),
        _ => Encoding::Mixed,
    }
}

/// Whether a file holds text that only unpacking it would show.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    const MARKS: &[&[u8]] = &[
        b"\x1f\x8b",
        b"PK\x03\x04",
        b"BZh",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07",
        b"\x04\x22\x4d\x18",
        b"%PDF-",
    ];
    MARKS.iter().any(|mark| bytes.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects against secrets that a wide encoding hides: each is read, with its lines, with a mark in front or without,
    /// among letters of any language, and inside of another kind of file.
    #[test]
    fn every_encoding_is_read() {
        let plain = "first\nkey = 4711\nz\u{e4}hlt \u{4e16}\u{754c}\n";
        let wide = |text: &str, width: usize, big: bool| -> Vec<u8> {
            let units = text.chars().flat_map(|c| {
                if width == 4 {
                    vec![c as u32]
                } else {
                    c.encode_utf16(&mut [0; 2]).iter().map(|u| u32::from(*u)).collect()
                }
            });
            units
                .flat_map(
                    |u| if big { u.to_be_bytes()[4 - width..].to_vec() } else { u.to_le_bytes()[..width].to_vec() },
                )
                .collect()
        };
        for width in [2, 4] {
            for big in [false, true] {
                assert_eq!(text(&wide(plain, width, big)), plain, "{width} {big}");
                let marked = format!("\u{feff}{plain}");
                assert_eq!(text(&wide(&marked, width, big)), marked, "{width} {big}");
            }
        }
        let mut inside = b"\x7fELF\0\0\x01\0".to_vec();
        inside.extend(wide("key = 4711", 2, false));
        inside.extend(b"\0\0\0end");
        assert!(text(&inside).contains("key = 4711"));
        assert_eq!(text(plain.as_bytes()), plain);
        assert_eq!(text(b"caf\xe9\n"), "caf\u{fffd}\n");
        assert_eq!((text(b""), text(b"\0")), ("".into(), "".into()));
    }
}
