//! How a piece's indentation becomes that of the text.

use crate::lines::{indent_of, split_line, with_endings};

/// The change of the indentation that makes the piece's lines fit the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shift {
    /// Put this in front.
    Add(String),
    /// Take this away.
    Remove(String),
    /// Each indentation of the piece stands for one of the text, such as four blanks for a tab.
    Map(Vec<(String, String)>),
}

/// The change from the indentation `from` to `to`, if it adds or removes at the front.
pub(crate) fn shift_between(from: &str, to: &str) -> Option<Shift> {
    if let Some(more) = to.strip_suffix(from) {
        return Some(Shift::Add(more.to_owned()));
    }
    from.strip_suffix(to).map(|less| Shift::Remove(less.to_owned()))
}

/// The shift that makes the filled lines of `needle` be those of `window`, if every indentation of the needle always
/// stands for the same one and deeper ones for deeper ones.
pub(crate) fn shift_of(window: &[&str], needle: &[&str]) -> Option<Shift> {
    if !window.iter().zip(needle).all(|(a, b)| a.trim() == b.trim()) {
        return None;
    }
    let filled = || window.iter().zip(needle).filter(|(a, _)| !a.trim().is_empty());
    let (a, b) = filled().next()?;
    let even = shift_between(indent_of(b), indent_of(a));
    if let Some(shift) = even.filter(|s| filled().all(|(a, b)| s.apply(b).trim_end() == a.trim_end())) {
        return Some(shift);
    }
    let mut map: Vec<(String, String)> = Vec::new();
    for (a, b) in filled() {
        let (to, from) = (indent_of(a), indent_of(b));
        match map.iter().find(|(f, _)| f == from) {
            Some((_, known)) if known != to => return None,
            Some(_) => {}
            None => map.push((from.to_owned(), to.to_owned())),
        }
    }
    map.sort_by_key(|(from, _)| from.len());
    // No indentation stays none: the step from there is known even if all lines are as deep.
    if map.first().is_some_and(|(from, to)| !from.is_empty() && !to.is_empty()) {
        map.insert(0, (String::new(), String::new()));
    }
    let deeper = |a: &str, b: &str| a.len() < b.len() && b.starts_with(a);
    map.windows(2).all(|w| deeper(&w[0].0, &w[1].0) && deeper(&w[0].1, &w[1].1)).then_some(Shift::Map(map))
}

impl Shift {
    /// No shift at all.
    #[must_use]
    pub const fn none() -> Self {
        Self::Add(String::new())
    }

    /// One line, without its ending, with the shift made; blank lines stay.
    #[must_use]
    pub fn apply(&self, line: &str) -> String {
        match self {
            _ if line.trim().is_empty() => line.to_owned(),
            Self::Add(more) => format!("{more}{line}"),
            Self::Remove(less) => line.strip_prefix(less.as_str()).unwrap_or(line).to_owned(),
            Self::Map(map) => {
                let indent = indent_of(line);
                mapped(map, indent) + &line[indent.len()..]
            }
        }
    }

    /// Every line of `text`.
    #[must_use]
    pub fn apply_all(&self, text: &str) -> String {
        with_endings(text)
            .into_iter()
            .map(|line| {
                let (content, ending) = split_line(line);
                self.apply(content) + ending
            })
            .collect()
    }
}

/// The deepest known indentation that `indent` begins with, and the steps beyond it as the text makes them.
fn mapped(map: &[(String, String)], indent: &str) -> String {
    let Some((from, to)) = map.iter().rev().find(|(from, _)| indent.starts_with(from.as_str())) else {
        return indent.to_owned();
    };
    let rest = &indent[from.len()..];
    let step = map.windows(2).map(|w| (&w[1].0[w[0].0.len()..], &w[1].1[w[0].1.len()..])).min_by_key(|s| s.0.len());
    match step {
        Some((step, other))
            if rest.len().is_multiple_of(step.len()) && rest == step.repeat(rest.len() / step.len()) =>
        {
            to.clone() + &other.repeat(rest.len() / step.len())
        }
        _ => to.clone() + rest,
    }
}
