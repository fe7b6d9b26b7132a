//! What the code of a Python function tells of the types of its parameters and of its result. Silence where it tells nothing.

use crate::units::Unit;
use deepcoder_syntax::{Language, Node, tree};
use std::collections::{BTreeMap, BTreeSet};

/// How far a parameter is followed into the functions that it is handed to.
const DEPTH: usize = 3;

/// The methods of the built-in types, but for those that all objects have.
const METHODS: [(&str, &str); 8] = [
    (
        "int float bool",
        " as_integer_ratio bit_count bit_length conjugate denominator fromhex from_bytes hex imag is_integer numerator real \
         to_bytes ",
    ),
    (
        "str",
        " capitalize casefold center count encode endswith expandtabs find format format_map index isalnum isalpha isascii \
         isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip maketrans \
         partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith \
         strip swapcase title translate upper zfill ",
    ),
    (
        "bytes",
        " capitalize center count decode endswith expandtabs find fromhex hex index isalnum isalpha isascii isdigit islower \
         isspace istitle isupper join ljust lower lstrip maketrans partition removeprefix removesuffix replace rfind rindex \
         rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title translate upper zfill ",
    ),
    ("list", " append clear copy count extend index insert pop remove reverse sort "),
    ("dict", " clear copy fromkeys get items keys pop popitem setdefault update values "),
    (
        "set",
        " add clear copy difference difference_update discard intersection intersection_update isdisjoint issubset issuperset \
         pop remove symmetric_difference symmetric_difference_update union update ",
    ),
    ("tuple Sequence", " count index "),
    ("Mapping", " get items keys values "),
];

/// What happens to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// Attributes that are read from it.
    attributes: BTreeSet<String>,
    indexed: bool,
    iterated: bool,
    called: bool,
    /// The value that it has where none is given.
    default: Option<Kind>,
}

/// What an expression is, where its text alone says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bytes,
    Bool,
    Int,
    Float,
    None,
    List,
    Dict,
    Set,
    Tuple,
}

impl Kind {
    /// The types that an annotation may name for it; `maybe` where it may be `None` as well.
    pub(super) fn pattern(self, maybe: bool) -> Option<String> {
        let one = match self {
            Self::Text => "str",
            Self::Bytes => "bytes",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::None => return Some("None".to_owned()),
            // What is in them is not told.
            _ => return None,
        };
        Some(if maybe { format!("Optional\\[{one}\\]") } else { one.to_owned() })
    }

    /// The names of a type whose first word is not among these are wrong for it.
    pub(super) fn heads(self) -> &'static [&'static str] {
        match self {
            Self::List => &["list", "List", "Sequence", "Iterable", "Any"],
            Self::Dict => &["dict", "Dict", "Mapping", "Any"],
            Self::Set => &["set", "Set", "Iterable", "Any"],
            Self::Tuple => &["tuple", "Tuple", "Sequence", "Iterable", "Any"],
            _ => &[],
        }
    }
}

impl Uses {
    /// Whether a value of the type `name` can be used like this. `None` where the type is not one of the language's own.
    pub(super) fn allow(&self, name: &str) -> Option<bool> {
        let bare = name.to_ascii_lowercase();
        let bare = if matches!(name, "List" | "Dict" | "Set" | "Tuple") { bare.as_str() } else { name };
        let (indexed, iterated, called) = match bare {
            "int" | "float" | "bool" | "None" | "object" => (false, false, false),
            "str" | "bytes" | "list" | "dict" | "tuple" | "Sequence" | "Mapping" => (true, true, false),
            "set" | "Iterable" | "Iterator" => (false, true, false),
            "Callable" => (false, false, true),
            _ => return None,
        };
        let known =
            METHODS.iter().find(|(types, _)| types.split(' ').any(|one| one == bare)).map_or("", |(_, all)| all);
        let has = |attribute: &String| {
            (attribute.starts_with("__") && attribute.ends_with("__")) || known.contains(&format!(" {attribute} "))
        };
        let does = (!self.indexed || indexed) && (!self.iterated || iterated) && (!self.called || called);
        Some(does && self.attributes.iter().all(has))
    }

    /// Whether an object with these members can be used like this.
    pub(super) fn allow_members(&self, has: impl Fn(&str) -> bool) -> bool {
        self.attributes.iter().all(|attribute| has(attribute))
    }

    /// Whether nothing is known to be done with it.
    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty() && !(self.indexed || self.iterated || self.called)
    }

    /// What its default value is.
    pub(super) const fn given(&self) -> Option<Kind> {
        self.default
    }
}

/// What the code tells of one function.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The parameters whose uses are all known.
    pub parameters: BTreeMap<String, Uses>,
    /// What it returns, and whether that may be `None` as well.
    pub result: Option<(Kind, bool)>,
}

/// What the code of `unit` tells.
pub(super) fn read(text: &str, unit: &Unit) -> Read {
    let Some(parsed) = tree(Language::Python, text) else { return Read::default() };
    let file = File { text, root: parsed.root_node() };
    let Some(function) = file.function_at(unit.signature.start) else { return Read::default() };
    let mut read = Read { parameters: BTreeMap::new(), result: file.result(function) };
    for (name, default) in file.parameters(function) {
        if let Some(mut uses) = file.uses(function, &name, DEPTH) {
            uses.default = default.and_then(|default| file.kind(default));
            read.parameters.insert(name, uses);
        }
    }
    read
}

struct File<'t> {
    text: &'t str,
    root: Node<'t>,
}

impl<'t> File<'t> {
    fn said(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn function_at(&self, start: usize) -> Option<Node<'t>> {
        let mut node = self.root.descendant_for_byte_range(start, start)?;
        while node.kind() != "function_definition" {
            node = node.parent()?;
        }
        Some(node)
    }

    /// The one function of the file's top level with this name.
    fn function(&self, name: &str) -> Option<Node<'t>> {
        let mut cursor = self.root.walk();
        let mut found = self.root.named_children(&mut cursor).filter_map(|node| {
            let node =
                if node.kind() == "decorated_definition" { node.child_by_field_name("definition")? } else { node };
            let named = node.kind() == "function_definition";
            let is = named && node.child_by_field_name("name").is_some_and(|n| self.said(n) == name);
            is.then_some(node)
        });
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The parameters that are values of their own, with their defaults, in order.
    fn parameters(&self, function: Node<'t>) -> Vec<(String, Option<Node<'t>>)> {
        let Some(list) = function.child_by_field_name("parameters") else { return Vec::new() };
        let mut cursor = list.walk();
        list.named_children(&mut cursor)
            .filter_map(|node| match node.kind() {
                "identifier" => Some((self.said(node).to_owned(), None)),
                "typed_parameter" => {
                    let first = node.named_child(0).filter(|first| first.kind() == "identifier")?;
                    Some((self.said(first).to_owned(), None))
                }
                "default_parameter" | "typed_default_parameter" => {
                    let name = node.child_by_field_name("name")?;
                    Some((self.said(name).to_owned(), node.child_by_field_name("value")))
                }
                _ => None,
            })
            .collect()
    }

    /// Every node below `node`, in order.
    fn below(&self, node: Node<'t>) -> Vec<Node<'t>> {
        let mut cursor = node.walk();
        let mut found = Vec::new();
        loop {
            found.push(cursor.node());
            if cursor.goto_first_child() {
                continue;
            }
            loop {
                if cursor.node() == node {
                    return found;
                }
                if cursor.goto_next_sibling() {
                    break;
                }
                if !cursor.goto_parent() {
                    return found;
                }
            }
        }
    }

    /// What `function` does with its parameter; `None` where the name stands for something else as well, or its type is asked.
    fn uses(&self, function: Node<'t>, name: &str, depth: usize) -> Option<Uses> {
        let body = function.child_by_field_name("body")?;
        let mut uses = Uses::default();
        for node in self.below(body).into_iter().filter(|n| n.kind() == "identifier" && self.said(*n) == name) {
            let parent = node.parent()?;
            let is = |field: &str| parent.child_by_field_name(field) == Some(node);
            match parent.kind() {
                "attribute" if is("object") => {
                    uses.attributes.insert(self.said(parent.child_by_field_name("attribute")?).to_owned());
                }
                "attribute" => {}
                "subscript" if is("value") => uses.indexed = true,
                "call" if is("function") => uses.called = true,
                "for_statement" | "for_in_clause" if is("right") => uses.iterated = true,
                "keyword_argument" if is("name") => {}
                "argument_list" | "keyword_argument" => self.handed(parent, node, depth, &mut uses)?,
                "assignment" | "augmented_assignment" | "named_expression" if is("left") || is("name") => return None,
                "for_statement" | "for_in_clause" | "as_pattern_target" | "pattern_list" | "tuple_pattern"
                | "list_pattern" | "global_statement" | "nonlocal_statement" | "delete_statement" | "parameters"
                | "lambda_parameters" | "default_parameter" | "case_pattern" => return None,
                _ => {}
            }
        }
        Some(uses)
    }

    /// The parameter is an argument: what a function of the file does with it, it does.
    fn handed(&self, parent: Node<'t>, node: Node<'t>, depth: usize, uses: &mut Uses) -> Option<()> {
        let (list, keyword) = if parent.kind() == "keyword_argument" {
            (parent.parent()?, Some(self.said(parent.child_by_field_name("name")?)))
        } else {
            (parent, None)
        };
        let callee = list.parent().and_then(|call| call.child_by_field_name("function"));
        let Some(callee) = callee.filter(|callee| callee.kind() == "identifier") else { return Some(()) };
        let callee = self.said(callee);
        // A function that asks for the type takes several.
        if matches!(callee, "isinstance" | "issubclass" | "hasattr" | "getattr" | "callable" | "type") {
            return None;
        }
        let Some(function) = self.function(callee).filter(|_| depth > 0) else { return Some(()) };
        let parameters = self.parameters(function);
        let mut cursor = list.walk();
        let position = list.named_children(&mut cursor).position(|argument| argument == node);
        let name = match (keyword, position) {
            (Some(keyword), _) => keyword.to_owned(),
            (None, Some(at)) => match parameters.get(at) {
                Some((name, _)) => name.clone(),
                None => return Some(()),
            },
            (None, None) => return Some(()),
        };
        if let Some(more) = self.uses(function, &name, depth - 1) {
            uses.attributes.extend(more.attributes);
            uses.indexed |= more.indexed;
            uses.iterated |= more.iterated;
            uses.called |= more.called;
        }
        Some(())
    }

    /// What `function` returns, where every `return` says the same.
    fn result(&self, function: Node<'t>) -> Option<(Kind, bool)> {
        let body = function.child_by_field_name("body")?;
        let own = |node: &Node<'t>| {
            let mut at = node.parent();
            while let Some(around) = at.filter(|around| *around != function) {
                if matches!(around.kind(), "function_definition" | "lambda" | "class_definition") {
                    return false;
                }
                at = around.parent();
            }
            true
        };
        let all: Vec<Node<'t>> = self.below(body).into_iter().filter(own).collect();
        if all.iter().any(|node| node.kind() == "yield") {
            return None;
        }
        let returns: Vec<Node<'t>> = all.iter().copied().filter(|node| node.kind() == "return_statement").collect();
        let mut kinds: Vec<Kind> = Vec::new();
        for found in &returns {
            let kind = match found.named_child(0) {
                Some(value) => self.kind(value)?,
                None => Kind::None,
            };
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        // The end is reached unless the last statement leaves.
        let last = (0..body.named_child_count())
            .rev()
            .find_map(|at| body.named_child(at.try_into().ok()?).filter(|node| node.kind() != "comment"))?;
        if !matches!(last.kind(), "return_statement" | "raise_statement") {
            // `pass`, `...` or a docstring alone: others define it.
            let nothing = |node: Node<'_>| match node.kind() {
                "expression_statement" => {
                    node.named_child(0).is_some_and(|it| matches!(it.kind(), "string" | "ellipsis"))
                }
                kind => matches!(kind, "pass_statement" | "comment"),
            };
            let mut cursor = body.walk();
            let shell = body.named_children(&mut cursor).all(nothing);
            if returns.is_empty() && !shell {
                return Some((Kind::None, false));
            }
            return None;
        }
        match kinds.as_slice() {
            [kind] => Some((*kind, false)),
            [kind, Kind::None] | [Kind::None, kind] => Some((*kind, true)),
            _ => None,
        }
    }

    /// What an expression is, where its text says so.
    fn kind(&self, node: Node<'t>) -> Option<Kind> {
        Some(match node.kind() {
            "string" | "concatenated_string" => {
                let prefix = self.said(node).split(['"', '\'']).next().unwrap_or_default();
                if prefix.contains(['b', 'B']) { Kind::Bytes } else { Kind::Text }
            }
            "true" | "false" | "not_operator" => Kind::Bool,
            "comparison_operator" => Kind::Bool,
            "integer" => Kind::Int,
            "float" => Kind::Float,
            "none" => Kind::None,
            "list" | "list_comprehension" => Kind::List,
            "dictionary" | "dictionary_comprehension" => Kind::Dict,
            "set" | "set_comprehension" => Kind::Set,
            "tuple" | "expression_list" => Kind::Tuple,
            "parenthesized_expression" => return self.kind(node.named_child(0)?),
            "conditional_expression" => {
                let (yes, no) = (self.kind(node.named_child(0)?)?, self.kind(node.named_child(2)?)?);
                return (yes == no).then_some(yes);
            }
            "call" => {
                let function = node.child_by_field_name("function")?;
                if function.kind() == "attribute" {
                    let object = self.kind(function.child_by_field_name("object")?)?;
                    let method = self.said(function.child_by_field_name("attribute")?);
                    let same = ["join", "format", "strip", "lower", "upper", "replace", "rstrip", "lstrip", "title"];
                    return (object == Kind::Text && same.contains(&method)).then_some(Kind::Text);
                }
                match self.said(function) {
                    name if self.function(name).is_some() => return None,
                    "str" | "repr" | "format" | "chr" | "input" => Kind::Text,
                    "len" | "int" | "ord" | "hash" | "id" => Kind::Int,
                    "bool" | "isinstance" | "any" | "all" | "callable" | "hasattr" => Kind::Bool,
                    "float" => Kind::Float,
                    "list" | "sorted" => Kind::List,
                    "dict" => Kind::Dict,
                    "set" => Kind::Set,
                    "tuple" => Kind::Tuple,
                    _ => return None,
                }
            }
            "binary_operator" => {
                let left = self.kind(node.child_by_field_name("left")?)?;
                let operator = self.said(node.child_by_field_name("operator")?);
                let right = || node.child_by_field_name("right").and_then(|right| self.kind(right));
                match (left, operator) {
                    (Kind::Text, "%" | "+") => Kind::Text,
                    (Kind::Int, "+" | "-" | "*" | "//" | "%") if right() == Some(Kind::Int) => Kind::Int,
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::units;
    use deepcoder_types::RepoPath;

    fn of(text: &str, name: &str) -> Read {
        let all = units(&RepoPath::new("a.py").expect("a path"), text);
        read(text, all.iter().find(|unit| unit.name == name).expect("there"))
    }

    /// Protects code from hints that it contradicts: what is done with a parameter, here or in a function that it is handed to,
    /// must be possible with its type.
    #[test]
    fn the_uses_of_a_parameter_forbid_types() {
        let text = "def cents(amount):\n    return amount.quantize(CENT)\n\n\ndef shown(amount, lines, on, other):\n    \
                    for line in lines:\n        on(line)\n    return f\"{cents(amount)} {lines[0]} {other}\"\n";
        let read = of(text, "shown");
        let allowed = |name: &str| {
            let all = ["int", "float", "str", "Callable", "list", "dict", "set", "Iterable", "object", "Decimal"];
            all.into_iter().filter(|ty| read.parameters[name].allow(ty) != Some(false)).collect::<Vec<_>>()
        };
        assert_eq!(allowed("amount"), ["Decimal"]);
        assert_eq!(allowed("lines"), ["str", "list", "dict", "Decimal"]);
        assert_eq!(allowed("on"), ["Callable", "Decimal"]);
        assert_eq!(allowed("other").len(), 10);
    }

    /// Protects parameters of several types: one that is asked for its type, or stands for another value later, is not judged.
    #[test]
    fn what_changes_is_not_judged() {
        let text = "def f(a, b, c):\n    if isinstance(a, str):\n        a.strip()\n    b = b.strip()\n    \
                    for c in b:\n        c.x()\n";
        assert!(of(text, "f").parameters.is_empty());
    }

    /// Protects results: their type is what every `return` says, and nothing is said where one does not.
    #[test]
    fn returns_tell_the_result() {
        for (body, result) in [
            ("return f\"{a}\"", Some((Kind::Text, false))),
            ("return \", \".join(a)", Some((Kind::Text, false))),
            ("if a:\n        return None\n    return len(a)", Some((Kind::Int, true))),
            ("return a == 1", Some((Kind::Bool, false))),
            ("print(a)", Some((Kind::None, false))),
            ("a.b = 1", Some((Kind::None, false))),
            ("return [x for x in a]", Some((Kind::List, false))),
            ("return a, 1", Some((Kind::Tuple, false))),
            ("return a", None),
            ("return a.strip()", None),
            ("yield 1", None),
            ("if a:\n        return 1", None),
            ("if a:\n        return 1\n    return \"x\"", None),
            ("raise NotImplementedError", None),
            ("pass", None),
            ("\"\"\"Says.\"\"\"", None),
        ] {
            assert_eq!(of(&format!("def f(a):\n    {body}\n"), "f").result, result, "{body}");
        }
    }
}
