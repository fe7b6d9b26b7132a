//! Values that are given to a secret's name: `password: …`, `export API_KEY=…`, `"token" => "…"`.

use super::value::{is_password, is_placeholder, is_random, is_uuid, repeats};

/// The kind of value that a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// People choose it.
    Password,
    /// A machine made it.
    Secret,
    /// The same; a UUID is more often the name of a request.
    Token,
    /// The same, of names that mean other things more often.
    Weak,
}

/// Parts of names, in lower case; each may have a boundary on its left that has to be there.
pub(super) const NAMES: &[(&str, Class, bool)] = &[
    ("password", Class::Password, false),
    ("passwd", Class::Password, false),
    ("passphrase", Class::Password, false),
    ("passwort", Class::Password, false),
    ("pwd", Class::Password, true),
    ("pass", Class::Password, true),
    ("secret", Class::Secret, false),
    ("token", Class::Token, false),
    ("apikey", Class::Secret, false),
    ("api_key", Class::Secret, false),
    ("api-key", Class::Secret, false),
    ("api.key", Class::Secret, false),
    ("accesskey", Class::Secret, false),
    ("access_key", Class::Secret, false),
    ("access-key", Class::Secret, false),
    ("accountkey", Class::Secret, false),
    ("account_key", Class::Secret, false),
    ("privatekey", Class::Secret, false),
    ("private_key", Class::Secret, false),
    ("private-key", Class::Secret, false),
    ("secretkey", Class::Secret, false),
    ("secretaccesskey", Class::Secret, false),
    ("signingkey", Class::Secret, false),
    ("signing_key", Class::Secret, false),
    ("encryptionkey", Class::Secret, false),
    ("encryption_key", Class::Secret, false),
    ("masterkey", Class::Secret, false),
    ("master_key", Class::Secret, false),
    ("authkey", Class::Secret, false),
    ("auth_key", Class::Secret, false),
    ("licensekey", Class::Secret, false),
    ("license_key", Class::Secret, false),
    ("credential", Class::Secret, false),
    ("credentials", Class::Secret, false),
    ("identified by", Class::Password, true),
    ("auth", Class::Weak, true),
    ("_key", Class::Weak, false),
    ("-key", Class::Weak, false),
    ("_pw", Class::Password, false),
];

/// How a name goes on that is about a secret, and names none.
const ABOUT: &[&str] = &[
    "file",
    "path",
    "url",
    "uri",
    "name",
    "type",
    "len",
    "length",
    "size",
    "count",
    "field",
    "env",
    "var",
    "header",
    "prefix",
    "suffix",
    "hash",
    "digest",
    "sha",
    "sha1",
    "sha256",
    "checksum",
    "ttl",
    "expiry",
    "expires",
    "arn",
    "ref",
    "label",
    "regex",
    "pattern",
    "policy",
    "format",
    "index",
    "pos",
    "kind",
    "hint",
    "id",
    "ids",
    "version",
    "hex",
    "text",
    "input",
    "title",
    "placeholder",
    "fingerprint",
    "endpoint",
    "algorithm",
    "class",
    "test",
    "schema",
    "last",
    "used",
    "date",
    "time",
    "age",
    "created",
    "updated",
    "changed",
];

/// Prefixes of names whose values are public.
const PUBLIC: &[&str] = &[
    "public",
    "pub",
    "primary",
    "foreign",
    "cache",
    "sort",
    "partition",
    "idempotency",
    "row",
    "next",
    "lock",
    "change",
    "request",
    "page",
    "continuation",
    "sync",
    "publishable",
    "hash",
    "host",
    "object",
    "storage",
    "s3",
    "sitekey",
    "site",
    "translation",
];

/// How far a name or a value is followed.
const MOST_NAME: usize = 48;
const MOST_VALUE: usize = 512;
const MOST_BARE: usize = 200;

/// The value that the name at `start..end` of `text` is given, if that is a secret: where it begins and ends.
pub(super) fn assigned(text: &[u8], start: usize, end: usize, class: Class, boundary: bool) -> Option<(usize, usize)> {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let left = text[..start].iter().rev().take(MOST_NAME).take_while(|b| word(**b)).count();
    let begin = start - left;
    let before = start.checked_sub(1).map(|at| text[at]);
    if boundary && before.is_some_and(|b| b.is_ascii_alphanumeric()) && !camel(text, start) {
        return None;
    }
    // `tokenizer`, `passing`, `passValue`: another word.
    let next = text.get(end).copied().unwrap_or(b' ');
    if next.is_ascii_lowercase() || boundary && next.is_ascii_uppercase() && text[end - 1].is_ascii_lowercase() {
        return None;
    }
    let right = text[end..].iter().take(MOST_NAME).take_while(|b| word(**b)).count();
    let name_end = end + right;
    if is_about(&text[end..name_end]) || is_public(&text[begin..start]) {
        return None;
    }
    let mut reader = Reader { text, at: name_end };
    let flag = text[..start].iter().rev().take(left + 2).take(MOST_NAME).any(|b| *b == b'-')
        && text.get(begin..begin + 2) == Some(b"--");
    let element = begin > 0 && text[begin - 1] == b'<';
    let spaced = flag || element_value(text, begin) || in_words(text, begin, class);
    let separator = reader.separator(spaced, element)?;
    let value = reader.value(separator)?;
    let said = std::str::from_utf8(text.get(value.start..value.end)?).ok()?;
    judge(said, value.quoted, class).then_some((value.start, value.end))
}

/// Whether a capital begins a word of a name here: `dbPass`.
fn camel(text: &[u8], start: usize) -> bool {
    text[start].is_ascii_uppercase() && text[start - 1].is_ascii_lowercase()
}

fn parts(name: &[u8]) -> impl Iterator<Item = String> {
    let mut parts = vec![String::new()];
    let mut last = b'_';
    for &byte in name {
        let new = !byte.is_ascii_alphanumeric() || (byte.is_ascii_uppercase() && last.is_ascii_lowercase());
        if new {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut().filter(|_| byte.is_ascii_alphanumeric()) {
            part.push(char::from(byte.to_ascii_lowercase()));
        }
        last = byte;
    }
    parts.into_iter().filter(|part| !part.is_empty())
}

fn is_about(rest: &[u8]) -> bool {
    !rest.is_empty() && parts(rest).any(|part| ABOUT.contains(&part.as_str()))
}

fn is_public(front: &[u8]) -> bool {
    !front.is_empty() && parts(front).last().is_some_and(|part| PUBLIC.contains(&part.as_str()))
}

/// `ENV NAME value` of a Dockerfile.
fn element_value(text: &[u8], begin: usize) -> bool {
    let line = text[..begin].iter().rev().take(16).take_while(|b| **b != b'\n').count();
    let line = &text[begin - line..begin];
    line.trim_ascii().eq_ignore_ascii_case(b"env")
}

/// `machine … login … password VALUE` of a netrc, `IDENTIFIED BY 'VALUE'` of SQL.
fn in_words(text: &[u8], begin: usize, class: Class) -> bool {
    let line = text[..begin].iter().rev().take(120).take_while(|b| **b != b'\n').count();
    let line = &text[begin - line..begin];
    let has = |word: &[u8]| line.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word));
    class == Class::Password && (has(b"login ") || has(b"machine ") || has(b"create user ") || has(b"alter user "))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    Plain,
    /// Only a value in quotes can follow.
    Quotes,
    /// The same, on this line: a list of names goes on.
    Next,
    /// The value ends where the next element begins.
    Element,
}

struct Value {
    start: usize,
    end: usize,
    quoted: bool,
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(b'\n')
    }

    fn starts(&self, with: &[u8]) -> bool {
        self.text[self.at.min(self.text.len())..].starts_with(with)
    }

    fn spaces(&mut self) -> usize {
        let n =
            self.text[self.at.min(self.text.len())..].iter().take(32).take_while(|b| matches!(b, b' ' | b'\t')).count();
        self.at += n;
        n
    }

    fn separator(&mut self, spaced: bool, element: bool) -> Option<Separator> {
        if element && self.peek() == b'>' {
            self.at += 1;
            return Some(Separator::Element);
        }
        let closed = self.at;
        while self.at < closed + 4 && matches!(self.peek(), b'"' | b'\'' | b'`' | b')' | b']' | b'\\') {
            self.at += 1;
        }
        let closed = self.at > closed;
        let spaces = self.spaces();
        for mark in [&b"<-"[..], b"===", b"!==", b"==", b"!=", b"=>", b"::=", b":=", b"?=", b"||", b"??", b"="] {
            if self.starts(mark) {
                self.at += mark.len();
                let quotes = !matches!(mark, b"=" | b":=" | b"?=" | b"::=");
                return Some(if quotes { Separator::Quotes } else { Separator::Plain });
            }
        }
        if self.peek() == b':' && !self.starts(b"::") {
            self.at += 1;
            self.skip_type();
            return Some(Separator::Plain);
        }
        if closed && self.starts(b"value=") {
            self.at += 6;
            return Some(Separator::Quotes);
        }
        if self.peek() == b',' && closed {
            self.at += 1;
            return Some(Separator::Next);
        }
        if self.peek() == b'(' && spaces == 0 {
            self.at += 1;
            return Some(Separator::Quotes);
        }
        (spaced && spaces > 0).then_some(Separator::Plain)
    }

    /// A type between a name and its value: `: &str =`.
    fn skip_type(&mut self) {
        let rest = &self.text[self.at.min(self.text.len())..];
        let of_type = |b: &u8| b.is_ascii_alphanumeric() || b" _&'<>[]|?:.".contains(b);
        let length = rest.iter().take(MOST_NAME).take_while(|b| of_type(b)).count();
        let named = rest[..length].iter().any(u8::is_ascii_alphabetic);
        if named && rest.get(length) == Some(&b'=') && rest.get(length + 1) != Some(&b'=') && rest[length - 1] == b' ' {
            self.at += length + 1;
        }
    }

    fn value(&mut self, separator: Separator) -> Option<Value> {
        let from = self.at;
        self.spaces();
        if matches!(self.peek(), b'(' | b'[' | b'{') && matches!(self.text.get(self.at + 1), Some(b'\n' | b'\r')) {
            self.at += 1;
        }
        // A value on the next line is in quotes.
        if matches!(self.peek(), b'\n' | b'\r') || self.starts(b"\\\n") {
            if separator == Separator::Next {
                return None;
            }
            while self.at < from + 80 && matches!(self.peek(), b'\n' | b'\r' | b' ' | b'\t' | b'\\') {
                self.at += 1;
            }
            if !matches!(self.peek(), b'"' | b'\'' | b'`') {
                return None;
            }
        }
        if separator == Separator::Element {
            let rest = &self.text[self.at..];
            let length = rest.iter().take(MOST_VALUE).position(|b| matches!(b, b'<' | b'\n'))?;
            return Some(Value { start: self.at, end: self.at + length, quoted: true });
        }
        if self.quote() {
            return self.quoted();
        }
        if matches!(separator, Separator::Quotes | Separator::Next) { None } else { self.bare() }
    }

    /// Go to the quote that a value begins with: brackets, a prefix of a string or the name of a function may be there.
    fn quote(&mut self) -> bool {
        let rest = &self.text[self.at.min(self.text.len())..];
        let open = |b: &u8| b.is_ascii_alphanumeric() || b" _:.([{@&#!\\".contains(b);
        let length = rest.iter().take(MOST_NAME).take_while(|b| open(b)).count();
        let Some(b'"' | b'\'' | b'`') = rest.get(length) else { return false };
        let front = &rest[..length];
        let called = front.iter().all(|b| b"([{@&\\ ".contains(b))
            || (length <= 3 && front.iter().all(|b| b.is_ascii_alphabetic() || *b == b'#'))
            || front.ends_with(b"(");
        if called {
            self.at += length;
        }
        called
    }

    fn quoted(&mut self) -> Option<Value> {
        let quote = self.peek();
        let triple = self.starts(&[quote; 3]);
        let start = self.at + if triple { 3 } else { 1 };
        let rest = self.text.get(start..)?;
        let length = rest.iter().take(MOST_VALUE).position(|b| *b == quote || *b == b'\n')?;
        if rest[length] == b'\n' {
            return None;
        }
        let escaped = usize::from(length > 0 && rest[length - 1] == b'\\');
        Some(Value { start, end: start + length - escaped, quoted: true })
    }

    /// A value without quotes. Program text is none.
    fn bare(&mut self) -> Option<Value> {
        let start = self.at;
        let rest = &self.text[start.min(self.text.len())..];
        let ends = |b: &u8| b.is_ascii_whitespace() || b"\"'`<>,;|(){}[]=".contains(b);
        let length = rest.iter().take(MOST_BARE).position(ends).unwrap_or_else(|| rest.len().min(MOST_BARE));
        // The padding of base64 is a part of the value, and the `=` of another assignment is not.
        let equals = rest[length..].iter().take(3).take_while(|b| **b == b'=').count();
        let goes_on = rest.get(length + equals).is_some_and(u8::is_ascii_alphanumeric);
        let length = if goes_on { length } else { length + equals };
        let code = matches!(rest.get(length), Some(b'(' | b'[' | b'{' | b'<' | b'"' | b'\'' | b'`'));
        if code || rest[..length].windows(2).any(|w| w == b"::" || w == b"->" || w == b"&&") {
            return None;
        }
        // The rest of a web address.
        let length = rest[..length].iter().position(|b| *b == b'&').filter(|at| *at >= 16).unwrap_or(length);
        Some(Value { start, end: start + length, quoted: false })
    }
}

fn judge(value: &str, quoted: bool, class: Class) -> bool {
    let value = value.trim();
    if value.contains("://") || value.starts_with(['/', '.', '~', '!']) && !quoted && value.contains('/') {
        return false;
    }
    // A path through the fields of a program's values.
    let fields = !quoted && value.contains('.') && value.split('.').all(|part| !is_random(part));
    if fields || value.contains(char::is_whitespace) {
        return false;
    }
    let random = is_random(value);
    match class {
        Class::Weak => random && value.len() >= 20,
        Class::Token => random,
        Class::Secret => random || is_uuid(value) && !is_placeholder(value) && !repeats(value),
        Class::Password => random || is_password(value) && (quoted || strong(value)),
    }
}

/// Without quotes a password has a sign that names do not have.
fn strong(value: &str) -> bool {
    value.bytes().any(|b| b"!@#$%^&*?~".contains(&b)) && !value.starts_with(['&', '*', '$', '!', '%', '@', '#'])
}
