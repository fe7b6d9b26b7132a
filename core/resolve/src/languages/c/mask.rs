//! Macros that the grammar cannot read: in the place of a keyword, an attribute, a loop, a type among arguments. They are
//! masked, byte for byte, so that the rest of the text parses and every offset stays.

use super::lexer::{Kind, Token, tokens};
use super::macros::is_keyword;
use deepcoder_types::TextRange;

/// A text with masks.
pub(super) struct Masked {
    pub(super) text: String,
    /// Names that are masked and mean what they would mean at the file's level.
    pub(super) words: Vec<TextRange>,
    /// Arguments of masked macros: the callee, the position, the text.
    pub(super) arguments: Vec<(String, u32, TextRange)>,
}

/// Words that only a type or a storage class begins with, so that a name before them is none.
const BEGINNINGS: &[&str] = &[
    "void",
    "char",
    "short",
    "int",
    "long",
    "float",
    "double",
    "signed",
    "unsigned",
    "struct",
    "union",
    "enum",
    "static",
    "extern",
    "inline",
    "typedef",
    "bool",
    "_Bool",
    "register",
    "size_t",
    "class",
    "virtual",
    "explicit",
    "constexpr",
];

const QUALIFIERS: &[&str] = &["const", "volatile", "restrict", "_Atomic"];

struct Masker<'t> {
    tokens: Vec<Token<'t>>,
    bytes: Vec<u8>,
    words: Vec<TextRange>,
    arguments: Vec<(String, u32, TextRange)>,
    /// The closing bracket of each opening one.
    closes: Vec<Option<usize>>,
    /// How many braces are around each token, but for those of `extern "C"` and namespaces.
    depth: Vec<usize>,
    /// Whether a token ends the members of a type.
    members: Vec<bool>,
    /// Whether a token is directly among the members of a type.
    inside: Vec<bool>,
}

/// Masks a text; `flat` takes the conditions within functions away, so that all of their branches are one.
pub(super) fn masked(text: &str, c: bool, flat: bool) -> Masked {
    let mut masker = Masker::new(text, flat);
    masker.specifiers();
    masker.calls(c);
    let text = String::from_utf8(masker.bytes).unwrap_or_else(|_| text.to_owned());
    Masked { text, words: masker.words, arguments: masker.arguments }
}

/// The brackets around a token.
#[derive(Clone, Default)]
struct Around {
    /// Opening brackets.
    open: Vec<usize>,
    braces: Vec<Brace>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Brace {
    /// Of `extern "C"` or a namespace: what is in it is as it is outside.
    Outer,
    /// Of a type.
    Type,
    /// Of anything else.
    Block,
}

fn offset(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}

fn is_loud(word: &str) -> bool {
    word.len() > 1 && !word.contains(char::is_lowercase)
}

impl<'t> Masker<'t> {
    fn new(text: &'t str, flat: bool) -> Self {
        let mut masker = Self {
            tokens: Vec::new(),
            bytes: text.as_bytes().to_vec(),
            words: Vec::new(),
            arguments: Vec::new(),
            closes: Vec::new(),
            depth: Vec::new(),
            members: Vec::new(),
            inside: Vec::new(),
        };
        let mut around = Around::default();
        // The brackets where the conditions around began.
        let mut conditions: Vec<Around> = Vec::new();
        let mut all = tokens(text).into_iter();
        while let Some(token) = all.next() {
            if token.kind != Kind::Hash {
                masker.add(token, &mut around);
                continue;
            }
            match token.text {
                "if" | "ifdef" | "ifndef" => conditions.push(around.clone()),
                "else" | "elif" => around = conditions.last().cloned().unwrap_or_default(),
                "endif" => _ = conditions.pop(),
                _ => {}
            }
            let end = all.by_ref().find(|token| token.kind == Kind::End).map_or(text.len(), |end| end.at);
            let inside = around.braces.contains(&Brace::Block) || !around.open.is_empty();
            if flat && inside && matches!(token.text, "if" | "ifdef" | "ifndef" | "else" | "elif" | "endif") {
                masker.blank(TextRange::new(offset(token.at), offset(end)));
            }
        }
        masker
    }

    fn add(&mut self, token: Token<'t>, around: &mut Around) {
        let index = self.tokens.len();
        let before = |back: usize| index.checked_sub(back).map_or("", |index| self.text(index));
        let mut member = false;
        match token.text {
            "(" | "[" => around.open.push(index),
            ")" | "]" => {
                if let Some(slot) = around.open.pop().and_then(|at| self.closes.get_mut(at)) {
                    *slot = Some(index);
                }
            }
            "{" => {
                let head = (1..=24).map(before).take_while(|text| !matches!(*text, ";" | "}" | "{" | ")" | "=" | ""));
                let is = |words: &[&str]| head.clone().any(|text| words.contains(&text));
                let brace = match () {
                    () if before(2) == "extern" || is(&["namespace"]) => Brace::Outer,
                    () if is(&["struct", "union", "enum", "class"]) => Brace::Type,
                    () => Brace::Block,
                };
                around.braces.push(brace);
                around.open.clear();
            }
            "}" => {
                member = around.braces.pop() == Some(Brace::Type);
                around.open.clear();
            }
            _ => {}
        }
        self.tokens.push(token);
        self.closes.push(None);
        self.members.push(member);
        self.inside.push(around.braces.last() == Some(&Brace::Type));
        self.depth.push(around.braces.iter().filter(|brace| **brace != Brace::Outer).count());
    }

    fn token(&self, index: usize) -> Option<&Token<'t>> {
        self.tokens.get(index)
    }

    fn text(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| token.text)
    }

    fn before(&self, index: usize) -> &'t str {
        index.checked_sub(1).map_or("", |index| self.text(index))
    }

    /// Whether a token is a name and no keyword.
    fn name(&self, index: usize) -> bool {
        self.token(index)
            .is_some_and(|token| token.kind == Kind::Word && !is_keyword(token.text) && token.text != "size_t")
    }

    fn range(&self, first: usize, last: usize) -> TextRange {
        let start = self.token(first).map_or(0, |token| token.at);
        let end = self.token(last).map_or(start, |token| token.at + token.text.len());
        TextRange::new(offset(start), offset(end))
    }

    fn blank(&mut self, at: TextRange) {
        for byte in self.bytes.get_mut(at.as_range()).into_iter().flatten() {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }

    fn put(&mut self, at: u32, text: &str) {
        let range = at as usize..at as usize + text.len();
        if let Some(there) = self.bytes.get_mut(range) {
            there.copy_from_slice(text.as_bytes());
        }
    }

    fn hide(&mut self, index: usize) {
        let at = self.range(index, index);
        self.words.push(at);
        self.blank(at);
    }

    /// Words after each other: one is the type and the last one is what is declared, the other ones are macros.
    fn specifiers(&mut self) {
        let mut index = 0;
        while index < self.tokens.len() {
            let first = index;
            let word = |index: usize| self.token(index).is_some_and(|token| token.kind == Kind::Word);
            if !word(first) {
                index += 1;
                continue;
            }
            let mut end = first;
            while word(end) {
                end += 1;
            }
            index = end.max(first + 1);
            let names: Vec<usize> = (first..end).filter(|at| self.name(*at)).collect();
            let typed = (first..end).any(|at| {
                BEGINNINGS.contains(&self.text(at))
                    && !matches!(
                        self.text(at),
                        "static" | "extern" | "inline" | "typedef" | "register" | "virtual" | "explicit" | "constexpr"
                    )
            });
            let tagged = (first..end).any(|at| matches!(self.text(at), "struct" | "union" | "enum" | "class"));
            let other = (first..end).any(|at| {
                let text = self.text(at);
                is_keyword(text) && !BEGINNINGS.contains(&text) && !QUALIFIERS.contains(&text)
            });
            let after_pointer = matches!(self.before(first), "*" | "&" | ">") && names.len() == end - first;
            let next = self.text(end);
            let declares = matches!(next, "(" | ";" | "=" | "[" | "," | ":" | "{" | ")");
            if other || names.is_empty() {
                continue;
            }
            // `local void f`: a name before what begins a type is none.
            let begins = |at: usize| BEGINNINGS.contains(&self.text(at));
            let lead: Vec<usize> =
                names.iter().copied().filter(|at| (at + 1..end).any(begins) && !tagged_by(self, *at)).collect();
            let mut rest: Vec<usize> = names.iter().copied().filter(|at| !lead.contains(at)).collect();
            let mut hidden = lead;
            // `f OF((int a))`
            let wrapped = next == "(" && self.text(end + 1) == "(" && rest.len() > 1;
            if wrapped
                && let Some(last) = rest.last().copied().filter(|last| is_loud(self.text(*last)))
                && let Some(close) = self.closes.get(end).copied().flatten()
            {
                rest.pop();
                hidden.push(last);
                let (open, close) = (self.range(end, end), self.range(close, close));
                self.blank(open);
                self.blank(close);
            }
            // `class EXPORT A {`
            if let ([first, _], true) = (rest.as_slice(), tagged && matches!(next, "{" | ":"))
                && is_loud(self.text(*first))
                && tagged_by(self, *first)
            {
                hidden.push(rest.remove(0));
            }
            let of_type = first.checked_sub(1).and_then(|at| self.members.get(at)).copied().unwrap_or(false);
            let pointer = next == "*";
            let wanted = match () {
                () if pointer => usize::from(tagged || !typed),
                () if tagged => 2,
                () if typed || after_pointer || of_type => 1,
                () => 2,
            };
            // `int n GUARDED_BY(lock);`
            let inside = self.inside.get(first).copied().unwrap_or(false);
            if inside
                && next == "("
                && rest.len() > wanted
                && let Some(last) = rest.last().copied().filter(|last| is_loud(self.text(*last)))
                && let Some(close) = self.closes.get(end).copied().flatten()
            {
                rest.pop();
                let at = self.range(last, close);
                self.blank(at);
            }
            if declares || pointer || wrapped {
                while rest.len() > wanted {
                    // The last one is what is declared, or the type before a pointer.
                    let movable = rest.len() - usize::from(!pointer);
                    let candidates: Vec<usize> =
                        (0..movable).filter(|at| !rest.get(*at).is_some_and(|at| tagged_by(self, *at))).collect();
                    let loud =
                        candidates.iter().copied().find(|at| rest.get(*at).is_some_and(|at| is_loud(self.text(*at))));
                    let Some(chosen) = loud.or(candidates.first().copied()) else {
                        break;
                    };
                    hidden.push(rest.remove(chosen));
                }
            }
            for at in hidden {
                self.hide(at);
            }
        }
    }

    fn calls(&mut self, c: bool) {
        for index in 0..self.tokens.len() {
            let depth = self.depth.get(index).copied().unwrap_or(0);
            let inside = self.inside.get(index).copied().unwrap_or(false);
            if (depth == 0 || inside) && self.before(index) == ")" && self.name(index) {
                self.trailing(index);
                continue;
            }
            if !self.name(index) || self.text(index + 1) != "(" {
                continue;
            }
            let Some(close) = self.closes.get(index + 1).copied().flatten() else { continue };
            let fresh = matches!(self.before(index), "" | ";" | "}" | "{" | ":" | ")" | "else");
            let next = self.text(close + 1);
            if depth > 0 && fresh && next == "{" && c {
                self.record(index, close);
                let at = self.range(index, index);
                self.blank(at);
                self.put(at.start, if at.end - at.start >= 2 { "if" } else { " " });
                self.words.push(at);
                continue;
            }
            let word = self.token(close + 1).is_some_and(|token| token.kind == Kind::Word);
            if depth == 0
                && matches!(self.before(index), "" | ";" | "}")
                && word
                && is_loud(self.text(index))
                && next != "const"
            {
                let types = BEGINNINGS.contains(&next) || next == "const" || self.name(close + 1);
                let newline = self.breaks(close, close + 1);
                if types && newline {
                    let at = self.range(index, close);
                    self.blank(at);
                }
                continue;
            }
            if depth > 0 && (c || !fresh) && !self.declares(index) {
                self.types(index, close);
            }
        }
    }

    fn breaks(&self, one: usize, other: usize) -> bool {
        let range = self.range(one, other);
        self.bytes.get(range.as_range()).is_some_and(|bytes| bytes.contains(&b'\n'))
    }

    /// Whether what is called is declared: a type stands before it.
    fn declares(&self, index: usize) -> bool {
        let before = index.checked_sub(1).and_then(|index| self.token(index));
        before.is_some_and(|token| match token.kind {
            Kind::Word => !matches!(token.text, "return" | "else" | "case" | "do"),
            _ => matches!(token.text, "*" | "&" | ">" | "~"),
        })
    }

    /// `f(void) PURE;`, `f(const char *, ...) FORMAT(1, 2);`
    fn trailing(&mut self, index: usize) {
        let end = match self.text(index + 1) {
            "(" => self.closes.get(index + 1).copied().flatten(),
            _ => Some(index),
        };
        let Some(end) = end.filter(|end| matches!(self.text(end + 1), ";" | "{" | "=")) else { return };
        if end == index {
            self.hide(index);
        } else {
            let at = self.range(index, end);
            self.blank(at);
        }
    }

    fn record(&mut self, index: usize, close: usize) {
        let mut from = index + 2;
        let mut position = 0;
        let mut at = from;
        while at <= close {
            if matches!(self.text(at), "(" | "[") {
                at = self.closes.get(at).copied().flatten().unwrap_or(at) + 1;
                continue;
            }
            if at == close || self.text(at) == "," {
                if from < at {
                    let range = self.range(from, at - 1);
                    self.arguments.push((self.text(index).to_owned(), position, range));
                }
                position += 1;
                from = at + 1;
            }
            at += 1;
        }
    }

    /// Arguments that are types become numbers.
    fn types(&mut self, index: usize, close: usize) {
        let mut from = index + 2;
        let mut at = from;
        while at <= close {
            if matches!(self.text(at), "(" | "[") {
                at = self.closes.get(at).copied().flatten().unwrap_or(at) + 1;
                continue;
            }
            if at == close || self.text(at) == "," {
                let type_first = BEGINNINGS.contains(&self.text(from)) || QUALIFIERS.contains(&self.text(from));
                let pointer = at > from + 1 && self.text(at - 1) == "*";
                if from < at && (type_first || pointer) {
                    let range = self.range(from, at - 1);
                    self.blank(range);
                    self.put(range.start, "0");
                }
                from = at + 1;
            }
            at += 1;
        }
    }
}

/// Whether a name is the tag of a type.
fn tagged_by(masker: &Masker<'_>, index: usize) -> bool {
    matches!(masker.before(index), "struct" | "union" | "enum" | "class")
}
