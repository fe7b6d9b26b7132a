//! A fix by its name, as an editor's menu has it.

use deepcoder_types::{RepoPath, TextRange};

/// A fix that is asked for by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The name with its parts in quotes taken out: `Change spelling to`.
    pub name: String,
    /// The parts in quotes, in order.
    pub arguments: Vec<String>,
    /// The file.
    pub path: RepoPath,
    /// The place; `None` stands for the first in the file that has the finding.
    pub place: Option<TextRange>,
    /// Whether all places of the file are meant.
    pub all: bool,
}

impl Wish {
    /// Takes a name apart: the title of an action, or a name of TypeScript's table of messages.
    #[must_use]
    pub fn new(title: &str, mut arguments: Vec<String>, path: RepoPath, place: Option<TextRange>) -> Self {
        let title = title.trim_start_matches("ignoreInterpolations(").trim_end_matches(')');
        let title = title.trim_start_matches("ts.Diagnostics.").trim_end_matches(".message");
        let (name, quoted, open) = quotes(title);
        arguments.extend(quoted.into_iter().chain(open));
        let name = name.replace('_', " ");
        let words = name.split_whitespace().filter(|word| word.parse::<u8>().is_err());
        let name = words.collect::<Vec<_>>().join(" ");
        Self { name: name.trim_end_matches([' ', '.', ':']).to_owned(), arguments, path, place, all: false }
    }

    /// For all places of the file.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.all = true;
        self
    }
}

/// A message without its quotations, these in their order, and the text behind a quote that nothing closes.
pub(crate) fn quotes(message: &str) -> (String, Vec<String>, Option<String>) {
    let mut rest = String::new();
    let mut found = Vec::new();
    let mut open: Option<(char, String)> = None;
    for c in message.chars() {
        match &mut open {
            Some((quote, text)) if c == *quote => {
                found.push(std::mem::take(text));
                open = None;
            }
            Some((_, text)) => text.push(c),
            None if matches!(c, '\'' | '`' | '"') => open = Some((c, String::new())),
            None => rest.push(c),
        }
    }
    (rest, found, open.map(|(_, text)| text))
}
