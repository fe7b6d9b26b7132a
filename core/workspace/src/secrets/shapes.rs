//! Secrets that are known by their shape: blocks of a private key, addresses with a password, signed tokens.

use super::tokens::{Alphabet, begins};
use super::value::{is_leet, is_password, is_placeholder, is_random, repeats};

/// The form of secret that a mark in the text may begin or belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A block between `BEGIN` and `END`.
    Block,
    /// An address: `scheme://user:password@host`.
    Address,
    /// A JSON Web Token.
    Jwt,
    /// `Authorization: Basic …`.
    Basic,
    /// `Authorization: Bearer …`.
    Bearer,
    /// A token of a Telegram bot.
    Telegram,
    /// A client secret of Azure.
    Azure,
    /// A key of Mailchimp.
    Mailchimp,
    /// A token of Terraform Cloud.
    Terraform,
    /// A personal token of Airtable.
    Airtable,
    /// The address of a Discord channel's webhook.
    Discord,
    /// A key in PuTTY's format.
    Putty,
    /// A private key as JSON.
    Jwk,
    /// The signature of a shared address.
    Signature,
    /// A secret of Kubernetes.
    Kubernetes,
    /// `curl -u user:password`.
    CurlUser,
}

/// The marks, in lower case.
pub(super) const MARKS: &[(&str, Shape)] = &[
    ("----begin ", Shape::Block),
    ("---- begin ", Shape::Block),
    ("://", Shape::Address),
    ("eyj", Shape::Jwt),
    ("basic ", Shape::Basic),
    ("bearer ", Shape::Bearer),
    (":aa", Shape::Telegram),
    ("q~", Shape::Azure),
    ("-us", Shape::Mailchimp),
    (".atlasv1.", Shape::Terraform),
    ("pat", Shape::Airtable),
    ("/api/webhooks/", Shape::Discord),
    ("putty-user-key-file-", Shape::Putty),
    ("\"d\"", Shape::Jwk),
    ("\"k\"", Shape::Jwk),
    ("sig=", Shape::Signature),
    ("kind: secret", Shape::Kubernetes),
    (" -u ", Shape::CurlUser),
    (" --user ", Shape::CurlUser),
];

/// How far the end of a key is looked for.
const MOST_KEY: usize = 16_384;

/// A secret: what it is, where it begins and where it ends.
pub(super) type Span = (&'static str, usize, usize);

impl Shape {
    /// The secret of this shape around the mark at `start..end`.
    pub(super) fn find(self, text: &[u8], start: usize, end: usize) -> Option<Span> {
        match self {
            Self::Block => block(text, start, end),
            Self::Address => address(text, start, end),
            Self::Jwt => jwt(text, start),
            Self::Basic => basic(text, end),
            Self::Bearer => {
                let value = run(text, end, Alphabet::Dotted);
                let said = std::str::from_utf8(&text[end..value]).ok()?;
                (said.len() >= 20 && is_random(said)).then_some(("a bearer token", end, value))
            }
            Self::Telegram => {
                let digits = back(text, start, 12, |b| b.is_ascii_digit());
                let value = run(text, start + 1, Alphabet::Url);
                let fits = (8..=10).contains(&(start - digits)) && begins(text, digits) && value - start == 36;
                fits.then_some(("a token of a Telegram bot", digits, value))
                    .filter(|_| text[start + 1..].starts_with(b"AA"))
            }
            Self::Azure => {
                let first = start.checked_sub(4)?;
                let value = run(text, end, Alphabet::Dotted);
                let fits = text[start - 1].is_ascii_digit()
                    && text[first..start].iter().all(|b| Alphabet::Dotted.has(*b))
                    && text[start..].starts_with(b"Q~")
                    && begins(text, first)
                    && (31..=40).contains(&(value - end));
                fits.then_some(("an Azure client secret", first, value))
            }
            Self::Mailchimp => {
                let first = back(text, start, 33, |b| b.is_ascii_hexdigit());
                let digits = text.get(end..end + 1)?.iter().all(u8::is_ascii_digit);
                (digits && start - first == 32 && begins(text, first)).then_some(("a Mailchimp key", first, end + 1))
            }
            Self::Terraform => {
                let first = back(text, start, 14, |b| b.is_ascii_alphanumeric());
                let value = run(text, end, Alphabet::Dotted);
                (start - first == 14 && value - end >= 60).then_some(("a Terraform token", first, value))
            }
            Self::Airtable => {
                if !begins(text, start) {
                    return None;
                }
                let dot = run(text, end, Alphabet::Alnum);
                let value = run(text, (dot + 1).min(text.len()), Alphabet::Hex);
                let fits = text[start..].starts_with(b"pat")
                    && dot - end == 14
                    && text.get(dot) == Some(&b'.')
                    && value - dot == 65;
                fits.then_some(("an Airtable token", start, value))
            }
            Self::Discord => {
                let id = end + text[end..].iter().take(24).take_while(|b| b.is_ascii_digit()).count();
                let value = run(text, (id + 1).min(text.len()), Alphabet::Url);
                let fits = id - end >= 17 && text.get(id) == Some(&b'/') && value - id >= 60;
                fits.then_some(("a webhook's address", start, value))
            }
            Self::Putty => {
                text.get(end).filter(|b| b.is_ascii_digit())?;
                let window = &text[start..text.len().min(start + 8192)];
                let at = find(window, b"Private-Lines:")?;
                Some(("a private key", start, start + at + 14))
            }
            Self::Jwk => jwk(text, start, end),
            Self::Signature => {
                let before = start.checked_sub(1).map(|at| text[at]);
                let value =
                    end + text[end..].iter().take(200).take_while(|b| Alphabet::Base64.has(**b) || **b == b'%').count();
                if !matches!(before, Some(b'&' | b'?' | b';')) || value - end < 43 {
                    return None;
                }
                let window = &text[start.saturating_sub(300)..text.len().min(value + 300)];
                let fits = find(window, b"se=").is_some() && find(window, b"sv=").is_some();
                fits.then_some(("the signature of a shared address", end, value))
            }
            Self::Kubernetes => kubernetes(text, end),
            Self::CurlUser => {
                let line = back(text, start, 200, |b| b != b'\n');
                find(&text[line..start], b"curl")?;
                let first = end + usize::from(matches!(text.get(end), Some(b'"' | b'\'')));
                let stop = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'');
                let last = first + text[first..].iter().take(200).position(stop).unwrap_or(0);
                let said = std::str::from_utf8(&text[first..last]).ok()?;
                let (_, password) = said.split_once(':')?;
                chosen(password).then_some(("a password for curl", first, last))
            }
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|w| w == part)
}

/// Where the letters of an alphabet end that begin at `start`.
fn run(text: &[u8], start: usize, alphabet: Alphabet) -> usize {
    start + text[start..].iter().take(400).take_while(|b| alphabet.has(**b)).count()
}

/// Where the letters begin that end at `end`.
fn back(text: &[u8], end: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    end - text[..end].iter().rev().take(most).take_while(|b| is(**b)).count()
}

/// The block of a private key with at least a line of the key itself: program text often has the bare mark.
fn block(text: &[u8], start: usize, end: usize) -> Option<Span> {
    let title = end + text[end..].iter().take(60).take_while(|b| b.is_ascii_alphanumeric() || **b == b' ').count();
    let named = std::str::from_utf8(&text[end..title]).ok()?.to_ascii_uppercase();
    let is_key = named.ends_with("PRIVATE KEY") || named.ends_with("PRIVATE KEY BLOCK");
    if !is_key || !text[title..].starts_with(b"----") {
        return None;
    }
    // The key, with escapes and quotes and what program text has at the end of a line.
    let mut key = 0;
    let mut at = title + 4;
    let mut skipped = 0;
    while key < 40 {
        let byte = *text.get(at)?;
        at += 1;
        if byte == b'\\' {
            // `\n` is a line end.
            at += 1;
            skipped += 1;
        } else if Alphabet::Base64.has(byte) || matches!(byte, b':' | b',') {
            (key, skipped) = (key + 1, 0);
        } else if byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'-' | b'+' | b'>' | b'#' | b'*') {
            skipped += 1;
        } else {
            return None;
        }
        // The next mark, after nothing or after a few words.
        if skipped > 48 || text[at..].starts_with(b"----") && key > 0 {
            return None;
        }
    }
    let rest = &text[at.min(text.len())..text.len().min(at + MOST_KEY)];
    let finish = find(rest, b"----").map_or(at, |n| at + n);
    Some(("a private key", start, finish))
}

/// `scheme://user:password@host`.
fn address(text: &[u8], start: usize, end: usize) -> Option<Span> {
    if !start.checked_sub(1).is_some_and(|at| text[at].is_ascii_alphanumeric()) {
        return None;
    }
    let stop = |b: &u8| b.is_ascii_whitespace() || b"\"'`<>\\)".contains(b);
    let length = text[end..].iter().take(300).position(stop).unwrap_or_else(|| text[end..].len().min(300));
    let rest = &text[end..end + length];
    let path = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let at = rest[..path].iter().rposition(|b| *b == b'@')?;
    let colon = rest[..at].iter().position(|b| *b == b':')?;
    let user = std::str::from_utf8(&rest[..colon]).ok()?;
    let password = std::str::from_utf8(&rest[colon + 1..at]).ok()?;
    let host = String::from_utf8_lossy(&rest[at + 1..]).to_ascii_lowercase();
    let host = host.split(['/', ':', '?', ',']).next().unwrap_or_default();
    let user_is_name = user.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-%+".contains(&b));
    let for_show = ["example.com", "example.org", "example.net", ".example", ".invalid", ".test"];
    if !user_is_name || host.is_empty() || for_show.iter().any(|end| host.ends_with(end)) || user == password {
        return None;
    }
    chosen(password).then_some(("a password in an address", end, end + at))
}

/// A password that is not one of those that documentation uses.
fn chosen(password: &str) -> bool {
    let password = &percent_decoded(password);
    let lower = password.to_ascii_lowercase();
    let plain = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '!');
    let shown =
        ["pass", "password", "passwd", "pwd", "secret", "user", "test", "token", "admin", "root", "pw", "p", "x"];
    let letters = password.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = password.bytes().filter(u8::is_ascii_digit).count();
    password.len() >= 6
        && password.bytes().all(|b| b.is_ascii_graphic())
        && !password.contains(['{', '}', '$', '(', '*', '[', ']', '|', '^'])
        && !shown.contains(&plain)
        && !is_placeholder(password)
        && !repeats(password)
        && !is_leet(password)
        && (is_random(password) || is_password(password) || (letters >= 3 && digits >= 1))
}

/// Text that cannot be decoded stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digit = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16));
        let escaped = digit(0).zip(digit(1)).filter(|_| byte == b'%');
        let escaped = escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        out.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn jwt(text: &[u8], start: usize) -> Option<Span> {
    if !text[start..].starts_with(b"eyJ") || !begins(text, start) {
        return None;
    }
    let head = run(text, start, Alphabet::Url);
    let body = (head + 1).min(text.len());
    if text.get(head) != Some(&b'.') || !text[body..].starts_with(b"eyJ") {
        return None;
    }
    let claims = run(text, body, Alphabet::Url);
    let signature = (claims + 1).min(text.len());
    let end = run(text, signature, Alphabet::Url);
    let fits = text.get(claims) == Some(&b'.') && head - start >= 16 && claims - body >= 16 && end - signature >= 20;
    let said = std::str::from_utf8(&text[signature..end]).ok()?;
    (fits && !is_placeholder(said) && !repeats(said)).then_some(("a signed web token", start, end))
}

fn basic(text: &[u8], start: usize) -> Option<Span> {
    let end = run(text, start, Alphabet::Base64);
    let decoded = decode(&text[start..end])?;
    let decoded = std::str::from_utf8(&decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    (end - start >= 12 && user != password && user != "Aladdin" && chosen(password)).then_some((
        "a password in a header",
        start,
        end,
    ))
}

/// Base64; nothing where it is none.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0u32, 0u32);
    for &byte in text.iter().filter(|b| **b != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

/// The private part of a key as JSON, in the object that says its type.
fn jwk(text: &[u8], start: usize, end: usize) -> Option<Span> {
    let gap = text[end..].iter().take(8).take_while(|b| b.is_ascii_whitespace() || **b == b':').count();
    let first = end + gap + 1;
    if text.get(first - 1) != Some(&b'"') {
        return None;
    }
    let last = run(text, first, Alphabet::Url);
    if last - first < 40 {
        return None;
    }
    let object = back(text, start, 1500, |b| b != b'{' && b != b'}');
    let object_end = last + text[last..].iter().take(1500).take_while(|b| !matches!(b, b'{' | b'}')).count();
    find(&text[object..object_end], b"\"kty\"").map(|_| ("a private key", first, last))
}

/// The first value under `data:` that is base64.
fn kubernetes(text: &[u8], end: usize) -> Option<Span> {
    let until = text.len().min(end + 2000);
    let document = find(&text[end..until], b"\n---").map_or(until, |n| end + n);
    let mut at = end + find(&text[end..document], b"\ndata:")? + 6;
    while at < document {
        let line = text[at..document].iter().position(|b| *b == b'\n').map_or(document, |n| at + n);
        let here = &text[at..line];
        if !here.is_empty() && !here.starts_with(b" ") && !here.starts_with(b"\t") && !here.starts_with(b"\r") {
            return None;
        }
        if let Some(colon) = here.iter().position(|b| *b == b':') {
            let value = here[colon + 1..].trim_ascii();
            let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
            let base64 =
                value.len() >= 8 && value.len().is_multiple_of(4) && value.iter().all(|b| Alphabet::Base64.has(*b));
            if base64 && decode(value).is_some_and(|d| !is_placeholder(&String::from_utf8_lossy(&d))) {
                let start = at + colon + 1;
                return Some(("a Kubernetes secret", start, line));
            }
        }
        at = line + 1;
    }
    None
}
