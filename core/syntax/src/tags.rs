//! Reads `tags.scm` files and matches them against single nodes.
//!
//! They are written in the query language of tree-sitter, of which they need a small part: kinds, fields, alternatives,
//! captures and three predicates. tree-sitter's own queries are not used: compiling one takes as long as parsing a large file
//! (tens of milliseconds for C++), and matching one against hostile nesting takes time that grows with the square of the depth.

use std::collections::HashMap;
use tree_sitter::Node;

/// The patterns of a language by the kind of the node that they define, in their order.
pub(crate) struct Tags(HashMap<&'static str, Vec<Pattern>>);

struct Pattern {
    root: Matcher,
    predicates: Vec<Predicate>,
}

/// The conditions on a node.
struct Matcher {
    shape: Shape,
    captures: Vec<&'static str>,
}

enum Shape {
    /// Any named node.
    Any,
    /// A node of this kind, with children that fit.
    Kind(&'static str, Vec<(Option<&'static str>, Matcher)>),
    /// The text in quotes.
    Anonymous(&'static str),
    OneOf(Vec<Matcher>),
}

/// `(#name? @capture argument…)`.
struct Predicate {
    name: &'static str,
    capture: &'static str,
    arguments: Vec<&'static str>,
}

/// The nodes that a pattern captures.
pub(crate) struct Captures<'t>(Vec<(&'static str, Node<'t>)>);

impl<'t> Captures<'t> {
    pub(crate) fn get(&self, name: &str) -> Option<Node<'t>> {
        self.0.iter().find(|(of, _)| *of == name).map(|(_, node)| *node)
    }
}

impl Tags {
    /// `None` where a file is malformed, which a test rules out.
    pub(crate) fn new(sources: &[&'static str]) -> Option<Self> {
        let mut patterns: HashMap<&'static str, Vec<Pattern>> = HashMap::new();
        for source in sources {
            let mut reader = Reader { rest: source };
            while reader.peek().is_some() {
                let pattern = reader.pattern()?;
                let Shape::Kind(kind, _) = pattern.root.shape else { return None };
                patterns.entry(kind).or_default().push(pattern);
            }
        }
        Some(Self(patterns))
    }

    /// The captures of the first pattern that `node` fits and that captures it under a name with this prefix, with the rest
    /// of that name.
    pub(crate) fn captures<'t>(
        &self,
        node: Node<'t>,
        text: &str,
        prefix: &str,
    ) -> Option<(&'static str, Captures<'t>)> {
        self.0.get(node.kind())?.iter().find_map(|pattern| {
            let kind = pattern.root.captures.iter().find_map(|name| name.strip_prefix(prefix))?;
            let mut captures = Captures(Vec::new());
            let fits = pattern.root.fits(node, &mut captures);
            (fits && pattern.predicates.iter().all(|p| p.holds(&captures, text))).then_some((kind, captures))
        })
    }
}

impl Matcher {
    fn fits<'t>(&self, node: Node<'t>, captures: &mut Captures<'t>) -> bool {
        let before = captures.0.len();
        let fits = match &self.shape {
            Shape::Any => node.is_named(),
            Shape::Anonymous(text) => !node.is_named() && node.kind() == *text,
            Shape::OneOf(all) => all.iter().any(|matcher| matcher.fits(node, captures)),
            Shape::Kind(kind, children) => {
                let mut cursor = node.walk();
                node.kind() == *kind
                    && children.iter().all(|(field, matcher)| match field {
                        Some(field) => {
                            node.children_by_field_name(field, &mut cursor).any(|child| matcher.fits(child, captures))
                        }
                        None => node.children(&mut cursor).any(|child| matcher.fits(child, captures)),
                    })
            }
        };
        if fits {
            captures.0.extend(self.captures.iter().map(|name| (*name, node)));
        } else {
            captures.0.truncate(before);
        }
        fits
    }
}

impl Predicate {
    fn holds(&self, captures: &Captures<'_>, text: &str) -> bool {
        let said = captures.get(self.capture).and_then(|node| text.get(node.byte_range())).unwrap_or_default();
        match self.name {
            "any-of" => self.arguments.contains(&said),
            "not-any-of" => !self.arguments.contains(&said),
            // `upper-case`: as constants are written.
            _ => said.chars().any(char::is_uppercase) && !said.chars().any(char::is_lowercase),
        }
    }
}

struct Reader {
    rest: &'static str,
}

impl Reader {
    /// The next sign, after whitespace and comments.
    fn peek(&mut self) -> Option<char> {
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.strip_prefix(';') {
                Some(comment) => self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest),
                None => return self.rest.chars().next(),
            }
        }
    }

    fn takes(&mut self, sign: char) -> bool {
        let there = self.peek() == Some(sign);
        if there {
            self.rest = &self.rest[sign.len_utf8()..];
        }
        there
    }

    fn word(&mut self) -> Option<&'static str> {
        self.peek()?;
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-')))?;
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn quoted(&mut self) -> Option<&'static str> {
        self.takes('"').then_some(())?;
        let (text, rest) = self.rest.split_once('"')?;
        self.rest = rest;
        Some(text)
    }

    /// A node, or a node and predicates about its captures in parentheses.
    fn pattern(&mut self) -> Option<Pattern> {
        let group = self.rest.starts_with("((");
        if group {
            self.takes('(');
        }
        let root = self.matcher()?;
        let mut predicates = Vec::new();
        while group && !self.takes(')') {
            (self.takes('(') && self.takes('#')).then_some(())?;
            let name = self.word().filter(|name| ["any-of", "not-any-of", "upper-case"].contains(name))?;
            (self.takes('?') && self.takes('@')).then_some(())?;
            let capture = self.word()?;
            let mut arguments = Vec::new();
            while !self.takes(')') {
                arguments.push(self.quoted()?);
            }
            predicates.push(Predicate { name, capture, arguments });
        }
        Some(Pattern { root, predicates })
    }

    fn matcher(&mut self) -> Option<Matcher> {
        let shape = match self.peek()? {
            '"' => Shape::Anonymous(self.quoted()?),
            '[' => {
                self.takes('[');
                let mut all = Vec::new();
                while !self.takes(']') {
                    all.push(self.matcher()?);
                }
                Shape::OneOf(all)
            }
            _ => {
                self.takes('(').then_some(())?;
                let kind = self.word()?;
                let mut children = Vec::new();
                while !self.takes(')') {
                    let field = if matches!(self.peek()?, '(' | '[' | '"') {
                        None
                    } else {
                        let field = self.word()?;
                        self.takes(':').then_some(())?;
                        Some(field)
                    };
                    children.push((field, self.matcher()?));
                }
                if kind == "_" && children.is_empty() { Shape::Any } else { Shape::Kind(kind, children) }
            }
        };
        let mut captures = Vec::new();
        while self.takes('@') {
            captures.push(self.word()?);
        }
        Some(Matcher { shape, captures })
    }
}
