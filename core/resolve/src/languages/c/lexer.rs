//! The tokens of C, as far as names need them: also of what no grammar reads, the bodies of macros.

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Word,
    /// A number.
    Number,
    /// A string or a character.
    Text,
    /// `#`.
    Hash,
    /// `##`.
    Paste,
    /// `->`.
    Arrow,
    /// Any other character.
    Mark,
    /// The end of a directive.
    End,
}

/// A token and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    pub(crate) text: &'t str,
    pub(crate) at: usize,
}

/// Directives whose lines are no code.
const PROSE: &[&str] = &["include", "include_next", "import", "error", "warning", "line", "ident"];

/// What stands before a string in one token with it.
const PREFIXES: &[&str] = &["L", "u", "U", "u8", "R", "LR", "uR", "UR", "u8R"];

pub(crate) fn is_word(byte: u8) -> bool {
    byte == b'_' || byte == b'$' || byte.is_ascii_alphanumeric() || byte >= 0x80
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// Only whitespace stands before this in its line.
    fresh: bool,
    /// In a directive; its end gets a token of its own.
    directive: bool,
    out: Vec<Token<'t>>,
}

/// The tokens of a whole text.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    run(text, true)
}

/// The tokens of a part of a line, such as a macro's body.
pub(crate) fn body(text: &str) -> Vec<Token<'_>> {
    run(text, false)
}

fn run(text: &str, fresh: bool) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, fresh, directive: false, out: Vec::new() };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.out
}

impl<'t> Lexer<'t> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, from: usize) {
        let text = self.text.get(from..self.at).unwrap_or("");
        self.out.push(Token { kind, text, at: from });
        self.fresh = false;
    }

    fn step(&mut self) {
        let from = self.at;
        let byte = self.peek(0);
        match (byte, self.peek(1)) {
            (b'\n', _) => {
                self.at += 1;
                if std::mem::take(&mut self.directive) {
                    self.push(Kind::End, from);
                }
                self.fresh = true;
            }
            (b'\\', b'\n') => self.at += 2,
            (b'\\', b'\r') => self.at += 3,
            (b'/', b'/') => self.skip_line(false),
            (b'/', b'*') => {
                let rest = self.text.get(from + 2..).unwrap_or("");
                self.at = rest.find("*/").map_or(self.bytes.len(), |end| from + 2 + end + 2);
            }
            (b'"' | b'\'', _) => {
                self.quoted(byte);
                self.push(Kind::Text, from);
            }
            (b'#', b'#') => {
                self.at += 2;
                self.push(Kind::Paste, from);
            }
            (b'#', _) => {
                let fresh = self.fresh;
                self.at += 1;
                self.push(Kind::Hash, from);
                if fresh {
                    self.directive = true;
                    self.begin_directive();
                }
            }
            (b'-', b'>') => {
                self.at += 2;
                self.push(Kind::Arrow, from);
            }
            _ if byte.is_ascii_digit() || byte == b'.' && self.peek(1).is_ascii_digit() => {
                self.number();
                self.push(Kind::Number, from);
            }
            _ if is_word(byte) => self.word(from),
            _ if byte.is_ascii_whitespace() => self.at += 1,
            _ => {
                self.at += 1;
                self.push(Kind::Mark, from);
            }
        }
    }

    fn word(&mut self, from: usize) {
        while is_word(self.peek(0)) {
            self.at += 1;
        }
        let word = self.text.get(from..self.at).unwrap_or("");
        match self.peek(0) {
            quote @ (b'"' | b'\'') if PREFIXES.contains(&word) => {
                if word.ends_with('R') && quote == b'"' {
                    self.raw()
                } else {
                    self.quoted(quote)
                }
                self.push(Kind::Text, from);
            }
            _ => self.push(Kind::Word, from),
        }
    }

    fn number(&mut self) {
        loop {
            let byte = self.peek(0);
            let sign = matches!(byte, b'+' | b'-')
                && self
                    .at
                    .checked_sub(1)
                    .and_then(|at| self.bytes.get(at))
                    .is_some_and(|b| matches!(b, b'e' | b'E' | b'p' | b'P'));
            let separator = byte == b'\'' && is_word(self.peek(1));
            if !(is_word(byte) || byte == b'.' || sign || separator) {
                return;
            }
            self.at += 1;
        }
    }

    /// A string or a character; it ends with its line where the quote is missing.
    fn quoted(&mut self, quote: u8) {
        self.at += 1;
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'\\', b'\r') => self.at += 3,
                (b'\\', _) => self.at += 2,
                (b'\n', _) => break,
                (byte, _) => {
                    if self.at >= self.bytes.len() {
                        break;
                    }
                    self.at += 1;
                    if byte == quote {
                        break;
                    }
                }
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    fn raw(&mut self) {
        let rest = self.text.get(self.at + 1..).unwrap_or("");
        let end = rest.split_once('(').and_then(|(mark, inside)| {
            let close = format!("){mark}\"");
            Some(mark.len() + 1 + inside.find(&close)? + close.len())
        });
        self.at = end.map_or(self.bytes.len(), |end| self.at + 1 + end);
    }

    fn begin_directive(&mut self) {
        while matches!(self.peek(0), b' ' | b'\t') {
            self.at += 1;
        }
        let from = self.at;
        while is_word(self.peek(0)) {
            self.at += 1;
        }
        let word = self.text.get(from..self.at).unwrap_or("");
        // The directive is that of the mark.
        if let Some(mark) = self.out.last_mut() {
            mark.text = word;
        }
        if PROSE.contains(&word) {
            self.skip_line(true);
        }
    }

    /// To the end of the line, or to a comment that may go on in the next one.
    fn skip_line(&mut self, comments: bool) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'\\', b'\r') => self.at += 3,
                (b'\\', b'\n') => self.at += 2,
                (b'\n', _) => break,
                (b'/', b'*') if comments => break,
                _ if self.at >= self.bytes.len() => break,
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.bytes.len());
    }
}
