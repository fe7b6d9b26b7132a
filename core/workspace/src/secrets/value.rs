//! Tells values that a machine made, or that a user chose as a password, from words and names.

/// Which letters follow which in nine of ten pairs of letters in English words and in the names of programs.
const COMMON: [&str; 26] = [
    "bcdfgiklmnprstuvy",
    "aeilou",
    "acehiklorstu",
    "adeiorsu",
    "abcdefglmnpqrstvwx",
    "aefiloru",
    "ehinrs",
    "aeiot",
    "abcdefglmnoprstvz",
    "",
    "ei",
    "adefilostuy",
    "aeiopsu",
    "acdefgilnostuv",
    "cdfilmnoprstuvw",
    "aeiloprstuy",
    "u",
    "acdegimnorstuy",
    "acehiopstuy",
    "acehiloprstuy",
    "abcegilmnprst",
    "aei",
    "aehinor",
    "pt",
    "np",
    "e",
];

/// Placeholders for a secret, and words for the absence of one. Compared in lower case.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "sample",
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "placeholder",
    "your",
    "dummy",
    "insert",
    "replace",
    "redacted",
    "masked",
    "hidden",
    "xxxx",
    "****",
    "....",
    "____",
    "todo",
    "fixme",
    "fake",
    "lorem",
    "not-a-",
    "notreal",
    "not_real",
    "mysecret",
    "my-secret",
    "my_secret",
    "supersecret",
    "super-secret",
    "super_secret",
    "password",
    "abcdefgh",
    "12345678",
    "foobar",
    "deadbeef",
    "cafebabe",
];

/// The makeup of a value.
#[derive(Debug, Default)]
struct Counts {
    lower: usize,
    upper: usize,
    digits: usize,
    /// Signs that words are not joined by.
    signs: usize,
    /// Changes between the kinds of letters, without the one from a capital to a small letter.
    changes: usize,
    /// Pairs of letters, and those among them that words have.
    pairs: usize,
    common: usize,
    distinct: usize,
    /// Digits between letters.
    inside: usize,
}

impl Counts {
    fn of(value: &str) -> Self {
        let mut counts = Self::default();
        let mut seen = [false; 256];
        let mut last: Option<u8> = None;
        for byte in value.bytes() {
            if !std::mem::replace(&mut seen[usize::from(byte)], true) {
                counts.distinct += 1;
            }
            match byte {
                b'a'..=b'z' => counts.lower += 1,
                b'A'..=b'Z' => counts.upper += 1,
                b'0'..=b'9' => counts.digits += 1,
                b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'?' | b'~' | b'+' | b'=' | b';' | b'|' => {
                    counts.signs += 1;
                }
                _ => {}
            }
            if let Some(before) = last.filter(u8::is_ascii_alphanumeric) {
                let kind = |b: u8| (b.is_ascii_digit(), b.is_ascii_uppercase());
                let word = before.is_ascii_uppercase() && byte.is_ascii_lowercase();
                counts.changes += usize::from(byte.is_ascii_alphanumeric() && kind(before) != kind(byte) && !word);
                if before.is_ascii_alphabetic() && byte.is_ascii_alphabetic() {
                    let (a, b) = (before.to_ascii_lowercase(), byte.to_ascii_lowercase());
                    counts.pairs += 1;
                    counts.common += usize::from(COMMON[usize::from(a - b'a')].as_bytes().contains(&b));
                }
            }
            last = Some(byte);
        }
        let inside = |w: &&[u8]| w[1].is_ascii_digit() && w[0].is_ascii_alphabetic() && w[2].is_ascii_alphabetic();
        counts.inside = value.as_bytes().windows(3).filter(inside).count();
        counts
    }

    /// Letters as words have them.
    fn wordy(&self) -> bool {
        self.common * 10 > self.pairs * 6
    }
}

/// A value that a machine made: letters and digits mixed as words and names never are.
pub(super) fn is_random(value: &str) -> bool {
    let n = value.len();
    (16..=512).contains(&n) && mixes(value, n) && !is_placeholder(value) && !repeats(value)
}

fn mixes(value: &str, n: usize) -> bool {
    let counts = Counts::of(value);
    if value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return n >= 32 && counts.digits >= 4 && counts.lower + counts.upper >= 4 && entropy(value.as_bytes()) >= 3.0;
    }
    if is_uuid(value) {
        return false;
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 512 bytes")]
    let wanted = ((n as f64).log2() * 0.75).min(4.1);
    if entropy(value.as_bytes()) < wanted {
        return false;
    }
    let mixed = counts.lower > 0 && counts.upper > 0;
    // Words are the better the longer; where most are digits, few letters stand side by side.
    let unlike_words = counts.common * 2 <= counts.pairs && counts.pairs >= 6;
    if mixed && unlike_words && (counts.digits > 0 || n >= 20) {
        return true;
    }
    if counts.digits == 0 {
        return mixed && n >= 24 && counts.changes * 4 >= n && !counts.wordy();
    }
    // Digits and capitals everywhere are no words, whatever the letters between them.
    if n >= 20 && counts.digits >= 3 && counts.changes * 10 >= n * 3 {
        return true;
    }
    let least = if mixed { 16 } else { 20 };
    let among_digits = !counts.wordy() || counts.pairs * 4 < n;
    n >= least && counts.lower + counts.upper >= 4 && counts.digits >= 2 && counts.changes * 5 >= n && among_digits
}

/// Whether letters stand side by side as in words, or too few do to say.
pub(super) fn is_wordy(value: &str) -> bool {
    let counts = Counts::of(value);
    counts.wordy() || counts.pairs < 6
}

/// A value that looks like a user's choice of a password and not like a word.
pub(super) fn is_password(value: &str) -> bool {
    let graphic = value.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if !(8..=128).contains(&value.len()) || !graphic {
        return false;
    }
    // Several percent escapes come from the tests of an address parser.
    let escapes =
        value.as_bytes().windows(3).filter(|w| w[0] == b'%' && w[1].is_ascii_hexdigit() && w[2].is_ascii_hexdigit());
    if escapes.count() > 1 {
        return false;
    }
    let counts = Counts::of(value);
    let letters = counts.lower + counts.upper;
    if counts.digits == 0 || letters < 2 || counts.distinct < 6 {
        return false;
    }
    let mixed = counts.lower > 0 && counts.upper > 0;
    let odd = (counts.signs > 0 && (mixed || counts.changes + counts.signs >= 3))
        || (counts.changes >= 3 && value.len() >= 10 && !is_uuid(value) && (!counts.wordy() || counts.inside >= 2))
        || is_random(value);
    odd && !is_placeholder(value) && !repeats(value) && !is_leet(value)
}

/// `p@ssw0rd` in all its spellings.
pub(super) fn is_leet(value: &str) -> bool {
    let plain: String = value
        .chars()
        .map(|c| match c {
            '@' | '4' => 'a',
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '5' | '$' => 's',
            '7' => 't',
            c => c.to_ascii_lowercase(),
        })
        .collect();
    plain.contains("password") && value.len() <= "password".len() + 3
}

pub(super) fn is_uuid(value: &str) -> bool {
    let mut parts = value.split('-').map(|part| (part.len(), part.bytes().all(|b| b.is_ascii_hexdigit())));
    [8, 4, 4, 4, 12].iter().all(|n| parts.next() == Some((*n, true))) && parts.next().is_none()
}

/// Documentation's favourites, and what templates have in the place of a secret.
pub(super) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| lower.contains(word))
        || ["${", "#{", "{{", "}}", "$(", "%(", "<", "[[", "%s", "%d", "\\u", "…"]
            .iter()
            .any(|mark| value.contains(mark))
        || ["$", "ENC[", "arn:", "vault:", "env:", "op://", "ref+", "ssm:", "secretsmanager:"]
            .iter()
            .any(|start| value.starts_with(start))
        || value.starts_with('%') && value.ends_with('%')
}

/// Few letters over and over, or letters in the order of the alphabet or of the digits.
pub(super) fn repeats(value: &str) -> bool {
    let bytes = value.as_bytes();
    let mut seen = [false; 256];
    bytes.iter().for_each(|b| seen[usize::from(*b)] = true);
    let distinct = seen.iter().filter(|s| **s).count();
    let steps = bytes.windows(2).filter(|p| p[0].wrapping_add(1) == p[1] || p[0] == p[1]).count();
    distinct <= 4 || steps * 2 >= bytes.len()
}

/// Shannon's, in bits for each byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 512 bytes")]
    let total = bytes.len() as f64;
    counts.iter().filter(|&&c| c > 0).map(|&c| f64::from(c) / total).map(|p| -p * p.log2()).sum()
}
