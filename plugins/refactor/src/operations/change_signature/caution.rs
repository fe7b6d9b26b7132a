//! Why a changed signature may not do what it did, where no call shows it.

use super::SignatureError;
use super::calls::Site;
use super::plan::Plan;
use super::signature::{Definition, Kind, class_of, is_constructor, is_script};
use crate::grammar::source::{Source, range};
use deepcoder_syntax::Language;
use deepcoder_types::TextRange;

/// Methods that the runtime and libraries of JavaScript call by these names.
const CALLED_IN_SCRIPTS: &[&str] = &[
    "then",
    "toJSON",
    "toString",
    "toLocaleString",
    "valueOf",
    "handleEvent",
    "next",
    "return",
    "throw",
    "get",
    "set",
    "has",
    "apply",
    "construct",
    "deleteProperty",
    "defineProperty",
    "getOwnPropertyDescriptor",
    "getPrototypeOf",
    "setPrototypeOf",
    "isExtensible",
    "preventExtensions",
    "ownKeys",
    "connectedCallback",
    "disconnectedCallback",
    "adoptedCallback",
    "attributeChangedCallback",
    "render",
    "start",
    "pull",
    "write",
    "close",
    "abort",
    "cancel",
    "transform",
    "flush",
];
/// Methods that the library of Python calls by these names on an object that it is given.
const CALLED_IN_PYTHON: &[&str] = &[
    "write",
    "writelines",
    "read",
    "readline",
    "readlines",
    "readinto",
    "close",
    "flush",
    "seek",
    "tell",
    "fileno",
    "isatty",
    "emit",
    "handle",
    "filter",
    "format",
    "send",
    "throw",
    "run",
    "setUp",
    "tearDown",
    "default",
    "keys",
    "items",
    "get",
    "acquire",
    "release",
    "find_spec",
    "load_module",
    "exec_module",
    "create_module",
];

/// What may depend on the parameters of a definition although no call of it shows. `files`: every file that names it.
pub(super) fn of<'s>(
    source: &Source<'_>,
    definition: &Definition<'_>,
    plan: &Plan,
    mut files: impl Iterator<Item = &'s str>,
) -> Result<Vec<(TextRange, &'static str)>, SignatureError> {
    let node = definition.node;
    let name = node.child_by_field_name("name").map_or("", |name| source.text_of(range(name)));
    let at = node.child_by_field_name("name").map_or_else(|| range(node), range);
    let script = is_script(source.language);
    let python = source.language == Language::Python;
    let mut doubts = Vec::new();
    impossible(source, definition, plan)?;
    let by_class: &[&str] = if python {
        &["cls(", "type(self)(", "__class__(", "__new__", "metaclass"]
    } else {
        &["new this", ".constructor", "Reflect."]
    };
    if (script || python)
        && is_constructor(source, node)
        && files.any(|text| by_class.iter().any(|by| text.contains(by)))
    {
        doubts.push((at, "the class may be called by another name, as in `cls(…)` and `new this(…)`"));
    }
    if script && is_constructor(source, node) && definition.parameters.iter().any(|p| p.modified) {
        doubts.push((at, "the order of the fields is that of the parameters"));
    }
    let method = node.kind() == "method_definition" || class_of(node).is_some();
    let called = if script { CALLED_IN_SCRIPTS } else { CALLED_IN_PYTHON };
    if method && (script || python) && called.contains(&name) {
        doubts.push((at, "libraries call methods of this name"));
    }
    if !plan.new.is_empty() && definition.parameters.iter().any(|p| p.kind == Kind::KeywordRest) {
        doubts.push((at, "`**` may have taken an argument of this name"));
    }
    for parameter in plan.inlined.iter().filter_map(|at| definition.parameters.get(*at)) {
        if let Some(default) = parameter.default.filter(|at| !is_constant(source.text_of(*at))) {
            doubts.push((default, "this default may mean something else where the function is called"));
        }
    }
    if source.language == Language::Rust {
        let result = node.child_by_field_name("return_type").map_or("", |node| source.text_of(range(node)));
        let elided = result.contains("&") || result.contains("'_");
        let new = plan.new.iter().filter_map(|new| new.of_type.as_deref());
        let removed = plan
            .removed(definition.parameters.len())
            .into_iter()
            .filter_map(|at| definition.parameters.get(at).and_then(|p| p.type_at).map(|at| source.text_of(at)));
        if elided && new.chain(removed).any(|of_type| of_type.contains(['&', '\''])) {
            doubts.push((at, "the lifetime of the result is that of a parameter"));
        }
    }
    Ok(doubts)
}

/// Changes after which the code means nothing.
fn impossible(source: &Source<'_>, definition: &Definition<'_>, plan: &Plan) -> Result<(), SignatureError> {
    let parameters = &definition.parameters;
    for removed in plan.removed(parameters.len()) {
        if parameters[removed].kind == Kind::Receiver {
            return Err(SignatureError::Used(parameters[removed].name.clone()));
        }
    }
    for text in plan.new.iter().flat_map(|new| [&new.default, &new.value]).flatten() {
        if !is_one(text) {
            return Err(SignatureError::NotOne(text.clone()));
        }
    }
    let body = definition.body.map_or("", |body| source.text_of(range(body)));
    let directive = body.trim_start_matches('{').trim_start();
    let plain = !plan.object && plan.new.iter().all(|new| new.default.is_none());
    if is_script(source.language) && !plain && (directive.starts_with("'use ") || directive.starts_with("\"use ")) {
        return Err(SignatureError::Strict);
    }
    if plan.object {
        let result = definition.node.child_by_field_name("return_type").map_or("", |node| source.text_of(range(node)));
        let named = result.contains(" is ") || result.contains("asserts ") || result.contains("typeof ");
        if named || source.text_of(definition.inner).contains("typeof ") {
            return Err(SignatureError::InTypes);
        }
    }
    Ok(())
}

/// The comments between the arguments of a call whose list is written anew: they may be about an argument that moves.
pub(super) fn comments(source: &Source<'_>, site: &Site<'_>) -> Option<TextRange> {
    let list = site.node.child_by_field_name("arguments").unwrap_or(site.node);
    let mut cursor = list.walk();
    let found = list.children(&mut cursor).find(|child| child.is_extra()).map(range);
    found.filter(|at| site.inner.start <= at.start && !source.text_of(*at).trim().is_empty())
}

/// Whether a text means the same everywhere and is made anew by each use: a number, a plain string, `None`.
fn is_constant(text: &str) -> bool {
    let text = text.trim();
    let word = ["None", "True", "False", "null", "undefined", "true", "false"].contains(&text);
    let digits = text.trim_start_matches(['-', '+']);
    let number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    let string = ['"', '\''].iter().any(|quote| {
        let inner = text.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote));
        inner.is_some_and(|inner| !inner.contains(*quote) && !inner.contains('\n'))
    });
    word || number || string
}

/// Whether a text is one expression, not several with commas between them.
fn is_one(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for c in text.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' | '`' => quote = Some(c),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return false,
                },
                ',' | ';' if depth == 0 => return false,
                _ => {}
            },
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects calls from a value that is several arguments, and values with commas of their own from being refused.
    #[test]
    fn a_value_is_one_expression() {
        for one in ["1", "f(1, 2)", "[1, 2]", "\"a, b\"", "{a: 1, b: 2}"] {
            assert!(is_one(one), "{one}");
        }
        for several in ["2, 3", "1; f()", "1)", "f(1"] {
            assert!(!is_one(several), "{several}");
        }
    }

    /// Protects calls from a default that means something else there, or is shared by all of them.
    #[test]
    fn constants_mean_the_same_everywhere() {
        for constant in ["1", "-2.5", "0x1F", "'a'", "\"b\"", "None", "true"] {
            assert!(is_constant(constant), "{constant}");
        }
        for other in ["X", "[]", "a + 1", "f()", "'a' + b + 'c'", "{}"] {
            assert!(!is_constant(other), "{other}");
        }
    }
}
