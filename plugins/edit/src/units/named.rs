//! Which units the words of an instruction mean.

use super::Unit;
use crate::guard::names;
use crate::narrow::sentence;

/// Words of an instruction that are looked up at most.
const MAX_WORDS: usize = 48;
/// Shorter words have no near misses.
const NEAR: usize = 5;

/// The units that the instruction names: by their name to the letter, or else by one that it nearly is and no other is.
/// Of nested ones only the inner ones.
pub(crate) fn named<'u>(instruction: &str, units: &'u [Unit]) -> Vec<&'u Unit> {
    // Where the grammar of the sentence has a name, this is one however plain the word is, and no other is.
    if let Some(name) = sentence(instruction).and_then(|found| found.name) {
        let exact: Vec<&Unit> = units.iter().filter(|unit| is_named(unit, &name)).collect();
        if !exact.is_empty() {
            return exact;
        }
    }
    let mut found: Vec<&Unit> = Vec::new();
    let of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let words = instruction.split(|c: char| !(of_name(c) || c == '.' || c == ':')).take(MAX_WORDS);
    for word in words.map(|word| word.trim_matches(['.', ':'])).filter(|word| !word.is_empty()) {
        let word = word.replace("::", ".");
        let last = word.rsplit('.').next().unwrap_or_default();
        let exact: Vec<&Unit> =
            units.iter().filter(|u| u.qualified == word || u.qualified.ends_with(&format!(".{word}"))).collect();
        let exact = if exact.is_empty() && word.contains('.') {
            units.iter().filter(|u| u.name == last).collect()
        } else {
            exact
        };
        // A qualified name is no other word.
        let qualified = word.contains('.');
        let spoken = exact
            .into_iter()
            .filter(|unit| qualified || names(instruction, &unit.name) || placed(instruction, &unit.name));
        let before = found.len();
        found.extend(spoken);
        if found.len() == before && marked(instruction, last) {
            found.extend(near(last, units));
        }
    }
    let mut out: Vec<&Unit> = Vec::new();
    for unit in &found {
        let inner = found.iter().any(|other| unit.holds(other));
        if !inner && !out.iter().any(|o| o.range == unit.range) {
            out.push(unit);
        }
    }
    out.sort_by_key(|unit| unit.range.start);
    out
}

/// Whether a unit has this name, or this is the last part of its qualified one.
pub(crate) fn is_named(unit: &Unit, name: &str) -> bool {
    unit.qualified == name || unit.qualified.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether a plain word stands where only a name can: `the function run`, `the run method`, `in total, …`.
fn placed(instruction: &str, name: &str) -> bool {
    let kinds = ["function", "method", "class", "struct", "trait", "enum", "interface"];
    let words: Vec<&str> = instruction.split_whitespace().collect();
    let bare = |word: &'_ str| word.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_')).to_owned();
    let kind = |at: usize| words.get(at).is_some_and(|word| kinds.contains(&bare(word).to_lowercase().as_str()));
    words.iter().enumerate().filter(|(_, word)| bare(word) == name).any(|(at, word)| {
        let after_kind = at > 0 && kind(at - 1) && !words[at - 1].ends_with([',', '.', ':', ';']);
        let definite = at > 0 && words[at - 1].eq_ignore_ascii_case("the");
        let lead = at == 1 && words[0].eq_ignore_ascii_case("in") && word.ends_with([',', ':']);
        after_kind || (definite && kind(at + 1)) || lead
    })
}

/// Whether a word is written as a name: in backticks, before a parenthesis, or unlike a plain word.
fn marked(instruction: &str, word: &str) -> bool {
    let inner = word.chars().skip(1).any(|c| c.is_uppercase() || c == '_' || c.is_ascii_digit());
    inner || instruction.contains(&format!("`{word}")) || instruction.contains(&format!("{word}("))
}

/// The unit with nearly this name, if there is one only.
fn near<'u>(word: &str, units: &'u [Unit]) -> Option<&'u Unit> {
    let wanted = plain(word);
    if wanted.len() < NEAR {
        return None;
    }
    let passes: [&dyn Fn(&str) -> bool; 3] = [
        &|name| name == wanted,
        &|name| name.strip_suffix('s') == Some(&wanted) || wanted.strip_suffix('s') == Some(name),
        &|name| one_typo(name, &wanted),
    ];
    for pass in passes {
        let mut fits = units.iter().filter(|unit| pass(&plain(&unit.name)));
        match (fits.next(), fits.next()) {
            (Some(unit), None) => return Some(unit),
            (Some(_), Some(_)) => return None,
            _ => {}
        }
    }
    None
}

/// A name without its case and its underscores: `readFile` and `read_file` are the same.
fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// Whether one is the other with one letter more, less, changed, or exchanged with the next.
fn one_typo(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if long.len() - short.len() > 1 || a == b {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    if short.len() < long.len() {
        return short[same..] == long[same + 1..];
    }
    let rest = (&short[same..], &long[same..]);
    let swapped = rest.0.len() > 1 && rest.0[0] == rest.1[1] && rest.0[1] == rest.1[0] && rest.0[2..] == rest.1[2..];
    rest.0[1..] == rest.1[1..] || swapped
}

#[cfg(test)]
mod tests {
    use super::super::units;
    use super::*;
    use deepcoder_types::RepoPath;

    fn found(instruction: &str) -> Vec<String> {
        let text = "class Stack:\n    def push_item(self, x):\n        pass\n\n    def pop(self):\n        pass\n\n\ndef \
                    readFile(p):\n    pass\n\n\ndef total(a):\n    pass\n";
        let units = units(&RepoPath::new("a.py").expect("a path"), text);
        named(instruction, &units).into_iter().map(|unit| unit.qualified.clone()).collect()
    }

    /// Protects the choice of what may change: names count to the letter, or where one other name is meant beyond doubt.
    #[test]
    fn names_are_found_exactly_or_nearly() {
        assert_eq!(found("let `pop` return None"), ["Stack.pop"]);
        assert_eq!(found("let Stack.pop return None"), ["Stack.pop"]);
        assert_eq!(found("fix push_item and readFile"), ["Stack.push_item", "readFile"]);
        assert_eq!(found("fix read_file"), ["readFile"]);
        assert_eq!(found("fix `push_itm`"), ["Stack.push_item"]);
        assert_eq!(found("fix `push_itme`"), ["Stack.push_item"]);
        assert_eq!(found("the class Stack should have a length"), ["Stack"]);
        // A word of the language is a name in backticks only.
        assert_eq!(found("compute the total of all"), [""; 0]);
        assert_eq!(found("make `total` faster"), ["total"]);
        assert_eq!(found("fix the bugs"), [""; 0]);
    }

    /// Protects members and plain words: a qualified name is one member, and grammar tells a name from a word.
    #[test]
    fn grammar_tells_a_name_from_a_word() {
        let text = "class Cart:\n    def add(self, x):\n        pass\n\n    def total(self):\n        pass\n\n\nclass \
                    Other:\n    def add(self, x):\n        pass\n\n\ndef run(a):\n    pass\n\n\ndef statement(a):\n    pass\n";
        let units = units(&RepoPath::new("a.py").expect("a path"), text);
        let found =
            |text: &str| named(text, &units).into_iter().map(|unit| unit.qualified.as_str()).collect::<Vec<_>>();
        for (instruction, expected) in [
            ("Write a docstring for Cart.add", vec!["Cart.add"]),
            ("let Cart.add return the item", vec!["Cart.add"]),
            ("add type hints to Cart::add", vec!["Cart.add"]),
            ("statement needs a docstring", vec!["statement"]),
            ("document total with a docstring", vec!["Cart.total"]),
            ("let the function run print its argument", vec!["run"]),
            ("the run function should print its argument", vec!["run"]),
            ("in total, count items twice", vec!["Cart.total"]),
            ("add a comment above run", vec!["run"]),
            ("add a docstring to Cart", vec!["Cart"]),
            ("compute the total of all", vec![]),
            ("print how many there are in total", vec![]),
            ("run it twice and add one", vec![]),
        ] {
            assert_eq!(found(instruction), expected, "{instruction}");
        }
    }
}
